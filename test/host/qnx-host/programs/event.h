/* What the notification server and its client agree on. */
#ifndef EVENT_H
#define EVENT_H

#include <signal.h>
#include <stdint.h>
#include <sys/iomsg.h>

#define SERVER_NAME "programs/event"

#define MSG_NOTIFY (_IO_MAX + 1) /* do the work, then deliver this event */
#define MSG_RESULT (_IO_MAX + 2) /* what came of it */

struct notify_msg {
    uint16_t type;
    uint16_t reserved;
    int32_t work;
    struct sigevent event;
};

struct result_msg {
    uint16_t type;
    uint16_t reserved;
};

#endif

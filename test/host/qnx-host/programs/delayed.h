/* What the queue server and its clients agree on. */
#ifndef DELAYED_H
#define DELAYED_H

#include <stdint.h>
#include <sys/iomsg.h>

#define SERVER_NAME "programs/delayed"

#define MSG_GET (_IO_MAX + 1) /* waits until there is an item */
#define MSG_PUT (_IO_MAX + 2)

struct queue_msg {
    uint16_t type;
    uint16_t reserved;
    int32_t item;
};

#endif

/* What the unblock pair agrees on. */
#ifndef UNBLOCK_H
#define UNBLOCK_H

#include <stdint.h>
#include <sys/iomsg.h>

#define SERVER_NAME "programs/unblock"

#define MSG_PARK (_IO_MAX + 1)    /* never answered by itself */
#define MSG_PARTIAL (_IO_MAX + 2) /* the same, and half a result when the client wants out */

struct park_msg {
    uint16_t type;
    uint16_t reserved;
};

#endif

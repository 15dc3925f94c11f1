/* What the name server and its client agree on. */
#ifndef NAME_H
#define NAME_H

#include <stdint.h>
#include <sys/iomsg.h>

#define SERVER_NAME "programs/name"

#define MSG_HELLO (_IO_MAX + 1)
#define MSG_LATER (_IO_MAX + 2)

struct hello_msg {
    uint16_t type;
    uint16_t length;
    char text[60];
};

struct hello_reply {
    int32_t pid;
    int32_t euid;
    char text[60];
};

#endif

/* Messages between user_server.c and user_client.c. */
#ifndef USER_H
#define USER_H

#include <stdint.h>

#define USER_NAME "user"
#define USER_ASK 600
#define USER_PULSE 3
#define USER_BULK 300000 /* bytes each way: more than fits in a small message */

struct user_message {
    uint16_t type;
    uint16_t subtype;
    int32_t uid; /* what the client says it is */
};

struct user_reply {
    int32_t euid; /* what the kernel says it is */
    int32_t pulses; /* pulses that have come from it */
};

#endif

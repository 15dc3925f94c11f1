/* What the counting server and its clients agree on. */
#ifndef CLIENT_DATA_H
#define CLIENT_DATA_H

#include <stdint.h>
#include <sys/iomsg.h>

#define SERVER_NAME "programs/client_data"

#define MSG_COUNT (_IO_MAX + 1)   /* counts up this client's number */
#define MSG_CLIENTS (_IO_MAX + 2) /* how many clients have data */
#define MSG_QUIT (_IO_MAX + 3)

struct count_msg {
    uint16_t type;
    uint16_t reserved;
};

#endif

/* What the shared-memory pair agrees on. */
#ifndef SHM_H
#define SHM_H

#include <stdint.h>
#include <sys/iomsg.h>
#include <sys/mman.h>

#define SERVER_NAME "programs/shm"

#define MSG_SETUP (_IO_MAX + 1)
#define MSG_FRAME (_IO_MAX + 2)

#define PIXELS 4096

/* What lies in the shared memory. */
struct image {
    volatile unsigned frames;
    uint32_t pixels[PIXELS];
};

struct request {
    uint16_t type;
    uint16_t reserved;
    uint32_t number;
};

struct setup_reply {
    shm_handle_t handle;
};

#endif

/* QNX's 8-byte semaphores, which events can post. Named ones (sem_open) are absent. */
#ifndef QNX_HOST_SEMAPHORE_H
#define QNX_HOST_SEMAPHORE_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* As in qnx-sys's sys/types.h, in whose place Linux's stands. */
typedef struct _sync {
    uint32_t __u;
    uint32_t __owner;
} sync_t;

#include "../../../../ffi/qnx-sys/include/libc/semaphore.h"

#endif

/* In the place of libc's part of sched.h: 48 bytes [L]. The first member is all that libc reads and writes. */
#ifndef _BITS_TYPES_STRUCT_SCHED_PARAM
#define _BITS_TYPES_STRUCT_SCHED_PARAM 1

#include <stdint.h>

struct sched_param {
    int sched_priority;
    int sched_curpriority;
    uint64_t reserved[5];
};

#endif

/* In the place of libc's part of signal.h: struct sigevent is QNX's. */
#ifndef __sigevent_t_defined
#define __sigevent_t_defined 1

#include <sys/siginfo.h>

typedef struct sigevent sigevent_t;

#endif

/* In the place of libc's part of signal.h: union sigval is QNX's, of the same size. */
#ifndef ____sigval_t_defined
#define ____sigval_t_defined

#include <sys/siginfo.h>

typedef union sigval __sigval_t;

#endif

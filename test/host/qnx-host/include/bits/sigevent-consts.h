/* In the place of libc's part of signal.h: the kinds of events are QNX's. */
#ifndef _BITS_SIGEVENT_CONSTS_H
#define _BITS_SIGEVENT_CONSTS_H 1

#include <sys/siginfo.h>

#endif

/* Clocks and sleeping are Linux's, numbers too. Timers are absent: using one fails at link time, not at run time. */
#ifndef QNX_HOST_TIME_H
/* libc's headers ask for parts of this one with __need_ macros: no guard then. */
#pragma GCC system_header /* include_next is an extension */
#include_next <time.h>
#if !defined(QNX_HOST_TIME_H) && defined(_TIME_H) && defined(__USE_POSIX199309)
#define QNX_HOST_TIME_H
#include <qnx/on_linux.h>
QNX_HOST_REDIRECT(timer_create, "qnx_timer_create");
#endif
#endif

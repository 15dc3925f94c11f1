/*
 * Events. Signals keep Linux's numbers in a program, since Linux's functions serve them; an event carries QNX's. The
 * initializers translate. Only who fills in sigev_signo by hand must do so: qnx_host_signal_number(SIGUSR1).
 */
#ifndef QNX_HOST_SYS_SIGINFO_H
#define QNX_HOST_SYS_SIGINFO_H

#include <qnx/on_linux.h>

#include "../../../../../ffi/qnx-sys/include/sys/siginfo.h"

/* QNX's number for a signal number of Linux (x86-64 and AArch64). 0, which no event accepts, for one that QNX lacks. */
QNX_HOST_WEAK int qnx_host_signal_number(int number) {
    static const unsigned char numbers[] = {0, 1, 2, 3, 4,  5,  6,  10, 8,  9,  16, 11, 17, 13, 14, 15,
                                            0, 18, 25, 23, 24, 26, 27, 21, 0, 0, 28, 29, 20, 22, 19, 12};
    /* libc keeps 32 and 33; QNX has 16 of these from 41 on. */
    if (number >= 34 && number < 34 + 16) {
        return number - 34 + 41;
    }
    return number > 0 && number < (int)sizeof numbers ? numbers[number] : 0;
}

#undef SIGEV_SIGNAL_INIT
#define SIGEV_SIGNAL_INIT(e, signo)                                                                                    \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = qnx_host_signal_number(signo), (void)((e)->sigev_notify = SIGEV_SIGNAL))
#undef SIGEV_SIGNAL_VALUE_INIT
#define SIGEV_SIGNAL_VALUE_INIT(e, signo, value)                                                                       \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = qnx_host_signal_number(signo),                                             \
     (e)->sigev_value.sival_ptr = (void *)(value), (void)((e)->sigev_notify = SIGEV_SIGNAL))
#undef SIGEV_SIGNAL_CODE_INIT
#define SIGEV_SIGNAL_CODE_INIT(e, signo, value, code)                                                                  \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = qnx_host_signal_number(signo),                                             \
     (e)->sigev_value.sival_ptr = (void *)(value), (e)->sigev_code = (short)(code),                                    \
     (void)((e)->sigev_notify = SIGEV_SIGNAL_CODE))
#undef SIGEV_SIGNAL_THREAD_INIT
#define SIGEV_SIGNAL_THREAD_INIT(e, signo, value, code)                                                                \
    (QNX_SIGEV_CLEAR(e), (e)->sigev_signo = qnx_host_signal_number(signo),                                             \
     (e)->sigev_value.sival_ptr = (void *)(value), (e)->sigev_code = (short)(code),                                    \
     (void)((e)->sigev_notify = SIGEV_SIGNAL_THREAD))

#endif

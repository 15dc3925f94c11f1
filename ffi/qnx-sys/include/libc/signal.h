/* Numbers of signals. [L] Events are in sys/siginfo.h. */
#ifndef QNX_SIGNAL_H
#define QNX_SIGNAL_H

#include <sys/siginfo.h>

#define SIGBUS 10 /* 7 on Linux */
#define SIGSEGV 11
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGUSR1 16 /* 10 on Linux */
#define SIGUSR2 17
#define SIGCHLD 18
#define SIGURG 21
#define SIGIO 22
#define SIGPOLL SIGIO
#define SIGSTOP 23
#define SIGCONT 25

#endif

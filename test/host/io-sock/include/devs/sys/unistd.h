/* Flags of rfork(2) that kthread_add takes. */
#ifndef _SYS_UNISTD_H_
#define _SYS_UNISTD_H_

#define RFNOWAIT (1 << 6)
/* Not started until it is scheduled. */
#define RFSTOPPED (1 << 17)
#define RFHIGHPID (1 << 18)

#endif

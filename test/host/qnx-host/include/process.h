/* Threads by their small ids. */
#ifndef QNX_HOST_PROCESS_H
#define QNX_HOST_PROCESS_H

#include <qnx/on_linux.h>
#include <sys/types.h>
#include <unistd.h>

/* QNX's id: 1 for the main thread, the one in struct _msg_info. */
#ifndef __USE_GNU /* else <unistd.h> has it */
QNX_BEGIN_DECLS
pid_t gettid(void) __asm__("qnx_gettid");
QNX_END_DECLS
#endif

#endif

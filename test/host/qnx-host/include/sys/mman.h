/* Memory, with QNX's numbers: QNX's header in the place of Linux's, and what it lacks of the portable calls. */
#ifndef QNX_HOST_SYS_MMAN_H
#define QNX_HOST_SYS_MMAN_H

#include <sys/types.h>

#include "../../../../../ffi/qnx-sys/include/libc/sys/mman.h"

QNX_BEGIN_DECLS
int mlock(const void *addr, size_t len);
int munlock(const void *addr, size_t len);
int mlockall(int flags); /* MCL_CURRENT and MCL_FUTURE have the same numbers on both */
int munlockall(void);
QNX_END_DECLS

#endif

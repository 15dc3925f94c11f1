/* Scatter and gather parts. */
#ifndef QNX_SYS_UIO_H
#define QNX_SYS_UIO_H

#include <sys/types.h>

/* One part of a message. Parts form one contiguous stream of bytes. [L] */
struct iovec {
    void *iov_base;
    size_t iov_len;
};

#define UIO_MAXIOV 1024 /* [L] */

#endif

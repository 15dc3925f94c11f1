#ifndef _SYS__IOVEC_H_
#define _SYS__IOVEC_H_

#include <sys/types.h>

struct iovec {
	void *iov_base;
	size_t iov_len;
};

#endif

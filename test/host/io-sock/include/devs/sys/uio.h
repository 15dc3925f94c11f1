/* uio(9): where bytes come from or go to. */
#ifndef _SYS_UIO_H_
#define _SYS_UIO_H_

#include <sys/_iovec.h>
#include <sys/_uio.h>
#include <sys/types.h>

struct thread;

struct uio {
	struct iovec *uio_iov;
	int uio_iovcnt;
	off_t uio_offset;
	/* Bytes still to move. */
	ssize_t uio_resid;
	enum uio_seg uio_segflg;
	enum uio_rw uio_rw;
	struct thread *uio_td;
};

#define UIO_MAXIOV 1024

/* Moves n bytes between cp and the uio, in the uio's direction. */
int uiomove(void *cp, int n, struct uio *uio);

#endif

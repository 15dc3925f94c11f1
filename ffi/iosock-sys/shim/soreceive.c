/* sys/uio.h: soreceive in mbuf mode. The uio says only how many bytes, but it must be there: the kernel reads it first. */
#include "base.h"

#include <sys/lock.h>
#include <sys/mbuf.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/uio.h>

int
iosock_shim_soreceive(struct socket *so, size_t max, struct mbuf **top, size_t *taken, int *flags)
{
	struct uio uio;
	int error;

	memset(&uio, 0, sizeof(uio));
	uio.uio_resid = (ssize_t)max;
	uio.uio_segflg = UIO_SYSSPACE;
	uio.uio_rw = UIO_READ;
	uio.uio_td = curthread;
	*top = NULL;
	error = soreceive(so, NULL, &uio, top, NULL, flags);
	*taken = max - (size_t)uio.uio_resid;
	return (error);
}

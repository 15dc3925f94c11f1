/*
 * The message path's side of the stack: each request as one call, written as a module would write it.
 *
 * Bytes go through a uio over io-sock's own buffer, so that they are copied between it and the mbufs as libsocket's requests are.
 * Every function answers 0 or an error number of QNX's, may sleep, and runs in a thread that the stack knows.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockopt.h>
#include <sys/uio.h>
#include <net/vnet.h>
#include <netinet/in.h>

/* Address calls of the protocol: reached through a second table until 14. */
#if __FreeBSD_version >= 1400000
#define PROTOCOL_CALL(so, name) ((so)->so_proto->pr_##name)
#else
#define PROTOCOL_CALL(so, name) ((so)->so_proto->pr_usrreqs->pru_##name)
#endif

/* Rust's SockAddr: the same 32 bytes as on the wire. */
struct addr {
	uint16_t family;
	uint16_t port; /* host order */
	uint32_t scope;
	uint32_t flow;
	uint32_t reserved;
	uint8_t bytes[16];
};
_Static_assert(sizeof(struct addr) == 32, "Rust relies on 32 bytes");

union any_sockaddr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

int msgpath_socket(int domain, int type, int protocol, struct socket **out);
int msgpath_close(struct socket *so);
int msgpath_bind(struct socket *so, const struct addr *addr);
int msgpath_listen(struct socket *so, int backlog);
int msgpath_accept(struct socket *so, int flags, struct socket **out, struct addr *peer);
int msgpath_connect(struct socket *so, const struct addr *addr);
int msgpath_connected(struct socket *so, int flags);
int msgpath_send(struct socket *so, const void *bytes, size_t len, int flags, size_t *sent);
int msgpath_receive(struct socket *so, void *bytes, size_t len, int flags, size_t *received);
int msgpath_shutdown(struct socket *so, int how);
int msgpath_name(struct socket *so, int peer, struct addr *addr);
int msgpath_option(struct socket *so, int set, int level, int name, void *value, size_t *len);

static int
to_kernel(const struct addr *from, union any_sockaddr *to)
{
	memset(to, 0, sizeof(*to));
	switch (from->family) {
	case AF_INET:
		to->in.sin_len = sizeof(to->in);
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons(from->port);
		memcpy(&to->in.sin_addr, from->bytes, sizeof(to->in.sin_addr));
		return (0);
	case AF_INET6:
		to->in6.sin6_len = sizeof(to->in6);
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = htons(from->port);
		to->in6.sin6_flowinfo = from->flow;
		memcpy(&to->in6.sin6_addr, from->bytes, sizeof(to->in6.sin6_addr));
		to->in6.sin6_scope_id = from->scope;
		return (0);
	default:
		return (EAFNOSUPPORT);
	}
}

static void
from_kernel(const struct sockaddr *from, struct addr *to)
{
	const union any_sockaddr *sa = (const void *)from;

	memset(to, 0, sizeof(*to));
	if (from == NULL)
		return;
	if (from->sa_family == AF_INET && from->sa_len >= sizeof(sa->in)) {
		to->family = AF_INET;
		to->port = ntohs(sa->in.sin_port);
		memcpy(to->bytes, &sa->in.sin_addr, sizeof(sa->in.sin_addr));
	} else if (from->sa_family == AF_INET6 && from->sa_len >= sizeof(sa->in6)) {
		to->family = AF_INET6;
		to->port = ntohs(sa->in6.sin6_port);
		to->flow = sa->in6.sin6_flowinfo;
		memcpy(to->bytes, &sa->in6.sin6_addr, sizeof(sa->in6.sin6_addr));
		to->scope = sa->in6.sin6_scope_id;
	}
}

int
msgpath_socket(int domain, int type, int protocol, struct socket **out)
{
	return (socreate(domain, out, type, protocol, curthread->td_ucred, curthread));
}

int
msgpath_close(struct socket *so)
{
	return (soclose(so));
}

int
msgpath_bind(struct socket *so, const struct addr *addr)
{
	union any_sockaddr sa; /* sobind changes it */
	int error = to_kernel(addr, &sa);

	return (error != 0 ? error : sobind(so, &sa.any, curthread));
}

int
msgpath_listen(struct socket *so, int backlog)
{
	return (solisten(so, backlog, curthread));
}

int
msgpath_accept(struct socket *head, int flags, struct socket **out, struct addr *peer)
{
	struct socket *so = NULL;
	struct sockaddr *sa = NULL;
	int error;

	memset(peer, 0, sizeof(*peer));
	SOCK_LOCK(head);
	if (!SOLISTENING(head)) {
		SOCK_UNLOCK(head);
		return (EINVAL);
	}
	if ((flags & MSG_DONTWAIT) != 0 && TAILQ_EMPTY(&head->sol_comp) && head->so_error == 0) {
		SOCK_UNLOCK(head);
		return (EWOULDBLOCK);
	}
	error = solisten_dequeue(head, &so, 0); /* unlocks */
	if (error != 0)
		return (error);
	error = soaccept(so, &sa);
	from_kernel(sa, peer);
	free(sa, M_SONAME); /* may be there even on error */
	if (error != 0) {
		(void)soclose(so);
		return (error);
	}
	*out = so;
	return (0);
}

/* Begins to connect. */
int
msgpath_connect(struct socket *so, const struct addr *addr)
{
	union any_sockaddr sa;
	int error = to_kernel(addr, &sa);

	if (error != 0)
		return (error);
	SOCK_LOCK(so);
	error = (so->so_state & SS_ISCONNECTING) != 0 ? EALREADY : 0;
	SOCK_UNLOCK(so);
	if (error == 0)
		error = soconnect(so, &sa.any, curthread);
	if (error != 0 && error != EALREADY) {
		/* As connect(2): a refused start leaves the bit behind. */
		SOCK_LOCK(so);
		so->so_state &= ~SS_ISCONNECTING;
		SOCK_UNLOCK(so);
	}
	return (error);
}

/* Waits until a begun connection stands or failed. Interrupted, it goes on without us, as after a signal in connect(2). */
int
msgpath_connected(struct socket *so, int flags)
{
	int error = 0;

	SOCK_LOCK(so);
	while (error == 0 && (so->so_state & SS_ISCONNECTING) != 0 && so->so_error == 0) {
		if ((flags & MSG_DONTWAIT) != 0)
			error = EINPROGRESS;
		else
			error = msleep(&so->so_timeo, SOCK_MTX(so), PSOCK | PCATCH, "connec", 0);
	}
	if (error == 0) {
		error = so->so_error;
		so->so_error = 0;
		if (error != 0)
			so->so_state &= ~SS_ISCONNECTING;
	}
	SOCK_UNLOCK(so);
	return (error);
}

/* A uio over one buffer of io-sock's. */
static void
uio_over(struct uio *uio, struct iovec *iov, void *bytes, size_t len, enum uio_rw rw)
{
	iov->iov_base = bytes;
	iov->iov_len = len;
	memset(uio, 0, sizeof(*uio));
	uio->uio_iov = iov;
	uio->uio_iovcnt = 1;
	uio->uio_resid = (ssize_t)len;
	uio->uio_segflg = UIO_SYSSPACE;
	uio->uio_rw = rw;
	uio->uio_td = curthread;
}

int
msgpath_send(struct socket *so, const void *bytes, size_t len, int flags, size_t *sent)
{
	struct iovec iov;
	struct uio uio;
	int error;

	uio_over(&uio, &iov, __DECONST(void *, bytes), len, UIO_WRITE);
	error = sosend(so, NULL, &uio, NULL, NULL, flags, curthread);
	*sent = len - (size_t)uio.uio_resid;
	return (error);
}

int
msgpath_receive(struct socket *so, void *bytes, size_t len, int flags, size_t *received)
{
	struct iovec iov;
	struct uio uio;
	int error;

	uio_over(&uio, &iov, bytes, len, UIO_READ);
	error = soreceive(so, NULL, &uio, NULL, NULL, &flags);
	*received = len - (size_t)uio.uio_resid;
	return (error);
}

int
msgpath_shutdown(struct socket *so, int how)
{
	return (soshutdown(so, how));
}

int
msgpath_name(struct socket *so, int peer, struct addr *addr)
{
	struct sockaddr *sa = NULL;
	int error;

	if (peer && (so->so_state & (SS_ISCONNECTED | SS_ISCONFIRMING)) == 0)
		return (ENOTCONN);
	CURVNET_SET(so->so_vnet);
	if (peer)
		error = PROTOCOL_CALL(so, peeraddr)(so, &sa);
	else
		error = PROTOCOL_CALL(so, sockaddr)(so, &sa);
	CURVNET_RESTORE();
	from_kernel(sa, addr);
	free(sa, M_SONAME);
	return (error);
}

int
msgpath_option(struct socket *so, int set, int level, int name, void *value, size_t *len)
{
	struct sockopt sopt;
	int error;

	memset(&sopt, 0, sizeof(sopt));
	sopt.sopt_dir = set ? SOPT_SET : SOPT_GET;
	sopt.sopt_level = level;
	sopt.sopt_name = name;
	sopt.sopt_val = value;
	sopt.sopt_valsize = *len;
	error = set ? sosetopt(so, &sopt) : sogetopt(so, &sopt);
	*len = sopt.sopt_valsize;
	return (error);
}

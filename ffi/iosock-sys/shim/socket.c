/* sys/socketvar.h: the life of a socket. Thread and credential are always the caller's own. */
#include "base.h"

#include <sys/errno.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/ucred.h>

#include <net/vnet.h>

#include "addr.h"

/* Address calls of the protocol: reached through a second table until 14. */
#if __FreeBSD_version >= 1400000
#define PROTOCOL_CALL(so, name) ((so)->so_proto->pr_##name)
#else
#define PROTOCOL_CALL(so, name) ((so)->so_proto->pr_usrreqs->pru_##name)
#endif

int
iosock_shim_socreate(int domain, struct socket **so, int type, int protocol)
{
	return (socreate(domain, so, type, protocol, curthread->td_ucred, curthread));
}

int
iosock_shim_sobind(struct socket *so, const struct iosock_addr *addr)
{
	union iosock_sockaddr sa;
	int error = iosock_addr_to_kernel(addr, &sa);

	return (error != 0 ? error : sobind(so, &sa.any, curthread));
}

int
iosock_shim_solisten(struct socket *so, int backlog)
{
	return (solisten(so, backlog, curthread));
}

int
iosock_shim_soconnect(struct socket *so, const struct iosock_addr *addr)
{
	union iosock_sockaddr sa;
	int error = iosock_addr_to_kernel(addr, &sa);

	if (error == 0 && (iosock_shim_socket_state(so) & IOSOCK_STATE_CONNECTING) != 0)
		return (EALREADY); /* connect(2)'s answer; soconnect would say EISCONN */
	if (error == 0)
		error = soconnect(so, &sa.any, curthread);
	if (error != 0) {
		/* A start that is refused leaves the bit set; connect(2) clears it, too. */
		SOCK_LOCK(so);
		so->so_state &= ~SS_ISCONNECTING;
		SOCK_UNLOCK(so);
	}
	return (error);
}

int
iosock_shim_soaccept(struct socket *head, struct socket **out, struct iosock_addr *peer)
{
	struct socket *so = NULL;
	struct sockaddr *sa = NULL;
	int error;

	SOLISTEN_LOCK(head);
	error = solisten_dequeue(head, &so, ACCEPT4_INHERIT); /* leaves the listener unlocked */
	if (error != 0)
		return (error);
	error = soaccept(so, &sa);
	iosock_addr_from_kernel(sa, peer);
	free(sa, M_SONAME); /* soaccept may have set it although it failed */
	if (error != 0) {
		(void)soclose(so);
		return (error);
	}
	*out = so;
	return (0);
}

int
iosock_shim_sosend(struct socket *so, struct mbuf *top, int flags)
{
	return (sosend(so, NULL, NULL, top, NULL, flags, curthread));
}

int
iosock_shim_soshutdown(struct socket *so, int how)
{
	return (soshutdown(so, how));
}

int
iosock_shim_soclose(struct socket *so)
{
	return (soclose(so));
}

int
iosock_shim_socket_local(struct socket *so, struct iosock_addr *addr)
{
	struct sockaddr *sa = NULL;
	int error;

	CURVNET_SET(so->so_vnet);
	error = PROTOCOL_CALL(so, sockaddr)(so, &sa);
	CURVNET_RESTORE();
	iosock_addr_from_kernel(sa, addr);
	free(sa, M_SONAME);
	return (error);
}

int
iosock_shim_socket_peer(struct socket *so, struct iosock_addr *addr)
{
	struct sockaddr *sa = NULL;
	int connected, error;

	SOCK_LOCK(so);
	connected = (so->so_state & (SS_ISCONNECTED | SS_ISCONFIRMING)) != 0;
	SOCK_UNLOCK(so);
	if (!connected)
		return (ENOTCONN);
	CURVNET_SET(so->so_vnet);
	error = PROTOCOL_CALL(so, peeraddr)(so, &sa);
	CURVNET_RESTORE();
	iosock_addr_from_kernel(sa, addr);
	free(sa, M_SONAME);
	/* TCP answers for a socket without a peer too, with zeroes, and the peer may have gone since the look at the state. */
	if (error == 0 && addr->port == 0)
		error = ENOTCONN;
	return (error);
}

int
iosock_shim_socket_set_option(struct socket *so, int level, int name, const void *value, size_t len)
{
	return (so_setsockopt(so, level, name, __DECONST(void *, value), len));
}

int
iosock_shim_socket_get_option(struct socket *so, int level, int name, void *value, size_t *len)
{
	struct sockopt opt;
	int error;

	memset(&opt, 0, sizeof(opt));
	opt.sopt_dir = SOPT_GET;
	opt.sopt_level = level;
	opt.sopt_name = name;
	opt.sopt_val = value;
	opt.sopt_valsize = *len;
	error = sogetopt(so, &opt); /* without a thread in opt the value is the kernel's memory */
	*len = opt.sopt_valsize;
	return (error);
}

int
iosock_shim_socket_set_linger(struct socket *so, int on, int seconds)
{
	struct linger linger = { .l_onoff = on, .l_linger = seconds };

	return (so_setsockopt(so, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
}

void
iosock_shim_socket_set_nonblocking(struct socket *so, int on)
{
	SOCK_LOCK(so);
	if (on != 0)
		so->so_state |= SS_NBIO;
	else
		so->so_state &= ~SS_NBIO;
	SOCK_UNLOCK(so);
}

int
iosock_shim_listener_state(struct socket *so)
{
	int bits, state = 0;

	SOCK_LOCK(so);
	bits = so->so_state;
	SOCK_UNLOCK(so);
	if ((bits & SS_ISCONNECTED) != 0)
		state |= IOSOCK_STATE_CONNECTED;
	if ((bits & SS_ISCONNECTING) != 0)
		state |= IOSOCK_STATE_CONNECTING;
	if ((bits & SS_ISDISCONNECTING) != 0)
		state |= IOSOCK_STATE_DISCONNECTING;
	if ((bits & SS_ISDISCONNECTED) != 0)
		state |= IOSOCK_STATE_DISCONNECTED;
	if ((bits & SS_NBIO) != 0)
		state |= IOSOCK_STATE_NONBLOCKING;
	return (state);
}

int
iosock_shim_socket_take_error(struct socket *so)
{
	int error;

	SOCK_LOCK(so);
	error = so->so_error;
	so->so_error = 0;
#if __FreeBSD_version >= 1301000
	/* From 13.1 on errors of receiving have a field of their own. */
	if (error == 0) {
		error = so->so_rerror;
		so->so_rerror = 0;
	}
#endif
	SOCK_UNLOCK(so);
	return (error);
}

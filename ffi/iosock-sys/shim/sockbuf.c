/* sys/sockbuf.h: what a socket's buffers hold, each read under its lock. */
#include "base.h"

#include "sockbuf_lock.h"

long
iosock_shim_sockbuf_send_space(struct socket *so)
{
	long space;

	SEND_LOCK(so);
	space = sbspace(&so->so_snd);
	SEND_UNLOCK(so);
	return (space);
}

unsigned int
iosock_shim_sockbuf_send_hiwat(struct socket *so)
{
	unsigned int hiwat;

	SEND_LOCK(so);
	hiwat = so->so_snd.sb_hiwat;
	SEND_UNLOCK(so);
	return (hiwat);
}

unsigned int
iosock_shim_sockbuf_send_used(struct socket *so)
{
	unsigned int used;

	SEND_LOCK(so);
	used = sbused(&so->so_snd);
	SEND_UNLOCK(so);
	return (used);
}

unsigned int
iosock_shim_sockbuf_receive_available(struct socket *so)
{
	unsigned int available;

	RECEIVE_LOCK(so);
	available = sbavail(&so->so_rcv);
	RECEIVE_UNLOCK(so);
	return (available);
}

void
iosock_shim_sockbuf_send_no_coalesce(struct socket *so)
{
	SEND_LOCK(so);
	so->so_snd.sb_flags |= SB_NOCOALESCE;
	SEND_UNLOCK(so);
}

int
iosock_shim_socket_state(struct socket *so)
{
	int state = iosock_shim_listener_state(so);

	SEND_LOCK(so);
	if ((so->so_snd.sb_state & SBS_CANTSENDMORE) != 0)
		state |= IOSOCK_STATE_CANT_SEND;
	SEND_UNLOCK(so);
	RECEIVE_LOCK(so);
	if ((so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0)
		state |= IOSOCK_STATE_CANT_RECEIVE;
	RECEIVE_UNLOCK(so);
	return (state);
}

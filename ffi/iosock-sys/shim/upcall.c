/* sys/socketvar.h: upcalls. SO_RCV and SO_SND changed their numbers between 13 and 14, so they stay in C. */
#include "base.h"

#include "sockbuf_lock.h"

void
iosock_shim_upcall_set_receive(struct socket *so, iosock_upcall upcall, void *arg)
{
	RECEIVE_LOCK(so);
	soupcall_set(so, SO_RCV, upcall, arg);
	RECEIVE_UNLOCK(so);
}

void
iosock_shim_upcall_set_send(struct socket *so, iosock_upcall upcall, void *arg)
{
	SEND_LOCK(so);
	soupcall_set(so, SO_SND, upcall, arg);
	SEND_UNLOCK(so);
}

void
iosock_shim_upcall_set_listener(struct socket *so, iosock_upcall upcall, void *arg)
{
	SOLISTEN_LOCK(so);
	solisten_upcall_set(so, upcall, arg);
	SOLISTEN_UNLOCK(so);
}

void
iosock_shim_upcall_clear_receive(struct socket *so)
{
	RECEIVE_LOCK(so);
	if (so->so_rcv.sb_upcall != NULL) /* soupcall_clear asserts that there is one */
		soupcall_clear(so, SO_RCV);
	RECEIVE_UNLOCK(so);
}

void
iosock_shim_upcall_clear_send(struct socket *so)
{
	SEND_LOCK(so);
	if (so->so_snd.sb_upcall != NULL)
		soupcall_clear(so, SO_SND);
	SEND_UNLOCK(so);
}

void
iosock_shim_upcall_clear_listener(struct socket *so)
{
	SOLISTEN_LOCK(so);
	solisten_upcall_set(so, NULL, NULL);
	SOLISTEN_UNLOCK(so);
}

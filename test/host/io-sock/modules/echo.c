/*
 * A TCP echo server inside io-sock: what a real module does, in one file.
 *
 * One kthread serves all connections. Upcalls set a bit and wake it; it accepts with solisten_dequeue and soaccept, receives mbufs
 * with soreceive, copies them into clusters and sends these. Nothing in it blocks but the one msleep.
 *
 *   -m echo,port=7            listens there; 0 (default): any port, see sysctl net.inet.echo.port
 *   sysctl net.inet.echo      port, connections, accepted, bytes, limit (writable)
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/uio.h>
#include <net/vnet.h>
#include <netinet/in.h>

#include <qnx/qnx_modload.h>

/* libc's; its header does not go with these. pthread_t is a number on QNX. */
int pthread_join(pthread_t thread, void **value);

struct _iosock_module_version iosock_module_version = IOSOCK_MODULE_VER_SYM_INIT;

MALLOC_DEFINE(M_ECHO, "echo", "echo server");

static int built_for = IOSOCK_VERSION_CUR;
SYSCTL_INT(_qnx_module, OID_AUTO, echo, CTLFLAG_RD, &built_for, 0, "io-sock interface that echo was built for");

static int echo_wanted_port = 0;
TUNABLE_INT("echo.port", &echo_wanted_port);

static int echo_port;
static int echo_connections;
static int echo_limit = 64;
static uint64_t echo_accepted;
static uint64_t echo_bytes;
static char echo_note[16] = "hello";

SYSCTL_NODE(_net_inet, OID_AUTO, echo, CTLFLAG_RW, NULL, "echo server");
SYSCTL_DECL(_net_inet_echo);
SYSCTL_INT(_net_inet_echo, OID_AUTO, port, CTLFLAG_RD, &echo_port, 0, "port listened on");
SYSCTL_INT(_net_inet_echo, OID_AUTO, connections, CTLFLAG_RD, &echo_connections, 0, "connections now");
SYSCTL_INT(_net_inet_echo, OID_AUTO, limit, CTLFLAG_RWTUN, &echo_limit, 0, "most connections at a time");
SYSCTL_U64(_net_inet_echo, OID_AUTO, accepted, CTLFLAG_RD, &echo_accepted, 0, "connections ever");
SYSCTL_U64(_net_inet_echo, OID_AUTO, bytes, CTLFLAG_RD, &echo_bytes, 0, "bytes sent back");
SYSCTL_STRING(_net_inet_echo, OID_AUTO, note, CTLFLAG_RW, echo_note, sizeof(echo_note), "text that anybody with rights can leave");

/* Guards echo_events, echo_stopping and the ready bits. A leaf: upcalls take it under the stack's locks. */
static struct mtx echo_mtx;
MTX_SYSINIT(echo, &echo_mtx, "echo", MTX_DEF);

struct conn {
	LIST_ENTRY(conn) link;
	struct socket *so;
	int ready;
};

/* The list is the thread's alone. */
static LIST_HEAD(, conn) echo_conns = LIST_HEAD_INITIALIZER(echo_conns);
static struct socket *echo_listener;
static pthread_t echo_tid;
static int echo_events;
static int echo_stopping;

static void
echo_wake(int *bit)
{
	mtx_lock(&echo_mtx);
	if (bit != NULL)
		*bit = 1;
	echo_events = 1;
	wakeup(&echo_events);
	mtx_unlock(&echo_mtx);
}

static int
echo_listen_upcall(struct socket *so, void *arg, int waitflag)
{
	(void)so;
	(void)arg;
	(void)waitflag;
	echo_wake(NULL);
	return (SU_OK);
}

static int
echo_conn_upcall(struct socket *so, void *arg, int waitflag)
{
	struct conn *c = arg;

	(void)so;
	(void)waitflag;
	echo_wake(&c->ready);
	return (SU_OK);
}

static void
conn_open(struct socket *so)
{
	struct conn *c = malloc(sizeof(*c), M_ECHO, M_WAITOK | M_ZERO);

	c->so = so;
	c->ready = 1;
	LIST_INSERT_HEAD(&echo_conns, c, link);
	echo_connections++;
	echo_accepted++;
	SOCKBUF_LOCK(&so->so_rcv);
	soupcall_set(so, SO_RCV, echo_conn_upcall, c);
	SOCKBUF_UNLOCK(&so->so_rcv);
	SOCKBUF_LOCK(&so->so_snd);
	soupcall_set(so, SO_SND, echo_conn_upcall, c);
	SOCKBUF_UNLOCK(&so->so_snd);
}

static void
conn_close(struct conn *c)
{
	struct socket *so = c->so;

	/* Upcalls run under these locks: none can be in flight afterwards. */
	SOCKBUF_LOCK(&so->so_rcv);
	soupcall_clear(so, SO_RCV);
	SOCKBUF_UNLOCK(&so->so_rcv);
	SOCKBUF_LOCK(&so->so_snd);
	soupcall_clear(so, SO_SND);
	SOCKBUF_UNLOCK(&so->so_snd);
	LIST_REMOVE(c, link);
	echo_connections--;
	(void)soclose(so);
	free(c, M_ECHO);
}

/* Takes up to one cluster's worth from the socket and sends it back. 1: again; 0: wait for an upcall; -1: over. */
static int
conn_step(struct conn *c)
{
	struct socket *so = c->so;
	struct mbuf *in, *out;
	struct uio uio;
	long space;
	int error, flags, got;

	SOCKBUF_LOCK(&so->so_snd);
	space = sbspace(&so->so_snd);
	SOCKBUF_UNLOCK(&so->so_snd);
	if (space <= 0)
		return (0); /* the send upcall comes when there is room */

	memset(&uio, 0, sizeof(uio));
	uio.uio_segflg = UIO_SYSSPACE;
	uio.uio_rw = UIO_READ;
	uio.uio_resid = MIN(space, MJUM16BYTES);
	uio.uio_td = curthread;
	got = (int)uio.uio_resid;
	in = NULL;
	flags = MSG_DONTWAIT;
	error = soreceive(so, NULL, &uio, &in, NULL, &flags);
	got -= (int)uio.uio_resid;
	if (error != 0 || got == 0) {
		m_freem(in); /* an error may come with data */
		return (error == EWOULDBLOCK ? 0 : -1);
	}

	out = m_getjcl(M_WAITOK, MT_DATA, M_PKTHDR, MJUM16BYTES);
	m_copydata(in, 0, got, mtod(out, caddr_t));
	m_freem(in);
	out->m_len = got;
	out->m_pkthdr.len = got;
	/* Takes the chain whatever happens. It fits: only acknowledgements change the space, in our favour. */
	error = sosend(so, NULL, NULL, out, NULL, MSG_DONTWAIT, curthread);
	if (error != 0)
		return (-1);
	echo_bytes += (uint64_t)got;
	return (1);
}

static int
take_ready(struct conn *c)
{
	int ready;

	mtx_lock(&echo_mtx);
	ready = c->ready;
	c->ready = 0;
	mtx_unlock(&echo_mtx);
	return (ready);
}

static void
accept_all(void)
{
	struct sockaddr *sa;
	struct socket *so;
	int error;

	for (;;) {
		SOLISTEN_LOCK(echo_listener);
		error = solisten_dequeue(echo_listener, &so, ACCEPT4_INHERIT); /* unlocks */
		if (error == EWOULDBLOCK)
			return;
		if (error != 0)
			continue; /* one connection's trouble, taken with this call */
		sa = NULL;
		error = soaccept(so, &sa);
		free(sa, M_SONAME);
		if (error != 0 || echo_connections >= echo_limit) {
			(void)soclose(so);
			continue;
		}
		conn_open(so);
	}
}

static void
echo_thread(void *arg)
{
	struct conn *c, *next;
	int again;

	(void)arg;
	mtx_lock(&echo_mtx);
	while (!echo_stopping) {
		if (!echo_events) {
			(void)msleep(&echo_events, &echo_mtx, PSOCK, "echo", 0);
			continue;
		}
		echo_events = 0;
		mtx_unlock(&echo_mtx);
		accept_all();
		LIST_FOREACH_SAFE(c, &echo_conns, link, next) {
			if (!take_ready(c))
				continue;
			while ((again = conn_step(c)) > 0)
				;
			if (again < 0)
				conn_close(c);
		}
		mtx_lock(&echo_mtx);
	}
	mtx_unlock(&echo_mtx);
	while ((c = LIST_FIRST(&echo_conns)) != NULL)
		conn_close(c);
	kthread_exit();
}

static int
listener_port(struct socket *so)
{
	struct sockaddr *sa = NULL;
	int error, port = 0;

	CURVNET_SET(so->so_vnet);
#if __FreeBSD_version >= 1400000
	error = so->so_proto->pr_sockaddr(so, &sa);
#else
	error = so->so_proto->pr_usrreqs->pru_sockaddr(so, &sa);
#endif
	if (error == 0 && sa != NULL)
		port = ntohs(((struct sockaddr_in *)(void *)sa)->sin_port);
	CURVNET_RESTORE();
	free(sa, M_SONAME);
	return (port);
}

static int
listener_open(void)
{
	struct sockaddr_in sin;
	struct socket *so;
	int error, on = 1;

	error = socreate(AF_INET, &so, SOCK_STREAM, IPPROTO_TCP, curthread->td_ucred, curthread);
	if (error != 0)
		return (error);
	memset(&sin, 0, sizeof(sin));
	sin.sin_len = sizeof(sin);
	sin.sin_family = AF_INET;
	sin.sin_port = htons((uint16_t)echo_wanted_port);
	error = so_setsockopt(so, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (error == 0)
		error = sobind(so, (struct sockaddr *)(void *)&sin, curthread);
	if (error == 0)
		error = solisten(so, -1, curthread);
	if (error != 0) {
		(void)soclose(so);
		return (error);
	}
	SOCK_LOCK(so);
	so->so_state |= SS_NBIO;
	SOCK_UNLOCK(so);
	echo_port = listener_port(so);
	echo_listener = so;
	SOLISTEN_LOCK(so);
	solisten_upcall_set(so, echo_listen_upcall, NULL);
	SOLISTEN_UNLOCK(so);
	return (0);
}

static void
listener_close(void)
{
	if (echo_listener == NULL)
		return;
	SOLISTEN_LOCK(echo_listener);
	solisten_upcall_set(echo_listener, NULL, NULL);
	SOLISTEN_UNLOCK(echo_listener);
	(void)soclose(echo_listener);
	echo_listener = NULL;
}

static int
echo_load(void)
{
	struct thread *td;
	int error;

	if (echo_wanted_port < 0 || echo_wanted_port > 65535)
		return (EINVAL);
	error = listener_open();
	if (error != 0)
		return (error);
	error = kthread_add(echo_thread, NULL, NULL, &td, KTHREAD_JOIN, 0, "%s", "echo");
	if (error != 0) {
		listener_close();
		return (error);
	}
	echo_tid = td->td_pt_tid;
	echo_wake(NULL); /* what came before the upcall was set */
	return (0);
}

/* Called for MOD_UNLOAD and once more by the sysuninit, in case the first never comes. */
static void
echo_teardown(void)
{
	if (echo_listener == NULL)
		return;
	mtx_lock(&echo_mtx);
	echo_stopping = 1;
	wakeup(&echo_events);
	mtx_unlock(&echo_mtx);
	(void)pthread_join(echo_tid, NULL);
	listener_close();
}

static int
echo_event(module_t mod, int what, void *arg)
{
	(void)mod;
	(void)arg;
	switch (what) {
	case MOD_LOAD:
		return (echo_load());
	case MOD_UNLOAD:
		echo_teardown();
		return (0);
	default:
		return (EOPNOTSUPP);
	}
}

static moduledata_t echo_data = { "echo", echo_event, NULL };

MODULE_VERSION(echo, 1);
DECLARE_MODULE(echo, echo_data, SI_SUB_PSEUDO, SI_ORDER_ANY);

static void
echo_uninit(void *arg)
{
	(void)arg;
	echo_teardown();
}
SYSUNINIT(echo_teardown, SI_SUB_DRIVERS, SI_ORDER_ANY, echo_uninit, NULL);

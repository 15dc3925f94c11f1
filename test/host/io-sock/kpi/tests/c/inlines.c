/*
 * What a module does through the headers' macros and inlines, as functions for the tests. Compiled as a native module is, with
 * INVARIANTS.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/socketvar.h>
#include <sys/sx.h>
#include <sys/syslog.h>
#include <sys/uio.h>

#include <netinet/in.h>

struct mbuf *t_get(int how, int header);
struct mbuf *t_getcl(int how);
struct mbuf *t_free(struct mbuf *m);
int t_trailing(struct mbuf *m);
int t_refcount(struct mbuf *m);
void *t_arg1(struct mbuf *m);
void t_sock_lock(struct socket *so);
void t_sock_unlock(struct socket *so);
void t_solisten_lock(struct socket *so);
void t_buf_lock(struct socket *so, int send);
void t_buf_unlock(struct socket *so, int send);
long t_space(struct socket *so);
unsigned int t_avail(struct socket *so);
unsigned int t_used(struct socket *so);
int t_state(struct socket *so);
int t_cant(struct socket *so, int send);
void t_set_nbio(struct socket *so);
void t_no_coalesce(struct socket *so);
int t_error(struct socket *so);
int t_hiwat(struct socket *so);
unsigned int t_mbcnt(struct socket *so);
void t_soref(struct socket *so);
void t_sorele(struct socket *so);
int t_locks(void);
int t_memory(void);
int t_msleep(void *chan, struct mtx *mtx, int ms);
void t_mtx_init(struct mtx *mtx);
void t_mtx_lock(struct mtx *mtx);
void t_mtx_unlock(struct mtx *mtx);
void t_mtx_destroy(struct mtx *mtx);
int t_sockaddr(struct socket *so, int peer, struct sockaddr_in *out);
int t_spawn(void (*fn)(void *), void *arg, int *tid);
void t_say(const char *text);

struct mbuf *
t_get(int how, int header)
{
	return (header != 0 ? m_gethdr(how, MT_DATA) : m_get(how, MT_DATA));
}

struct mbuf *
t_getcl(int how)
{
	return (m_getcl(how, MT_DATA, M_PKTHDR));
}

struct mbuf *
t_free(struct mbuf *m)
{
	return (m_free(m));
}

int
t_trailing(struct mbuf *m)
{
	return ((int)M_TRAILINGSPACE(m));
}

int
t_refcount(struct mbuf *m)
{
	return ((int)m_extrefcnt(m));
}

void *
t_arg1(struct mbuf *m)
{
	return (m->m_ext.ext_arg1);
}

void
t_sock_lock(struct socket *so)
{
	SOCK_LOCK(so);
}

void
t_sock_unlock(struct socket *so)
{
	SOCK_UNLOCK(so);
}

void
t_solisten_lock(struct socket *so)
{
	SOLISTEN_LOCK(so);
}

void
t_buf_lock(struct socket *so, int send)
{
	SOCKBUF_LOCK(send != 0 ? &so->so_snd : &so->so_rcv);
}

void
t_buf_unlock(struct socket *so, int send)
{
	SOCKBUF_UNLOCK(send != 0 ? &so->so_snd : &so->so_rcv);
}

long
t_space(struct socket *so)
{
	long space;

	SOCKBUF_LOCK(&so->so_snd);
	space = sbspace(&so->so_snd);
	SOCKBUF_UNLOCK(&so->so_snd);
	return (space);
}

unsigned int
t_avail(struct socket *so)
{
	unsigned int n;

	SOCKBUF_LOCK(&so->so_rcv);
	n = sbavail(&so->so_rcv);
	SOCKBUF_UNLOCK(&so->so_rcv);
	return (n);
}

unsigned int
t_used(struct socket *so)
{
	unsigned int n;

	SOCKBUF_LOCK(&so->so_snd);
	n = sbused(&so->so_snd);
	SOCKBUF_UNLOCK(&so->so_snd);
	return (n);
}

int
t_state(struct socket *so)
{
	int state;

	SOCK_LOCK(so);
	state = so->so_state;
	SOCK_UNLOCK(so);
	return (state);
}

int
t_cant(struct socket *so, int send)
{
	int cant;

	t_buf_lock(so, send);
	cant = send != 0 ? so->so_snd.sb_state & SBS_CANTSENDMORE : so->so_rcv.sb_state & SBS_CANTRCVMORE;
	t_buf_unlock(so, send);
	return (cant);
}

void
t_set_nbio(struct socket *so)
{
	SOCK_LOCK(so);
	so->so_state |= SS_NBIO;
	SOCK_UNLOCK(so);
}

void
t_no_coalesce(struct socket *so)
{
	SOCKBUF_LOCK(&so->so_snd);
	so->so_snd.sb_flags |= SB_NOCOALESCE;
	SOCKBUF_UNLOCK(&so->so_snd);
}

int
t_error(struct socket *so)
{
	return (so->so_error);
}

unsigned int
t_mbcnt(struct socket *so)
{
	unsigned int mbcnt;

	SOCKBUF_LOCK(&so->so_snd);
	mbcnt = so->so_snd.sb_mbcnt;
	SOCKBUF_UNLOCK(&so->so_snd);
	return (mbcnt);
}

int
t_hiwat(struct socket *so)
{
	return ((int)so->so_snd.sb_hiwat);
}

void
t_soref(struct socket *so)
{
	SOCK_LOCK(so);
	soref(so);
	SOCK_UNLOCK(so);
}

void
t_sorele(struct socket *so)
{
#if __FreeBSD_version < 1400000
	SOCK_LOCK(so);
#endif
	sorele(so);
}

/* 0, or the line that failed. */
int
t_locks(void)
{
	static struct mtx mtx;
	static struct sx sx;

	mtx_init(&mtx, "test", NULL, MTX_DEF | MTX_RECURSE);
	mtx_lock(&mtx);
	mtx_lock(&mtx);
	mtx_assert(&mtx, MA_OWNED | MA_RECURSED);
	if (!mtx_owned(&mtx) || !mtx_recursed(&mtx))
		return (__LINE__);
	mtx_unlock(&mtx);
	mtx_unlock(&mtx);
	mtx_assert(&mtx, MA_NOTOWNED);
	if (mtx_trylock(&mtx) == 0)
		return (__LINE__);
	mtx_unlock(&mtx);
	mtx_destroy(&mtx);

	sx_init(&sx, "test sx");
	sx_slock(&sx);
	sx_slock(&sx);
	if (sx_try_xlock(&sx) != 0)
		return (__LINE__);
	sx_sunlock(&sx);
	if (sx_try_upgrade(&sx) == 0)
		return (__LINE__);
	sx_assert(&sx, SA_XLOCKED);
	sx_downgrade(&sx);
	sx_unlock(&sx);
	sx_xlock(&sx);
	if (!sx_xlocked(&sx))
		return (__LINE__);
	sx_unlock(&sx);
	sx_destroy(&sx);
	return (0);
}

static struct malloc_type T_TYPE[1] = { { NULL, M_VERSION, "test", { { 0, 0 }, 0, NULL, { 0 } } } };

int
t_memory(void)
{
	unsigned char *p;
	char text[8];
	int i;

	malloc_init(T_TYPE);
	p = malloc(100, T_TYPE, M_WAITOK | M_ZERO);
	for (i = 0; i < 100; i++)
		if (p[i] != 0)
			return (__LINE__);
	p = realloc(p, 200, T_TYPE, M_WAITOK);
	if (p == NULL)
		return (__LINE__);
	free(p, T_TYPE);
	free(NULL, T_TYPE);
	malloc_uninit(T_TYPE);
	if (snprintf(text, sizeof(text), "%s-%d", "abc", 12345) != 9 || strcmp(text, "abc-123") != 0)
		return (__LINE__);
	return (0);
}

int
t_msleep(void *chan, struct mtx *mtx, int ms)
{
	return (msleep_sbt(chan, mtx, PSOCK | PCATCH, "test", (sbintime_t)ms * SBT_1MS, 0, 0));
}

void
t_mtx_init(struct mtx *mtx)
{
	mtx_init(mtx, "test mutex", NULL, MTX_DEF);
}

void
t_mtx_lock(struct mtx *mtx)
{
	mtx_lock(mtx);
}

void
t_mtx_unlock(struct mtx *mtx)
{
	mtx_unlock(mtx);
}

void
t_mtx_destroy(struct mtx *mtx)
{
	mtx_destroy(mtx);
}

int
t_sockaddr(struct socket *so, int peer, struct sockaddr_in *out)
{
	struct sockaddr *sa = NULL;
	int error;

#if __FreeBSD_version >= 1400000
	error = peer != 0 ? so->so_proto->pr_peeraddr(so, &sa) : so->so_proto->pr_sockaddr(so, &sa);
#else
	error = peer != 0 ? so->so_proto->pr_usrreqs->pru_peeraddr(so, &sa) : so->so_proto->pr_usrreqs->pru_sockaddr(so, &sa);
#endif
	if (error == 0)
		memcpy(out, sa, sizeof(*out));
	free(sa, M_SONAME);
	return (error);
}

int
t_spawn(void (*fn)(void *), void *arg, int *tid)
{
	struct thread *td = NULL;
	int error = kthread_add(fn, arg, NULL, &td, KTHREAD_JOIN, 0, "%s-%d", "test", 1);

	if (error == 0)
		*tid = td->td_pt_tid;
	return (error);
}

void
t_say(const char *text)
{
	log(LOG_INFO, "%s\n", text);
}

/* Sockets and socket(9) as in FreeBSD 14.3. */
#ifndef _SYS_SOCKETVAR_H_
#define _SYS_SOCKETVAR_H_

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/osd.h>
#include <sys/protosw.h>
#include <sys/queue.h>
#include <sys/refcount.h>
#include <sys/selinfo.h>
#include <sys/sockbuf.h>
#include <sys/socket.h>
#include <sys/sockopt.h>
#include <sys/sockstate.h>
#include <sys/sx.h>

struct label;
struct mbuf;
struct sigio;
struct socket;
struct vnet;

typedef uint64_t so_gen_t;
typedef int so_upcall_t(struct socket *, void *, int);
typedef void so_dtor_t(struct socket *);

/* In the order of 14.3. */
struct socket {
	struct mtx so_lock;
	volatile u_int so_count;
	struct selinfo so_rdsel;
	struct selinfo so_wrsel;
	int so_options;
	short so_type;
	short so_state;
	void *so_pcb;
	struct vnet *so_vnet;
	struct protosw *so_proto;
	short so_linger;
	short so_timeo; /* its address is the channel that connect sleeps on */
	u_short so_error;
	u_short so_rerror;
	struct sigio *so_sigio;
	struct ucred *so_cred;
	struct label *so_label;
	so_gen_t so_gencnt;
	void *so_emuldata;
	so_dtor_t *so_dtor;
	struct osd osd;
	int so_fibnum;
	uint32_t so_user_cookie;
	int so_ts_clock;
	uint32_t so_max_pacing_rate;
	struct so_splice *so_splice;
	struct so_splice *so_splice_back;
	int64_t so_splice_sent;
	/* The locks of the buffers, on cache lines of their own; they stay when the socket becomes a listener. */
	struct sx so_snd_sx __aligned(64);
	struct mtx so_snd_mtx;
	struct sx so_rcv_sx __aligned(64);
	struct mtx so_rcv_mtx;
	union {
		/* A socket that moves data. */
		struct {
			struct sockbuf so_rcv;
			struct sockbuf so_snd;
			TAILQ_ENTRY(socket) so_list;
			struct socket *so_listen;
			enum { SQ_NONE = 0, SQ_INCOMP = 0x0800, SQ_COMP = 0x1000 } so_qstate;
			struct label *so_peerlabel;
			u_long so_oobmark;
			STAILQ_ENTRY(socket) so_ktls_rx_list;
		};
		/* A listener: over the same memory. */
		struct {
			TAILQ_HEAD(, socket) sol_incomp;
			TAILQ_HEAD(, socket) sol_comp;
			u_int sol_qlen;
			u_int sol_incqlen;
			u_int sol_qlimit;
			struct accept_filter *sol_accept_filter;
			void *sol_accept_filter_arg;
			char *sol_accept_filter_str;
			so_upcall_t *sol_upcall;
			void *sol_upcallarg;
			int sol_sbrcv_lowat;
			int sol_sbsnd_lowat;
			u_int sol_sbrcv_hiwat;
			u_int sol_sbsnd_hiwat;
			short sol_sbrcv_flags;
			short sol_sbsnd_flags;
			sbintime_t sol_sbrcv_timeo;
			sbintime_t sol_sbsnd_timeo;
			struct timeval sol_lastover;
			int sol_overcount;
		};
	};
};

#define SOLISTENING(sol) (((sol)->so_options & SO_ACCEPTCONN) != 0)

#define SOCK_MTX(so) (&(so)->so_lock)
#define SOCK_LOCK(so) mtx_lock(&(so)->so_lock)
#define SOCK_OWNED(so) mtx_owned(&(so)->so_lock)
#define SOCK_UNLOCK(so) mtx_unlock(&(so)->so_lock)
#define SOCK_LOCK_ASSERT(so) mtx_assert(&(so)->so_lock, MA_OWNED)
#define SOCK_UNLOCK_ASSERT(so) mtx_assert(&(so)->so_lock, MA_NOTOWNED)

#define SOLISTEN_LOCK(sol) \
	do { \
		mtx_lock(&(sol)->so_lock); \
		KASSERT(SOLISTENING(sol), ("%s: %p not listening", __func__, (sol))); \
	} while (0)
#define SOLISTEN_TRYLOCK(sol) mtx_trylock(&(sol)->so_lock)
#define SOLISTEN_UNLOCK(sol) \
	do { \
		KASSERT(SOLISTENING(sol), ("%s: %p not listening", __func__, (sol))); \
		mtx_unlock(&(sol)->so_lock); \
	} while (0)
#define SOLISTEN_LOCK_ASSERT(sol) mtx_assert(&(sol)->so_lock, MA_OWNED)

#define SOCK_RECVBUF_MTX(so) (&(so)->so_rcv_mtx)
#define SOCK_RECVBUF_LOCK(so) mtx_lock(SOCK_RECVBUF_MTX(so))
#define SOCK_RECVBUF_UNLOCK(so) mtx_unlock(SOCK_RECVBUF_MTX(so))
#define SOCK_RECVBUF_LOCK_ASSERT(so) mtx_assert(SOCK_RECVBUF_MTX(so), MA_OWNED)
#define SOCK_RECVBUF_UNLOCK_ASSERT(so) mtx_assert(SOCK_RECVBUF_MTX(so), MA_NOTOWNED)
#define SOCK_SENDBUF_MTX(so) (&(so)->so_snd_mtx)
#define SOCK_SENDBUF_LOCK(so) mtx_lock(SOCK_SENDBUF_MTX(so))
#define SOCK_SENDBUF_UNLOCK(so) mtx_unlock(SOCK_SENDBUF_MTX(so))
#define SOCK_SENDBUF_LOCK_ASSERT(so) mtx_assert(SOCK_SENDBUF_MTX(so), MA_OWNED)
#define SOCK_SENDBUF_UNLOCK_ASSERT(so) mtx_assert(SOCK_SENDBUF_MTX(so), MA_NOTOWNED)

/* Result of an upcall. */
#define SU_OK 0
#define SU_ISCONNECTED 1

/* No lock is needed by whoever holds a reference already. */
#define soref(so) refcount_acquire(&(so)->so_count)
/* Enters and leaves without SOCK_LOCK: the other way round than in 13. */
#define sorele(so) \
	do { \
		SOCK_UNLOCK_ASSERT(so); \
		if (!refcount_release_if_not_last(&(so)->so_count)) { \
			SOCK_LOCK(so); \
			sorele_locked(so); \
		} \
	} while (0)

#define soreadabledata(so) (sbavail(&(so)->so_rcv) >= (so)->so_rcv.sb_lowat || (so)->so_error || (so)->so_rerror)
#define soreadable(so) (soreadabledata(so) || ((so)->so_rcv.sb_state & SBS_CANTRCVMORE))
#define sowriteable(so) \
	((sbspace(&(so)->so_snd) >= (long)(so)->so_snd.sb_lowat && \
	     (((so)->so_state & SS_ISCONNECTED) || ((so)->so_proto->pr_flags & PR_CONNREQUIRED) == 0)) || \
	    ((so)->so_snd.sb_state & SBS_CANTSENDMORE) || (so)->so_error)
#define sosendallatonce(so) ((so)->so_proto->pr_flags & PR_ATOMIC)

struct sockaddr;
struct ucred;
struct uio;

int socreate(int dom, struct socket **aso, int type, int proto, struct ucred *cred, struct thread *td);
int sobind(struct socket *so, struct sockaddr *nam, struct thread *td);
int solisten(struct socket *so, int backlog, struct thread *td);
int soconnect(struct socket *so, struct sockaddr *nam, struct thread *td);
/* Enters with SOLISTEN_LOCK, always leaves without it. */
int solisten_dequeue(struct socket *head, struct socket **ret, int flags);
/* *nam is M_SONAME memory of the caller's, also when it fails. */
int soaccept(struct socket *so, struct sockaddr **nam);
int soshutdown(struct socket *so, int how);
int sodisconnect(struct socket *so);
int soclose(struct socket *so);
void soabort(struct socket *so);
/* Gives a reference up. Enters with SOCK_LOCK, leaves without it. */
void sorele_locked(struct socket *so);
/* top and control are gone afterwards, whatever the result. */
int sosend(struct socket *so, struct sockaddr *addr, struct uio *uio, struct mbuf *top, struct mbuf *control, int flags, struct thread *td);
/* uio must be there even in mbuf mode (mp0): it says how much. */
int soreceive(struct socket *so, struct sockaddr **paddr, struct uio *uio, struct mbuf **mp0, struct mbuf **controlp, int *flagsp);
/* Crashes in a kernel thread when nothing is ready: it has no select state. */
int sopoll(struct socket *so, int events, struct ucred *active_cred, struct thread *td);
/* Under the lock of that buffer. */
void soupcall_set(struct socket *so, sb_which which, so_upcall_t func, void *arg);
void soupcall_clear(struct socket *so, sb_which which);
/* Under SOLISTEN_LOCK. */
void solisten_upcall_set(struct socket *so, so_upcall_t func, void *arg);
int soreserve(struct socket *so, u_long sndcc, u_long rcvcc);

#endif

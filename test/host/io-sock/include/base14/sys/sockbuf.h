/* Socket buffers as in FreeBSD 14.3. Every field under the lock that the socket has for the buffer. */
#ifndef _SYS_SOCKBUF_H_
#define _SYS_SOCKBUF_H_

#include <sys/_lock.h>
#include <sys/_mutex.h>
#include <sys/_sx.h>
#include <sys/_task.h>
#include <sys/sockstate.h>
#include <sys/types.h>

#define SB_TLS_RX 0x01
#define SB_TLS_RX_RUNNING 0x02
#define SB_WAIT 0x04
#define SB_SEL 0x08
#define SB_ASYNC 0x10
#define SB_UPCALL 0x20
#define SB_NOINTR 0x40
#define SB_AIO 0x80
#define SB_KNOTE 0x100
#define SB_NOCOALESCE 0x200
#define SB_IN_TOE 0x400
#define SB_AUTOSIZE 0x800
#define SB_STOP 0x1000
#define SB_AIO_RUNNING 0x2000
#define SB_TLS_IFNET 0x4000

struct ktls_session;
struct mbuf;
struct selinfo;
struct socket;
struct thread;

/*
 * In the order of 14.3. The locks moved to the socket, since listen(2) destroys the buffers; the mutex is named here once more, for
 * code that has only the buffer.
 */
struct sockbuf {
	struct mtx *sb_mtx;
	struct selinfo *sb_sel;
	short sb_state;
	short sb_flags;
	u_int sb_acc; /* bytes that can be read */
	u_int sb_ccc; /* bytes claimed */
	u_int sb_mbcnt; /* bytes of storage charged */
	u_int sb_ctl;
	u_int sb_hiwat;
	u_int sb_lowat;
	u_int sb_mbmax;
	sbintime_t sb_timeo;
	int (*sb_upcall)(struct socket *, void *, int);
	void *sb_upcallarg;
	TAILQ_HEAD(, kaiocb) sb_aiojobq;
	struct task sb_aiotask;
	struct mbuf *sb_mb;
	struct mbuf *sb_mbtail;
	struct mbuf *sb_lastrecord;
	struct mbuf *sb_sndptr;
	struct mbuf *sb_fnrdy;
	u_int sb_sndptroff;
	u_int sb_tlscc;
	u_int sb_tlsdcc;
	struct mbuf *sb_mtls;
	struct mbuf *sb_mtlstail;
	uint64_t sb_tls_seqno;
	struct ktls_session *sb_tls_info;
};

/* Which buffer of a socket; also to whom an upcall belongs. */
typedef enum { SO_RCV, SO_SND } sb_which;

#define SB_MAX (2 * 1024 * 1024)

#define SOCKBUF_MTX(sb) ((sb)->sb_mtx)
#define SOCKBUF_LOCK(sb) mtx_lock(SOCKBUF_MTX(sb))
#define SOCKBUF_OWNED(sb) mtx_owned(SOCKBUF_MTX(sb))
#define SOCKBUF_UNLOCK(sb) mtx_unlock(SOCKBUF_MTX(sb))
#define SOCKBUF_LOCK_ASSERT(sb) mtx_assert(SOCKBUF_MTX(sb), MA_OWNED)
#define SOCKBUF_UNLOCK_ASSERT(sb) mtx_assert(SOCKBUF_MTX(sb), MA_NOTOWNED)

/* Bytes that can be read. */
static inline u_int sbavail(const struct sockbuf *sb) { return (sb->sb_acc); }
/* Bytes that the buffer holds. */
static inline u_int sbused(const struct sockbuf *sb) { return (sb->sb_ccc); }
/* Bytes that still fit, by length and by storage; may be negative. */
static inline long
sbspace(const struct sockbuf *sb)
{
	int bleft, mleft;

	if ((sb->sb_flags & SB_STOP) != 0)
		return (0);
	bleft = (int)(sb->sb_hiwat - sb->sb_ccc);
	mleft = (int)(sb->sb_mbmax - sb->sb_mbcnt);
	return (bleft < mleft ? bleft : mleft);
}

#endif

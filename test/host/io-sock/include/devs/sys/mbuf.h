/* mbuf(9): the stack's buffers. Layout as in the FreeBSD base chosen: 13.0 or 14.3. */
#ifndef _SYS_MBUF_H_
#define _SYS_MBUF_H_

#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <vm/uma.h>

#define MHSIZE __offsetof(struct mbuf, m_dat)
#define MPKTHSIZE __offsetof(struct mbuf, m_pktdat)
#define MLEN ((int)(MSIZE - MHSIZE))
#define MHLEN ((int)(MSIZE - MPKTHSIZE))
#define MINCLSIZE (MHLEN + 1)

#define mtod(m, t) ((t)((m)->m_data))
#define mtodo(m, o) ((void *)(((m)->m_data) + (o)))

/* What the zone constructor is told. */
struct mb_args {
	int flags;
	short type;
};

struct m_tag {
	SLIST_ENTRY(m_tag) m_tag_link;
	u_int16_t m_tag_id;
	u_int16_t m_tag_len;
	u_int32_t m_tag_cookie;
	void (*m_tag_free)(struct m_tag *);
};

struct ifnet;
struct m_snd_tag;

struct pkthdr {
	union {
		struct m_snd_tag *snd_tag;
		struct ifnet *rcvif;
	};
	SLIST_HEAD(packet_tags, m_tag) tags;
	int32_t len;
	uint32_t flowid;
	uint32_t csum_flags;
	uint16_t fibnum;
	uint8_t numa_domain;
	uint8_t rsstype;
	union {
		uint64_t rcv_tstmp;
		struct {
			uint8_t l2hlen;
			uint8_t l3hlen;
			uint8_t l4hlen;
			uint8_t l5hlen;
			uint8_t inner_l2hlen;
			uint8_t inner_l3hlen;
			uint8_t inner_l4hlen;
			uint8_t inner_l5hlen;
		};
	};
	union {
		uint8_t eight[8];
		uint16_t sixteen[4];
		uint32_t thirtytwo[2];
		uint64_t sixtyfour[1];
		uintptr_t unintptr[1];
		void *ptr;
	} PH_per;
	union {
		uint8_t eight[8];
		uint16_t sixteen[4];
		uint32_t thirtytwo[2];
		uint64_t sixtyfour[1];
		uintptr_t unintptr[1];
		void *ptr;
	} PH_loc;
	__PKTHDR_MORE
};
#define ether_vtag PH_per.sixteen[0]
#define tso_segsz PH_per.sixteen[1]
#define csum_data PH_per.thirtytwo[1]

struct mbuf;
typedef void m_ext_free_t(struct mbuf *);

struct m_ext {
	union {
		/* With EXT_FLAG_EMBREF the count, else where it is. */
		volatile u_int ext_count;
		volatile u_int *ext_cnt;
	};
	uint32_t ext_size;
	uint32_t ext_type : 8, ext_flags : 24;
	union {
		struct {
			char *ext_buf;
			void *ext_arg2;
		};
		/* Unmapped pages: never made here, the room is part of the layout. */
		char extpg_room[128];
	};
	m_ext_free_t *ext_free;
	void *ext_arg1;
};
/* What a duplicate copies: everything up to ext_arg2. */
#define m_ext_copylen __offsetof(struct m_ext, ext_arg2)

struct mbuf {
	union {
		struct mbuf *m_next;
		SLIST_ENTRY(mbuf) m_slist;
		STAILQ_ENTRY(mbuf) m_stailq;
	};
	union {
		struct mbuf *m_nextpkt;
		SLIST_ENTRY(mbuf) m_slistpkt;
		STAILQ_ENTRY(mbuf) m_stailqpkt;
	};
	caddr_t m_data;
	int32_t m_len;
	uint32_t m_type : 8, m_flags : 24;
	union {
		struct {
			struct pkthdr m_pkthdr;
			union {
				struct m_ext m_ext;
				char m_pktdat[0];
			};
		};
		char m_dat[0];
	};
};

#define M_EXT 0x00000001
#define M_PKTHDR 0x00000002
#define M_EOR 0x00000004
/* The storage must not be written. */
#define M_RDONLY 0x00000008
#define M_BCAST 0x00000010
#define M_MCAST 0x00000020
#define M_PROMISC 0x00000040
#define M_VLANTAG 0x00000080
#define M_EXTPG 0x00000100
/* The mbuf itself is not freed: it is part of other storage. */
#define M_NOFREE 0x00000200
#define M_TSTMP 0x00000400
#define M_TSTMP_HPREC 0x00000800
#define M_TSTMP_LRO 0x00001000
#define M_PROTO1 0x00002000
#define M_PROTO2 0x00004000
#define M_PROTO3 0x00008000
#define M_PROTO4 0x00010000
#define M_PROTO5 0x00020000
#define M_PROTO6 0x00040000
#define M_PROTO7 0x00080000
#define M_PROTO8 0x00100000
#define M_PROTO9 0x00200000
#define M_PROTO10 0x00400000
#define M_PROTO11 0x00800000
#define M_PROTOFLAGS 0x00ffe000
#define M_COPYFLAGS \
	(M_PKTHDR | M_EOR | M_RDONLY | M_BCAST | M_MCAST | M_PROMISC | M_VLANTAG | M_TSTMP | M_TSTMP_HPREC | M_TSTMP_LRO | M_PROTOFLAGS)

#define EXT_CLUSTER 1
#define EXT_SFBUF 2
#define EXT_JUMBOP 3
#define EXT_JUMBO9 4
#define EXT_JUMBO16 5
#define EXT_PACKET 6
#define EXT_MBUF 7
#define EXT_RXRING 8
#define EXT_VENDOR1 224
#define EXT_EXP1 244
#define EXT_NET_DRV 252
#define EXT_MOD_TYPE 253
#define EXT_DISPOSABLE 254
#define EXT_EXTREF 255

#define EXT_FLAG_EMBREF 0x000001
#define EXT_FLAG_EXTREF 0x000002
#define EXT_FLAG_NOFREE 0x000010

#define MT_NOTMBUF 0
#define MT_DATA 1
#define MT_HEADER MT_DATA
#define MT_VENDOR1 4
#define MT_SONAME 8
#define MT_EXP1 9
#define MT_CONTROL 14
#define MT_EXTCONTROL 15
#define MT_OOBDATA 16
#define MT_NOINIT 255

#define CSUM_SND_TAG 0x80000000

#define M_COPYALL 1000000000

/* The zones behind m_get and the rest. */
extern uma_zone_t zone_mbuf;
extern uma_zone_t zone_clust;
extern uma_zone_t zone_pack;
extern uma_zone_t zone_jumbop;
extern uma_zone_t zone_jumbo9;
extern uma_zone_t zone_jumbo16;

extern int max_linkhdr;
extern int max_protohdr;
extern int max_hdr;
extern int max_datalen;
extern int nmbclusters;
extern int nmbufs;

/* Attaches storage; sets neither m_len nor m_pkthdr.len. */
void m_extadd(struct mbuf *m, char *buf, u_int size, m_ext_free_t *free, void *arg1, void *arg2, int flags, int type);
/* Lets n, which has no storage, share m's. */
void mb_dupcl(struct mbuf *n, struct mbuf *m);
void mb_free_ext(struct mbuf *m);
/* NULL is allowed. */
void m_freem(struct mbuf *m);
/* 1 = the mbuf has a cluster now. */
int m_clget(struct mbuf *m, int how);
void *m_cljget(struct mbuf *m, int how, int size);
struct mbuf *m_getjcl(int how, short type, int flags, int size);
struct mbuf *m_get2(int size, int how, short type, int flags);
struct mbuf *m_getm2(struct mbuf *m, int len, int how, short type, int flags);
struct mbuf *m_copym(struct mbuf *m, int off, int len, int how);
struct mbuf *m_copypacket(struct mbuf *m, int how);
struct mbuf *m_dup(const struct mbuf *m, int how);
void m_copydata(const struct mbuf *m, int off, int len, caddr_t dst);
void m_copyback(struct mbuf *m, int off, int len, c_caddr_t src);
int m_append(struct mbuf *m, int len, c_caddr_t src);
void m_cat(struct mbuf *m, struct mbuf *n);
void m_catpkt(struct mbuf *m, struct mbuf *n);
void m_adj(struct mbuf *m, int len);
struct mbuf *m_pullup(struct mbuf *m, int len);
struct mbuf *m_prepend(struct mbuf *m, int len, int how);
struct mbuf *m_split(struct mbuf *m, int len, int how);
struct mbuf *m_defrag(struct mbuf *m, int how);
struct mbuf *m_collapse(struct mbuf *m, int how, int max);
struct mbuf *m_unshare(struct mbuf *m, int how);
struct mbuf *m_getptr(struct mbuf *m, int loc, int *off);
void m_demote(struct mbuf *m, int all, int flags);
void m_demote_pkthdr(struct mbuf *m);
void m_move_pkthdr(struct mbuf *to, struct mbuf *from);
int m_dup_pkthdr(struct mbuf *to, const struct mbuf *from, int how);
int m_pkthdr_init(struct mbuf *m, int how);
u_int m_length(struct mbuf *m, struct mbuf **last);
u_int m_fixhdr(struct mbuf *m);
int m_apply(struct mbuf *m, int off, int len, int (*fn)(void *, void *, u_int), void *arg);
int m_sanity(struct mbuf *m, int sanitize);
struct uio;
struct mbuf *m_uiotombuf(struct uio *uio, int how, int len, int align, int flags);
int m_mbuftouio(struct uio *uio, const struct mbuf *m, int len);

struct m_tag *m_tag_alloc(uint32_t cookie, int type, int len, int wait);
void m_tag_delete(struct mbuf *m, struct m_tag *t);
void m_tag_delete_chain(struct mbuf *m, struct m_tag *t);
void m_tag_free_default(struct m_tag *t);
struct m_tag *m_tag_locate(struct mbuf *m, uint32_t cookie, int type, struct m_tag *t);
int m_tag_copy_chain(struct mbuf *to, const struct mbuf *from, int how);
static inline void m_tag_prepend(struct mbuf *m, struct m_tag *tag) { SLIST_INSERT_HEAD(&m->m_pkthdr.tags, tag, m_tag_link); }
static inline void m_tag_unlink(struct mbuf *m, struct m_tag *t) { SLIST_REMOVE(&m->m_pkthdr.tags, t, m_tag, m_tag_link); }

static inline int
m_gettype(int size)
{
	switch (size) {
	case MSIZE:
		return (EXT_MBUF);
	case MCLBYTES:
		return (EXT_CLUSTER);
	case MJUMPAGESIZE:
		return (EXT_JUMBOP);
	case MJUM9BYTES:
		return (EXT_JUMBO9);
	case MJUM16BYTES:
		return (EXT_JUMBO16);
	default:
		panic("m_gettype: invalid cluster size %d", size);
	}
}

/* No header, length 0. how: M_NOWAIT or M_WAITOK. */
static inline struct mbuf *
m_get(int how, short type)
{
	struct mb_args args = { 0, type };

	return ((struct mbuf *)uma_zalloc_arg(zone_mbuf, &args, how));
}

/* With a cleared packet header. */
static inline struct mbuf *
m_gethdr(int how, short type)
{
	struct mb_args args = { M_PKTHDR, type };

	return ((struct mbuf *)uma_zalloc_arg(zone_mbuf, &args, how));
}

/* With a cluster of MCLBYTES. */
static inline struct mbuf *
m_getcl(int how, short type, int flags)
{
	struct mb_args args = { flags, type };

	return ((struct mbuf *)uma_zalloc_arg(zone_pack, &args, how));
}

/* Frees one; returns the next. */
static inline struct mbuf *
m_free(struct mbuf *m)
{
	struct mbuf *next = m->m_next;

	if ((m->m_flags & (M_PKTHDR | M_NOFREE)) == (M_PKTHDR | M_NOFREE))
		m_tag_delete_chain(m, NULL);
	if ((m->m_flags & M_EXT) != 0)
		mb_free_ext(m);
	else if ((m->m_flags & M_NOFREE) == 0)
		uma_zfree(zone_mbuf, m);
	return (next);
}

static inline u_int
m_extrefcnt(struct mbuf *m)
{
	return ((m->m_ext.ext_flags & EXT_FLAG_EMBREF) != 0 ? m->m_ext.ext_count : *m->m_ext.ext_cnt);
}

static inline struct mbuf *
m_last(struct mbuf *m)
{
	while (m->m_next != NULL)
		m = m->m_next;
	return (m);
}

static inline void m_clrprotoflags(struct mbuf *m)
{
	for (; m != NULL; m = m->m_next)
		m->m_flags &= ~M_PROTOFLAGS;
}

static inline void m_chtype(struct mbuf *m, short type) { m->m_type = type; }

#define M_START(m) \
	(((m)->m_flags & M_EXT) ? (m)->m_ext.ext_buf : ((m)->m_flags & M_PKTHDR) ? &(m)->m_pktdat[0] : &(m)->m_dat[0])
#define M_SIZE(m) (((m)->m_flags & M_EXT) ? (m)->m_ext.ext_size : ((m)->m_flags & M_PKTHDR) ? (u_int)MHLEN : (u_int)MLEN)
#define M_WRITABLE(m) \
	(((m)->m_flags & (M_RDONLY | M_EXTPG)) == 0 && (((m)->m_flags & M_EXT) == 0 || m_extrefcnt(m) == 1))
#define M_LEADINGSPACE(m) (M_WRITABLE(m) ? ((m)->m_data - M_START(m)) : 0)
#define M_TRAILINGSPACE(m) (M_WRITABLE(m) ? ((M_START(m) + M_SIZE(m)) - ((m)->m_data + (m)->m_len)) : 0)

static inline void
m_align(struct mbuf *m, int len)
{
	m->m_data += ((int)M_SIZE(m) - len) & ~((int)sizeof(long) - 1);
}
#define M_ALIGN(m, len) m_align(m, len)
#define MH_ALIGN(m, len) m_align(m, len)

/* Makes room in front; m is NULL afterwards when there was no memory. */
#define M_PREPEND(m, plen, how) \
	do { \
		struct mbuf **_mmp = &(m); \
		struct mbuf *_mm = *_mmp; \
		int _mplen = (plen); \
		if (M_LEADINGSPACE(_mm) >= _mplen) { \
			_mm->m_data -= _mplen; \
			_mm->m_len += _mplen; \
		} else \
			_mm = m_prepend(_mm, _mplen, (how)); \
		if (_mm != NULL && (_mm->m_flags & M_PKTHDR)) \
			_mm->m_pkthdr.len += _mplen; \
		*_mmp = _mm; \
	} while (0)

#define MGET(m, how, type) ((m) = m_get((how), (type)))
#define MGETHDR(m, how, type) ((m) = m_gethdr((how), (type)))
#define MCLGET(m, how) m_clget((m), (how))
#define MEXTADD(m, buf, size, free, arg1, arg2, flags, type) \
	m_extadd((m), (char *)(buf), (size), (free), (arg1), (arg2), (flags), (type))
#define m_getm(m, len, how, type) m_getm2((m), (len), (how), (type), M_PKTHDR)
#define MCHTYPE(m, t) m_chtype((m), (t))

#ifdef INVARIANTS
#define M_ASSERTPKTHDR(m) KASSERT((m) != NULL && (m)->m_flags & M_PKTHDR, ("%s: no mbuf packet header!", __func__))
#else
#define M_ASSERTPKTHDR(m) do { } while (0)
#endif

/* A queue of packets with its length. */
struct mbufq {
	STAILQ_HEAD(, mbuf) mq_head;
	int mq_len;
	int mq_maxlen;
};
static inline void
mbufq_init(struct mbufq *mq, int maxlen)
{
	STAILQ_INIT(&mq->mq_head);
	mq->mq_len = 0;
	mq->mq_maxlen = maxlen;
}
static inline int mbufq_len(const struct mbufq *mq) { return (mq->mq_len); }
static inline int mbufq_full(const struct mbufq *mq) { return (mq->mq_maxlen > 0 && mq->mq_len >= mq->mq_maxlen); }
static inline struct mbuf *mbufq_first(const struct mbufq *mq) { return (STAILQ_FIRST(&mq->mq_head)); }
static inline int
mbufq_enqueue(struct mbufq *mq, struct mbuf *m)
{
	if (mbufq_full(mq))
		return (ENOBUFS);
	STAILQ_INSERT_TAIL(&mq->mq_head, m, m_stailqpkt);
	mq->mq_len++;
	return (0);
}
static inline struct mbuf *
mbufq_dequeue(struct mbufq *mq)
{
	struct mbuf *m = STAILQ_FIRST(&mq->mq_head);

	if (m != NULL) {
		STAILQ_REMOVE_HEAD(&mq->mq_head, m_stailqpkt);
		m->m_nextpkt = NULL;
		mq->mq_len--;
	}
	return (m);
}
static inline void
mbufq_drain(struct mbufq *mq)
{
	struct mbuf *m;

	while ((m = mbufq_dequeue(mq)) != NULL)
		m_freem(m);
}

#endif

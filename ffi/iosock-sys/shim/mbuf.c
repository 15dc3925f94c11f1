/* sys/mbuf.h: all that is inline, a macro, a bit-field or a moving offset. */
#include "base.h"

#include <sys/malloc.h>
#include <sys/mbuf.h>

struct mbuf *
iosock_shim_mbuf_gethdr(int wait)
{
	return (m_gethdr(IOSOCK_WAIT(wait), MT_DATA));
}

struct mbuf *
iosock_shim_mbuf_getm(int len, int wait)
{
	return (m_getm2(NULL, len, IOSOCK_WAIT(wait), MT_DATA, M_PKTHDR));
}

struct mbuf *
iosock_shim_mbuf_external(void *buf, uint32_t len, void (*ext_free)(struct mbuf *), void *arg1, void *arg2, int wait)
{
	struct mbuf *m = m_gethdr(IOSOCK_WAIT(wait), MT_DATA);

	if (m != NULL) {
		/* A socket buffer is charged for the size said here, so it is the slice's and not the whole region's. */
		m_extadd(m, buf, len, ext_free, arg1, arg2, M_RDONLY, EXT_MOD_TYPE);
		m->m_len = (int)len;
		m->m_pkthdr.len = (int)len;
	}
	return (m);
}

struct mbuf *
iosock_shim_mbuf_external_piece(struct mbuf *m, uint32_t off, uint32_t len, int wait)
{
	struct mbuf *n = m_gethdr(IOSOCK_WAIT(wait), MT_DATA);

	if (n != NULL) {
		mb_dupcl(n, m);
		/*
		 * The duplicate has the original's ext_size, which sballoc would charge for every piece. Only the original's fields
		 * are read when the storage goes, so the duplicate's may say what the piece is.
		 * ON-TARGET: sb_mbcnt grows by MSIZE and the piece's length, not by the range's.
		 */
		n->m_ext.ext_buf += off;
		n->m_ext.ext_size = len;
		n->m_data = n->m_ext.ext_buf;
		n->m_len = (int)len;
		n->m_pkthdr.len = (int)len;
	}
	return (n);
}

void *
iosock_shim_mbuf_ext_arg1(const struct mbuf *m)
{
	return (m->m_ext.ext_arg1);
}

void *
iosock_shim_mbuf_ext_arg2(const struct mbuf *m)
{
	return (m->m_ext.ext_arg2);
}

void
iosock_shim_mbuf_freem(struct mbuf *m)
{
	m_freem(m);
}

struct mbuf *
iosock_shim_mbuf_next(const struct mbuf *m)
{
	return (m->m_next);
}

struct mbuf *
iosock_shim_mbuf_last(struct mbuf *m)
{
	return (m_last(m));
}

void *
iosock_shim_mbuf_data(const struct mbuf *m)
{
	return (mtod(m, void *));
}

int
iosock_shim_mbuf_len(const struct mbuf *m)
{
	return (m->m_len);
}

void
iosock_shim_mbuf_set_len(struct mbuf *m, int len)
{
	m->m_len = len;
}

int
iosock_shim_mbuf_trailing_space(struct mbuf *m)
{
	return ((int)M_TRAILINGSPACE(m));
}

int
iosock_shim_mbuf_fill(struct mbuf *m, const void *src, int len)
{
	int room = (int)M_TRAILINGSPACE(m);

	if (len > room)
		len = room;
	if (len > 0) {
		memcpy(mtod(m, char *) + m->m_len, src, (size_t)len);
		m->m_len += len;
	}
	return (len);
}

int
iosock_shim_mbuf_is_private(const struct mbuf *m)
{
	if ((m->m_flags & M_EXTPG) != 0)
		return (0); /* its pages are not mapped: only m_copydata reaches them */
	if ((m->m_flags & M_EXT) == 0)
		return (1);
	/* A duplicate keeps the type of its original. */
	switch (m->m_ext.ext_type) {
	case EXT_CLUSTER:
	case EXT_JUMBOP:
	case EXT_JUMBO9:
	case EXT_JUMBO16:
	case EXT_PACKET:
		return (1);
	default:
		return (0);
	}
}

int
iosock_shim_mbuf_is_writable(struct mbuf *m)
{
	return (iosock_shim_mbuf_is_private(m) != 0 && M_WRITABLE(m));
}

int
iosock_shim_mbuf_has_pkthdr(const struct mbuf *m)
{
	return ((m->m_flags & M_PKTHDR) != 0);
}

void
iosock_shim_mbuf_grow_header(struct mbuf *m, int len)
{
	if ((m->m_flags & M_PKTHDR) != 0)
		m->m_pkthdr.len += len;
}

void
iosock_shim_mbuf_fix_header(struct mbuf *m)
{
	if ((m->m_flags & M_PKTHDR) != 0)
		m_fixhdr(m);
}

void
iosock_shim_mbuf_link(struct mbuf *head, struct mbuf *tail, struct mbuf *other, int len)
{
	/* A packet header in the middle of a chain would be taken for the start of another packet. */
	m_demote(other, 1, 0);
	/* Not m_cat: it may copy a short piece into the piece before and free it. */
	tail->m_next = other;
	if ((head->m_flags & M_PKTHDR) != 0)
		head->m_pkthdr.len += len;
}

void
iosock_shim_mbuf_adj(struct mbuf *m, int n)
{
	m_adj(m, n);
}

void
iosock_shim_mbuf_copydata(const struct mbuf *m, int off, int len, void *dst)
{
	m_copydata(m, off, len, dst);
}

unsigned int
iosock_shim_mbuf_length(struct mbuf *m, struct mbuf **last)
{
	return (m_length(m, last));
}

/* sysctl(9): static nodes and leaves, which go into set_sysctl_set. */
#ifndef _SYS_SYSCTL_H_
#define _SYS_SYSCTL_H_

#include <sys/kernel.h>
#include <sys/linker_set.h>
#include <sys/queue.h>
#include <sys/systm.h>

#define CTL_MAXNAME 24

#define CTLTYPE 0xf
#define CTLTYPE_NODE 1
#define CTLTYPE_INT 2
#define CTLTYPE_STRING 3
#define CTLTYPE_S64 4
#define CTLTYPE_OPAQUE 5
#define CTLTYPE_STRUCT CTLTYPE_OPAQUE
#define CTLTYPE_UINT 6
#define CTLTYPE_LONG 7
#define CTLTYPE_ULONG 8
#define CTLTYPE_U64 9
#define CTLTYPE_U8 0xa
#define CTLTYPE_U16 0xb
#define CTLTYPE_S8 0xc
#define CTLTYPE_S16 0xd
#define CTLTYPE_S32 0xe
#define CTLTYPE_U32 0xf

#define CTLFLAG_RD 0x80000000
#define CTLFLAG_WR 0x40000000
#define CTLFLAG_RW (CTLFLAG_RD | CTLFLAG_WR)
#define CTLFLAG_DORMANT 0x20000000
#define CTLFLAG_ANYBODY 0x10000000
#define CTLFLAG_SECURE 0x08000000
#define CTLFLAG_PRISON 0x04000000
#define CTLFLAG_DYN 0x02000000
#define CTLFLAG_SKIP 0x01000000
#define CTLFLAG_TUN 0x00080000
#define CTLFLAG_RDTUN (CTLFLAG_RD | CTLFLAG_TUN)
#define CTLFLAG_RWTUN (CTLFLAG_RW | CTLFLAG_TUN)
#define CTLFLAG_MPSAFE 0x00040000
#define CTLFLAG_VNET 0x00020000
#define CTLFLAG_DYING 0x00010000
#define CTLFLAG_CAPRD 0x00008000
#define CTLFLAG_CAPWR 0x00004000
#define CTLFLAG_CAPRW (CTLFLAG_CAPRD | CTLFLAG_CAPWR)
#define CTLFLAG_STATS 0x00002000
#define CTLFLAG_NOFETCH 0x00001000
#define CTLFLAG_NEEDGIANT 0x00000800

#define OID_AUTO (-1)

struct sysctl_oid;
struct sysctl_req;
struct thread;

#define SYSCTL_HANDLER_ARGS struct sysctl_oid *oidp, void *arg1, intmax_t arg2, struct sysctl_req *req

struct sysctl_req {
	struct thread *td;
	int lock;
	void *oldptr;
	size_t oldlen;
	size_t oldidx;
	int (*oldfunc)(struct sysctl_req *, const void *, size_t);
	const void *newptr;
	size_t newlen;
	size_t newidx;
	int (*newfunc)(struct sysctl_req *, void *, size_t);
	size_t validlen;
	int flags;
};

__SYSCTL_CHILDREN(sysctl_oid_list, sysctl_oid);

/* Written by the kernel: never const. */
struct sysctl_oid {
	struct sysctl_oid_list oid_children;
	struct sysctl_oid_list *oid_parent;
	__SYSCTL_LINK(sysctl_oid) oid_link;
	int oid_number;
	u_int oid_kind;
	void *oid_arg1;
	intmax_t oid_arg2;
	const char *oid_name;
	int (*oid_handler)(SYSCTL_HANDLER_ARGS);
	const char *oid_fmt;
	int oid_refcnt;
	u_int oid_running;
	const char *oid_descr;
	const char *oid_label;
};

/* Data out to, and in from, the caller. */
#define SYSCTL_OUT(r, p, l) ((r)->oldfunc)((r), (p), (l))
#define SYSCTL_OUT_STR(r, p) ((r)->oldfunc)((r), (p), strlen(p) + 1)
#define SYSCTL_IN(r, p, l) ((r)->newfunc)((r), (p), (l))

int sysctl_handle_bool(SYSCTL_HANDLER_ARGS);
int sysctl_handle_8(SYSCTL_HANDLER_ARGS);
int sysctl_handle_16(SYSCTL_HANDLER_ARGS);
int sysctl_handle_32(SYSCTL_HANDLER_ARGS);
int sysctl_handle_64(SYSCTL_HANDLER_ARGS);
int sysctl_handle_int(SYSCTL_HANDLER_ARGS);
int sysctl_handle_long(SYSCTL_HANDLER_ARGS);
int sysctl_handle_string(SYSCTL_HANDLER_ARGS);
int sysctl_handle_opaque(SYSCTL_HANDLER_ARGS);

#define SYSCTL_CHILDREN(oid) (&(oid)->oid_children)
#define SYSCTL_STATIC_CHILDREN(name) (&sysctl__##name.oid_children)
#define SYSCTL_PARENT(oid) (((oid)->oid_parent != &sysctl__children) ? __containerof((oid)->oid_parent, struct sysctl_oid, oid_children) : NULL)
#define SYSCTL_DECL(name) extern struct sysctl_oid sysctl__##name

#define __DESCR(d) d
#define __SYSCTL_OID_BODY(id, parent, nbr, name, kind, a1, a2, handler, fmt, descr) \
	{ \
		.oid_parent = (parent), .oid_number = (nbr), .oid_kind = (kind), .oid_arg1 = (a1), .oid_arg2 = (a2), .oid_name = (name), \
		.oid_handler = (handler), .oid_fmt = (fmt), .oid_descr = __DESCR(descr) \
	}

/* A static leaf, sysctl__<parent>_<name>. */
#define SYSCTL_OID(parent, nbr, name, kind, a1, a2, handler, fmt, descr) \
	__SYSCTL_OID(static, sysctl__##parent##_##name, &sysctl__##parent, nbr, #name, kind, a1, a2, handler, fmt, descr)
#define SYSCTL_OID_GLOBAL(parent, nbr, name, kind, a1, a2, handler, fmt, descr) \
	__SYSCTL_OID(, sysctl__##parent##_##name, &sysctl__##parent, nbr, #name, kind, a1, a2, handler, fmt, descr)
#define __SYSCTL_OID(storage, id, parent, nbr, name, kind, a1, a2, handler, fmt, descr) \
	storage struct sysctl_oid id = __SYSCTL_OID_BODY(id, SYSCTL_CHILDREN(parent), nbr, name, kind, a1, a2, handler, fmt, descr); \
	DATA_SET(sysctl_set, id)

/* Global, so that children can name it. */
#define SYSCTL_NODE(parent, nbr, name, access, handler, descr) \
	SYSCTL_OID_GLOBAL(parent, nbr, name, CTLTYPE_NODE | (access), NULL, 0, handler, "N", descr)
#define SYSCTL_ROOT_NODE(nbr, name, access, handler, descr) \
	struct sysctl_oid sysctl___##name = \
	    __SYSCTL_OID_BODY(sysctl___##name, &sysctl__children, nbr, #name, CTLTYPE_NODE | (access), NULL, 0, handler, "N", descr); \
	DATA_SET(sysctl_set, sysctl___##name)

#define __SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, type, handler, fmt, descr) \
	SYSCTL_OID(parent, nbr, name, (type) | CTLFLAG_MPSAFE | (access), ptr, val, handler, fmt, descr)
#define SYSCTL_BOOL(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_U8, sysctl_handle_bool, "CU", descr)
#define SYSCTL_S8(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_S8, sysctl_handle_8, "C", descr)
#define SYSCTL_U8(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_U8, sysctl_handle_8, "CU", descr)
#define SYSCTL_U16(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_U16, sysctl_handle_16, "SU", descr)
#define SYSCTL_U32(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_U32, sysctl_handle_32, "IU", descr)
#define SYSCTL_S64(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_S64, sysctl_handle_64, "Q", descr)
#define SYSCTL_U64(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_U64, sysctl_handle_64, "QU", descr)
#define SYSCTL_QUAD(parent, nbr, name, access, ptr, val, descr) SYSCTL_S64(parent, nbr, name, access, ptr, val, descr)
#define SYSCTL_UQUAD(parent, nbr, name, access, ptr, val, descr) SYSCTL_U64(parent, nbr, name, access, ptr, val, descr)
#define SYSCTL_INT(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_INT, sysctl_handle_int, "I", descr)
#define SYSCTL_UINT(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_UINT, sysctl_handle_int, "IU", descr)
#define SYSCTL_LONG(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_LONG, sysctl_handle_long, "L", descr)
#define SYSCTL_ULONG(parent, nbr, name, access, ptr, val, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, val, CTLTYPE_ULONG, sysctl_handle_long, "LU", descr)
#define SYSCTL_STRING(parent, nbr, name, access, arg, len, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, arg, len, CTLTYPE_STRING, sysctl_handle_string, "A", descr)
#define SYSCTL_OPAQUE(parent, nbr, name, access, ptr, len, fmt, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, len, CTLTYPE_OPAQUE, sysctl_handle_opaque, fmt, descr)
#define SYSCTL_STRUCT(parent, nbr, name, access, ptr, type, descr) \
	__SYSCTL_NUMBER(parent, nbr, name, access, ptr, sizeof(struct type), CTLTYPE_OPAQUE, sysctl_handle_opaque, "S," #type, descr)
#define SYSCTL_PROC(parent, nbr, name, access, ptr, arg, handler, fmt, descr) \
	SYSCTL_OID(parent, nbr, name, (access), ptr, arg, handler, fmt, descr)

extern struct sysctl_oid_list sysctl__children;
SYSCTL_DECL(_kern);
SYSCTL_DECL(_kern_ipc);
SYSCTL_DECL(_net);
SYSCTL_DECL(_net_inet);
SYSCTL_DECL(_net_inet_ip);
SYSCTL_DECL(_net_inet_tcp);
SYSCTL_DECL(_net_inet_udp);
SYSCTL_DECL(_dev);
SYSCTL_DECL(_hw);
SYSCTL_DECL(_debug);
SYSCTL_DECL(_security);

#endif

/*
 * What Rust sees of io-sock's kernel interface.
 *
 * No struct of the kernel crosses this line but as a pointer, and no kernel constant but through iosock_const_*: both moved
 * between FreeBSD 13 and 14, and io-sock moved with them. bindgen reads this file without any kernel header.
 *
 * Unless a line says otherwise: functions returning int give 0 or a positive errno of io-sock; NULL means out of memory; a call
 * may sleep and must come from a thread that io-sock knows, with no lock held. "Any context" means: also from an upcall or an
 * external-storage callback, whatever locks are held.
 */
#ifndef IOSOCK_SHIM_H
#define IOSOCK_SHIM_H

#ifdef _KERNEL
#include <sys/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

struct mbuf;
struct mtx;
struct socket;

/* ---- addr.c: addresses ---------------------------------------------------------------------------------------------- */

/* An Internet address by value. `ip` is 4, 6, or 0 for an address that is neither (or none); port in host order, flowinfo as on
 * the wire, IPv4 in the first four bytes of addr. Kernel sockaddrs are made and read by the shims only: sobind and soconnect
 * write into the sockaddr they are given, so it must be private memory, rebuilt field by field. */
struct iosock_addr {
	uint8_t ip;
	uint8_t reserved;
	uint16_t port;
	uint32_t flowinfo;
	uint32_t scope;
	uint8_t addr[16];
};

/* ---- mbuf.c: mbuf(9) ------------------------------------------------------------------------------------------------ */

/* wait: 0 = do not sleep, else sleep until there is memory. A chain is owned by one caller at a time; functions that only look
 * or change fields may be called in any context by that owner. */
struct mbuf *iosock_shim_mbuf_gethdr(int wait);
/* A chain with room for len > 0 bytes, packet header, all lengths 0. */
struct mbuf *iosock_shim_mbuf_getm(int len, int wait);
/* One read-only mbuf with packet header over len bytes at buf; ext_free runs once, when the last reference is gone, in any
 * context. Takes the place of m_extadd: the lengths are set, M_RDONLY cannot be forgotten. */
struct mbuf *iosock_shim_mbuf_external(void *buf, uint32_t len, void (*ext_free)(struct mbuf *), void *arg1, void *arg2, int wait);
/* One more read-only mbuf with packet header, over bytes off to off + len of the storage that iosock_shim_mbuf_external attached to
 * m. It holds a reference of its own to that storage, and is charged to a socket buffer by len, not by the storage's size. The caller
 * owns m, keeps it out of the stack, and is alone in calling this on it: the kernel counts the second reference with no atomic. */
struct mbuf *iosock_shim_mbuf_external_piece(struct mbuf *m, uint32_t off, uint32_t len, int wait);
/* Only on the mbuf that ext_free was given: in a duplicate these fields are garbage. Any context. */
void *iosock_shim_mbuf_ext_arg1(const struct mbuf *m);
void *iosock_shim_mbuf_ext_arg2(const struct mbuf *m);
void iosock_shim_mbuf_freem(struct mbuf *m);
struct mbuf *iosock_shim_mbuf_next(const struct mbuf *m);
struct mbuf *iosock_shim_mbuf_last(struct mbuf *m);
void *iosock_shim_mbuf_data(const struct mbuf *m);
int iosock_shim_mbuf_len(const struct mbuf *m);
void iosock_shim_mbuf_set_len(struct mbuf *m, int len);
/* Bytes behind the data that may be written; 0 for read-only storage. */
int iosock_shim_mbuf_trailing_space(struct mbuf *m);
/* Copies bytes behind the data of m, as many as fit; returns how many. The lengths of m's neighbours and header stay. Whoever can
 * write src may do so meanwhile. */
int iosock_shim_mbuf_fill(struct mbuf *m, const void *src, int len);
/* Non-zero when only this chain and the stack can write the mbuf's bytes, and they are mapped: inline data and the stack's own
 * clusters. 0 for storage that some module attached, whose owner may write at any time. */
int iosock_shim_mbuf_is_private(const struct mbuf *m);
int iosock_shim_mbuf_has_pkthdr(const struct mbuf *m);
/* Non-zero when the bytes are private and no other mbuf shares them. */
int iosock_shim_mbuf_is_writable(struct mbuf *m);
/* Adds len to the packet header's length, when there is a header. */
void iosock_shim_mbuf_grow_header(struct mbuf *m, int len);
/* Sets the packet header's length from the chain, when there is a header. */
void iosock_shim_mbuf_fix_header(struct mbuf *m);
/* Links other, len bytes, behind tail, the last mbuf of head's chain; other loses its packet header. Nothing is copied. */
void iosock_shim_mbuf_link(struct mbuf *head, struct mbuf *tail, struct mbuf *other, int len);
/* Trims n bytes in front (n > 0) or at the end (n < 0). */
void iosock_shim_mbuf_adj(struct mbuf *m, int n);
/* len must not exceed the chain's length. */
void iosock_shim_mbuf_copydata(const struct mbuf *m, int off, int len, void *dst);
unsigned int iosock_shim_mbuf_length(struct mbuf *m, struct mbuf **last);

/* ---- socket.c: socket(9) -------------------------------------------------------------------------------------------- */

/* domain, type, protocol: io-sock's numbers. Thread and credential are the calling thread's. */
int iosock_shim_socreate(int domain, struct socket **so, int type, int protocol);
int iosock_shim_sobind(struct socket *so, const struct iosock_addr *addr);
int iosock_shim_solisten(struct socket *so, int backlog);
/* Starts only: 0 also when the connection is still being made. */
int iosock_shim_soconnect(struct socket *so, const struct iosock_addr *addr);
/* Takes one completed connection, EWOULDBLOCK when there is none and the listener is non-blocking. The child is non-blocking when
 * the listener is. On an error there is no child. */
int iosock_shim_soaccept(struct socket *head, struct socket **so, struct iosock_addr *peer);
/* top is gone afterwards, whatever the result. */
int iosock_shim_sosend(struct socket *so, struct mbuf *top, int flags);
int iosock_shim_soshutdown(struct socket *so, int how);
int iosock_shim_soclose(struct socket *so);
int iosock_shim_socket_local(struct socket *so, struct iosock_addr *addr);
/* ENOTCONN without a peer. Takes SOCK_LOCK: not from an upcall. */
int iosock_shim_socket_peer(struct socket *so, struct iosock_addr *addr);
int iosock_shim_socket_set_option(struct socket *so, int level, int name, const void *value, size_t len);
/* *len: room on entry, bytes written afterwards. */
int iosock_shim_socket_get_option(struct socket *so, int level, int name, void *value, size_t *len);
int iosock_shim_socket_set_linger(struct socket *so, int on, int seconds);
void iosock_shim_socket_set_nonblocking(struct socket *so, int on);
/* IOSOCK_STATE_* bits. Takes SOCK_LOCK, and on no listener the two buffer locks: not from an upcall. */
int iosock_shim_socket_state(struct socket *so);
/* As socket_state, for a listener, whose buffers do not exist. */
int iosock_shim_listener_state(struct socket *so);
/* The pending error, which is cleared; 0 = none. Takes SOCK_LOCK: not from an upcall. */
int iosock_shim_socket_take_error(struct socket *so);

#define IOSOCK_STATE_CONNECTED 1
#define IOSOCK_STATE_CONNECTING 2
#define IOSOCK_STATE_DISCONNECTING 4
#define IOSOCK_STATE_DISCONNECTED 8
#define IOSOCK_STATE_NONBLOCKING 16
#define IOSOCK_STATE_CANT_SEND 32
#define IOSOCK_STATE_CANT_RECEIVE 64

/* ---- sockbuf.c: socket buffers, each under its own lock; never on a listener; not from an upcall --------------------- */

/* May be negative. */
long iosock_shim_sockbuf_send_space(struct socket *so);
unsigned int iosock_shim_sockbuf_send_hiwat(struct socket *so);
unsigned int iosock_shim_sockbuf_receive_available(struct socket *so);
unsigned int iosock_shim_sockbuf_send_used(struct socket *so);
/* Small external pieces stay external instead of being copied behind a writable mbuf. */
void iosock_shim_sockbuf_send_no_coalesce(struct socket *so);

/* ---- soreceive.c: soreceive in mbuf mode ---------------------------------------------------------------------------- */

/* At most max bytes. *top is the caller's to free, also when an error comes back with data. *taken: bytes taken from the socket;
 * *flags: MSG_* in and out. */
int iosock_shim_soreceive(struct socket *so, size_t max, struct mbuf **top, size_t *taken, int *flags);

/* ---- upcall.c: upcalls, set and cleared under the lock they run under ------------------------------------------------ */

typedef int (*iosock_upcall)(struct socket *so, void *arg, int wait);
void iosock_shim_upcall_set_receive(struct socket *so, iosock_upcall upcall, void *arg);
void iosock_shim_upcall_set_send(struct socket *so, iosock_upcall upcall, void *arg);
void iosock_shim_upcall_set_listener(struct socket *so, iosock_upcall upcall, void *arg);
/* When these return, no upcall is running and none will. */
void iosock_shim_upcall_clear_receive(struct socket *so);
void iosock_shim_upcall_clear_send(struct socket *so);
void iosock_shim_upcall_clear_listener(struct socket *so);

/* ---- kthread.c, join.c: kthread(9) ---------------------------------------------------------------------------------- */

/* A joinable thread of io-sock's own process (proc0). name is copied. *tid is what join takes. fn must end in
 * iosock_shim_kthread_exit, and must not do so before this call has returned. */
int iosock_shim_kthread_add(void (*fn)(void *), void *arg, const char *name, long *tid);
_Noreturn void iosock_shim_kthread_exit(void);
/* Waits without limit. EDEADLK: it is the calling thread. Does not release Giant. */
int iosock_shim_kthread_join(long tid);

/* ---- cred.c: curthread and its credential --------------------------------------------------------------------------- */

/* NULL in a thread that io-sock does not know. Any context. */
const void *iosock_shim_curthread(void);
/* Of the calling thread, which io-sock must know. Any context. */
unsigned int iosock_shim_curthread_uid(void);

/* ---- mutex.c: mutex(9). A leaf mutex may be taken in any context ----------------------------------------------------- */

/* name must live as long as the mutex. */
struct mtx *iosock_shim_mutex_create(const char *name);
void iosock_shim_mutex_destroy(struct mtx *mtx);
void iosock_shim_mutex_lock(struct mtx *mtx);
/* Non-zero: the caller has it. */
int iosock_shim_mutex_trylock(struct mtx *mtx);
void iosock_shim_mutex_unlock(struct mtx *mtx);

/* ---- sleep.c: sleep(9), time(9) ------------------------------------------------------------------------------------- */

/* Enter and leave with mtx held; it is released while asleep. ms 0 = no limit. 0 = woken, EWOULDBLOCK = time is up. Not
 * interruptible. A wakeup may be spurious. */
int iosock_shim_sleep(const void *channel, struct mtx *mtx, const char *name, unsigned int ms);
/* Wakes all that sleep on channel. Any context. */
void iosock_shim_wakeup(const void *channel);
/* Monotonic nanoseconds. Any context. */
uint64_t iosock_shim_uptime_ns(void);

/* ---- malloc.c: malloc(9), with the module's own type ----------------------------------------------------------------- */

/* Zeroed. wait as for mbufs; in any context with wait 0. */
void *iosock_shim_malloc(size_t size, int wait);
void iosock_shim_free(void *p);

/* ---- log.c: log(9), to slogger2 ------------------------------------------------------------------------------------- */

/* level: LOG_*. One line without its newline; bytes are not interpreted as a format. */
void iosock_shim_log(int level, const char *text, int len);

/* ---- env.c: kernel environment (tunables) ---------------------------------------------------------------------------- */

/* 1 = found. */
int iosock_shim_getenv_int(const char *name, int *value);
/* 1 = found; value is then NUL-terminated, cut to size. */
int iosock_shim_getenv_string(const char *name, char *value, int size);

/* ---- constants.c ---------------------------------------------------------------------------------------------------- */

/* IOSOCK_CONSTANT(group, name, value): every kernel number that Rust uses, with the value that QNX 8.0 is known to have. The
 * shim does not compile where a header disagrees. */
#include "iosock_constants.h"

#define IOSOCK_CONSTANT(name, value) extern const int iosock_const_##name;
IOSOCK_CONSTANTS
#undef IOSOCK_CONSTANT

/* __FreeBSD_version of the headers at hand: which base io-sock has. */
extern const int iosock_const_freebsd_version;
/* 1 when built with INVARIANTS, for io-sock-diag. */
extern const int iosock_const_invariants;

/* ---- registration.c: calls into the module's Rust; linked by modules only -------------------------------------------- */

/* what: one of IOSOCK_EVENT_*. 0 or errno. io-sock holds Giant. */
#define IOSOCK_EVENT_LOAD 0
#define IOSOCK_EVENT_UNLOAD 1
#define IOSOCK_EVENT_SHUTDOWN 2
#define IOSOCK_EVENT_QUIESCE 3
int iosock_module_event(int what);
/* The object is about to be unmapped. Comes after UNLOAD, or without one. */
void iosock_module_uninit(void);
/* Value number index of the module's lists (iosock_module_values.h). 0: there is none. Any thread. */
int iosock_module_value(unsigned int index, uint64_t *value);

#endif

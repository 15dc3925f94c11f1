/* libcustom_socket: sockets whose data lies in memory shared with io-sock.
 *
 * Verbs that mirror a BSD socket call keep its name, its arguments and their order, and take the platform's own
 * struct sockaddr, option numbers and MSG_ flags. What they return is different:
 *
 *   - 0 or a count for success, a NEGATIVE error number for failure. errno is not touched.
 *   - Error numbers are QNX's (the CSOCK_E... below) on every platform, so that a program reads the same on Linux.
 *
 * Any verb may be called by any thread for any socket. csock_close() in one thread ends waits in others with
 * -CSOCK_EBADF. In a child made by fork() every verb returns -CSOCK_ESTALE: open a session of its own there.
 * Once io-sock has died every verb returns -CSOCK_ECONNRESET; close the session and open another.
 *
 * Apache-2.0 OR MIT. */
#ifndef CUSTOM_SOCKET_H
#define CUSTOM_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Sessions: one connection to io-sock and one pool of shared memory, for any number of sockets ---------------- */

typedef struct csock_session csock_session_t;

/* Settings. csock_config_init() first, then what shall differ; 0 means the default. */
typedef struct csock_config {
    uint32_t size;               /* set by csock_config_init() */
    uint32_t max_sockets;        /* connections at one time, closing ones included (64) */
    uint64_t pool_bytes;         /* length of the pool (16 MiB) */
    uint64_t tx_limit;           /* bytes that one connection may have on their way (2 MiB) */
    uint32_t rx_buffers;         /* receive buffers of each connection (8) */
    uint32_t rx_buffer_len;      /* length of each (64 KiB) */
    uint32_t tx_piece;           /* largest piece of a csock_send() (256 KiB) */
    uint32_t tx_descriptors;     /* pieces that one connection may have on their way, a power of two (256) */
    uint32_t spin;               /* looks at the rings before a call sleeps (0: none) */
    uint32_t control_timeout_ms; /* how long io-sock may take to answer before it is given up (30000) */
    uint32_t reserved[4];        /* 0 */
} csock_config_t;

void csock_config_init(csock_config_t *config);

/* Opens a session with the module under `name` (NULL: "csock") with settings (NULL: the defaults).
 * -CSOCK_ENOENT: no module answers. */
int csock_session_open(const char *name, const csock_config_t *config, csock_session_t **session);

/* Ends it. Its sockets live on until they are closed. NULL is fine. The pointer is dead afterwards. */
int csock_session_close(csock_session_t *session);

/* 0 while the session can be used, else why not. Sends nothing. */
int csock_session_check(const csock_session_t *session);

/* ---- Sockets: a handle is positive and never used twice in a row ---------------------------------------------------- */

/* socket(2). AF_INET, SOCK_STREAM, protocol 0 or IPPROTO_TCP. Returns a handle. */
int csock_socket(csock_session_t *session, int domain, int type, int protocol);
int csock_bind(int s, const struct sockaddr *addr, socklen_t len);
int csock_listen(int s, int backlog);
/* accept(2). Returns a handle. addr may be NULL. Signals do not end the wait. */
int csock_accept(int s, struct sockaddr *addr, socklen_t *len);
/* connect(2). Signals do not end the wait. -CSOCK_EINPROGRESS on a socket that does not block. */
int csock_connect(int s, const struct sockaddr *addr, socklen_t len);
/* send(2), with one copy into the pool. flags: MSG_DONTWAIT, MSG_NOSIGNAL (there never is a signal), CSOCK_MSG_MORE. */
ssize_t csock_send(int s, const void *buffer, size_t len, int flags);
/* recv(2), with one copy out of the pool. flags: MSG_DONTWAIT. 0 at the end of the stream. */
ssize_t csock_recv(int s, void *buffer, size_t len, int flags);
int csock_shutdown(int s, int how);
/* close(2). What was sent still goes out. Buffers in place that the program holds are dead afterwards. */
int csock_close(int s);
int csock_getsockname(int s, struct sockaddr *addr, socklen_t *len);
int csock_getpeername(int s, struct sockaddr *addr, socklen_t *len);
/* SOL_SOCKET: SO_REUSEADDR, SO_KEEPALIVE, SO_LINGER, SO_SNDBUF, SO_RCVBUF, SO_ERROR (get), SO_RCVTIMEO, SO_SNDTIMEO.
 * IPPROTO_TCP: TCP_NODELAY. Anything else is -CSOCK_ENOPROTOOPT. The value of SO_ERROR is a CSOCK_E number. */
int csock_setsockopt(int s, int level, int name, const void *value, socklen_t len);
int csock_getsockopt(int s, int level, int name, void *value, socklen_t *len);
/* With on != 0 verbs that would wait return -CSOCK_EAGAIN instead. */
int csock_set_nonblocking(int s, int on);
/* Milliseconds that receiving (and accepting) and sending may wait; 0: for ever, negative: leave as it is. When time
 * is up: -CSOCK_EAGAIN. */
int csock_set_timeouts(int s, int64_t recv_ms, int64_t send_ms);

#define CSOCK_MSG_MORE 0x01000000 /* more follows at once: a short segment may wait for it */

/* ---- Buffers in place: nothing is copied ------------------------------------------------------------------------------ */

/* Bytes of the pool in the program's hands. Copy it as you like, but give it back once. */
typedef struct csock_sio {
    void *data;        /* where they are */
    size_t len;        /* how many */
    uint64_t token;    /* the library's */
    uint32_t received; /* the library's */
    uint32_t reserved;
} csock_sio_t;

/* `len` bytes to fill. Waits for room as csock_send() does. flags: MSG_DONTWAIT. */
int csock_sio_reserve(int s, size_t len, csock_sio_t *buffer, int flags);
/* Sends the first `len` bytes of a reserved buffer and gives the rest back; 0 bytes gives all of it back. The buffer is
 * the library's afterwards, unless an error is returned. flags: CSOCK_MSG_MORE. */
ssize_t csock_sio_send(int s, csock_sio_t *buffer, size_t len, int flags);
/* The next received bytes, where they lie. Returns how many, 0 at the end of the stream. flags: MSG_DONTWAIT. */
ssize_t csock_sio_recv(int s, csock_sio_t *buffer, int flags);
/* Gives a buffer back: a received one to be filled again, a reserved one unsent. */
int csock_sio_release(int s, csock_sio_t *buffer);

/* ---- The ledger --------------------------------------------------------------------------------------------------------- */

/* What the module counts. All only grow, except where "now" is said. */
typedef struct csock_counters {
    uint64_t control_msgs;          /* messages received */
    uint64_t doorbells;             /* pulses received */
    uint64_t events;                /* waits answered */
    uint64_t worker_wakeups;        /* times that its worker woke */
    uint64_t tx_bytes;              /* bytes given to the stack */
    uint64_t tx_bytes_copied;       /* of these, copied first */
    uint64_t rx_bytes;              /* bytes given to clients */
    uint64_t rx_bytes_copied;       /* bytes copied to do so */
    uint64_t ext_mbufs_outstanding; /* mbufs that point into client memory now */
    uint64_t ext_mbufs_total;       /* mbufs made */
    uint64_t desc_accepted;         /* descriptors that passed every check */
    uint64_t desc_refused;          /* descriptors refused */
    uint64_t sockets_open;          /* now */
    uint64_t sessions_open;         /* now */
    uint64_t pools_mapped;          /* now */
    uint64_t parked;                /* requests that wait now */
    uint64_t reserved[8];
} csock_counters_t;

/* What this library counts. */
typedef struct csock_client_counters {
    uint64_t tx_bytes;             /* bytes handed to the module */
    uint64_t tx_bytes_copied;      /* of these, copied into the pool */
    uint64_t rx_bytes;             /* bytes handed to the program */
    uint64_t rx_bytes_copied;      /* of these, copied out of the pool */
    uint64_t doorbells_sent;       /* pulses sent */
    uint64_t doorbells_suppressed; /* pulses that were not needed */
    uint64_t control_msgs;         /* messages sent, waits included */
    uint64_t waits;                /* of these, waits */
} csock_client_counters_t;

typedef struct csock_stats {
    csock_counters_t mine;          /* of this session */
    csock_counters_t total;         /* of all sessions */
    csock_client_counters_t client; /* of this session, by this library */
} csock_stats_t;

int csock_stats(const csock_session_t *session, csock_stats_t *stats);

/* ---- Errors --------------------------------------------------------------------------------------------------------------- */

/* Name and meaning of an error number of either sign. Never NULL, never freed. */
const char *csock_strerror(int error);

#define CSOCK_EPERM 1 /* Operation not permitted */
#define CSOCK_EACCES 13 /* Permission denied */
#define CSOCK_EINVAL 22 /* Invalid argument */
#define CSOCK_EFAULT 14 /* Bad address */
#define CSOCK_ENOMEM 12 /* Not enough memory */
#define CSOCK_ENOBUFS 255 /* No buffer space available */
#define CSOCK_EAGAIN 11 /* Resource temporarily unavailable */
#define CSOCK_EINTR 4 /* Interrupted */
#define CSOCK_EIO 5 /* Input/output error */
#define CSOCK_EBUSY 16 /* Resource busy */
#define CSOCK_EEXIST 17 /* Already exists */
#define CSOCK_ENOENT 2 /* No such entry */
#define CSOCK_ESRCH 3 /* No such process */
#define CSOCK_ENXIO 6 /* No such device or address */
#define CSOCK_E2BIG 7 /* Argument list too long */
#define CSOCK_EBADF 9 /* Bad file descriptor or handle */
#define CSOCK_ENODEV 19 /* No such device */
#define CSOCK_ENFILE 23 /* Too many objects open in the system */
#define CSOCK_EMFILE 24 /* Too many objects open in the process */
#define CSOCK_ENOTTY 25 /* Inappropriate control operation */
#define CSOCK_EFBIG 27 /* Too large */
#define CSOCK_ENOSPC 28 /* No space left */
#define CSOCK_EROFS 30 /* Read-only */
#define CSOCK_EPIPE 32 /* Broken pipe: the sending side is shut down */
#define CSOCK_EDOM 33 /* Argument out of domain */
#define CSOCK_ERANGE 34 /* Result too large */
#define CSOCK_EDEADLK 45 /* Deadlock avoided */
#define CSOCK_ECANCELED 47 /* Cancelled */
#define CSOCK_ENOTSUP 48 /* Not supported */
#define CSOCK_EDQUOT 49 /* Quota exceeded */
#define CSOCK_ENODATA 61 /* No data */
#define CSOCK_ETIME 62 /* Timer expired */
#define CSOCK_EPROTO 71 /* Protocol error */
#define CSOCK_EBADMSG 77 /* Bad message */
#define CSOCK_ENAMETOOLONG 78 /* Name too long */
#define CSOCK_EOVERFLOW 79 /* Value too large for its type */
#define CSOCK_ENOSYS 89 /* Function not implemented */
#define CSOCK_ELOOP 90 /* Too many levels of links */
#define CSOCK_ERESTART 91 /* To be restarted */
#define CSOCK_EUSERS 94 /* Too many users */
#define CSOCK_EOPNOTSUPP 103 /* Operation not supported by the protocol */
#define CSOCK_ESTALE 122 /* Stale handle */
#define CSOCK_EINPROGRESS 236 /* In progress */
#define CSOCK_EALREADY 237 /* Already in progress */
#define CSOCK_ENOTSOCK 238 /* Not a socket */
#define CSOCK_EDESTADDRREQ 239 /* Destination address required */
#define CSOCK_EMSGSIZE 240 /* Message too long */
#define CSOCK_EPROTOTYPE 241 /* Wrong protocol type for the socket */
#define CSOCK_ENOPROTOOPT 242 /* Protocol option not available */
#define CSOCK_EPROTONOSUPPORT 243 /* Protocol not supported */
#define CSOCK_ESOCKTNOSUPPORT 244 /* Socket type not supported */
#define CSOCK_EPFNOSUPPORT 246 /* Protocol family not supported */
#define CSOCK_EAFNOSUPPORT 247 /* Address family not supported */
#define CSOCK_EADDRINUSE 248 /* Address in use */
#define CSOCK_EADDRNOTAVAIL 249 /* Address not available */
#define CSOCK_ENETDOWN 250 /* Network down */
#define CSOCK_ENETUNREACH 251 /* Network unreachable */
#define CSOCK_ENETRESET 252 /* Connection dropped by a network reset */
#define CSOCK_ECONNABORTED 253 /* Connection aborted */
#define CSOCK_ECONNRESET 254 /* Connection reset by the peer */
#define CSOCK_EISCONN 256 /* Already connected */
#define CSOCK_ENOTCONN 257 /* Not connected */
#define CSOCK_ESHUTDOWN 258 /* Shut down */
#define CSOCK_ETOOMANYREFS 259 /* Too many references */
#define CSOCK_ETIMEDOUT 260 /* Timed out */
#define CSOCK_ECONNREFUSED 261 /* Connection refused */
#define CSOCK_EHOSTDOWN 264 /* Host down */
#define CSOCK_EHOSTUNREACH 265 /* Host unreachable */
#define CSOCK_EWOULDBLOCK CSOCK_EAGAIN

/* What both sides of this header agree on; the library asserts the same numbers. */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(csock_config_t) == 64, "csock_config_t");
_Static_assert(offsetof(csock_config_t, control_timeout_ms) == 44, "csock_config_t");
_Static_assert(sizeof(csock_sio_t) == 32, "csock_sio_t");
_Static_assert(offsetof(csock_sio_t, token) == 16, "csock_sio_t");
_Static_assert(sizeof(csock_counters_t) == 192, "csock_counters_t");
_Static_assert(sizeof(csock_stats_t) == 448, "csock_stats_t");
_Static_assert(offsetof(csock_stats_t, total) == 192, "csock_stats_t");
_Static_assert(offsetof(csock_stats_t, client) == 384, "csock_stats_t");
#endif

#ifdef __cplusplus
}
#endif

#endif

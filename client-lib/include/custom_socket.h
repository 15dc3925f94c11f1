/* libcustom_socket: sockets whose data lies in memory shared with io-sock.
 *
 * Verbs that mirror a BSD socket call keep its name, its arguments, their order and what they return: 0, a handle or a count,
 * and -1 with errno set for failure. Addresses, option numbers, MSG_ flags and error numbers are the platform's own.
 *
 * Any verb may be called by any thread for any socket; one send or receive is one piece of the stream. csock_close() in one
 * thread ends waits in others with EBADF. A signal ends a wait with EINTR. In a child made by fork() every verb fails with
 * ESTALE at once and touches nothing of the parent's: open a session of its own there.
 *
 * Verbs that may wait are cancellation points: a thread that is cancelled while it waits leaves the socket to others. What waits in
 * a message (a socket without shared memory) is cancelled when that is over.
 *
 * A signal handler may send, receive, shut down and close, as long as the thread has used csock before. Where it interrupted a verb
 * of its own thread, a verb that would wait for that one fails with EAGAIN and has done nothing: at a lock, or in the same direction
 * of the same socket. Everything else works there.
 *
 * Once io-sock has died every verb fails with ECONNRESET; close the session and open another. One that does not answer within
 * control_timeout_ms is given up, and verbs fail with ETIMEDOUT; but a server that has received a message and does not reply
 * keeps its sender as long as the kernel lets it.
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
    uint32_t size;               /* set by csock_config_init(): lets programs and libraries of different age meet */
    uint32_t max_sockets;        /* sockets that use shared memory at one time, closing ones included (1088); others go by
                                  * messages */
    uint64_t pool_bytes;         /* length of the pool (16 MiB) */
    uint32_t rx_small;           /* small receive buffers, for all connections together (512) */
    uint32_t rx_small_len;       /* length of each, a multiple of 64 (2 KiB) */
    uint32_t rx_large;           /* large receive buffers, for all connections together (64) */
    uint32_t rx_large_len;       /* length of each, a multiple of 64 (64 KiB) */
    uint32_t tx_piece;           /* largest piece of the pool that a connection takes at a time to copy into (256 KiB) */
    uint32_t spin;               /* looks at shared memory before a call sleeps (0: none) */
    uint32_t control_timeout_ms; /* how long io-sock may take to answer before it is given up (30000) */
    uint32_t server_uid;         /* a user whose io-sock is trusted besides root's and one's own (none): droproot */
} csock_config_t;

void csock_config_init(csock_config_t *config);

/* Opens a session with the module at `path` with settings (NULL: the defaults). NULL: /dev/csock below the prefix that the
 * environment variable SOCK names, so SOCK=/alt means /alt/dev/csock; never another io-sock's instead.
 * ENOENT: nobody serves the path. EACCES: the module does not let this user in, or whoever serves the path is not to be
 * trusted (see server_uid). EINVAL: a setting is out of range. */
int csock_session_open(const char *path, const csock_config_t *config, csock_session_t **session);

/* Ends it. Its sockets live on until they are closed, its memory until the last buffer in place is back. NULL is fine. The
 * pointer is dead afterwards. */
int csock_session_close(csock_session_t *session);

/* 0 while the session can be used, else -1 and errno says why not. Sends nothing. */
int csock_session_check(const csock_session_t *session);

/* ---- Sockets: a handle is 2^30 or more, no file descriptor, and never used twice in a row --------------------------- */

/* socket(2). AF_INET, SOCK_STREAM, protocol 0 or IPPROTO_TCP. Returns a handle. */
int csock_socket(csock_session_t *session, int domain, int type, int protocol);
int csock_bind(int s, const struct sockaddr *addr, socklen_t len);
int csock_listen(int s, int backlog);
/* accept(2). Returns a handle. addr may be NULL. */
int csock_accept(int s, struct sockaddr *addr, socklen_t *len);
/* connect(2). EINPROGRESS on a socket that does not block. After EINTR the connection is still being made. */
int csock_connect(int s, const struct sockaddr *addr, socklen_t len);
/* send(2), with one copy into the pool. flags: MSG_DONTWAIT, MSG_NOSIGNAL (there never is a signal), CSOCK_MSG_MORE. */
ssize_t csock_send(int s, const void *buffer, size_t len, int flags);
/* recv(2), with one copy out of the pool. flags: MSG_DONTWAIT. 0 at the end of the stream. */
ssize_t csock_recv(int s, void *buffer, size_t len, int flags);
int csock_shutdown(int s, int how);
/* close(2). What was sent still goes out. Buffers in place that the program holds stay good until they are released. */
int csock_close(int s);
int csock_getsockname(int s, struct sockaddr *addr, socklen_t *len);
int csock_getpeername(int s, struct sockaddr *addr, socklen_t *len);
/* SOL_SOCKET: SO_REUSEADDR, SO_KEEPALIVE, SO_LINGER, SO_SNDBUF, SO_RCVBUF, SO_ERROR (get), SO_RCVTIMEO, SO_SNDTIMEO.
 * IPPROTO_TCP: TCP_NODELAY. Anything else is ENOPROTOOPT. */
int csock_setsockopt(int s, int level, int name, const void *value, socklen_t len);
int csock_getsockopt(int s, int level, int name, void *value, socklen_t *len);
/* With on != 0 verbs that would wait fail with EAGAIN instead. */
int csock_set_nonblocking(int s, int on);
/* Milliseconds that receiving (and accepting) and sending may wait; 0: for ever, negative: leave as it is. When time
 * is up: EAGAIN. */
int csock_set_timeouts(int s, int64_t recv_ms, int64_t send_ms);

#define CSOCK_MSG_MORE 0x01000000 /* more follows at once: a short segment may wait for it */

/* ---- Buffers in place: nothing is copied ------------------------------------------------------------------------------ */

/* Bytes of the pool in the program's hands. They are named by the token, which works once: a buffer that was sent or released, in
 * this structure or in a copy, is EINVAL. On failure the structure keeps its buffer, if it had one; on success without a buffer
 * (nothing received, buffer sent or released) it is zeros. Release every buffer once: one that is forgotten keeps its memory
 * until the process ends; and a program that keeps all receive buffers that a socket can get (a quarter of its session's)
 * receives there by csock_recv() alone: csock_sio_recv() is ENOBUFS then. */
typedef struct csock_sio {
    void *data;     /* where they are */
    size_t len;     /* how many */
    uint64_t token; /* the library's */
} csock_sio_t;

/* `size` bytes to fill and to send on this socket. Waits for room as csock_send() does. flags: MSG_DONTWAIT. */
int csock_sio_reserve(int s, csock_sio_t *buffer, size_t size, int flags);
/* Sends the first `size` bytes of a buffer that was reserved for this socket and gives the rest back; 0 bytes gives all of it
 * back. Returns `size`; do not touch the bytes afterwards. flags: CSOCK_MSG_MORE, MSG_NOSIGNAL. EINVAL: a received buffer, or
 * reserved for another socket, or shorter. */
ssize_t csock_sio_send(int s, csock_sio_t *buffer, size_t size, int flags);
/* The next received bytes, at most `size`, where they lie. Returns how many, 0 at the end of the stream. flags: MSG_DONTWAIT. */
ssize_t csock_sio_recv(int s, csock_sio_t *buffer, size_t size, int flags);
/* Gives a buffer back: a received one to be filled again, a reserved one unsent. Also after its socket was closed. */
int csock_sio_release(csock_sio_t *buffer);

/* ---- The ledger --------------------------------------------------------------------------------------------------------- */

/* What the module counts. All only grow, except where "now" is said. */
typedef struct csock_counters {
    uint64_t control_msgs;             /* control messages received; doorbells by message are not among them */
    uint64_t doorbells;                /* doorbells received, by pulse or by message */
    uint64_t doorbell_msgs;            /* of these, by message */
    uint64_t events;                   /* events delivered to sleeping threads, and parked requests answered */
    uint64_t worker_wakeups;           /* times a worker thread was woken */
    uint64_t doorbell_wakeups;         /* times the doorbell thread came out of its wait */
    uint64_t tx_bytes;                 /* bytes of client data given to the stack */
    uint64_t tx_bytes_copied;          /* of these, bytes that were copied into the stack's own memory */
    uint64_t tx_bytes_by_message;      /* of these, bytes that came by message */
    uint64_t rx_bytes;                 /* bytes of received data given to clients */
    uint64_t rx_bytes_copied;          /* bytes copied to do so */
    uint64_t rx_bytes_by_message;      /* of the received bytes, those that went by message */
    uint64_t ext_mbufs_outstanding;    /* ranges of client memory that the stack holds now */
    uint64_t ext_mbufs_total;          /* ranges of client memory lent to the stack */
    uint64_t sends;                    /* calls of `sosend` */
    uint64_t entries_accepted;         /* pieces of what clients committed that passed every check */
    uint64_t faults;                   /* words and entries refused */
    uint64_t sockets_open;             /* sockets open now */
    uint64_t sessions_open;            /* sessions open now */
    uint64_t pools_mapped;             /* pools mapped now */
    uint64_t parked;                   /* requests parked now */
    uint64_t starved;                  /* times that data waited because the client held every receive buffer */
    uint64_t reserved[2];              /* zero */
} csock_counters_t;

/* What this library counts. */
typedef struct csock_client_counters {
    uint64_t tx_bytes;             /* bytes handed to the module */
    uint64_t tx_bytes_copied;      /* of these, copied into the pool */
    uint64_t tx_bytes_by_message;  /* of these, in messages */
    uint64_t rx_bytes;             /* bytes handed to the program */
    uint64_t rx_bytes_copied;      /* of these, copied out of the pool */
    uint64_t rx_bytes_by_message;  /* of these, in messages */
    uint64_t doorbells_sent;       /* doorbells, by pulse or by message */
    uint64_t doorbell_msgs;        /* of these, by message */
    uint64_t doorbells_suppressed; /* doorbells that were not needed */
    uint64_t control_msgs;         /* messages sent, doorbells not counted */
    uint64_t waits;                /* of these, messages that waited */
    uint64_t sleeps;               /* sleeps without a message */
    uint64_t false_wakes;          /* sleeps that ended with nothing to do */
} csock_client_counters_t;

typedef struct csock_stats {
    csock_counters_t mine;          /* of this session */
    csock_counters_t total;         /* of all sessions */
    csock_client_counters_t client; /* of this session, by this library */
} csock_stats_t;

/* `size`: sizeof *stats. */
int csock_stats(const csock_session_t *session, csock_stats_t *stats, size_t size);

/* What both sides of this header agree on; the library asserts the same numbers. */
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(csock_config_t) == 48, "csock_config_t");
_Static_assert(offsetof(csock_config_t, control_timeout_ms) == 40, "csock_config_t");
_Static_assert(sizeof(csock_sio_t) == 24, "csock_sio_t");
_Static_assert(offsetof(csock_sio_t, token) == 16, "csock_sio_t");
_Static_assert(sizeof(csock_counters_t) == 192, "csock_counters_t");
_Static_assert(sizeof(csock_stats_t) == 488, "csock_stats_t");
_Static_assert(offsetof(csock_stats_t, total) == 192, "csock_stats_t");
_Static_assert(offsetof(csock_stats_t, client) == 384, "csock_stats_t");
#endif

#ifdef __cplusplus
}
#endif

#endif

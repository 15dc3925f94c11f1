/* The two buffer locks of a socket, by the name of the base at hand. */
#ifndef IOSOCK_SHIM_SOCKBUF_LOCK_H
#define IOSOCK_SHIM_SOCKBUF_LOCK_H

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/sockbuf.h>
#include <sys/socketvar.h>

/* In 14 the locks moved from the buffer to the socket. */
#if __FreeBSD_version >= 1400000
#define SEND_LOCK(so) SOCK_SENDBUF_LOCK(so)
#define SEND_UNLOCK(so) SOCK_SENDBUF_UNLOCK(so)
#define RECEIVE_LOCK(so) SOCK_RECVBUF_LOCK(so)
#define RECEIVE_UNLOCK(so) SOCK_RECVBUF_UNLOCK(so)
#else
#define SEND_LOCK(so) SOCKBUF_LOCK(&(so)->so_snd)
#define SEND_UNLOCK(so) SOCKBUF_UNLOCK(&(so)->so_snd)
#define RECEIVE_LOCK(so) SOCKBUF_LOCK(&(so)->so_rcv)
#define RECEIVE_UNLOCK(so) SOCKBUF_UNLOCK(&(so)->so_rcv)
#endif

#endif

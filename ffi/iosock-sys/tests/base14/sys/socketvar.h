/* The names of 14, over the stand-in's layout of 13. */
#include_next <sys/socketvar.h>
#ifndef SOCK_SENDBUF_LOCK
#define SOCK_SENDBUF_LOCK(so) SOCKBUF_LOCK(&(so)->so_snd)
#define SOCK_SENDBUF_UNLOCK(so) SOCKBUF_UNLOCK(&(so)->so_snd)
#define SOCK_RECVBUF_LOCK(so) SOCKBUF_LOCK(&(so)->so_rcv)
#define SOCK_RECVBUF_UNLOCK(so) SOCKBUF_UNLOCK(&(so)->so_rcv)
#endif
#define so_rerror so_error

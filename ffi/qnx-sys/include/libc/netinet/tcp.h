/* Options of TCP. [L] */
#ifndef QNX_NETINET_TCP_H
#define QNX_NETINET_TCP_H

#define TCP_NODELAY 1
#define TCP_MAXSEG 2
#define TCP_MD5SIG 0x10
/* A field report missed these three in its SDP 8.0: take ENOPROTOOPT for an answer. */
#define TCP_KEEPIDLE 256
#define TCP_KEEPINTVL 512
#define TCP_KEEPCNT 1024

#endif

/* Socket numbers and addresses. */
#ifndef _SYS_SOCKET_H_
#define _SYS_SOCKET_H_

#include <sys/_iovec.h>
#include <sys/_types.h>
#include <sys/cdefs.h>
#include <sys/types.h>

typedef __sa_family_t sa_family_t;
typedef __socklen_t socklen_t;

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_LOCAL AF_UNIX
#define AF_INET 2
#define AF_APPLETALK 16
#define AF_ROUTE 17
#define AF_LINK 18
#define AF_INET6 28
#define AF_ARP 35
#define AF_BLUETOOTH 36
#define AF_IEEE80211 37
#define PF_UNSPEC AF_UNSPEC
#define PF_LOCAL AF_LOCAL
#define PF_UNIX PF_LOCAL
#define PF_INET AF_INET
#define PF_ROUTE AF_ROUTE
#define PF_INET6 AF_INET6

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_RDM 4
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC 0x10000000
#define SOCK_NONBLOCK 0x20000000
#define SOMAXCONN 128

#define SOL_SOCKET 0xffff
#define SO_DEBUG 0x00000001
/* Set by solisten: the socket is a listener. */
#define SO_ACCEPTCONN 0x00000002
#define SO_REUSEADDR 0x00000004
#define SO_KEEPALIVE 0x00000008
#define SO_DONTROUTE 0x00000010
#define SO_BROADCAST 0x00000020
#define SO_USELOOPBACK 0x00000040
#define SO_LINGER 0x00000080
#define SO_OOBINLINE 0x00000100
#define SO_REUSEPORT 0x00000200
#define SO_TIMESTAMP 0x00000400
#define SO_NOSIGPIPE 0x00000800
#define SO_NO_OFFLOAD 0x00004000
#define SO_NO_DDP 0x00008000
#define SO_SNDBUF 0x1001
#define SO_RCVBUF 0x1002
#define SO_SNDLOWAT 0x1003
#define SO_RCVLOWAT 0x1004
#define SO_SNDTIMEO 0x1005
#define SO_RCVTIMEO 0x1006
#define SO_ERROR 0x1007
#define SO_TYPE 0x1008
#define SO_SETFIB 0x1014
#define SO_PROTOCOL 0x1016
#define SO_DOMAIN 0x1019

struct linger {
	int l_onoff;
	int l_linger; /* seconds */
};

struct sockaddr {
	unsigned char sa_len;
	sa_family_t sa_family;
	char sa_data[14];
};

struct sockaddr_storage {
	unsigned char ss_len;
	sa_family_t ss_family;
	char __ss_pad1[6];
	__int64_t __ss_align;
	char __ss_pad2[112];
};
#define SS_MAXSIZE 128

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

#define MSG_OOB 0x00000001
#define MSG_PEEK 0x00000002
#define MSG_DONTROUTE 0x00000004
#define MSG_EOR 0x00000008
#define MSG_TRUNC 0x00000010
#define MSG_CTRUNC 0x00000020
#define MSG_WAITALL 0x00000040
#define MSG_DONTWAIT 0x00000080
#define MSG_EOF 0x00000100
#define MSG_NOTIFICATION 0x00002000
#define MSG_NBIO 0x00004000
#define MSG_COMPAT 0x00008000
#define MSG_SOCALLBCK 0x00010000
#define MSG_NOSIGNAL 0x00020000
#define MSG_CMSG_CLOEXEC 0x00040000
#define MSG_WAITFORONE 0x00080000
#define MSG_MORETOCOME 0x00100000

struct msghdr {
	void *msg_name;
	socklen_t msg_namelen;
	struct iovec *msg_iov;
	int msg_iovlen;
	void *msg_control;
	socklen_t msg_controllen;
	int msg_flags;
};

struct cmsghdr {
	socklen_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};

/* Flag of solisten_dequeue: the child takes SS_NBIO from the listener. */
#define ACCEPT4_INHERIT 0x1

#endif

/* The protocol switch as in FreeBSD 14.3: one table, where 13 has a second one behind pr_usrreqs. Only the address calls are for modules. */
#ifndef _SYS_PROTOSW_H_
#define _SYS_PROTOSW_H_

#include <sys/types.h>

struct kaiocb;
struct domain;
struct ifnet;
struct mbuf;
struct sockaddr;
struct socket;
struct sockopt;
struct stat;
struct thread;
struct uio;
struct ucred;

struct protosw {
	short pr_type;
	short pr_protocol;
	short pr_flags;
	short pr_unused;
	struct domain *pr_domain;
	int (*pr_soreceive)(struct socket *so, struct sockaddr **paddr, struct uio *uio, struct mbuf **mp0, struct mbuf **controlp,
	    int *flagsp);
	int (*pr_rcvd)(struct socket *so, int flags);
	int (*pr_sosend)(struct socket *so, struct sockaddr *addr, struct uio *uio, struct mbuf *top, struct mbuf *control, int flags,
	    struct thread *td);
	int (*pr_send)(struct socket *so, int flags, struct mbuf *m, struct sockaddr *addr, struct mbuf *control, struct thread *td);
	int (*pr_ready)(struct socket *so, struct mbuf *m, int count);
	int (*pr_sopoll)(struct socket *so, int events, struct ucred *cred, struct thread *td);
	int (*pr_attach)(struct socket *so, int proto, struct thread *td);
	void (*pr_detach)(struct socket *so);
	int (*pr_connect)(struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pr_disconnect)(struct socket *so);
	void (*pr_close)(struct socket *so);
	int (*pr_shutdown)(struct socket *so);
	void (*pr_abort)(struct socket *so);
	int (*pr_aio_queue)(struct socket *so, struct kaiocb *job);
	int (*pr_bind)(struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pr_bindat)(int fd, struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pr_listen)(struct socket *so, int backlog, struct thread *td);
	int (*pr_accept)(struct socket *so, struct sockaddr **nam);
	int (*pr_connectat)(int fd, struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pr_connect2)(struct socket *so1, struct socket *so2);
	int (*pr_control)(struct socket *so, unsigned long cmd, void *data, struct ifnet *ifp, struct thread *td);
	int (*pr_rcvoob)(struct socket *so, struct mbuf *m, int flags);
	int (*pr_ctloutput)(struct socket *so, struct sockopt *opt);
	/* Both give memory of type M_SONAME. */
	int (*pr_peeraddr)(struct socket *so, struct sockaddr **nam);
	int (*pr_sockaddr)(struct socket *so, struct sockaddr **nam);
	int (*pr_sense)(struct socket *so, struct stat *sb);
	int (*pr_flush)(struct socket *so, int direction);
	void (*pr_sosetlabel)(struct socket *so);
	int (*pr_setsbopt)(struct socket *so, struct sockopt *opt);
};

#define PR_ATOMIC 0x01
#define PR_ADDR 0x02
#define PR_CONNREQUIRED 0x04
#define PR_WANTRCVD 0x08
#define PR_RIGHTS 0x10
#define PR_IMPLOPCL 0x20

#endif

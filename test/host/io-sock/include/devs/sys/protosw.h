/* The protocol switch. Only the address calls are for modules. */
#ifndef _SYS_PROTOSW_H_
#define _SYS_PROTOSW_H_

#include <sys/types.h>

struct domain;
struct kaiocb;
struct ifnet;
struct mbuf;
struct sockaddr;
struct socket;
struct sockopt;
struct stat;
struct thread;
struct uio;
struct ucred;
struct pr_usrreqs;

struct protosw {
	short pr_type;
	struct domain *pr_domain;
	short pr_protocol;
	short pr_flags;
	int (*pr_input)(struct mbuf **, int *, int);
	int (*pr_output)(struct mbuf *, struct socket *, ...);
	void (*pr_ctlinput)(int, struct sockaddr *, void *);
	int (*pr_ctloutput)(struct socket *, struct sockopt *);
	void (*pr_init)(void);
	void (*pr_fasttimo)(void);
	void (*pr_slowtimo)(void);
	void (*pr_drain)(void);
	struct pr_usrreqs *pr_usrreqs;
};

#define PR_ATOMIC 0x01
#define PR_ADDR 0x02
#define PR_CONNREQUIRED 0x04
#define PR_WANTRCVD 0x08
#define PR_RIGHTS 0x10
#define PR_IMPLOPCL 0x20

struct pr_usrreqs {
	void (*pru_abort)(struct socket *so);
	int (*pru_accept)(struct socket *so, struct sockaddr **nam);
	int (*pru_attach)(struct socket *so, int proto, struct thread *td);
	int (*pru_bind)(struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pru_connect)(struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pru_connect2)(struct socket *so1, struct socket *so2);
	int (*pru_control)(struct socket *so, u_long cmd, caddr_t data, struct ifnet *ifp, struct thread *td);
	void (*pru_detach)(struct socket *so);
	int (*pru_disconnect)(struct socket *so);
	int (*pru_listen)(struct socket *so, int backlog, struct thread *td);
	/* Both give memory of type M_SONAME. */
	int (*pru_peeraddr)(struct socket *so, struct sockaddr **nam);
	int (*pru_rcvd)(struct socket *so, int flags);
	int (*pru_rcvoob)(struct socket *so, struct mbuf *m, int flags);
	int (*pru_send)(struct socket *so, int flags, struct mbuf *m, struct sockaddr *addr, struct mbuf *control, struct thread *td);
	int (*pru_ready)(struct socket *so, struct mbuf *m, int count);
	int (*pru_sense)(struct socket *so, struct stat *sb);
	int (*pru_shutdown)(struct socket *so);
	int (*pru_flush)(struct socket *so, int direction);
	int (*pru_sockaddr)(struct socket *so, struct sockaddr **nam);
	int (*pru_sosend)(struct socket *so, struct sockaddr *addr, struct uio *uio, struct mbuf *top, struct mbuf *control, int flags,
	    struct thread *td);
	int (*pru_soreceive)(struct socket *so, struct sockaddr **paddr, struct uio *uio, struct mbuf **mp0, struct mbuf **controlp,
	    int *flagsp);
	int (*pru_sopoll)(struct socket *so, int events, struct ucred *cred, struct thread *td);
	void (*pru_sosetlabel)(struct socket *so);
	void (*pru_close)(struct socket *so);
	int (*pru_bindat)(int fd, struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pru_connectat)(int fd, struct socket *so, struct sockaddr *nam, struct thread *td);
	int (*pru_aio_queue)(struct socket *so, struct kaiocb *job);
};

#endif

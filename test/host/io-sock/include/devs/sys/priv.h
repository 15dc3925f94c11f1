/* Privileges, and the check against a credential. */
#ifndef _SYS_PRIV_H_
#define _SYS_PRIV_H_

#define PRIV_ROOT 1
#define PRIV_NETINET_RESERVEDPORT 490
#define PRIV_NETINET_RAW 497
#define PRIV_NETINET_GETCRED 498
#define PRIV_NETINET_REUSEPORT 504
#define PRIV_NETINET_SETHDROPTS 505
#define PRIV_NETINET_BINDANY 506

struct thread;
struct ucred;
/* 0 or EPERM. */
int priv_check(struct thread *td, int priv);
int priv_check_cred(struct ucred *cred, int priv);

#endif

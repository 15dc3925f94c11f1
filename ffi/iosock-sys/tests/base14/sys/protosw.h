/* 14 has one table where 13 has two. */
#include_next <sys/protosw.h>
#define pr_sockaddr pr_usrreqs->pru_sockaddr
#define pr_peeraddr pr_usrreqs->pru_peeraddr

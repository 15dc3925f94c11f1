#ifndef _SYS_SOCKOPT_H_
#define _SYS_SOCKOPT_H_

#include <sys/types.h>

struct socket;
struct thread;

enum sopt_dir { SOPT_GET, SOPT_SET };

struct sockopt {
	enum sopt_dir sopt_dir;
	int sopt_level;
	int sopt_name;
	void *sopt_val;
	size_t sopt_valsize;
	/* NULL: sopt_val is kernel memory. */
	struct thread *sopt_td;
};

int sosetopt(struct socket *so, struct sockopt *sopt);
int sogetopt(struct socket *so, struct sockopt *sopt);
int sooptcopyin(struct sockopt *sopt, void *buf, size_t len, size_t minlen);
int sooptcopyout(struct sockopt *sopt, const void *buf, size_t len);
int so_setsockopt(struct socket *so, int level, int optname, void *optval, size_t optlen);

#endif

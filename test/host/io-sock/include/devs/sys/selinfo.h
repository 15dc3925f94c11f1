#ifndef _SYS_SELINFO_H_
#define _SYS_SELINFO_H_

#include <sys/queue.h>

struct knlist {
	void *kl_list;
	void (*kl_lock)(void *);
	void (*kl_unlock)(void *);
	void (*kl_assert_lock)(void *, int);
	void *kl_lockarg;
	int kl_autodestroy;
};

struct selfd;
struct mtx;
struct selinfo {
	TAILQ_HEAD(, selfd) si_tdlist;
	struct knlist si_note;
	struct mtx *si_mtx;
};

#endif

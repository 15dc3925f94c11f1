/* kthread(9). */
#ifndef _SYS_KTHREAD_H_
#define _SYS_KTHREAD_H_

#include <sys/cdefs.h>
#include <sys/kernel.h>
#include <sys/proc.h>
#include <sys/unistd.h>

/*
 * QNX only: the thread can be waited for with pthread_join(td->td_pt_tid). Without it the thread's memory goes when it ends.
 * ON-TARGET: the value of KTHREAD_JOIN is the SDP's, not known here.
 */
#define KTHREAD_JOIN 0x40000000

struct kproc_desc {
	const char *arg0;
	void (*func)(void);
	struct proc **global_procpp;
};
struct kthread_desc {
	const char *arg0;
	void (*func)(void);
	struct thread **global_threadpp;
};

/* A thread of proc0 (proc NULL) that runs func(arg), which must end in kthread_exit(). 0 or an errno. */
int kthread_add(void (*func)(void *), void *arg, struct proc *proc, struct thread **newtd, int flags, int pages, const char *fmt, ...)
    __printflike(7, 8);
void kthread_exit(void) __dead2;
int kproc_create(void (*func)(void *), void *arg, struct proc **newpp, int flags, int pages, const char *fmt, ...) __printflike(6, 7);
void kproc_exit(int code) __dead2;
void kproc_start(const void *desc);
void kthread_start(const void *desc);

#endif

/* Threads and processes as the stack sees them. */
#ifndef _SYS_PROC_H_
#define _SYS_PROC_H_

#include <sys/lock.h>
#include <sys/_mutex.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/ucred.h>

struct rusage_counts {
	long ru_msgsnd;
	long ru_msgrcv;
	long ru_nvcsw;
	long ru_nivcsw;
};

struct proc {
	struct ucred *p_ucred;
	pid_t p_pid;
	int p_flag;
	char p_comm[MAXCOMLEN + 1];
};

/* Owned by the kernel. io-sock's threads are POSIX threads; td_pt_tid is the one that pthread_join takes. */
struct thread {
	struct proc *td_proc;
	struct ucred *td_ucred;
	pthread_t td_pt_tid;
	lwpid_t td_tid;
	int td_flags;
	int td_pflags;
	u_int td_locks;
	int td_priority;
	struct rusage_counts td_ru;
	register_t td_retval[2];
	const void *td_wchan;
	const char *td_wmesg;
	char td_name[MAXCOMLEN + 1];
	void *td_private;
};

/* The calling thread; NULL in one that io-sock does not know. */
struct thread *__curthread(void);
#define curthread (__curthread())
#define curproc (curthread->td_proc)

extern struct proc proc0;
extern struct thread thread0;

#define PROC_LOCK(p) (void)(p)
#define PROC_UNLOCK(p) (void)(p)

#endif

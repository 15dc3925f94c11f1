/* taskqueue(9): work done later by a thread of the queue, where sleeping is allowed. */
#ifndef _SYS_TASKQUEUE_H_
#define _SYS_TASKQUEUE_H_

#include <sys/_task.h>
#include <sys/systm.h>

struct taskqueue;
typedef void (*taskqueue_enqueue_fn)(void *context);

#define TASK_INITIALIZER(priority, func, context) \
	{ \
		.ta_priority = (priority), .ta_func = (func), .ta_context = (context) \
	}
#define TASK_INIT(task, priority, func, context) \
	do { \
		(task)->ta_pending = 0; \
		(task)->ta_priority = (priority); \
		(task)->ta_flags = 0; \
		(task)->ta_func = (func); \
		(task)->ta_context = (context); \
	} while (0)

struct taskqueue *taskqueue_create(const char *name, int mflags, taskqueue_enqueue_fn enqueue, void *context);
int taskqueue_start_threads(struct taskqueue **tqp, int count, int pri, const char *name, ...) __printflike(4, 5);
int taskqueue_enqueue(struct taskqueue *queue, struct task *task);
int taskqueue_cancel(struct taskqueue *queue, struct task *task, u_int *pendp);
void taskqueue_drain(struct taskqueue *queue, struct task *task);
void taskqueue_drain_all(struct taskqueue *queue);
void taskqueue_free(struct taskqueue *queue);
void taskqueue_thread_enqueue(void *context);
extern struct taskqueue *taskqueue_thread;

#define PI_NET 16
#define PI_SOFT 28

#endif

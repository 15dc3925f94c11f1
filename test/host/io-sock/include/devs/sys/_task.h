#ifndef _SYS__TASK_H_
#define _SYS__TASK_H_

#include <sys/queue.h>
#include <sys/types.h>

typedef void task_fn_t(void *context, int pending);

struct task {
	STAILQ_ENTRY(task) ta_link;
	uint16_t ta_pending;
	uint8_t ta_priority;
	uint8_t ta_flags;
	task_fn_t *ta_func;
	void *ta_context;
};

#endif

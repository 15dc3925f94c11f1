/* eventhandler(9): named lists of callbacks. Deregister before the module goes. */
#ifndef _SYS_EVENTHANDLER_H_
#define _SYS_EVENTHANDLER_H_

#include <sys/queue.h>
#include <sys/types.h>

struct eventhandler_entry;
typedef struct eventhandler_entry *eventhandler_tag;

#define EVENTHANDLER_PRI_FIRST 0
#define EVENTHANDLER_PRI_ANY 10000
#define EVENTHANDLER_PRI_LAST 20000

#define EVENTHANDLER_DECLARE(name, type) \
	struct eventhandler_entry_##name { \
		type eh_func; \
	}
#define EVENTHANDLER_REGISTER(name, func, arg, priority) eventhandler_register(NULL, #name, (void *)(func), (arg), (priority))
#define EVENTHANDLER_DEREGISTER(name, tag) eventhandler_deregister_name(#name, (tag))

eventhandler_tag eventhandler_register(void *list, const char *name, void *func, void *arg, int priority);
void eventhandler_deregister_name(const char *name, eventhandler_tag tag);

#endif

/* sys/systm.h, sys/syslog.h: one line to the system log. */
#include "base.h"

#include <sys/syslog.h>

void
iosock_shim_log(int level, const char *text, int len)
{
	log(level, "%.*s\n", len, text);
}

/* In FreeBSD character devices and the common forms of module declaration; io-sock has no device switch. */
#ifndef _SYS_CONF_H_
#define _SYS_CONF_H_

#include <sys/eventhandler.h>
#include <sys/module.h>

#endif

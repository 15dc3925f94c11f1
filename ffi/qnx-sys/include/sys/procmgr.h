/* Abilities of a process. Numbers [H]. */
#ifndef QNX_SYS_PROCMGR_H
#define QNX_SYS_PROCMGR_H

#include <qnx/decl.h>
#include <sys/types.h>

#define PROCMGR_AID_PATHSPACE 5u
#define PROCMGR_AID_MEM_PHYS 16u
#define PROCMGR_AID_PRIORITY 33u
#define PROCMGR_AID_CONNECTION 34u
#define PROCMGR_AID_PUBLIC_CHANNEL 44u
#define PROCMGR_AID_ABLE_CREATE 46u
#define PROCMGR_AID_XPROCESS_QUERY 50u
#define PROCMGR_AID_CHANNEL_CONNECT 58u
#define PROCMGR_AID_SIGEV_THREAD 69u
#define PROCMGR_AID_EOL 0xffffu

#define PROCMGR_AOP_DENY 0x10000u
#define PROCMGR_AOP_ALLOW 0x20000u
#define PROCMGR_AOP_SUBRANGE 0x40000u
#define PROCMGR_AOP_LOCK 0x80000u
#define PROCMGR_AOP_INHERIT_YES 0x400000u
#define PROCMGR_AOP_INHERIT_NO 0x800000u
#define PROCMGR_ADN_ROOT 0x10000000u
#define PROCMGR_ADN_NONROOT 0x20000000u

QNX_BEGIN_DECLS
/* EOK or an error number; the list ends with PROCMGR_AID_EOL. */
int procmgr_ability(pid_t pid, unsigned ability, ...);
int procmgr_ability_create(const char *name, unsigned flags); /* an id, or a negative error [D71] */
int procmgr_ability_lookup(const char *name);                 /* an id, or a negative error [D71] */
QNX_END_DECLS

#endif

/* A path for a channel, without a dispatch handle. */
#ifndef QNX_SYS_PATHMGR_H
#define QNX_SYS_PATHMGR_H

#include <qnx/decl.h>
#include <stdint.h>
#include <sys/ftype.h>
#include <sys/types.h>

/* The same as resmgr_attach's. Names [D8], numbers [H] */
#define PATHMGR_FLAG_BEFORE 0x0001
#define PATHMGR_FLAG_AFTER 0x0002
#define PATHMGR_FLAG_OPAQUE 0x0004
#define PATHMGR_FLAG_FTYPEONLY 0x0008
#define PATHMGR_FLAG_FTYPEALL 0x0010
#define PATHMGR_FLAG_DIR 0x0100  /* longer paths come here too */
#define PATHMGR_FLAG_SELF 0x0200 /* also for this process itself */

QNX_BEGIN_DECLS
/*
 * Puts channel chid of process pid (0: this one) under path; reserved is 0. A link id, or -1. [D8] Each connect message brings
 * handle back. What arrives is the server's to answer: nothing checks permissions for it. Needs the ability PATHSPACE.
 */
int pathmgr_link(const char *path, uint32_t reserved, pid_t pid, int chid, unsigned handle, enum _file_type file_type,
                 unsigned flags);
/* Takes a link away; it goes with its process, too. [D6 H] */
int pathmgr_unlink(int id);
QNX_END_DECLS

#endif

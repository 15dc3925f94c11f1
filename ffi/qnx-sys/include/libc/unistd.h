/* Files, ids and system values. */
#ifndef QNX_UNISTD_H
#define QNX_UNISTD_H

#include <qnx/decl.h>
#include <sys/types.h>

#define _SC_PAGESIZE 11 /* [L] */

QNX_BEGIN_DECLS
int close(int fd) QNX_LIBC_NAME(close);
ssize_t read(int fd, void *buf, size_t bytes) QNX_LIBC_NAME(read);
ssize_t write(int fd, const void *buf, size_t bytes) QNX_LIBC_NAME(write);
int ftruncate(int fd, off_t size) QNX_LIBC_NAME(ftruncate);
long sysconf(int name) QNX_LIBC_NAME(sysconf);
pid_t getpid(void) QNX_LIBC_NAME(getpid);
/* These mean the same on Linux and never fail: Linux's own serve there. */
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
QNX_END_DECLS

#endif

/* Opening, and numbers of file flags. [L] */
#ifndef QNX_FCNTL_H
#define QNX_FCNTL_H

#include <qnx/decl.h>
#include <sys/types.h>

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_EXEC 3
#define O_ACCMODE 7
#define O_APPEND 0x8
#define O_DSYNC 0x10
#define O_SYNC 0x20
#define O_RSYNC 0x40
#define O_NONBLOCK 0x80
#define O_CREAT 0x100
#define O_TRUNC 0x200
#define O_EXCL 0x400
#define O_NOCTTY 0x800
#define O_NOFOLLOW 0x1000
#define O_CLOEXEC 0x2000
#define O_LARGEFILE 0x8000
#define O_ASYNC 0x10000
#define O_DIRECTORY 0x100000

#define F_DUPFD 0
#define F_GETFD 1
#define F_SETFD 2
#define F_GETFL 3
#define F_SETFL 4
#define F_DUPFD_CLOEXEC 5
#define FD_CLOEXEC 1

QNX_BEGIN_DECLS
int open(const char *path, int oflag, ...) QNX_LIBC_NAME(open);
int fcntl(int fd, int cmd, ...) QNX_LIBC_NAME(fcntl);
QNX_END_DECLS

#endif

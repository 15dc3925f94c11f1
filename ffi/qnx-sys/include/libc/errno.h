/* Error numbers of QNX 8 [L]. Up to 34 they are Linux's; most others are not, and many do not fit in a byte. */
#ifndef QNX_ERRNO_H
#define QNX_ERRNO_H

#include <qnx/decl.h>

#define EOK 0
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define EWOULDBLOCK EAGAIN
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EPIPE 32
#define EDOM 33
#define ERANGE 34
#define ENOMSG 35
#define EIDRM 36
#define EDEADLK 45
#define ENOLCK 46
#define ECANCELED 47
#define ENOTSUP 48
#define EDQUOT 49
#define EDEADLOCK 56
#define EOWNERDEAD 58
#define ENODATA 61
#define ETIME 62
#define ENOLINK 67
#define EPROTO 71
#define EMULTIHOP 74
#define EBADMSG 77
#define ENAMETOOLONG 78
#define EOVERFLOW 79
#define ENOTUNIQ 80
#define EBADFD 81
#define EILSEQ 88
#define ENOSYS 89
#define ELOOP 90
#define ERESTART 91
#define ENOTEMPTY 93
#define EUSERS 94
#define ENOTRECOVERABLE 95
#define EOPNOTSUPP 103
#define ESTALE 122
#define EINPROGRESS 236
#define EALREADY 237
#define ENOTSOCK 238
#define EDESTADDRREQ 239
#define EMSGSIZE 240
#define EPROTOTYPE 241
#define ENOPROTOOPT 242
#define EPROTONOSUPPORT 243
#define ESOCKTNOSUPPORT 244
#define EPFNOSUPPORT 246
#define EAFNOSUPPORT 247
#define EADDRINUSE 248
#define EADDRNOTAVAIL 249
#define ENETDOWN 250
#define ENETUNREACH 251
#define ENETRESET 252
#define ECONNABORTED 253
#define ECONNRESET 254
#define ENOBUFS 255
#define EISCONN 256
#define ENOTCONN 257
#define ESHUTDOWN 258
#define ETOOMANYREFS 259
#define ETIMEDOUT 260
#define ECONNREFUSED 261
#define EHOSTDOWN 264
#define EHOSTUNREACH 265
#define ENOREMOTE 300
#define EBADFSYS 302
#define EMORE 309
#define ESRVRFAULT 312
#define EENDIAN 313
#define ESECTYPEINVAL 314

QNX_BEGIN_DECLS
int *__get_errno_ptr(void); /* this thread's errno [L] */
QNX_END_DECLS
#ifndef errno
#define errno (*__get_errno_ptr())
#endif

#endif

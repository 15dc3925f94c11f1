/* Types of system messages: the first u16 of a message. Programs use types above _IO_MAX. */
#ifndef QNX_SYS_IOMSG_H
#define QNX_SYS_IOMSG_H

#define _IO_BASE 0x100
#define _IO_MAX 0x1FF /* [D71 P] */
/* [P] */
#define _IO_CONNECT 0x100
#define _IO_READ 0x101
#define _IO_WRITE 0x102
#define _IO_STAT 0x104
#define _IO_NOTIFY 0x105
#define _IO_DEVCTL 0x106
#define _IO_MSG 0x113
#define _IO_DUP 0x115
#define _IO_CLOSE 0x116

/* What follows the type, for resource managers and whoever talks to one by hand. Rust does not bind it. */
#ifndef QNX_NO_RESMGR
#include <qnx/io_messages.h>
#endif

#endif

/* devctl(): commands for devices. A command's number says how much data goes in which direction. [D71] unless tagged */
#ifndef QNX_DEVCTL_H
#define QNX_DEVCTL_H

#include <qnx/decl.h>
#include <stddef.h>

#define _POSIX_DEVDIR_NONE 0
#define _POSIX_DEVDIR_TO 0x80000000u   /* client to device */
#define _POSIX_DEVDIR_FROM 0x40000000u /* device to client */
#define _POSIX_DEVDIR_TOFROM (_POSIX_DEVDIR_TO | _POSIX_DEVDIR_FROM)
#define _POSIX_DEVDIR_CLR 0x3FFFFFFF
#define get_device_command(command) ((command) & _POSIX_DEVDIR_CLR)
#define get_device_direction(command) ((int)((unsigned)(command) & _POSIX_DEVDIR_TOFROM))

/* Size of the data in bits 16 to 29, class in bits 8 to 15, number in bits 0 to 7. */
#define QNX_DEVCTL_NUMBER(dir, bytes, dclass, number)                                                                  \
    ((int)((dir) + ((unsigned)(bytes) << 16) + ((unsigned)(dclass) << 8) + (unsigned)(number)))
#define __DION(dclass, number) QNX_DEVCTL_NUMBER(0u, 0u, dclass, number)
#define __DIOF(dclass, number, data) QNX_DEVCTL_NUMBER(_POSIX_DEVDIR_FROM, sizeof(data), dclass, number)
#define __DIOT(dclass, number, data) QNX_DEVCTL_NUMBER(_POSIX_DEVDIR_TO, sizeof(data), dclass, number)
#define __DIOTF(dclass, number, data) QNX_DEVCTL_NUMBER(_POSIX_DEVDIR_TOFROM, sizeof(data), dclass, number)

/* Classes; numbers [P], 3 [D8] */
#define _DCMD_ALL 0x01
#define _DCMD_FSYS 0x02
#define _DCMD_CHR 0x03
#define _DCMD_NET 0x04
#define _DCMD_MISC 0x05 /* programs' own [H] */

/* What every resource manager should know; iofunc_devctl_default does. Numbers [P] */
#define DCMD_ALL_GETFLAGS __DIOF(_DCMD_ALL, 1, int)
#define DCMD_ALL_SETFLAGS __DIOT(_DCMD_ALL, 2, int)
#define DCMD_ALL_GETMOUNTFLAGS __DIOF(_DCMD_ALL, 3, int)

QNX_BEGIN_DECLS
/*
 * EOK, or an error number: errno is not set. ENOTTY: the device does not know the command. The device's own number comes
 * back in info, which may be null.
 */
int devctl(int fd, int command, void *data, size_t bytes, int *info);
QNX_END_DECLS

#endif

/* What a path that a resource manager attaches stands for. */
#ifndef QNX_SYS_FTYPE_H
#define QNX_SYS_FTYPE_H

/* Names [D71], order [P]. */
enum _file_type {
    _FTYPE_ALL = -1,
    _FTYPE_MATCHED = -1,
    _FTYPE_ANY = 0, /* anything: what a device or a file system says */
    _FTYPE_FILE = 1,
    _FTYPE_LINK = 2,
    _FTYPE_SYMLINK = 3,
    _FTYPE_PIPE = 4,
    _FTYPE_SHMEM = 5,
    _FTYPE_MQUEUE = 6,
    _FTYPE_SOCKET = 7,
    _FTYPE_SEM = 8,
    _FTYPE_PHOTON = 9,
    _FTYPE_DUMPER = 10,
    _FTYPE_MOUNT = 11,
    _FTYPE_NAME = 12,
    _FTYPE_TYMEM = 13
};

#endif

/*
 * Messages between a client and a resource manager: the part of sys/iomsg.h that C programs use. Each is a union of what
 * comes (i) and what goes back (o); data follows the structure. Layouts [D8 D71], numbers [P] where no tag follows.
 * ON-TARGET: sizes of `info` in _IO_DUP and of struct stat are of 8.0's 64-bit forms.
 */
#ifndef QNX_IO_MESSAGES_H
#define QNX_IO_MESSAGES_H

#include <stdint.h>
#include <sys/ftype.h>
#include <sys/neutrino.h>
#include <sys/types.h>

/* The structure that _IO_STAT is answered with: QNX's, also where the libc beside us has another one. */
#ifndef QNX_STAT
#include <sys/stat.h>
#define QNX_STAT struct stat
#endif

/* The rest of the types. The RSVD ones are never sent: they are places in the table of functions. */
#define _IO_RSVD_CLOSE_OCB 0x103
#define _IO_RSVD_UNBLOCK 0x107
#define _IO_PATHCONF 0x108
#define _IO_LSEEK 0x109
#define _IO_CHMOD 0x10A
#define _IO_CHOWN 0x10B
#define _IO_UTIME 0x10C
#define _IO_OPENFD 0x10D
#define _IO_FDINFO 0x10E
#define _IO_LOCK 0x10F
#define _IO_SPACE 0x110
#define _IO_SHUTDOWN 0x111
#define _IO_MMAP 0x112
#define _IO_SYNC 0x119
#define _IO_POWER 0x11A
#define _IO_ACL 0x11B    /* [H] */
#define _IO_READ64 0x11E /* [H], for 4 GiB and more [D71] */
#define _IO_WRITE64 0x11F
#define _IO_NOTIFY64 0x120
#define _IO_UTIME64 0x121

/* Bit of combine_len: another message follows in the same one. [H] */
#define _IO_COMBINE_FLAG 0x8000

/* ---- Connecting: _IO_CONNECT ------------------------------------------------------------------------------------- */

/* Subtypes */
#define _IO_CONNECT_COMBINE 0
#define _IO_CONNECT_COMBINE_CLOSE 1
#define _IO_CONNECT_OPEN 2
#define _IO_CONNECT_UNLINK 3
#define _IO_CONNECT_RENAME 4
#define _IO_CONNECT_MKNOD 5
#define _IO_CONNECT_READLINK 6
#define _IO_CONNECT_LINK 7
#define _IO_CONNECT_RSVD_UNBLOCK 8
#define _IO_CONNECT_MOUNT 9

#define _IO_CONNECT_EXTRA_NONE 0
#define _IO_CONNECT_EFLAG_DIR 0x01 /* the client's path ended in a slash [H] */
#define _IO_CONNECT_EFLAG_DOT 0x02 /* [H] */
#define _IO_CONNECT_EFLAG_DOTDOT 0x04 /* [H] */

/* ioflag: access as bits, so O_RDONLY is 1, O_WRONLY 2, O_RDWR 3; the other flags as in open. [D71], numbers [H] */
#define _IO_FLAG_RD 0x1
#define _IO_FLAG_WR 0x2
#define _IO_FLAG_EX 0x4
#define _IO_FLAG_MASK 0x7

/* 40 bytes and the path: what is left of it behind the attached one, without a leading slash, ended by 0. Order [D6] */
struct _io_connect {
    uint16_t type;
    uint16_t subtype;
    uint32_t file_type;
    uint16_t reply_max;
    uint16_t entry_max;
    uint32_t key;
    uint32_t handle; /* which attached path: the id that resmgr_attach gave */
    uint32_t ioflag;
    uint32_t mode;
    uint16_t sflag;
    uint16_t access;
    uint16_t zero;
    uint16_t path_len; /* with the 0 */
    uint8_t eflag;
    uint8_t extra_type;
    uint16_t extra_len;
    char path[1];
};

struct _io_connect_link_reply {
    uint32_t reserved1;
    uint32_t file_type;
    uint8_t eflag;
    uint8_t reserved2[1];
    uint16_t chroot_len;
    uint32_t umask;
    uint16_t nentries;
    uint16_t path_len;
};

struct _io_connect_ftype_reply {
    uint16_t status;
    uint16_t reserved;
    uint32_t file_type;
};

typedef union {
    uint16_t type;
    struct _io_connect connect;
    struct _io_connect_link_reply link_reply;
    struct _io_connect_ftype_reply ftype_reply;
} io_open_t;
typedef io_open_t io_unlink_t;
typedef io_open_t io_rename_t;
typedef io_open_t io_mknod_t;
typedef io_open_t io_readlink_t;
typedef io_open_t io_link_t;
typedef io_open_t io_mount_t;
typedef union {
    char path[1];
} io_rename_extra_t;
typedef union {
    struct _msg_info info;
    char path[1];
} io_link_extra_t;
typedef union {
    char flags[1];
} io_mount_extra_t;

/* ---- Input and output -------------------------------------------------------------------------------------------- */

/* xtype of _IO_READ and _IO_WRITE */
#define _IO_XTYPE_NONE 0
#define _IO_XTYPE_READCOND 1
#define _IO_XTYPE_MQUEUE 2
#define _IO_XTYPE_TCPIP 3
#define _IO_XTYPE_TCPIP_MSG 4
#define _IO_XTYPE_OFFSET 5 /* struct _xtype_offset follows: pread and pwrite */
#define _IO_XTYPE_REGISTRY 6
#define _IO_XTYPE_READDIR 9 /* [H] */
#define _IO_XTYPE_MASK 0xff
#define _IO_XFLAG_DIR_EXTRA_HINT 0x100 /* [H] */
#define _IO_XFLAG_NONBLOCK 0x4000      /* [H] */
#define _IO_XFLAG_BLOCK 0x8000         /* [H] */

struct _xtype_offset {
    int64_t offset;
};

struct _io_read {
    uint16_t type;
    uint16_t combine_len;
    uint32_t nbytes;
    uint32_t xtype;
    uint32_t zero; /* upper half of the length in _IO_READ64 */
};
struct _io_read64 {
    uint16_t type;
    uint16_t combine_len;
    uint32_t nbytes;
    uint32_t xtype;
    uint32_t nbytes_hi;
};
typedef union {
    uint16_t type;
    struct _io_read i;
    struct _io_read64 i64;
} io_read_t;
#define _IO_READ_GET_NBYTES(msg)                                                                                       \
    ((msg)->i.type == _IO_READ64 ? ((size_t)(msg)->i64.nbytes_hi << 32) + (msg)->i64.nbytes : (size_t)(msg)->i.nbytes)

struct _io_write {
    uint16_t type;
    uint16_t combine_len;
    uint32_t nbytes;
    uint32_t xtype;
    uint32_t zero; /* upper half of the length in _IO_WRITE64 */
};
struct _io_write64 {
    uint16_t type;
    uint16_t combine_len;
    uint32_t nbytes;
    uint32_t xtype;
    uint32_t nbytes_hi;
};
typedef union {
    uint16_t type;
    struct _io_write i;
    struct _io_write64 i64;
} io_write_t;
#define _IO_WRITE_GET_NBYTES(msg)                                                                                      \
    ((msg)->i.type == _IO_WRITE64 ? ((size_t)(msg)->i64.nbytes_hi << 32) + (msg)->i64.nbytes : (size_t)(msg)->i.nbytes)

struct _io_lseek {
    uint16_t type;
    uint16_t combine_len;
    short whence;
    uint16_t zero;
    uint64_t offset;
};
typedef union {
    uint16_t type;
    struct _io_lseek i;
    uint64_t o;
} io_lseek_t;

struct _io_stat {
    uint16_t type;
    uint16_t combine_len;
    uint32_t zero;
};
typedef union {
    uint16_t type;
    struct _io_stat i;
    QNX_STAT o;
} io_stat_t;

struct _io_devctl {
    uint16_t type;
    uint16_t combine_len;
    int32_t dcmd;
    uint32_t nbytes;
    int32_t zero;
};
struct _io_devctl_reply {
    uint32_t zero;
    int32_t ret_val;
    uint32_t nbytes;
    int32_t zero2;
};
typedef union {
    uint16_t type;
    struct _io_devctl i;
    struct _io_devctl_reply o;
} io_devctl_t;
/* Where the data of a devctl begins: of msg->i and msg->o alike. */
#define _DEVCTL_DATA(msg) ((void *)((char *)&(msg) + sizeof(msg)))

struct _io_close {
    uint16_t type;
    uint16_t combine_len;
};
typedef union {
    uint16_t type;
    struct _io_close i;
} io_close_t;

struct _io_dup {
    uint16_t type;
    uint16_t combine_len;
    uint32_t reserved;
    struct _msg_info info; /* the descriptor that is duplicated */
    uint32_t reserved2;
    uint32_t key;
};
typedef union {
    uint16_t type;
    struct _io_dup i;
} io_dup_t;

struct _io_msg {
    uint16_t type;
    uint16_t combine_len;
    uint16_t mgrid;
    uint16_t subtype;
};
typedef union {
    uint16_t type;
    struct _io_msg i;
} io_msg_t;

struct _io_sync {
    uint16_t type;
    uint16_t combine_len;
    uint32_t flag;
};
typedef union {
    uint16_t type;
    struct _io_sync i;
} io_sync_t;

struct _io_chmod {
    uint16_t type;
    uint16_t combine_len;
    uint32_t mode;
};
typedef union {
    uint16_t type;
    struct _io_chmod i;
} io_chmod_t;

struct _io_chown {
    uint16_t type;
    uint16_t combine_len;
    int32_t gid;
    int32_t uid;
};
typedef union {
    uint16_t type;
    struct _io_chown i;
} io_chown_t;

/* Kinds that the stand-in's library passes to a handler as they come. */
typedef union {
    uint16_t type;
} io_notify_t;
typedef io_notify_t io_pathconf_t;
typedef io_notify_t io_utime_t;
typedef io_notify_t io_openfd_t;
typedef io_notify_t io_fdinfo_t;
typedef io_notify_t io_lock_t;
typedef io_notify_t io_space_t;
typedef io_notify_t io_shutdown_t;
typedef io_notify_t io_mmap_t;
typedef io_notify_t io_power_t;
typedef io_notify_t io_acl_t;

typedef struct _pulse io_pulse_t;

/* Whatever a resource manager receives: what ctp->msg points at. */
typedef union _resmgr_iomsgs {
    uint16_t type;
    struct _pulse pulse;
    io_open_t open;
    struct _io_connect connect;
    io_read_t read;
    io_write_t write;
    io_lseek_t lseek;
    io_stat_t stat;
    io_devctl_t devctl;
    io_close_t close;
    io_dup_t dup;
    io_msg_t msg;
    io_sync_t sync;
    io_chmod_t chmod;
    io_chown_t chown;
    io_notify_t notify;
} resmgr_iomsgs_t;

#endif

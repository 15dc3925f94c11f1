/*
 * Resource managers: attaching a path, the tables of functions, the context that each function gets. Include sys/iofunc.h
 * first where its structures are used: it decides what a handle and an open control block are.
 * [D71 D8] unless a line says otherwise.
 */
#ifndef QNX_SYS_RESMGR_H
#define QNX_SYS_RESMGR_H

#include <limits.h>
#include <qnx/decl.h>
#include <sys/ftype.h>
#include <sys/iomsg.h>
#include <sys/neutrino.h>
#include <sys/types.h>

#ifndef RESMGR_HANDLE_T
#define RESMGR_HANDLE_T void
#endif
#ifndef RESMGR_OCB_T
#define RESMGR_OCB_T void
#endif

#ifndef QNX_DISPATCH_T
#define QNX_DISPATCH_T
typedef struct _dispatch dispatch_t;
#endif
struct _extended_context;

/*
 * What a handler is told. Also of messages and pulses that are not a resource manager's (message_context_t).
 * ON-TARGET: the offsets of struct _resmgr_context (docs/layouts.md).
 */
typedef struct _resmgr_context {
    rcvid_t rcvid; /* 0 in a close_ocb handler */
    struct _msg_info info;
    resmgr_iomsgs_t *msg; /* the message; also room for a reply */
    dispatch_t *dpp;
    int id; /* which attached path */
    struct _extended_context *extra;
    size_t msg_max_size; /* room at msg */
    long status;         /* what the client's call returns; set with _RESMGR_STATUS */
    size_t offset;       /* of msg in the client's message */
    size_t size;         /* bytes that are valid at msg */
    iov_t iov[1];        /* nparts_max of them */
} resmgr_context_t;

/* ---- Tables of functions ----------------------------------------------------------------------------------------- */

typedef struct _resmgr_connect_funcs {
    unsigned nfuncs;
    int (*open)(resmgr_context_t *ctp, io_open_t *msg, RESMGR_HANDLE_T *handle, void *extra);
    int (*unlink)(resmgr_context_t *ctp, io_unlink_t *msg, RESMGR_HANDLE_T *handle, void *reserved);
    int (*rename)(resmgr_context_t *ctp, io_rename_t *msg, RESMGR_HANDLE_T *handle, io_rename_extra_t *extra);
    int (*mknod)(resmgr_context_t *ctp, io_mknod_t *msg, RESMGR_HANDLE_T *handle, void *reserved);
    int (*readlink)(resmgr_context_t *ctp, io_readlink_t *msg, RESMGR_HANDLE_T *handle, void *reserved);
    int (*link)(resmgr_context_t *ctp, io_link_t *msg, RESMGR_HANDLE_T *handle, io_link_extra_t *extra);
    int (*unblock)(resmgr_context_t *ctp, io_pulse_t *msg, RESMGR_HANDLE_T *handle, void *reserved);
    int (*mount)(resmgr_context_t *ctp, io_mount_t *msg, RESMGR_HANDLE_T *handle, io_mount_extra_t *extra);
} resmgr_connect_funcs_t;
#define _RESMGR_CONNECT_NFUNCS 8

/* One for each message type from _IO_READ on, in that order. */
typedef struct _resmgr_io_funcs {
    unsigned nfuncs;
    int (*read)(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb);
    int (*write)(resmgr_context_t *ctp, io_write_t *msg, RESMGR_OCB_T *ocb);
    int (*close_ocb)(resmgr_context_t *ctp, void *reserved, RESMGR_OCB_T *ocb);
    int (*stat)(resmgr_context_t *ctp, io_stat_t *msg, RESMGR_OCB_T *ocb);
    int (*notify)(resmgr_context_t *ctp, io_notify_t *msg, RESMGR_OCB_T *ocb);
    int (*devctl)(resmgr_context_t *ctp, io_devctl_t *msg, RESMGR_OCB_T *ocb);
    int (*unblock)(resmgr_context_t *ctp, io_pulse_t *msg, RESMGR_OCB_T *ocb);
    int (*pathconf)(resmgr_context_t *ctp, io_pathconf_t *msg, RESMGR_OCB_T *ocb);
    int (*lseek)(resmgr_context_t *ctp, io_lseek_t *msg, RESMGR_OCB_T *ocb);
    int (*chmod)(resmgr_context_t *ctp, io_chmod_t *msg, RESMGR_OCB_T *ocb);
    int (*chown)(resmgr_context_t *ctp, io_chown_t *msg, RESMGR_OCB_T *ocb);
    int (*utime)(resmgr_context_t *ctp, io_utime_t *msg, RESMGR_OCB_T *ocb);
    int (*openfd)(resmgr_context_t *ctp, io_openfd_t *msg, RESMGR_OCB_T *ocb);
    int (*fdinfo)(resmgr_context_t *ctp, io_fdinfo_t *msg, RESMGR_OCB_T *ocb);
    int (*lock)(resmgr_context_t *ctp, io_lock_t *msg, RESMGR_OCB_T *ocb);
    int (*space)(resmgr_context_t *ctp, io_space_t *msg, RESMGR_OCB_T *ocb);
    int (*shutdown)(resmgr_context_t *ctp, io_shutdown_t *msg, RESMGR_OCB_T *ocb);
    int (*mmap)(resmgr_context_t *ctp, io_mmap_t *msg, RESMGR_OCB_T *ocb);
    int (*msg)(resmgr_context_t *ctp, io_msg_t *msg, RESMGR_OCB_T *ocb);
    int (*reserved)(resmgr_context_t *ctp, void *msg, RESMGR_OCB_T *ocb);
    int (*dup)(resmgr_context_t *ctp, io_dup_t *msg, RESMGR_OCB_T *ocb);
    int (*close_dup)(resmgr_context_t *ctp, io_close_t *msg, RESMGR_OCB_T *ocb);
    int (*lock_ocb)(resmgr_context_t *ctp, void *reserved, RESMGR_OCB_T *ocb);
    int (*unlock_ocb)(resmgr_context_t *ctp, void *reserved, RESMGR_OCB_T *ocb);
    int (*sync)(resmgr_context_t *ctp, io_sync_t *msg, RESMGR_OCB_T *ocb);
    int (*power)(resmgr_context_t *ctp, io_power_t *msg, RESMGR_OCB_T *ocb);
    int (*acl)(resmgr_context_t *ctp, io_acl_t *msg, RESMGR_OCB_T *ocb);
    int (*pause)(resmgr_context_t *ctp, void *reserved, RESMGR_OCB_T *ocb);
    int (*unpause)(resmgr_context_t *ctp, void *reserved, RESMGR_OCB_T *ocb);
    int (*read64)(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb);
    int (*write64)(resmgr_context_t *ctp, io_write_t *msg, RESMGR_OCB_T *ocb);
    int (*notify64)(resmgr_context_t *ctp, io_notify_t *msg, RESMGR_OCB_T *ocb);
    int (*utime64)(resmgr_context_t *ctp, io_utime_t *msg, RESMGR_OCB_T *ocb);
} resmgr_io_funcs_t;
#define _RESMGR_IO_NFUNCS 33

/* ---- What a handler returns: an error number, or one of these ---------------------------------------------------- */

/* The first n parts of ctp->iov are the reply; ctp->status is what the client's call returns. */
#define _RESMGR_NPARTS(n) (-(n))
#define _RESMGR_NOREPLY INT_MIN       /* it has been answered, or will be later [D8, number H] */
#define _RESMGR_DEFAULT (INT_MIN + 1) /* not served: the library answers, usually ENOSYS [D8, number H] */
#define _RESMGR_ERRNO(number) (number)
#define _RESMGR_PTR(ctp, data, bytes) (SETIOV((ctp)->iov, (data), (bytes)), _RESMGR_NPARTS(1))
#define _RESMGR_STATUS(ctp, value) ((ctp)->status = (value))
#define _IO_SET_READ_NBYTES(ctp, bytes) _RESMGR_STATUS(ctp, (long)(bytes))
#define _IO_SET_WRITE_NBYTES(ctp, bytes) _RESMGR_STATUS(ctp, (long)(bytes))
#define _IO_SET_CONNECT_RET(ctp, value) _RESMGR_STATUS(ctp, (long)(value))
#define _IO_SET_FDINFO_LEN(ctp, bytes) _RESMGR_STATUS(ctp, (long)(bytes))
#define _IO_SET_PATHCONF_VALUE(ctp, value) _RESMGR_STATUS(ctp, (long)(value))

/* ---- Attaching --------------------------------------------------------------------------------------------------- */

/* Attributes of one attached path. [D71] */
typedef struct _resmgr_attr {
    unsigned flags;
    unsigned nparts_max;
    size_t msg_max_size;
    int (*other_func)(resmgr_context_t *, void *msg);
    unsigned reserved[4];
} resmgr_attr_t;
#define RESMGR_FLAG_NO_DEFAULT_FUNC 0x1 /* ON-TARGET: the numbers of RESMGR_FLAG_* */
#define RESMGR_FLAG_ATTACH_OTHERFUNC 0x2
#define RESMGR_FLAG_ATTACH_LOCAL 0x4
#define RESMGR_FLAG_CROSS_ENDIAN 0x8

/* flags of resmgr_attach. Names [D71], numbers [H] */
#define _RESMGR_FLAG_BEFORE 0x0001 /* ahead of others at the same path */
#define _RESMGR_FLAG_AFTER 0x0002  /* behind them */
#define _RESMGR_FLAG_OPAQUE 0x0004 /* shorter paths are not tried after this one */
#define _RESMGR_FLAG_FTYPEONLY 0x0008
#define _RESMGR_FLAG_FTYPEALL 0x0010
#define _RESMGR_FLAG_DIR 0x0100  /* longer paths come here too */
#define _RESMGR_FLAG_SELF 0x0200 /* also for this process itself */

/* flags of resmgr_detach. [D71], numbers [H] */
#define _RESMGR_DETACH_ALL 0x0000
#define _RESMGR_DETACH_PATHNAME 0x0001
#define _RESMGR_DETACH_CLOSE 0x0002 /* ON-TARGET: the number of _RESMGR_DETACH_CLOSE */

QNX_BEGIN_DECLS
/* A link id, or -1. Blocks for the directory of paths only. */
int resmgr_attach(dispatch_t *dpp, resmgr_attr_t *attr, const char *path, enum _file_type file_type, unsigned flags,
                  const resmgr_connect_funcs_t *connect_funcs, const resmgr_io_funcs_t *io_funcs,
                  RESMGR_HANDLE_T *handle);
int resmgr_detach(dispatch_t *dpp, int id, unsigned flags);
/* Ties an open control block to the connection of ctp. For open handlers that do not use iofunc_ocb_attach. */
int resmgr_open_bind(resmgr_context_t *ctp, void *ocb, const resmgr_io_funcs_t *io_funcs);
int resmgr_unbind(resmgr_context_t *ctp);

/* The client's memory, as MsgRead and MsgWrite reach it. The get forms use what has been received already. */
ssize_t resmgr_msgread(resmgr_context_t *ctp, void *msg, size_t bytes, size_t offset);
ssize_t resmgr_msgreadv(resmgr_context_t *ctp, const iov_t *iov, size_t parts, size_t offset);
ssize_t resmgr_msgget(resmgr_context_t *ctp, void *msg, size_t bytes, size_t offset);
ssize_t resmgr_msggetv(resmgr_context_t *ctp, const iov_t *iov, size_t parts, size_t offset);
ssize_t resmgr_msgwrite(resmgr_context_t *ctp, const void *msg, size_t bytes, size_t offset);
ssize_t resmgr_msgwritev(resmgr_context_t *ctp, const iov_t *iov, size_t parts, size_t offset);
/* As MsgReply with ctp->status. */
int resmgr_msgreply(resmgr_context_t *ctp, const void *msg, size_t bytes);
int resmgr_msgreplyv(resmgr_context_t *ctp, const iov_t *iov, size_t parts);

/* The loop without dispatch_*: the same functions under a resource manager's type. */
resmgr_context_t *resmgr_context_alloc(dispatch_t *dpp);
void resmgr_context_free(resmgr_context_t *ctp);
resmgr_context_t *resmgr_block(resmgr_context_t *ctp);
int resmgr_handler(resmgr_context_t *ctp);
void resmgr_unblock(resmgr_context_t *ctp);
QNX_END_DECLS

#endif

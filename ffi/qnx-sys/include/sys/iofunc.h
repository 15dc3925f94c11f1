/*
 * The POSIX layer of a resource manager: what most of them do alike. A program that extends the structures defines
 * IOFUNC_OCB_T, IOFUNC_ATTR_T or IOFUNC_MOUNT_T before it includes this, and puts the plain structure first in its
 * own. [D71 D8]
 */
#ifndef QNX_SYS_IOFUNC_H
#define QNX_SYS_IOFUNC_H

#include <qnx/decl.h>

struct _iofunc_ocb;
struct _iofunc_attr;
struct _iofunc_mount;

#ifndef IOFUNC_OCB_T
#define IOFUNC_OCB_T struct _iofunc_ocb
#endif
#ifndef IOFUNC_ATTR_T
#define IOFUNC_ATTR_T struct _iofunc_attr
#endif
#ifndef IOFUNC_MOUNT_T
#define IOFUNC_MOUNT_T struct _iofunc_mount
#endif
#ifndef RESMGR_HANDLE_T
#define RESMGR_HANDLE_T IOFUNC_ATTR_T
#endif
#ifndef RESMGR_OCB_T
#define RESMGR_OCB_T IOFUNC_OCB_T
#endif

#include <sys/resmgr.h>

/* ---- Structures -------------------------------------------------------------------------------------------------- */

/* One opened description. */
typedef struct _iofunc_ocb {
    IOFUNC_ATTR_T *attr;
    int32_t ioflag; /* _IO_FLAG_* and O_* */
    int64_t offset;
    uint16_t sflag;
    uint16_t flags; /* IOFUNC_OCB_* */
    void *reserved;
} iofunc_ocb_t;
#define IOFUNC_OCB_PRIVILEGED 0x0001 /* ON-TARGET: the numbers of IOFUNC_OCB_* */
#define IOFUNC_OCB_MMAP 0x0002
#define IOFUNC_OCB_FLAGS_PRIVATE 0xf000

/*
 * One device. The types are wide enough for QNX's: uid_t and gid_t 32 bits, time_t 64.
 * ON-TARGET: the order of struct _iofunc_attr's members (docs/layouts.md).
 */
typedef struct _iofunc_attr {
    IOFUNC_MOUNT_T *mount;
    struct _iofunc_mmap_list *mmap_list;
    struct _iofunc_lock_list *lock_list;
    void *acl;
    uint64_t lock; /* of iofunc_attr_lock; 0 is unlocked */
    uint32_t flags; /* IOFUNC_ATTR_* */
    uint16_t count; /* open control blocks; of these for reading, for writing */
    uint16_t rcount;
    uint16_t wcount;
    uint16_t rlocks;
    uint16_t wlocks;
    uint16_t reserved;
    int64_t nbytes;
    uint64_t inode;
    int32_t uid;
    int32_t gid;
    int64_t mtime;
    int64_t atime;
    int64_t ctime;
    uint32_t mode;
    uint32_t nlink;
    uint32_t rdev;
    unsigned mtime_ns;
    unsigned atime_ns;
    unsigned ctime_ns;
} iofunc_attr_t;
/* Numbers [H] */
#define IOFUNC_ATTR_MTIME 0x0001 /* the time is to be taken when somebody asks */
#define IOFUNC_ATTR_ATIME 0x0002
#define IOFUNC_ATTR_CTIME 0x0004
#define IOFUNC_ATTR_DIRTY_SIZE 0x0010
#define IOFUNC_ATTR_DIRTY_OWNER 0x0020
#define IOFUNC_ATTR_DIRTY_TIME 0x0040
#define IOFUNC_ATTR_DIRTY_MODE 0x0080
#define IOFUNC_ATTR_DIRTY_NLINK 0x0100
#define IOFUNC_ATTR_DIRTY_RDEV 0x0200
#define IOFUNC_ATTR_DIRTY_MASK 0x0ff0
#define IOFUNC_ATTR_RSVD 0x0000ffff
#define IOFUNC_ATTR_PRIVATE 0xffff0000u

/* How a program makes and frees its own kind of open control block. */
typedef struct _iofunc_funcs {
    unsigned nfuncs;
    IOFUNC_OCB_T *(*ocb_calloc)(resmgr_context_t *ctp, IOFUNC_ATTR_T *attr);
    void (*ocb_free)(IOFUNC_OCB_T *ocb);
} iofunc_funcs_t;
#define _IOFUNC_NFUNCS 2

/* What several devices share. */
typedef struct _iofunc_mount {
    uint32_t flags;
    uint32_t conf;
    uint32_t dev;
    int32_t blocksize;
    iofunc_funcs_t *funcs;
    void *power;
    size_t size;
    uint32_t ext_flags;
    uint32_t timeres;
    uint64_t reserved[4];
} iofunc_mount_t;
#define IOFUNC_MOUNT_32BIT 0x0001 /* ON-TARGET: the numbers of IOFUNC_MOUNT_* and IOFUNC_PC_* */
#define IOFUNC_PC_CHOWN_RESTRICTED 0x0001
#define IOFUNC_PC_NO_TRUNC 0x0002
#define IOFUNC_PC_SYNC_IO 0x0004

/* Named special file: what a device of QNX's is. [D71], number [P] */
#ifndef S_IFNAM
#define S_IFNAM 0x5000
#endif

/* ---- Functions: an error number where they return an int ---------------------------------------------------------- */

QNX_BEGIN_DECLS
/* Fills both tables with the defaults below, as many as the counts say, and clears the rest. */
void iofunc_func_init(unsigned nconnect, resmgr_connect_funcs_t *connect, unsigned nio, resmgr_io_funcs_t *io);
/* Mode, owner from info (null: root) and group; inode and nlink are set. dattr: the directory it lies in, or null. */
void iofunc_attr_init(iofunc_attr_t *attr, uint32_t mode, iofunc_attr_t *dattr, struct _client_info *info);
int iofunc_mount_init(iofunc_mount_t *mount, size_t size);

/* A recursive lock in the attributes; iofunc_attr_trylock: EBUSY. */
int iofunc_attr_lock(iofunc_attr_t *attr);
int iofunc_attr_unlock(iofunc_attr_t *attr);
int iofunc_attr_trylock(iofunc_attr_t *attr);
int iofunc_lock_ocb_default(resmgr_context_t *ctp, void *reserved, iofunc_ocb_t *ocb);
int iofunc_unlock_ocb_default(resmgr_context_t *ctp, void *reserved, iofunc_ocb_t *ocb);

/* Opening */
int iofunc_open_default(resmgr_context_t *ctp, io_open_t *msg, iofunc_attr_t *attr, void *extra);
int iofunc_open(resmgr_context_t *ctp, io_open_t *msg, iofunc_attr_t *attr, iofunc_attr_t *dattr,
                struct _client_info *info);
int iofunc_client_info(resmgr_context_t *ctp, int ioflag, struct _client_info *info);
int iofunc_client_info_ext(resmgr_context_t *ctp, int ioflag, struct _client_info **info, int flags);
int iofunc_client_info_ext_free(struct _client_info **info);
/* checkmode: S_IREAD (0400), S_IWRITE (0200), S_IEXEC (0100), S_ISUID (04000): owner or root. EACCES, EPERM, ENOSYS */
int iofunc_check_access(resmgr_context_t *ctp, const iofunc_attr_t *attr, uint32_t checkmode,
                        const struct _client_info *info);
iofunc_ocb_t *iofunc_ocb_calloc(resmgr_context_t *ctp, iofunc_attr_t *attr);
void iofunc_ocb_free(iofunc_ocb_t *ocb);
int iofunc_ocb_attach(resmgr_context_t *ctp, io_open_t *msg, iofunc_ocb_t *ocb, iofunc_attr_t *attr,
                      const resmgr_io_funcs_t *io_funcs);
int iofunc_ocb_detach(resmgr_context_t *ctp, iofunc_ocb_t *ocb);

/* Input and output. nonblock may be null; else the handler learns whether the client will not wait. */
int iofunc_read_default(resmgr_context_t *ctp, io_read_t *msg, iofunc_ocb_t *ocb);
int iofunc_read_verify(resmgr_context_t *ctp, io_read_t *msg, iofunc_ocb_t *ocb, int *nonblock);
int iofunc_write_default(resmgr_context_t *ctp, io_write_t *msg, iofunc_ocb_t *ocb);
int iofunc_write_verify(resmgr_context_t *ctp, io_write_t *msg, iofunc_ocb_t *ocb, int *nonblock);
int iofunc_lseek_default(resmgr_context_t *ctp, io_lseek_t *msg, iofunc_ocb_t *ocb);
int iofunc_lseek(resmgr_context_t *ctp, io_lseek_t *msg, iofunc_ocb_t *ocb, iofunc_attr_t *attr);
int iofunc_devctl_default(resmgr_context_t *ctp, io_devctl_t *msg, iofunc_ocb_t *ocb);
int iofunc_devctl(resmgr_context_t *ctp, io_devctl_t *msg, iofunc_ocb_t *ocb, iofunc_attr_t *attr);
int iofunc_stat_default(resmgr_context_t *ctp, io_stat_t *msg, iofunc_ocb_t *ocb);
int iofunc_stat(resmgr_context_t *ctp, iofunc_attr_t *attr, QNX_STAT *info);
int iofunc_time_update(iofunc_attr_t *attr);
int iofunc_chmod_default(resmgr_context_t *ctp, io_chmod_t *msg, iofunc_ocb_t *ocb);
int iofunc_chmod(resmgr_context_t *ctp, io_chmod_t *msg, iofunc_ocb_t *ocb, iofunc_attr_t *attr);
int iofunc_chown_default(resmgr_context_t *ctp, io_chown_t *msg, iofunc_ocb_t *ocb);
int iofunc_chown(resmgr_context_t *ctp, io_chown_t *msg, iofunc_ocb_t *ocb, iofunc_attr_t *attr);
int iofunc_sync_default(resmgr_context_t *ctp, io_sync_t *msg, iofunc_ocb_t *ocb);

/* Closing and leaving */
int iofunc_close_dup_default(resmgr_context_t *ctp, io_close_t *msg, iofunc_ocb_t *ocb);
int iofunc_close_ocb_default(resmgr_context_t *ctp, void *reserved, iofunc_ocb_t *ocb);
int iofunc_unblock_default(resmgr_context_t *ctp, io_pulse_t *msg, iofunc_ocb_t *ocb);
int iofunc_unblock(resmgr_context_t *ctp, iofunc_attr_t *attr);
QNX_END_DECLS

#endif

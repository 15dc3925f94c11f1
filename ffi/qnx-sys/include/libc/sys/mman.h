/* Memory: mappings, shared-memory objects and their handles. */
#ifndef QNX_SYS_MMAN_H
#define QNX_SYS_MMAN_H

#include <qnx/decl.h>
#include <sys/types.h>

/* [L]; none of these numbers is Linux's */
#define PROT_NONE 0
#define PROT_READ 0x100
#define PROT_WRITE 0x200
#define PROT_EXEC 0x400
#define PROT_NOCACHE 0x800 /* [H] */

#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_TYPE 3
#define MAP_FILE 0
#define MAP_FIXED 0x10
#define MAP_LAZY 0x80 /* [H] */
#define MAP_STACK 0x1000
#define MAP_BELOW 0x2000      /* [H] */
#define MAP_PHYS 0x10000      /* [H] */
#define MAP_NOINHERIT 0x20000 /* [H] */
#define MAP_HANDLE 0x40000    /* [H] */
#define MAP_ANON 0x80000
#define MAP_ANONYMOUS MAP_ANON
#define MAP_FAILED ((void *)-1)

#define MS_ASYNC 1
#define MS_SYNC 2
#define MS_INVALIDATE 4
#define MCL_CURRENT 1
#define MCL_FUTURE 2

/* In the place of a name: an object without one. [L] */
#define SHM_ANON ((char *)-1)

/* shm_ctl flags [H] */
#define SHMCTL_ANON 0x1
#define SHMCTL_PHYS 0x2
#define SHMCTL_SEAL 0x4
#define SHMCTL_REVOCABLE 0x8
#define SHMCTL_GLOBAL 0x10
#define SHMCTL_PRIV 0x20
#define SHMCTL_LOWERPROT 0x40
#define SHMCTL_LAZYWRITE 0x80
#define SHMCTL_HIGHUSAGE 0x200
#define SHMCTL_LAZY 0x400
#define SHMCTL_REPEAT 0x800
#define SHMCTL_NODEFRAG 0x1000
#define SHMCTL_TYMEM 0x2000
#define SHMCTL_GET_FLAGS 0x4000
#define SHMCTL_HAS_SPECIAL 0x8000

/* A right to open an object: plain bytes, for one process, once. [H] */
typedef uint64_t shm_handle_t;
#define SHM_CREATE_HANDLE_OPT_NOFD 0x1u     /* [H] */
#define SHM_CREATE_HANDLE_OPT_SUBRANGE 0x2u /* [H] */

QNX_BEGIN_DECLS
void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off) QNX_LIBC_NAME(mmap);
int munmap(void *addr, size_t len) QNX_LIBC_NAME(munmap);
int mprotect(void *addr, size_t len, int prot) QNX_LIBC_NAME(mprotect);
int msync(void *addr, size_t len, int flags) QNX_LIBC_NAME(msync);

int shm_open(const char *name, int oflag, mode_t mode) QNX_LIBC_NAME(shm_open);
int shm_unlink(const char *name) QNX_LIBC_NAME(shm_unlink);
int shm_ctl(int fd, int flags, uint64_t paddr, uint64_t size);
int shm_create_handle(int fd, pid_t recipient, int access, shm_handle_t *handle, unsigned options);
int shm_create_subrange_handle(int fd, pid_t recipient, int access, shm_handle_t *handle, unsigned options, size_t size,
                               off_t offset); /* new in 8 [D8] */
int shm_open_handle(shm_handle_t handle, int access);
int shm_open_handle_pid(shm_handle_t handle, int access, pid_t creator);
int shm_delete_handle(shm_handle_t handle);
int shm_revoke(int fd, pid_t recipient);
void *mmap_handle(void *addr, size_t len, int prot, int flags, shm_handle_t handle, off_t off); /* [H] */
void *mmap_handle_pid(void *addr, size_t len, int prot, int flags, shm_handle_t handle, pid_t creator,
                      off_t off); /* [H] */
QNX_END_DECLS

#endif

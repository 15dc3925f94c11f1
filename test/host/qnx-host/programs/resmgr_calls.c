/*
 * A manager that does by hand what the default functions do, and its client, in one process: every call of the
 * resource manager layer that the other programs do not need.
 *   resmgr_calls
 */
#include <devctl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/iofunc.h>
#include <sys/dispatch.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH "/dev/calls"
#define BARE "/dev/bare"
#define MSG_OTHER (_IO_MAX + 300)
#define MSG_POOL (_IO_MAX + 400)
#define DCMD_UNBIND __DION(_DCMD_MISC, 1)

static iofunc_attr_t attr;
static char kept[64];
static int bare_closed;

static void check(const char *what, int good) { printf("%s: %s\n", what, good ? "yes" : "NO"); }

/* ---- A device of iofunc's kind, opened step by step --------------------------------------------------------------- */

static int step_open(resmgr_context_t *ctp, io_open_t *msg, RESMGR_HANDLE_T *handle, void *extra) {
    (void)extra;
    struct _client_info *info = NULL;
    int status = iofunc_client_info_ext(ctp, (int)msg->connect.ioflag, &info, _NTO_CLIENTINFO_GETGROUPS);
    if (status != EOK) {
        return status;
    }
    check("client is this process", info->pid == getpid() && info->cred.euid == geteuid());
    status = iofunc_open(ctp, msg, handle, NULL, NULL);
    int owner = iofunc_check_access(ctp, handle, S_ISUID, info);
    check("owner or root", owner == (geteuid() == 0 ? EOK : EPERM));
    iofunc_client_info_ext_free(&info);
    check("freed and nulled", info == NULL);
    if (status != EOK) {
        return status;
    }
    iofunc_ocb_t *ocb = iofunc_ocb_calloc(ctp, handle);
    if (ocb == NULL) {
        return ENOMEM;
    }
    status = iofunc_ocb_attach(ctp, msg, ocb, handle, NULL);
    if (status != EOK) {
        iofunc_ocb_free(ocb);
    }
    return status;
}

/* Gathers the client's data in two pieces, the second with what is in the message buffer already. */
static int step_write(resmgr_context_t *ctp, io_write_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_write_verify(ctp, msg, ocb, NULL);
    if (status != EOK || msg->i.nbytes < 4 || msg->i.nbytes > sizeof(kept)) {
        return status != EOK ? status : EINVAL;
    }
    iov_t iov[2];
    char again[sizeof(kept)];
    SETIOV(&iov[0], kept, 2);
    SETIOV(&iov[1], kept + 2, msg->i.nbytes - 2);
    ssize_t all = resmgr_msgreadv(ctp, iov, 2, sizeof(msg->i));
    SETIOV(&iov[0], again, 2);
    SETIOV(&iov[1], again + 2, msg->i.nbytes - 2);
    ssize_t same = resmgr_msggetv(ctp, iov, 2, sizeof(msg->i));
    check("read and got the same", all == (ssize_t)msg->i.nbytes && same == all && memcmp(kept, again, (size_t)all) == 0);
    check("beyond the end", resmgr_msgread(ctp, again, 1, sizeof(msg->i) + msg->i.nbytes) == 0);
    _IO_SET_WRITE_NBYTES(ctp, all);
    return EOK;
}

/* Answers in three pieces: two written ahead, the first with the reply. */
static int step_read(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_read_verify(ctp, msg, ocb, NULL);
    if (status != EOK) {
        return status;
    }
    iov_t iov[2];
    SETIOV(&iov[0], kept + 2, 1);
    SETIOV(&iov[1], kept + 3, 1);
    check("written ahead", resmgr_msgwritev(ctp, iov, 2, 2) == 2 && resmgr_msgwrite(ctp, "!", 1, 4) == 1);
    _IO_SET_READ_NBYTES(ctp, 5);
    if ((ocb->offset++ & 1) == 0) {
        resmgr_msgreply(ctp, kept, 2);
    } else {
        SETIOV(&iov[0], kept, 1);
        SETIOV(&iov[1], kept + 1, 1);
        resmgr_msgreplyv(ctp, iov, 2);
    }
    return _RESMGR_NOREPLY;
}

static int step_stat(resmgr_context_t *ctp, io_stat_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_stat(ctp, ocb->attr, &msg->o);
    if (status != EOK) {
        return status;
    }
    msg->o.st_size = 1234;
    return _RESMGR_PTR(ctp, &msg->o, sizeof(msg->o));
}

static int step_lseek(resmgr_context_t *ctp, io_lseek_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_lseek(ctp, msg, ocb, ocb->attr);
    if (status != EOK) {
        return status;
    }
    msg->o = (uint64_t)ocb->offset;
    return _RESMGR_PTR(ctp, &msg->o, sizeof(msg->o));
}

static int step_chmod(resmgr_context_t *ctp, io_chmod_t *msg, RESMGR_OCB_T *ocb) {
    return iofunc_chmod(ctp, msg, ocb, ocb->attr);
}

static int step_chown(resmgr_context_t *ctp, io_chown_t *msg, RESMGR_OCB_T *ocb) {
    return iofunc_chown(ctp, msg, ocb, ocb->attr);
}

static int step_msg(resmgr_context_t *ctp, io_msg_t *msg, RESMGR_OCB_T *ocb) {
    (void)ocb;
    static uint16_t answer;
    answer = (uint16_t)(msg->i.subtype + 1);
    SETIOV(ctp->iov, &answer, sizeof(answer));
    return _RESMGR_NPARTS(1);
}

static int step_devctl(resmgr_context_t *ctp, io_devctl_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_devctl(ctp, msg, ocb, ocb->attr);
    if (status != _RESMGR_DEFAULT || msg->i.dcmd != DCMD_UNBIND) {
        return status;
    }
    check("unbound", resmgr_unbind(ctp) == 0 && resmgr_unbind(ctp) == -1);
    return EOK;
}

static int others(resmgr_context_t *ctp, void *msg) {
    _RESMGR_STATUS(ctp, *(uint16_t *)msg == MSG_OTHER ? 77 : 0);
    return EOK;
}

/* ---- A device whose control block is nobody's but ours ------------------------------------------------------------ */

static int bare_open(resmgr_context_t *ctp, io_open_t *msg, RESMGR_HANDLE_T *handle, void *extra) {
    (void)msg;
    (void)handle;
    (void)extra;
    return resmgr_open_bind(ctp, kept, NULL) == -1 ? errno : EOK;
}

static int bare_read(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb) {
    (void)msg;
    _IO_SET_READ_NBYTES(ctp, 1);
    return _RESMGR_PTR(ctp, ocb, 1);
}

static int bare_close(resmgr_context_t *ctp, void *reserved, RESMGR_OCB_T *ocb) {
    (void)reserved;
    bare_closed = ctp->rcvid == 0 && (char *)ocb == kept;
    return EOK;
}

/* ---- ------------------------------------------------------------------------------------------------------------- */

static int stopping;

static void *serve(void *argument) {
    resmgr_context_t *ctp = resmgr_context_alloc((dispatch_t *)argument);
    while (!stopping && resmgr_block(ctp) != NULL) {
        resmgr_handler(ctp);
    }
    resmgr_context_free(ctp);
    return NULL;
}

static void *try_lock(void *argument) {
    check("another thread", iofunc_attr_trylock((iofunc_attr_t *)argument) == EBUSY &&
                                iofunc_attr_unlock((iofunc_attr_t *)argument) == EPERM);
    return NULL;
}

static void locks(void) {
    pthread_t thread;
    check("locked twice", iofunc_attr_lock(&attr) == EOK && iofunc_attr_trylock(&attr) == EOK);
    pthread_create(&thread, NULL, try_lock, &attr);
    pthread_join(thread, NULL);
    check("unlocked", iofunc_attr_unlock(&attr) == EOK && iofunc_attr_unlock(&attr) == EOK &&
                          iofunc_attr_unlock(&attr) == EPERM);
}

static int echo(message_context_t *ctp, int code, unsigned flags, void *handle) {
    (void)code;
    (void)flags;
    (void)handle;
    MsgReply(ctp->rcvid, 5, NULL, 0);
    return 0;
}

static void pool(void) {
    dispatch_t *dpp = dispatch_create();
    thread_pool_attr_t pool_attr;
    memset(&pool_attr, 0, sizeof(pool_attr));
    check("no functions", thread_pool_create(&pool_attr, 0) == NULL && errno == EINVAL);
    pool_attr.handle = dpp;
    pool_attr.context_alloc = dispatch_context_alloc;
    pool_attr.context_free = dispatch_context_free;
    pool_attr.block_func = dispatch_block;
    pool_attr.unblock_func = dispatch_unblock;
    pool_attr.handler_func = dispatch_handler;
    pool_attr.lo_water = pool_attr.hi_water = pool_attr.maximum = 3;
    pool_attr.increment = 1;
    uint16_t type = MSG_POOL;
    int coid = message_connect(dpp, MSG_FLAG_SIDE_CHANNEL);
    message_attach(dpp, NULL, MSG_POOL, MSG_POOL, echo, NULL);
    thread_pool_t *threads = thread_pool_create(&pool_attr, 0);
    check("pool runs", threads != NULL && thread_pool_start(threads) == EOK);
    check("pool answers", MsgSend(coid, &type, sizeof(type), NULL, 0) == 5);
    check("range detached", message_detach(dpp, MSG_POOL, MSG_POOL, 0) == 0 &&
                                message_detach(dpp, MSG_POOL, MSG_POOL, 0) == -1 &&
                                MsgSend(coid, &type, sizeof(type), NULL, 0) == -1 && errno == ENOSYS);
    check("pool ends", thread_pool_destroy(threads) == EOK);
    ConnectDetach(coid);
    check("handle ends", dispatch_destroy(dpp) == EOK);
}

static int attach(dispatch_t *dpp, resmgr_attr_t *rattr, const char *path, resmgr_connect_funcs_t *connect,
                  resmgr_io_funcs_t *io) {
    return resmgr_attach(dpp, rattr, path, _FTYPE_ANY, _RESMGR_FLAG_SELF, connect, io, &attr);
}

int main(void) {
    static resmgr_connect_funcs_t connect, bare_connect;
    static resmgr_io_funcs_t io, bare_io;
    static iofunc_mount_t mount;
    resmgr_attr_t rattr;
    char text[8] = "";
    struct stat info;

    check("mount", iofunc_mount_init(&mount, sizeof(mount)) == EOK && iofunc_mount_init(&mount, 8) == EINVAL &&
                       mount.size == sizeof(mount));
    mount.dev = 9;
    mount.blocksize = 512;
    iofunc_attr_init(&attr, S_IFREG | 0666, NULL, NULL);
    attr.mount = &mount;
    attr.nbytes = 100;
    locks();

    iofunc_func_init(_RESMGR_CONNECT_NFUNCS, &connect, _RESMGR_IO_NFUNCS, &io);
    iofunc_func_init(1, &bare_connect, 3, &bare_io);
    check("short tables", bare_connect.nfuncs == 1 && bare_io.nfuncs == 3 && bare_io.stat == NULL && io.stat != NULL);
    connect.open = step_open;
    io.write = step_write;
    io.read = step_read;
    io.stat = step_stat;
    io.lseek = step_lseek;
    io.chmod = step_chmod;
    io.chown = step_chown;
    io.msg = step_msg;
    io.devctl = step_devctl;
    bare_connect.open = bare_open;
    bare_io.read = bare_read;
    bare_io.close_ocb = bare_close;
    memset(&rattr, 0, sizeof(rattr));
    rattr.flags = RESMGR_FLAG_ATTACH_OTHERFUNC;
    rattr.other_func = others;
    rattr.nparts_max = 2;

    dispatch_t *dpp = dispatch_create();
    check("attached", attach(dpp, &rattr, PATH, &connect, &io) > 0 && attach(dpp, NULL, BARE, &bare_connect, &bare_io) > 0);
    pthread_t thread;
    pthread_create(&thread, NULL, serve, dpp);

    int fd = open(PATH, O_RDWR);
    check("written", write(fd, "abcdef", 6) == 6);
    check("read", read(fd, text, sizeof(text)) == 5 && memcmp(text, "abcd!", 5) == 0);
    memset(text, 0, sizeof(text));
    check("read by parts", read(fd, text, sizeof(text)) == 5 && memcmp(text, "abcd!", 5) == 0);
    check("sought", lseek(fd, -1, SEEK_END) == 99);
    check("status", fstat(fd, &info) == 0 && info.st_size == 1234 && info.st_dev == 9 && S_ISREG(info.st_mode));
    check("mode", fchmod(fd, 0604) == (geteuid() == 0 ? 0 : -1));
    check("owner", fchown(fd, (uid_t)-1, getgid()) == (geteuid() == 0 ? 0 : -1));
    check("times", iofunc_time_update(&attr) == EOK && attr.ctime > 0);
    check("synced", fsync(fd) == 0);
    struct _io_msg msg = {_IO_MSG, 0, 1, 41};
    uint16_t answer = 0;
    check("_IO_MSG", MsgSend(fd, &msg, sizeof(msg), &answer, sizeof(answer)) == 0 && answer == 42);
    uint16_t type = MSG_OTHER;
    check("other_func", MsgSend(fd, &type, sizeof(type), NULL, 0) == 77);
    check("unbinding", devctl(fd, DCMD_UNBIND, NULL, 0, NULL) == EOK);
    check("nothing bound", read(fd, text, 1) == -1 && errno == EBADF);
    close(fd);

    fd = open(BARE, O_RDONLY);
    check("a byte", read(fd, text, 1) == 1 && text[0] == 'a');
    check("no such function", fstat(fd, &info) == -1 && errno == ENOSYS);
    check("closed", close(fd) == 0 && bare_closed);
    pool();

    stopping = 1;
    resmgr_context_t *any = resmgr_context_alloc(dpp);
    resmgr_unblock(any);
    pthread_join(thread, NULL);
    resmgr_context_free(any);
    check("nobody has it open", attr.count == 0);
    check("destroyed", dispatch_destroy(dpp) == EOK);
    return EXIT_SUCCESS;
}

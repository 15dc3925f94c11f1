/*
 * A resource manager of four devices, in the shape of QNX's guide: default functions, overridden where a device is special.
 *   resmgr_server [-t]               prints "ready", then what happens to open files; -t: a pool of threads
 * It ends when the message "quit" is written to /dev/queue.
 */
struct my_ocb;
struct my_attr;
#define IOFUNC_OCB_T struct my_ocb
#define IOFUNC_ATTR_T struct my_attr

#include "resmgr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* The order matters: iofunc.h decides what the handlers' arguments are. */
#include <sys/iofunc.h>
#include <sys/dispatch.h>

#define BUFFER_MAX (4u << 20)

typedef struct my_attr {
    iofunc_attr_t attr; /* first: the library's part */
    const char *name;
    char *data;
    struct volume volume;
} my_attr_t;

typedef struct my_ocb {
    iofunc_ocb_t ocb; /* first: the library's part */
    char rest[64];
    unsigned reads;
} my_ocb_t;

static my_attr_t sound, queue, tree, only_root;

/* Readers of the queue that wait. */
static struct {
    rcvid_t rcvid;
    size_t room;
} waiting[16];
static unsigned nwaiting;
static unsigned played;
static int quitting;

static my_ocb_t *ocb_calloc(resmgr_context_t *ctp, my_attr_t *attr) {
    (void)ctp;
    printf("open %s\n", attr->name);
    fflush(stdout);
    return (my_ocb_t *)calloc(1, sizeof(my_ocb_t));
}

static void ocb_free(my_ocb_t *ocb) {
    printf("close %s after %u reads\n", ocb->ocb.attr->name, ocb->reads);
    fflush(stdout);
    free(ocb);
}

static iofunc_funcs_t ocb_funcs = {_IOFUNC_NFUNCS, ocb_calloc, ocb_free};
static iofunc_mount_t mount = {0, 0, 0, 512, &ocb_funcs, NULL, 0, 0, 0, {0}};

static int check_xtype(uint32_t xtype, int64_t *offset, const void *message, size_t header) {
    switch (xtype & _IO_XTYPE_MASK) {
    case _IO_XTYPE_NONE:
        return EOK;
    case _IO_XTYPE_OFFSET:
        memcpy(offset, (const char *)message + header, sizeof(*offset));
        return EOK;
    default:
        return ENOSYS;
    }
}

/* ---- The buffer -------------------------------------------------------------------------------------------------- */

static int sound_read(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb) {
    int64_t offset = ocb->ocb.offset;
    int status = iofunc_read_verify(ctp, msg, &ocb->ocb, NULL);
    if (status != EOK || (status = check_xtype(msg->i.xtype, &offset, msg, sizeof(msg->i))) != EOK) {
        return status;
    }
    my_attr_t *attr = ocb->ocb.attr;
    int64_t left = attr->attr.nbytes > offset ? attr->attr.nbytes - offset : 0;
    size_t bytes = _IO_READ_GET_NBYTES(msg);
    if ((int64_t)bytes > left) {
        bytes = (size_t)left;
    }
    if ((msg->i.xtype & _IO_XTYPE_MASK) == _IO_XTYPE_NONE) {
        ocb->ocb.offset += (int64_t)bytes;
    }
    ocb->reads++;
    attr->attr.flags |= IOFUNC_ATTR_ATIME;
    _IO_SET_READ_NBYTES(ctp, bytes);
    SETIOV(ctp->iov, attr->data + offset, bytes);
    return _RESMGR_NPARTS(bytes > 0 ? 1 : 0);
}

static int sound_write(resmgr_context_t *ctp, io_write_t *msg, RESMGR_OCB_T *ocb) {
    int64_t offset = ocb->ocb.offset;
    int status = iofunc_write_verify(ctp, msg, &ocb->ocb, NULL);
    if (status != EOK || (status = check_xtype(msg->i.xtype, &offset, msg, sizeof(msg->i))) != EOK) {
        return status;
    }
    my_attr_t *attr = ocb->ocb.attr;
    size_t header = sizeof(msg->i);
    if ((msg->i.xtype & _IO_XTYPE_MASK) == _IO_XTYPE_OFFSET) {
        header += sizeof(struct _xtype_offset);
    }
    size_t bytes = _IO_WRITE_GET_NBYTES(msg);
    if (offset < 0 || (uint64_t)offset + bytes > BUFFER_MAX) {
        return ENOSPC;
    }
    /* What did not fit into the message buffer is fetched from the client. */
    ssize_t moved = resmgr_msgread(ctp, attr->data + offset, bytes, header);
    if (moved == -1) {
        return errno;
    }
    if (offset + moved > attr->attr.nbytes) {
        attr->attr.nbytes = offset + moved;
    }
    if ((msg->i.xtype & _IO_XTYPE_MASK) == _IO_XTYPE_NONE) {
        ocb->ocb.offset += moved;
    }
    attr->attr.flags |= IOFUNC_ATTR_MTIME | IOFUNC_ATTR_CTIME;
    _IO_SET_WRITE_NBYTES(ctp, moved);
    return _RESMGR_NPARTS(0);
}

static int sound_devctl(resmgr_context_t *ctp, io_devctl_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_devctl_default(ctp, msg, &ocb->ocb);
    if (status != _RESMGR_DEFAULT) {
        return status;
    }
    my_attr_t *attr = ocb->ocb.attr;
    struct volume *data = (struct volume *)_DEVCTL_DATA(msg->i);
    struct volume old = attr->volume;
    size_t bytes = 0;
    int number = 0;
    switch (msg->i.dcmd) {
    case DCMD_SOUND_SET:
        attr->volume = *data;
        number = 7;
        break;
    case DCMD_SOUND_GET:
        *data = attr->volume;
        bytes = sizeof(*data);
        break;
    case DCMD_SOUND_SWAP:
        attr->volume = *data;
        *data = old;
        bytes = sizeof(*data);
        break;
    case DCMD_SOUND_RESET:
        memset(&attr->volume, 0, sizeof(attr->volume));
        break;
    default:
        return ENOSYS;
    }
    memset(&msg->o, 0, sizeof(msg->o));
    msg->o.ret_val = number;
    msg->o.nbytes = (uint32_t)bytes;
    return _RESMGR_PTR(ctp, &msg->o, sizeof(msg->o) + bytes);
}

/* ---- The queue: answers that come later --------------------------------------------------------------------------- */

static int queue_read(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb) {
    int nonblock = 0;
    int status = iofunc_read_verify(ctp, msg, &ocb->ocb, &nonblock);
    if (status != EOK) {
        return status;
    }
    if (nonblock || nwaiting == sizeof(waiting) / sizeof(waiting[0])) {
        return EAGAIN;
    }
    waiting[nwaiting].rcvid = ctp->rcvid;
    waiting[nwaiting].room = msg->i.nbytes;
    nwaiting++;
    puts("waiting");
    fflush(stdout);
    return _RESMGR_NOREPLY;
}

static int queue_write(resmgr_context_t *ctp, io_write_t *msg, RESMGR_OCB_T *ocb) {
    char text[128];
    int status = iofunc_write_verify(ctp, msg, &ocb->ocb, NULL);
    if (status != EOK) {
        return status;
    }
    size_t bytes = msg->i.nbytes < sizeof(text) ? msg->i.nbytes : sizeof(text);
    ssize_t moved = resmgr_msgget(ctp, text, bytes, sizeof(msg->i));
    if (moved == -1) {
        return errno;
    }
    if (moved == 4 && memcmp(text, "quit", 4) == 0) {
        quitting = 1;
    }
    for (unsigned i = 0; i < nwaiting; i++) {
        size_t part = (size_t)moved < waiting[i].room ? (size_t)moved : waiting[i].room;
        MsgReply(waiting[i].rcvid, (long)part, text, part);
    }
    nwaiting = 0;
    _IO_SET_WRITE_NBYTES(ctp, moved);
    return EOK;
}

/* A reader has had a signal, a timeout, or is being killed. */
static int queue_unblock(resmgr_context_t *ctp, io_pulse_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_unblock_default(ctp, msg, &ocb->ocb);
    if (status != _RESMGR_DEFAULT) {
        return status;
    }
    for (unsigned i = 0; i < nwaiting; i++) {
        if (waiting[i].rcvid == ctp->rcvid) {
            waiting[i] = waiting[--nwaiting];
            puts("unblocked");
            fflush(stdout);
            return EINTR;
        }
    }
    return _RESMGR_NOREPLY;
}

/* ---- The tree: what is left of the path --------------------------------------------------------------------------- */

static int tree_open(resmgr_context_t *ctp, io_open_t *msg, RESMGR_HANDLE_T *handle, void *extra) {
    char rest[sizeof(((my_ocb_t *)0)->rest)];
    (void)extra;
    if (msg->connect.path_len > sizeof(rest)) {
        return ENAMETOOLONG;
    }
    strcpy(rest, msg->connect.path);
    if (strncmp(rest, "no", 2) == 0) {
        return ENOENT;
    }
    struct _client_info info;
    int status = iofunc_client_info(ctp, (int)msg->connect.ioflag, &info);
    if (status != EOK || (status = iofunc_open(ctp, msg, &handle->attr, NULL, &info)) != EOK) {
        return status;
    }
    my_ocb_t *ocb = ocb_calloc(ctp, handle);
    if (ocb == NULL) {
        return ENOMEM;
    }
    strcpy(ocb->rest, rest);
    status = iofunc_ocb_attach(ctp, msg, &ocb->ocb, &handle->attr, NULL);
    if (status != EOK) {
        free(ocb);
    }
    return status;
}

static int tree_read(resmgr_context_t *ctp, io_read_t *msg, RESMGR_OCB_T *ocb) {
    int status = iofunc_read_verify(ctp, msg, &ocb->ocb, NULL);
    if (status != EOK) {
        return status;
    }
    size_t bytes = strlen(ocb->rest);
    bytes = bytes < msg->i.nbytes ? bytes : msg->i.nbytes;
    _IO_SET_READ_NBYTES(ctp, bytes);
    return _RESMGR_PTR(ctp, ocb->rest, bytes);
}

/* ---- Our own messages and pulses ---------------------------------------------------------------------------------- */

static int play(message_context_t *ctp, int code, unsigned flags, void *handle) {
    const struct play_msg *msg = (const struct play_msg *)ctp->msg;
    struct play_reply reply;
    (void)code;
    (void)flags;
    if (ctp->size < sizeof(*msg)) {
        MsgError(ctp->rcvid, EBADMSG);
        return 0;
    }
    reply.note = msg->note;
    reply.played = ++*(unsigned *)handle;
    MsgReply(ctp->rcvid, EOK, &reply, sizeof(reply));
    return 0;
}

static int tick(message_context_t *ctp, int code, unsigned flags, void *handle) {
    (void)code;
    (void)flags;
    (void)handle;
    printf("pulse %d\n", ctp->msg->pulse.value.sival_int);
    fflush(stdout);
    return 0;
}

/* ---- Setting up --------------------------------------------------------------------------------------------------- */

static void device(my_attr_t *attr, const char *name, unsigned mode) {
    iofunc_attr_init(&attr->attr, mode, NULL, NULL);
    attr->attr.mount = &mount;
    attr->name = name;
}

static void attach(dispatch_t *dpp, const char *path, unsigned flags, const resmgr_connect_funcs_t *connect,
                   const resmgr_io_funcs_t *io, my_attr_t *attr) {
    resmgr_attr_t rattr;
    memset(&rattr, 0, sizeof(rattr));
    rattr.nparts_max = 1;
    rattr.msg_max_size = 2048;
    if (resmgr_attach(dpp, &rattr, path, _FTYPE_ANY, flags, connect, io, attr) == -1) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv) {
    static resmgr_connect_funcs_t plain_connect, tree_connect;
    static resmgr_io_funcs_t sound_io, queue_io, tree_io, plain_io;
    int threads = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-t") == 0) {
            threads = 1;
        }
    }

    dispatch_t *dpp = dispatch_create();
    if (dpp == NULL) {
        perror("dispatch_create");
        return EXIT_FAILURE;
    }
    iofunc_func_init(_RESMGR_CONNECT_NFUNCS, &plain_connect, _RESMGR_IO_NFUNCS, &plain_io);
    iofunc_func_init(_RESMGR_CONNECT_NFUNCS, &tree_connect, _RESMGR_IO_NFUNCS, &sound_io);
    queue_io = tree_io = sound_io;
    sound_io.read = sound_read;
    sound_io.write = sound_write;
    sound_io.devctl = sound_devctl;
    queue_io.read = queue_read;
    queue_io.write = queue_write;
    queue_io.unblock = queue_unblock;
    tree_connect.open = tree_open;
    tree_io.read = tree_read;

    device(&sound, "sound", S_IFNAM | 0666);
    device(&queue, "queue", S_IFNAM | 0666);
    device(&tree, "tree", S_IFNAM | 0444);
    device(&only_root, "private", S_IFNAM | 0640);
    sound.data = (char *)malloc(BUFFER_MAX);
    if (sound.data == NULL) {
        return EXIT_FAILURE;
    }
    attach(dpp, SOUND_PATH, 0, &plain_connect, &sound_io, &sound);
    attach(dpp, QUEUE_PATH, 0, &plain_connect, &queue_io, &queue);
    attach(dpp, TREE_PATH, _RESMGR_FLAG_DIR, &tree_connect, &tree_io, &tree);
    attach(dpp, PRIVATE_PATH, 0, &plain_connect, &plain_io, &only_root);
    if (message_attach(dpp, NULL, MSG_PLAY, MSG_PLAY, play, &played) == -1) {
        perror("message_attach");
        return EXIT_FAILURE;
    }
    /* A pulse to ourselves, as a timer or an interrupt would send it. */
    int code = pulse_attach(dpp, MSG_FLAG_ALLOC_PULSE, 0, tick, NULL);
    int coid = message_connect(dpp, MSG_FLAG_SIDE_CHANNEL);
    if (code == -1 || coid == -1 || MsgSendPulse(coid, -1, code, 42) == -1) {
        perror("pulse");
        return EXIT_FAILURE;
    }

    puts("ready");
    fflush(stdout);
    if (threads) {
        thread_pool_attr_t pool_attr;
        memset(&pool_attr, 0, sizeof(pool_attr));
        pool_attr.handle = dpp;
        pool_attr.context_alloc = dispatch_context_alloc;
        pool_attr.context_free = dispatch_context_free;
        pool_attr.block_func = dispatch_block;
        pool_attr.unblock_func = dispatch_unblock;
        pool_attr.handler_func = dispatch_handler;
        pool_attr.lo_water = 2;
        pool_attr.increment = 1;
        pool_attr.hi_water = 4;
        pool_attr.maximum = 8;
        thread_pool_t *pool = thread_pool_create(&pool_attr, POOL_FLAG_USE_SELF);
        if (pool == NULL) {
            perror("thread_pool_create");
            return EXIT_FAILURE;
        }
        thread_pool_start(pool);
        return EXIT_FAILURE;
    }
    dispatch_context_t *ctp = dispatch_context_alloc(dpp);
    while (!quitting) {
        if (dispatch_block(ctp) == NULL) {
            perror("dispatch_block");
            return EXIT_FAILURE;
        }
        dispatch_handler(ctp);
    }
    dispatch_context_free(ctp);
    return dispatch_destroy(dpp) == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
}

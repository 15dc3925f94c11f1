/*
 * The dispatch layer by itself, one process: what may be attached, timeouts, unblocking, a path that leads back to its
 * own manager.
 *   resmgr_loop
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/iofunc.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

#define PATH "/dev/self"

static dispatch_t *dpp;
static int done;

static const char *name(int number) {
    switch (number) {
    case ENOENT:
        return "ENOENT";
    case EBADF:
        return "EBADF";
    case EINVAL:
        return "EINVAL";
    case ENOTSUP:
        return "ENOTSUP";
    case ENAMETOOLONG:
        return "ENAMETOOLONG";
    default:
        return "another error";
    }
}

static void outcome(const char *what, long result) {
    printf("%s: %s\n", what, result == -1 ? name(errno) : "done");
}

static int take(message_context_t *ctp, int code, unsigned flags, void *handle) {
    (void)flags;
    (void)handle;
    if (ctp->rcvid == 0) {
        printf("pulse %d\n", code);
    } else {
        MsgReply(ctp->rcvid, code, NULL, 0);
    }
    return 0;
}

static int stop(message_context_t *ctp, int code, unsigned flags, void *handle) {
    (void)ctp;
    (void)code;
    (void)flags;
    *(int *)handle = 1;
    return 0;
}

static void *loop(void *argument) {
    dispatch_context_t *ctp = dispatch_context_alloc((dispatch_t *)argument);
    while (!done && dispatch_block(ctp) != NULL) {
        dispatch_handler(ctp);
    }
    dispatch_context_free(ctp);
    return NULL;
}

static void *unblocker(void *argument) {
    usleep(50000);
    dispatch_unblock((dispatch_context_t *)argument);
    return NULL;
}

static void what_may_be_attached(const resmgr_connect_funcs_t *connect, const resmgr_io_funcs_t *io, iofunc_attr_t *attr) {
    char longer[1100];
    memset(longer, 'x', sizeof(longer));
    longer[0] = '/';
    longer[sizeof(longer) - 1] = 0;
    outcome("range", message_attach(dpp, NULL, 1000, 1010, take, NULL));
    outcome("overlapping range", message_attach(dpp, NULL, 1010, 1020, take, NULL));
    outcome("the system's types", message_attach(dpp, NULL, _IO_READ, 1020, take, NULL));
    outcome("empty range", message_attach(dpp, NULL, 3000, 2000, take, NULL));
    outcome("pulse", pulse_attach(dpp, 0, 5, take, NULL));
    outcome("the same pulse", pulse_attach(dpp, 0, 5, take, NULL));
    int other = pulse_attach(dpp, MSG_FLAG_ALLOC_PULSE, 0, take, NULL);
    printf("a free code: %d\n", other >= 0 && other != 5);
    outcome("detach a code", pulse_detach(dpp, other, 0));
    outcome("detach it again", pulse_detach(dpp, other, 0));
    outcome("path too long", resmgr_attach(dpp, NULL, longer, _FTYPE_ANY, 0, connect, io, attr));
    outcome("no path", resmgr_attach(dpp, NULL, NULL, _FTYPE_ANY, 0, connect, io, attr));
    outcome("before and after", resmgr_attach(dpp, NULL, PATH, _FTYPE_ANY, _RESMGR_FLAG_BEFORE | _RESMGR_FLAG_AFTER,
                                              connect, io, attr));
    outcome("a link of the process manager's", resmgr_attach(dpp, NULL, PATH, _FTYPE_LINK, 0, connect, io, attr));
    outcome("detach what never was", resmgr_detach(dpp, 99, 0));
}

static void waiting(void) {
    dispatch_context_t *ctp = dispatch_context_alloc(dpp);
    struct timespec limit = {0, 20000000};
    outcome("timeout set", dispatch_timeout(dpp, &limit));
    printf("timed out: %d\n", dispatch_block(ctp) == ctp && ctp->message_context.rcvid == -1);
    outcome("timeout handled", dispatch_handler(ctp));
    outcome("timeout cleared", dispatch_timeout(dpp, NULL));
    pthread_t thread;
    pthread_create(&thread, NULL, unblocker, ctp);
    printf("unblocked: %d\n", dispatch_block(ctp) == ctp && ctp->message_context.rcvid == -1);
    pthread_join(thread, NULL);
    dispatch_context_free(ctp);
}

int main(void) {
    static resmgr_connect_funcs_t connect;
    static resmgr_io_funcs_t io;
    static iofunc_attr_t attr;
    dpp = dispatch_create();
    if (dpp == NULL) {
        perror("dispatch_create");
        return EXIT_FAILURE;
    }
    iofunc_func_init(_RESMGR_CONNECT_NFUNCS, &connect, _RESMGR_IO_NFUNCS, &io);
    iofunc_attr_init(&attr, S_IFNAM | 0666, NULL, NULL);
    what_may_be_attached(&connect, &io, &attr);
    waiting();

    int quiet = resmgr_attach(dpp, NULL, PATH, _FTYPE_ANY, 0, &connect, &io, &attr);
    int id = resmgr_attach(dpp, NULL, PATH "/in", _FTYPE_ANY, _RESMGR_FLAG_SELF, &connect, &io, &attr);
    int stopper = pulse_attach(dpp, MSG_FLAG_ALLOC_PULSE, 0, stop, &done);
    int coid = message_connect(dpp, MSG_FLAG_SIDE_CHANNEL);
    pthread_t thread;
    pthread_create(&thread, NULL, loop, dpp);
    outcome("our own path, not for ourselves", open(PATH, O_RDONLY));
    int fd = open(PATH "/in", O_RDWR);
    outcome("our own path", fd);
    char byte = 0;
    printf("default read %ld, write %ld\n", (long)read(fd, &byte, 1), (long)write(fd, &byte, 1));
    uint16_t type = 1005;
    /* Taken in this order. */
    MsgSendPulse(coid, -1, 5, 0);
    long status = MsgSend(coid, &type, sizeof(type), NULL, 0);
    printf("message: %ld\n", status);
    iofunc_attr_lock(&attr);
    printf("open files: %d\n", attr.count);
    iofunc_attr_unlock(&attr);
    outcome("name goes", resmgr_detach(dpp, id, _RESMGR_DETACH_PATHNAME));
    outcome("open again", open(PATH "/in", O_RDWR));
    outcome("what was open stays", read(fd, &byte, 1));
    outcome("detach it again", resmgr_detach(dpp, id, 0));
    id = resmgr_attach(dpp, NULL, PATH "/in", _FTYPE_ANY, _RESMGR_FLAG_SELF, &connect, &io, &attr);
    int second = open(PATH "/in", O_RDWR);
    outcome("all goes", resmgr_detach(dpp, id, _RESMGR_DETACH_ALL));
    outcome("read", read(second, &byte, 1));
    outcome("close", close(second));
    outcome("close", close(fd));
    iofunc_attr_lock(&attr);
    printf("open files: %d\n", attr.count);
    iofunc_attr_unlock(&attr);
    MsgSendPulse(coid, -1, stopper, 0);
    pthread_join(thread, NULL);
    ConnectDetach(coid);
    outcome("the other path", resmgr_detach(dpp, quiet, 0));
    outcome("destroy", dispatch_destroy(dpp));
    return EXIT_SUCCESS;
}

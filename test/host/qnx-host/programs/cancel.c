/*
 * pthread_cancel of threads that are blocked in kernel calls.
 *   cancel
 * The server is a thread too; each client thread has a cleanup handler that says that it ran.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

static int plain, unblock; /* channels: without and with _NTO_CHF_UNBLOCK */
static sem_t started, never;
static int disabled;
static int quiet, cancelled;

static int attach(int chid) {
    int coid = ConnectAttach(0, 0, chid, _NTO_SIDE_CHANNEL, 0);
    if (coid == -1) {
        perror("ConnectAttach");
        exit(EXIT_FAILURE);
    }
    return coid;
}

static void cleanup(void *what) {
    if (!quiet) {
        printf("%s: cleaned up\n", (const char *)what);
    }
}

static void *in_receive(void *unused) {
    struct _pulse pulse;
    (void)unused;
    pthread_cleanup_push(cleanup, (void *)"receive");
    sem_post(&started);
    MsgReceive(plain, &pulse, sizeof pulse, NULL);
    printf("receive: not reached\n");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *in_sem_wait(void *unused) {
    (void)unused;
    pthread_cleanup_push(cleanup, (void *)"semaphore");
    sem_post(&started);
    sem_wait(&never);
    printf("semaphore: not reached\n");
    pthread_cleanup_pop(0);
    return NULL;
}

static int on_pulse(message_context_t *ctp, int code, unsigned flags, void *handle) {
    (void)ctp, (void)code, (void)flags, (void)handle;
    return 0;
}

static void *in_dispatch_block(void *unused) {
    dispatch_t *dpp = dispatch_create();
    (void)unused;
    if (dpp == NULL || pulse_attach(dpp, MSG_FLAG_ALLOC_PULSE, 0, on_pulse, NULL) == -1) {
        perror("dispatch");
        exit(EXIT_FAILURE);
    }
    pthread_cleanup_push(cleanup, (void *)"dispatch");
    sem_post(&started);
    dispatch_block(dispatch_context_alloc(dpp));
    printf("dispatch: not reached\n");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *in_read(void *unused) {
    int ends[2];
    char byte;
    (void)unused;
    if (pipe(ends) == -1) {
        perror("pipe");
        exit(EXIT_FAILURE);
    }
    pthread_cleanup_push(cleanup, (void *)"read");
    sem_post(&started);
    printf("read: not reached, %d\n", (int)read(ends[0], &byte, 1));
    pthread_cleanup_pop(0);
    return NULL;
}

/* SEND-blocked: nobody receives. */
static void *in_send(void *unused) {
    int coid = attach(plain);
    (void)unused;
    pthread_cleanup_push(cleanup, (void *)"send");
    sem_post(&started);
    MsgSend(coid, "x", 1, NULL, 0);
    printf("send: not reached\n");
    pthread_cleanup_pop(0);
    return NULL;
}

/* REPLY-blocked on an UNBLOCK channel. */
static void *in_reply(void *unused) {
    int coid = attach(unblock);
    (void)unused;
    pthread_cleanup_push(cleanup, (void *)"reply");
    MsgSend(coid, "x", 1, NULL, 0);
    printf("reply: not reached\n");
    pthread_cleanup_pop(0);
    return NULL;
}

/* The nc form, and the plain form while cancellation is disabled, wait for the answer; the thread ends afterwards. */
static void *in_nc(void *unused) {
    int coid = attach(unblock);
    int state;
    (void)unused;
    pthread_cleanup_push(cleanup, (void *)(disabled ? "disabled" : "nc"));
    if (disabled) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
        printf("disabled: status %ld\n", MsgSend(coid, "x", 1, NULL, 0));
        pthread_setcancelstate(state, NULL);
    } else {
        printf("nc: status %ld\n", MsgSendnc(coid, "x", 1, NULL, 0));
    }
    pthread_testcancel();
    printf("nc: not reached\n");
    pthread_cleanup_pop(0);
    return NULL;
}

static pthread_t start(void *(*body)(void *)) {
    pthread_t id;
    if (pthread_create(&id, NULL, body, NULL) != EOK) {
        perror("pthread_create");
        exit(EXIT_FAILURE);
    }
    return id;
}

static void join(pthread_t id, const char *what) {
    void *result;
    int error = pthread_join(id, &result);
    cancelled += quiet && error == EOK && result == PTHREAD_CANCELED;
    if (quiet) {
        return;
    }
    printf("%s: %s\n", what, error == EOK && result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

static void cancel_blocked(void *(*body)(void *), const char *what, int wait_us) {
    pthread_t id = start(body);
    sem_wait(&started);
    usleep((useconds_t)wait_us); /* asleep in the call; with 0 anywhere on the way in */
    pthread_cancel(id);
    join(id, what);
}

/* The server's side of a client that is cancelled: receives its message, then `expected` tells what else comes. */
static void serve(void *(*body)(void *), const char *what, int expect_pulse) {
    union {
        struct _pulse pulse;
        char bytes[64];
    } in;
    struct _msg_info info;
    pthread_t id = start(body);
    rcvid_t rcvid = MsgReceive(unblock, &in, sizeof in, &info);
    usleep(20000);
    pthread_cancel(id);
    uint64_t patience = 200u * 1000000u;
    TimerTimeout(CLOCK_MONOTONIC, _NTO_TIMEOUT_RECEIVE, NULL, &patience, NULL);
    rcvid_t next = MsgReceive(unblock, &in, sizeof in, NULL);
    if (expect_pulse) {
        printf("%s: unblock pulse %d, requested %d\n", what,
               next == 0 && in.pulse.code == _PULSE_CODE_UNBLOCK && (rcvid_t)(long)in.pulse.value.sival_ptr == rcvid,
               MsgInfo(rcvid, &info) == EOK && (info.flags & _NTO_MI_UNBLOCK_REQ) != 0);
        MsgError(rcvid, -1);
    } else {
        printf("%s: no pulse %d\n", what, next == -1 && errno == ETIMEDOUT);
        MsgReply(rcvid, 7, NULL, 0);
    }
    join(id, what);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&started, 0, 0);
    sem_init(&never, 0, 0);
    plain = ChannelCreate(0);
    unblock = ChannelCreate(_NTO_CHF_UNBLOCK);
    cancel_blocked(in_receive, "receive", 20000);
    cancel_blocked(in_sem_wait, "semaphore", 20000);
    cancel_blocked(in_send, "send", 20000);
    cancel_blocked(in_dispatch_block, "dispatch", 20000);
    cancel_blocked(in_read, "read", 20000);
    serve(in_reply, "reply", 1);
    serve(in_nc, "nc", 0);
    disabled = 1;
    serve(in_nc, "disabled", 0);

    quiet = 1;
    for (int round = 0; round < 200; round++) {
        cancel_blocked(in_receive, NULL, 10 * (round % 20));
        cancel_blocked(in_sem_wait, NULL, 10 * (round % 20));
        cancel_blocked(in_send, NULL, 10 * (round % 20));
    }
    printf("at any moment: %d of 600\n", cancelled);

    /* Nothing of the cancelled calls is left: both channels work. The first message is the one that comes. */
    struct _pulse pulse;
    int coid = attach(plain);
    MsgSendPulse(coid, -1, 5, 42);
    rcvid_t got = MsgReceive(plain, &pulse, sizeof pulse, NULL);
    printf("after: %ld, code %d\n", (long)got, pulse.code);
    return EXIT_SUCCESS;
}

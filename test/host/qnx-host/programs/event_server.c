/*
 * "I'll do the work later": answers at once, and delivers the client's event when the work is done. Which kind of event that is,
 * it need not know.
 *   event_server        prints "ready"; ends when its first client has gone
 */
#include "event.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

/* The one piece of work in hand. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int pending, work, result;
static rcvid_t client;
static struct sigevent event;

static void *worker(void *unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (!pending) {
            pthread_cond_wait(&cond, &mutex);
        }
        result = work * work;
        /* The client may have allowed us to say how it went. */
        if (event.sigev_notify & SIGEV_FLAG_UPDATEABLE) {
            event.sigev_value.sival_int = result;
        }
        pending = 0;
        /* The reply went out long ago; the rcvid still says whose event it is. */
        if (MsgDeliverEvent(client, &event) == -1) {
            perror("MsgDeliverEvent");
        }
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void notify(rcvid_t rcvid, const struct notify_msg *msg) {
    /* If the event cannot be delivered, now is the time to say so. */
    if (MsgVerifyEvent(rcvid, &msg->event) == -1) {
        int error = errno;
        printf("event refused: %s\n", error == EACCES ? "EACCES" : error == EINVAL ? "EINVAL" : "other");
        MsgError(rcvid, error);
        return;
    }
    pthread_mutex_lock(&mutex);
    if (pending) {
        pthread_mutex_unlock(&mutex);
        MsgError(rcvid, EBUSY);
        return;
    }
    client = rcvid;
    event = msg->event;
    work = msg->work;
    MsgReply(rcvid, EOK, NULL, 0);
    pending = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
}

int main(void) {
    pthread_t thread;
    name_attach_t *attach = name_attach(NULL, SERVER_NAME, 0);
    if (attach == NULL) {
        perror("name_attach");
        return EXIT_FAILURE;
    }
    if (pthread_create(&thread, NULL, worker, NULL) != EOK) {
        fprintf(stderr, "pthread_create failed\n");
        return EXIT_FAILURE;
    }
    puts("ready");
    fflush(stdout);

    for (;;) {
        union {
            uint16_t type;
            struct notify_msg notify;
            struct result_msg result;
            struct _pulse pulse;
        } msg;
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg), &info);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid == 0) {
            if (msg.pulse.code == _PULSE_CODE_DISCONNECT) {
                ConnectDetach(msg.pulse.scoid);
                puts("client gone");
                name_detach(attach, 0);
                return EXIT_SUCCESS;
            }
            continue;
        }
        if (msg.type == MSG_NOTIFY && (size_t)info.msglen >= sizeof(msg.notify)) {
            notify(rcvid, &msg.notify);
        } else if (msg.type == MSG_RESULT && (size_t)info.msglen >= sizeof(msg.result)) {
            pthread_mutex_lock(&mutex);
            int value = result;
            pthread_mutex_unlock(&mutex);
            MsgReply(rcvid, EOK, &value, sizeof(value));
        } else {
            MsgError(rcvid, ENOSYS);
        }
    }
}

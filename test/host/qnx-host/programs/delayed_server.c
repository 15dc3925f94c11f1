/*
 * Delayed replies: whoever asks for an item stays REPLY-blocked until somebody brings one. The receiving thread goes on meanwhile;
 * another thread answers.
 *   delayed_server N        prints "ready"; ends when N clients have gone
 */
#include "delayed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

#define MAX 16

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static rcvid_t waiting[MAX];
static int waiting_count;
static int items[MAX];
static int item_count;
static int stop;

/* Brings those who wait and what there is together, oldest first. */
static void *answer(void *unused) {
    (void)unused;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (!stop && (waiting_count == 0 || item_count == 0)) {
            pthread_cond_wait(&cond, &mutex);
        }
        if (stop) {
            break;
        }
        rcvid_t rcvid = waiting[0];
        int item = items[0];
        for (int i = 1; i < waiting_count; i++) {
            waiting[i - 1] = waiting[i];
        }
        waiting_count--;
        for (int i = 1; i < item_count; i++) {
            items[i - 1] = items[i];
        }
        item_count--;
        if (MsgReply(rcvid, EOK, &item, sizeof(item)) == -1) {
            perror("MsgReply");
        }
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void take(rcvid_t rcvid, const struct queue_msg *msg) {
    int error = EOK;
    pthread_mutex_lock(&mutex);
    if (msg->type == MSG_GET && waiting_count < MAX) {
        waiting[waiting_count++] = rcvid;
    } else if (msg->type == MSG_PUT && item_count < MAX) {
        items[item_count++] = msg->item;
        /* Whoever brings an item need not wait. */
        MsgReply(rcvid, waiting_count, NULL, 0);
    } else {
        error = msg->type == MSG_GET || msg->type == MSG_PUT ? EAGAIN : ENOSYS;
    }
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    if (error != EOK) {
        MsgError(rcvid, error);
    }
}

/* A client that waits wants out: nobody else may answer it from here on. */
static void give_up(rcvid_t rcvid) {
    struct _msg_info info;
    int found = 0;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < waiting_count; i++) {
        if (found) {
            waiting[i - 1] = waiting[i];
        } else {
            found = waiting[i] == rcvid;
        }
    }
    waiting_count -= found;
    pthread_mutex_unlock(&mutex);
    /* Not found or no longer asked for: the pulse came too late, the reply has gone out. */
    if (found && MsgInfo(rcvid, &info) != -1 && (info.flags & _NTO_MI_UNBLOCK_REQ)) {
        MsgError(rcvid, -1);
    }
}

int main(int argc, char **argv) {
    pthread_t thread;
    int clients = argc == 2 ? atoi(argv[1]) : 1;
    name_attach_t *attach = name_attach(NULL, SERVER_NAME, 0);
    if (attach == NULL) {
        perror("name_attach");
        return EXIT_FAILURE;
    }
    pthread_create(&thread, NULL, answer, NULL);
    puts("ready");
    fflush(stdout);

    for (;;) {
        union {
            struct queue_msg queue;
            struct _pulse pulse;
        } msg;
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg), &info);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid != 0) {
            if ((size_t)info.msglen < sizeof(msg.queue)) {
                MsgError(rcvid, EBADMSG);
            } else {
                take(rcvid, &msg.queue);
            }
            continue;
        }
        if (msg.pulse.code == _PULSE_CODE_UNBLOCK) {
            give_up((rcvid_t)msg.pulse.value.sival_long);
        } else if (msg.pulse.code == _PULSE_CODE_DISCONNECT) {
            ConnectDetach(msg.pulse.scoid);
            if (--clients == 0) {
                break;
            }
        }
    }
    pthread_mutex_lock(&mutex);
    stop = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    name_detach(attach, 0);
    puts("clients gone");
    return EXIT_SUCCESS;
}

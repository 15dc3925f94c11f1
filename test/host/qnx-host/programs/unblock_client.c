/*
 * Wants out of a MsgSend that its server does not answer: by a timeout, by a signal, and with a partial result.
 *   unblock_client
 */
#include "unblock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000ULL

static volatile sig_atomic_t alarms;

static void on_alarm(int number) {
    (void)number;
    alarms++;
}

/* The next kernel call of this thread ends after so long. */
static void timeout(uint64_t ns) {
    struct sigevent event;
    SIGEV_UNBLOCK_INIT(&event);
    if (TimerTimeout(CLOCK_MONOTONIC, _NTO_TIMEOUT_SEND | _NTO_TIMEOUT_REPLY, &event, &ns, NULL) == -1) {
        perror("TimerTimeout");
        exit(EXIT_FAILURE);
    }
}

static const char *name_of(int error) {
    return error == ETIMEDOUT ? "ETIMEDOUT" : error == EINTR ? "EINTR" : strerror(error);
}

int main(void) {
    struct park_msg msg = {.type = MSG_PARK};
    struct sigaction action;
    int half = 0;
    int coid = name_open(SERVER_NAME, 0);
    if (coid == -1) {
        perror("name_open");
        return EXIT_FAILURE;
    }

    timeout(50 * MS);
    if (MsgSend(coid, &msg, sizeof(msg), NULL, 0) == -1) {
        printf("timeout: %s\n", name_of(errno));
    }

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    if (MsgSend(coid, &msg, sizeof(msg), NULL, 0) == -1) {
        printf("signal: %s, handlers run %d\n", name_of(errno), (int)alarms);
    }

    msg.type = MSG_PARTIAL;
    timeout(50 * MS);
    long status = MsgSend(coid, &msg, sizeof(msg), &half, sizeof(half));
    printf("partial: status %ld, result %d\n", status, half);

    name_close(coid);
    return EXIT_SUCCESS;
}

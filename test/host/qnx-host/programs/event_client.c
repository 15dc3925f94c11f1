/*
 * Asks for work and for an event when it is done: a pulse, a pulse whose value the server may change, a semaphore, a signal.
 *   event_client
 */
#include "event.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

#define PULSE_DONE 5

static int server, chid, self;
static volatile sig_atomic_t signals, signal_value;

static void on_signal(int number, siginfo_t *info, void *context) {
    (void)context;
    if (number == SIGUSR1) {
        signals++;
        signal_value = info->si_value.sival_int;
    }
}

static void die(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

/* Registers an event and asks for work; 0, or -1 and errno of the server's refusal. */
static int request(struct sigevent *event, int registered, int work) {
    struct notify_msg msg;
    if (registered && MsgRegisterEvent(event, server) == -1) {
        die("MsgRegisterEvent");
    }
    memset(&msg, 0, sizeof(msg));
    msg.type = MSG_NOTIFY;
    msg.work = work;
    msg.event = *event;
    return MsgSend(server, &msg, sizeof(msg), NULL, 0) == -1 ? -1 : 0;
}

static int result(void) {
    struct result_msg msg = {.type = MSG_RESULT};
    int value;
    if (MsgSend(server, &msg, sizeof(msg), &value, sizeof(value)) == -1) {
        die("result");
    }
    return value;
}

static void wait_for_pulse(const char *what) {
    struct _pulse pulse;
    if (MsgReceivePulse(chid, &pulse, sizeof(pulse), NULL) == -1) {
        die("MsgReceivePulse");
    }
    printf("%s: code %d, value %d\n", what, pulse.code, pulse.value.sival_int);
}

int main(void) {
    struct sigevent event;
    struct sigaction action;
    sem_t sem;
    sigset_t blocked, before;

    chid = ChannelCreate(_NTO_CHF_PRIVATE);
    self = ConnectAttach(0, 0, chid, _NTO_SIDE_CHANNEL, 0);
    server = name_open(SERVER_NAME, 0);
    if (chid == -1 || self == -1 || server == -1) {
        die("connect");
    }

    /* The value given at registration arrives, whatever the server writes. */
    memset(&event, 0, sizeof(event));
    SIGEV_PULSE_INIT(&event, self, 10, PULSE_DONE, 77);
    if (request(&event, 0, 2) == -1) {
        printf("not registered: %s\n", errno == EACCES ? "EACCES" : strerror(errno));
    }
    if (request(&event, 1, 3) == -1) {
        die("pulse");
    }
    wait_for_pulse("pulse");
    printf("result %d\n", result());
    if (MsgUnregisterEvent(&event) == -1) {
        die("MsgUnregisterEvent");
    }
    if (request(&event, 0, 4) == -1) {
        printf("after MsgUnregisterEvent: refused\n");
    }

    /* Here the server may put its own value in. */
    memset(&event, 0, sizeof(event));
    SIGEV_PULSE_INIT(&event, self, 10, PULSE_DONE, 77);
    SIGEV_MAKE_UPDATEABLE(&event);
    if (request(&event, 1, 5) == -1) {
        die("updateable pulse");
    }
    wait_for_pulse("updateable pulse");
    MsgUnregisterEvent(&event);

    memset(&event, 0, sizeof(event));
    sem_init(&sem, 0, 0);
    SIGEV_SEM_INIT(&event, &sem);
    if (request(&event, 1, 6) == -1) {
        die("semaphore");
    }
    if (sem_wait(&sem) == -1) {
        die("sem_wait");
    }
    printf("semaphore: result %d\n", result());
    MsgUnregisterEvent(&event);

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, NULL);
    /* The signal may come before we wait for it, not before we are ready. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    memset(&event, 0, sizeof(event));
    SIGEV_SIGNAL_VALUE_INIT(&event, SIGUSR1, 8);
    if (request(&event, 1, 7) == -1) {
        die("signal");
    }
    while (signals == 0) {
        sigsuspend(&before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    printf("signal: value %d, result %d\n", (int)signal_value, result());
    MsgUnregisterEvent(&event);

    /* An event of no kind. */
    memset(&event, 0, sizeof(event));
    event.sigev_notify = 0x55;
    if (MsgRegisterEvent(&event, server) == -1) {
        printf("malformed: %s\n", errno == EINVAL ? "EINVAL" : strerror(errno));
    }
    name_close(server);
    ConnectDetach(self);
    ChannelDestroy(chid);
    return EXIT_SUCCESS;
}

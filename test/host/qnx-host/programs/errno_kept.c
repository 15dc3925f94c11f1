/*
 * A call of the kernel changes errno only when it fails, whatever it does underneath; the later of two failures counts.
 *   errno_kept
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/mman.h>
#include <sys/neutrino.h>
#include <time.h>
#include <unistd.h>

static int chid, coid;

static void pause_ms(long ms) {
    struct timespec time = {0, ms * 1000000};
    nanosleep(&time, NULL);
}

/* Answers so late that the client sleeps, now and then with an error. */
static void *server(void *unused) {
    char message[8];
    (void)unused;
    for (;;) {
        rcvid_t rcvid = MsgReceive(chid, message, sizeof message, NULL);
        if (rcvid > 0) {
            pause_ms(3);
            if (message[0] == 'e') {
                MsgError(rcvid, EDOM);
            } else {
                MsgReply(rcvid, 5, message, 1);
            }
        }
    }
    return NULL;
}

static int wrong;

#define KEEPS(call)                                                                                                    \
    do {                                                                                                               \
        errno = ERANGE;                                                                                                \
        if ((long)(call) == -1) {                                                                                      \
            printf("%s failed: %d\n", #call, errno);                                                                   \
            wrong++;                                                                                                   \
        } else if (errno != ERANGE) {                                                                                  \
            printf("%s left errno %d\n", #call, errno);                                                                \
            wrong++;                                                                                                   \
        }                                                                                                              \
    } while (0)

static void on_signal(int number) { (void)number; }

int main(void) {
    char answer[8];
    struct sigevent event;
    struct _pulse pulse;
    struct _client_info info;
    pthread_t id;
    int own, fd, other;
    name_attach_t *name = NULL;
    shm_handle_t handle;

    signal(SIGUSR1, on_signal);
    KEEPS(chid = ChannelCreate(0));
    KEEPS(own = ChannelCreate(0));
    KEEPS(coid = ConnectAttach(0, 0, chid, _NTO_SIDE_CHANNEL, 0));
    KEEPS(other = ConnectAttach(0, 0, own, 0, 0));
    pthread_create(&id, NULL, server, NULL);
    for (int i = 0; i < 5; i++) {
        KEEPS(MsgSend(coid, "hello", 6, answer, sizeof answer));
        KEEPS(MsgSendPulse(other, 10, 1, 2));
        KEEPS(MsgReceivePulse(own, &pulse, sizeof pulse, NULL));
    }
    KEEPS(ConnectClientInfo(-1, &info, 0));
    KEEPS(name = name_attach(NULL, "kept", 0));
    KEEPS(fd = name_open("kept", 0));
    KEEPS(name_close(fd));
    KEEPS(name == NULL ? -1 : name_detach(name, 0));
    KEEPS(fd = shm_open(SHM_ANON, O_RDWR | O_CREAT, 0600));
    KEEPS(shm_ctl(fd, SHMCTL_ANON, 0, 4096));
    KEEPS(shm_create_handle(fd, getpid(), O_RDWR, &handle, 0));
    KEEPS(close(shm_open_handle(handle, O_RDWR)));
    SIGEV_PULSE_INIT(&event, other, 10, 3, 0);
    KEEPS(MsgRegisterEvent(&event, coid));
    KEEPS(MsgUnregisterEvent(&event));
    KEEPS(ConnectDetach(other));
    printf("changed by success: %d\n", wrong);

    /* The _r forms never touch it, whatever happens. */
    errno = ERANGE;
    long status = MsgSend_r(coid, "e", 1, NULL, 0);
    printf("_r: returned EDOM %d, errno kept %d\n", status == -EDOM, errno == ERANGE);

    /* The later failure counts, in either order, and an assignment counts until the next one. */
    if (open("/nowhere/at/all", O_RDONLY) == -1 && fopen("/nowhere", "r") == NULL && MsgSend(-5, NULL, 0, NULL, 0) == -1) {
        printf("libc, kernel: EBADF %d\n", errno == EBADF);
    }
    if (MsgSend(-5, NULL, 0, NULL, 0) == -1 && fopen("/nowhere", "r") == NULL) {
        printf("kernel, libc: ENOENT %d\n", errno == ENOENT);
    }
    errno = EOK;
    printf("assigned: EOK %d\n", errno == EOK);
    uint64_t now = 0;
    TimerTimeout(CLOCK_MONOTONIC, _NTO_TIMEOUT_RECEIVE, NULL, &now, NULL);
    if (MsgReceive(own, &pulse, sizeof pulse, NULL) == -1) {
        printf("timeout: ETIMEDOUT %d\n", errno == ETIMEDOUT);
    }
    return EXIT_SUCCESS;
}

/*
 * One errno: calls of the kernel and functions of libc set it, with QNX's numbers.
 *   errno_mix
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/neutrino.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

/* Another thread has its own, 0 at first. */
static void *thread(void *unused) {
    (void)unused;
    printf("thread: %s\n", errno == EOK ? "EOK" : strerror(errno));
    return NULL;
}

static const char *name(int number) {
    return number == EOK         ? "EOK"
           : number == ENOENT    ? "ENOENT"
           : number == ERANGE    ? "ERANGE"
           : number == EBADF     ? "EBADF"
           : number == ETIMEDOUT ? "ETIMEDOUT"
                                 : strerror(number);
}

int main(void) {
    const char *nowhere = "/nowhere/at/all";
    struct timespec now;
    pthread_t id;

    if (open(nowhere, O_RDWR | O_CREAT, 0600) == -1) {
        printf("open: %s\n", name(errno));
    }
    errno = EOK;
    if (strtol("99999999999999999999", NULL, 10) > 0) {
        printf("strtol: %s\n", name(errno));
    }
    if (MsgSend(12345, NULL, 0, NULL, 0) == -1) {
        printf("MsgSend: %s\n", name(errno));
    }
    if (fopen(nowhere, "r") == NULL) {
        printf("fopen: %s\n", name(errno));
    }
    long status = MsgSend_r(12345, NULL, 0, NULL, 0);
    printf("MsgSend_r leaves it: %s, returned %ld\n", name(errno), status);
    perror("perror");

    errno = EOK;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec = 0;
    pthread_mutex_lock(&mutex);
    int error = pthread_cond_timedwait(&cond, &mutex, &now);
    pthread_mutex_unlock(&mutex);
    printf("cond: %s returned, errno %s\n", name(error), name(errno));

    errno = ENOENT;
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
    return EXIT_SUCCESS;
}

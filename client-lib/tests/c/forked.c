/* A child made by fork() is turned away from everything of its parent's, can open a session of its own, and harms nothing
 * of the parent's by closing what it inherited. Needs an echo server as its peer.
 *
 *   forked ADDR PORT */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

static long expect(const char *what, long got, long wanted, int line)
{
    if (got != wanted) {
        fprintf(stderr, "line %d: %s gave %ld (%s), expected %ld\n", line, what, got, strerror(errno), wanted);
        failures++;
    }
    return got;
}

static void expect_errno(const char *what, long got, int wanted, int line)
{
    if (got != -1 || errno != wanted) {
        fprintf(stderr, "line %d: %s gave %ld (%s), expected -1 (%s)\n", line, what, got, strerror(errno), strerror(wanted));
        failures++;
    }
    errno = 0;
}

#define EXPECT(call, wanted) expect(#call, (long)(call), (wanted), __LINE__)
#define FAILS(call, wanted) expect_errno(#call, (long)(call), (wanted), __LINE__)

static struct sockaddr_in peer;

static int dial(csock_session_t *session)
{
    int s = csock_socket(session, AF_INET, SOCK_STREAM, 0);
    if (s <= 0 || EXPECT(csock_connect(s, (struct sockaddr *)&peer, sizeof peer), 0) != 0)
        exit(1);
    return s;
}

static void echo(int s, const char *text)
{
    char back[64] = "";
    long len = (long)strlen(text);
    EXPECT(csock_send(s, text, (size_t)len, 0), len);
    for (long at = 0; at < len;) {
        long n = csock_recv(s, back + at, sizeof back - (size_t)at, 0);
        if (n <= 0) {
            EXPECT(n, len);
            return;
        }
        at += n;
    }
    EXPECT(strcmp(back, text), 0);
}

static void child(csock_session_t *session, int s, csock_sio_t *reserved)
{
    char byte;
    csock_sio_t sio;
    csock_stats_t stats;
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    FAILS(csock_send(s, "x", 1, 0), ESTALE);
    FAILS(csock_recv(s, &byte, 1, 0), ESTALE);
    FAILS(csock_sio_reserve(s, &sio, 1, 0), ESTALE);
    FAILS(csock_sio_recv(s, &sio, 1, 0), ESTALE);
    FAILS(csock_sio_send(s, reserved, 1, 0), ESTALE);
    FAILS(csock_sio_release(reserved), ESTALE);
    FAILS(csock_set_nonblocking(s, 1), ESTALE);
    FAILS(csock_set_timeouts(s, 1, 1), ESTALE);
    FAILS(csock_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){1, 0}, sizeof(struct timeval)), ESTALE);
    FAILS(csock_listen(s, 1), ESTALE);
    FAILS(csock_accept(s, NULL, NULL), ESTALE);
    FAILS(csock_connect(s, (struct sockaddr *)&addr, len), ESTALE);
    FAILS(csock_shutdown(s, SHUT_RDWR), ESTALE);
    FAILS(csock_getsockname(s, (struct sockaddr *)&addr, &len), ESTALE);
    FAILS(csock_stats(session, &stats, sizeof stats), ESTALE);
    FAILS(csock_session_check(session), ESTALE);
    FAILS(csock_socket(session, AF_INET, SOCK_STREAM, 0), ESTALE);
    /* A session of its own, opened before and used after the inherited one is closed. */
    csock_session_t *own;
    if (EXPECT(csock_session_open(NULL, NULL, &own), 0) != 0)
        exit(1);
    int t = dial(own);
    echo(t, "child before");
    FAILS(csock_close(s), ESTALE);
    FAILS(csock_close(s), EBADF);
    EXPECT(csock_session_close(session), 0);
    echo(t, "child after");
    EXPECT(csock_close(t), 0);
    EXPECT(csock_session_close(own), 0);
    exit(failures != 0);
}

static csock_session_t *storm_session;
static volatile int storm_over;

/* Calls of every kind, on sockets of its own, until it is told to stop: a fork finds them in the middle of anything. */
static void *storm(void *unused)
{
    (void)unused;
    while (!storm_over) {
        int s = dial(storm_session);
        echo(s, "in the storm");
        csock_sio_t sio;
        EXPECT(csock_sio_reserve(s, &sio, 100, 0), 0);
        EXPECT(csock_sio_release(&sio), 0);
        EXPECT(csock_close(s), 0);
    }
    return NULL;
}

/* What a child asks when its parent's other threads were in the middle of something: each answer comes at once. */
static void asked_in_a_storm(csock_session_t *session, int s)
{
    char byte;
    alarm(10);
    FAILS(csock_send(s, "x", 1, 0), ESTALE);
    FAILS(csock_recv(s, &byte, 1, 0), ESTALE);
    FAILS(csock_set_nonblocking(s, 1), ESTALE);
    FAILS(csock_socket(session, AF_INET, SOCK_STREAM, 0), ESTALE);
    FAILS(csock_close(s), ESTALE);
    FAILS(csock_close(s), EBADF);
    EXPECT(csock_session_close(session), 0);
    _exit(failures != 0);
}

int main(int argc, char **argv)
{
    if (argc != 3 || inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) {
        fprintf(stderr, "usage: %s ADDR PORT\n", argv[0]);
        return 2;
    }
    peer.sin_family = AF_INET;
    peer.sin_port = htons((uint16_t)atoi(argv[2]));
    csock_session_t *session;
    if (EXPECT(csock_session_open(NULL, NULL, &session), 0) != 0)
        return 1;
    int s = dial(session);
    echo(s, "parent before");
    csock_sio_t reserved;
    EXPECT(csock_sio_reserve(s, &reserved, 6, 0), 0);
    for (int round = 0; round < 3; round++) {
        pid_t pid = fork();
        if (pid == 0)
            child(session, s, &reserved);
        int status = -1;
        EXPECT(waitpid(pid, &status, 0), pid);
        EXPECT(status, 0);
        echo(s, "parent goes on");
    }
    pthread_t threads[2];
    storm_session = session;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, storm, NULL);
    for (int round = 0; round < 50; round++) {
        pid_t pid = fork();
        if (pid == 0)
            asked_in_a_storm(session, s);
        int status = -1;
        EXPECT(waitpid(pid, &status, 0), pid);
        EXPECT(status, 0);
    }
    storm_over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    memcpy(reserved.data, "inside", 6);
    EXPECT(csock_sio_send(s, &reserved, 6, 0), 6);
    char back[6];
    for (long at = 0; at < 6;)
        at += csock_recv(s, back + at, sizeof back - (size_t)at, 0);
    EXPECT(memcmp(back, "inside", 6), 0);
    EXPECT(csock_close(s), 0);
    EXPECT(csock_session_close(session), 0);
    if (failures == 0)
        puts("ok");
    return failures != 0;
}

/* A child made by fork() is turned away from everything of its parent's, can open a session of its own, and harms nothing
 * of the parent's by closing what it inherited. Needs an echo server as its peer.
 *
 *   forked ADDR PORT */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

static long expect(const char *what, long got, long wanted, int line)
{
    if (got != wanted) {
        fprintf(stderr, "line %d: %s gave %ld (%s), expected %ld\n", line, what, got, csock_strerror((int)got), wanted);
        failures++;
    }
    return got;
}

#define EXPECT(call, wanted) expect(#call, (long)(call), (wanted), __LINE__)

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
    EXPECT(csock_send(s, "x", 1, 0), -CSOCK_ESTALE);
    EXPECT(csock_recv(s, &byte, 1, 0), -CSOCK_ESTALE);
    EXPECT(csock_sio_reserve(s, 1, &sio, 0), -CSOCK_ESTALE);
    EXPECT(csock_sio_recv(s, &sio, 0), -CSOCK_ESTALE);
    EXPECT(csock_sio_send(s, reserved, 1, 0), -CSOCK_ESTALE);
    EXPECT(csock_shutdown(s, SHUT_RDWR), -CSOCK_ESTALE);
    EXPECT(csock_getsockname(s, (struct sockaddr *)&addr, &len), -CSOCK_ESTALE);
    EXPECT(csock_stats(session, &stats), -CSOCK_ESTALE);
    EXPECT(csock_session_check(session), -CSOCK_ESTALE);
    EXPECT(csock_socket(session, AF_INET, SOCK_STREAM, 0), -CSOCK_ESTALE);
    /* A session of its own, opened before and used after the inherited one is closed. */
    csock_session_t *own;
    if (EXPECT(csock_session_open(NULL, NULL, &own), 0) != 0)
        exit(1);
    int t = dial(own);
    echo(t, "child before");
    EXPECT(csock_close(s), -CSOCK_ESTALE);
    EXPECT(csock_close(s), -CSOCK_EBADF);
    EXPECT(csock_session_close(session), 0);
    echo(t, "child after");
    EXPECT(csock_close(t), 0);
    EXPECT(csock_session_close(own), 0);
    exit(failures != 0);
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
    EXPECT(csock_sio_reserve(s, 6, &reserved, 0), 0);
    for (int round = 0; round < 3; round++) {
        pid_t pid = fork();
        if (pid == 0)
            child(session, s, &reserved);
        int status = -1;
        EXPECT(waitpid(pid, &status, 0), pid);
        EXPECT(status, 0);
        echo(s, "parent goes on");
    }
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

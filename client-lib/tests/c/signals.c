/* Talks to an echo server under a storm of signals (a handler without SA_RESTART): calls may end with EINTR, and nothing
 * else may go wrong. Connections are made under the storm too.
 *
 *   signals ADDR PORT [ROUNDS] */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

static void handler(int number)
{
    (void)number;
    signals++;
}

static long interrupted;

/* The result of a call, or "again" for one that a signal ended. */
static long again(const char *what, long result, int line)
{
    if (result == -1 && errno == EINTR) {
        interrupted++;
        return 0;
    }
    if (result < 0 || (result == 0 && strstr(what, "recv"))) {
        fprintf(stderr, "line %d: %s: %s\n", line, what, result ? strerror(errno) : "end of stream");
        exit(1);
    }
    return result;
}

#define AGAIN(call) again(#call, (long)(call), __LINE__)
#define MUST(call)                                                                                      \
    do {                                                                                                \
        int result_ = (call);                                                                           \
        if (result_ < 0) {                                                                              \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #call, strerror(errno));             \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)

int main(int argc, char **argv)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    if (argc < 3 || inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) {
        fprintf(stderr, "usage: %s ADDR PORT [ROUNDS]\n", argv[0]);
        return 2;
    }
    peer.sin_port = htons((uint16_t)atoi(argv[2]));
    int rounds = argc > 3 ? atoi(argv[3]) : 2000;

    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval storm = {{0, 300}, {0, 300}};
    setitimer(ITIMER_REAL, &storm, NULL);

    csock_session_t *session;
    MUST(csock_session_open(NULL, NULL, &session));
    static unsigned char out[4096], in[4096];
    int s = 0;
    for (int round = 0; round < rounds; round++) {
        if (round % 100 == 0) {
            if (s > 0)
                MUST(csock_close(s));
            MUST(s = csock_socket(session, AF_INET, SOCK_STREAM, 0));
            /* A signal ends the wait, not the connection: the next call that needs it waits for it. */
            if (csock_connect(s, (struct sockaddr *)&peer, sizeof peer) == -1 && errno != EINTR) {
                perror("csock_connect");
                return 1;
            }
        }
        memset(out, round, sizeof out);
        for (size_t at = 0; at < sizeof out;)
            at += (size_t)AGAIN(csock_send(s, out + at, sizeof out - at, 0));
        for (size_t at = 0; at < sizeof in;)
            at += (size_t)AGAIN(csock_recv(s, in + at, sizeof in - at, 0));
        if (memcmp(in, out, sizeof in) != 0) {
            fprintf(stderr, "round %d came back changed\n", round);
            return 1;
        }
    }
    MUST(csock_close(s));
    MUST(csock_session_close(session));
    printf("ok %d rounds, %d signals, %ld calls interrupted\n", rounds, (int)signals, interrupted);
    return 0;
}

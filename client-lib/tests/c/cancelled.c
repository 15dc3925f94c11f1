/* Threads that wait in the library are cancelled: they end, others that wait for the same socket go on, and nothing is left of them.
 *
 *   cancelled ADDR PORT */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MUST(call)                                                                                      \
    do {                                                                                                \
        if ((long)(call) < 0) {                                                                         \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #call, strerror(errno));             \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)
#define EXPECT(what)                                                                                    \
    do {                                                                                                \
        if (!(what)) {                                                                                  \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what);                                  \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)

static int s;
static int listener;
static unsigned char got[100];

static void *receive(void *argument)
{
    (void)argument;
    return (void *)(long)csock_recv(s, got, sizeof got, 0);
}

static void *receive_in_place(void *argument)
{
    csock_sio_t buffer;
    (void)argument;
    return (void *)(long)csock_sio_recv(s, &buffer, sizeof got, 0);
}

static void *take(void *argument)
{
    (void)argument;
    return (void *)(long)csock_accept(listener, NULL, NULL);
}

static void *fill(void *argument)
{
    static unsigned char much[1 << 20];
    (void)argument;
    while (csock_send(s, much, sizeof much, 0) > 0)
        ;
    return NULL;
}

#ifdef __linux__
/* The stand-in's half of a cancellation: QNX's kernel ends the wait by itself. */
void qnx_host_wake_cancelled(pthread_t thread);
#else
#define qnx_host_wake_cancelled(thread) ((void)(thread))
#endif

static pthread_t start(void *(*body)(void *))
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, body, NULL) == 0);
    usleep(100000);
    return thread;
}

static void cancel(pthread_t thread)
{
    void *result;
    EXPECT(pthread_cancel(thread) == 0);
    qnx_host_wake_cancelled(thread);
    EXPECT(pthread_join(thread, &result) == 0);
    EXPECT(result == PTHREAD_CANCELED);
}

int main(int argc, char **argv)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    if (argc < 3 || inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) {
        fprintf(stderr, "usage: %s ADDR PORT\n", argv[0]);
        return 2;
    }
    peer.sin_port = htons((uint16_t)atoi(argv[2]));
    csock_session_t *session;
    MUST(csock_session_open(NULL, NULL, &session));
    MUST(s = csock_socket(session, AF_INET, SOCK_STREAM, 0));
    MUST(csock_connect(s, (struct sockaddr *)&peer, sizeof peer));

    /* The first of three readers, then the second: the third gets the bytes. */
    pthread_t first = start(receive), second = start(receive_in_place), third = start(receive);
    cancel(first);
    cancel(second);
    unsigned char out[100];
    memset(out, 7, sizeof out);
    MUST(csock_send(s, out, sizeof out, 0));
    void *result;
    EXPECT(pthread_join(third, &result) == 0);
    EXPECT((long)result == sizeof got && memcmp(got, out, sizeof got) == 0);

    /* A listener, whose next accept works. */
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof any;
    MUST(listener = csock_socket(session, AF_INET, SOCK_STREAM, 0));
    MUST(csock_bind(listener, (struct sockaddr *)&any, sizeof any));
    MUST(csock_listen(listener, 5));
    MUST(csock_getsockname(listener, (struct sockaddr *)&any, &len));
    cancel(start(take));
    pthread_t taker = start(take);
    int other;
    MUST(other = csock_socket(session, AF_INET, SOCK_STREAM, 0));
    MUST(csock_connect(other, (struct sockaddr *)&any, sizeof any));
    EXPECT(pthread_join(taker, &result) == 0);
    MUST((long)result);
    MUST(csock_close((int)(long)result));
    MUST(csock_close(other));
    MUST(csock_close(listener));

    /* A writer that waits for room, since nobody reads. */
    cancel(start(fill));
    unsigned char in[1 << 16];
    MUST(csock_recv(s, in, sizeof in, 0));
    MUST(csock_close(s));
    MUST(csock_session_close(session));
    puts("ok");
    return 0;
}

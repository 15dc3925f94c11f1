/* What a program gets wrong with buffers in place, and what it may do with them. Needs an echo server as its peer.
 *
 *   buffers ADDR PORT */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Reads exactly `text` from the socket. */
static void hear(int s, const char *text)
{
    char back[64] = "";
    size_t len = strlen(text), at = 0;
    while (at < len) {
        long n = csock_recv(s, back + at, len - at, 0);
        if (n <= 0) {
            EXPECT(n, (long)(len - at));
            return;
        }
        at += (size_t)n;
    }
    if (strcmp(back, text) != 0) {
        fprintf(stderr, "heard '%s' instead of '%s'\n", back, text);
        failures++;
    }
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
    int a = dial(session), b = dial(session);
    if (a < 1 << 30 || b < 1 << 30)
        failures++;

    /* A's buffer on B: refused, and still A's. */
    csock_sio_t of_a, of_b;
    EXPECT(csock_sio_reserve(a, &of_a, 16, 0), 0);
    EXPECT(csock_sio_reserve(b, &of_b, 16, 0), 0);
    memcpy(of_a.data, "from a", 6);
    memcpy(of_b.data, "from b", 6);
    FAILS(csock_sio_send(b, &of_a, 6, 0), EINVAL);
    FAILS(csock_sio_send(a, &of_b, 6, 0), EINVAL);
    FAILS(csock_sio_send(a, &of_a, 17, 0), EINVAL);
    csock_sio_t copy = of_a;
    EXPECT(csock_sio_send(a, &of_a, 6, 0), 6);
    EXPECT(of_a.data == NULL && of_a.len == 0 && of_a.token == 0, 1);
    /* Sent once: the copy is dead. */
    FAILS(csock_sio_send(a, &copy, 6, 0), EINVAL);
    FAILS(csock_sio_release(&copy), EINVAL);
    EXPECT(csock_sio_send(b, &of_b, 6, 0), 6);
    hear(b, "from b");

    /* Received in parts, given back in another order, each once. */
    csock_sio_t first, rest;
    EXPECT(csock_sio_recv(a, &first, 4, 0), 4);
    EXPECT(csock_sio_recv(a, &rest, 100, 0), 2);
    EXPECT(memcmp(first.data, "from", 4) | memcmp(rest.data, " a", 2), 0);
    FAILS(csock_sio_send(a, &rest, 2, 0), EINVAL);
    copy = first;
    EXPECT(csock_sio_release(&first), 0);
    FAILS(csock_sio_release(&first), EINVAL);
    FAILS(csock_sio_release(&copy), EINVAL);
    copy.token ^= 1ull << 40;
    FAILS(csock_sio_release(&copy), EINVAL);
    FAILS(csock_sio_recv(a, &first, 0, 0), EINVAL);

    /* Buffers outlive their socket: `rest` still reads the same when other connections have come and gone. */
    EXPECT(csock_sio_reserve(a, &of_a, 16, 0), 0);
    memcpy(of_a.data, "never sent", 10);
    EXPECT(csock_close(a), 0);
    FAILS(csock_sio_send(a, &of_a, 10, 0), EBADF);
    for (int i = 0; i < 20; i++) {
        int c = dial(session);
        char text[32];
        snprintf(text, sizeof text, "connection %d", i);
        EXPECT(csock_send(c, text, strlen(text), 0), (long)strlen(text));
        hear(c, text);
        EXPECT(csock_close(c), 0);
    }
    EXPECT(memcmp(rest.data, " a", 2) | memcmp(of_a.data, "never sent", 10), 0);
    EXPECT(csock_sio_release(&of_a), 0);

    /* And their session's end: what is held stays mapped. */
    EXPECT(csock_close(b), 0);
    EXPECT(csock_session_close(session), 0);
    EXPECT(memcmp(rest.data, " a", 2), 0);
    EXPECT(csock_sio_release(&rest), 0);
    if (failures == 0)
        puts("ok");
    return failures != 0;
}

/* Connects to ADDR PORT, sends COUNT bytes by copy and COUNT bytes in place while a second thread receives, and checks
 * that they come back. Needs an echo server as its peer.
 *
 *   echo_client ADDR PORT [COUNT]
 *
 * Prints one line for the test that runs it: bytes, and what was copied. */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call) check(#call, (long)(call), __LINE__)

static long check(const char *what, long result, int line)
{
    if (result < 0) {
        fprintf(stderr, "line %d: %s: %s\n", line, what, strerror(errno));
        exit(1);
    }
    return result;
}

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 131 + i / 509);
}

static void *receive(void *arg)
{
    int s = *(int *)arg;
    size_t at = 0;
    for (;;) {
        csock_sio_t buffer;
        long n = CHECK(csock_sio_recv(s, &buffer, SIZE_MAX, 0));
        if (n == 0)
            break;
        const unsigned char *bytes = buffer.data;
        for (long i = 0; i < n; i++, at++) {
            if (bytes[i] != pattern(at)) {
                fprintf(stderr, "byte %zu came back as %u\n", at, bytes[i]);
                exit(1);
            }
        }
        CHECK(csock_sio_release(&buffer));
    }
    return (void *)at;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s ADDR PORT [COUNT]\n", argv[0]);
        return 2;
    }
    size_t count = argc > 3 ? strtoul(argv[3], NULL, 0) : 1 << 20;

    csock_session_t *session;
    CHECK(csock_session_open(NULL, NULL, &session));
    int s = (int)CHECK(csock_socket(session, AF_INET, SOCK_STREAM, 0));

    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) {
        fprintf(stderr, "%s is not an IPv4 address\n", argv[1]);
        return 2;
    }
    CHECK(csock_connect(s, (struct sockaddr *)&peer, sizeof peer));

    int on = 1, value = 0;
    socklen_t len = sizeof value;
    CHECK(csock_setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    CHECK(csock_getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &value, &len));
    if (value == 0 || len != sizeof value) {
        fprintf(stderr, "TCP_NODELAY reads as %d, %u bytes\n", value, (unsigned)len);
        return 1;
    }
    struct sockaddr_in name;
    len = sizeof name;
    CHECK(csock_getpeername(s, (struct sockaddr *)&name, &len));
    if (len != sizeof name || name.sin_port != peer.sin_port || name.sin_addr.s_addr != peer.sin_addr.s_addr) {
        fprintf(stderr, "the peer's name is not the one that we connected to\n");
        return 1;
    }

    pthread_t receiver;
    pthread_create(&receiver, NULL, receive, &s);
    static unsigned char chunk[10000];
    for (size_t at = 0; at < 2 * count;) {
        size_t n = 2 * count - at < sizeof chunk ? 2 * count - at : sizeof chunk;
        if (at < count) {
            for (size_t i = 0; i < n; i++)
                chunk[i] = pattern(at + i);
            at += (size_t)CHECK(csock_send(s, chunk, n, MSG_NOSIGNAL));
        } else {
            csock_sio_t buffer;
            CHECK(csock_sio_reserve(s, &buffer, n, 0));
            for (size_t i = 0; i < n; i++)
                ((unsigned char *)buffer.data)[i] = pattern(at + i);
            at += (size_t)CHECK(csock_sio_send(s, &buffer, n, at + n < 2 * count ? CSOCK_MSG_MORE : 0));
        }
    }
    CHECK(csock_shutdown(s, SHUT_WR));
    void *received;
    pthread_join(receiver, &received);
    if ((size_t)received != 2 * count) {
        fprintf(stderr, "%zu of %zu bytes came back\n", (size_t)received, 2 * count);
        return 1;
    }
    csock_stats_t stats;
    CHECK(csock_stats(session, &stats, sizeof stats));
    CHECK(csock_close(s));
    CHECK(csock_session_close(session));
    printf("ok %zu bytes, tx copied %llu, rx copied %llu\n", 2 * count,
           (unsigned long long)(stats.client.tx_bytes_copied + stats.mine.tx_bytes_copied),
           (unsigned long long)(stats.client.rx_bytes_copied + stats.mine.rx_bytes_copied));
    return 0;
}

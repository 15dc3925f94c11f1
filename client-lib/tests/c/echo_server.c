/* Listens on 127.0.0.1, prints its port, serves COUNT connections one after the other: every byte goes back, until the
 * peer ends its side.
 *
 *   echo_server [COUNT] */
#include "custom_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1;
    csock_session_t *session;
    csock_config_t config;
    csock_config_init(&config);
    config.pool_bytes = 8 << 20;
    config.rx_large_len = 16 << 10;
    CHECK(csock_session_open(NULL, &config, &session));
    int listener = (int)CHECK(csock_socket(session, AF_INET, SOCK_STREAM, IPPROTO_TCP));
    int on = 1;
    CHECK(csock_setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    CHECK(csock_bind(listener, (struct sockaddr *)&addr, len));
    CHECK(csock_listen(listener, 5));
    CHECK(csock_getsockname(listener, (struct sockaddr *)&addr, &len));
    printf("listening %u\n", ntohs(addr.sin_port));
    fflush(stdout);
    while (count-- > 0) {
        struct sockaddr_in peer;
        len = sizeof peer;
        int s = (int)CHECK(csock_accept(listener, (struct sockaddr *)&peer, &len));
        static char buffer[5000];
        ssize_t n;
        while ((n = CHECK(csock_recv(s, buffer, sizeof buffer, 0))) > 0) {
            for (ssize_t sent = 0; sent < n;)
                sent += CHECK(csock_send(s, buffer + sent, (size_t)(n - sent), 0));
        }
        CHECK(csock_close(s));
    }
    CHECK(csock_close(listener));
    CHECK(csock_session_close(session));
    puts("ok");
    return 0;
}

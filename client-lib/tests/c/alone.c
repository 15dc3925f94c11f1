/* What the library does without any server: every verb refuses what it must, and nothing crashes. */
#include "custom_socket.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static int failures;

static void expect(const char *what, long got, long wanted, int line)
{
    if (got != wanted) {
        fprintf(stderr, "line %d: %s gave %ld (%s), expected %ld\n", line, what, got, csock_strerror((int)got), wanted);
        failures++;
    }
}

#define EXPECT(call, wanted) expect(#call, (long)(call), (wanted), __LINE__)

/* Structures of the platform that the library takes apart by hand. */
_Static_assert(sizeof(struct sockaddr_in) == 16, "sockaddr_in");
_Static_assert(offsetof(struct sockaddr_in, sin_port) == 2, "sockaddr_in");
_Static_assert(offsetof(struct sockaddr_in, sin_addr) == 4, "sockaddr_in");
_Static_assert(sizeof(struct sockaddr_in6) == 28, "sockaddr_in6");
_Static_assert(offsetof(struct sockaddr_in6, sin6_flowinfo) == 4, "sockaddr_in6");
_Static_assert(offsetof(struct sockaddr_in6, sin6_addr) == 8, "sockaddr_in6");
_Static_assert(offsetof(struct sockaddr_in6, sin6_scope_id) == 24, "sockaddr_in6");
_Static_assert(sizeof(struct linger) == 8, "linger");
_Static_assert(sizeof(struct timeval) == 16, "timeval");
_Static_assert(offsetof(struct timeval, tv_usec) == 8, "timeval");
_Static_assert(sizeof(socklen_t) == 4, "socklen_t");
_Static_assert(SHUT_RD == 0 && SHUT_WR == 1 && SHUT_RDWR == 2, "shutdown");

int main(void)
{
    csock_session_t *session = NULL;
    csock_config_t config;
    csock_sio_t sio;
    csock_stats_t stats;
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    char byte;

    EXPECT(csock_session_open("nobody.serves.this", NULL, &session), -CSOCK_ENOENT);
    EXPECT(csock_session_open(NULL, NULL, NULL), -CSOCK_EFAULT);
    EXPECT(csock_session_open("\xff", NULL, &session), -CSOCK_EINVAL);
    csock_config_init(NULL);
    csock_config_init(&config);
    config.size--;
    EXPECT(csock_session_open(NULL, &config, &session), -CSOCK_EINVAL);
    csock_config_init(&config);
    config.reserved[3] = 1;
    EXPECT(csock_session_open(NULL, &config, &session), -CSOCK_EINVAL);
    csock_config_init(&config);
    config.tx_descriptors = 3;
    EXPECT(csock_session_open(NULL, &config, &session), -CSOCK_EINVAL);
    EXPECT(csock_session_close(NULL), 0);
    EXPECT(csock_session_check(NULL), -CSOCK_EFAULT);
    EXPECT(csock_stats(NULL, &stats), -CSOCK_EFAULT);
    EXPECT(csock_stats(NULL, NULL), -CSOCK_EFAULT);
    EXPECT(csock_socket(NULL, AF_INET, SOCK_STREAM, 0), -CSOCK_EFAULT);

    static const int handles[] = {0, 1, -1, 0x10000, 0x10001, 0x7fffffff, -0x7fffffff - 1};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
        int s = handles[i];
        EXPECT(csock_bind(s, (struct sockaddr *)&addr, len), -CSOCK_EBADF);
        EXPECT(csock_listen(s, 1), -CSOCK_EBADF);
        EXPECT(csock_accept(s, NULL, NULL), -CSOCK_EBADF);
        EXPECT(csock_connect(s, (struct sockaddr *)&addr, len), -CSOCK_EBADF);
        EXPECT(csock_send(s, "x", 1, 0), -CSOCK_EBADF);
        EXPECT(csock_recv(s, &byte, 1, 0), -CSOCK_EBADF);
        EXPECT(csock_shutdown(s, SHUT_WR), -CSOCK_EBADF);
        EXPECT(csock_getsockname(s, (struct sockaddr *)&addr, &len), -CSOCK_EBADF);
        EXPECT(csock_getpeername(s, (struct sockaddr *)&addr, &len), -CSOCK_EBADF);
        EXPECT(csock_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &len, sizeof len), -CSOCK_EBADF);
        EXPECT(csock_getsockopt(s, SOL_SOCKET, SO_REUSEADDR, &byte, &len), -CSOCK_EBADF);
        EXPECT(csock_set_nonblocking(s, 1), -CSOCK_EBADF);
        EXPECT(csock_set_timeouts(s, 1, 1), -CSOCK_EBADF);
        EXPECT(csock_sio_reserve(s, 1, &sio, 0), -CSOCK_EBADF);
        EXPECT(csock_sio_recv(s, &sio, 0), -CSOCK_EBADF);
        memset(&sio, 0, sizeof sio);
        EXPECT(csock_sio_send(s, &sio, 0, 0), -CSOCK_EBADF);
        EXPECT(csock_sio_release(s, &sio), -CSOCK_EBADF);
        EXPECT(csock_close(s), -CSOCK_EBADF);
    }
    EXPECT(csock_send(0, NULL, 1, 0x40000000), -CSOCK_EOPNOTSUPP);
    EXPECT(csock_sio_reserve(0, 1, NULL, 0), -CSOCK_EFAULT);
    EXPECT(csock_sio_recv(0, NULL, 0), -CSOCK_EFAULT);
    EXPECT(csock_sio_send(0, NULL, 0, 0), -CSOCK_EFAULT);
    EXPECT(csock_sio_release(0, NULL), -CSOCK_EFAULT);
    EXPECT(strncmp(csock_strerror(-CSOCK_ECONNREFUSED), "ECONNREFUSED", 12), 0);
    if (failures == 0)
        puts("ok");
    return failures != 0;
}

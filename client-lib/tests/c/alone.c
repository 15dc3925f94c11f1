/* What the library does without any server: every verb refuses what it must, and nothing crashes. */
#include "custom_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static int failures;

static void expect(const char *what, long got, long wanted, int line)
{
    if (got != wanted) {
        fprintf(stderr, "line %d: %s gave %ld, expected %ld\n", line, what, got, wanted);
        failures++;
    }
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

    FAILS(csock_session_open("/nobody/serves/this", NULL, &session), ENOENT);
    FAILS(csock_session_open(NULL, NULL, NULL), EFAULT);
    FAILS(csock_session_open("\xff", NULL, &session), EINVAL);
    csock_config_init(NULL);
    /* A program of another age: an older one has a shorter structure, a newer one a longer one. */
    struct {
        csock_config_t config;
        uint64_t later;
    } newer = {.later = 0};
    csock_config_init(&newer.config);
    newer.config.size = sizeof newer;
    FAILS(csock_session_open("/nobody/serves/this", &newer.config, &session), ENOENT);
    newer.later = 1;
    FAILS(csock_session_open("/nobody/serves/this", &newer.config, &session), EINVAL);
    csock_config_init(&config);
    config.size = offsetof(csock_config_t, tx_piece);
    config.tx_piece = 3;
    FAILS(csock_session_open("/nobody/serves/this", &config, &session), ENOENT);
    config.size = 0;
    FAILS(csock_session_open(NULL, &config, &session), EINVAL);
    csock_config_init(&config);
    config.tx_piece = 3;
    FAILS(csock_session_open(NULL, &config, &session), EINVAL);
    EXPECT(csock_session_close(NULL), 0);
    FAILS(csock_session_check(NULL), EFAULT);
    FAILS(csock_stats(NULL, &stats, sizeof stats), EFAULT);
    FAILS(csock_stats(NULL, NULL, 0), EFAULT);
    FAILS(csock_socket(NULL, AF_INET, SOCK_STREAM, 0), EFAULT);

    static const int handles[] = {0, 1, -1, 0x10000, 0x40000000, 0x40010000, 0x7fffffff, -0x7fffffff - 1};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
        int s = handles[i];
        FAILS(csock_bind(s, (struct sockaddr *)&addr, len), EBADF);
        FAILS(csock_listen(s, 1), EBADF);
        FAILS(csock_accept(s, NULL, NULL), EBADF);
        FAILS(csock_connect(s, (struct sockaddr *)&addr, len), EBADF);
        FAILS(csock_send(s, "x", 1, 0), EBADF);
        FAILS(csock_recv(s, &byte, 1, 0), EBADF);
        FAILS(csock_shutdown(s, SHUT_WR), EBADF);
        FAILS(csock_getsockname(s, (struct sockaddr *)&addr, &len), EBADF);
        FAILS(csock_getpeername(s, (struct sockaddr *)&addr, &len), EBADF);
        FAILS(csock_setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &len, sizeof len), EBADF);
        FAILS(csock_getsockopt(s, SOL_SOCKET, SO_REUSEADDR, &byte, &len), EBADF);
        FAILS(csock_set_nonblocking(s, 1), EBADF);
        FAILS(csock_set_timeouts(s, 1, 1), EBADF);
        FAILS(csock_sio_reserve(s, &sio, 1, 0), EBADF);
        FAILS(csock_sio_recv(s, &sio, 1, 0), EBADF);
        memset(&sio, 0, sizeof sio);
        FAILS(csock_sio_send(s, &sio, 0, 0), EBADF);
        FAILS(csock_sio_release(&sio), EINVAL);
        FAILS(csock_close(s), EBADF);
    }
    FAILS(csock_send(0, NULL, 1, 0x40000000), EOPNOTSUPP);
    FAILS(csock_sio_reserve(0, NULL, 1, 0), EFAULT);
    FAILS(csock_sio_recv(0, NULL, 1, 0), EFAULT);
    FAILS(csock_sio_send(0, NULL, 0, 0), EFAULT);
    FAILS(csock_sio_release(NULL), EFAULT);
    if (failures == 0)
        puts("ok");
    return failures != 0;
}

/*
 * The four interfaces over QNX message passing, bare: a message is the arguments behind a type.
 *   bench server NAME            prints "ready 0"
 *   bench client SERVICE NAME CALLS
 * Compiles unchanged on QNX.
 */
#include "../common.h"

#include <errno.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

/* Types above the system's own, as QNX asks for. */
enum { MSG_PING = 0x4d10, MSG_HELLO, MSG_ADD, MSG_SUBTRACT, MSG_MULTIPLY, MSG_DIVIDE, MSG_START, MSG_STOP, MSG_TICK };

struct head {
    uint16_t type;
    uint16_t reserved;
    int32_t id;
};

struct test_struct {
    struct head head;
    int64_t stamp;
    double value;
    uint32_t text_length;
    char text[60];
};

struct hello {
    struct head head;
    uint32_t text_length;
    char text[60];
};

struct calculation {
    struct head head;
    int32_t a;
    int32_t b;
};

struct timer {
    struct head head;
    int64_t interval_us;
};

union message {
    struct head head;
    struct test_struct ping;
    struct hello hello;
    struct calculation calculation;
    struct timer timer;
    struct _pulse pulse;
};

/* ---- server ---- */

static void calculate(rcvid_t rcvid, const struct calculation *c) {
    int32_t result;
    if (c->head.type == MSG_DIVIDE && c->b == 0) {
        MsgError(rcvid, EINVAL);
        return;
    }
    result = c->head.type == MSG_ADD        ? c->a + c->b
             : c->head.type == MSG_SUBTRACT ? c->a - c->b
             : c->head.type == MSG_MULTIPLY ? c->a * c->b
                                            : c->a / c->b;
    MsgReply(rcvid, 0, &result, sizeof result);
}

/* Length that a message of this type must have. */
static size_t length_of(uint16_t type) {
    switch (type) {
    case MSG_PING:
        return sizeof(struct test_struct);
    case MSG_HELLO:
        return sizeof(struct hello);
    case MSG_ADD:
    case MSG_SUBTRACT:
    case MSG_MULTIPLY:
    case MSG_DIVIDE:
        return sizeof(struct calculation);
    case MSG_START:
        return sizeof(struct timer);
    default:
        return sizeof(struct head);
    }
}

static int serve(const char *name) {
    name_attach_t *attach = name_attach(NULL, name, 0);
    if (attach == NULL) {
        perror("name_attach");
        return 1;
    }
    puts("ready 0");
    fflush(stdout);
    int64_t interval_ns = 0;
    uint64_t hello_bytes = 0;
    for (;;) {
        union message m;
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, &m, sizeof m, &info);
        if (rcvid == -1) {
            perror("MsgReceive");
            return 1;
        }
        if (rcvid == 0) {
            if (m.pulse.code == _PULSE_CODE_DISCONNECT) {
                ConnectDetach(m.pulse.scoid);
            }
            continue;
        }
        if ((size_t)info.msglen < sizeof m.head || (size_t)info.msglen < length_of(m.head.type)) {
            MsgError(rcvid, EBADMSG);
            continue;
        }
        switch (m.head.type) {
        case MSG_PING:
            MsgReply(rcvid, 0, &m.ping, sizeof m.ping);
            break;
        case MSG_HELLO:
            /* One-way: the caller goes on before the work is done. */
            MsgReply(rcvid, 0, NULL, 0);
            hello_bytes += m.hello.text_length;
            break;
        case MSG_ADD:
        case MSG_SUBTRACT:
        case MSG_MULTIPLY:
        case MSG_DIVIDE:
            calculate(rcvid, &m.calculation);
            break;
        case MSG_START:
            interval_ns = m.timer.interval_us * 1000;
            MsgReply(rcvid, 1, NULL, 0);
            break;
        case MSG_STOP:
            interval_ns = 0;
            MsgReply(rcvid, 0, NULL, 0);
            break;
        case MSG_TICK: {
            struct timespec pause = {interval_ns / 1000000000, interval_ns % 1000000000};
            nanosleep(&pause, NULL);
            int64_t now = bench_now_ns();
            MsgReply(rcvid, 0, &now, sizeof now);
            break;
        }
        default:
            MsgError(rcvid, ENOSYS);
        }
    }
}

/* ---- client ---- */

static void call(int coid, const void *message, size_t length, void *reply, size_t room) {
    if (MsgSend(coid, message, length, reply, room) == -1) {
        bench_fail("MsgSend", strerror(errno));
    }
}

static void one_ping(int coid, struct test_struct *arg, long i) {
    struct test_struct result;
    arg->stamp = i;
    call(coid, arg, sizeof *arg, &result, sizeof result);
    if (result.stamp != i) {
        bench_fail("ping", "another call's answer");
    }
}

static void client_ping(int coid, long calls) {
    int64_t total;
    struct test_struct arg = {.head = {MSG_PING, 0, BENCH_PING_ID}, .value = BENCH_PING_VALUE};
    arg.text_length = sizeof BENCH_PING_TEXT - 1;
    memcpy(arg.text, BENCH_PING_TEXT, sizeof BENCH_PING_TEXT);
    BENCH_WARM_UP(i, one_ping(coid, &arg, i););
    BENCH_TIME(total, calls, i, one_ping(coid, &arg, i););
    bench_result("ping", total, calls);

    struct hello hello = {.head = {MSG_HELLO, 0, 0}, .text_length = sizeof BENCH_HELLO_TEXT - 1};
    memcpy(hello.text, BENCH_HELLO_TEXT, sizeof BENCH_HELLO_TEXT);
    BENCH_TIME(total, calls, i, call(coid, &hello, sizeof hello, NULL, 0););
    bench_result("hello", total, calls);
    /* MsgSend returns when the server has taken the message: sent is delivered. */
    bench_result("hello_delivered", total, calls);
}

static int32_t calculated(int coid, uint16_t type, int32_t a, int32_t b) {
    struct calculation c = {{type, 0, 0}, a, b};
    int32_t result;
    call(coid, &c, sizeof c, &result, sizeof result);
    return result;
}

static void one_calculation(int coid, long i) {
    int32_t a = (int32_t)i + 7, b = 3;
    if (calculated(coid, MSG_ADD, a, b) != a + b || calculated(coid, MSG_SUBTRACT, a, b) != a - b ||
        calculated(coid, MSG_MULTIPLY, a, b) != a * b || calculated(coid, MSG_DIVIDE, a, b) != a / b) {
        bench_fail("calculator", "wrong result");
    }
}

static void client_calculator(int coid, long calls) {
    int64_t total;
    BENCH_WARM_UP(i, one_calculation(coid, i););
    BENCH_TIME(total, calls, i, one_calculation(coid, i););
    bench_result("calculator", total, calls);
}

static void client_timer(int coid, long calls) {
    struct timer start = {{MSG_START, 0, 0}, BENCH_TIMER_INTERVAL_US};
    struct head tick = {MSG_TICK, 0, 1}, stop = {MSG_STOP, 0, 1};
    call(coid, &start, sizeof start, NULL, 0);
    int64_t sum = 0;
    for (long i = 0; i < calls; i++) {
        int64_t sent;
        call(coid, &tick, sizeof tick, &sent, sizeof sent);
        sum += bench_now_ns() - sent;
    }
    call(coid, &stop, sizeof stop, NULL, 0);
    bench_result("timer", sum, calls);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "server") == 0) {
        return serve(argv[2]);
    }
    if (argc != 5 || strcmp(argv[1], "client") != 0) {
        fprintf(stderr, "usage: %s server NAME | client SERVICE NAME CALLS\n", argv[0]);
        return 2;
    }
    int coid = name_open(argv[3], 0);
    if (coid == -1) {
        bench_fail("name_open", strerror(errno));
    }
    long calls = atol(argv[4]);
    if (strcmp(argv[2], "ping") == 0) {
        client_ping(coid, calls);
    } else if (strcmp(argv[2], "calculator") == 0) {
        client_calculator(coid, calls);
    } else {
        client_timer(coid, calls);
    }
    name_close(coid);
    return 0;
}

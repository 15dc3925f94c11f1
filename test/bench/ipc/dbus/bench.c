/*
 * The four interfaces over D-Bus (libdbus, a private daemon whose address stands in DBUS_SESSION_BUS_ADDRESS).
 *   bench server            prints "ready 0"
 *   bench client CALLS
 * D-Bus has no one-way call with the guarantees of the others, so `hello` is a call with an empty answer, and the timer is a signal: as
 * in the document that this follows.
 */
#include "../common.h"

#include <dbus/dbus.h>
#include <errno.h>
#include <string.h>

#define NAME "org.bench.Server"
#define PATH "/org/bench"
#define IFACE "org.bench.Bench"

static DBusConnection *connect_bus(void) {
    DBusError error;
    dbus_error_init(&error);
    DBusConnection *bus = dbus_bus_get(DBUS_BUS_SESSION, &error);
    if (bus == NULL) {
        bench_fail("dbus_bus_get", error.message);
    }
    return bus;
}

static void send_and_free(DBusConnection *bus, DBusMessage *message) {
    if (message == NULL || !dbus_connection_send(bus, message, NULL)) {
        bench_fail("dbus_connection_send", "out of memory");
    }
    dbus_message_unref(message);
}

/* ---- server ---- */

static void answer_ping(DBusConnection *bus, DBusMessage *call) {
    dbus_int32_t id;
    dbus_int64_t stamp;
    double value;
    const char *text;
    if (!dbus_message_get_args(call, NULL, DBUS_TYPE_INT32, &id, DBUS_TYPE_INT64, &stamp, DBUS_TYPE_DOUBLE, &value, DBUS_TYPE_STRING, &text,
                               DBUS_TYPE_INVALID)) {
        send_and_free(bus, dbus_message_new_error(call, DBUS_ERROR_INVALID_ARGS, "ping"));
        return;
    }
    DBusMessage *reply = dbus_message_new_method_return(call);
    dbus_message_append_args(reply, DBUS_TYPE_INT32, &id, DBUS_TYPE_INT64, &stamp, DBUS_TYPE_DOUBLE, &value, DBUS_TYPE_STRING, &text,
                             DBUS_TYPE_INVALID);
    send_and_free(bus, reply);
}

static void answer_calculation(DBusConnection *bus, DBusMessage *call, const char *member) {
    dbus_int32_t a, b, result;
    if (!dbus_message_get_args(call, NULL, DBUS_TYPE_INT32, &a, DBUS_TYPE_INT32, &b, DBUS_TYPE_INVALID) || (strcmp(member, "divide") == 0 && b == 0)) {
        send_and_free(bus, dbus_message_new_error(call, DBUS_ERROR_INVALID_ARGS, member));
        return;
    }
    result = strcmp(member, "add") == 0        ? a + b
             : strcmp(member, "subtract") == 0 ? a - b
             : strcmp(member, "multiply") == 0 ? a * b
                                               : a / b;
    DBusMessage *reply = dbus_message_new_method_return(call);
    dbus_message_append_args(reply, DBUS_TYPE_INT32, &result, DBUS_TYPE_INVALID);
    send_and_free(bus, reply);
}

/* Emits `tick` signals, one an interval, each with the time of its sending. */
static void run_ticks(DBusConnection *bus, DBusMessage *call) {
    dbus_int64_t interval_us, count;
    if (!dbus_message_get_args(call, NULL, DBUS_TYPE_INT64, &interval_us, DBUS_TYPE_INT64, &count, DBUS_TYPE_INVALID)) {
        send_and_free(bus, dbus_message_new_error(call, DBUS_ERROR_INVALID_ARGS, "start"));
        return;
    }
    send_and_free(bus, dbus_message_new_method_return(call));
    for (dbus_int64_t i = 0; i < count; i++) {
        struct timespec pause = {interval_us / 1000000, (interval_us % 1000000) * 1000};
        nanosleep(&pause, NULL);
        DBusMessage *signal = dbus_message_new_signal(PATH, IFACE, "tick");
        dbus_int64_t now = bench_now_ns();
        dbus_message_append_args(signal, DBUS_TYPE_INT64, &now, DBUS_TYPE_INVALID);
        send_and_free(bus, signal);
        dbus_connection_flush(bus);
    }
}

static int serve(void) {
    DBusConnection *bus = connect_bus();
    DBusError error;
    dbus_error_init(&error);
    if (dbus_bus_request_name(bus, NAME, DBUS_NAME_FLAG_DO_NOT_QUEUE, &error) != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER) {
        bench_fail("dbus_bus_request_name", error.message ? error.message : "the name is taken");
    }
    puts("ready 0");
    fflush(stdout);
    while (dbus_connection_read_write(bus, -1)) {
        DBusMessage *call;
        while ((call = dbus_connection_pop_message(bus)) != NULL) {
            const char *member = dbus_message_get_member(call);
            if (dbus_message_get_type(call) != DBUS_MESSAGE_TYPE_METHOD_CALL || member == NULL) {
                /* The daemon's own signals. */
            } else if (strcmp(member, "ping") == 0) {
                answer_ping(bus, call);
            } else if (strcmp(member, "hello") == 0) {
                send_and_free(bus, dbus_message_new_method_return(call));
            } else if (strcmp(member, "start") == 0) {
                run_ticks(bus, call);
            } else {
                answer_calculation(bus, call, member);
            }
            dbus_message_unref(call);
        }
        dbus_connection_flush(bus);
    }
    return 0;
}

/* ---- client ---- */

static DBusMessage *new_call(const char *member) {
    DBusMessage *call = dbus_message_new_method_call(NAME, PATH, IFACE, member);
    if (call == NULL) {
        bench_fail(member, "out of memory");
    }
    return call;
}

/* Sends `call`, frees it, and returns the reply. */
static DBusMessage *exchange(DBusConnection *bus, DBusMessage *call) {
    DBusError error;
    dbus_error_init(&error);
    DBusMessage *reply = dbus_connection_send_with_reply_and_block(bus, call, -1, &error);
    dbus_message_unref(call);
    if (reply == NULL) {
        bench_fail("call", error.message);
    }
    return reply;
}

static void one_ping(DBusConnection *bus, long i) {
    dbus_int32_t id = BENCH_PING_ID;
    double value = BENCH_PING_VALUE;
    const char *text = BENCH_PING_TEXT;
    dbus_int64_t stamp = i, back = -1;
    DBusMessage *call = new_call("ping");
    dbus_message_append_args(call, DBUS_TYPE_INT32, &id, DBUS_TYPE_INT64, &stamp, DBUS_TYPE_DOUBLE, &value, DBUS_TYPE_STRING, &text,
                             DBUS_TYPE_INVALID);
    DBusMessage *reply = exchange(bus, call);
    if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_INT32, &id, DBUS_TYPE_INT64, &back, DBUS_TYPE_DOUBLE, &value, DBUS_TYPE_STRING, &text,
                               DBUS_TYPE_INVALID) ||
        back != stamp) {
        bench_fail("ping", "another call's answer");
    }
    dbus_message_unref(reply);
}

static void one_hello(DBusConnection *bus) {
    const char *text = BENCH_HELLO_TEXT;
    DBusMessage *call = new_call("hello");
    dbus_message_append_args(call, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
    dbus_message_unref(exchange(bus, call));
}

static void client_ping(DBusConnection *bus, long calls) {
    int64_t total;
    BENCH_WARM_UP(i, one_ping(bus, i););
    BENCH_TIME(total, calls, i, one_ping(bus, i););
    bench_result("ping", total, calls);
    BENCH_TIME(total, calls, i, one_hello(bus););
    bench_result("hello", total, calls);
    bench_result("hello_delivered", total, calls);
}

static void calculate(DBusConnection *bus, const char *member, dbus_int32_t a, dbus_int32_t b, dbus_int32_t expected) {
    dbus_int32_t result;
    DBusMessage *call = new_call(member);
    dbus_message_append_args(call, DBUS_TYPE_INT32, &a, DBUS_TYPE_INT32, &b, DBUS_TYPE_INVALID);
    DBusMessage *reply = exchange(bus, call);
    if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_INT32, &result, DBUS_TYPE_INVALID) || result != expected) {
        bench_fail(member, "wrong result");
    }
    dbus_message_unref(reply);
}

static void one_calculation(DBusConnection *bus, long i) {
    dbus_int32_t a = (dbus_int32_t)i + 7, b = 3;
    calculate(bus, "add", a, b, a + b);
    calculate(bus, "subtract", a, b, a - b);
    calculate(bus, "multiply", a, b, a * b);
    calculate(bus, "divide", a, b, a / b);
}

static void client_calculator(DBusConnection *bus, long calls) {
    int64_t total;
    BENCH_WARM_UP(i, one_calculation(bus, i););
    BENCH_TIME(total, calls, i, one_calculation(bus, i););
    bench_result("calculator", total, calls);
}

static void client_timer(DBusConnection *bus, long calls) {
    DBusError error;
    dbus_error_init(&error);
    dbus_bus_add_match(bus, "type='signal',interface='" IFACE "'", &error);
    if (dbus_error_is_set(&error)) {
        bench_fail("dbus_bus_add_match", error.message);
    }
    dbus_int64_t interval = BENCH_TIMER_INTERVAL_US, count = calls;
    DBusMessage *call = new_call("start");
    dbus_message_append_args(call, DBUS_TYPE_INT64, &interval, DBUS_TYPE_INT64, &count, DBUS_TYPE_INVALID);
    dbus_message_unref(exchange(bus, call));
    int64_t sum = 0;
    for (long got = 0; got < calls;) {
        if (!dbus_connection_read_write(bus, -1)) {
            bench_fail("timer", "the bus is gone");
        }
        DBusMessage *signal;
        while ((signal = dbus_connection_pop_message(bus)) != NULL) {
            dbus_int64_t sent;
            if (dbus_message_is_signal(signal, IFACE, "tick") && dbus_message_get_args(signal, NULL, DBUS_TYPE_INT64, &sent, DBUS_TYPE_INVALID)) {
                sum += bench_now_ns() - sent;
                got++;
            }
            dbus_message_unref(signal);
        }
    }
    bench_result("timer", sum, calls);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "server") == 0) {
        return serve();
    }
    if (argc != 4 || strcmp(argv[1], "client") != 0) {
        fprintf(stderr, "usage: %s server | client SERVICE CALLS\n", argv[0]);
        return 2;
    }
    DBusConnection *bus = connect_bus();
    long calls = atol(argv[3]);
    if (strcmp(argv[2], "ping") == 0) {
        client_ping(bus, calls);
    } else if (strcmp(argv[2], "calculator") == 0) {
        client_calculator(bus, calls);
    } else {
        client_timer(bus, calls);
    }
    return 0;
}

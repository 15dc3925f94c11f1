/* What every program of this comparison shares: the clock, the arguments, and how a result is printed. C and C++. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Arguments of the calls: the same for every system. */
#define BENCH_PING_ID 42
#define BENCH_PING_VALUE 3.25
#define BENCH_PING_TEXT "the quick brown fox jumps over the lazy dog"
#define BENCH_HELLO_TEXT "hello, is anybody there?"
#define BENCH_TIMER_INTERVAL_US 1000

/* How long calls are made before the clock starts, the same for every system: pages are mapped, buffers have grown, and the scheduler
   has given both processes their place. */
#define BENCH_WARM_UP_NS 50000000

/* CLOCK_MONOTONIC in nanoseconds. */
static inline int64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Makes the call (statements that may use `i`) for as long as the warm-up lasts. */
#define BENCH_WARM_UP(i, ...)                                                   \
    do {                                                                        \
        long i = 0;                                                             \
        for (int64_t bench_begin = bench_now_ns();                              \
             bench_now_ns() - bench_begin < BENCH_WARM_UP_NS;) {                \
            __VA_ARGS__                                                         \
        }                                                                       \
    } while (0)

/* Makes the call `calls` times and stores the nanoseconds that all of them took in `total`. */
#define BENCH_TIME(total, calls, i, ...)                                        \
    do {                                                                        \
        int64_t bench_start = bench_now_ns();                                   \
        for (long i = 0; i < (calls); i++) {                                    \
            __VA_ARGS__                                                         \
        }                                                                       \
        (total) = bench_now_ns() - bench_start;                                 \
    } while (0)

/* One line per interface, read by the driver: total nanoseconds and calls, for `timer` summed propagation times. */
static inline void bench_result(const char *interface, int64_t total_ns, long calls) {
    printf("result %s %lld %ld\n", interface, (long long)total_ns, calls);
    fflush(stdout);
}

static inline void bench_fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

#endif

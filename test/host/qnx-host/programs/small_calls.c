/*
 * Small calls of QNX's headers: clocks, cycles, thread ids, semaphores, names of errors.
 *   small_calls
 */
#include <errno.h>
#include <process.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/neutrino.h>
#include <sys/procmgr.h>
#include <sys/syspage.h>
#include <time.h>

int main(void) {
    struct nto_channel_config config;
    struct timespec now;
    uint64_t there, cycles = ClockCycles(), one = 1;
    sem_t sem;
    int value = -1;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (ClockTime(CLOCK_MONOTONIC, NULL, &there) == -1) {
        perror("ClockTime");
    }
    uint64_t wanted = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    printf("monotonic: %d\n", there >= wanted && there - wanted < 1000000000u);
    printf("set: %s\n", ClockTime(CLOCK_REALTIME, &one, NULL) == -1 ? strerror(errno) : "done");
    printf("set_r: %d\n", ClockTime_r(CLOCK_REALTIME, &one, NULL) == -EPERM);
    printf("cycles: %d\n", ClockCycles() - cycles < 10 * SYSPAGE_ENTRY(qtime)->cycles_per_sec);
    printf("main thread: %d\n", (int)gettid());
    sem_init(&sem, 0, 3);
    now.tv_sec += 10;
    printf("semaphore: %d", sem_timedwait_monotonic(&sem, &now));
    sem_getvalue(&sem, &value);
    printf(", left %d\n", value);
    memset(&config, 0, sizeof config);
    printf("pool: %d\n", ChannelCreatePulsePool_r(0, &config) == -EINVAL);
    printf("ability: %d\n", procmgr_ability(0, PROCMGR_ADN_ROOT | PROCMGR_ADN_NONROOT | PROCMGR_AOP_DENY |
                                                   PROCMGR_AID_PUBLIC_CHANNEL, PROCMGR_AID_EOL));
    printf("channel: %s\n", ChannelCreate(0) == -1 ? strerror(errno) : "created");
    printf("names: %s %s %s, %s\n", strerror(ESECTYPEINVAL), strerror(ENOTBLK), strerror(EL3RST), strerror(4711));
    return EXIT_SUCCESS;
}

/*
 * A server that takes messages and pulses on one channel, with a pulse queue allocated beforehand.
 *   pulse_server        prints "ready PID CHID"; ends when it is told to
 */
#include "pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/neutrino.h>
#include <unistd.h>

#define NUM_PULSES 64

typedef union {
    uint16_t type;
    struct _pulse pulse;
    struct sum_msg sum;
} my_message_t;

static long total;

static void handle_pulse(const struct _pulse *pulse) {
    switch (pulse->code) {
    case PULSE_TEMPERATURE:
        printf("temperature %ld\n", pulse->value.sival_long);
        total += pulse->value.sival_long;
        break;
    case PULSE_POINTER:
        printf("pointer %p\n", pulse->value.sival_ptr);
        break;
    case _PULSE_CODE_DISCONNECT:
        printf("client gone\n");
        ConnectDetach(pulse->scoid);
        break;
    default:
        printf("unexpected pulse %d\n", pulse->code);
    }
}

int main(void) {
    struct nto_channel_config ch_config = {.num_pulses = NUM_PULSES,};
    int chid = ChannelCreatePulsePool(_NTO_CHF_DISCONNECT, &ch_config);
    if (chid == -1) {
        perror("ChannelCreatePulsePool");
        return EXIT_FAILURE;
    }
    printf("ready %d %d\n", getpid(), chid);
    fflush(stdout);

    for (;;) {
        my_message_t msg;
        rcvid_t rcvid = MsgReceive(chid, &msg, sizeof(msg), NULL);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid == 0) {
            handle_pulse(&msg.pulse);
            continue;
        }
        switch (msg.type) {
        case MSG_SUM:
            MsgReply(rcvid, EOK, &total, sizeof(total));
            break;
        case MSG_QUIT:
            MsgReply(rcvid, EOK, NULL, 0);
            ChannelDestroy(chid);
            return EXIT_SUCCESS;
        default:
            MsgError(rcvid, ENOSYS);
        }
    }
}

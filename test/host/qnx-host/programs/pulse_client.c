/*
 * Sends pulses, which does not block, then asks for their sum.
 *   pulse_client PID CHID
 */
#include "pulse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/neutrino.h>

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    struct sum_msg msg = {.type = MSG_SUM};
    long total = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s PID CHID\n", argv[0]);
        return EXIT_FAILURE;
    }
    int coid = ConnectAttach(0, atoi(argv[1]), atoi(argv[2]), _NTO_SIDE_CHANNEL, 0);
    if (coid == -1) {
        return failed("ConnectAttach");
    }
    for (long degrees = 20; degrees < 25; degrees++) {
        if (MsgSendPulse(coid, -1, PULSE_TEMPERATURE, degrees) == -1) {
            return failed("MsgSendPulse");
        }
    }
    /* All 64 bits of a value arrive. */
    if (MsgSendPulse(coid, 10, PULSE_TEMPERATURE, 0x100000000L) == -1) {
        return failed("MsgSendPulse");
    }
    if (MsgSendPulsePtr(coid, 10, PULSE_POINTER, (void *)0x123456789abcUL) == -1) {
        return failed("MsgSendPulsePtr");
    }
    if (MsgSend(coid, &msg, sizeof(msg), &total, sizeof(total)) == -1) {
        return failed("MsgSend");
    }
    printf("sum %ld\n", total);

    msg.type = MSG_QUIT + 1;
    if (MsgSend(coid, &msg, sizeof(msg), NULL, 0) != -1 || errno != ENOSYS) {
        return failed("an unknown type");
    }
    printf("unknown type: ENOSYS\n");

    msg.type = MSG_QUIT;
    if (MsgSend(coid, &msg, sizeof(msg), NULL, 0) == -1) {
        return failed("MsgSend");
    }
    ConnectDetach(coid);
    return EXIT_SUCCESS;
}

/*
 * A client that becomes another user.
 *   user_client UID SERVER-PID PRIVATE-CHID
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

#include "user.h"

static char out[USER_BULK], in[USER_BULK];

int main(int argc, char **argv) {
    struct user_message ask = {USER_ASK, 0, 0};
    struct user_reply reply = {-1, -1};
    iov_t to[2], from[2];
    if (argc != 4) {
        return EXIT_FAILURE;
    }
    uid_t uid = (uid_t)atoi(argv[1]);
    if (uid != geteuid() && setuid(uid) == -1) {
        perror("setuid");
        return EXIT_FAILURE;
    }
    int coid = ConnectAttach(0, (pid_t)atoi(argv[2]), atoi(argv[3]), _NTO_SIDE_CHANNEL, 0);
    printf("private channel: %s\n", coid == -1 ? strerror(errno) : "connected");
    coid = name_open(USER_NAME, 0);
    if (coid == -1) {
        printf("name_open: %s\n", strerror(errno));
        coid = ConnectAttach(0, (pid_t)atoi(argv[2]), 1, _NTO_SIDE_CHANNEL, 0);
        printf("ConnectAttach: %s\n", coid == -1 ? strerror(errno) : "connected");
        return EXIT_SUCCESS;
    }
    int status = MsgSendPulse(coid, -1, USER_PULSE, 0);
    printf("pulse: %s\n", status == -1 ? strerror(errno) : "sent");
    memset(out, 'b', sizeof out);
    SETIOV(&to[0], &ask, sizeof ask);
    SETIOV(&to[1], out, sizeof out);
    SETIOV(&from[0], &reply, sizeof reply);
    SETIOV(&from[1], in, sizeof in);
    long got = MsgSendv(coid, to, 2, from, 2);
    printf("message: %ld, same %d\n", got, memcmp(in, out, sizeof in) == 0);
    printf("euid right %d, pulses %d\n", reply.euid == (int)uid, reply.pulses);
    return EXIT_SUCCESS;
}

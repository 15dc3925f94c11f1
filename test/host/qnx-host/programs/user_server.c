/*
 * A server for clients of several users.
 *   user_server UID
 * Runs as user UID. Answers with what the kernel says about the client, and sends the bulk of a message back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

#include "user.h"

static char bulk[USER_BULK];

static void answer(rcvid_t rcvid, int scoid, int pulses) {
    struct _client_info client;
    struct user_reply reply = {-1, pulses};
    iov_t parts[2];
    ssize_t got = MsgRead(rcvid, bulk, sizeof bulk, sizeof(struct user_message));
    if (got == -1 || ConnectClientInfo(scoid, &client, 0) == -1) {
        MsgError(rcvid, errno);
        return;
    }
    reply.euid = (int32_t)client.cred.euid;
    SETIOV(&parts[0], &reply, sizeof reply);
    SETIOV(&parts[1], bulk, (size_t)got);
    MsgReplyv(rcvid, got, parts, 2);
}

int main(int argc, char **argv) {
    union {
        struct _pulse pulse;
        struct user_message message;
    } in;
    struct _msg_info info;
    int pulses = 0;
    uid_t uid = argc > 1 ? (uid_t)atoi(argv[1]) : geteuid();

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (uid != geteuid() && setuid(uid) == -1) {
        perror("setuid");
        return EXIT_FAILURE;
    }
    name_attach_t *name = name_attach(NULL, USER_NAME, 0);
    int own = ChannelCreate(_NTO_CHF_PRIVATE);
    if (name == NULL || own == -1) {
        perror("name_attach, ChannelCreate");
        return EXIT_FAILURE;
    }
    printf("ready %d %d\n", (int)getpid(), own);
    for (;;) {
        rcvid_t rcvid = MsgReceive(name->chid, &in, sizeof in, &info);
        if (rcvid == 0) {
            pulses += in.pulse.code == USER_PULSE;
            if (in.pulse.code == _PULSE_CODE_DISCONNECT) {
                ConnectDetach(in.pulse.scoid);
                pulses = 0;
            }
        } else if (rcvid > 0 && in.message.type == USER_ASK) {
            answer(rcvid, info.scoid, pulses);
        } else if (rcvid > 0) {
            MsgError(rcvid, ENOSYS);
        }
    }
}

/*
 * A server that is found by its name, and answers with what the kernel says of the sender.
 *   name_server        prints "ready"; ends when its first client has gone
 */
#include "name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

typedef union {
    uint16_t type;
    struct _pulse pulse;
    struct hello_msg hello;
} my_message_t;

static void hello(rcvid_t rcvid, const struct hello_msg *msg, const struct _msg_info *info) {
    struct hello_reply reply;
    struct _client_info client;
    if ((size_t)info->msglen < sizeof(*msg)) {
        MsgError(rcvid, EBADMSG);
        return;
    }
    memset(&reply, 0, sizeof(reply));
    if (ConnectClientInfo(info->scoid, &client, 0) == -1) {
        MsgError(rcvid, errno);
        return;
    }
    reply.pid = info->pid;
    reply.euid = (int32_t)client.cred.euid;
    snprintf(reply.text, sizeof(reply.text), "you said %.*s", (int)msg->length, msg->text);
    /* Later information is the same. */
    struct _msg_info again;
    if (MsgInfo(rcvid, &again) == -1 || again.pid != info->pid || again.scoid != info->scoid) {
        MsgError(rcvid, EIO);
        return;
    }
    MsgReply(rcvid, EOK, &reply, sizeof(reply));
}

int main(void) {
    name_attach_t *attach = name_attach(NULL, SERVER_NAME, 0);
    if (attach == NULL) {
        perror("name_attach");
        return EXIT_FAILURE;
    }
    puts("ready");
    fflush(stdout);

    for (;;) {
        my_message_t msg;
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg), &info);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid == 0) {
            /* name_attach asked for these pulses. */
            switch (msg.pulse.code) {
            case _PULSE_CODE_DISCONNECT:
                ConnectDetach(msg.pulse.scoid);
                puts("client gone");
                return name_detach(attach, 0) == -1 ? EXIT_FAILURE : EXIT_SUCCESS;
            case _PULSE_CODE_UNBLOCK:
                if (MsgInfo(msg.pulse.value.sival_long, &info) != -1 && (info.flags & _NTO_MI_UNBLOCK_REQ)) {
                    MsgError(msg.pulse.value.sival_long, -1);
                }
                break;
            case _PULSE_CODE_COIDDEATH:
            default:
                break;
            }
            continue;
        }
        if (msg.type == _IO_CONNECT) {
            MsgReply(rcvid, EOK, NULL, 0);
        } else if (msg.type <= _IO_MAX) {
            MsgError(rcvid, ENOSYS);
        } else if (msg.type == MSG_HELLO) {
            hello(rcvid, &msg.hello, &info);
        } else {
            MsgError(rcvid, ENOSYS);
        }
    }
}

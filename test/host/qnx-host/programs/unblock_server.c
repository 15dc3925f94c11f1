/*
 * Keeps its clients waiting, and lets one go when it wants out: a REPLY-blocked client stays blocked until its server agrees.
 *   unblock_server        prints "ready"; ends when its first client has gone
 */
#include "unblock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

static rcvid_t parked;
static uint16_t parked_type;

static void unblock(rcvid_t rcvid) {
    struct _msg_info info;
    int half = 50;
    /* The request may have been answered, and its number used again, since the pulse was sent. */
    if (MsgInfo(rcvid, &info) == -1 || !(info.flags & _NTO_MI_UNBLOCK_REQ) || rcvid != parked) {
        puts("stale unblock pulse");
        return;
    }
    parked = 0;
    if (parked_type == MSG_PARTIAL) {
        MsgReply(rcvid, 1, &half, sizeof(half));
        puts("unblock: half a result");
    } else {
        /* The kernel knows why the client wants out. */
        MsgError(rcvid, -1);
        puts("unblock: let go");
    }
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
        union {
            struct park_msg park;
            struct _pulse pulse;
        } msg;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg), NULL);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid != 0) {
            if (msg.park.type == MSG_PARK || msg.park.type == MSG_PARTIAL) {
                parked = rcvid;
                parked_type = msg.park.type;
            } else {
                MsgError(rcvid, ENOSYS);
            }
            continue;
        }
        if (msg.pulse.code == _PULSE_CODE_UNBLOCK) {
            unblock((rcvid_t)msg.pulse.value.sival_long);
        } else if (msg.pulse.code == _PULSE_CODE_DISCONNECT) {
            ConnectDetach(msg.pulse.scoid);
            name_detach(attach, 0);
            puts("client gone");
            return EXIT_SUCCESS;
        }
    }
}

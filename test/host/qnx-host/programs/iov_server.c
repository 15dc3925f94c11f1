/*
 * Receives a header, then reads the data that follows it in the client's message straight into blocks of a cache.
 *   iov_server        prints "ready"; ends when its first client has gone
 */
#include "iov.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>

#define BLOCKS 8

static unsigned char cbuf[BLOCKS][PART];
/* Where the parts go: blocks that happen to be free, in no order. */
static const int free_blocks[PARTS] = {6, 2, 5};
static uint32_t stored;

static void blocks(iov_t *iov) {
    for (int i = 0; i < PARTS; i++) {
        SETIOV(&iov[i], cbuf[free_blocks[i]], PART);
    }
}

static void store(rcvid_t rcvid, const struct header *header) {
    iov_t iov[PARTS];
    if (header->nbytes > PARTS * PART) {
        MsgError(rcvid, EMSGSIZE);
        return;
    }
    blocks(iov);
    /* The data starts behind the header. */
    ssize_t got = MsgReadv(rcvid, iov, PARTS, sizeof(*header));
    if (got == -1 || (size_t)got != header->nbytes) {
        MsgError(rcvid, EBADMSG);
        return;
    }
    uint32_t sum = 0;
    for (int i = 0; i < PARTS; i++) {
        size_t left = (size_t)got - (size_t)i * PART;
        sum = checksum(cbuf[free_blocks[i]], left < PART ? left : PART, sum);
        if (left <= PART) {
            break;
        }
    }
    /* A second look at the middle of the message. */
    unsigned char middle[16];
    if (MsgRead(rcvid, middle, sizeof(middle), sizeof(*header) + PART) != sizeof(middle) ||
        checksum(middle, sizeof(middle), 0) != checksum(cbuf[free_blocks[1]], sizeof(middle), 0)) {
        MsgError(rcvid, EIO);
        return;
    }
    /* Behind the end there is nothing. */
    if (MsgRead(rcvid, middle, sizeof(middle), sizeof(*header) + header->nbytes) != 0) {
        MsgError(rcvid, EIO);
        return;
    }
    stored = header->nbytes;
    printf("stored %u bytes, checksum %s\n", stored, sum == header->checksum ? "good" : "bad");
    MsgReply(rcvid, (long)stored, NULL, 0);
}

static void fetch(rcvid_t rcvid) {
    struct header header = {.type = MSG_FETCH, .nbytes = stored};
    iov_t iov[PARTS];
    blocks(iov);
    /* The data first, behind the place of the header, then the header with the reply. */
    if (MsgWritev(rcvid, iov, PARTS, sizeof(header)) != (ssize_t)(PARTS * PART)) {
        MsgError(rcvid, EIO);
        return;
    }
    MsgReply(rcvid, (long)(sizeof(header) + stored), &header, sizeof(header));
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
            struct header header;
            struct _pulse pulse;
        } msg;
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg.header), &info);
        if (rcvid == -1 && errno == EFAULT) {
            /* 12 bytes of header are too few for a pulse, which is lost with this error. */
            puts("a pulse met a small buffer");
            return EXIT_SUCCESS;
        }
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid == 0) {
            puts("unexpected pulse");
            return EXIT_FAILURE;
        }
        if ((size_t)info.msglen < sizeof(msg.header)) {
            MsgError(rcvid, EBADMSG);
        } else if (msg.header.type == MSG_STORE) {
            store(rcvid, &msg.header);
        } else if (msg.header.type == MSG_FETCH) {
            fetch(rcvid);
        } else {
            MsgError(rcvid, ENOSYS);
        }
    }
}

/*
 * Shares an anonymous memory object with a client by a handle. Messages say when the memory is whose.
 *   shm_server        prints "ready"; ends when its first client has gone
 */
#include "shm.h"

#include <atomic.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/dispatch.h>
#include <sys/neutrino.h>
#include <unistd.h>

static struct image *image;

static void setup(rcvid_t rcvid, const struct _msg_info *info) {
    struct setup_reply reply = {0};
    int fd = shm_open(SHM_ANON, O_RDWR | O_CREAT, 0600);
    if (fd == -1) {
        MsgError(rcvid, errno);
        return;
    }
    /* Memory of a size that nobody can change any more, so that no access can fault. */
    if (shm_ctl(fd, SHMCTL_ANON | SHMCTL_SEAL, 0, sizeof(struct image)) == -1) {
        MsgError(rcvid, errno);
        close(fd);
        return;
    }
    if (ftruncate(fd, 1) != -1 || errno != EPERM) {
        puts("a sealed object was cut");
    }
    image = (struct image *)mmap(NULL, sizeof(struct image), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (image == MAP_FAILED) {
        image = NULL;
        MsgError(rcvid, errno);
        close(fd);
        return;
    }
    /* Only the process that asked can use the handle, once. */
    if (shm_create_handle(fd, info->pid, O_RDWR, &reply.handle, 0) == -1) {
        MsgError(rcvid, errno);
    } else {
        MsgReply(rcvid, EOK, &reply, sizeof(reply));
    }
    close(fd);
}

static void frame(rcvid_t rcvid, uint32_t number) {
    uint32_t bad = 0;
    if (image == NULL) {
        MsgError(rcvid, EINVAL);
        return;
    }
    /* The client waits for our reply: the picture stands still. */
    for (uint32_t i = 0; i < PIXELS; i++) {
        bad += image->pixels[i] != number + i;
    }
    atomic_add(&image->frames, 1);
    printf("frame %u: %u bad pixels\n", number, bad);
    MsgReply(rcvid, EOK, NULL, 0);
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
            struct request request;
            struct _pulse pulse;
        } msg;
        struct _msg_info info;
        rcvid_t rcvid = MsgReceive(attach->chid, &msg, sizeof(msg), &info);
        if (rcvid == -1) {
            perror("MsgReceive");
            return EXIT_FAILURE;
        }
        if (rcvid == 0) {
            if (msg.pulse.code == _PULSE_CODE_DISCONNECT) {
                ConnectDetach(msg.pulse.scoid);
                munmap(image, sizeof(*image));
                puts("client gone");
                name_detach(attach, 0);
                return EXIT_SUCCESS;
            }
            continue;
        }
        if ((size_t)info.msglen < sizeof(msg.request)) {
            MsgError(rcvid, EBADMSG);
        } else if (msg.request.type == MSG_SETUP) {
            setup(rcvid, &info);
        } else if (msg.request.type == MSG_FRAME) {
            frame(rcvid, msg.request.number);
        } else {
            MsgError(rcvid, ENOSYS);
        }
    }
}

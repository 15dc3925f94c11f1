/* What the resource manager and its client agree on. */
#ifndef RESMGR_H
#define RESMGR_H

#include <devctl.h>
#include <stdint.h>
#include <sys/iomsg.h>

#define SOUND_PATH "/dev/sound"     /* a buffer that clients write and read at positions of their own */
#define QUEUE_PATH "/dev/queue"     /* readers wait until somebody writes */
#define TREE_PATH "/dev/tree"       /* longer paths are answered too */
#define PRIVATE_PATH "/dev/private" /* the superuser's */

struct volume {
    int32_t left;
    int32_t right;
};
#define DCMD_SOUND_SET __DIOT(_DCMD_MISC, 1, struct volume)
#define DCMD_SOUND_GET __DIOF(_DCMD_MISC, 2, struct volume)
#define DCMD_SOUND_SWAP __DIOTF(_DCMD_MISC, 3, struct volume)
#define DCMD_SOUND_RESET __DION(_DCMD_MISC, 4)

/* A message of our own, sent straight to the descriptor. */
#define MSG_PLAY (_IO_MAX + 100)
struct play_msg {
    uint16_t type;
    uint16_t note;
};
struct play_reply {
    uint32_t note;
    uint32_t played;
};

#endif

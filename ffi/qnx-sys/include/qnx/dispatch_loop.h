/*
 * The dispatch layer: one loop for a resource manager's messages, a program's own, and pulses. The part of sys/dispatch.h
 * that C programs use.
 */
#ifndef QNX_DISPATCH_LOOP_H
#define QNX_DISPATCH_LOOP_H

#include <sys/resmgr.h>
#include <time.h>

typedef resmgr_context_t message_context_t;

/* What dispatch_block waits into. One per thread. [D71] */
typedef union _dispatch_context {
    resmgr_context_t resmgr_context;
    message_context_t message_context;
} dispatch_context_t;

QNX_BEGIN_DECLS
dispatch_t *dispatch_create(void);
/* A context with room for the largest message of the paths and ranges attached until now. Null and errno. */
dispatch_context_t *dispatch_context_alloc(dispatch_t *dpp);
void dispatch_context_free(dispatch_context_t *ctp);
/* Blocks for a message or pulse: ctp, or null and errno. After dispatch_timeout's time: ctp with rcvid -1. [D8] */
dispatch_context_t *dispatch_block(dispatch_context_t *ctp);
/* Calls what was attached for it and answers the client. 0, or -1 and errno. */
int dispatch_handler(dispatch_context_t *ctp);
/* Makes one dispatch_block on the same handle come back empty-handed. */
void dispatch_unblock(dispatch_context_t *ctp);
/* For every dispatch_block of the handle from now on; null: none. */
int dispatch_timeout(dispatch_t *dpp, struct timespec *reltime);
QNX_END_DECLS

/* ---- A program's own messages and pulses ------------------------------------------------------------------------- */

/* [D71] */
typedef struct _message_attr {
    unsigned flags;
    unsigned nparts_max;
    size_t msg_max_size;
    unsigned reserved[4];
} message_attr_t;
/* Numbers [H] */
#define MSG_FLAG_ALLOC_PULSE 0x0002  /* pulse_attach: choose a code */
#define MSG_FLAG_DEFAULT_FUNC 0x0100 /* message_attach: whatever nobody else takes */
#define MSG_FLAG_SIDE_CHANNEL 0x0200
#define MSG_FLAG_CROSS_ENDIAN 0x0400

QNX_BEGIN_DECLS
/* Messages of the types low to high, which lie above _IO_MAX. The function answers them itself. 0, or -1 and errno. */
int message_attach(dispatch_t *dpp, message_attr_t *attr, int low, int high,
                   int (*func)(message_context_t *ctp, int code, unsigned flags, void *handle), void *handle);
int message_detach(dispatch_t *dpp, int low, int high, int flags);
/* A pulse's code, ctp->msg->pulse the pulse. The code, or -1 and errno. */
int pulse_attach(dispatch_t *dpp, int flags, int code,
                 int (*func)(message_context_t *ctp, int code, unsigned flags, void *handle), void *handle);
int pulse_detach(dispatch_t *dpp, int code, int flags);
/* A connection of this process to the handle's own channel: for pulses to it. */
int message_connect(dispatch_t *dpp, int flags);
QNX_END_DECLS

/* ---- Threads that share a loop ----------------------------------------------------------------------------------- */

#ifndef THREAD_POOL_PARAM_T
#define THREAD_POOL_PARAM_T dispatch_context_t /* ON-TARGET: this is the default of THREAD_POOL_PARAM_T */
#endif
#ifndef THREAD_POOL_HANDLE_T
#define THREAD_POOL_HANDLE_T dispatch_t /* ON-TARGET: this is the default of THREAD_POOL_HANDLE_T */
#endif

/* [D8], order [D6] */
typedef struct _thread_pool_attr {
    THREAD_POOL_HANDLE_T *handle;
    THREAD_POOL_PARAM_T *(*block_func)(THREAD_POOL_PARAM_T *ctp);
    void (*unblock_func)(THREAD_POOL_PARAM_T *ctp);
    int (*handler_func)(THREAD_POOL_PARAM_T *ctp);
    THREAD_POOL_PARAM_T *(*context_alloc)(THREAD_POOL_HANDLE_T *handle);
    void (*context_free)(THREAD_POOL_PARAM_T *ctp);
    void *attr; /* a pthread_attr_t */
    unsigned short lo_water;  /* fewest threads that wait */
    unsigned short increment; /* made at a time */
    unsigned short hi_water;  /* most threads that wait */
    unsigned short maximum;   /* of all */
    unsigned reserved[8];
} thread_pool_attr_t;
typedef struct _thread_pool thread_pool_t;
/* Names [D71], numbers [H] */
#define POOL_FLAG_EXIT_SELF 0x0001
#define POOL_FLAG_USE_SELF 0x0002

QNX_BEGIN_DECLS
thread_pool_t *thread_pool_create(thread_pool_attr_t *attr, unsigned flags);
/* EOK, or -1. With a flag of the above it does not come back. */
int thread_pool_start(void *pool);
int thread_pool_destroy(thread_pool_t *pool);
QNX_END_DECLS

#endif

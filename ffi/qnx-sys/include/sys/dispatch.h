/* Names, and the dispatch handle under them. */
#ifndef QNX_SYS_DISPATCH_H
#define QNX_SYS_DISPATCH_H

#include <qnx/decl.h>
#include <stddef.h>
#include <sys/iomsg.h>
#include <sys/neutrino.h>
#include <sys/types.h>

/* Opaque. */
#ifndef QNX_DISPATCH_T
#define QNX_DISPATCH_T
typedef struct _dispatch dispatch_t;
#endif

/* A registered name: 24 bytes. [P H] Freed by name_detach, also when that fails. [P] */
typedef struct _name_attach {
    dispatch_t *dpp;
    int chid;
    int mntid;
    int zero[2];
} name_attach_t;

#define NAME_FLAG_DETACH_SAVEDPP 0x1u /* [H] */
#define NAME_FLAG_ATTACH_GLOBAL 0x2u  /* [P H] */
#define _NAME_FLAG_COF_CLOEXEC 0x10   /* the connection flag, shifted left by 4 [H, name D8] */
#define _NAME_FLAG_COF_NOEVENT 0x8000 /* [H, name D8] */

QNX_BEGIN_DECLS
name_attach_t *name_attach(dispatch_t *dpp, const char *path, unsigned flags);
int name_detach(name_attach_t *attach, unsigned flags);
int name_open(const char *name, int flags);
int name_close(int coid);
/* A dispatch handle over a channel that exists already (chid -1: make one). [D6 P] */
dispatch_t *dispatch_create_channel(int chid, unsigned flags);
int dispatch_destroy(dispatch_t *dpp); /* [D6] */
QNX_END_DECLS

/* The loop over messages and pulses, for C programs. Rust does not bind it. */
#ifndef QNX_NO_RESMGR
#include <qnx/dispatch_loop.h>
#endif

#endif

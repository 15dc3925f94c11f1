/* What the lock classes share. */
#ifndef _SYS_LOCK_H_
#define _SYS_LOCK_H_

#include <sys/_lock.h>
#include <sys/cdefs.h>
#include <sys/queue.h>

#define LO_CLASSFLAGS 0x0000ffff
#define LO_INITIALIZED 0x00010000
#define LO_WITNESS 0x00020000
#define LO_QUIET 0x00040000
#define LO_RECURSABLE 0x00080000
#define LO_SLEEPABLE 0x00100000
#define LO_UPGRADABLE 0x00200000
#define LO_DUPOK 0x00400000
#define LO_IS_VNODE 0x00800000
#define LO_CLASSMASK 0x0f000000
#define LO_NOPROFILE 0x10000000
#define LO_NEW 0x20000000

#define LO_CLASSSHIFT 24
#define LO_CLASSINDEX(lock) ((((lock)->lo_flags) & LO_CLASSMASK) >> LO_CLASSSHIFT)
#define LOCK_CLASS_SPIN 0
#define LOCK_CLASS_SLEEP 1
#define LOCK_CLASS_SX 2

#define LA_MASKASSERT 0x000000ff
#define LA_UNLOCKED 0x00000000
#define LA_LOCKED 0x00000001
#define LA_SLOCKED 0x00000002
#define LA_XLOCKED 0x00000004
#define LA_RECURSED 0x00000008
#define LA_NOTRECURSED 0x00000010

/* File names are kept out of the binaries that ship. */
#ifdef INVARIANTS
#ifdef __FILE_NAME__
#define LOCK_FILE __FILE_NAME__
#else
#define LOCK_FILE __FILE__
#endif
#define LOCK_LINE __LINE__
#else
#define LOCK_FILE NULL
#define LOCK_LINE 0
#endif

#endif

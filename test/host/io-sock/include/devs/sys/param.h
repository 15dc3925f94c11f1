/* Version, sizes and priorities. */
#ifndef _SYS_PARAM_H_
#define _SYS_PARAM_H_

#include <sys/cdefs.h>
#include <sys/_base.h>
#include <sys/types.h>
#include <sys/limits.h>
#include <sys/errno.h>
#include <sys/time.h>
#include <machine/param.h>

#define MSIZE 256
#define MCLSHIFT 11
#define MCLBYTES (1 << MCLSHIFT)
#define MJUMPAGESIZE PAGE_SIZE
#define MJUM9BYTES (9 * 1024)
#define MJUM16BYTES (16 * 1024)

#define MAXCOMLEN 19
#define MAXPATHLEN 1024
#define MAXHOSTNAMELEN 256

/* Sleep priorities; lower is more urgent. */
#define PZERO 100
#define PSWP (PZERO - 20)
#define PVM (PZERO - 16)
#define PINOD (PZERO - 12)
#define PRIBIO (PZERO - 8)
#define PVFS (PZERO - 4)
#define PSOCK (PZERO + 4)
#define PWAIT (PZERO + 8)
#define PLOCK (PZERO + 12)
#define PPAUSE (PZERO + 16)
#define PRIMASK 0x0ff
/* The sleep ends when a signal comes. */
#define PCATCH 0x100
/* The interlock stays unlocked after the sleep. */
#define PDROP 0x200

#define NBBY 8
#define nitems(x) (sizeof((x)) / sizeof((x)[0]))
#define rounddown(x, y) (((x) / (y)) * (y))
#define rounddown2(x, y) ((x) & ~((y)-1))
#define roundup(x, y) ((((x) + ((y)-1)) / (y)) * (y))
#define roundup2(x, y) (((x) + ((y)-1)) & (~((y)-1)))
#define howmany(x, y) (((x) + ((y)-1)) / (y))
#define powerof2(x) ((((x)-1) & (x)) == 0)
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define trunc_page(x) ((unsigned long)(x) & ~(unsigned long)PAGE_MASK)
#define round_page(x) (((unsigned long)(x) + PAGE_MASK) & ~(unsigned long)PAGE_MASK)
#define ALIGNBYTES (sizeof(long) - 1)
#define ALIGN(p) (((uintptr_t)(p) + ALIGNBYTES) & ~(uintptr_t)ALIGNBYTES)

#ifndef htonl
#define htonl(x) __htonl(x)
#define htons(x) __htons(x)
#define ntohl(x) __ntohl(x)
#define ntohs(x) __ntohs(x)
#endif

#endif

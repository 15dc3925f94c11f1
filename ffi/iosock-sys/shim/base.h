/* What every shim that sees kernel headers starts with. */
#ifndef IOSOCK_SHIM_BASE_H
#define IOSOCK_SHIM_BASE_H

#include <sys/param.h>
#include <sys/systm.h>

#include "iosock_shim.h"

#if !defined(__FreeBSD_version)
#error "sys/param.h defines no __FreeBSD_version: these are not io-sock's kernel headers"
#elif __FreeBSD_version < 1300000 || __FreeBSD_version >= 1500000
#error "io-sock's FreeBSD base is neither 13 nor 14: read every shim against its headers, then widen this test"
#endif

/* wait as Rust says it, to malloc(9)'s flag. */
#define IOSOCK_WAIT(wait) ((wait) != 0 ? M_WAITOK : M_NOWAIT)

#endif

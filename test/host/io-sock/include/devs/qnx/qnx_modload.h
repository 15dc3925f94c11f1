/* QNX's own: which interface version a module was built against. */
#ifndef _QNX_QNX_MODLOAD_H_
#define _QNX_QNX_MODLOAD_H_

#include <sys/sysctl.h>
#include <sys/types.h>

/* ON-TARGET: names and numbers are the SDP's; here as far as public modules show them. 0x00MMmmAA: major, minor, revision. */
#define IOSOCK_VERSION_UNKNOWN 0x00000000
#define IOSOCK_VERSION_SDP71_V1 0x00000001
#define IOSOCK_VERSION_SDP71_V2 0x00000002
#define IOSOCK_VERSION_SDP80_V1 0x00010000
#define IOSOCK_VERSION_SDP80_V2 0x00010001
#define IOSOCK_VERSION_SDP80_V3 0x00010002
#define IOSOCK_VERSION_SDP80_V4 0x00010003
#define IOSOCK_VERSION_SDP80_V5 0x00010004
#define IOSOCK_VERSION_CUR IOSOCK_VERSION_SDP80_V5
#define IOSOCK_VERSION_MIN IOSOCK_VERSION_SDP80_V5

#define IOSOCK_MODULE_TYPE_GENERIC 0
#define IOSOCK_MODULE_FLAG_DIAG 1
#ifdef INVARIANTS
#define IOSOCK_MODULE_FLAGS IOSOCK_MODULE_FLAG_DIAG
#else
#define IOSOCK_MODULE_FLAGS 0
#endif

/* The symbol iosock_module_version, which every module exports. */
struct _iosock_module_version {
	uint32_t iosock_version;
	uint32_t iosock_version_min;
	uint32_t type;
	uint32_t flags;
};

#define IOSOCK_MODULE_VER_SYM_INIT \
	{ \
		IOSOCK_VERSION_CUR, IOSOCK_VERSION_MIN, IOSOCK_MODULE_TYPE_GENERIC, IOSOCK_MODULE_FLAGS \
	}

extern struct _iosock_module_version iosock_module_version;

/* sysctl qnx.module and qnx.driver: what is loaded, one int for each. */
SYSCTL_DECL(_qnx);
SYSCTL_DECL(_qnx_module);
SYSCTL_DECL(_qnx_driver);

#endif

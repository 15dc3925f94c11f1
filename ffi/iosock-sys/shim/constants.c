/* Kernel numbers for Rust, each checked against the headers at hand. */
#include "base.h"

#include <sys/errno.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/syslog.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#define IOSOCK_CONSTANT(name, value) \
	const int iosock_const_##name = (name); \
	_Static_assert((name) == (value), #name " is not " #value " in these headers");
IOSOCK_CONSTANTS
#undef IOSOCK_CONSTANT

const int iosock_const_freebsd_version = __FreeBSD_version;
#ifdef INVARIANTS
const int iosock_const_invariants = 1;
#else
const int iosock_const_invariants = 0;
#endif

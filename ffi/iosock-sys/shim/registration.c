/*
 * How a module presents itself to io-sock: the entries of the linker sets, the version symbol, its sysctls and its malloc type.
 *
 * This is C, since the kernel's macros get layout, section, set bounds and the flag of the diagnostic build right by themselves, and
 * a linker that rustc drives hides the bounds. iosock-build compiles it once for each module, with
 *   IOSOCK_MODULE_NAME     the name, an identifier: csock for mods-csock.so
 *   IOSOCK_MODULE_VERSION  the module's own version, an int
 */
#include "base.h"

#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/module.h>
#include <sys/sysctl.h>

#include <qnx/qnx_modload.h>

#include "malloc_type.h"

/* A name must be expanded before a macro that pastes or quotes it sees it. */
#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define REGISTER(name, data) DECLARE_MODULE(name, data, SI_SUB_DRIVERS, SI_ORDER_ANY)
#define PUBLISH_VERSION(name, version) MODULE_VERSION(name, version)
#define PUBLISH_INT(name, value, text) SYSCTL_INT(_qnx_module, OID_AUTO, name, CTLFLAG_RD, value, 0, text)
#define PUBLISH_TEXT(name, handler, text) \
	SYSCTL_PROC(_qnx_module, OID_AUTO, name, CTLTYPE_STRING | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, 0, handler, "A", text)

/* Longest text of the counters. */
#define COUNTERS_MAX 2048

/* The symbol that the link starts from (-u): what lies in its section is linked whatever else is dropped. */
#define ROOT __section(".data.iosock_module_version")

/* Says what io-sock interface this was built for; io-sock refuses the file when it does not fit. Keeps this object in the link. */
struct _iosock_module_version iosock_module_version ROOT = IOSOCK_MODULE_VER_SYM_INIT;

/*
 * The bounds of every set that io-sock looks up. Nothing reads them here: they are named so that the link has them. FreeBSD 14 calls
 * them weak where an entry is made, and GNU as leaves a weak symbol out that nothing refers to. Then the linker makes no bounds, drops
 * the sets with --gc-sections, and io-sock takes the module for one that registers nothing.
 */
#define BOUNDS(set) extern char __start_set_##set[], __stop_set_##set[]
BOUNDS(modmetadata_set);
BOUNDS(sysinit_set);
BOUNDS(sysuninit_set);
BOUNDS(sysctl_set);
static const void *set_bounds[] __used ROOT = {
	__start_set_modmetadata_set,
	__stop_set_modmetadata_set,
	__start_set_sysinit_set,
	__stop_set_sysinit_set,
	__start_set_sysuninit_set,
	__stop_set_sysuninit_set,
	__start_set_sysctl_set,
	__stop_set_sysctl_set,
};

MALLOC_DEFINE(M_IOSOCK_MODULE, QUOTE(IOSOCK_MODULE_NAME), "module " QUOTE(IOSOCK_MODULE_NAME));

static int
module_event(module_t mod, int what, void *arg)
{
	(void)mod;
	(void)arg;
	switch (what) {
	case MOD_LOAD:
		return (iosock_module_event(IOSOCK_EVENT_LOAD));
	case MOD_UNLOAD:
		return (iosock_module_event(IOSOCK_EVENT_UNLOAD));
	case MOD_SHUTDOWN:
		return (iosock_module_event(IOSOCK_EVENT_SHUTDOWN));
	case MOD_QUIESCE:
		return (iosock_module_event(IOSOCK_EVENT_QUIESCE));
	default:
		return (EOPNOTSUPP);
	}
}

static moduledata_t module_data = { QUOTE(IOSOCK_MODULE_NAME), module_event, NULL };

PUBLISH_VERSION(IOSOCK_MODULE_NAME, IOSOCK_MODULE_VERSION);
REGISTER(IOSOCK_MODULE_NAME, module_data);

/* The kernel never calls an entry at SI_SUB_DUMMY, which many modules use. */
static void
module_uninit(void *arg)
{
	(void)arg;
	iosock_module_uninit();
}
SYSUNINIT(iosock_module_uninit, SI_SUB_DRIVERS, SI_ORDER_ANY, module_uninit, NULL);

static int provided_version = (int)IOSOCK_VERSION_CUR;
PUBLISH_INT(IOSOCK_MODULE_NAME, &provided_version, "io-sock interface version that the module was built for");

static int
counters_sysctl(struct sysctl_oid *oidp, void *arg1, intmax_t arg2, struct sysctl_req *req)
{
	char text[COUNTERS_MAX];
	size_t len;

	(void)oidp;
	(void)arg1;
	(void)arg2;
	len = iosock_module_counters(text, sizeof(text) - 1);
	if (len >= sizeof(text))
		return (EINVAL);
	text[len] = '\0';
	return (SYSCTL_OUT(req, text, len + 1));
}
PUBLISH_TEXT(PASTE(IOSOCK_MODULE_NAME, _counters), counters_sysctl, "counters, as name=value lines");

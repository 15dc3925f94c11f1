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

/* IOSOCK_VALUES(GROUP, VALUE): what the module publishes. Made by iosock-build from the module's Rust lists. */
#include <iosock_module_values.h>

/* A name must be expanded before a macro that pastes or quotes it sees it. */
#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define REGISTER(name, data) DECLARE_MODULE(name, data, SI_SUB_DRIVERS, SI_ORDER_ANY)
#define PUBLISH_VERSION(name, version) MODULE_VERSION(name, version)
/* The node of the module, as the sysctl macros name a parent; what hangs there, and what hangs below that. */
#define OWN_NODE PASTE(_qnx_module_, IOSOCK_MODULE_NAME)
#define PUBLISH_NODE(parent, name, text) SYSCTL_NODE(parent, OID_AUTO, name, CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, text)
#define PUBLISH_INT(parent, name, value, text) SYSCTL_INT(parent, OID_AUTO, name, CTLFLAG_RD, value, 0, text)
#define PUBLISH_U64(parent, name, handler, index, text) \
	SYSCTL_PROC(parent, OID_AUTO, name, CTLTYPE_U64 | CTLFLAG_RD | CTLFLAG_MPSAFE, NULL, index, handler, "QU", text)
#define GROUP(group, text) PUBLISH_NODE(OWN_NODE, group, text);
#define VALUE(group, name, index, text) PUBLISH_U64(PASTE(OWN_NODE, _##group), name, value_sysctl, index, text);

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

/*
 * sysctl qnx.module.<name> is a node: the interface version, which other modules have in its place, is one value of it.
 * ON-TARGET: whether anything on QNX reads qnx.module.<name> as an int.
 */
PUBLISH_NODE(_qnx_module, IOSOCK_MODULE_NAME, "module " QUOTE(IOSOCK_MODULE_NAME));
static int provided_version = (int)IOSOCK_VERSION_CUR;
PUBLISH_INT(OWN_NODE, version, &provided_version, "io-sock interface version that the module was built for");

/* A module without values has no use for it. */
static int __unused
value_sysctl(struct sysctl_oid *oidp, void *arg1, intmax_t arg2, struct sysctl_req *req)
{
	uint64_t value = 0;

	(void)oidp;
	(void)arg1;
	if (!iosock_module_value((unsigned int)arg2, &value))
		return (ENOENT);
	return (SYSCTL_OUT(req, &value, sizeof(value)));
}
IOSOCK_VALUES(GROUP, VALUE)

/* Every way a value reaches a module: tunables at load, fetched ones, hints, and sysctls at run time. */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/module.h>
#include <sys/sysctl.h>

#include <qnx/qnx_modload.h>

struct _iosock_module_version iosock_module_version = IOSOCK_MODULE_VER_SYM_INIT;

static int number, fetched, speed, even, untouched = 77;
static char text[32] = "default";

TUNABLE_INT("tunables.number", &number);
TUNABLE_INT("tunables.untouched", &untouched);
TUNABLE_STR("tunables.text", text, sizeof(text));

static int
even_sysctl(SYSCTL_HANDLER_ARGS)
{
	int value = even;
	int error;

	(void)arg1;
	error = sysctl_handle_int(oidp, &value, (int)arg2, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (value % 2 != 0)
		return (EINVAL);
	even = value;
	return (0);
}

SYSCTL_NODE(_debug, OID_AUTO, tunables, CTLFLAG_RD, NULL, "test of tunables");
SYSCTL_DECL(_debug_tunables);
SYSCTL_INT(_debug_tunables, OID_AUTO, number, CTLFLAG_RW, &number, 0, "a tunable");
SYSCTL_INT(_debug_tunables, OID_AUTO, fetched, CTLFLAG_RD, &fetched, 0, "fetched while loading");
SYSCTL_INT(_debug_tunables, OID_AUTO, speed, CTLFLAG_RD, &speed, 0, "a hint");
SYSCTL_INT(_debug_tunables, OID_AUTO, untouched, CTLFLAG_RD, &untouched, 0, "a tunable that nobody sets");
SYSCTL_STRING(_debug_tunables, OID_AUTO, text, CTLFLAG_RW, text, sizeof(text), "a text");
/* Not MPSAFE: called with Giant held. */
SYSCTL_PROC(_debug_tunables, OID_AUTO, even, CTLTYPE_INT | CTLFLAG_RW, NULL, 0, even_sysctl, "I", "an even number");

static int
tunables_event(module_t mod, int what, void *arg)
{
	(void)mod;
	(void)arg;
	if (what != MOD_LOAD)
		return (0);
	(void)TUNABLE_INT_FETCH("tunables.flag", &fetched);
	(void)resource_int_value("tunables", 0, "speed", &speed);
	return (0);
}

static moduledata_t tunables_data = { "tunables", tunables_event, NULL };

MODULE_VERSION(tunables, 1);
DECLARE_MODULE(tunables, tunables_data, SI_SUB_PSEUDO, SI_ORDER_ANY);

static void
tunables_uninit(void *arg)
{
	(void)arg;
}
SYSUNINIT(tunables, SI_SUB_DRIVERS, SI_ORDER_ANY, tunables_uninit, NULL);

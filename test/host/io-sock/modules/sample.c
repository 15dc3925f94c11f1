/*
 * The least that an io-sock module is: it says for which io-sock it was built, declares itself, publishes its version, and answers
 * being loaded and unloaded. Written after the description in QNX's "Writing an io-sock module".
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/module.h>
#include <sys/sysctl.h>

#include <qnx/qnx_modload.h>

/* io-sock reads this before anything of the module runs. */
struct _iosock_module_version iosock_module_version = IOSOCK_MODULE_VER_SYM_INIT;

static int built_for = IOSOCK_VERSION_CUR;
SYSCTL_INT(_qnx_module, OID_AUTO, sample, CTLFLAG_RD, &built_for, 0, "io-sock interface that the sample was built for");

static int
sample_event(module_t mod, int what, void *arg)
{
	(void)mod;
	(void)arg;
	switch (what) {
	case MOD_LOAD:
		printf("sample: loaded\n");
		return (0);
	case MOD_UNLOAD:
		printf("sample: unloaded\n");
		return (0);
	default:
		return (EOPNOTSUPP);
	}
}

static moduledata_t sample_data = { "sample", sample_event, NULL };

MODULE_VERSION(sample, 1);
DECLARE_MODULE(sample, sample_data, SI_SUB_PSEUDO, SI_ORDER_ANY);

/* io-sock cleans up after a module only when there is a SYSUNINIT; one at SI_SUB_DUMMY would never be called. */
static void
sample_uninit(void *arg)
{
	(void)arg;
}
SYSUNINIT(sample, SI_SUB_DRIVERS, SI_ORDER_ANY, sample_uninit, NULL);

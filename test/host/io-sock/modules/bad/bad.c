/*
 * Modules that something is wrong with. One file, one fault for each macro:
 *
 *   BAD_SYMBOLS   imports what nobody provides      BAD_VERSION   built for an older io-sock
 *   BAD_FUTURE    needs a newer io-sock             BAD_DIAG      says that it is a diagnostic build
 *   BAD_NOVERSION no iosock_module_version          BAD_HANDLER   answers MOD_LOAD with ENOMEM
 *   BAD_VETO      refuses to be unloaded            BAD_QUIESCE   refuses to be quiet
 *   BAD_NOSETS    no linker sets at all             BAD_NOUNINIT  no sysuninit set
 *   BAD_DEPEND    needs a module that is not there  BAD_TLS       thread-local storage
 *   BAD_ORPHAN    a sysctl below an unknown node    BAD_THREAD    leaves a kernel thread behind
 *   BAD_ORDER     (not bad) prints the order of its sysinits
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/module.h>
#include <sys/sysctl.h>

#include <qnx/qnx_modload.h>

#if defined(BAD_VERSION)
struct _iosock_module_version iosock_module_version = { IOSOCK_VERSION_SDP80_V3, IOSOCK_VERSION_SDP80_V2, 0, 0 };
#elif defined(BAD_FUTURE)
struct _iosock_module_version iosock_module_version = { 0x00020000, 0x00020000, 0, 0 };
#elif defined(BAD_DIAG)
struct _iosock_module_version iosock_module_version = { IOSOCK_VERSION_CUR, IOSOCK_VERSION_MIN, 0, IOSOCK_MODULE_FLAG_DIAG };
#elif !defined(BAD_NOVERSION)
struct _iosock_module_version iosock_module_version = IOSOCK_MODULE_VER_SYM_INIT;
#endif

#ifdef BAD_SYMBOLS
int no_such_function(void);
extern int no_such_variable;
int no_such_optional_function(void) __attribute__((weak));
#endif
#ifdef BAD_TLS
static __thread volatile int per_thread;
#endif

#ifdef BAD_THREAD
static void
bad_thread(void *arg)
{
	(void)arg;
	for (;;)
		pause("bad", hz);
}
#endif

static int
bad_event(module_t mod, int what, void *arg)
{
	(void)mod;
	(void)arg;
	printf("bad: event %d\n", what);
#ifdef BAD_SYMBOLS
	if (no_such_optional_function != NULL)
		return (no_such_optional_function());
	return (no_such_function() + no_such_variable);
#endif
#ifdef BAD_TLS
	per_thread++;
#endif
#ifdef BAD_THREAD
	if (what == MOD_LOAD)
		return (kthread_add(bad_thread, NULL, NULL, NULL, 0, 0, "%s", "bad"));
#endif
#ifdef BAD_HANDLER
	if (what == MOD_LOAD)
		return (ENOMEM);
#endif
#ifdef BAD_VETO
	if (what == MOD_UNLOAD)
		return (EBUSY);
#endif
#ifdef BAD_QUIESCE
	if (what == MOD_QUIESCE)
		return (EBUSY);
#endif
	return (0);
}

#ifdef BAD_NOSETS
int (*bad_keep)(module_t, int, void *) = bad_event;
#else
static moduledata_t bad_data = { "bad", bad_event, NULL };
MODULE_VERSION(bad, 1);
DECLARE_MODULE(bad, bad_data, SI_SUB_PSEUDO, SI_ORDER_ANY);
#ifdef BAD_DEPEND
MODULE_DEPEND(bad, nowhere, 2, 3, 4);
#endif

static void __attribute__((unused))
bad_print(void *arg)
{
	printf("bad: %s\n", (const char *)arg);
}
#ifndef BAD_NOUNINIT
SYSUNINIT(bad_uninit, SI_SUB_DRIVERS, SI_ORDER_ANY, bad_print, "uninit drivers");
#endif
#ifdef BAD_ORDER
SYSINIT(bad_e, SI_SUB_LAST, SI_ORDER_ANY, bad_print, "init last");
SYSINIT(bad_c, SI_SUB_PSEUDO, SI_ORDER_FIRST, bad_print, "init pseudo first");
SYSINIT(bad_d, SI_SUB_DUMMY, SI_ORDER_FIRST, bad_print, "init dummy");
SYSINIT(bad_a, SI_SUB_TUNABLES, SI_ORDER_SECOND, bad_print, "init tunables second");
SYSINIT(bad_b, SI_SUB_TUNABLES, SI_ORDER_FIRST, bad_print, "init tunables first");
SYSUNINIT(bad_ua, SI_SUB_LOCK, SI_ORDER_FIRST, bad_print, "uninit lock");
SYSUNINIT(bad_ub, SI_SUB_LAST, SI_ORDER_FIRST, bad_print, "uninit last");
SYSUNINIT(bad_uc, SI_SUB_DUMMY, SI_ORDER_FIRST, bad_print, "uninit dummy");
#endif
#endif

#ifdef BAD_ORPHAN
static struct sysctl_oid bad_parent;
static int bad_value;
SYSCTL_DECL(_bad_parent);
__SYSCTL_OID(static, bad_orphan, &bad_parent, OID_AUTO, "orphan", CTLTYPE_INT | CTLFLAG_RD, &bad_value, 0, sysctl_handle_int, "I",
    "below nothing");
#endif

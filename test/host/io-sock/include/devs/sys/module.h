/* How a module presents itself: DECLARE_MODULE, MODULE_VERSION, MODULE_DEPEND. */
#ifndef _SYS_MODULE_H_
#define _SYS_MODULE_H_

#include <sys/kernel.h>
#include <sys/linker_set.h>

#define MDT_DEPEND 1
#define MDT_MODULE 2
#define MDT_VERSION 3
#define MDT_PNP_INFO 4
#define MDT_STRUCT_VERSION 1
#define MDT_SETNAME "modmetadata_set"

typedef enum modeventtype {
	MOD_LOAD,
	MOD_UNLOAD,
	MOD_SHUTDOWN,
	MOD_QUIESCE
} modeventtype_t;

struct module;
typedef struct module *module_t;
typedef int (*modeventhand_t)(module_t, int /* modeventtype_t */, void *);

typedef struct moduledata {
	const char *name;
	modeventhand_t evhand;
	void *priv;
} moduledata_t;

struct mod_version {
	int md_version;
};

struct mod_depend {
	int md_ver_minimum;
	int md_ver_preferred;
	int md_ver_maximum;
};

/* One entry of set_modmetadata_set. */
struct mod_metadata {
	int md_version;
	int md_type;
	const void *md_data;
	const char *md_cval;
};

#define __MODULE_METADATA(uniquifier, type, data, cval) \
	static struct mod_metadata _mod_metadata##uniquifier = { MDT_STRUCT_VERSION, type, data, cval }; \
	DATA_SET(modmetadata_set, _mod_metadata##uniquifier)
#define MODULE_METADATA(uniquifier, type, data, cval) __MODULE_METADATA(uniquifier, type, data, cval)

#define MODULE_DEPEND(module, mdepend, vmin, vpref, vmax) \
	static struct mod_depend _##module##_depend_on_##mdepend __section(".data") = { vmin, vpref, vmax }; \
	MODULE_METADATA(_md_##module##_on_##mdepend, MDT_DEPEND, &_##module##_depend_on_##mdepend, #mdepend)

#define MODULE_VERSION(module, version) \
	static struct mod_version _##module##_version __section(".data") = { version }; \
	MODULE_METADATA(_md_##module##_version, MDT_VERSION, &_##module##_version, #module)

/* Any kernel of this major version. */
#define MODULE_KERNEL_MAXVER (roundup(__FreeBSD_version, 100000) - 1)

#define DECLARE_MODULE_WITH_MAXVER(name, data, sub, order, maxver) \
	MODULE_DEPEND(name, kernel, __FreeBSD_version, __FreeBSD_version, maxver); \
	MODULE_METADATA(_md_##name, MDT_MODULE, &data, __XSTRING(name)); \
	SYSINIT(name##module, sub, order, module_register_init, &data)
#define DECLARE_MODULE(name, data, sub, order) DECLARE_MODULE_WITH_MAXVER(name, data, sub, order, MODULE_KERNEL_MAXVER)
#define DECLARE_MODULE_TIED(name, data, sub, order) DECLARE_MODULE_WITH_MAXVER(name, data, sub, order, __FreeBSD_version)

/* Called by the sysinit that DECLARE_MODULE makes; sends MOD_LOAD. */
void module_register_init(const void *data);

#endif

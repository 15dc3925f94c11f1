/* Credentials: shared, counted, never changed once shared. */
#ifndef _SYS_UCRED_H_
#define _SYS_UCRED_H_

#include <sys/types.h>

struct prison;

struct ucred {
	volatile u_int cr_ref;
	uid_t cr_uid; /* effective */
	uid_t cr_ruid;
	uid_t cr_svuid;
	int cr_ngroups;
	gid_t cr_rgid;
	gid_t cr_svgid;
	int cr_flags;
	struct prison *cr_prison;
	gid_t *cr_groups;
};
#define cr_gid cr_groups[0]
#define NOCRED ((struct ucred *)0)
#define FSCRED ((struct ucred *)-1)

struct ucred *crhold(struct ucred *cr);
void crfree(struct ucred *cr);
struct ucred *crget(void);
struct ucred *crdup(struct ucred *cr);

#endif

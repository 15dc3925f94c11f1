/* What all locks start with. */
#ifndef _SYS__LOCK_H_
#define _SYS__LOCK_H_

#include <sys/types.h>

struct lock_object {
	const char *lo_name;
	u_int lo_flags;
	/* Recursion depth, of the class that has one. */
	u_int lo_data;
	struct witness *lo_witness;
};

#endif

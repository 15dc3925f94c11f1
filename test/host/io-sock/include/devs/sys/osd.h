#ifndef _SYS_OSD_H_
#define _SYS_OSD_H_

#include <sys/queue.h>
#include <sys/types.h>

struct osd {
	u_int osd_nslots;
	void **osd_slots;
	LIST_ENTRY(osd) osd_next;
};

#endif

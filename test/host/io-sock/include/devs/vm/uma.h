/* The zone allocator, as far as the mbuf inlines use it. */
#ifndef _VM_UMA_H_
#define _VM_UMA_H_

#include <sys/malloc.h>
#include <sys/types.h>

struct uma_zone;
typedef struct uma_zone *uma_zone_t;

/* arg goes to the zone's constructor; flags: M_NOWAIT (may be NULL) or M_WAITOK. */
void *uma_zalloc_arg(uma_zone_t zone, void *arg, int flags);
void uma_zfree_arg(uma_zone_t zone, void *item, void *arg);
int uma_zone_set_max(uma_zone_t zone, int items);
int uma_zone_get_max(uma_zone_t zone);
int uma_zone_get_cur(uma_zone_t zone);

static inline void *uma_zalloc(uma_zone_t zone, int flags) { return (uma_zalloc_arg(zone, NULL, flags)); }
static inline void uma_zfree(uma_zone_t zone, void *item) { uma_zfree_arg(zone, item, NULL); }

#endif

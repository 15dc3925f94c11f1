/* Comes before all else: without the overlay the test would test nothing. */
#include <sys/param.h>
#if __FreeBSD_version < 1400000
#error "not the headers of base14"
#endif

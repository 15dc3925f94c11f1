/* The stand-in's header, saying that it is 14.3: the shims' branches for 14 are then at least compiled. */
#include_next <sys/param.h>
#undef __FreeBSD_version
#define __FreeBSD_version 1403000

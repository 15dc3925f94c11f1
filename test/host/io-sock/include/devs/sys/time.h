/* Time: timeval, timespec, sbintime (seconds in the upper 32 bits, fraction in the lower), and the clocks of time(9). */
#ifndef _SYS_TIME_H_
#define _SYS_TIME_H_

#include <sys/types.h>

struct timeval {
	time_t tv_sec;
	suseconds_t tv_usec;
};

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

struct bintime {
	time_t sec;
	uint64_t frac;
};

#define SBT_1S ((sbintime_t)1 << 32)
#define SBT_1M (SBT_1S * 60)
#define SBT_1MS (SBT_1S / 1000)
#define SBT_1US (SBT_1S / 1000000)
#define SBT_1NS (SBT_1S / 1000000000)
#define SBT_MAX 0x7fffffffffffffffLL

static inline int64_t sbttons(sbintime_t sbt) { return ((1000000000 * (sbt >> 32)) + (int64_t)((1000000000 * (sbt & 0xffffffffLL)) >> 32)); }
static inline int64_t sbttous(sbintime_t sbt) { return ((1000000 * (sbt >> 32)) + (int64_t)((1000000 * (sbt & 0xffffffffLL)) >> 32)); }
static inline int64_t sbttoms(sbintime_t sbt) { return ((1000 * (sbt >> 32)) + (int64_t)((1000 * (sbt & 0xffffffffLL)) >> 32)); }
/* Rounded up, as a time-out must be. */
static inline sbintime_t nstosbt(int64_t ns) { return ((ns / 1000000000) * SBT_1S + ((((ns % 1000000000) << 32) + 999999999) / 1000000000)); }
static inline sbintime_t ustosbt(int64_t us) { return ((us / 1000000) * SBT_1S + ((((us % 1000000) << 32) + 999999) / 1000000)); }
static inline sbintime_t mstosbt(int64_t ms) { return ((ms / 1000) * SBT_1S + ((((ms % 1000) << 32) + 999) / 1000)); }
static inline sbintime_t tvtosbt(struct timeval tv) { return (((sbintime_t)tv.tv_sec << 32) + ustosbt(tv.tv_usec)); }
static inline sbintime_t tstosbt(struct timespec ts) { return (((sbintime_t)ts.tv_sec << 32) + nstosbt(ts.tv_nsec)); }
static inline struct timeval sbttotv(sbintime_t sbt) { struct timeval tv = { sbt >> 32, (suseconds_t)((1000000 * (sbt & 0xffffffffLL)) >> 32) }; return (tv); }
static inline struct timespec sbttots(sbintime_t sbt) { struct timespec ts = { sbt >> 32, (long)((1000000000 * (sbt & 0xffffffffLL)) >> 32) }; return (ts); }

#define timevalclear(tvp) ((tvp)->tv_sec = (tvp)->tv_usec = 0)
#define timevalisset(tvp) ((tvp)->tv_sec || (tvp)->tv_usec)
#define timevalcmp(tvp, uvp, cmp) \
	(((tvp)->tv_sec == (uvp)->tv_sec) ? ((tvp)->tv_usec cmp(uvp)->tv_usec) : ((tvp)->tv_sec cmp(uvp)->tv_sec))

/* Since boot; the get variants may lag one tick. Any context. */
void microuptime(struct timeval *tv);
void nanouptime(struct timespec *ts);
void getmicrouptime(struct timeval *tv);
void getnanouptime(struct timespec *ts);
sbintime_t sbinuptime(void);
sbintime_t getsbinuptime(void);
/* Since 1970. */
void microtime(struct timeval *tv);
void nanotime(struct timespec *ts);
void getmicrotime(struct timeval *tv);
void getnanotime(struct timespec *ts);

/* At most one event each mininterval: 1 = it may happen. */
int ratecheck(struct timeval *last, const struct timeval *mininterval);
int ppsratecheck(struct timeval *last, int *pps, int maxpps);
int tvtohz(struct timeval *tv);

#endif

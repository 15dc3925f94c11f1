/* The system page, of which programs read the rate of ClockCycles. */
#ifndef QNX_HOST_SYS_SYSPAGE_H
#define QNX_HOST_SYS_SYSPAGE_H

#include <qnx/decl.h>
#include <stdint.h>

/* Its first member alone. [L] */
struct qtime_entry {
    uint64_t cycles_per_sec;
};

QNX_BEGIN_DECLS
extern const uint64_t qnx_cycles_per_sec;
QNX_END_DECLS

/* SYSPAGE_ENTRY(qtime)->cycles_per_sec; other sections are absent. */
#define SYSPAGE_ENTRY(section) QNX_HOST_SYSPAGE_##section
#define QNX_HOST_SYSPAGE_qtime ((const struct qtime_entry *)(const void *)&qnx_cycles_per_sec)

#endif

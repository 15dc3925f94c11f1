/* What the pulse server and its client agree on. */
#ifndef PULSE_H
#define PULSE_H

#include <stdint.h>
#include <sys/iomsg.h>

/* Pulse codes: the "type" of a pulse. */
enum { PULSE_TEMPERATURE = 1, PULSE_POINTER = 2 };

/* Message types stay above the system's. */
#define MSG_SUM (_IO_MAX + 100)
#define MSG_QUIT (_IO_MAX + 101)

struct sum_msg {
    uint16_t type;
    uint16_t reserved;
};

#endif

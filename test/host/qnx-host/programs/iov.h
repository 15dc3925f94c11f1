/* What the multi-part server and its client agree on: a header, then nbytes of data. */
#ifndef IOV_H
#define IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/iomsg.h>

#define SERVER_NAME "programs/iov"

#define MSG_STORE (_IO_MAX + 1)
#define MSG_FETCH (_IO_MAX + 2)

#define PART 4096
#define PARTS 3

struct header {
    uint16_t type;
    uint16_t reserved;
    uint32_t nbytes;
    uint32_t checksum;
};

static inline uint32_t checksum(const unsigned char *data, size_t bytes, uint32_t sum) {
    while (bytes-- > 0) {
        sum = sum * 31 + *data++;
    }
    return sum;
}

#endif

/* Readiness of descriptors. [L] */
#ifndef QNX_POLL_H
#define QNX_POLL_H

#define POLLRDNORM 0x1
#define POLLOUT 0x2
#define POLLWRNORM POLLOUT
#define POLLRDBAND 0x4
#define POLLIN 0x5 /* two bits: POLLRDNORM and POLLRDBAND */
#define POLLPRI 0x8
#define POLLWRBAND 0x10
#define POLLERR 0x20
#define POLLHUP 0x40
#define POLLNVAL 0x1000

#endif

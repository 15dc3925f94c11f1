/* Addresses by value, to and from kernel sockaddrs. */
#ifndef IOSOCK_SHIM_ADDR_H
#define IOSOCK_SHIM_ADDR_H

#include <sys/socket.h>
#include <netinet/in.h>

#include "iosock_shim.h"

union iosock_sockaddr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Fills every byte of *to. EAFNOSUPPORT unless from is IPv4 or IPv6. */
int iosock_addr_to_kernel(const struct iosock_addr *from, union iosock_sockaddr *to);
/* from NULL or of another family: to->ip is 0. */
void iosock_addr_from_kernel(const struct sockaddr *from, struct iosock_addr *to);

#endif

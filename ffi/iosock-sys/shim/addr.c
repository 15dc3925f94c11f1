/* Addresses by value, to and from kernel sockaddrs (netinet/in.h). */
#include "base.h"

#include <sys/errno.h>

#include "addr.h"

_Static_assert(sizeof(struct iosock_addr) == 28, "Rust relies on 28 bytes");
_Static_assert(sizeof(struct sockaddr_in) == 16 && sizeof(struct sockaddr_in6) == 28, "sa_len is checked against these");

int
iosock_addr_to_kernel(const struct iosock_addr *from, union iosock_sockaddr *to)
{
	memset(to, 0, sizeof(*to));
	switch (from->ip) {
	case 4:
		to->in.sin_len = sizeof(to->in);
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons(from->port);
		memcpy(&to->in.sin_addr, from->addr, sizeof(to->in.sin_addr));
		return (0);
	case 6:
		to->in6.sin6_len = sizeof(to->in6);
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = htons(from->port);
		to->in6.sin6_flowinfo = from->flowinfo;
		memcpy(&to->in6.sin6_addr, from->addr, sizeof(to->in6.sin6_addr));
		to->in6.sin6_scope_id = from->scope;
		return (0);
	default:
		return (EAFNOSUPPORT);
	}
}

void
iosock_addr_from_kernel(const struct sockaddr *from, struct iosock_addr *to)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	memset(to, 0, sizeof(*to));
	if (from != NULL && from->sa_family == AF_INET && from->sa_len >= sizeof(*in)) {
		to->ip = 4;
		to->port = ntohs(in->sin_port);
		memcpy(to->addr, &in->sin_addr, sizeof(in->sin_addr));
	} else if (from != NULL && from->sa_family == AF_INET6 && from->sa_len >= sizeof(*in6)) {
		to->ip = 6;
		to->port = ntohs(in6->sin6_port);
		to->flowinfo = in6->sin6_flowinfo;
		memcpy(to->addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
		to->scope = in6->sin6_scope_id;
	}
}

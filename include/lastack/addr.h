/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_ADDR_H
#define LASTACK_ADDR_H

/* Addresses, prefixes and connection tuples.
 *
 * struct la_addr holds an address of either family: an IPv4 address has its IPv4-mapped form
 * ::ffff:a.b.c.d (RFC 4291 2.5.5.2). Addresses are in network byte order. Ports are in host byte order, in the
 * whole API. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/** An IPv4 (mapped) or IPv6 address, network byte order. All zero is "none" or "any". */
struct la_addr {
	union {
		uint8_t b[16];
		uint32_t w[4]; /* w[3]: the IPv4 address in a mapped address */
		uint64_t q[2];
	};
};

/** An address and a prefix length, bits: 0 to 32 for IPv4, 0 to 128 for IPv6. */
struct la_prefix {
	struct la_addr addr;
	uint8_t len;
};

/** The four-tuple that names a connection, seen from this end. */
struct la_tuple {
	struct la_addr laddr, raddr;
	uint16_t lport, rport; /* host order */
};

/** Size of a buffer for any text of la_addr_format(), NUL included. */
#define LA_ADDR_STRLEN 56

/* w[2] of a mapped address: the bytes 0, 0, 0xff, 0xff */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LA_ADDR_MAPPED 0xffff0000u
#else
#define LA_ADDR_MAPPED 0x0000ffffu
#endif

static inline bool
la_addr_is4(const struct la_addr *a)
{
	return a->q[0] == 0 && a->w[2] == LA_ADDR_MAPPED;
}

static inline bool
la_addr_is_any(const struct la_addr *a)
{
	return (a->q[0] | a->q[1]) == 0;
}

static inline bool
la_addr_eq(const struct la_addr *a, const struct la_addr *b)
{
	return ((a->q[0] ^ b->q[0]) | (a->q[1] ^ b->q[1])) == 0;
}

/** Returns the mapped form of an IPv4 address in network byte order. */
static inline struct la_addr
la_addr_from4(uint32_t be)
{
	struct la_addr a;

	a.q[0] = 0;
	a.w[2] = LA_ADDR_MAPPED;
	a.w[3] = be;
	return a;
}

/** Parses "10.0.0.1" or "fd00::1" into *a. Returns 0 or -EINVAL. */
int la_addr_parse(const char *text, struct la_addr *a);

/** Parses "10.0.0.2/24" or "fd00::2/64" into *p. Without "/n" the length is 32 (IPv4) or 128 (IPv6). Returns 0 or
 * -EINVAL. */
int la_prefix_parse(const char *text, struct la_prefix *p);

/** Writes the address as text into buf, whose size should be LA_ADDR_STRLEN or more. Returns buf. */
const char *la_addr_format(const struct la_addr *a, char *buf, size_t size);

/** Returns whether `a` is an address of the prefix: of its family, with the same first p->len bits. */
bool la_prefix_contains(const struct la_prefix *p, const struct la_addr *a);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif

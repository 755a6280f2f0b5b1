/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_CKSUM_H
#define LA_WIRE_CKSUM_H

/* The Internet checksum (RFC 1071): partial sums are 32-bit, host-endian sums of 16-bit words read
 * from memory, so they can be stored into a header without a byte swap. */

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

struct rte_mbuf;

/** Adds len bytes to a partial sum. An odd byte counts as if a zero followed; only the last part may
 * be odd. This and the two below return at most 0xffff, so partial sums may be added with +. */
uint32_t la_cksum_add(uint32_t sum, const void *p, size_t len);

/** The same over len bytes of an mbuf chain from offset off; odd-sized segments are handled. */
uint32_t la_cksum_add_mbuf(uint32_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len);

/** Partial sum of the pseudo-header of either family; len is the upper-layer length in bytes. */
uint32_t la_cksum_pseudo(const struct la_addr *src, const struct la_addr *dst, uint8_t proto,
			 uint32_t len);

/** Folds a sum of 32-bit words, at most 2^32 of them, to a partial sum of at most 0xffff. */
static inline uint32_t
la_cksum_fold64(uint64_t s)
{
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffff) + ((s >> 16) & 0xffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint32_t)s;
}

/** Folds to 16 bits (not complemented). */
static inline uint16_t
la_cksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** The value for a checksum field; 0 over a whole packet, its checksum included, means it is right. */
static inline uint16_t
la_cksum_finish(uint32_t sum)
{
	return (uint16_t)~la_cksum_fold(sum);
}

#endif

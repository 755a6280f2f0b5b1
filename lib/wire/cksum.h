/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_CKSUM_H
#define LA_WIRE_CKSUM_H

/* The Internet checksum (RFC 1071): partial sums are 32-bit, host-endian sums of 16-bit words read
 * from memory, so they can be stored into a header without a byte swap. */

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lastack/addr.h>

struct rte_mbuf;

/** Adds len bytes to a partial sum. An odd byte counts as if a zero followed; only the last part may
 * have an odd length. This function and the two below return at most 0xffff, so partial sums may be added with +. */
uint32_t la_cksum_add(uint32_t sum, const void *data, size_t len);

/** Like la_cksum_add(), over len bytes of an mbuf chain from offset off; segments may have odd sizes. */
uint32_t la_cksum_add_mbuf(uint32_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len);

/** Folds a sum of 32-bit words, at most 2^32 of them, to a partial sum of at most 0xffff, which is 0 only for 0.
 * A word added to itself with swapped halves has the sum of the halves in its upper half, with the carry of the
 * lower half added, as RFC 1071 requires. */
static inline uint32_t
la_cksum_fold64(uint64_t s)
{
	uint32_t h = (uint32_t)((s + (s << 32 | s >> 32)) >> 32);

	return (h + (h << 16 | h >> 16)) >> 16;
}

/** Adds len < 64 bytes to an unfolded sum (la_cksum_fold64()). Headers without payload are the most common case of
 * a server of short connections: eight bytes at a time with the carry added back, without vectors and
 * calls. The end is read in pieces of 4, 2 and 1 bytes, because a word assembled in memory could not be
 * loaded at once. */
static inline uint64_t
la_cksum_short(uint64_t s, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t w;
	uint32_t v;
	uint16_t u;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, sizeof(w));
		s += w;
		s += s < w;
	}
	s = (s & 0xffffffff) + (s >> 32);
	if (len & 4) {
		memcpy(&v, p, sizeof(v));
		s += v;
		p += 4;
	}
	if (len & 2) {
		memcpy(&u, p, sizeof(u));
		s += u;
		p += 2;
	}
	if (len & 1)
		s += htole16(*p); /* as the first byte of its word */
	return s;
}

/** Adds any number of bytes to an unfolded sum. 20 bytes, the TCP header of most segments without text, are added
 * without a loop. */
static inline uint64_t
la_cksum_data(uint64_t s, const void *p, size_t len)
{
	if (len == 20)
		return la_cksum_short(s, p, 20);
	return len < 64 ? la_cksum_short(s, p, len) : s + la_cksum_add(0, p, len);
}

/** Unfolded sum of the pseudo-header; len: of the upper layer, in bytes. */
static inline uint64_t
la_cksum_pseudo_words4(const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint32_t len)
{
	return (uint64_t)src->w[3] + dst->w[3] + htobe16((uint16_t)len) + htobe16(proto);
}

static inline uint64_t
la_cksum_pseudo_words6(const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint32_t len)
{
	uint64_t s = (uint64_t)src->w[0] + src->w[1] + src->w[2] + src->w[3];

	s += (uint64_t)dst->w[0] + dst->w[1] + dst->w[2] + dst->w[3];
	return s + htobe32(len) + htobe32(proto);
}

static inline uint64_t
la_cksum_pseudo_words(const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint32_t len)
{
	return la_addr_is4(src) ? la_cksum_pseudo_words4(src, dst, proto, len)
				: la_cksum_pseudo_words6(src, dst, proto, len);
}

/** The pseudo-header's sum as a partial sum. */
static inline uint32_t
la_cksum_pseudo(const struct la_addr *src, const struct la_addr *dst, uint8_t proto, uint32_t len)
{
	return la_cksum_fold64(la_cksum_pseudo_words(src, dst, proto, len));
}

/** Folds to 16 bits (not complemented). */
static inline uint16_t
la_cksum_fold(uint32_t sum)
{
	return (uint16_t)((sum + (sum << 16 | sum >> 16)) >> 16);
}

/** The value for a checksum field; 0 over a whole packet with its checksum means a valid checksum. */
static inline uint16_t
la_cksum_finish(uint32_t sum)
{
	return (uint16_t)~la_cksum_fold(sum);
}

/** The value for a checksum field, from an unfolded sum. */
static inline uint16_t
la_cksum_finish64(uint64_t s)
{
	return (uint16_t)~la_cksum_fold64(s);
}

#endif

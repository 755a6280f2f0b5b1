/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_CKSUM_H
#define LA_WIRE_CKSUM_H

/* The Internet checksum (RFC 1071). A partial sum is a 32-bit sum of 16-bit words in the byte order of the machine, so
 * a checksum is stored into a header without a byte swap. An unfolded sum is a 64-bit sum of 32-bit words. */

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lastack/addr.h>

struct rte_mbuf;

/** Adds len bytes to a partial sum. A last odd byte is padded with a zero; only the last part of a packet may
 * have an odd length. This function and the next two return at most 0xffff, so partial sums may be added with +. */
uint32_t la_cksum_add(uint32_t sum, const void *data, size_t len);

/** Like la_cksum_add(), over len bytes of an mbuf chain from offset off; segments may have odd sizes. */
uint32_t la_cksum_add_mbuf(uint32_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len);

/** Folds an unfolded sum to a partial sum of at most 0xffff. The result is 0 only for the sum 0.
 * Each step adds to a word the same word with swapped halves. The upper half of the result is the sum of both halves
 * plus the carry, as RFC 1071 requires. */
static inline uint32_t
la_cksum_fold64(uint64_t s)
{
	uint32_t h = (uint32_t)((s + (s << 32 | s >> 32)) >> 32);

	return (h + (h << 16 | h >> 16)) >> 16;
}

/** Adds len < 64 bytes to an unfolded sum. Most segments of short connections are headers without payload, so this
 * function uses no vectors and no calls: it adds eight bytes at a time, then the carry. The last bytes are read in
 * pieces of 4, 2 and 1, because a load of a word that was just assembled in memory would stall. */
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
		s += htole16(*p); /* the first byte of a word; the second is 0 */
	return s;
}

/** Adds any number of bytes to an unfolded sum. For 20 bytes (the TCP header of most segments without payload) there is
 * no loop. */
static inline uint64_t
la_cksum_data(uint64_t s, const void *p, size_t len)
{
	if (len == 20)
		return la_cksum_short(s, p, 20);
	return len < 64 ? la_cksum_short(s, p, len) : s + la_cksum_add(0, p, len);
}

/** The unfolded sum of the pseudo-header. len: bytes of the upper layer. */
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

/** Folds a partial sum to 16 bits. The result is not complemented. */
static inline uint16_t
la_cksum_fold(uint32_t sum)
{
	return (uint16_t)((sum + (sum << 16 | sum >> 16)) >> 16);
}

/** The value for a checksum field, from a partial sum. For a packet that includes its checksum: 0 if it is valid. */
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

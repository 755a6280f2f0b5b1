/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Internet checksum. The sum of 16-bit words in one's-complement arithmetic does not depend on their order. Larger
 * words give the same sum if carries are added at the lowest bit (RFC 1071 2). So 64-bit words are added with their
 * carries. From FEW bytes on, vectors add 32-bit halves into 64-bit lanes, which have room for 2^32 of them. The result
 * is folded once at the end. The words are in the machine's byte order. Stored in that order, the result has the right
 * bytes in memory (RFC 1071 2 (B)). */

#include <x86intrin.h>

#include <rte_mbuf.h>

#include "core/bytes.h"
#include "wire/cksum.h"

enum { FEW = 512 };

/* Four 64-bit lanes: one AVX2 register, or two SSE registers. */
typedef uint64_t lanes __attribute__((vector_size(32)));

/* Returns the unfolded sum of blocks of 64 bytes. */
static __attribute__((noinline)) uint64_t
add_blocks(const uint8_t *p, size_t blocks)
{
	lanes s0 = {0}, s1 = {0}, a, b;

	for (; blocks > 0; blocks--, p += 64) {
		memcpy(&a, p, 32);
		memcpy(&b, p + 32, 32);
		s0 += (a & 0xffffffff) + (a >> 32);
		s1 += (b & 0xffffffff) + (b >> 32);
	}
	s0 += s1;
	return s0[0] + s0[1] + s0[2] + s0[3];
}

/* Adds 32 bytes as words of 64 bits, and each carry at the lowest bit of the next word. */
static inline uint64_t
add_group(uint64_t sum, const uint8_t *p)
{
	unsigned long long s0, s1, s2, s3, s4;
	unsigned char carry;

	carry = _addcarry_u64(0, sum, la_load64(p), &s0);
	carry = _addcarry_u64(carry, s0, la_load64(p + 8), &s1);
	carry = _addcarry_u64(carry, s1, la_load64(p + 16), &s2);
	carry = _addcarry_u64(carry, s2, la_load64(p + 24), &s3);
	(void)_addcarry_u64(carry, s3, 0, &s4);
	return s4;
}

uint32_t
la_cksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t s = sum;

	if (__builtin_expect(len < FEW, 1)) {
		for (; len >= 32; len -= 32, p += 32)
			s = add_group(s, p);
	} else {
		s += add_blocks(p, len / 64);
		p += len & ~(size_t)63;
		len &= 63;
	}
	return la_cksum_fold64(la_cksum_short(s, p, len));
}

uint32_t
la_cksum_add_mbuf(uint32_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint64_t s = sum;
	bool odd = false;

	for (; m != NULL && len > 0; m = m->next) {
		uint32_t n, part;

		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		n = m->data_len - off;
		if (n > len)
			n = len;
		part = la_cksum_add(0, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), n);
		/* after an odd number of bytes the words of this part begin at odd offsets: the sum has swapped
		 * bytes (RFC 1071 2(B)) */
		s += odd ? __builtin_bswap16((uint16_t)part) : part;
		odd ^= n & 1;
		len -= n;
		off = 0;
	}
	return la_cksum_fold64(s);
}

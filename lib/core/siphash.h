/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_SIPHASH_H
#define LA_CORE_SIPHASH_H

/* SipHash-2-4 (Aumasson, Bernstein 2012) of short inputs, for ISNs (RFC 6528), timestamp offsets and SYN cookies.
 *
 * Every open computes one hash, and every cookie two, so the functions are inline, with the input in registers: a call
 * of libsodium takes twice the time. tests/core compares them with libsodium. */

#include <lastack/addr.h>

#include "core/bytes.h"

static inline uint64_t
sip_rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* The state of SipHash. */
struct sip {
	uint64_t v0, v1, v2, v3;
};

/* n rounds (figure 2.1). */
static inline __attribute__((always_inline)) void
sip_rounds(struct sip *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = sip_rotl(s->v1, 13) ^ s->v0;
		s->v3 = sip_rotl(s->v3, 16) ^ s->v2;
		s->v0 = sip_rotl(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = sip_rotl(s->v3, 21) ^ s->v0;
		s->v1 = sip_rotl(s->v1, 17) ^ s->v2;
		s->v2 = sip_rotl(s->v2, 32);
	}
}

static inline __attribute__((always_inline)) void
sip_begin(struct sip *s, const uint8_t key[16])
{
	uint64_t k0 = le64toh(la_load64(key)), k1 = le64toh(la_load64(key + 8));

	*s = (struct sip){k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			  k1 ^ 0x7465646279746573};
}

static inline __attribute__((always_inline)) void
sip_word(struct sip *s, uint64_t w)
{
	s->v3 ^= w;
	sip_rounds(s, 2);
	s->v0 ^= w;
}

/* The last word: the remaining bytes, and the length of the input in bytes. */
static inline __attribute__((always_inline)) uint64_t
sip_end(struct sip *s, uint32_t last, uint64_t len)
{
	sip_word(s, len << 56 | last);
	s->v2 ^= 0xff;
	sip_rounds(s, 4);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/** SipHash-2-4 of the 12 bytes of `word` and `last`, in little-endian order. */
static inline uint64_t
la_siphash_12(const uint8_t key[16], uint64_t word, uint32_t last)
{
	struct sip s;

	sip_begin(&s, key);
	sip_word(&s, word);
	return sip_end(&s, last, 12);
}

/* The ports as a little-endian word of the input, which has them in network order. */
static inline uint32_t
sip_ports(const struct la_tuple *t)
{
	return htobe16(t->lport) | (uint32_t)htobe16(t->rport) << 16;
}

/** SipHash-2-4 of the tuple under `key`: addresses, then ports in network order; 12 bytes for IPv4, 36 for IPv6. */
static inline uint64_t
la_siphash_tuple(const uint8_t key[16], const struct la_tuple *t)
{
	struct sip s;

	if (la_addr_is4(&t->laddr) && la_addr_is4(&t->raddr)) /* the time of SipHash grows with the length */
		return la_siphash_12(key, le32toh(t->laddr.w[3]) | (uint64_t)le32toh(t->raddr.w[3]) << 32,
				     sip_ports(t));
	sip_begin(&s, key);
	sip_word(&s, le64toh(t->laddr.q[0]));
	sip_word(&s, le64toh(t->laddr.q[1]));
	sip_word(&s, le64toh(t->raddr.q[0]));
	sip_word(&s, le64toh(t->raddr.q[1]));
	return sip_end(&s, sip_ports(t), 36);
}

#endif

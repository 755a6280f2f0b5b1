/* SPDX-License-Identifier: BSD-3-Clause */

#include <endian.h>

#include <sodium.h>

#include "core/hash.h"

/* Derives a key: the hash of `context`, keyed with the secret. Each key has its own context, so that published values
 * of one key (ISNs, timestamps) do not reveal another key. */
static void
hash_derive_key(void *out, size_t len, const char *context, const uint8_t secret[32])
{
	/* the call fails only for sizes out of range, and these sizes are valid constants */
	(void)crypto_generichash(out, len, (const unsigned char *)context, strlen(context), secret, 32);
}

void
la_hash_key_init(struct la_hash_key *key, const uint8_t secret[32])
{
	hash_derive_key(key->k, sizeof(key->k), "lastack index hash", secret);
	hash_derive_key(key->isn, sizeof(key->isn), "lastack ISN and timestamp offset", secret);
	hash_derive_key(key->cookie, sizeof(key->cookie), "lastack SYN cookie", secret);
}

enum { TUPLE_MAX = 36 };

/* Returns whether the tuple is hashed as 12 bytes (IPv4), not 36: the time of SipHash grows with the length. The length
 * is part of the hash. */
static bool
is_short(const struct la_tuple *t)
{
	return la_addr_is4(&t->laddr) && la_addr_is4(&t->raddr);
}

/* Copies the last n bytes of each address, then the ports. Returns the number of bytes copied. */
static inline __attribute__((always_inline)) size_t
put_tuple(uint8_t in[TUPLE_MAX], const struct la_tuple *t, size_t n)
{
	uint16_t ports[2] = {htobe16(t->lport), htobe16(t->rport)};

	memcpy(in, t->laddr.b + 16 - n, n);
	memcpy(in + n, t->raddr.b + 16 - n, n);
	memcpy(in + 2 * n, ports, sizeof(ports));
	return 2 * n + sizeof(ports);
}

/* Reads a little-endian word. */
static inline uint64_t
word_at(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

static inline uint64_t
sip_rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* SipHash (Aumasson, Bernstein 2012): its state, and n rounds (figure 2.1). */
struct sip {
	uint64_t v0, v1, v2, v3;
};

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
sip_word(struct sip *s, uint64_t w)
{
	s->v3 ^= w;
	sip_rounds(s, 2);
	s->v0 ^= w;
}

/* SipHash-2-4 of n bytes. n is 4 more than a multiple of 8, as are the lengths of all tuples. Every open computes a
 * hash, so the function is inline: the call of libsodium takes twice the time. */
static inline __attribute__((always_inline)) uint64_t
sip_hash_2_4(const uint8_t key[16], const uint8_t *in, size_t n)
{
	uint64_t k0 = word_at(key), k1 = word_at(key + 8);
	struct sip s = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			k1 ^ 0x7465646279746573};
	uint32_t last;
	size_t at = 0;

	for (; at + 8 <= n; at += 8)
		sip_word(&s, word_at(in + at));
	memcpy(&last, in + at, sizeof(last));
	sip_word(&s, (uint64_t)n << 56 | le32toh(last));
	s.v2 ^= 0xff;
	sip_rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t
la_siphash_tuple(const uint8_t key[16], const struct la_tuple *t)
{
	uint8_t in[TUPLE_MAX];

	if (is_short(t)) /* two calls, so that each is inlined for a constant length */
		return sip_hash_2_4(key, in, put_tuple(in, t, 4));
	return sip_hash_2_4(key, in, put_tuple(in, t, 16));
}

uint64_t
la_siphash_tuple_with(const uint8_t key[16], const struct la_tuple *t, uint64_t word)
{
	uint8_t in[TUPLE_MAX + sizeof(word)];
	size_t n = put_tuple(in, t, is_short(t) ? 4 : 16);

	word = htobe64(word);
	memcpy(in + n, &word, sizeof(word));
	return sip_hash_2_4(key, in, n + sizeof(word));
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <sodium.h>

#include "core/hash.h"
#include "core/siphash.h"

static struct la_hash_key
key_of(uint8_t first)
{
	struct la_hash_key key;
	uint8_t secret[32] = {first};

	la_hash_key_init(&key, secret);
	return key;
}

/* Returns the number of bits in which a and b differ: about 32 for independent words. */
static unsigned
differing(uint64_t a, uint64_t b)
{
	return (unsigned)__builtin_popcountll(a ^ b);
}

/* I-02: the ISN key is one of these keys. */
Test(hash, keys_depend_on_the_secret)
{
	struct la_hash_key a = key_of(1), same = key_of(1), b = key_of(2);

	cr_assert_eq(memcmp(&a, &same, sizeof(a)), 0);
	for (unsigned i = 0; i < 8; i++) {
		cr_assert_gt(differing(a.k[i], b.k[i]), 8);
		for (unsigned j = 0; j < i; j++)
			cr_assert_gt(differing(a.k[i], a.k[j]), 8);
	}
	cr_assert_neq(memcmp(a.isn, b.isn, 16), 0);
	cr_assert_neq(memcmp(a.cookie, b.cookie, 16), 0);
	/* keys are independent: one published key does not reveal the others */
	cr_assert_neq(memcmp(a.isn, a.cookie, 16), 0);
	cr_assert_neq(memcmp(a.isn, a.k, 16), 0);
	cr_assert_neq(memcmp(a.cookie, a.k, 16), 0);
}

/* ------------------------------------------------------------------ SipHash */

/* SipHash-2-4 as in the paper (Aumasson, Bernstein 2012, figure 2.1). */
static uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t
plain_load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static void
plain_rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1], v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1], v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t
siphash(const uint8_t key[16], const uint8_t *p, size_t n)
{
	uint64_t k0 = plain_load(key, 8), k1 = plain_load(key + 8, 8), last = (uint64_t)n << 56;
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
			 k1 ^ 0x7465646279746573u};

	for (; n >= 8; n -= 8, p += 8) {
		v[3] ^= plain_load(p, 8);
		plain_rounds(v, 2);
		v[0] ^= plain_load(p, 8);
	}
	last |= plain_load(p, n);
	v[3] ^= last;
	plain_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	plain_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

Test(hash, siphash_of_a_tuple)
{
	uint8_t key[16], in[44];
	struct la_tuple t;

	for (unsigned i = 0; i < 16; i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < 36; i++)
		in[i] = (uint8_t)i;
	/* the paper's test vector, appendix A: 15 bytes */
	cr_assert_eq(siphash(key, in, 15), 0xa129ca6149be45e5u);

	memcpy(t.laddr.b, &in[0], 16);
	memcpy(t.raddr.b, &in[16], 16);
	t.lport = 32 << 8 | 33;
	t.rport = 34 << 8 | 35;
	cr_assert_eq(la_siphash_tuple(key, &t), siphash(key, in, 36));
	t.rport++;
	cr_assert_neq(la_siphash_tuple(key, &t), siphash(key, in, 36));

	/* an IPv4 tuple is hashed as 12 bytes */
	t.rport--;
	memcpy(in, (uint8_t[]){10, 0, 0, 1, 10, 0, 0, 2, 32, 33, 34, 35}, 12);
	t.laddr = la_addr_from4(htobe32(0x0a000001));
	t.raddr = la_addr_from4(htobe32(0x0a000002));
	cr_assert_eq(la_siphash_tuple(key, &t), siphash(key, in, 12));
	cr_assert_eq(la_siphash_12(key, 0x0200000a0100000a, 0x23222120), siphash(key, in, 12));
}

/* Returns libsodium's SipHash-2-4 of n bytes. */
static uint64_t
sodium_siphash(const uint8_t key[16], const uint8_t *p, size_t n)
{
	uint8_t out[crypto_shorthash_BYTES];

	_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "SipHash-2-4");
	cr_assert_eq(crypto_shorthash(out, p, n, key), 0);
	return plain_load(out, 8);
}

/* Random keys and tuples of both families, against libsodium. */
Test(hash, siphash_is_that_of_libsodium)
{
	enum { TUPLES = 20000 };
	static struct {
		uint8_t key[16], bytes[36]; /* the tuple in network order */
	} random[TUPLES];
	static const uint8_t seed[randombytes_SEEDBYTES] = {"SipHash"};

	randombytes_buf_deterministic(random, sizeof(random), seed);
	for (unsigned i = 0; i < TUPLES; i++) {
		const uint8_t *key = random[i].key, *in = random[i].bytes;
		bool is4 = i % 2;
		size_t n = is4 ? 4 : 16, len = 2 * n + 4;
		struct la_tuple t;
		uint64_t word;
		uint32_t w[2], last;

		memcpy(w, in, sizeof(w));
		t.laddr = la_addr_from4(w[0]);
		t.raddr = la_addr_from4(w[1]);
		if (!is4) {
			memcpy(t.laddr.b, in, n);
			memcpy(t.raddr.b, in + n, n);
		}
		t.lport = (uint16_t)(in[2 * n] << 8 | in[2 * n + 1]);
		t.rport = (uint16_t)(in[2 * n + 2] << 8 | in[2 * n + 3]);
		memcpy(&word, in, sizeof(word));
		memcpy(&last, in + sizeof(word), sizeof(last));
		cr_assert_eq(la_siphash_tuple(key, &t), sodium_siphash(key, in, len), "tuple %u", i);
		cr_assert_eq(la_siphash_12(key, le64toh(word), le32toh(last)), sodium_siphash(key, in, 12), "tuple %u",
			     i);
	}
}

/* ------------------------------------------------------------------ the tuple hash */

enum { BUCKETS = 4096, KEYS = 8 * BUCKETS };

/* Chi-square of KEYS keys in BUCKETS equal bins has mean BUCKETS - 1 and deviation
 * sqrt(2 * BUCKETS) = 90; a value six deviations away is not chance. */
static void
expect_spread(const uint32_t count[BUCKETS], const char *what)
{
	double chi = 0, expected = (double)KEYS / BUCKETS;

	for (unsigned i = 0; i < BUCKETS; i++)
		chi += (count[i] - expected) * (count[i] - expected) / expected;
	cr_assert(chi > BUCKETS - 1 - 6 * 90 && chi < BUCKETS - 1 + 6 * 90, "%s: chi-square %.0f", what, chi);
}

/* The patterns of load generators: ports in order, addresses in order, both in order. The index uses the low
 * bits of the hash for the bucket and the high bits for the tag, so low, high and mixed bits must spread. */
static void
spread_of(const struct la_hash_key *key, bool is4, unsigned pattern)
{
	static uint32_t low[BUCKETS], high[BUCKETS], mixed[BUCKETS];
	char what[64];

	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	memset(mixed, 0, sizeof(mixed));
	for (uint32_t i = 0; i < KEYS; i++) {
		struct la_tuple t = {.lport = 80, .rport = 1024};
		uint64_t h;

		if (is4) {
			t.laddr = la_addr_from4(0x0100000a);
			t.raddr = la_addr_from4(0x0200000a);
		} else {
			t.laddr.b[0] = t.raddr.b[0] = 0xfd;
			t.laddr.b[15] = 1;
			t.raddr.b[15] = 2;
		}
		if (pattern == 0) {
			t.rport = (uint16_t)(1024 + i);
		} else if (pattern == 1) {
			t.raddr.b[14] = (uint8_t)(i >> 8);
			t.raddr.b[15] = (uint8_t)i;
			t.raddr.b[13] = (uint8_t)(i >> 16);
		} else {
			t.lport = (uint16_t)(i & 63);
			t.rport = (uint16_t)(i >> 6 & 63);
			t.laddr.b[15] = (uint8_t)(i >> 12);
		}
		h = la_hash_tuple(key, &t);
		low[h % BUCKETS]++;
		high[h >> 52]++;
		mixed[(h >> 58 << 6 | (h & 63)) % BUCKETS]++;
	}
	snprintf(what, sizeof(what), "IPv%d pattern %u", is4 ? 4 : 6, pattern);
	expect_spread(low, what);
	expect_spread(high, what);
	expect_spread(mixed, what);
}

Test(hash, spreads_well)
{
	for (uint8_t secret = 0; secret < 24; secret++) {
		struct la_hash_key key = key_of(secret);

		for (unsigned pattern = 0; pattern < 3; pattern++) {
			spread_of(&key, true, pattern);
			spread_of(&key, false, pattern);
		}
	}
}

Test(hash, depends_on_the_secret_and_on_every_bit)
{
	struct la_hash_key a = key_of(1), b = key_of(2);

	for (int is4 = 0; is4 < 2; is4++) {
		struct la_tuple t = {.lport = 80, .rport = 50000};
		uint64_t h;

		memset(t.laddr.b, 0x20, 16);
		memset(t.raddr.b, 0x21, 16);
		if (is4) {
			t.laddr = la_addr_from4(0x0100000a);
			t.raddr = la_addr_from4(0x0200000a);
		}
		h = la_hash_tuple(&a, &t);
		cr_assert_gt(differing(h, la_hash_tuple(&b, &t)), 8);
		for (unsigned bit = 0; bit < 288; bit++) {
			struct la_tuple u = t;

			if (bit < 128)
				u.laddr.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			else if (bit < 256)
				u.raddr.b[bit / 8 - 16] ^= (uint8_t)(1 << bit % 8);
			else if (bit < 272)
				u.lport ^= (uint16_t)(1 << (bit - 256));
			else
				u.rport ^= (uint16_t)(1 << (bit - 272));
			/* a change in the mapping prefix makes the tuple IPv6 */
			if (is4 && bit < 256 && bit % 128 < 96)
				continue;
			cr_assert_gt(differing(h, la_hash_tuple(&a, &u)), 8, "bit %u", bit);
		}
	}
}

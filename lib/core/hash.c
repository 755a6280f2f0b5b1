/* SPDX-License-Identifier: BSD-3-Clause */

#include <endian.h>

#include <sodium.h>

#include "core/hash.h"

_Static_assert(crypto_shorthash_KEYBYTES == 16, "la_siphash_tuple takes a key of 16 bytes");
_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "and returns one word");

/* One secret, several keys: each is the keyed hash of its own context, so that what one of them
 * shows to the world (ISNs, timestamps) says nothing about another. */
static void
derive(void *out, size_t len, const char *context, const uint8_t secret[32])
{
	/* It fails only for sizes out of range, and these are constants. */
	(void)crypto_generichash(out, len, (const unsigned char *)context, strlen(context), secret,
				 32);
}

void
la_hash_key_init(struct la_hash_key *key, const uint8_t secret[32])
{
	derive(key->k, sizeof(key->k), "lastack index hash", secret);
	derive(key->isn, sizeof(key->isn), "lastack ISN and timestamp offset", secret);
	derive(key->cookie, sizeof(key->cookie), "lastack SYN cookie", secret);
}

enum { TUPLE_MAX = 36 };

/* An IPv4 tuple is 12 bytes, any other 36: SipHash takes its time by length, and takes the length in. */
static size_t
put_tuple(uint8_t in[TUPLE_MAX], const struct la_tuple *t)
{
	size_t from = la_addr_is4(&t->laddr) && la_addr_is4(&t->raddr) ? 12 : 0, n = 16 - from;
	uint16_t ports[2] = {htobe16(t->lport), htobe16(t->rport)};

	memcpy(in, t->laddr.b + from, n);
	memcpy(in + n, t->raddr.b + from, n);
	memcpy(in + 2 * n, ports, sizeof(ports));
	return 2 * n + sizeof(ports);
}

uint64_t
la_siphash_tuple(const uint8_t key[16], const struct la_tuple *t)
{
	uint8_t in[TUPLE_MAX];
	size_t n = put_tuple(in, t);
	uint64_t out;

	crypto_shorthash((unsigned char *)&out, in, n, key);
	return le64toh(out);
}

uint64_t
la_siphash_tuple_with(const uint8_t key[16], const struct la_tuple *t, uint64_t word)
{
	uint8_t in[TUPLE_MAX + sizeof(word)];
	size_t n = put_tuple(in, t);
	uint64_t out;

	word = htobe64(word);
	memcpy(in + n, &word, sizeof(word));
	crypto_shorthash((unsigned char *)&out, in, n + sizeof(word), key);
	return le64toh(out);
}

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
	derive(key->isn, sizeof(key->isn), "lastack initial sequence number", secret);
	derive(key->cookie, sizeof(key->cookie), "lastack SYN cookie", secret);
	derive(key->ts_offset, sizeof(key->ts_offset), "lastack timestamp offset", secret);
}

static void
put_tuple(uint8_t in[36], const struct la_tuple *t)
{
	memcpy(&in[0], t->laddr.b, 16);
	memcpy(&in[16], t->raddr.b, 16);
	in[32] = (uint8_t)(t->lport >> 8);
	in[33] = (uint8_t)t->lport;
	in[34] = (uint8_t)(t->rport >> 8);
	in[35] = (uint8_t)t->rport;
}

uint64_t
la_siphash_tuple(const uint8_t key[16], const struct la_tuple *t)
{
	uint8_t in[36];
	uint64_t out;

	put_tuple(in, t);
	crypto_shorthash((unsigned char *)&out, in, sizeof(in), key);
	return le64toh(out);
}

uint64_t
la_siphash_tuple_with(const uint8_t key[16], const struct la_tuple *t, uint64_t word)
{
	uint8_t in[44];
	uint64_t out;

	put_tuple(in, t);
	word = htobe64(word);
	memcpy(&in[36], &word, sizeof(word));
	crypto_shorthash((unsigned char *)&out, in, sizeof(in), key);
	return le64toh(out);
}

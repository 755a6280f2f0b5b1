/* SPDX-License-Identifier: BSD-3-Clause */

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

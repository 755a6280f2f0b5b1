/* SPDX-License-Identifier: BSD-3-Clause */

/* The Toeplitz key.
 *
 * A known key lets an attacker choose ports whose hashes have the same low bits, and so send all flows to one
 * worker. The key is therefore random.
 *
 * It must also be symmetric: both directions of a connection, and a packet that an ICMP error quotes, have
 * the same hash only when the key has a period of 16 bits. So the whole key is one 16-bit word k, and the hash is
 *
 *	h(v) = xor of rotl(k, 15 - j) over all bits j that are set in v,
 *	       v = xor of all 16-bit words of addresses and ports
 *
 * The low seven bits of h are the place in the redirection table (LA_PORT_RETA). That is a linear map of the
 * 16 bits of v to 7 bits. A word such as 0x0000, 0xffff or 0x1111 maps many v to few places. A word is accepted
 * when every run of 8 neighbouring bits of v, with the others fixed, reaches all 128 places (rank 7). Then any
 * 256 consecutive ports, addresses or subnets, aligned to 256, fill every place exactly twice.
 * 19 219 of the 65 536 words fulfil this: 14.2 bits that an attacker must find.
 *
 * The limit of a symmetric key: two flows with the same v collide under every key. From one address exactly
 * one port gives each v. A peer with many addresses can hold v constant, and reach one worker with one
 * flow an address. */

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "io/rss.h"

enum { WINDOW = 8, PLACE_BITS = 7 };

static struct {
	uint8_t key[LA_RSS_KEY_MAX];
	bool chosen;
} rss;

/* What bit j of v (bit 0: last on the wire) contributes to the place. */
static unsigned
place_of_bit(uint16_t word, unsigned j)
{
	unsigned turn = 15 - j;

	return ((unsigned)word << turn | (unsigned)word >> (16 - turn)) & ((1u << PLACE_BITS) - 1);
}

/* Returns the rank of the map from the WINDOW bits of v that begin at bit j to the place. */
static unsigned
rss_map_rank(uint16_t word, unsigned j)
{
	unsigned by_top[PLACE_BITS] = {0}, n = 0;

	for (unsigned i = 0; i < WINDOW; i++) {
		unsigned x = place_of_bit(word, j + i);

		for (int top = PLACE_BITS - 1; top >= 0 && x != 0; top--) {
			if ((x >> top & 1) == 0)
				continue;
			if (by_top[top] == 0) {
				by_top[top] = x;
				n++;
				x = 0;
			} else {
				x ^= by_top[top];
			}
		}
	}
	return n;
}

bool
la_rss_spreads(uint16_t word)
{
	for (unsigned j = 0; j + WINDOW <= 16; j++)
		if (rss_map_rank(word, j) < PLACE_BITS)
			return false;
	return true;
}

int
la_rss_set(uint16_t word)
{
	if (!la_rss_spreads(word))
		return -EINVAL;
	for (unsigned i = 0; i < LA_RSS_KEY_MAX; i += 2) {
		rss.key[i] = (uint8_t)(word >> 8);
		rss.key[i + 1] = (uint8_t)word;
	}
	rss.chosen = true;
	return 0;
}

/* A stream keyed by the secret gives candidates; 3 in 10 are accepted. */
void
la_rss_seed(const void *secret, size_t len)
{
	static const char purpose[] = "lastack RSS key";
	uint8_t block[64];
	uint64_t counter = 0;
	bool done = false;

	while (!done) {
		crypto_generichash_state s;

		(void)crypto_generichash_init(&s, NULL, 0, sizeof(block));
		(void)crypto_generichash_update(&s, (const uint8_t *)purpose, sizeof(purpose));
		(void)crypto_generichash_update(&s, secret, len);
		(void)crypto_generichash_update(&s, (const uint8_t *)&counter, sizeof(counter));
		(void)crypto_generichash_final(&s, block, sizeof(block));
		counter++;
		for (unsigned i = 0; i < sizeof(block) && !done; i += 2)
			done = la_rss_set((uint16_t)(block[i] << 8 | block[i + 1])) == 0;
	}
	sodium_memzero(block, sizeof(block));
}

bool
la_rss_chosen(void)
{
	return rss.chosen;
}

const uint8_t *
la_rss_key(void)
{
	uint8_t secret[32];

	if (!rss.chosen) {
		randombytes_buf(secret, sizeof(secret));
		la_rss_seed(secret, sizeof(secret));
		sodium_memzero(secret, sizeof(secret));
	}
	return rss.key;
}

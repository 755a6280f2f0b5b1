/* SPDX-License-Identifier: BSD-3-Clause */

/* The attacker has this code and chooses addresses and ports, but does not have the secret. No choice makes
 * a bucket fuller than chance does. With the secret, chosen tuples fill one bucket: the test detects the
 * attack. */

#include <string.h>

#include <criterion/criterion.h>

#include "core/hash.h"
#include "table/index.h"

#include "../core/rng.h"

enum {
	CAPACITY = 20000,
	/* Keys with one first bucket: 6.4 expected at capacity. By chance, 32 or more in any of 3126
	 * buckets occur once in 10^9 tables (Poisson). */
	WORST = 31,
	AIMED = 2000,
};

static struct la_tuple tuple[CAPACITY];
static struct la_index ix;

static uint64_t
hash_of(const void *key, la_ref ref)
{
	return la_hash_tuple(key, &tuple[la_ref_slot(ref)]);
}

static struct la_hash_key
key_of(struct rng *r)
{
	struct la_hash_key key;
	uint64_t secret[4] = {rng64(r), rng64(r), rng64(r), rng64(r)};

	la_hash_key_init(&key, (const uint8_t *)secret);
	return key;
}

struct harm {
	uint32_t worst; /* most keys with the same first bucket */
	uint32_t refused;
	uint32_t away; /* keys in their second bucket */
};

/* Measures an index of the first n tuples under this key. */
static struct harm
harm_of(const struct la_hash_key *key, uint32_t n)
{
	static uint32_t first[CAPACITY];
	struct harm h = {0};

	memset(first, 0, sizeof(first));
	cr_assert_eq(la_index_init(&ix, NULL, CAPACITY), 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t hash = la_hash_tuple(key, &tuple[i]);
		uint32_t count = ++first[la_index_first(&ix, hash)];

		if (count > h.worst)
			h.worst = count;
		h.refused += la_index_insert(&ix, hash, la_ref_make(LA_POOL_TCB, i)) != 0;
	}
	for (uint32_t b = 0; b < ix.nbuckets; b++)
		h.away += (uint32_t)__builtin_popcount(ix.buckets[b].second);
	cr_assert_eq(la_index_check(&ix, hash_of, key, stderr), 0);
	la_index_fini(&ix);
	return h;
}

static struct la_tuple
any_tuple(struct rng *r, bool is4)
{
	struct la_tuple t = {.lport = 80, .rport = (uint16_t)rng64(r)};

	if (is4) {
		t.laddr = la_addr_from4(0x0100000a);
		t.raddr = la_addr_from4((uint32_t)rng64(r));
	} else {
		t.laddr.b[0] = t.raddr.b[0] = 0xfd;
		t.laddr.b[15] = 1;
		t.raddr.q[1] = rng64(r);
	}
	return t;
}

/* Sets AIMED tuples that share one first bucket under this key. */
static void
aim(const struct la_hash_key *key, struct rng *r, bool is4)
{
	uint32_t n = 0;

	cr_assert_eq(la_index_init(&ix, NULL, CAPACITY), 0);
	while (n < AIMED) {
		tuple[n] = any_tuple(r, is4);
		n += la_index_first(&ix, la_hash_tuple(key, &tuple[n])) == 1234;
	}
	la_index_fini(&ix);
}

Test(attack, the_secret_of_another_process_does_not_help)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct rng r = rng_make(seed);
		struct la_hash_key theirs = key_of(&r), ours = key_of(&r);
		struct harm h;

		aim(&theirs, &r, seed % 2);
		h = harm_of(&theirs, AIMED);
		cr_assert(h.worst == AIMED && h.refused > AIMED / 2,
			  "seed %lu: the attack with the secret fails: %u keys in one bucket, %u refused", seed,
			  h.worst, h.refused);
		h = harm_of(&ours, AIMED);
		cr_assert(h.worst <= WORST && h.refused == 0 && h.away == 0,
			  "seed %lu: %u keys in one bucket, %u refused, %u away", seed, h.worst, h.refused, h.away);
	}
}

/* Structured tuples that an attacker can choose without the secret. */
static struct la_tuple
chosen(unsigned how, uint32_t i, bool is4)
{
	struct la_tuple t = {.lport = 80};
	uint32_t addr = 0x0200000a, hops = 0;

	switch (how) {
	case 0: /* one address, every port */
		t.rport = (uint16_t)i;
		break;
	case 1: /* ports with the same low bits, of many hosts */
		t.rport = (uint16_t)(i << 12 | 80);
		hops = i >> 4;
		break;
	case 2: /* both ports equal: they cancel out in a hash that adds or xors ports */
		t.lport = t.rport = (uint16_t)i;
		break;
	case 3: /* one port, hosts that differ in their highest bits */
		t.rport = 1024;
		hops = i << 14;
		break;
	case 4: /* the xor of the two addresses is constant */
		addr = 0x0100000a ^ i << 8;
		t.rport = 4000;
		break;
	default: /* few bits set */
		t.rport = (uint16_t)(1u << i % 16);
		hops = i / 16;
		break;
	}
	if (is4) {
		t.laddr = la_addr_from4(how == 4 ? i << 8 : 0x0100000a);
		t.raddr = la_addr_from4(addr + hops);
	} else {
		t.laddr.b[0] = t.raddr.b[0] = 0xfd;
		t.laddr.w[2] = how == 4 ? i << 8 : 1;
		t.raddr.w[3] = addr + hops;
	}
	return t;
}

Test(attack, chosen_addresses_and_ports)
{
	for (uint64_t seed = 10; seed < 13; seed++) {
		struct rng r = rng_make(seed);
		struct la_hash_key key = key_of(&r);

		for (unsigned how = 0; how < 12; how++) {
			struct harm h;

			for (uint32_t i = 0; i < CAPACITY; i++)
				tuple[i] = chosen(how / 2, i, how % 2);
			h = harm_of(&key, CAPACITY);
			cr_assert(h.worst <= WORST && h.refused == 0 && h.away < CAPACITY / 10,
				  "seed %lu, pattern %u: %u keys in one bucket, %u refused, %u away", seed, how,
				  h.worst, h.refused, h.away);
		}
	}
}

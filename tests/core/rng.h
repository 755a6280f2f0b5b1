/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RNG_H
#define TEST_RNG_H

/* Random numbers for model tests: the same in every run, unless LA_TEST_SEED gives another seed. A
 * failing assertion prints the seed of its run. */

#include <stdint.h>
#include <stdlib.h>

struct rng {
	uint64_t seed, s;
};

static inline struct rng
rng_make(uint64_t seed)
{
	const char *text = getenv("LA_TEST_SEED");

	if (text)
		seed = strtoull(text, NULL, 0);
	/* xorshift needs a nonzero state; the mixing separates neighbouring seeds */
	return (struct rng){seed, (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1};
}

static inline uint64_t
rng64(struct rng *r)
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return r->s * UINT64_C(0x2545f4914f6cdd1d);
}

/** Returns a number from 0 to n - 1. */
static inline uint32_t
rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng64(r) >> 32) * n >> 32);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_RNG_H
#define LA_CORE_RNG_H

/* Reproducible pseudo-random numbers: 64 bits of state, the same numbers on every machine. A counter is mixed, as in
 * splitmix64. Not for secrets. */

#include <stdint.h>

struct la_rng {
	uint64_t s;
};

/** Mixes the bits of a number. The function is a permutation of all 64-bit numbers. */
static inline uint64_t
la_rng_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t
la_rng64(struct la_rng *r)
{
	return la_rng_mix(r->s += UINT64_C(0x9e3779b97f4a7c15));
}

/** Returns a number from 0 to n - 1. n: at least 1. */
static inline uint32_t
la_rng_below(struct la_rng *r, uint32_t n)
{
	return (uint32_t)((la_rng64(r) >> 32) * n >> 32);
}

/** Returns true in `ppm` of a million cases. ppm 0 draws no number, so that a disabled fault does not change the later
 * draws. */
static inline int
la_rng_chance(struct la_rng *r, uint32_t ppm)
{
	return ppm && la_rng_below(r, 1000000) < ppm;
}

#endif

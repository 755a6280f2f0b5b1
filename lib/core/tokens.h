/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_TOKENS_H
#define LA_CORE_TOKENS_H

/* A token bucket: limits the answers a second, and the size of a burst. */

#include <stdbool.h>
#include <stdint.h>

struct la_tokens {
	uint32_t milli; /* tokens in the bucket, in thousandths */
	uint64_t at;	/* ms: time of the last refill */
};

/** Returns a full bucket. burst: tokens, at most 4 000 000. now: ms. */
static inline struct la_tokens
la_tokens_full(uint32_t burst, uint64_t now)
{
	return (struct la_tokens){.milli = burst * 1000, .at = now};
}

/** Takes one token. False: the bucket has none. now: ms. rate: tokens a second. burst: tokens in a full bucket. */
static inline bool
la_tokens_take(struct la_tokens *b, uint64_t now, uint32_t rate, uint32_t burst)
{
	uint64_t milli = b->milli + (now - b->at) * rate, full = (uint64_t)burst * 1000;

	b->at = now;
	b->milli = (uint32_t)(milli < full ? milli : full);
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PATTERN_H
#define TEST_PATTERN_H

/* The byte at an offset of a stream. The pattern differs between the directions. Its period is no multiple of a
 * segment or buffer size. */

#include <stdint.h>

enum pattern_way { PATTERN_IN = 0x35, PATTERN_OUT = 0xca };

static inline uint8_t
pattern(enum pattern_way way, uint64_t offset)
{
	return (uint8_t)((offset * 0x9e3779b97f4a7c15u >> 56) ^ (uint64_t)way);
}

#endif

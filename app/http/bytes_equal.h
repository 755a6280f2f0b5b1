/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BYTES_EQUAL_H
#define LA_APP_BYTES_EQUAL_H

/* Comparison of some ten to some hundred bytes, in blocks and without a call. */

#include <emmintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Returns 16 bytes of 0xff if the blocks of 16 bytes are equal. */
static inline __m128i
bytes_equal_block(const uint8_t *a, const uint8_t *b)
{
	return _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)a),
			      _mm_loadu_si128((const __m128i *)(const void *)b));
}

static inline bool
bytes_equal_16(const uint8_t *a, const uint8_t *b)
{
	return _mm_movemask_epi8(bytes_equal_block(a, b)) == 0xffff;
}

static inline bool
bytes_equal_64(const uint8_t *a, const uint8_t *b)
{
	__m128i low = _mm_and_si128(bytes_equal_block(a, b), bytes_equal_block(a + 16, b + 16));
	__m128i high = _mm_and_si128(bytes_equal_block(a + 32, b + 32), bytes_equal_block(a + 48, b + 48));

	return _mm_movemask_epi8(_mm_and_si128(low, high)) == 0xffff;
}

/* n: less than 16 */
static inline bool
bytes_equal_few(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t first[2], last[2];

	if (n >= 8) {
		memcpy(&first[0], a, 8);
		memcpy(&first[1], b, 8);
		memcpy(&last[0], a + n - 8, 8);
		memcpy(&last[1], b + n - 8, 8);
		return ((first[0] ^ first[1]) | (last[0] ^ last[1])) == 0;
	}
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/** Returns whether n bytes are equal. The last block overlaps the block before. */
static inline bool
bytes_equal(const void *x, const void *y, size_t n)
{
	const uint8_t *a = (const uint8_t *)x, *b = (const uint8_t *)y;

	if (n >= 64) {
		for (size_t i = 0; i < n - 64; i += 64)
			if (!bytes_equal_64(a + i, b + i))
				return false;
		return bytes_equal_64(a + n - 64, b + n - 64);
	}
	if (n >= 16) {
		for (size_t i = 0; i < n - 16; i += 16)
			if (!bytes_equal_16(a + i, b + i))
				return false;
		return bytes_equal_16(a + n - 16, b + n - 16);
	}
	return bytes_equal_few(a, b, n);
}

#endif

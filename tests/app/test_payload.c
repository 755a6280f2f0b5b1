/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "server/payload.h"

static uint8_t pattern[PATTERN_LEN], chargen[CHARGEN_LEN];

Test(payload, byte_i_is_i_mod_251_wherever_a_piece_starts)
{
	const uint8_t *p;

	payload_fill(pattern, chargen);
	for (uint64_t pos = 0; pos < 600; pos++) {
		size_t n = pattern_at(pos, UINT64_MAX, &p);

		cr_assert(n > 1000 && p >= pattern && p + n <= pattern + PATTERN_LEN);
		for (size_t i = 0; i < 300; i++)
			cr_assert_eq(p[i], (pos + i) % 251);
	}
	cr_expect_eq(pattern_at((1ull << 30) - 1, 1, &p), 1);
	cr_expect_eq(*p, ((1ull << 30) - 1) % 251);
	cr_expect_eq(pattern_at(5, 0, &p), 0);
}

/* Every length up to several blocks, and a wrong byte at every place; the bytes are at the end of their memory. */
Test(payload, one_wrong_byte_is_found)
{
	static const uint64_t offsets[] = {0, 1, 250, 251, PATTERN_LEN - 20, PATTERN_LEN - 1};

	payload_fill(pattern, chargen);
	for (size_t n = 0; n < 200; n++) {
		uint8_t *memory = malloc(n + 1), *b = memory + 1; /* not aligned */

		for (unsigned k = 0; k < sizeof(offsets) / sizeof(offsets[0]); k++) {
			for (size_t i = 0; i < n; i++)
				b[i] = (uint8_t)((offsets[k] + i) % PATTERN_PERIOD);
			cr_assert(pattern_matches(offsets[k], b, n), "%zu bytes at %lu", n, offsets[k]);
			for (size_t i = 0; i < n; i++) {
				b[i] ^= (uint8_t)(1u << i % 8);
				cr_assert_not(pattern_matches(offsets[k], b, n), "byte %zu of %zu", i, n);
				b[i] ^= (uint8_t)(1u << i % 8);
			}
		}
		free(memory);
	}
}

Test(payload, each_chargen_line_begins_one_character_later)
{
	const uint8_t *p;
	size_t n;

	payload_fill(pattern, chargen);
	n = chargen_at(0, &p);
	cr_assert(n >= CHARGEN_PERIOD);
	cr_expect_arr_eq(p, " !\"#$", 5);
	cr_expect_arr_eq(p + 72, "\r\n!\"#$%", 7);
	for (size_t i = 0; i < CHARGEN_LEN; i++)
		cr_assert((p[i] >= ' ' && p[i] <= '~') || p[i] == '\r' || p[i] == '\n');
	/* after 95 lines the sequence repeats */
	cr_expect_arr_eq(p + CHARGEN_PERIOD, p, CHARGEN_PERIOD);
	chargen_at(CHARGEN_PERIOD * 1000000ull + 74, &p);
	cr_expect_arr_eq(p, "!\"#", 3);
}

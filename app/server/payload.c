/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "http/bytes_equal.h"
#include "run/engine.h"
#include "server/payload.h"

static const uint8_t *pattern, *chargen;

void
payload_fill(uint8_t *pat, uint8_t *gen)
{
	for (unsigned i = 0; i < PATTERN_LEN; i++)
		pat[i] = (uint8_t)(i % PATTERN_PERIOD);
	for (unsigned i = 0; i < CHARGEN_LEN; i++) {
		unsigned line = i / 74, column = i % 74;

		gen[i] = column == 72 ? '\r' : column == 73 ? '\n' : (uint8_t)(' ' + (line + column) % 95);
	}
	pattern = pat;
	chargen = gen;
}

int
payload_init(void)
{
	uint8_t *memory = la_engine_const_memory(PATTERN_LEN + CHARGEN_LEN);

	if (memory == NULL)
		return -ENOMEM;
	payload_fill(memory, memory + PATTERN_LEN);
	return 0;
}

size_t
pattern_at(uint64_t pos, uint64_t max, const uint8_t **p)
{
	size_t start = (size_t)(pos < PATTERN_PERIOD ? pos : pos % PATTERN_PERIOD), n = PATTERN_LEN - start;

	*p = pattern + start;
	return max < n ? (size_t)max : n;
}

size_t
chargen_at(uint64_t pos, const uint8_t **p)
{
	size_t start = (size_t)(pos % CHARGEN_PERIOD);

	*p = chargen + start;
	return CHARGEN_LEN - start;
}

bool
pattern_send(struct la_conn *c, uint64_t *pos, uint64_t end)
{
	while (*pos < end) {
		const uint8_t *p;
		size_t len = pattern_at(*pos, end - *pos, &p);
		ssize_t n = la_send_const(c, p, len);

		if (n > 0)
			*pos += (uint64_t)n;
		if (n < (ssize_t)len)
			return false;
	}
	return true;
}

bool
pattern_matches(uint64_t pos, const void *bytes, size_t n)
{
	const uint8_t *b = bytes, *p;

	for (;;) {
		size_t len = pattern_at(pos, n, &p);

		if (!bytes_equal(b, p, len))
			return false;
		if (len == n)
			return true;
		pos += len;
		b += len;
		n -= len;
	}
}

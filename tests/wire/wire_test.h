/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WIRE_TEST_H
#define WIRE_TEST_H

/* Helpers of the lib/wire tests. Input goes into heap blocks of its exact size, so that
 * AddressSanitizer reports a read of one byte too many. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <lastack/addr.h>

#include "wire/eth.h"

/* A copy of n bytes that ends with its allocation. free() it. */
static inline uint8_t *
exact(const void *p, size_t n)
{
	uint8_t *b = malloc(n ? n : 1);

	cr_assert_not_null(b);
	if (n > 0)
		memcpy(b, p, n);
	return b;
}

static inline struct la_addr
addr(const char *text)
{
	struct la_addr a;

	cr_assert_eq(la_addr_parse(text, &a), 0, "%s", text);
	return a;
}

#define assert_addr(a, text)                                                                                       \
	do {                                                                                                       \
		struct la_addr want_ = addr(text);                                                                 \
		char got_[LA_ADDR_STRLEN];                                                                         \
		cr_assert(la_addr_eq(&(a), &want_), "%s, not %s", la_addr_format(&(a), got_, sizeof(got_)), text); \
	} while (0)

#define assert_drop(call, name)                                                                                 \
	do {                                                                                                    \
		enum la_counter got_ = (call);                                                                  \
		cr_assert(got_ == LA_C_##name, "%s, not %s", got_ == LA_WIRE_OK ? "ok" : la_counter_name(got_), \
			  #name);                                                                               \
	} while (0)

#define assert_ok(call)                                                     \
	do {                                                                \
		enum la_counter got_ = (call);                              \
		cr_assert(got_ == LA_WIRE_OK, "%s", la_counter_name(got_)); \
	} while (0)

/* xorshift64* with the state *s, which is not 0: the same numbers in every run. */
static inline uint32_t
rnd(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return (uint32_t)((*s * 0x2545f4914f6cdd1dull) >> 32);
}

/* Changes 1 to 4 bytes: to a random value, or to an edge value of lengths and types. */
static inline void
mutate(uint64_t *s, uint8_t *p, size_t n)
{
	static const uint8_t edge[] = {0, 1, 2, 3, 4, 5, 6, 8, 10, 0x7f, 0x80, 0xfe, 0xff};

	for (uint32_t k = n > 0 ? 1 + rnd(s) % 4 : 0; k > 0; k--) {
		uint32_t r = rnd(s);

		p[rnd(s) % n] = r & 1 ? (uint8_t)(r >> 8) : edge[(r >> 8) % sizeof(edge)];
	}
}

/* A direct implementation of RFC 1071: one word at a time, high byte first. Returns the checksum field's
 * value in host order. */
static inline uint16_t
naive_cksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Writes the checksum of n bytes at offset off. pseudo: sum of the pseudo-header, or 0. */
static inline void
set_cksum(uint8_t *p, size_t n, size_t off, uint32_t pseudo)
{
	uint16_t v;

	p[off] = p[off + 1] = 0;
	v = naive_cksum(p, n, pseudo);
	p[off] = (uint8_t)(v >> 8);
	p[off + 1] = (uint8_t)v;
}

/* Sum of an IPv6 pseudo-header, for naive_cksum(). */
static inline uint32_t
naive_pseudo6(const struct la_addr *src, const struct la_addr *dst, uint8_t proto, size_t len)
{
	uint32_t sum = (uint32_t)(proto + (len & 0xffff) + (len >> 16));

	for (int i = 0; i < 16; i += 2)
		sum += (uint32_t)(src->b[i] << 8 | src->b[i + 1]) + (uint32_t)(dst->b[i] << 8 | dst->b[i + 1]);
	return sum;
}

#endif

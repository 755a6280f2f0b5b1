/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_SPAN_H
#define LA_NET_SPAN_H

/* Sets of addresses, built once from prefixes and searched for each packet.
 *
 * Two prefixes are disjoint, or one contains the other. So a union of prefixes is a sorted array of disjoint intervals,
 * and the test is a binary search: 11 steps for the 1 280 prefixes that an interface can have. IPv4 addresses have
 * the form ::ffff:a.b.c.d, and no IPv6 prefix of an interface contains them (la_netif_check()). */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include <lastack/addr.h>

/** A closed interval of addresses as 128-bit numbers: high word first, host byte order. */
struct la_span {
	uint64_t lo[2], hi[2];
};

struct la_spans {
	struct la_span *v; /* memory of the owner */
	unsigned n;
};

/** An interval of IPv4 addresses, host byte order: first .. first + more. */
struct la_span4 {
	uint32_t first, more;
};

struct la_spans4 {
	struct la_span4 *v; /* memory of the owner */
	unsigned n;
};

enum { LA_SPANS_FEW = 4 }; /* up to this number of intervals a linear search is faster */

/** Adds the interval first .. last, which is disjoint from each earlier interval, contains it, or is inside it. v has
 * room. la_spans_seal() must follow. */
void la_spans_add(struct la_spans *s, const struct la_addr *first, const struct la_addr *last);
/** Sorts and merges the intervals. Then la_spans_has() may be called. */
void la_spans_seal(struct la_spans *s);
/** Returns whether the set contains a. */
bool la_spans_has(const struct la_spans *s, const struct la_addr *a);

/** Sets *to to the IPv4 intervals of a sealed set. to->v has room for from->n. */
void la_spans4_from(struct la_spans4 *to, const struct la_spans *from);
/** The general path of la_spans4_has(). */
bool la_spans4_search(const struct la_spans4 *s, uint32_t a);

/** Returns whether the set contains a (host byte order). */
static inline bool
la_spans4_has(const struct la_spans4 *s, uint32_t a)
{
	if (__builtin_expect(s->n > LA_SPANS_FEW, 0))
		return la_spans4_search(s, a);
	for (unsigned i = 0; i < s->n; i++)
		if (a - s->v[i].first <= s->v[i].more)
			return true;
	return false;
}

/** Sorts v[0 .. n), which may have equal numbers. */
void la_u32s_sort(uint32_t *v, unsigned n);
/** Returns whether the sorted v[0 .. n) has a. */
bool la_u32s_has(const uint32_t *v, unsigned n, uint32_t a);

#endif

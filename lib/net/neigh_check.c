/* SPDX-License-Identifier: BSD-3-Clause */

/* The checker of the neighbour table. Tests call la_neigh_check() after every step. */

#include "net/neigh.h"

/* Counts of the entries on the lists. */
struct census {
	uint32_t seen, count[LA_NC_COUNT], waiting[LA_NC_COUNT];
};

static bool
entry_ok(const struct la_neigh_table *t, const struct la_neigh *n, unsigned l, uint32_t prev, uint64_t due)
{
	bool unverified = n->class == LA_NC_UNVERIFIED;

	if (n->state == LA_NEIGH_FREE || n->state > LA_NEIGH_PROBE || n->class >= LA_NC_COUNT || n->list != l ||
	    la_neigh_list_of(n) != l || n->prev != prev || n->due < due || n->due < t->soonest)
		return false;
	if (unverified && n->state == LA_NEIGH_DELAY)
		return false;
	if (n->qn && (n->state != LA_NEIGH_INCOMPLETE || n->qn > t->share))
		return false;
	return la_neigh_find(t, &n->addr) == n;
}

/* Returns the length of the entry's packet queue; UINT32_MAX: the queue does not end at qlast. */
static uint32_t
queue_length(const struct la_neigh_table *t, const struct la_neigh *n)
{
	uint32_t len = 0, last = 0;

	for (uint32_t w = n->qn ? n->qfirst : 0; w && len <= n->qn; last = w, w = t->wait[w].next)
		len += t->wait[w].m != NULL;
	return last == n->qlast ? len : UINT32_MAX;
}

static unsigned
check_list(const struct la_neigh_table *t, unsigned l, struct census *c, FILE *f)
{
	unsigned faults = 0;
	uint32_t prev = 0;
	uint64_t due = 0;

	for (uint32_t i = t->list[l].first; i; prev = i, i = t->e[i].next) {
		const struct la_neigh *n = &t->e[i];

		if (!entry_ok(t, n, l, prev, due) || queue_length(t, n) != n->qn) {
			fprintf(f, "neighbour %u on list %u: state %u class %u list %u prev %u due %llu queue %u\n", i,
				l, n->state, n->class, n->list, n->prev, (unsigned long long)n->due, n->qn);
			faults++;
		}
		due = n->due;
		if (n->class < LA_NC_COUNT) {
			c->count[n->class]++;
			c->waiting[n->class] += n->qn;
		}
		if (++c->seen > la_neigh_count(t))
			break;
	}
	if (t->list[l].last != prev && c->seen <= la_neigh_count(t)) {
		fprintf(f, "list %u ends at neighbour %u, but its last is %u\n", l, prev, t->list[l].last);
		faults++;
	}
	return faults;
}

/* Checks that each class is within its part of the table and its share of the waiting packets, and that its counts are
 * right. Returns the number of faults. */
static unsigned
check_classes(const struct la_neigh_table *t, const struct census *c, FILE *f)
{
	static const char *const names[] = {"unverified", "verified", "gateway"};
	unsigned faults = 0;

	for (unsigned k = 0; k < LA_NC_COUNT; k++) {
		uint32_t share = k == LA_NC_GATEWAY ? LA_NEIGH_GATEWAYS * t->share : t->share;

		if (c->count[k] == t->count[k] && c->count[k] <= t->max[k] && c->waiting[k] == t->waiting[k] &&
		    c->waiting[k] <= share)
			continue;
		fprintf(f,
			"%s neighbours: %u on lists, %u counted, at most %u; packets wait: %u, %u counted, at most %u\n",
			names[k], c->count[k], t->count[k], t->max[k], c->waiting[k], t->waiting[k], share);
		faults++;
	}
	return faults;
}

unsigned
la_neigh_check(const struct la_neigh_table *t, FILE *f)
{
	uint32_t nfree = 0, wfree = 0, count = la_neigh_count(t), places = 4 * t->share;
	struct census c = {.seen = 0};
	unsigned faults = 0;

	for (unsigned l = 0; l < LA_NL_COUNT; l++)
		faults += check_list(t, l, &c, f);
	faults += check_classes(t, &c, f);
	for (uint32_t i = t->free; i && nfree < t->fresh; i = t->e[i].next)
		nfree++;
	for (uint32_t w = t->wait_free; w && wfree <= places; w = t->wait[w].next)
		wfree++;
	if (c.seen != count || nfree + count + 1 != t->fresh || wfree + la_neigh_waiting(t) != places) {
		fprintf(f,
			"neighbours: %u on lists, %u counted, %u free, fresh %u; packets: %u wait, %u places of %u free\n",
			c.seen, count, nfree, t->fresh, la_neigh_waiting(t), wfree, places);
		faults++;
	}
	return faults;
}

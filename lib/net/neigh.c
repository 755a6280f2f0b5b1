/* SPDX-License-Identifier: BSD-3-Clause */

/* The neighbour table: RFC 4861 7.3 for both families; ARP entries live by the same rules.
 *
 *                 packet to send               answer
 *     (no entry) ----------------> INCOMPLETE --------> REACHABLE <-------+
 *                                   | 3 requests,        | 30 s           | answer
 *                                   v 1 s apart          v                |
 *     (no entry) <---------------- gone                STALE -> DELAY -> PROBE
 *                                   ^ 3 requests         packet   5 s     |
 *                                   +-------------------------------------+
 *
 * Sending costs one comparison of the state a packet: REACHABLE is believed for 30 s whatever happens;
 * then the first packet starts DELAY and, 5 s later, one unicast request, whose answer buys the next 30 s.
 * Packets flow all the while. So a busy neighbour costs one request in 35 s, and received TCP is not used
 * as a hint of reachability (RFC 4861 7.3.1 allows, but does not ask for it): it would cost a look-up of
 * the sender's entry for each segment to save that one request.
 *
 * Every timeout is a constant, so each has a list to whose end an entry goes when its time starts: the
 * first of a list is due first, arming and disarming are O(1), nothing is scanned, and the list of STALE
 * entries is at the same time the order in which they may be put out for a newcomer.
 *
 * Who may be put out: STALE entries, since nobody sends to them, for anybody; entries in use only for a
 * neighbour that we must send to ourselves, the one unused for longest among the first few of each list;
 * INCOMPLETE ones never, since packets wait there. So a stranger who sends requests from many addresses
 * cannot displace a neighbour in use. */

#include <string.h>

#include "core/hash.h"
#include "net/neigh.h"

enum { VICTIM_LOOK = 8 };

static const uint32_t timeout_ms[LA_NL_COUNT] = {
	[LA_NL_RETRANS] = LA_NEIGH_RETRANS_MS,
	[LA_NL_REACHABLE] = LA_NEIGH_REACHABLE_MS,
	[LA_NL_STALE] = LA_NEIGH_STALE_MS,
	[LA_NL_DELAY] = LA_NEIGH_DELAY_MS,
};

static const uint8_t list_of[] = {
	[LA_NEIGH_INCOMPLETE] = LA_NL_RETRANS,
	[LA_NEIGH_REACHABLE] = LA_NL_REACHABLE,
	[LA_NEIGH_STALE] = LA_NL_STALE,
	[LA_NEIGH_DELAY] = LA_NL_DELAY,
	[LA_NEIGH_PROBE] = LA_NL_RETRANS,
};

static uint32_t
heads_for(uint32_t max)
{
	uint32_t n = 16;

	while (n < max)
		n *= 2;
	return n;
}

size_t
la_neigh_memory(uint32_t max)
{
	return ((size_t)max + 1) * sizeof(struct la_neigh) + heads_for(max) * sizeof(uint32_t);
}

void
la_neigh_init(struct la_neigh_table *t, uint32_t max, const uint64_t key[2], void *mem)
{
	*t = (struct la_neigh_table){
		.e = mem,
		.mask = heads_for(max) - 1,
		.max = max,
		.fresh = 1,
		.key = {key[0], key[1]},
	};
	t->heads = (uint32_t *)(t->e + max + 1);
}

static uint32_t *
head_of(const struct la_neigh_table *t, const struct la_addr *a)
{
	return &t->heads[la_fold(a->q[0] ^ t->key[0], a->q[1] ^ t->key[1]) & t->mask];
}

static uint32_t
slot_of(const struct la_neigh_table *t, const struct la_neigh *n)
{
	return (uint32_t)(n - t->e);
}

static void
list_append(struct la_neigh_table *t, struct la_neigh *n, enum la_neigh_list l, uint64_t now)
{
	uint32_t slot = slot_of(t, n);

	n->list = (uint8_t)l;
	n->due = now + timeout_ms[l];
	n->next = 0;
	n->prev = t->list[l].last;
	if (n->prev)
		t->e[n->prev].next = slot;
	else
		t->list[l].first = slot;
	t->list[l].last = slot;
}

static void
list_unlink(struct la_neigh_table *t, struct la_neigh *n)
{
	if (n->prev)
		t->e[n->prev].next = n->next;
	else
		t->list[n->list].first = n->next;
	if (n->next)
		t->e[n->next].prev = n->prev;
	else
		t->list[n->list].last = n->prev;
}

struct la_neigh *
la_neigh_find(const struct la_neigh_table *t, const struct la_addr *a)
{
	for (uint32_t i = *head_of(t, a); i; i = t->e[i].chain)
		if (la_addr_eq(&t->e[i].addr, a))
			return &t->e[i];
	return NULL;
}

/* The one not used for longest among the first of a list; INCOMPLETE ones are passed over. */
static struct la_neigh *
oldest(struct la_neigh_table *t, enum la_neigh_list l)
{
	struct la_neigh *best = NULL;
	uint32_t i = t->list[l].first;

	for (unsigned k = 0; i && k < VICTIM_LOOK; i = t->e[i].next) {
		struct la_neigh *n = &t->e[i];

		if (n->state == LA_NEIGH_INCOMPLETE)
			continue;
		if (!best || n->used < best->used)
			best = n;
		k++;
	}
	return best;
}

struct la_neigh *
la_neigh_victim(struct la_neigh_table *t, bool learnt)
{
	static const uint8_t order[] = {LA_NL_REACHABLE, LA_NL_DELAY, LA_NL_RETRANS};
	struct la_neigh *n;

	if (t->count < t->max)
		return NULL;
	n = oldest(t, LA_NL_STALE);
	for (unsigned i = 0; !n && !learnt && i < sizeof(order); i++)
		n = oldest(t, order[i]);
	return n;
}

struct la_neigh *
la_neigh_add(struct la_neigh_table *t, const struct la_addr *a, uint64_t now)
{
	uint32_t slot = t->free, *head;
	struct la_neigh *n;

	if (t->count >= t->max)
		return NULL;
	if (slot)
		t->free = t->e[slot].next;
	else
		slot = t->fresh++;
	n = &t->e[slot];
	head = head_of(t, a);
	*n = (struct la_neigh){
		.addr = *a,
		.state = LA_NEIGH_INCOMPLETE,
		.tries = 1,
		.used = now,
		.chain = *head,
	};
	*head = slot;
	t->count++;
	list_append(t, n, LA_NL_RETRANS, now);
	return n;
}

void
la_neigh_remove(struct la_neigh_table *t, struct la_neigh *n)
{
	uint32_t slot = slot_of(t, n), *i;

	for (i = head_of(t, &n->addr); *i != slot; i = &t->e[*i].chain)
		;
	*i = n->chain;
	list_unlink(t, n);
	n->state = LA_NEIGH_FREE;
	n->next = t->free;
	t->free = slot;
	t->count--;
}

void
la_neigh_set_mac(struct la_neigh *n, const uint8_t mac[6])
{
	memcpy(n->hdr, mac, 6);
}

void
la_neigh_enter(struct la_neigh_table *t, struct la_neigh *n, enum la_neigh_state state,
	       uint64_t now)
{
	list_unlink(t, n);
	list_append(t, n, list_of[state], now);
	n->state = (uint8_t)state;
	if (state == LA_NEIGH_PROBE)
		n->tries = 1;
}

struct rte_mbuf *
la_neigh_enqueue(struct la_neigh *n, struct rte_mbuf *m)
{
	struct rte_mbuf *old = n->qn == LA_NEIGH_QUEUE ? la_neigh_dequeue(n) : NULL;

	n->queue[(n->qhead + n->qn++) % LA_NEIGH_QUEUE] = m;
	return old;
}

struct rte_mbuf *
la_neigh_dequeue(struct la_neigh *n)
{
	struct rte_mbuf *m;

	if (n->qn == 0)
		return NULL;
	m = n->queue[n->qhead];
	n->qhead = (uint8_t)((n->qhead + 1) % LA_NEIGH_QUEUE);
	n->qn--;
	return m;
}

enum la_neigh_todo
la_neigh_expire(struct la_neigh_table *t, uint64_t now, struct la_neigh **out)
{
	struct la_neigh *n = NULL;

	for (unsigned l = 0; l < LA_NL_COUNT && !n; l++)
		if (t->list[l].first && t->e[t->list[l].first].due <= now)
			n = &t->e[t->list[l].first];
	if (!n)
		return LA_NEIGH_IDLE;
	*out = n;
	switch (n->state) {
	case LA_NEIGH_REACHABLE:
		la_neigh_enter(t, n, LA_NEIGH_STALE, now);
		return LA_NEIGH_AGED;
	case LA_NEIGH_DELAY:
		la_neigh_enter(t, n, LA_NEIGH_PROBE, now);
		return LA_NEIGH_SOLICIT;
	case LA_NEIGH_INCOMPLETE:
	case LA_NEIGH_PROBE:
		if (n->tries >= LA_NEIGH_TRIES)
			return LA_NEIGH_GONE;
		n->tries++;
		list_unlink(t, n);
		list_append(t, n, LA_NL_RETRANS, now);
		return LA_NEIGH_SOLICIT;
	default: /* STALE: nobody has sent to it for a long time */
		return LA_NEIGH_GONE;
	}
}

uint64_t
la_neigh_next(const struct la_neigh_table *t)
{
	uint64_t next = UINT64_MAX;

	for (unsigned l = 0; l < LA_NL_COUNT; l++) {
		uint32_t i = t->list[l].first;

		if (i && t->e[i].due < next)
			next = t->e[i].due;
	}
	return next;
}

static unsigned
check_list(const struct la_neigh_table *t, unsigned l, uint32_t *seen, FILE *f)
{
	unsigned faults = 0;
	uint32_t prev = 0;
	uint64_t due = 0;

	for (uint32_t i = t->list[l].first; i; prev = i, i = t->e[i].next) {
		const struct la_neigh *n = &t->e[i];
		bool bad = n->state == LA_NEIGH_FREE || n->list != l || list_of[n->state] != l ||
			   n->prev != prev || n->due < due;

		if (bad || (n->qn && n->state != LA_NEIGH_INCOMPLETE) || la_neigh_find(t, &n->addr) != n) {
			fprintf(f, "neighbour %u on list %u: state %u list %u prev %u due %llu\n", i, l,
				n->state, n->list, n->prev, (unsigned long long)n->due);
			faults++;
		}
		due = n->due;
		if (++*seen > t->count)
			break;
	}
	if (t->list[l].last != prev && *seen <= t->count) {
		fprintf(f, "list %u ends at %u, not %u\n", l, prev, t->list[l].last);
		faults++;
	}
	return faults;
}

unsigned
la_neigh_check(const struct la_neigh_table *t, FILE *f)
{
	unsigned faults = 0;
	uint32_t seen = 0, nfree = 0;

	for (unsigned l = 0; l < LA_NL_COUNT; l++)
		faults += check_list(t, l, &seen, f);
	for (uint32_t i = t->free; i && nfree <= t->max; i = t->e[i].next)
		nfree++;
	if (seen != t->count || t->count > t->max || nfree + t->count + 1 != t->fresh) {
		fprintf(f, "neighbours: %u on lists, %u counted, %u free, fresh %u, max %u\n", seen,
			t->count, nfree, t->fresh, t->max);
		faults++;
	}
	return faults;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The neighbour table: RFC 4861 7.3 for both families; ARP entries follow the same rules.
 *
 *                 packet to send               answer
 *     (no entry) ----------------> INCOMPLETE --------> REACHABLE <-------+
 *                                   | 3 requests,        | 30 s           | answer
 *                                   v 1 s apart          v                |
 *     (no entry) <---------------- gone                STALE -> DELAY -> PROBE
 *                                   ^ 3 requests         packet   5 s     |
 *                                   +-------------------------------------+
 *
 * Sending costs one comparison of the state per packet. REACHABLE lasts 30 s. Then the first packet starts
 * DELAY, and 5 s later one unicast request is sent, whose answer starts the next 30 s. Packets are sent in all these
 * states. So a busy neighbour costs one request in 35 s. Received TCP is not used as a hint of reachability (RFC 4861
 * 7.3.1 allows such hints): a hint costs a look-up of the sender's entry per segment and saves one request in 35 s.
 *
 * Classes. The table has a part for each class, and no class uses the part of another.
 *
 *     class        entries                            made by                            life
 *     unverified   max / 4, 16 to 1024                packet or ARP/ND request of a      1 s
 *                                                     unverified peer
 *     verified     max (config: max_neighbours)       handshake completed, ARP or ND     states above
 *                                                     answered, or our own open
 *     gateway      2                                  configuration                      states above
 *
 * - Unverified entries are evicted oldest first, and only for other unverified entries. An unverified entry is
 *   INCOMPLETE, or has a MAC and waits for its peer's reply or handshake. One request is sent for it. A retry by the
 *   peer's TCP or by our SYN,ACK timer makes the next entry. One second after a flood the table has its old size.
 *   While the part is full, replies to frames need no entry (resolve.c), so a flood of SYNs from sources that do not
 *   exist causes at most one broadcast a second for each entry of the part.
 * - A verified entry is evicted only for a verified entry. A STALE entry, which is unused, is evicted first. Without
 *   a STALE entry, the least recently used of the first few entries of each list is evicted, but only for a completed
 *   handshake or our own open. A reply to ARP or ND alone evicts only STALE entries. INCOMPLETE verified entries have
 *   waiting packets and stay.
 * - Gateways are not evicted. So a flood of unverified peers cannot evict a neighbour in use.
 *
 * Waiting packets. A packet whose next hop is INCOMPLETE waits in a list. All lists of a shard share
 * la_neigh_wait_max() places, so waiting packets cannot take all packet buffers. The unverified class has a quarter of
 * the places: half of them in equal parts for the entries, half for any of its entries. The verified class has a
 * quarter, of which one entry may use half. Each gateway has a quarter, because the packets of many peers wait
 * for its reply.
 *
 * Every timeout is a constant, so each timeout has a list, and an entry is appended when its time starts. The
 * first entry of a list is due first, starting and stopping a timer is O(1), and no list is scanned. With `soonest` a
 * poll without work is one comparison. */

#include <string.h>

#include "core/hash.h"
#include "net/neigh.h"

enum { VICTIM_LOOK = 8 };

static const uint32_t timeout_ms[LA_NL_COUNT] = {
	[LA_NL_UNVERIFIED] = LA_NEIGH_UNVERIFIED_MS, [LA_NL_INCOMPLETE] = LA_NEIGH_RETRANS_MS,
	[LA_NL_REACHABLE] = LA_NEIGH_REACHABLE_MS,   [LA_NL_STALE] = LA_NEIGH_STALE_MS,
	[LA_NL_DELAY] = LA_NEIGH_DELAY_MS,	     [LA_NL_PROBE] = LA_NEIGH_RETRANS_MS,
};

static const uint8_t list_of[] = {
	[LA_NEIGH_INCOMPLETE] = LA_NL_INCOMPLETE, [LA_NEIGH_REACHABLE] = LA_NL_REACHABLE,
	[LA_NEIGH_STALE] = LA_NL_STALE,		  [LA_NEIGH_DELAY] = LA_NL_DELAY,
	[LA_NEIGH_PROBE] = LA_NL_PROBE,
};

static uint32_t
neigh_clamp(uint32_t v, uint32_t low, uint32_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* A quarter of the verified part, and at most one entry for each packet that may wait. */
static uint32_t
unverified_for(uint32_t max, uint32_t wait_max)
{
	return neigh_clamp(neigh_clamp(max / 4, LA_NEIGH_UNVERIFIED_MIN, LA_NEIGH_UNVERIFIED_MAX), 1, wait_max / 4);
}

static uint32_t
slots_for(uint32_t max, uint32_t wait_max)
{
	return max + unverified_for(max, wait_max) + LA_NEIGH_GATEWAYS + 1;
}

static uint32_t
heads_for(uint32_t slots)
{
	uint32_t n = 16;

	while (n < slots)
		n *= 2;
	return n;
}

uint32_t
la_neigh_wait_max(uint32_t mbufs)
{
	return neigh_clamp(mbufs / 8, LA_NEIGH_WAIT_MIN, LA_NEIGH_WAIT_MAX);
}

size_t
la_neigh_memory(uint32_t max, uint32_t wait_max)
{
	uint32_t slots = slots_for(max, wait_max);

	return slots * sizeof(struct la_neigh) + (wait_max + 1) * sizeof(struct la_neigh_wait) +
	       heads_for(slots) * sizeof(uint32_t);
}

void
la_neigh_init(struct la_neigh_table *t, uint32_t max, uint32_t wait_max, const uint64_t key[2], void *mem)
{
	uint32_t slots = slots_for(max, wait_max), unverified = unverified_for(max, wait_max);

	*t = (struct la_neigh_table){
		.e = mem,
		.mask = heads_for(slots) - 1,
		.max = {[LA_NC_UNVERIFIED] = unverified, [LA_NC_VERIFIED] = max, [LA_NC_GATEWAY] = LA_NEIGH_GATEWAYS},
		.share = wait_max / 4,
		.qleast = neigh_clamp(wait_max / 8 / unverified, 1, UINT32_MAX),
		.fresh = 1,
		.soonest = UINT64_MAX,
		.key = {key[0], key[1]},
	};
	t->qcommon = t->share > unverified * t->qleast ? t->share - unverified * t->qleast : 0;
	t->wait = (struct la_neigh_wait *)(t->e + slots);
	t->heads = (uint32_t *)(t->wait + wait_max + 1);
	for (uint32_t i = 4 * t->share; i > 0; i--) {
		t->wait[i].next = t->wait_free;
		t->wait_free = i;
	}
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

enum la_neigh_list
la_neigh_list_of(const struct la_neigh *n)
{
	return n->class == LA_NC_UNVERIFIED ? LA_NL_UNVERIFIED : (enum la_neigh_list)list_of[n->state];
}

static void
list_append(struct la_neigh_table *t, struct la_neigh *n, uint64_t now)
{
	enum la_neigh_list l = la_neigh_list_of(n);
	uint32_t slot = slot_of(t, n);

	n->list = (uint8_t)l;
	n->due = now + timeout_ms[l];
	if (n->due < t->soonest)
		t->soonest = n->due;
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

/* Returns the least recently used of the first VICTIM_LOOK entries of a list, without gateways, or NULL. */
static struct la_neigh *
neigh_oldest(struct la_neigh_table *t, enum la_neigh_list l)
{
	struct la_neigh *best = NULL;
	uint32_t i = t->list[l].first;

	for (unsigned k = 0; i && k < VICTIM_LOOK; k++, i = t->e[i].next) {
		struct la_neigh *n = &t->e[i];

		if (n->class != LA_NC_GATEWAY && (!best || n->used < best->used))
			best = n;
	}
	return best;
}

struct la_neigh *
la_neigh_victim(struct la_neigh_table *t, enum la_neigh_class class, bool in_use)
{
	static const uint8_t order[] = {LA_NL_REACHABLE, LA_NL_DELAY, LA_NL_PROBE};
	struct la_neigh *n;

	if (!la_neigh_full(t, class) || class == LA_NC_GATEWAY)
		return NULL;
	if (class == LA_NC_UNVERIFIED)
		return &t->e[t->list[LA_NL_UNVERIFIED].first];
	n = neigh_oldest(t, LA_NL_STALE);
	for (unsigned i = 0; !n && in_use && i < sizeof(order); i++)
		n = neigh_oldest(t, order[i]);
	return n;
}

struct la_neigh *
la_neigh_add(struct la_neigh_table *t, const struct la_addr *a, enum la_neigh_class class, uint64_t now)
{
	uint32_t slot = t->free, *head;
	struct la_neigh *n;

	if (la_neigh_full(t, class))
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
		.class = (uint8_t) class,
		.tries = 1,
		.used = now,
		.chain = *head,
	};
	*head = slot;
	t->count[class]++;
	list_append(t, n, now);
	return n;
}

bool
la_neigh_promote(struct la_neigh_table *t, struct la_neigh *n, uint64_t now)
{
	if (la_neigh_full(t, LA_NC_VERIFIED) || t->waiting[LA_NC_VERIFIED] + n->qn > t->share)
		return false;
	list_unlink(t, n);
	t->count[n->class]--;
	t->waiting[n->class] -= n->qn;
	n->class = LA_NC_VERIFIED;
	t->count[n->class]++;
	t->waiting[n->class] += n->qn;
	list_append(t, n, now);
	return true;
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
	t->count[n->class]--;
}

void
la_neigh_set_mac(struct la_neigh *n, const uint8_t mac[6])
{
	memcpy(n->hdr, mac, 6);
}

void
la_neigh_enter(struct la_neigh_table *t, struct la_neigh *n, enum la_neigh_state state, uint64_t now)
{
	n->state = (uint8_t)state;
	if (n->class == LA_NC_UNVERIFIED)
		return;
	list_unlink(t, n);
	list_append(t, n, now);
	if (state == LA_NEIGH_PROBE)
		n->tries = 1;
}

/* Returns whether the entry, or its class, has reached its limit of waiting packets. */
static bool
queue_full(const struct la_neigh_table *t, const struct la_neigh *n)
{
	switch ((enum la_neigh_class)n->class) {
	case LA_NC_UNVERIFIED: /* qcommon plus qleast for each entry are at most the share: unverified_for() */
		return n->qn >= t->qleast && t->waiting[LA_NC_UNVERIFIED] >= t->qcommon;
	case LA_NC_VERIFIED:
		return n->qn >= t->share / 2 || t->waiting[LA_NC_VERIFIED] >= t->share;
	default:
		return n->qn >= t->share;
	}
}

struct rte_mbuf *
la_neigh_enqueue(struct la_neigh_table *t, struct la_neigh *n, struct rte_mbuf *m)
{
	struct rte_mbuf *old = NULL;
	uint32_t w;

	if (queue_full(t, n)) {
		old = la_neigh_dequeue(t, n);
		if (!old)
			return m;
	}
	w = t->wait_free;
	t->wait_free = t->wait[w].next;
	t->wait[w] = (struct la_neigh_wait){.m = m};
	if (n->qn)
		t->wait[n->qlast].next = w;
	else
		n->qfirst = w;
	n->qlast = w;
	n->qn++;
	t->waiting[n->class]++;
	return old;
}

struct rte_mbuf *
la_neigh_dequeue(struct la_neigh_table *t, struct la_neigh *n)
{
	uint32_t w = n->qfirst;
	struct rte_mbuf *m;

	if (n->qn == 0)
		return NULL;
	m = t->wait[w].m;
	n->qfirst = t->wait[w].next;
	t->wait[w] = (struct la_neigh_wait){.next = t->wait_free};
	t->wait_free = w;
	if (--n->qn == 0)
		n->qlast = 0;
	t->waiting[n->class]--;
	return m;
}

enum la_neigh_todo
la_neigh_expire(struct la_neigh_table *t, uint64_t now, struct la_neigh **out)
{
	struct la_neigh *n = NULL;

	if (now < t->soonest)
		return LA_NEIGH_IDLE;
	for (unsigned l = 0; l < LA_NL_COUNT && !n; l++)
		if (t->list[l].first && t->e[t->list[l].first].due <= now)
			n = &t->e[t->list[l].first];
	if (!n) {
		t->soonest = la_neigh_next(t);
		return LA_NEIGH_IDLE;
	}
	*out = n;
	if (n->class == LA_NC_UNVERIFIED)
		return LA_NEIGH_GONE;
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
		list_append(t, n, now);
		return LA_NEIGH_SOLICIT;
	default: /* STALE: unused for LA_NEIGH_STALE_MS */
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

/* SPDX-License-Identifier: BSD-3-Clause */

/* Fairness between source prefixes in the TIME_WAIT table: theory of operation.
 *
 * Every connection holds a slot of the table from its open to the end of 2*MSL, and no slot is freed early. One client
 * network that opens and closes fast enough takes all slots, and all other connections are refused. This file
 * keeps slots for other networks.
 *
 * Prefix. An IPv4 source counts as its /24, an IPv6 source as its /56: the usual size of a site. One host may use
 * all addresses of such a prefix.
 *
 * Counters. held[family][hash of the prefix] counts the slots in use: entries of every life but FREE, and
 * reservations. The hash is keyed, so that a peer cannot choose a prefix that shares a counter with another prefix.
 *
 *	la_tw_reserve, la_tw_reserve_share  +1	la_tw_enter      0: a reservation becomes an entry
 *	la_tw_unreserve			    -1	la_tw_slot_free  -1
 *
 * The sum of a family's counters is entries plus reservations; la_tw_check() verifies it.
 *
 * Rule. With C slots and a share of s percent, a passive open is refused when all of these hold:
 *
 *	used >= C - C/4 (rounded up)	    the table is nearly full,
 *	held[prefix] >= C*s/100 (rounded up)  the prefix is at its share,
 *	another prefix requested a slot within the last LA_TW_ASKED_MS.
 *
 * Because of the third condition a single client, such as a load generator or a NAT, may fill the table.
 * A request is a SYN, or the ACK of a SYN cookie. SYNs that are answered by a
 * cookie take no slot and do not count. Active opens are not refused by this rule, but their slots count.
 *
 * A refused SYN is dropped, or answered by RST with --tw-full reset. The refused ACK of a cookie is dropped, and the
 * peer repeats the ACK with its data. While cookies are on, a prefix at its share gets no cookie: its SYN is refused.
 *
 * Arithmetic, for C = 1 Mi (the default for IPv4), s = 75 (the default) and 2*MSL = 60 s:
 *
 *	C / 60 s	 = 17 476 closes a second of one prefix while it is alone
 *	C * 0.75 / 60 s	 = 13 107 closes a second of one prefix while others are active
 *	C * 0.25 / 60 s	 =  4 369 closes a second of all other prefixes
 *
 * A prefix that holds all C slots gets no freed slot, and falls to its share as its entries expire: at a constant rate
 * within a quarter of 2*MSL, otherwise within 2*MSL. Other prefixes get the freed slots.
 *
 * With a share below 75, one prefix may still take three quarters, because up to there the table is not nearly full.
 * The share divides the last quarter. The number of prefixes that can fill the table is 1 + 25/s (rounded up): 2 at
 * s = 75, 4 at 10, 26 at 1. With the default of 75, a server with few client networks loses at most the quarter that
 * another network requests.
 *
 * Half-open connections count for the prefix of their source address. So spoofed SYNs can charge a prefix that did
 * not send them; SYN cookies keep all half-open connections below a quarter of the free slots.
 *
 * Two given prefixes share a counter with probability 1/2048. Then they have one share together, and count as one
 * prefix. The key of the hash depends on the shard's secret.
 *
 * Cost: 16 KiB a shard, and a multiplication and an addition for each reservation and for each slot that becomes free.
 * A slot that becomes free is written at that moment, so its address is in the cache. The counters of active prefixes
 * stay in the L1 cache. */

#include "table/tw_share.h"

void
la_tw_share_set(struct la_tw *t, unsigned percent)
{
	for (unsigned i = 0; i < 2; i++) {
		struct la_tw_pool *p = &t->pool[i];

		p->near_full = p->capacity - p->capacity / 4;
		p->share = percent < 100 ? (uint32_t)(((uint64_t)p->capacity * percent + 99) / 100) : UINT32_MAX;
	}
}

bool
la_tw_share_used(const struct la_tw *t, const struct la_addr *raddr, uint64_t now)
{
	bool is4 = la_addr_is4(raddr);
	const struct la_tw_pool *p = &t->pool[!is4];
	uint32_t prefix = la_tw_prefix(t->key, raddr);

	return la_tw_share_refuses(p, t->held[!is4][prefix], prefix == p->asker ? p->others_until : p->asked_until,
				   now);
}

bool
la_tw_reserve_share(struct la_tw *t, const struct la_addr *raddr, uint64_t now)
{
	bool is4 = la_addr_is4(raddr);
	uint32_t prefix = la_tw_prefix(t->key, raddr);
	struct la_tw_pool *p = &t->pool[!is4];

	la_tw_share_asks(p, prefix, now);
	if (la_tw_share_refuses(p, t->held[!is4][prefix], p->others_until, now)) {
		la_counters_one(t->counters, LA_C_tw_share_refused);
		return false;
	}
	return la_tw_take(t, p, &t->held[!is4][prefix]);
}

void
la_tw_share_entries(const struct la_tw *t, unsigned i, uint32_t n[LA_TW_PREFIXES])
{
	enum la_pool which = i ? LA_POOL_TW6 : LA_POOL_TW4;

	for (uint32_t slot = 1; slot < t->pool[i].fresh; slot++) {
		la_ref ref = la_ref_make(which, slot);
		struct la_tuple tuple;

		if (la_tw_life(la_tw_core(t, ref)) == LA_TW_FREE)
			continue;
		la_tw_tuple(t, ref, &tuple);
		n[la_tw_prefix(t->key, &tuple.raddr)]++;
	}
}

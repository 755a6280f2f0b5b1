/* SPDX-License-Identifier: BSD-3-Clause */

/* The checker of all TCBs. Tests and the fuzzer call la_tcb_check() after every step. The rules of a life are in
 * tcb.c. */

#include "tcp/board.h"

static const char *const life_name[] = {
	[LA_TCB_FREE] = "free",
	[LA_TCB_LIVE] = "live",
	[LA_TCB_DETACHED] = "detached",
	[LA_TCB_ENDED] = "ended",
};
_Static_assert(sizeof(life_name) / sizeof(life_name[0]) == LA_TCB_LIVES, "every life has a name");

static unsigned
tcb_must(const struct la_tcb *c, bool holds, const char *rule, FILE *f)
{
	if (holds)
		return 0;
	fprintf(f, "TCB %u, %s, %s, flags 0x%x: broken: %s\n", la_tcb_slot(c), life_name[la_tcb_life(c)],
		la_state_name((enum la_state)c->state), c->flags, rule);
	return 1;
}

static bool
chain_has(const struct rte_mbuf *head, const struct rte_mbuf *tail, uint32_t bytes)
{
	const struct rte_mbuf *last = NULL;
	uint64_t n = 0;

	for (; head; head = head->next) {
		n += head->data_len;
		last = head;
	}
	return n == bytes && (!last || last == tail);
}

static bool
is_indexed(const struct la_tcp *t, const struct la_tcb *c)
{
	/* the look-up does not write, but returns a place that the packet path may write, so it takes no const */
	struct la_tcp *u = (struct la_tcp *)(uintptr_t)t;
	struct la_tuple tuple;

	la_tcb_tuple(c, &tuple);
	return la_tcb_lookup_tuple(u, &tuple, la_tcb_hash(c)) == la_tcb_ref(c);
}

static unsigned
check_unused(const struct la_tcb *c, uint32_t allowed, FILE *f)
{
	return tcb_must(c, c->state == LA_CLOSED, "the state is CLOSED", f) +
	       tcb_must(c, !(c->flags & ~(allowed | LA_F_NEAR | LA_F_FAR | LA_F_LIFE)), "no flag of a used TCB", f) +
	       tcb_must(c, c->bufs == 0 && !c->snd_head && !c->rcv_head && !c->ooo, "the queues are empty", f);
}

static unsigned
check_live(const struct la_tcb *c, FILE *f)
{
	bool reads = c->state == LA_SYN_RCVD || c->state == LA_ESTABLISHED || c->state == LA_FIN_WAIT_1 ||
		     c->state == LA_FIN_WAIT_2;

	return tcb_must(c, c->state >= LA_SYN_SENT && c->state <= LA_LAST_ACK, "the state is SYN_SENT to LAST_ACK", f) +
	       tcb_must(c, !(c->flags & LA_F_USER_CLOSED) || (c->flags & LA_F_FIN_QUEUED),
			"after la_close() our FIN is queued", f) +
	       tcb_must(c, chain_has(c->rcv_head, c->rcv_tail, c->rcv_queued), "rcv_queued bytes wait for the user",
			f) +
	       tcb_must(c, chain_has(c->snd_head, c->snd_tail, c->snd_queued), "snd_queued bytes wait for the peer",
			f) +
	       tcb_must(c, !c->ooo || reads, "only states that accept text have blocks", f) +
	       tcb_must(c, seq_le(c->snd_una, c->snd_nxt) && seq_le(c->snd_nxt, c->snd_max),
			"snd_una <= snd_nxt <= snd_max", f) +
	       tcb_must(c, c->snd_max - c->snd_una <= c->snd_queued + 1,
			"at most the send queue and a SYN or FIN in flight", f) +
	       tcb_must(c, c->mss >= LA_MSS_MIN, "mss is at least LA_MSS_MIN", f) +
	       tcb_must(c, c->state < LA_ESTABLISHED || c->cwnd > 0, "cwnd is above 0", f) + la_board_check(c, f) +
	       tcb_must(c, !c->shadow || c->state < LA_ESTABLISHED, "only a handshake shadows a TIME_WAIT entry", f);
}

static unsigned
check_detached(const struct la_tcb *c, FILE *f)
{
	return tcb_must(c, c->state == LA_TIME_WAIT || c->state == LA_CLOSED, "the state is TIME_WAIT or CLOSED", f) +
	       tcb_must(c, c->rcv_queued > 0, "the user has bytes to read", f) +
	       tcb_must(c, !(c->flags & LA_F_USER_CLOSED), "the user has not closed", f) +
	       tcb_must(c, chain_has(c->rcv_head, c->rcv_tail, c->rcv_queued), "rcv_queued bytes wait for the user",
			f) +
	       tcb_must(c, c->snd_queued == 0 && !c->ooo, "the other queues are empty", f) +
	       tcb_must(c, !(c->flags & (LA_F_REXMT_ON | LA_F_FW2_TIMER)), "only the user's timer may run", f) +
	       tcb_must(c, !c->shadow, "no TIME_WAIT entry is shadowed", f);
}

static unsigned
check_slot(const struct la_tcp *t, const struct la_tcb *c, FILE *f)
{
	unsigned faults = tcb_must(c, !(c->flags & LA_F_BUSY), "not BUSY", f) +
			  tcb_must(c, is_indexed(t, c) == la_tcb_is_live(c), "live if and only if in the index", f);

	switch (la_tcb_life(c)) {
	case LA_TCB_FREE:
		return faults + check_unused(c, 0, f);
	case LA_TCB_LIVE:
		return faults + check_live(c, f);
	case LA_TCB_DETACHED:
		return faults + check_detached(c, f);
	default:
		return faults + check_unused(c, LA_F_PENDING, f) +
		       tcb_must(c, (c->flags & LA_F_PENDING) != 0, "an ENDED TCB is on the pending list", f);
	}
}

/* The length of the list from `head` on; UINT32_MAX: the list has a cycle, or ends at another slot than *tail. */
static uint32_t
list_length(const struct la_tcp *t, uint32_t head, const uint32_t *tail)
{
	uint32_t n = 0, last = 0;

	for (uint32_t slot = head; slot && n < t->tcb_fresh; slot = t->tcbs[slot].next) {
		last = slot;
		n++;
	}
	return n < t->tcb_fresh && (!tail || *tail == last) ? n : UINT32_MAX;
}

unsigned
la_tcb_check(const struct la_tcp *t, FILE *f)
{
	uint32_t nfree = 0, pending = 0, listed_free, listed_pending;
	unsigned faults = 0;

	for (uint32_t slot = 1; slot < t->tcb_fresh; slot++) {
		const struct la_tcb *c = &t->tcbs[slot];

		faults += check_slot(t, c, f);
		nfree += la_tcb_life(c) == LA_TCB_FREE;
		pending += (c->flags & LA_F_PENDING) != 0;
	}
	listed_free = list_length(t, t->tcb_free, NULL);
	listed_pending = list_length(t, t->pending_head, &t->pending_tail);
	if (listed_free != nfree || listed_pending != pending || nfree + t->tcb_live + 1 != t->tcb_fresh) {
		fprintf(f, "TCBs: %u free, %u listed; %u pending, %u listed; %u counted live; fresh %u\n", nfree,
			listed_free, pending, listed_pending, t->tcb_live, t->tcb_fresh);
		faults++;
	}
	return faults;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Selective acknowledgements that we send (RFC 2018, RFC 2883): theory of operation.
 *
 * A SACK block is a range of data that is stored above a hole. Ranges are not recorded: they follow from the blocks of
 * ooo.c, so that an option never has data that was dropped. Only their order is recorded. RFC 2018 4 demands the range
 * of the latest segment first, then the ranges that were first in earlier options. la_ooo_block.recent of the first
 * block has a sequence number of each of these ranges, at most LA_SACK_MAX, the latest first. A number whose range was
 * delivered or dropped matches no range. A number whose range has merged with another one gives that range, once.
 *
 * Every segment of a connection with data above a hole has the option: an ACK that is due may travel with text. The
 * option takes room from the text (RFC 6691 2).
 *
 * Duplicate SACK: data that arrives again is reported once, as the first block of the next segment (RFC 2883 4). The
 * report is in la_tcp.dsack until that segment is sent, or until the work on the received segment ends: without a
 * packet buffer for the ACK the report is lost, like any ACK.
 *
 * Data may be dropped after it was reported, when packet buffers are short (la_ooo_prune()). RFC 2018 8 allows this,
 * and demands that later options do not report it. */

#include "tcp/sack.h"

/* A search for the ranges of `n` sequence numbers. */
struct search {
	const uint32_t *seq;
	unsigned n;
	struct la_sack at[LA_SACK_MAX + 1]; /* the range of each number; empty: none */
};

/* The range r is complete: stores it for each number that lies in it. */
static void
search_take(struct search *s, const struct la_sack *r)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->seq[i] - r->from < r->to - r->from)
			s->at[i] = *r;
}

/* Adds [from, to) to the range r, or begins a new one after it. */
static void
search_add(struct search *s, struct la_sack *r, uint32_t from, uint32_t to)
{
	if (from != r->to) {
		search_take(s, r);
		r->from = from;
	}
	r->to = to;
}

/* Finds all ranges in one walk over the blocks. Ranges continue across blocks. */
static void
search_run(const struct la_tcb *c, struct search *s)
{
	struct la_sack r = {0, 0};

	memset(s->at, 0, sizeof(s->at));
	for (const struct rte_mbuf *m = c->ooo; m; m = la_ooo_after(m)) {
		const struct la_ooo_block *b = la_ooo_block(m);
		uint32_t base = m->hash.usr;

		for (unsigned i = 0; i < b->nspans; i++)
			search_add(s, &r, base + b->span[i].from, base + b->span[i].to);
		if (b->fin && seq_ge(base + b->fin - 1, r.to)) /* no text follows a FIN, except a hostile peer's */
			search_add(s, &r, base + b->fin - 1, base + b->fin);
	}
	search_take(s, &r);
}

static bool
same_range(const struct la_sack *a, const struct la_sack *b)
{
	return a->from == b->from && a->to == b->to;
}

void
la_sack_stored(const struct la_tcb *c, uint32_t *recent, uint32_t seq)
{
	uint32_t seqs[LA_SACK_MAX + 1] = {seq};
	struct search s = {.seq = seqs, .n = LA_SACK_MAX + 1};
	unsigned n = 0;

	if (!(c->flags & LA_F_SACK_PERM))
		return;
	memcpy(seqs + 1, recent, LA_SACK_MAX * sizeof(*recent));
	search_run(c, &s);
	for (unsigned i = 0; i <= LA_SACK_MAX && n < LA_SACK_MAX; i++)
		if (i == 0 || (s.at[i].from != s.at[i].to && !same_range(&s.at[i], &s.at[0])))
			recent[n++] = seqs[i];
	while (n < LA_SACK_MAX)
		recent[n++] = seq;
}

void
la_sack_duplicate(struct la_tcb *c, uint32_t from, uint32_t to)
{
	if (!(c->flags & LA_F_SACK_PERM))
		return;
	c->tcp->dsack_of = c;
	c->tcp->dsack = (struct la_sack){from, to};
}

void
la_sack_old(struct la_tcb *c, const struct la_seg *s)
{
	if (seq_lt(s->seq, c->rcv_nxt) && !(s->flags & LA_SYN))
		la_sack_duplicate(c, s->seq, seq_min(s->seq + la_seg_len(s), c->rcv_nxt));
}

/* Appends r to the blocks, unless it is empty or is there already; blocks before `first` are not compared. */
static unsigned
append(struct la_sack *blocks, unsigned first, unsigned n, const struct la_sack *r)
{
	if (r->from == r->to)
		return n;
	for (unsigned i = first; i < n; i++)
		if (same_range(&blocks[i], r))
			return n;
	blocks[n] = *r;
	return n + 1;
}

unsigned
la_sack_collect(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	bool again = t->dsack_of == c;
	unsigned most = c->flags & LA_F_TS ? LA_SACK_MAX_TS : LA_SACK_MAX, n = again;
	uint32_t seqs[LA_SACK_MAX + 1] = {t->dsack.from};
	struct search s = {.seq = seqs, .n = LA_SACK_MAX + 1};

	t->sack[0] = t->dsack;
	if (!c->ooo)
		return n;
	memcpy(seqs + 1, la_ooo_block(c->ooo)->recent, LA_SACK_MAX * sizeof(seqs[0]));
	search_run(c, &s);
	/* the range that the duplicate belongs to is the second block (RFC 2883 4) */
	for (unsigned i = !again; i <= LA_SACK_MAX && n < most; i++)
		n = append(t->sack, again, n, &s.at[i]);
	return n;
}

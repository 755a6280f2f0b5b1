/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss recovery with the peer's SACK blocks: theory of operation.
 *
 *      snd_una                                                                   snd_max
 *         |--- hole ---|== range ==|- hole -|==== range ====|-------- unreported ---|
 *         |------------ retransmitted ---|                                               up to high_rxt
 *         |---------------- lost ----------|                                             up to `lost`
 *
 * A connection without holes in its data has no scoreboard. The first SACK block that reports data in flight takes one
 * of the shard's boards; the board returns when no range is left and no recovery is in progress. Without a free board,
 * and with a peer that sends duplicate ACKs without blocks, NewReno recovers the connection (newreno.c).
 *
 * Two sequence numbers describe all segments in flight. Below `lost`, everything that the peer has not reported is lost
 * (IsLost() of RFC 6675 4): three ranges, or more than two segments of reported data, are above it. Below high_rxt
 * everything unreported was retransmitted. So SetPipe(), NextSeg() and an ACK take one walk over at most
 * LA_BOARD_RANGES ranges, for any list of blocks.
 *
 * Phases. DISORDER: cwnd stays, and each reported segment lets a new one leave (limited transmit). FAST: from the first
 * loss until snd_una reaches `recover`; cwnd follows proportional rate reduction (RFC 6937). LOSS: after a time-out, and
 * after a decrease of the path MTU, everything unreported in flight is sent again within cwnd. Neither a loss in FAST nor one in LOSS reduces
 * ssthresh again.
 *
 * A peer may discard data that it has reported (RFC 2018 8). Then its acknowledgement number stays at the beginning of
 * a range. The time-out finds this, and forgets all ranges. */

#include "tcp/accepted.h"
#include "tcp/recovery.h"

enum { DUP_THRESH = 3 };

static uint32_t
flight_size(const struct la_tcb *c)
{
	return c->snd_max - c->snd_una;
}

/* The part of the hole [from, to) that counts as in flight (SetPipe(), RFC 6675 4). */
static uint32_t
hole_pipe(const struct la_board *b, uint32_t from, uint32_t to)
{
	uint32_t alive = seq_max(from, b->lost), again = seq_min(to, b->high_rxt), n = 0;

	if (seq_lt(alive, to))
		n += to - alive;
	if (seq_gt(again, from))
		n += again - from;
	return n;
}

static uint32_t
board_pipe(const struct la_tcb *c, const struct la_board *b)
{
	uint32_t at = c->snd_una, n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		n += hole_pipe(b, at, b->range[i].from);
		at = b->range[i].to;
	}
	return n + hole_pipe(b, at, c->snd_max);
}

uint32_t
la_recovery_room(const struct la_tcb *c, const struct la_board *b)
{
	uint32_t pipe = board_pipe(c, b);

	return c->cwnd > pipe ? c->cwnd - pipe : 0;
}

/* Moves `lost`: IsLost() of RFC 6675 4. */
static void
find_lost(const struct la_tcb *c, struct la_board *b)
{
	uint32_t above = 0, most = (DUP_THRESH - 1) * la_tcb_smss(c);

	for (unsigned i = b->n; i-- > 0;) {
		above += b->range[i].to - b->range[i].from;
		if (b->n - i >= DUP_THRESH || above > most) {
			b->lost = seq_max(b->lost, b->range[i].from);
			return;
		}
	}
}

/* --- an ACK ------------------------------------------------------------------------------------------------ */

/* RFC 6937 3.1: cwnd allows what the ACK has delivered, reduced towards ssthresh. */
static void
reduce_rate(struct la_tcb *c, struct la_board *b, uint32_t delivered)
{
	uint32_t pipe = board_pipe(c, b), out = b->prr_out, may, limit;

	if (delivered == 0)
		return;
	b->prr_delivered += delivered;
	if (pipe > c->ssthresh) {
		uint64_t share = (uint64_t)b->prr_delivered * c->ssthresh;

		may = (uint32_t)((share + b->recover_fs - 1) / b->recover_fs);
		may = may > out ? may - out : 0;
	} else { /* slow start part: no faster than the data that was delivered, and one segment */
		limit = b->prr_delivered > out ? b->prr_delivered - out : 0;
		limit = RTE_MAX(limit, delivered) + la_tcb_smss(c);
		may = RTE_MIN(c->ssthresh - pipe, limit);
	}
	c->cwnd = pipe + may;
}

/* RFC 6675 5 (1), (4): a segment is lost. */
static void
enter_fast(struct la_tcb *c, struct la_board *b, uint32_t delivered)
{
	c->ssthresh = la_cc_half_flight(c);
	c->ca_acked = 0;
	b->phase = LA_BOARD_FAST;
	b->recover = c->snd_max;
	b->recover_fs = flight_size(c);
	b->prr_delivered = b->prr_out = 0;
	b->high_rxt = c->snd_una;
	b->rescued = false;
	la_count(c->tcp, LA_C_fast_retransmits);
	reduce_rate(c, b, delivered);
	c->cwnd = RTE_MAX(c->cwnd, board_pipe(c, b) + la_tcb_smss(c)); /* (4.3): one segment is sent at once */
}

struct la_recovery_ack
la_recovery_begin(struct la_tcb *c, const struct la_seg *s)
{
	struct la_recovery_ack a = {.board = la_board_of(c), .una = c->snd_una};

	if (!(c->flags & LA_F_SACK_PERM) || !(s->opts & LA_OPT_SACK)) {
		a.sacked = a.board ? a.board->sacked : 0;
		return a;
	}
	if (!a.board && la_board_has_news(c, s))
		a.board = la_board_take(c);
	a.sacked = a.board ? a.board->sacked : 0;
	la_board_record(c, a.board, s);
	return a;
}

void
la_recovery_end(struct la_tcb *c, const struct la_recovery_ack *a)
{
	struct la_board *b = a->board;
	uint32_t acked = c->snd_una - a->una, delivered;

	la_board_trim(b, c->snd_una);
	delivered = acked + b->sacked - a->sacked;
	find_lost(c, b);
	if (b->phase != LA_BOARD_DISORDER && seq_ge(c->snd_una, b->recover)) {
		if (b->phase == LA_BOARD_FAST) {
			c->cwnd = c->ssthresh; /* RFC 6937 3 */
			acked = 0;	       /* this ACK does not open cwnd, too */
		}
		b->phase = LA_BOARD_DISORDER;
	}
	if (b->phase == LA_BOARD_DISORDER && seq_gt(b->lost, c->snd_una))
		enter_fast(c, b, delivered);
	else if (b->phase == LA_BOARD_FAST)
		reduce_rate(c, b, delivered);
	else if (acked)
		la_cwnd_grow(c, acked);
	if (b->phase == LA_BOARD_DISORDER) {
		b->recover = c->snd_una;
		if (b->n == 0)
			la_board_give_back(c);
	}
}

/* --- time-outs --------------------------------------------------------------------------------------------- */

void
la_recovery_rewind(struct la_tcb *c, struct la_board *b)
{
	b->phase = LA_BOARD_LOSS;
	b->recover = b->lost = c->snd_max;
	b->high_rxt = c->snd_nxt;
	c->snd_nxt = c->snd_max;
}

/* RFC 6675 5.1: the ranges stay valid, unless the peer has discarded data. */
void
la_recovery_timeout(struct la_tcb *c, struct la_board *b)
{
	if (b->n && b->range[0].from == c->snd_una) {
		la_count(c->tcp, LA_C_sack_reneged);
		la_board_clear(b);
	}
	c->snd_nxt = c->snd_una;
	la_recovery_rewind(c, b);
}

/* --- what to send ------------------------------------------------------------------------------------------ */

/* The end of the reported data. */
static uint32_t
board_top(const struct la_tcb *c, const struct la_board *b)
{
	return b->n ? b->range[b->n - 1].to : c->snd_una;
}

uint32_t
la_recovery_lost(const struct la_tcb *c, const struct la_board *b, uint32_t *seq)
{
	uint32_t end, from = la_board_hole(b, seq_max(b->high_rxt, c->snd_una), c->snd_max, &end);

	end = seq_min(end, b->lost);
	*seq = from;
	return seq_lt(from, end) ? end - from : 0;
}

uint32_t
la_recovery_idle(const struct la_tcb *c, const struct la_board *b, uint32_t smss, uint32_t *seq)
{
	uint32_t end, from, top = board_top(c, b);

	if (b->phase != LA_BOARD_FAST)
		return 0;
	from = la_board_hole(b, seq_max(b->high_rxt, c->snd_una), c->snd_max, &end);
	if (seq_lt(from, top)) { /* rule (3): a hole that is not lost yet */
		*seq = from;
		return end - from;
	}
	if (b->rescued || top == c->snd_max)
		return 0;
	*seq = c->snd_max - top > smss ? c->snd_max - smss : top; /* rule (4): the last segment */
	return c->snd_max - *seq;
}

void
la_recovery_sent(struct la_tcb *c, struct la_board *b, uint32_t seq, uint32_t len)
{
	b->prr_out += len;
	if (seq_ge(seq, c->snd_max)) /* new data */
		return;
	if (b->phase == LA_BOARD_FAST && seq_ge(seq, board_top(c, b)))
		b->rescued = true; /* HighRxt stays (RFC 6675 4, NextSeg (4)) */
	else
		b->high_rxt = seq_max(b->high_rxt, seq + len);
}

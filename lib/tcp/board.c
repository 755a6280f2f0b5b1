/* SPDX-License-Identifier: BSD-3-Clause */
/* The scoreboard. (Theory at the top of recovery.c.) */

#include "tcp/board.h"

/* --- the shard's boards ----------------------------------------------------------------------------------- */

struct la_board *
la_board_take(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	struct la_board *b;

	if (c->flags & LA_F_RECOVERY)
		return NULL;
	if (!t->board_free && t->board_fresh == t->board_capacity) {
		la_count(t, LA_C_sack_boards_short);
		return NULL;
	}
	b = &t->boards[t->board_free ? t->board_free - 1 : t->board_fresh++];
	if (t->board_free)
		t->board_free = b->next;
	*b = (struct la_board){.owner = la_tcb_slot(c),
			       .recover = c->recover,
			       .high_rxt = c->snd_una,
			       .lost = c->snd_una,
			       .phase = seq_lt(c->snd_una, c->recover) ? LA_BOARD_LOSS : LA_BOARD_DISORDER};
	c->board = (uint32_t)(b - t->boards);
	c->dupacks = LA_BOARD_DUPACKS;
	c->flags |= LA_F_RECOVERY;
	return b;
}

void
la_board_give_back(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	struct la_board *b = la_board_of(c);

	b->owner = 0;
	b->next = t->board_free;
	t->board_free = c->board + 1;
	c->dupacks = 0;
	c->flags &= ~(uint32_t)LA_F_RECOVERY;
	c->recover = seq_max(b->recover, c->snd_una);
}

/* --- ranges ------------------------------------------------------------------------------------------------ */

static struct la_sack
block_at(const struct la_seg *s, unsigned i)
{
	uint32_t word[2];

	memcpy(word, s->sack + i * sizeof(word), sizeof(word));
	return (struct la_sack){rte_be_to_cpu_32(word[0]), rte_be_to_cpu_32(word[1])};
}

/* Returns whether the block reports data in flight above a hole. Offsets from snd_una are compared, because three
 * sequence numbers that span 2^31 or more have no order. */
static bool
block_is_in_flight(const struct la_tcb *c, const struct la_seg *s, struct la_sack k)
{
	uint32_t from = k.from - c->snd_una, to = k.to - c->snd_una;

	return from > 0 && from < to && to <= c->snd_max - c->snd_una && seq_gt(k.from, s->ack);
}

/* RFC 2883 4: the first block is a duplicate SACK if it is below the acknowledgement number or inside of the second
 * block. */
static bool
is_dsack(const struct la_seg *s, unsigned i, struct la_sack k)
{
	struct la_sack next;

	if (i != 0 || !seq_lt(k.from, k.to))
		return false;
	if (seq_le(k.to, s->ack))
		return true;
	if (s->nsack < 2)
		return false;
	next = block_at(s, 1);
	return seq_le(next.from, k.from) && seq_le(k.to, next.to);
}

bool
la_board_has_news(const struct la_tcb *c, const struct la_seg *s)
{
	for (unsigned i = 0; i < s->nsack; i++)
		if (block_is_in_flight(c, s, block_at(s, i)))
			return true;
	return false;
}

/* Adds a range, and merges it with those that it overlaps or touches. Without room for another range it is left out: its
 * data will be sent again. */
static void
board_add(struct la_tcp *t, struct la_board *b, struct la_sack k)
{
	unsigned at = 0, end;

	while (at < b->n && seq_lt(b->range[at].to, k.from))
		at++;
	for (end = at; end < b->n && seq_le(b->range[end].from, k.to); end++) {
		k.from = seq_min(k.from, b->range[end].from);
		k.to = seq_max(k.to, b->range[end].to);
		b->sacked -= b->range[end].to - b->range[end].from;
	}
	if (end == at && b->n == LA_BOARD_RANGES) {
		la_count(t, LA_C_sack_ranges_short);
		return;
	}
	memmove(&b->range[at + 1], &b->range[end], (b->n - end) * sizeof(k));
	b->range[at] = k;
	b->n = (uint8_t)(b->n + 1 - (end - at));
	b->sacked += k.to - k.from;
}

void
la_board_record(struct la_tcb *c, struct la_board *b, const struct la_seg *s)
{
	struct la_tcp *t = c->tcp;

	for (unsigned i = 0; i < s->nsack; i++) {
		struct la_sack k = block_at(s, i);

		if (is_dsack(s, i, k))
			la_count(t, LA_C_dsacks_in);
		else if (block_is_in_flight(c, s, k)) {
			if (b)
				board_add(t, b, k);
		} else if (seq_ge(s->ack, c->snd_una))
			la_count(t, LA_C_sack_blocks_ignored);
	}
}

void
la_board_trim(struct la_board *b, uint32_t una)
{
	unsigned gone = 0;

	for (; gone < b->n && seq_le(b->range[gone].to, una); gone++)
		b->sacked -= b->range[gone].to - b->range[gone].from;
	b->n = (uint8_t)(b->n - gone);
	memmove(b->range, b->range + gone, b->n * sizeof(b->range[0]));
	if (b->n && seq_lt(b->range[0].from, una)) {
		b->sacked -= una - b->range[0].from;
		b->range[0].from = una;
	}
	b->high_rxt = seq_max(b->high_rxt, una);
	b->lost = seq_max(b->lost, una);
}

void
la_board_clear(struct la_board *b)
{
	b->n = 0;
	b->sacked = 0;
}

uint32_t
la_board_hole(const struct la_board *b, uint32_t seq, uint32_t max, uint32_t *end)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (seq_lt(seq, b->range[i].from)) {
			*end = b->range[i].from;
			return seq;
		}
		seq = seq_max(seq, b->range[i].to);
	}
	*end = max;
	return seq;
}

unsigned
la_board_check(const struct la_tcb *c, FILE *f)
{
	const struct la_board *b = la_board_of(c);
	uint32_t at = c->snd_una, sacked = 0;
	bool ok = true;

	if (!b)
		return 0;
	for (unsigned i = 0; i < b->n; i++) {
		const struct la_sack *r = &b->range[i];

		/* the first range begins at snd_una if the peer has acknowledged up to data that it had reported */
		ok &= (i == 0 ? seq_ge(r->from, at) : seq_gt(r->from, at)) && seq_lt(r->from, r->to);
		at = r->to;
		sacked += r->to - r->from;
	}
	ok &= seq_le(at, c->snd_max) && sacked == b->sacked && b->owner == la_tcb_slot(c) &&
	      seq_le(b->high_rxt, c->snd_max) && seq_le(b->lost, c->snd_max) && (b->n || b->phase != LA_BOARD_DISORDER);
	if (!ok)
		fprintf(f, "TCB %u: broken: the scoreboard has ascending ranges in flight\n", la_tcb_slot(c));
	return !ok;
}

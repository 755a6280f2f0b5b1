/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2 after la_close() as a table entry (lib/table/tw_fin_wait_2.c): the rows M-FW2-a to -t for a
 * connection without a TCB. tests/scenario covers the first five seconds, with a TCB. The last part compares the
 * answers of both. */

#include "net/shard.h"
#include "scenario.h"
#include "tcp/internal.h"

enum { HOLD = 5000 };

/* A server-side connection that closed first, whose peer acknowledged the FIN and then did nothing. */
static struct peer *
held(struct scene *s)
{
	struct peer *p = scene_listen(s);

	peer_to_fin_wait_2(p, true);
	peer_expect_none(p, HOLD + 10);
	user_expect_closed(p, LA_END_FIN_WAIT_2);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "the connection still has a TCB");
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 1, "no entry in the table");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "counted as TIME_WAIT");
	peer_expect_state(p, LA_FIN_WAIT_2);
	return p;
}

static void
gone(struct scene *s, struct peer *p, enum la_counter how)
{
	CHECK(s->r, rig_counter(s->r, how) == 1, "%s is not 1", la_counter_name(how));
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 0, "the entry is still in the table");
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(fin_wait_2, closes_late, "the peer's FIN is acknowledged and a full TIME_WAIT begins")
{
	struct peer *p = held(s);

	peer_expect_none(p, 30000);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, rig_counter(s->r, LA_C_ended_orderly) == 1, "not counted as orderly");
	CHECK(s->r, rig_counter(s->r, LA_C_ended_fin_wait_2) == 0, "counted as never closed");
	peer_expect_none(p, 59000);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0); /* the last ACK was lost */
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_none(p, 59990);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_expect_none(p, 20);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(fin_wait_2, short_msl, "a 2*MSL much shorter than the FIN_WAIT_2 limit ends on time")
{
	struct peer *p;

	s->o.conn.msl_ms = 100;
	s->o.conn.fin_wait_2_ms = 100000;
	p = held(s);
	peer_expect_none(p, 50000);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_none(p, 199);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_expect_none(p, 2);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(fin_wait_2, never_closes, "M-FW2-t: the limit ends the entry, which is counted")
{
	struct peer *p = held(s);

	peer_expect_none(p, 60000 - HOLD - 20);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_expect_none(p, 30);
	gone(s, p, LA_C_ended_fin_wait_2);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
}

SCENARIO(fin_wait_2, syn, "M-FW2-a, -b, -c: a SYN of any SEQ gets a challenge ACK")
{
	static const uint32_t off[] = {0, 5000, (uint32_t)-5000};
	struct peer *p = held(s);

	for (unsigned i = 0; i < 3; i++) {
		peer_send(p, LA_SYN, p->R + off[i], 0, 0);
		peer_expect_chk(p);
		peer_expect_none(p, 600);
	}
	peer_send(p, LA_SYN | LA_ACK, p->R, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(fin_wait_2, acks, "M-FW2-d, -e, -f, -h, -s: ACKs")
{
	struct peer *p = held(s);

	peer_send(p, LA_ACK, p->R, p->N, 0);
	peer_expect_none(p, 600);
	peer_send(p, LA_ACK, p->R, p->N + 1, 0); /* acknowledges more than was sent */
	peer_expect_chk(p);
	peer_expect_none(p, 600);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0); /* keep-alive */
	peer_expect_chk(p);
	peer_expect_none(p, 600);
	peer_send(p, 0, p->R, 0, 0); /* no ACK bit */
	peer_expect_none(p, 600);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(fin_wait_2, rst, "M-FW2-l, -m, -n: only a RST at RCV.NXT resets")
{
	struct peer *p = held(s);

	peer_send(p, LA_RST, p->R + 1, 0, 0);
	peer_expect_chk(p);
	peer_send(p, LA_RST, p->R - 1, 0, 0);
	peer_expect_none(p, 600);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_send(p, LA_RST, p->R, 0, 0);
	peer_expect_none(p, 600);
	gone(s, p, LA_C_ended_reset);
}

SCENARIO(fin_wait_2, data, "M-FW2-o, -q: new text is answered by a RST, old text by an ACK")
{
	struct peer *p = held(s);

	peer_send(p, LA_ACK, p->R - 1, p->N, 1);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_send(p, LA_ACK, p->R, p->N, 10);
	peer_expect(p, LA_RST | LA_ACK, p->N, p->R, 0);
	gone(s, p, LA_C_ended_reset);
}

SCENARIO(fin_wait_2, fin_out_of_order, "M-FW2-j, -k: a FIN above a hole waits until the hole is filled")
{
	struct peer *p = held(s);

	peer_send(p, LA_FIN | LA_ACK, p->R + 10, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(fin_wait_2, own_open, "la_connect() fails on a tuple in FIN_WAIT_2")
{
	struct peer *p = held(s);
	struct la_conn *c;

	CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, NULL, &c) == -EADDRINUSE, "taken");
	peer_expect_state(p, LA_FIN_WAIT_2);
}

/* --- TCB and entry alike ------------------------------------------------------------------------------------ */

/* One more connection in FIN_WAIT_2 whose user has closed: a TCB, or a table entry. */
static struct peer *
orphan(struct scene *s, bool table)
{
	struct peer *p = peer_new(s->r, &s->o);

	if (s->r->npeers == 1)
		peer_listen(p);
	peer_to_fin_wait_2(p, true);
	if (table)
		rig_run(s->r, HOLD + 10);
	return p;
}

/* Closes the window of the shard, as if no ACK that opens it had found a packet buffer. */
static void
close_window(struct peer *p)
{
	struct la_tcp *t = &p->r->s->tcp;
	la_ref ref = la_tcb_lookup_tuple(t, &p->t, la_hash_tuple(&t->key, &p->t));

	CHECK(p->r, ref, "no connection");
	if (la_ref_pool(ref) == LA_POOL_TCB)
		t->tcbs[la_ref_slot(ref)].rcv_adv = t->tcbs[la_ref_slot(ref)].rcv_nxt;
	else
		la_tw_core(&t->tw, ref)->wnd = 0;
	p->lax_edge = true;
}

SCENARIO(fin_wait_2, C_27_text, "text at a closed window draws an ACK that opens it; then text draws a RST")
{
	for (unsigned table = 0; table < 2; table++) {
		struct peer *p = orphan(s, table);

		close_window(p);
		peer_send(p, LA_ACK, p->R, p->N, 10);
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, p->R, 0)->wnd > 0, "the window stays closed");
		CHECK(s->r, rig_counter(s->r, LA_C_drop_rcvbuf) == table + 1, "not counted");
		peer_expect_state(p, LA_FIN_WAIT_2);
		close_window(p);
		peer_send(p, LA_ACK, p->R - 1, p->N, 2); /* it begins left of the window */
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, p->R, 0)->wnd > 0, "the window stays closed");
		CHECK(s->r, rig_counter(s->r, LA_C_drop_seq) == table + 1, "not counted");
		peer_expect_state(p, LA_FIN_WAIT_2);
		peer_send(p, LA_ACK, p->R, p->N, 10);
		peer_expect(p, LA_RST | LA_ACK, p->N, p->R, 0);
		peer_expect_state(p, LA_CLOSED);
	}
}

SCENARIO(fin_wait_2, C_27_fin, "a FIN at a closed window draws an ACK that opens it; then the FIN is taken")
{
	for (unsigned table = 0; table < 2; table++) {
		struct peer *p = orphan(s, table);
		uint32_t r = p->R;

		close_window(p);
		peer_send(p, LA_FIN | LA_ACK, r, p->N, 0);
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, r, 0)->wnd > 0, "the window stays closed");
		peer_expect_state(p, LA_FIN_WAIT_2);
		peer_send(p, LA_FIN | LA_ACK, r, p->N, 0);
		peer_expect(p, LA_ACK, p->N, r + 1, 0);
		peer_expect_state(p, LA_TIME_WAIT);
	}
}

/* What a segment draws, and the state after it. */
struct outcome {
	unsigned segments;
	uint8_t flags;
	uint32_t seq, ack; /* from N and R before the segment */
	bool window;	   /* open; a RST has none */
	enum la_state state;
};

static struct outcome
outcome(struct peer *p, const struct peer_tx *tx, uint32_t r, uint32_t n)
{
	struct outcome o = {0};
	struct peer_rx *x;

	peer_tx(p, tx);
	while ((x = peer_next(p)) != NULL) {
		o.segments++;
		o.flags = x->flags;
		o.seq = x->seq - n;
		o.ack = x->ack - r;
		o.window = x->win > 0 && !(x->flags & LA_RST);
	}
	o.state = peer_state(p);
	return o;
}

/* The segment twice: the first answer may open a window that was closed. */
static void
play(struct scene *s, bool table, bool closed, bool stale, struct peer_tx tx, struct outcome o[2])
{
	struct peer *p = orphan(s, table);
	uint32_t r = p->R, n = p->N;

	tx.seq += r;
	tx.ack += n;
	if (stale) {
		tx.ts = TS_SET;
		tx.tsval = p->ts_now - 1;
	}
	if (closed)
		close_window(p);
	p->lax_edge = true;
	o[0] = outcome(p, &tx, r, n);
	rig_run(s->r, 600); /* answers are throttled */
	o[1] = outcome(p, &tx, r, n);
}

/* A TCB announces that its window opens with the first segment of any kind (D-09), an entry with its next answer. A
 * segment that an entry ignores is compared without that announcement, and not a second time. */
static bool
announces(const struct outcome *tcb, const struct outcome *entry)
{
	return entry->segments == 0 && tcb->segments == 1 && tcb->flags == LA_ACK && tcb->seq == 0 && tcb->ack == 0 &&
	       tcb->window && tcb->state == entry->state;
}

static bool
same(const struct outcome *a, const struct outcome *b)
{
	return a->segments == b->segments && a->flags == b->flags && a->seq == b->seq && a->ack == b->ack &&
	       a->window == b->window && a->state == b->state;
}

SCENARIO(fin_wait_2, alike, "TCB and entry answer every segment alike, with an open window and a closed one")
{
	enum { W = 4096 }; /* and what an entry opens */
	static const struct {
		uint8_t flags;
		uint32_t ack;
	} kind[] = {{LA_ACK, 0}, {LA_FIN | LA_ACK, 0}, {LA_ACK, 1}, {LA_FIN | LA_ACK, 1},
		    {LA_FIN, 0}, {LA_RST, 0},	       {LA_SYN, 0}, {LA_SYN | LA_ACK, 0}};
	static const uint32_t seq[] = {-2u, -1u, 0, 1, W - 1, W, W + 1, 1u << 31};

	s->o.conn.rcvbuf = W;
	s->o.wscale = 0; /* the entry has forgotten the shift */
	for (unsigned v = 0; v < (s->o.ts ? 4 : 2); v++) {
		bool closed = v & 1, stale = v & 2;

		scene_rig(s, &(struct rig_opts){.max_time_wait4 = 512, .max_time_wait6 = 512});
		for (unsigned i = 0; i < RTE_DIM(kind) * RTE_DIM(seq) * 3; i++) {
			struct peer_tx tx = {.flags = kind[i % RTE_DIM(kind)].flags,
					     .ack = kind[i % RTE_DIM(kind)].ack,
					     .seq = seq[i / RTE_DIM(kind) % RTE_DIM(seq)],
					     .len = i / RTE_DIM(kind) / RTE_DIM(seq)};
			struct outcome tcb[2], entry[2];

			play(s, false, closed, stale, tx, tcb);
			play(s, true, closed, stale, tx, entry);
			if (closed && announces(&tcb[0], &entry[0]))
				continue;
			for (unsigned k = 0; k < 2; k++)
				CHECK(s->r, same(&tcb[k], &entry[k]),
				      "flags %02x seq R%+d ack N+%u len %u%s%s, time %u: the TCB sends %u (%02x, "
				      "window %d) and is in %s, the entry sends %u (%02x, window %d) and is in %s",
				      tx.flags, (int32_t)tx.seq, tx.ack, tx.len, closed ? ", window closed" : "",
				      stale ? ", stale" : "", k + 1, tcb[k].segments, tcb[k].flags, tcb[k].window,
				      la_state_name(tcb[k].state), entry[k].segments, entry[k].flags, entry[k].window,
				      la_state_name(entry[k].state));
		}
	}
}

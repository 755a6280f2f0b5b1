/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2 after la_close() as a table entry (lib/table/tw_fin_wait_2.c): the rows M-FW2-a to -t for a connection
 * without a TCB. tests/scenario covers the first five seconds, in which the connection has a TCB. The last part
 * compares the answers of a TCB with those of an entry. */

#include "net/shard.h"
#include "scenario.h"
#include "tcp/internal.h"

enum { HOLD = 5000 }; /* ms that the TCB stays in FIN_WAIT_2 after la_close() */

/* Closes a connection. The peer acknowledges the FIN and sends nothing else, until an entry replaces the TCB. */
static struct peer *
enter_table(struct scene *s)
{
	struct peer *p = scene_listen(s);

	peer_to_fin_wait_2(p, true);
	peer_expect_none(p, HOLD + 10);
	user_expect_closed(p, LA_END_FIN_WAIT_2);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "the connection still has a TCB");
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 1, "no entry in the table");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "the entry counts as TIME_WAIT");
	peer_expect_state(p, LA_FIN_WAIT_2);
	return p;
}

static void
expect_ended(struct scene *s, struct peer *p, enum la_counter how)
{
	CHECK(s->r, rig_counter(s->r, how) == 1, "%s is not 1", la_counter_name(how));
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 0, "the entry is still in the table");
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(fin_wait_2, closes_late, "the peer's FIN is acknowledged and a full TIME_WAIT begins")
{
	struct peer *p = enter_table(s);

	peer_expect_none(p, 30000);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, rig_counter(s->r, LA_C_ended_orderly) == 1, "ended_orderly is not 1");
	CHECK(s->r, rig_counter(s->r, LA_C_ended_fin_wait_2) == 0, "ended_fin_wait_2 is not 0");
	peer_expect_none(p, 59000);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0); /* repeated, as after a lost last ACK */
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_none(p, 59990);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_expect_none(p, 20);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(fin_wait_2, short_msl, "TIME_WAIT lasts 2*MSL also when the FIN_WAIT_2 limit is much longer")
{
	struct peer *p;

	s->o.conn.msl_ms = 100;
	s->o.conn.fin_wait_2_ms = 100000;
	p = enter_table(s);
	peer_expect_none(p, 50000);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_ACK, p->N, p->R, 0);
	peer_expect_none(p, 199);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_expect_none(p, 2);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(fin_wait_2, never_closes, "M-FW2-t: the limit ends the entry; ended_fin_wait_2 counts it")
{
	struct peer *p = enter_table(s);

	peer_expect_none(p, 60000 - HOLD - 20);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_expect_none(p, 30);
	expect_ended(s, p, LA_C_ended_fin_wait_2);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
}

SCENARIO(fin_wait_2, syn, "M-FW2-a, -b, -c: a SYN with any SEG.SEQ draws a challenge ACK")
{
	static const uint32_t off[] = {0, 5000, (uint32_t)-5000};
	struct peer *p = enter_table(s);

	for (unsigned i = 0; i < 3; i++) {
		peer_send(p, LA_SYN, p->R + off[i], 0, 0);
		peer_expect_chk(p);
		peer_expect_none(p, 600);
	}
	peer_send(p, LA_SYN | LA_ACK, p->R, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(fin_wait_2, acks, "M-FW2-d, -e, -f, -h, -s: an ACK in order draws nothing, an unacceptable ACK draws an ACK")
{
	struct peer *p = enter_table(s);

	peer_send(p, LA_ACK, p->R, p->N, 0);
	peer_expect_none(p, 600);
	peer_send(p, LA_ACK, p->R, p->N + 1, 0); /* above SND.NXT */
	peer_expect_chk(p);
	peer_expect_none(p, 600);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0); /* keep-alive */
	peer_expect_chk(p);
	peer_expect_none(p, 600);
	peer_send(p, 0, p->R, 0, 0); /* a segment without the ACK bit */
	peer_expect_none(p, 600);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(fin_wait_2, rst, "M-FW2-l, -m, -n: only a RST with SEG.SEQ = RCV.NXT ends the entry")
{
	struct peer *p = enter_table(s);

	peer_send(p, LA_RST, p->R + 1, 0, 0);
	peer_expect_chk(p);
	peer_send(p, LA_RST, p->R - 1, 0, 0);
	peer_expect_none(p, 600);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_send(p, LA_RST, p->R, 0, 0);
	peer_expect_none(p, 600);
	expect_ended(s, p, LA_C_ended_reset);
}

SCENARIO(fin_wait_2, data, "M-FW2-o, -q: new text is answered by a RST, old text by an ACK")
{
	struct peer *p = enter_table(s);

	peer_send(p, LA_ACK, p->R - 1, p->N, 1);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_send(p, LA_ACK, p->R, p->N, 10);
	peer_expect(p, LA_RST | LA_ACK, p->N, p->R, 0);
	expect_ended(s, p, LA_C_ended_reset);
}

SCENARIO(fin_wait_2, fin_out_of_order,
	 "M-FW2-j, -k: a FIN above a hole or below the window draws an ACK and is dropped")
{
	struct peer *p = enter_table(s);

	peer_send(p, LA_FIN | LA_ACK, p->R + 10, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(fin_wait_2, own_open, "la_connect() fails on a tuple in FIN_WAIT_2")
{
	struct peer *p = enter_table(s);
	struct la_conn *c;

	CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, NULL, &c) == -EADDRINUSE,
	      "la_connect did not fail with EADDRINUSE");
	peer_expect_state(p, LA_FIN_WAIT_2);
}

/* --- the same answers from TCB and entry --------------------------------------------------------------------- */

/* Opens another connection and closes it, up to FIN_WAIT_2. `table`: waits until an entry replaces the TCB. */
static struct peer *
open_orphan(struct scene *s, bool table)
{
	struct peer *p = peer_new(s->r, &s->o);

	if (s->r->npeers == 1)
		peer_listen(p);
	peer_to_fin_wait_2(p, true);
	if (table)
		rig_run(s->r, HOLD + 10);
	return p;
}

/* Sets the receive window to 0, as if the shard had no packet buffer for an ACK that opens the window. */
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

SCENARIO(fin_wait_2, C_27_text, "text at a zero window draws an ACK that opens the window; later text draws a RST")
{
	for (unsigned table = 0; table < 2; table++) {
		struct peer *p = open_orphan(s, table);

		close_window(p);
		peer_send(p, LA_ACK, p->R, p->N, 10);
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, p->R, 0)->wnd > 0, "the window is still 0");
		CHECK(s->r, rig_counter(s->r, LA_C_drop_rcvbuf) == table + 1, "drop_rcvbuf is wrong");
		peer_expect_state(p, LA_FIN_WAIT_2);
		close_window(p);
		peer_send(p, LA_ACK, p->R - 1, p->N, 2); /* begins below RCV.NXT */
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, p->R, 0)->wnd > 0, "the window is still 0");
		CHECK(s->r, rig_counter(s->r, LA_C_drop_seq) == table + 1, "drop_seq is wrong");
		peer_expect_state(p, LA_FIN_WAIT_2);
		peer_send(p, LA_ACK, p->R, p->N, 10);
		peer_expect(p, LA_RST | LA_ACK, p->N, p->R, 0);
		peer_expect_state(p, LA_CLOSED);
	}
}

SCENARIO(fin_wait_2, C_27_fin,
	 "a FIN at a zero window draws an ACK that opens the window; the repeated FIN is accepted")
{
	for (unsigned table = 0; table < 2; table++) {
		struct peer *p = open_orphan(s, table);
		uint32_t r = p->R;

		close_window(p);
		peer_send(p, LA_FIN | LA_ACK, r, p->N, 0);
		CHECK(s->r, peer_expect(p, LA_ACK, p->N, r, 0)->wnd > 0, "the window is still 0");
		peer_expect_state(p, LA_FIN_WAIT_2);
		peer_send(p, LA_FIN | LA_ACK, r, p->N, 0);
		peer_expect(p, LA_ACK, p->N, r + 1, 0);
		peer_expect_state(p, LA_TIME_WAIT);
	}
}

/* The answer to one segment: the number of answering segments, the last of them, and the state afterwards. */
struct outcome {
	unsigned segments;
	uint8_t flags;
	uint32_t seq, ack; /* minus N and R before the segment */
	bool window;	   /* the window is not 0; false for a RST */
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

/* Sends the segment twice to a new connection: the first answer may open a zero window. `closed`: the window is 0.
 * `stale`: the timestamp is old. */
static void
send_twice(struct scene *s, bool table, bool closed, bool stale, struct peer_tx tx, struct outcome o[2])
{
	struct peer *p = open_orphan(s, table);
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
	rig_run(s->r, 600); /* longer than the ACK throttle */
	o[1] = outcome(p, &tx, r, n);
}

/* Returns whether the TCB sent only a window update, and the entry nothing. A TCB sends the window update after the
 * first segment of any kind (D-09). An entry sends it with its next answer. Such a pair is not compared. */
static bool
is_announcement(const struct outcome *tcb, const struct outcome *entry)
{
	return entry->segments == 0 && tcb->segments == 1 && tcb->flags == LA_ACK && tcb->seq == 0 && tcb->ack == 0 &&
	       tcb->window && tcb->state == entry->state;
}

static bool
is_same(const struct outcome *a, const struct outcome *b)
{
	return a->segments == b->segments && a->flags == b->flags && a->seq == b->seq && a->ack == b->ack &&
	       a->window == b->window && a->state == b->state;
}

SCENARIO(fin_wait_2, alike,
	 "TCB and entry give the same answer to every segment, with an open window and with a zero window")
{
	enum { W = 4096 }; /* receive buffer, and the window that an entry offers */
	static const struct {
		uint8_t flags;
		uint32_t ack;
	} kind[] = {{LA_ACK, 0}, {LA_FIN | LA_ACK, 0}, {LA_ACK, 1}, {LA_FIN | LA_ACK, 1},
		    {LA_FIN, 0}, {LA_RST, 0},	       {LA_SYN, 0}, {LA_SYN | LA_ACK, 0}};
	static const uint32_t seq[] = {-2u, -1u, 0, 1, W - 1, W, W + 1, 1u << 31};

	s->o.conn.rcvbuf = W;
	s->o.wscale = 0; /* the entry does not have the shift */
	for (unsigned v = 0; v < (s->o.ts ? 4 : 2); v++) {
		bool closed = v & 1, stale = v & 2;

		scene_rig(s, &(struct rig_opts){.max_time_wait4 = 512, .max_time_wait6 = 512});
		for (unsigned i = 0; i < RTE_DIM(kind) * RTE_DIM(seq) * 3; i++) {
			struct peer_tx tx = {.flags = kind[i % RTE_DIM(kind)].flags,
					     .ack = kind[i % RTE_DIM(kind)].ack,
					     .seq = seq[i / RTE_DIM(kind) % RTE_DIM(seq)],
					     .len = i / RTE_DIM(kind) / RTE_DIM(seq)};
			struct outcome tcb[2], entry[2];

			send_twice(s, false, closed, stale, tx, tcb);
			send_twice(s, true, closed, stale, tx, entry);
			if (closed && is_announcement(&tcb[0], &entry[0]))
				continue;
			for (unsigned k = 0; k < 2; k++)
				CHECK(s->r, is_same(&tcb[k], &entry[k]),
				      "flags %02x seq R%+d ack N+%u len %u%s%s, time %u: the TCB sends %u (%02x, "
				      "window %d) and is in %s, the entry sends %u (%02x, window %d) and is in %s",
				      tx.flags, (int32_t)tx.seq, tx.ack, tx.len, closed ? ", window closed" : "",
				      stale ? ", stale" : "", k + 1, tcb[k].segments, tcb[k].flags, tcb[k].window,
				      la_state_name(tcb[k].state), entry[k].segments, entry[k].flags, entry[k].window,
				      la_state_name(entry[k].state));
		}
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* FIN_WAIT_2 after la_close() as a table entry (lib/table/tw_fin_wait_2.c): the rows M-FW2-a to -t for a
 * connection without a TCB. tests/scenario covers the first five seconds, with a TCB. */

#include "scenario.h"

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

/* SPDX-License-Identifier: BSD-3-Clause */

/* Active opens over a TIME_WAIT entry of the shard (la_conn_opts.reuse_time_wait), and a SYN to a full table. */

#include "scenario.h"

static const struct la_conn_opts reuse = {.reuse_time_wait = true};

/* Opens a connection from the shard. The shard closes first and enters TIME_WAIT. */
static struct peer *
ours_in_time_wait(struct scene *s)
{
	struct peer *p = scene_connect(s);

	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	p->got = p->N;
	peer_ack(p);
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	return p;
}

/* Opens the tuple again from the shard. Returns the SYN. */
static const struct peer_rx *
open_again(struct scene *s, struct peer *p)
{
	uint32_t old_n = p->N, old_ts = p->ts_dut;
	const struct peer_rx *x;
	struct la_conn *c;

	p->lax_edge = true;
	CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, &reuse, &c) == 0, "la_connect failed");
	p->u.c = c;
	p->u.closed = p->u.opened = 0;
	rig_pump(s->r);
	x = last_rx(p);
	CHECK(s->r, x && x->flags == LA_SYN, "no SYN");
	CHECK(s->r, seq_gt(x->seq, old_n), "ISS is not above SND.NXT of the old incarnation");
	CHECK(s->r, !s->o.ts || seq_gt(x->f.tsval, old_ts), "TSval is not newer");
	return x;
}

SCENARIO(reuse, only_with_the_flag, "la_connect() refuses a tuple in TIME_WAIT without reuse_time_wait")
{
	struct peer *p = ours_in_time_wait(s);
	struct la_conn *c;

	rig_run(s->r, 1000);
	CHECK(s->r, la_connect(s->r->s, &p->t, &user_ops, p, NULL, &c) == -EADDRNOTAVAIL,
	      "la_connect did not fail with EADDRNOTAVAIL");
	CHECK(s->r, rig_counter(s->r, LA_C_connect_time_wait) == 1, "connect_time_wait is not 1");
	peer_expect_state(p, LA_TIME_WAIT);
}

SCENARIO(reuse, same_tick, "with timestamps, a tuple cannot be reused in the tick of the last TSval")
{
	struct peer *p = ours_in_time_wait(s);
	struct la_conn *c;
	int rc = la_connect(s->r->s, &p->t, &user_ops, p, &reuse, &c);

	CHECK(s->r, rc == (s->o.ts ? -EADDRNOTAVAIL : 0), "la_connect: %d", rc);
	if (rc == 0)
		p->u.c = c, p->u.closed = p->u.opened = 0, p->lax_edge = true;
	rig_pump(s->r);
}

SCENARIO(reuse, established, "a completed handshake ends the old entry")
{
	struct peer *p = ours_in_time_wait(s);
	const struct peer_rx *x;
	uint32_t iss;

	rig_run(s->r, 1000);
	x = open_again(s, p);
	iss = x->seq;
	PEER_TX(p, .flags = LA_SYN | LA_ACK, .seq = p->snd + 100000, .ack = iss + 1);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_reopened) == 1, "time_wait_reopened is not 1");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "the old entry is still in the table");
	CHECK(s->r, rig_counter(s->r, LA_C_early_recycles) == 0, "early_recycles is not 0");
	CHECK(s->r, la_abort(p->u.c) == 0, "la_abort failed");
	peer_skip(p);
}

SCENARIO(reuse, refused, "after a failed handshake the entry has its old deadline again")
{
	struct peer *p = ours_in_time_wait(s);
	const struct peer_rx *x;

	rig_run(s->r, 20000);
	x = open_again(s, p);
	PEER_TX(p, .flags = LA_RST | LA_ACK, .seq = 0, .ack = x->seq + 1, .ts = TS_NONE);
	user_expect_closed(p, LA_END_REFUSED);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 40000, "%u ms left", peer_info(p).time_wait_left_ms);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_given_back) == 1, "time_wait_given_back is not 1");
	rig_run(s->r, 40001);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(reuse, full_reset, "--tw-full reset: without a free entry a SYN draws a RST")
{
	struct peer *p, *q;

	scene_rig(s, &(struct rig_opts){.max_time_wait4 = 1, .max_time_wait6 = 1, .tw_full_reset = true});
	p = scene_listen(s);
	peer_to_established(p);
	q = peer_new(s->r, &s->o);
	peer_syn(q);
	peer_expect(q, LA_RST | LA_ACK, 0, q->IRS + 1, 0);
	CHECK(s->r, rig_counter(s->r, LA_C_tw_reserve_exhausted) == 1, "tw_reserve_exhausted is not 1");
	peer_expect_state(q, LA_CLOSED);
	peer_expect_state(p, LA_ESTABLISHED);
}

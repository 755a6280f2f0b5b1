/* SPDX-License-Identifier: BSD-3-Clause */

/* TIME_WAIT during a pending reopen. Our last ACK was lost, so the old connection's peer is in LAST_ACK. A forged
 * SYN or an old duplicate SYN has opened the tuple again. Until the new handshake completes, the entry answers
 * segments of the old connection, and such a segment ends the reopen (RFC 9293 3.6.1 MAY-2 (2)). */

#include "scenario.h"

struct old {
	uint32_t r, n, ts; /* RCV.NXT, SND.NXT, TS.Recent of the entry */
};

static struct peer *
enter_time_wait(struct scene *s, struct old *o)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 10000);
	*o = (struct old){p->R, p->N, p->ts_now};
	p->lax_edge = true;
	peer_skip(p);
	return p;
}

/* Sets whether the incarnation of the next segments has timestamps: capture.c checks this. */
static void
expect_stamps(struct peer *p, bool on)
{
	p->o.ts = p->ts_on = on;
}

/* Sends a blind attacker's SYN that is newer than the entry, and expects that it reopens. (Of two SYNs whose SEG.SEQ
 * differ by 2^31 one is newer.) */
static void
blind_syn(struct peer *p, const struct old *o, bool stamped)
{
	expect_stamps(p, stamped);
	PEER_TX(p, .flags = LA_SYN, .seq = o->r + 0x1234567, .ts = stamped ? TS_SET : TS_NONE,
		.tsval = o->ts + 0x30000000);
	CHECK(p->r, last_rx(p)->flags == (LA_SYN | LA_ACK) && seq_gt(last_rx(p)->seq, o->n), "no reopen");
	peer_skip(p);
	peer_expect_state(p, LA_SYN_RCVD);
	rig_run(p->r, 600); /* longer than the entry's ACK throttle, shorter than the RTO of the SYN,ACK */
}

/* Sends a segment of the old connection's peer, with SEG.SEQ `back` below RCV.NXT of the entry. */
static void
old_segment(struct scene *s, struct peer *p, const struct old *o, uint8_t flags, uint32_t back, uint32_t len)
{
	peer_skip(p);
	expect_stamps(p, s->o.ts);
	PEER_TX(p, .flags = flags, .seq = o->r - back, .ack = o->n, .len = len, .ts = s->o.ts ? TS_SET : TS_NONE,
		.tsval = o->ts + 10600, .tsecr = p->ts_dut);
}

static void
expect_from_entry(struct peer *p, const struct old *o)
{
	struct peer_rx *x = peer_next(p);

	CHECK(p->r, x && x->flags == LA_ACK && x->seq == o->n && x->ack == o->r && x->len == 0,
	      "no ACK from the entry: flags %02x", x ? x->flags : 0);
	CHECK(p->r, peer_next(p) == NULL, "more than one answer");
}

static void
expect_restored(struct scene *s, struct peer *p, uint32_t left)
{
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == left, "%u ms left, expected %u", peer_info(p).time_wait_left_ms,
	      left);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "the half-open connection is not removed");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_given_back) == 1, "time_wait_given_back is not 1");
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == 0, "a RST was sent");
}

SCENARIO(shadow, old_fin, "a repeated FIN is acknowledged, restarts 2*MSL and ends the reopen")
{
	for (unsigned stamped = 0; stamped < 2; stamped++) {
		struct old o;
		struct peer *p;

		scene_rig(s, NULL);
		p = enter_time_wait(s, &o);
		blind_syn(p, &o, stamped);
		old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
		expect_from_entry(p, &o);
		expect_restored(s, p, 60000);
		old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
		expect_from_entry(p, &o);
		rig_run(s->r, 60001);
		peer_expect_state(p, LA_CLOSED);
	}
}

SCENARIO(shadow, old_fin_with_data,
	 "a repeated FIN with text before it is acknowledged, restarts 2*MSL and ends the reopen")
{
	struct old o;
	struct peer *p = scene_open(s);

	peer_data(p, 100);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	p->got = p->N;
	peer_fin(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 10000);
	o = (struct old){p->R, p->N, p->ts_now};
	p->lax_edge = true;
	peer_skip(p);
	blind_syn(p, &o, false);
	old_segment(s, p, &o, LA_FIN | LA_ACK, 101, 100);
	expect_from_entry(p, &o);
	expect_restored(s, p, 60000);
}

SCENARIO(shadow, old_ack, "an old ACK from a peer in LAST_ACK draws an ACK and ends the reopen; 2*MSL continues")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);

	blind_syn(p, &o, false);
	old_segment(s, p, &o, LA_ACK, 0, 0);
	expect_from_entry(p, &o);
	expect_restored(s, p, 60000 - 10600);
}

SCENARIO(shadow, old_data, "old text draws an ACK and ends the reopen; 2*MSL continues")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);

	blind_syn(p, &o, false);
	old_segment(s, p, &o, LA_ACK | LA_PSH, 301, 300);
	expect_from_entry(p, &o);
	expect_restored(s, p, 60000 - 10600);
}

SCENARIO(shadow, second_syn, "after a second SYN the peer's FIN is still acknowledged")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);

	blind_syn(p, &o, false);
	PEER_TX(p, .flags = LA_SYN, .seq = o.r + 0x81234567, .ts = TS_NONE);
	rig_run(s->r, 2000);
	peer_skip(p);
	old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
	expect_from_entry(p, &o);
	expect_restored(s, p, 60000);
}

SCENARIO(shadow, old_rst, "a RST of the old connection is ignored, as in TIME_WAIT (RFC 1337)")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);

	blind_syn(p, &o, false);
	old_segment(s, p, &o, LA_RST, 0, 0);
	CHECK(s->r, peer_waiting(p) == 0, "the RST drew a segment");
	peer_expect_state(p, LA_SYN_RCVD);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_rst_ignored) == 1, "time_wait_rst_ignored is not 1");
	old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
	expect_from_entry(p, &o);
	expect_restored(s, p, 60000);
}

SCENARIO(shadow, stale, "a segment with an old timestamp draws an ACK and does not end the reopen")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);

	if (!s->o.ts)
		return;
	blind_syn(p, &o, true);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = o.r - 1, .ack = o.n, .ts = TS_SET, .tsval = o.ts - 1);
	expect_from_entry(p, &o);
	peer_expect_state(p, LA_SYN_RCVD);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_paws) == 1, "time_wait_paws is not 1");
}

SCENARIO(shadow, not_old, "the entry does not answer a segment that no peer in LAST_ACK sends")
{
	const struct {
		uint8_t flags;
		uint32_t seq, ack, len;
	} seg[] = {
		{LA_FIN | LA_ACK, -2u, 0, 0},	       /* a FIN below the peer's FIN */
		{LA_ACK, 0, -1u, 0},		       /* an ACK that does not acknowledge our FIN */
		{LA_ACK, 0, 0, 10},		       /* text above the FIN */
		{LA_ACK, 0, 1, 0},		       /* an ACK above SND.NXT of the old connection */
		{LA_ACK | LA_PSH, -(1u << 25), 0, 10}, /* text far below the window */
		{LA_FIN, -1u, 0, 0},		       /* a FIN without the ACK bit */
	};
	struct old o;
	struct peer *p = enter_time_wait(s, &o);

	blind_syn(p, &o, false);
	for (unsigned i = 0; i < sizeof(seg) / sizeof(seg[0]); i++) {
		struct peer_rx *x;

		peer_skip(p);
		PEER_TX(p, .flags = seg[i].flags, .seq = o.r + seg[i].seq, .ack = o.n + seg[i].ack, .len = seg[i].len,
			.ts = s->o.ts ? TS_SET : TS_NONE, .tsval = o.ts + 10600);
		peer_expect_state(p, LA_SYN_RCVD);
		while ((x = peer_next(p)) != NULL)
			CHECK(s->r, x->seq != o.n || (x->flags & LA_RST), "segment %u answered by the entry", i);
	}
}

SCENARIO(shadow, genuine_syn, "after a repeated old FIN, the ACK of a genuine handshake still opens")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);
	uint32_t iss;

	peer_renew(p, o.r + 5000);
	peer_syn(p);
	iss = last_rx(p)->seq;
	peer_skip(p);
	old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
	expect_from_entry(p, &o);
	expect_restored(s, p, 60000);
	p->ISS = p->U = iss;
	p->N = p->got = iss + 1;
	p->R = p->IRS + 1;
	p->edge_on = false;
	p->ts_now = o.ts + 20000;
	peer_send(p, LA_ACK | LA_PSH, p->IRS + 1, iss + 1, 500);
	p->snd += 500;
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.opened == 1 && p->u.bytes == 500, "opened %u, %llu bytes", p->u.opened,
	      (unsigned long long)p->u.bytes);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_reopened) == 1, "time_wait_reopened is not 1");
	CHECK(s->r, peer_info(p).wscale == (s->o.wscale != 0) && peer_info(p).timestamps == s->o.ts,
	      "the options of the SYN are lost");
}

/* A reopen of p, whose SYN has the sequence number irs, ends by a segment of the old connection. left: 2*MSL, ms.
 * Returns its ISN. */
static uint32_t
give_up(struct scene *s, struct peer *p, const struct old *o, uint32_t irs, uint32_t left)
{
	uint32_t iss;

	peer_renew(p, irs);
	peer_syn(p);
	iss = last_rx(p)->seq;
	old_segment(s, p, o, LA_FIN | LA_ACK, 1, 0);
	expect_restored(s, p, left);
	peer_skip(p);
	return iss;
}

SCENARIO(shadow, genuine_syn_again,
	 "after a repeated old FIN, the retransmitted genuine SYN opens, and so does the ACK of the first SYN,ACK")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o);
	uint32_t iss = give_up(s, p, &o, o.r + 5000, 60000);

	rig_run(s->r, 1000);
	peer_skip(p);
	peer_renew(p, o.r + 5000);
	peer_syn(p);
	peer_expect_state(p, LA_SYN_RCVD);
	CHECK(s->r, last_rx(p)->seq == iss, "the ISN has changed by %u", last_rx(p)->seq - iss);
	peer_skip(p);
	p->lax_edge = true;
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(shadow, genuine_syn_late,
	 "a duplicate of that SYN over the entry of a later connection gets an ISN above that connection")
{
	struct old o;
	struct peer *p;
	uint32_t irs, end;

	s->o.ts = false;
	/* with two slots, the second connection after the first one has its slot */
	scene_rig(s, &(struct rig_opts){.msl_ms = 6000, .max_time_wait4 = 2, .max_time_wait6 = 2});
	p = enter_time_wait(s, &o);
	irs = o.r + 5000;
	give_up(s, p, &o, irs, 12000);
	for (uint32_t i = 1; i <= 2; i++) {
		rig_run(s->r, 13000);
		peer_renew(p, irs + 10000 * i);
		peer_to_time_wait(p, true, 'a');
	}
	rig_run(s->r, 1000);
	peer_skip(p);
	end = p->N;
	peer_renew(p, irs);
	expect_stamps(p, true); /* RFC 6191: newer than an entry without timestamps */
	PEER_TX(p, .flags = LA_SYN, .seq = irs, .ts = TS_SET, .tsval = 1);
	CHECK(s->r, last_rx(p)->flags == (LA_SYN | LA_ACK), "no reopen");
	CHECK(s->r, seq_gt(last_rx(p)->seq, end), "the ISN is %u below the end of the last connection",
	      end - last_rx(p)->seq);
}

SCENARIO(shadow, genuine_syn_other, "the same SYN to another tuple, whose entry has the same slot, gets its own ISN")
{
	struct old o;
	struct peer *p = enter_time_wait(s, &o), *q;
	uint32_t irs = o.r + 5000, iss = give_up(s, p, &o, irs, 60000);

	rig_run(s->r, 61000);
	peer_expect_state(p, LA_CLOSED);
	s->o.isn = irs - 5000;
	q = peer_new(s->r, &s->o);
	peer_to_time_wait(q, true, 'a');
	rig_run(s->r, 10000);
	q->lax_edge = true;
	peer_skip(q);
	peer_renew(q, irs);
	peer_syn(q);
	peer_expect_state(q, LA_SYN_RCVD);
	CHECK(s->r, last_rx(q)->seq != iss, "the ISN of the first tuple");
}

SCENARIO(shadow, guesses, "an ACK without a matching SYN,ACK opens no connection over a restored entry")
{
	const uint32_t off[] = {(uint32_t)-1, 1, 8, 0x1000, 0x80000, 0x1000000};
	struct old o;
	struct peer *p = enter_time_wait(s, &o);
	uint32_t iss;

	peer_renew(p, o.r + 5000);
	peer_syn(p);
	iss = last_rx(p)->seq;
	old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
	for (unsigned i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		p->ts_now = o.ts + 20000;
		peer_send(p, LA_ACK, o.r + 5001, iss + 1 + off[i], 0);
		peer_expect_state(p, LA_TIME_WAIT);
	}
	peer_send(p, LA_ACK, o.r + 5001 + 70000, iss + 1, 0); /* an ACK for another ISN of the peer */
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 600);
	peer_skip(p);
	p->edge_on = false;
}

SCENARIO(shadow, over, "2*MSL ends during the pending reopen: the entry expires and does not answer")
{
	struct old o;
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.msl_ms = 5500});
	p = enter_time_wait(s, &o);
	blind_syn(p, &o, s->o.ts);
	rig_run(s->r, 600); /* 11.2 s after the start of TIME_WAIT; 2*MSL is 11 s */
	old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
	peer_expect_state(p, LA_SYN_RCVD);
	CHECK(s->r, peer_waiting(p) == 0 || last_rx(p)->seq != o.n, "the entry answered");
	peer_skip(p);
}

SCENARIO(shadow, ours, "a repeated FIN restarts 2*MSL during an active reopen, which continues")
{
	struct old o;
	struct peer *p;
	uint32_t iss;

	s->o.conn.reuse_time_wait = true;
	p = scene_connect(s);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	p->got = p->N;
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 10000);
	o = (struct old){p->R, p->N, p->ts_now};
	p->lax_edge = true;
	p->u.closed = p->u.opened = 0;
	CHECK(s->r, user_connect(p) == 0, "la_connect failed");
	iss = last_rx(p)->seq;
	rig_run(s->r, 600);
	old_segment(s, p, &o, LA_FIN | LA_ACK, 1, 0);
	expect_from_entry(p, &o);
	peer_expect_state(p, LA_SYN_SENT);
	rig_run(s->r, 100);
	PEER_TX(p, .flags = LA_RST | LA_ACK, .seq = 0, .ack = iss + 1, .ts = TS_NONE);
	user_expect_closed(p, LA_END_REFUSED);
	expect_restored(s, p, 60000 - 100);
}

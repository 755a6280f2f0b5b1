/* SPDX-License-Identifier: BSD-3-Clause */

/* A SYN for a tuple in TIME_WAIT (RFC 6191, RFC 9293 3.6.1 MAY-2): which SYNs open a new incarnation, the ISN of the
 * new incarnation, and the end of a reopen that an old duplicate SYN began. */

#include "scenario.h"

static struct peer *
enter_time_wait(struct scene *s, char path)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, path);
	return p;
}

/* Sends a SYN for the tuple, without a timestamp, or with the last TSval plus `ts`. */
static void
syn_again(struct peer *p, uint32_t seq, bool stamped, int32_t ts)
{
	peer_skip(p);
	p->lax_edge = true;
	if (stamped)
		PEER_TX(p, .flags = LA_SYN, .seq = seq, .ts = TS_SET, .tsval = p->ts_now + (uint32_t)ts);
	else
		PEER_TX(p, .flags = LA_SYN, .seq = seq, .ts = TS_NONE);
}

static void
expect_reopened(struct peer *p, uint32_t isn, uint32_t old_n)
{
	struct peer_rx *x = peer_next(p);

	CHECK(p->r, x && x->flags == (LA_SYN | LA_ACK) && x->ack == isn + 1, "not reopened");
	CHECK(p->r, seq_gt(x->seq, old_n), "TW-20: ISS is not above the old SND.NXT");
	peer_expect_state(p, LA_SYN_RCVD);
}

static void
expect_refused(struct peer *p)
{
	struct peer_rx *x = peer_next(p);

	CHECK(p->r, x == NULL || (x->flags == LA_ACK && x->seq == p->N && x->ack == p->R),
	      "TW-22: the SYN drew a segment with flags %02x", x ? x->flags : 0);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(p->r, 1000);
}

SCENARIO(reopen, TW_12_15, "RFC 6191: old incarnation and SYN have timestamps")
{
	struct peer *p;
	uint32_t n, r, t;

	if (!s->o.ts)
		return;
	p = enter_time_wait(s, 'a');
	t = p->ts_now;
	r = p->R;
	n = p->N;
	syn_again(p, r - 1, true, 0); /* TW-14: equal TSval, SEG.SEQ not above the FIN */
	expect_refused(p);
	syn_again(p, r - 1000, true, 0);
	expect_refused(p);
	syn_again(p, r + 100000, true, -1); /* TW-15: older TSval */
	expect_refused(p);
	p->ts_now = t;
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_syn_refused) == 3, "time_wait_syn_refused is not 3");
	syn_again(p, r + 1, true, 0); /* TW-13: equal TSval, SEG.SEQ above the FIN */
	expect_reopened(p, r + 1, n);

	s->o.lport = 81;
	p = enter_time_wait(s, 'a');
	n = p->N;
	r = p->R;
	syn_again(p, r - 500000, true, 1); /* TW-12: newer TSval, any SEG.SEQ */
	expect_reopened(p, r - 500000, n);
}

SCENARIO(reopen, TW_16, "RFC 6191: the old incarnation has timestamps, the SYN has none")
{
	struct peer *p;
	uint32_t n, r;

	if (!s->o.ts)
		return;
	p = enter_time_wait(s, 'a');
	n = p->N;
	r = p->R;
	syn_again(p, r - 1, false, 0);
	expect_refused(p);
	p->o.ts = false;
	syn_again(p, r + 1, false, 0);
	expect_reopened(p, r + 1, n);
}

SCENARIO(reopen, TW_17, "RFC 6191: the old incarnation has no timestamps, the SYN has")
{
	struct peer *p;
	uint32_t n, r;

	if (s->o.ts)
		return;
	p = enter_time_wait(s, 'a');
	n = p->N;
	r = p->R;
	p->o.ts = true;
	syn_again(p, r - 5000, true, 1000);
	expect_reopened(p, r - 5000, n);
	CHECK(s->r, p->rx[p->nrx - 1].f.has_ts, "the SYN,ACK has no timestamp");
}

SCENARIO(reopen, TW_18, "RFC 6191: old incarnation and SYN have no timestamps")
{
	const uint32_t above[] = {0, 1, 100000, 0x7ffffffe}, below[] = {1, 2, 1000, 0x7fffffff};

	if (s->o.ts)
		return;
	for (unsigned i = 0; i < 4; i++) {
		struct peer *p;
		uint32_t n, r;

		s->o.lport = (uint16_t)(81 + i);
		p = enter_time_wait(s, 'b');
		n = p->N;
		r = p->R;
		syn_again(p, r - below[i], false, 0);
		expect_refused(p);
		syn_again(p, r + above[i], false, 0);
		expect_reopened(p, r + above[i], n);
	}
}

SCENARIO(reopen, TW_19, "SEG.SEQ of the SYN is compared with that of the FIN modulo 2^32")
{
	const uint32_t isn[] = {5, 0x7fffff00, 0x80000010};

	if (s->o.ts)
		return;
	for (unsigned i = 0; i < 3; i++) {
		struct peer *p;
		uint32_t n;

		s->o.isn = 0xfffffffe; /* the FIN is 0xffffffff */
		s->o.lport = (uint16_t)(81 + i);
		p = enter_time_wait(s, 'a');
		n = p->N;
		CHECK(s->r, p->R == 0, "R is %x", p->R);
		syn_again(p, isn[i], false, 0);
		if (i < 2)
			expect_reopened(p, isn[i], n);
		else
			expect_refused(p);
	}
}

SCENARIO(reopen, TW_22_flags, "a SYN with FIN, RST or ACK is never a newer SYN")
{
	struct peer *p = enter_time_wait(s, 'a');
	const uint8_t flags[] = {LA_SYN | LA_ACK, LA_SYN | LA_FIN, LA_SYN | LA_RST};

	for (unsigned i = 0; i < sizeof(flags); i++) {
		rig_run(s->r, 1000);
		peer_skip(p);
		peer_send(p, flags[i], p->R + 1000, p->N, 0);
		expect_refused(p);
	}
}

SCENARIO(reopen, TW_34, "after a reopen no segment of the old incarnation is accepted")
{
	struct peer *p = scene_open(s);
	uint32_t old_r, old_n, old_t = p->ts_now;

	peer_data(p, 1000);
	CHECK(s->r, p->u.bytes == 1000, "the data was not delivered");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_fin(p);
	peer_ack(p);
	peer_expect_state(p, LA_TIME_WAIT);
	old_r = p->R;
	old_n = p->N;
	rig_run(s->r, 50);
	p->lax_edge = true;
	peer_skip(p);
	peer_renew(p, old_r + 200000);
	p->lax_edge = true;
	peer_to_established(p);
	p->lax_edge = false;
	PEER_TX(p, .flags = LA_ACK, .seq = old_r - 1001, .ack = old_n - 1, .len = 1000,
		.ts = s->o.ts ? TS_SET : TS_NONE, .tsval = old_t);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = old_r - 1, .ack = old_n, .ts = s->o.ts ? TS_SET : TS_NONE,
		.tsval = old_t);
	PEER_TX(p, .flags = LA_RST, .seq = old_r);
	rig_run(s->r, 600);
	CHECK(s->r, p->u.bytes == 0 && p->u.peer_fin == 0 && p->u.closed == 0,
	      "a segment of the old incarnation was accepted");
	peer_expect_state(p, LA_ESTABLISHED);
}

SCENARIO(reopen, I_03, "the ISN of a reopened tuple is above all sequence numbers that the old incarnation sent")
{
	struct peer *p = scene_listen(s);
	uint32_t old;

	peer_to_established(p);
	/* sends faster than the ISN clock runs */
	for (unsigned i = 0; i < 40; i++) {
		CHECK(s->r, user_send(p, 20000) == 20000, "la_send failed");
		drain(p, 1);
	}
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_fin(p);
	peer_ack(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	old = p->N;
	rig_run(s->r, 1);
	p->lax_edge = true;
	peer_renew(p, p->R + 1000);
	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	CHECK(s->r, seq_gt(p->ISS, old), "ISS is %u below the old SND.NXT", old - p->ISS);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_reopened) == 1, "time_wait_reopened is not 1");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "the entry is still in the table");
}

SCENARIO(reopen, TW_21, "when the SYN of a reopen was an old duplicate, the entry is given back with its old deadline")
{
	struct peer *p = scene_listen(s);
	uint32_t n, r, left;

	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 10000);
	n = p->N;
	r = p->R;
	left = peer_info(p).time_wait_left_ms;
	CHECK(s->r, left == 50000, "%u ms left", left);
	p->lax_edge = true;
	peer_send(p, LA_SYN, r + 5000, 0, 0);
	CHECK(s->r, peer_waiting(p) == 1 && last_rx(p)->flags == (LA_SYN | LA_ACK), "not reopened");
	peer_expect_state(p, LA_SYN_RCVD);
	rig_run(s->r, 500);
	peer_skip(p);
	peer_send(p, LA_RST, r + 5001, 0, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == left - 500, "%u ms left", peer_info(p).time_wait_left_ms);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_given_back) == 1, "time_wait_given_back is not 1");
	p->N = n;
	p->edge_on = false;
	peer_send(p, LA_ACK, r - 1, n, 0);
	peer_expect(p, LA_ACK, n, r, 0);
	rig_run(s->r, left - 500 + 1);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_early_recycles) == 0, "early_recycles is not 0");
}

SCENARIO(reopen, TW_21_timeout, "after a reopen that times out no entry and no TCB is left")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 10000);
	p->lax_edge = true;
	peer_send(p, LA_SYN, p->R + 5000, 0, 0);
	peer_expect_state(p, LA_SYN_RCVD);
	rig_run(s->r, 400000);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0 && rig_counter(s->r, LA_C_live) == 0,
	      "an entry or a TCB is left");
}

SCENARIO(reopen, unlisten, "la_unlisten() during a reopen gives the entry back")
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 1000);
	p->lax_edge = true;
	peer_send(p, LA_SYN, p->R + 5000, 0, 0);
	peer_expect_state(p, LA_SYN_RCVD);
	CHECK(s->r, la_unlisten(s->r->s, NULL, p->t.lport) == 0, "la_unlisten failed");
	rig_pump(s->r);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_given_back) == 1, "time_wait_given_back is not 1");
	rig_run(s->r, 59001);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0 && rig_counter(s->r, LA_C_time_wait) == 0,
	      "an entry or a TCB is left");
}

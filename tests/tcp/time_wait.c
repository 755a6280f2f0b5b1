/* SPDX-License-Identifier: BSD-3-Clause */

/* TIME_WAIT on the wire (RFC 9293 3.6.1 and 3.10.7.4, RFC 1337, RFC 6191). An entry lives its full 2*MSL and answers
 * during this time. Only a provably newer SYN ends an entry early. Only the peer's repeated FIN restarts 2*MSL. */

#include "scenario.h"

enum { LIFE = 60000 }; /* 2*MSL of the rig, ms */

static struct peer *
enter_time_wait(struct scene *s, char path)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, path);
	return p;
}

/* Checks that the entry answers an old ACK. Because of the ACK throttle, use this at most once in 512 ms. */
static void
expect_entry(struct peer *p)
{
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
}

static void
expect_no_entry(struct peer *p)
{
	peer_skip(p);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(time_wait, TW_01, "each path into TIME_WAIT gives a full 2*MSL")
{
	const uint32_t at[] = {LIFE / 10, LIFE / 2, LIFE / 100 * 95, LIFE / 100 * 105};

	for (char path = 'a'; path <= 'c'; path++) {
		for (unsigned i = 0; i < 4; i++) {
			struct peer *p;

			s->o.lport = (uint16_t)(100 + 10 * path + i);
			p = enter_time_wait(s, path);
			peer_expect_none(p, at[i]);
			if (i < 3)
				expect_entry(p);
			else
				expect_no_entry(p);
		}
	}
}

SCENARIO(time_wait, TW_01_msl, "the MSL is that of the listener if configured, otherwise that of the shard")
{
	struct peer *p, *q;

	scene_rig(s, &(struct rig_opts){.msl_ms = 7000});
	p = enter_time_wait(s, 'a');
	s->o.lport = 81;
	s->o.conn.msl_ms = 2500;
	q = enter_time_wait(s, 'b');
	CHECK(s->r, peer_info(p).time_wait_left_ms == 14000, "%u ms left", peer_info(p).time_wait_left_ms);
	CHECK(s->r, peer_info(q).time_wait_left_ms == 5000, "%u ms left", peer_info(q).time_wait_left_ms);
	rig_run(s->r, 4999);
	peer_expect_state(q, LA_TIME_WAIT);
	rig_run(s->r, 2);
	peer_expect_state(q, LA_CLOSED);
	rig_run(s->r, 8998);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 2);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(time_wait, TW_03, "every repeated FIN is acknowledged, at any rate")
{
	struct peer *p = enter_time_wait(s, 'a');

	for (unsigned i = 0; i < 50; i++) {
		peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
		peer_expect_chk(p);
		rig_run(s->r, i);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_fin_acked) == 50, "time_wait_fin_acked is not 50");
}

SCENARIO(time_wait, TW_03_data, "a repeated FIN with its data is acknowledged and restarts 2*MSL")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_skip(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->got, 100);
	peer_expect(p, LA_ACK, p->N, p->IRS + 102, 0);
	rig_run(s->r, 1000);
	peer_send(p, LA_FIN | LA_ACK, p->IRS + 1, p->got, 100);
	peer_expect_chk(p);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE, "2*MSL did not restart");
	CHECK(s->r, p->u.bytes == 100, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(time_wait, TW_04, "a repeated FIN restarts 2*MSL")
{
	struct peer *p = enter_time_wait(s, 'a');

	rig_run(s->r, LIFE / 10 * 9);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	rig_run(s->r, LIFE / 10 * 6);
	expect_entry(p);
	rig_run(s->r, LIFE / 10 * 4 - 1);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 2);
	expect_no_entry(p);
}

SCENARIO(time_wait, TW_05, "only a repeated FIN restarts 2*MSL")
{
	struct peer *p = enter_time_wait(s, 'a');

	for (unsigned i = 0; i < 59; i++) {
		rig_run(s->r, 1000);
		peer_send(p, LA_ACK, p->R - 1, p->N, 0);
		peer_send(p, LA_ACK, p->R, p->N, 10);
		peer_send(p, LA_RST, p->R, 0, 0);
		peer_send(p, LA_ACK, p->R - 100, p->N, 50);
		peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
		if (!s->o.ts)
			peer_send(p, LA_SYN, p->R - 1, 0, 0);
		peer_skip(p);
	}
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 1000, "%u ms left", peer_info(p).time_wait_left_ms);
	rig_run(s->r, 1001);
	expect_no_entry(p);
}

SCENARIO(time_wait, TW_10, "RFC 1337 figure 1: the RST does not end TIME_WAIT")
{
	struct peer *p = enter_time_wait(s, 'a');

	/* an old duplicate draws an ACK, and this ACK draws a RST from a peer in CLOSED */
	peer_send(p, LA_ACK, p->R - 200, p->N - 1, 100);
	peer_expect_chk(p);
	peer_send(p, LA_RST, last_rx(p)->ack, 0, 0);
	peer_expect_none(p, 2000);
	expect_entry(p);
	CHECK(s->r, p->u.bytes == 0, "old data was delivered");
}

SCENARIO(time_wait, TW_23, "without a listener a newer SYN does not reopen, and the entry stays")
{
	struct peer *p = enter_time_wait(s, 'a');
	struct peer_rx *x;

	CHECK(s->r, la_unlisten(s->r->s, NULL, p->t.lport) == 0, "la_unlisten failed");
	rig_run(s->r, 1000);
	peer_send(p, LA_SYN, p->R + 1000, 0, 0);
	x = peer_next(p);
	CHECK(s->r,
	      x == NULL || x->flags == (LA_RST | LA_ACK) || (x->flags == LA_ACK && x->ack == p->R && x->seq == p->N),
	      "the SYN drew a segment with flags %02x", x->flags);
	rig_run(s->r, 1000);
	expect_entry(p);
}

SCENARIO(time_wait, TW_24, "PAWS in TIME_WAIT: an old FIN is answered and does not restart 2*MSL")
{
	struct peer *p;
	uint32_t t;

	if (!s->o.ts)
		return;
	p = enter_time_wait(s, 'a');
	t = p->ts_now;
	rig_run(s->r, 10000);
	PEER_TX(p, .flags = LA_FIN | LA_ACK, .seq = p->R - 1, .ack = p->N, .ts = TS_SET, .tsval = t - 1);
	peer_expect_chk(p);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE - 10000, "2*MSL restarted by an old FIN");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_paws) == 1, "time_wait_paws is not 1");
}

SCENARIO(time_wait, TW_25_26, "answers have a current timestamp and the last offered window")
{
	struct peer *p = enter_time_wait(s, 'a');
	uint16_t win = last_rx(p)->win;
	uint32_t val, t;

	rig_run(s->r, 1000);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	val = last_rx(p)->f.tsval;
	t = p->ts_now;
	CHECK(s->r, last_rx(p)->win <= win && last_rx(p)->win > 0, "window %u, last offered %u", last_rx(p)->win, win);
	rig_run(s->r, 100);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	if (!s->o.ts)
		return;
	CHECK(s->r, last_rx(p)->f.tsval - val == 100, "TSval moved by %u in 100 ms", last_rx(p)->f.tsval - val);
	CHECK(s->r, last_rx(p)->f.tsecr == t || last_rx(p)->f.tsecr == p->ts_now, "TSecr %u", last_rx(p)->f.tsecr);
}

SCENARIO(time_wait, TW_27, "LAST_ACK leaves no entry; CLOSING leaves an entry for a full 2*MSL")
{
	struct peer *p = scene_listen(s), *q;

	peer_to_last_ack(p, true);
	peer_ack(p);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "an entry after LAST_ACK");
	q = peer_new(s->r, &s->o);
	peer_to_time_wait(q, true, 'c');
	CHECK(s->r, peer_info(q).time_wait_left_ms == LIFE, "%u ms left", peer_info(q).time_wait_left_ms);
}

SCENARIO(time_wait, TW_28, "an entry blocks only its own tuple")
{
	struct peer *p = enter_time_wait(s, 'a'), *q;

	q = peer_new(s->r, &s->o); /* another port */
	peer_to_established(q);
	s->o.rport = p->t.rport;
	s->o.other = true;
	q = peer_new(s->r, &s->o); /* another address of the shard */
	peer_to_established(q);
	rig_run(s->r, 1000);
	expect_entry(p);
}

SCENARIO(time_wait, TW_29, "an active open refuses a tuple in TIME_WAIT, and succeeds after 2*MSL")
{
	struct peer *p = enter_time_wait(s, 'a');

	CHECK(s->r, user_connect(p) == -EADDRNOTAVAIL, "la_connect did not fail with EADDRNOTAVAIL");
	CHECK(s->r, rig_counter(s->r, LA_C_connect_time_wait) == 1, "connect_time_wait is not 1");
	rig_run(s->r, LIFE + 1);
	peer_skip(p);
	peer_renew(p, p->R + 1);
	peer_to_established_active(p);
}

SCENARIO(time_wait, TW_30, "five thousand entries expire each at the end of their own 2*MSL")
{
	struct peer *p;
	uint64_t start;

	if (s->o.ts != s->o.ip6)
		return; /* two variants are enough */
	scene_rig(s, &(struct rig_opts){.max_time_wait4 = 6000, .max_time_wait6 = 6000});
	p = scene_listen(s);
	start = s->r->now;
	for (unsigned i = 0; i < 5000; i++) {
		p->t.rport = (uint16_t)(1024 + i);
		peer_renew(p, 1000 * i);
		peer_to_time_wait(p, true, (char)('a' + i % 3));
		rig_run(s->r, 10);
		peer_skip(p);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 5000, "%llu entries",
	      (unsigned long long)rig_counter(s->r, LA_C_time_wait));
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	for (unsigned i = 0; i < 5000; i += 100) {
		p->t.rport = (uint16_t)(1024 + i);
		CHECK(s->r, peer_info(p).time_wait_left_ms == start + 10 * i + LIFE - s->r->now, "entry %u: %u ms left",
		      i, peer_info(p).time_wait_left_ms);
	}
	rig_run(s->r, start + LIFE + 25000 - s->r->now);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) >= 2498 && rig_counter(s->r, LA_C_time_wait) <= 2501,
	      "%llu entries, expected half of 5000", (unsigned long long)rig_counter(s->r, LA_C_time_wait));
	rig_run(s->r, 26000);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "entries are left");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 5000, "not all expired");
}

SCENARIO(time_wait, TW_32, "entries of different ages expire each at the end of their own 2*MSL")
{
	struct peer *p[3];
	uint64_t due[3];

	for (unsigned i = 0; i < 3; i++) {
		s->o.lport = (uint16_t)(81 + i);
		p[i] = enter_time_wait(s, 'a');
		due[i] = s->r->now + LIFE;
		rig_run(s->r, LIFE / 10 * 3);
	}
	peer_send(p[0], LA_FIN | LA_ACK, p[0]->R - 1, p[0]->N, 0);
	due[0] = s->r->now + LIFE;
	for (unsigned k = 1; k <= 3; k++) {
		unsigned i = k % 3;

		rig_run(s->r, due[i] - 1 - s->r->now);
		peer_expect_state(p[i], LA_TIME_WAIT);
		rig_run(s->r, 2);
		peer_expect_state(p[i], LA_CLOSED);
	}
}

SCENARIO(time_wait, TW_36, "2*MSL runs from the start of TIME_WAIT, not from la_close()")
{
	struct peer *p;

	s->o.conn.fin_wait_2_ms = 200000;
	p = scene_listen(s);
	peer_to_fin_wait_2(p, true);
	rig_run(s->r, LIFE);
	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE, "%u ms left", peer_info(p).time_wait_left_ms);
	rig_run(s->r, LIFE - 1);
	expect_entry(p);
	rig_run(s->r, 2);
	expect_no_entry(p);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The length of TIME_WAIT, to the millisecond. Each scenario runs with a 2*MSL of 60 s (the default MSL of 30 s) and of
 * 240 s (the MSL of 2 minutes of RFC 9293 3.4.1). An entry still exists 2*MSL after its start, and is free one tick
 * (1 ms) later. tests/live/35-time-wait checks the length in real time. */

#include "scenario.h"

static const uint32_t two_msl[] = {60000, 240000};

#define EACH_2MSL(life) for (uint32_t li_ = 0, life; li_ < 2 && (life = two_msl[li_]) != 0; li_++)

/* Replaces the rig by an empty one. life: 2*MSL in ms. */
static void
new_rig(struct scene *s, uint32_t life)
{
	scene_rig(s, &(struct rig_opts){.msl_ms = life / 2});
	s->o.lport = 0;
	s->o.rport = 0;
	s->o.conn = (struct la_conn_opts){0};
}

/* Returns a peer whose connection went to TIME_WAIT by this path of peer_to_time_wait(). */
static struct peer *
enter_time_wait(struct scene *s, char path)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, path);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	return p;
}

static void
expect_entry(struct peer *p)
{
	peer_expect_none(p, 0);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
}

static void
expect_no_entry(struct peer *p)
{
	peer_expect_none(p, 0);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect(p, LA_RST, p->N, 0, 0);
	peer_expect_state(p, LA_CLOSED);
}

/* Lets time pass until `at`. */
static void
run_to(struct rig *r, uint64_t at)
{
	CHECK(r, at >= r->now, "the time to run to is %llu ms in the past", (unsigned long long)(r->now - at));
	rig_run(r, at - r->now);
}

SCENARIO(tw_240, TW_01, "an entry lasts exactly 2*MSL, by each path into TIME_WAIT")
{
	EACH_2MSL(life)
	{
		const uint32_t at[] = {life / 10, life / 2, life / 100 * 95, life, life + 1, life / 100 * 105};

		new_rig(s, life);
		for (unsigned i = 0; i < 18; i++) {
			struct peer *p;

			s->o.lport = (uint16_t)(100 + i);
			p = enter_time_wait(s, (char)('a' + i % 3));
			CHECK(s->r, peer_info(p).time_wait_left_ms == life, "%u ms left of %u",
			      peer_info(p).time_wait_left_ms, life);
			peer_expect_none(p, at[i / 3]);
			if (at[i / 3] <= life)
				expect_entry(p);
			else
				expect_no_entry(p);
		}
	}
}

SCENARIO(tw_240, TW_02, "an entry expires without a segment, and the gauge time_wait decreases by one")
{
	EACH_2MSL(life)
	{
		for (char path = 'a'; path <= 'c'; path++) {
			struct peer *p;

			new_rig(s, life);
			p = enter_time_wait(s, path);
			peer_expect_none(p, life);
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 1, "the entry expired before 2*MSL");
			peer_expect_none(p, 1);
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "the gauge time_wait is not 0 after 2*MSL");
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 1, "time_wait_expired is not 1");
			peer_expect_none(p, life);
			expect_no_entry(p);
		}
	}
}

SCENARIO(tw_240, TW_04, "each repeated FIN restarts the full 2*MSL")
{
	EACH_2MSL(life)
	{
		for (char path = 'a'; path <= 'c'; path++) {
			struct peer *p;

			new_rig(s, life);
			p = enter_time_wait(s, path);
			for (unsigned i = 0; i < 3; i++) {
				peer_expect_none(p, life / 10 * 9);
				peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
				peer_expect_chk(p);
			}
			peer_expect_none(p, life / 10 * 6);
			expect_entry(p);
			peer_expect_none(p, life / 10 * 4);
			expect_entry(p);
			peer_expect_none(p, 1);
			expect_no_entry(p);
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait_fin_acked) == 3, "time_wait_fin_acked is not 3");
		}
	}
}

SCENARIO(tw_240, TW_05, "only a repeated FIN restarts 2*MSL, even during a flood")
{
	EACH_2MSL(life)
	{
		struct peer *p;
		uint64_t end;

		new_rig(s, life);
		p = enter_time_wait(s, 'a');
		end = s->r->now + life;
		while (s->r->now < end) {
			peer_send(p, LA_ACK, p->R - 1, p->N, 0);
			peer_send(p, LA_ACK, p->R, p->N, 0);
			peer_send(p, LA_ACK, p->R, p->N, 10);
			peer_send(p, LA_ACK, p->R, p->N + 1, 0);
			peer_send(p, LA_RST, p->R, 0, 0);
			peer_send(p, LA_ACK, p->R - 100, p->N, 50);
			peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
			peer_send(p, LA_SYN | LA_ACK, p->R - 1, p->N, 0);
			PEER_TX(p, .flags = LA_SYN, .seq = p->R - 1, .ts = s->o.ts ? TS_SET : TS_NONE,
				.tsval = p->ts_now);
			peer_skip(p);
			rig_run(s->r, life / 100);
		}
		peer_expect_state(p, LA_TIME_WAIT);
		CHECK(s->r, peer_info(p).time_wait_left_ms <= 1, "%u ms left", peer_info(p).time_wait_left_ms);
		peer_expect_none(p, 1);
		expect_no_entry(p);
		CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 1, "time_wait_expired is not 1");
	}
}

SCENARIO(tw_240, TW_32, "entries of different ages expire each at the end of their own 2*MSL")
{
	EACH_2MSL(life)
	{
		struct peer *p[3];
		uint64_t end[3];

		new_rig(s, life);
		for (unsigned i = 0; i < 3; i++) {
			s->o.lport = (uint16_t)(81 + i);
			p[i] = enter_time_wait(s, (char)('a' + i));
			end[i] = s->r->now + life;
			rig_run(s->r, life / 10 * 3);
		}
		peer_send(p[0], LA_FIN | LA_ACK, p[0]->R - 1, p[0]->N, 0);
		peer_expect_chk(p[0]);
		end[0] = s->r->now + life;
		for (unsigned k = 1; k <= 3; k++) {
			run_to(s->r, end[k % 3]);
			expect_entry(p[k % 3]);
			rig_run(s->r, 1);
			expect_no_entry(p[k % 3]);
		}
	}
}

SCENARIO(tw_240, TW_32_mixed, "entries of 60 s and 240 s in one table expire each at the end of their own 2*MSL")
{
	struct peer *p[8];
	uint64_t end[8];

	new_rig(s, two_msl[0]);
	for (unsigned i = 0; i < 8; i++) {
		s->o.lport = (uint16_t)(81 + i);
		s->o.conn.msl_ms = two_msl[i & 1] / 2;
		p[i] = enter_time_wait(s, (char)('a' + i % 3));
		end[i] = s->r->now + two_msl[i & 1];
		rig_run(s->r, 7001);
	}
	for (unsigned k = 0; k < 8; k++) {
		unsigned i = k < 4 ? 2 * k : 2 * (k - 4) + 1; /* first the entries of 60 s */

		run_to(s->r, end[i]);
		expect_entry(p[i]);
		rig_run(s->r, 1);
		expect_no_entry(p[i]);
		CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 7 - k, "%llu entries",
		      (unsigned long long)rig_counter(s->r, LA_C_time_wait));
	}
}

SCENARIO(tw_240, TW_36, "2*MSL runs from the start of TIME_WAIT, not from la_close()")
{
	EACH_2MSL(life)
	{
		struct peer *p;

		new_rig(s, life);
		s->o.conn.fin_wait_2_ms = 2 * life;
		p = scene_listen(s);
		peer_to_fin_wait_2(p, true);
		peer_expect_none(p, life);
		peer_fin(p);
		peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
		CHECK(s->r, peer_info(p).time_wait_left_ms == life, "%u ms left of %u", peer_info(p).time_wait_left_ms,
		      life);
		peer_expect_none(p, life);
		expect_entry(p);
		peer_expect_none(p, 1);
		expect_no_entry(p);
	}
}

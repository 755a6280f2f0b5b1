/* SPDX-License-Identifier: BSD-3-Clause */

/* The TIME_WAIT rows about time, to the millisecond, for 2*MSL of 60 s (MSL 30 s, the
 * default) and of 240 s (2 min, RFC 9293 3.4.1). An entry exists when 2*MSL have passed and is
 * free one tick later. tests/live/35-time-wait checks the same rows in real time. */

#include "scenario.h"

static const uint32_t lives[] = {60000, 240000};

#define EACH_LIFE(life) for (uint32_t li_ = 0, life; li_ < 2 && (life = lives[li_]) != 0; li_++)

/* A rig whose empty shard has this 2*MSL. */
static void
fresh(struct scene *s, uint32_t life)
{
	scene_rig(s, &(struct rig_opts){.msl_ms = life / 2});
	s->o.lport = 0;
	s->o.rport = 0;
	s->o.conn = (struct la_conn_opts){0};
}

static struct peer *
waiting(struct scene *s, char path)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, path);
	CHECK(s->r, rig_counter(s->r, LA_C_live) == 0, "a TCB is left");
	return p;
}

static void
expect_there(struct peer *p)
{
	peer_expect_none(p, 0);
	peer_send(p, LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
}

static void
expect_gone(struct peer *p)
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
	CHECK(r, at >= r->now, "that was %llu ms ago", (unsigned long long)(r->now - at));
	rig_run(r, at - r->now);
}

SCENARIO(tw_240, TW_01, "2*MSL to the tick, by each path into TIME_WAIT")
{
	EACH_LIFE(life)
	{
		const uint32_t at[] = {life / 10, life / 2, life / 100 * 95, life, life + 1, life / 100 * 105};

		fresh(s, life);
		for (unsigned i = 0; i < 18; i++) {
			struct peer *p;

			s->o.lport = (uint16_t)(100 + i);
			p = waiting(s, (char)('a' + i % 3));
			CHECK(s->r, peer_info(p).time_wait_left_ms == life, "%u ms left of %u",
			      peer_info(p).time_wait_left_ms, life);
			peer_expect_none(p, at[i / 3]);
			if (at[i / 3] <= life)
				expect_there(p);
			else
				expect_gone(p);
		}
	}
}

SCENARIO(tw_240, TW_02, "an entry expires without a segment, and the gauge drops by one")
{
	EACH_LIFE(life)
	{
		for (char path = 'a'; path <= 'c'; path++) {
			struct peer *p;

			fresh(s, life);
			p = waiting(s, path);
			peer_expect_none(p, life);
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 1, "gone too early");
			peer_expect_none(p, 1);
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 0, "still counted");
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 1, "not counted");
			peer_expect_none(p, life);
			expect_gone(p);
		}
	}
}

SCENARIO(tw_240, TW_04, "each repeated FIN restarts the full 2*MSL")
{
	EACH_LIFE(life)
	{
		for (char path = 'a'; path <= 'c'; path++) {
			struct peer *p;

			fresh(s, life);
			p = waiting(s, path);
			for (unsigned i = 0; i < 3; i++) {
				peer_expect_none(p, life / 10 * 9);
				peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
				peer_expect_chk(p);
			}
			peer_expect_none(p, life / 10 * 6);
			expect_there(p);
			peer_expect_none(p, life / 10 * 4);
			expect_there(p);
			peer_expect_none(p, 1);
			expect_gone(p);
			CHECK(s->r, rig_counter(s->r, LA_C_time_wait_fin_acked) == 3, "not counted");
		}
	}
}

SCENARIO(tw_240, TW_05, "only a repeated FIN restarts 2*MSL, even during a flood")
{
	EACH_LIFE(life)
	{
		struct peer *p;
		uint64_t end;

		fresh(s, life);
		p = waiting(s, 'a');
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
		expect_gone(p);
		CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 1, "not expired");
	}
}

SCENARIO(tw_240, TW_32, "entries of different ages expire at their own ticks")
{
	EACH_LIFE(life)
	{
		struct peer *p[3];
		uint64_t end[3];

		fresh(s, life);
		for (unsigned i = 0; i < 3; i++) {
			s->o.lport = (uint16_t)(81 + i);
			p[i] = waiting(s, (char)('a' + i));
			end[i] = s->r->now + life;
			rig_run(s->r, life / 10 * 3);
		}
		peer_send(p[0], LA_FIN | LA_ACK, p[0]->R - 1, p[0]->N, 0);
		peer_expect_chk(p[0]);
		end[0] = s->r->now + life;
		for (unsigned k = 1; k <= 3; k++) {
			run_to(s->r, end[k % 3]);
			expect_there(p[k % 3]);
			rig_run(s->r, 1);
			expect_gone(p[k % 3]);
		}
	}
}

SCENARIO(tw_240, TW_32_mixed, "entries of 60 s and 240 s in one table expire at their own ticks")
{
	struct peer *p[8];
	uint64_t end[8];

	fresh(s, lives[0]);
	for (unsigned i = 0; i < 8; i++) {
		s->o.lport = (uint16_t)(81 + i);
		s->o.conn.msl_ms = lives[i & 1] / 2;
		p[i] = waiting(s, (char)('a' + i % 3));
		end[i] = s->r->now + lives[i & 1];
		rig_run(s->r, 7001);
	}
	for (unsigned k = 0; k < 8; k++) {
		unsigned i = k < 4 ? 2 * k : 2 * (k - 4) + 1; /* the short ones first */

		run_to(s->r, end[i]);
		expect_there(p[i]);
		rig_run(s->r, 1);
		expect_gone(p[i]);
		CHECK(s->r, rig_counter(s->r, LA_C_time_wait) == 7 - k, "%llu entries",
		      (unsigned long long)rig_counter(s->r, LA_C_time_wait));
	}
}

SCENARIO(tw_240, TW_36, "2*MSL runs from the start of TIME_WAIT, not from la_close()")
{
	EACH_LIFE(life)
	{
		struct peer *p;

		fresh(s, life);
		s->o.conn.fin_wait_2_ms = 2 * life;
		p = scene_listen(s);
		peer_to_fin_wait_2(p, true);
		peer_expect_none(p, life);
		peer_fin(p);
		peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
		CHECK(s->r, peer_info(p).time_wait_left_ms == life, "%u ms left of %u", peer_info(p).time_wait_left_ms,
		      life);
		peer_expect_none(p, life);
		expect_there(p);
		peer_expect_none(p, 1);
		expect_gone(p);
	}
}

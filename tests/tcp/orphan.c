/* SPDX-License-Identifier: BSD-3-Clause */

/* Orphans: connections that the user has closed and that wait only for the peer (RFC 6429, RFC 9293 3.8.6.1). */

#include "scenario.h"

static const struct rig_opts many = {.max_conns = 256, .max_time_wait4 = 512, .max_time_wait6 = 512, .max_orphans = 20};

/* Opens a connection with a peer's window of `win`, sends `bytes` and closes. */
static struct peer *
orphan(struct scene *s, uint32_t bytes, int32_t win)
{
	struct peer *p = scene_another(s);

	PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = win);
	CHECK(s->r, user_send(p, bytes) == bytes, "la_send failed");
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	return p;
}

/* Answers every probe with a zero window, for ms milliseconds or until the connection ends. */
static void
answer_probes(struct peer *p, uint64_t ms)
{
	uint64_t until = p->r->now + ms;

	while (p->r->now < until && p->u.closed == 0) {
		uint64_t left = until - p->r->now;
		struct peer_rx *x = peer_wait(p, left < 100 ? left : 100);

		if (x && !(x->flags & LA_RST))
			PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	}
	peer_skip(p);
}

SCENARIO(orphan, closed_window, "with a zero window of the peer, an orphan ends after exactly orphan_ms")
{
	static const uint32_t limits[] = {0, 5000, 7001, 200000};

	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint64_t limit = limits[i] ? limits[i] : 60000, from;
		struct peer *p;

		s->o.conn.orphan_ms = limits[i];
		scene_rig(s, NULL);
		p = orphan(s, 5000, WIN_ZERO);
		from = s->r->now;
		answer_probes(p, limit - 1 - (s->r->now - from));
		CHECK(s->r, p->u.closed == 0, "ended after %lu ms", p->u.closed_at - from);
		answer_probes(p, 1000);
		CHECK(s->r, p->u.closed_at >= from + limit && p->u.closed_at <= from + limit + 1, "ended after %lu ms",
		      p->u.closed_at - from);
		CHECK(s->r, p->u.why.end == LA_END_TIMEOUT && p->u.why.unacked == 5000, "%s",
		      la_end_name(p->u.why.end));
		CHECK(s->r, rig_counter(s->r, LA_C_orphans_timed_out) == 1 && rig_counter(s->r, LA_C_orphans) == 0,
		      "orphans_timed_out is not 1 or orphans is not 0");
	}
}

SCENARIO(orphan, progress, "every ACK of new data restarts orphan_ms")
{
	struct peer *p;

	s->o.conn.orphan_ms = 5000;
	p = orphan(s, 20000, WIN_ZERO);
	for (unsigned i = 0; i < 6; i++) {
		struct peer_rx *x;

		answer_probes(p, 4000);
		CHECK(s->r, p->u.closed == 0, "ended after %u rounds", i);
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = 1460 >> (s->o.wscale ? 2 : 0));
		while ((x = peer_wait(p, 500)) != NULL && x->len == 0)
			;
		CHECK(s->r, x != NULL, "no data was sent into the window");
		p->got = x->end;
		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = p->got, .win = WIN_ZERO);
	}
	answer_probes(p, 6000);
	CHECK(s->r, p->u.closed == 1, "an orphan without progress did not end");
}

SCENARIO(orphan, small_window, "a window that opens and closes without an acknowledgement does not prolong R2")
{
	struct peer *p;
	uint64_t from;

	s->o.conn.orphan_ms = 10000;
	s->o.conn.user_timeout_ms = 30000;
	p = orphan(s, 5000, 100);
	from = s->r->now;
	for (unsigned i = 0; i < 100 && p->u.closed == 0; i++) {
		uint32_t una = p->ISS + 1;

		PEER_TX(p, .flags = LA_ACK, .seq = p->snd, .ack = una, .win = i % 2 ? WIN_ZERO : 100);
		rig_run(s->r, 900);
		peer_skip(p);
	}
	CHECK(s->r, p->u.closed == 1, "the connection is still open");
	CHECK(s->r, p->u.closed_at - from <= 61000, "ended after %lu ms", p->u.closed_at - from);
}

SCENARIO(orphan, number, "above max_orphans, the orphans that made no progress for the longest time are aborted")
{
	struct peer *p[40];
	unsigned gone = 0;

	scene_rig(s, &many);
	for (unsigned i = 0; i < 40; i++) {
		p[i] = orphan(s, 100, WIN_ZERO);
		rig_run(s->r, 20);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_orphans) == 40, "%lu orphans", rig_counter(s->r, LA_C_orphans));
	for (unsigned i = 0; i < 120; i++) { /* the last five orphans make progress */
		rig_run(s->r, 100);
		for (unsigned k = 35; k < 40 && i == 20; k++)
			PEER_TX(p[k], .flags = LA_ACK, .seq = p[k]->snd, .ack = p[k]->ISS + 1, .win = 10 + (int32_t)k);
	}
	for (unsigned i = 0; i < 40; i++) {
		gone += p[i]->u.closed;
		CHECK(s->r, p[i]->u.closed == (i < 20), "orphan %u: `closed` was called %u times", i, p[i]->u.closed);
		peer_skip(p[i]);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_aborted_orphans) == gone && gone == 20, "%u aborted", gone);
	CHECK(s->r, rig_counter(s->r, LA_C_orphans) == 20, "%lu orphans are left, expected 20",
	      rig_counter(s->r, LA_C_orphans));
}

SCENARIO(orphan, fresh, "new orphans are not aborted, even above max_orphans")
{
	struct peer *p[60];

	scene_rig(s, &many);
	for (unsigned i = 0; i < 60; i++)
		p[i] = orphan(s, 100, 0);
	rig_run(s->r, 500);
	for (unsigned i = 0; i < 60; i++) {
		CHECK(s->r, p[i]->u.closed == 0, "orphan %u was aborted", i);
		peer_ack(p[i]);
		peer_fin(p[i]);
		peer_skip(p[i]);
		CHECK(s->r, p[i]->u.closed == 1 && p[i]->u.why.end == LA_END_ORDERLY, "orphan %u did not end orderly",
		      i);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_orphans) == 0, "%lu orphans are left", rig_counter(s->r, LA_C_orphans));
}

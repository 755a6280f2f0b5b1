/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a shard: a restart that loads the saved state, and the end of the input. */

#include "world.h"

#include <string.h>

#include "../state/stream.h"

enum { CLOSE_MS = 600000 }; /* longer than any 2*MSL and any other limit */

static void
abort_all(struct world *w)
{
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t left = la_shard_abort_all(w->s, 100);

		world_pump(w);
		if (left == 0 && w->s->tcp.tcb_live == 0)
			return;
	}
	CHECK(w->s->tcp.tcb_live == 0); /* la_shard_abort_all() has ended every connection */
}

void
world_restart(struct world *w, uint64_t ms)
{
	struct stream st = {0};
	struct la_shard_saved saved;
	uint64_t entries;

	memset(w->act, 0, sizeof(w->act)); /* callbacks open no connections */
	abort_all(w);
	check_tables(w);
	entries = w->s->counters.v[LA_C_time_wait] + w->s->counters.v[LA_C_fin_wait_2_held];
	CHECK(la_shard_save(w->s, w->now, stream_write, &st) == 0 && st.len <= STREAM_MAX);
	la_shard_destroy(w->s);
	CHECK(la_shard_saved(stream_read, &st, &saved) == 0 && saved.now == w->now);
	CHECK(saved.time_wait[0] + saved.time_wait[1] == entries);
	w->now += ms;
	w->cfg.now = w->now;
	w->cfg.quiet_ms = 0;
	CHECK(la_shard_create(&w->cfg, &w->s) == 0);
	st.at = 0;
	CHECK(la_shard_load(w->s, stream_read, &st) == 0);
	CHECK(w->s->counters.v[LA_C_time_wait_loaded] + w->s->counters.v[LA_C_time_wait_lapsed] == entries);
	w->reopened = 0;
	stream_free(&st);
	world_pump(w);
}

/* Aborts all connections and lets all entries expire. Then no connection, entry, key or mbuf is left. */
void
world_close(struct world *w)
{
	const uint64_t *v = w->s->counters.v;

	world_in(w, NULL, false);
	world_starve(w, MBUFS);
	world_limits(w, 0);
	memset(w->act, 0, sizeof(w->act));
	w->mute = false;
	abort_all(w);
	check_step(w);
	check_tables(w);
	for (uint64_t end = w->now + CLOSE_MS; w->now < end;)
		world_run(w, end - w->now, false);
	check_step(w);
	check_tables(w);
	for (unsigned i = 0; i < USERS; i++)
		CHECK(w->users[i].c == NULL); /* every user got its `closed` */
	CHECK(v[LA_C_live] == 0 && v[LA_C_time_wait] == 0 && v[LA_C_fin_wait_2_held] == 0);
	CHECK(v[LA_C_time_wait_entered] == v[LA_C_time_wait_expired] + v[LA_C_time_wait_reopened]);
	CHECK(w->s->tcp.index.keys == 0);
	for (unsigned i = 0; i < LA_NSTATES; i++)
		CHECK(i == LA_CLOSED || i == LA_LISTEN || w->s->counters.state[i] == 0);
	la_shard_destroy(w->s);
	CHECK(rte_mempool_avail_count(w->cfg.mbufs) == MBUFS);
	CHECK(!w->cfg.control || rte_mempool_avail_count(w->cfg.control) == CONTROL);
}

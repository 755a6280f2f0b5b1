/* SPDX-License-Identifier: BSD-3-Clause */

/* A shard is saved and loaded into a new shard. A peer must not notice the restart. The last part tests quiet time,
 * which applies when no snapshot is loaded. */

#include "scenario.h"
#include "stream.h"

enum { LIFE = 60000, MSL = 30000 };

static struct peer *
enter_time_wait(struct scene *s)
{
	struct peer *p = scene_listen(s);

	peer_to_time_wait(p, true, 'a');
	return p;
}

/* Saves and destroys the shard, lets `away` ms pass, and loads the entries into a new shard without a listener. */
static void
restart(struct scene *s, uint64_t away)
{
	struct rig *r = s->r;
	struct la_shard_saved saved;
	struct la_shard_config cfg;
	struct la_prefix addrs[4];
	struct stream file = {0};

	CHECK(r, la_shard_save(r->s, r->now, stream_write, &file) == 0, "not saved");
	la_shard_destroy(r->s);
	r->s = NULL;
	rig_note(r, "  -- restart, %llu ms", (unsigned long long)away);
	CHECK(r, la_shard_saved(stream_read, &file, &saved) == 0, "not a saved shard");
	CHECK(r, saved.now == r->now, "saved at %llu", (unsigned long long)saved.now);
	r->now = saved.now + away;
	rig_config(r, &cfg, addrs);
	memcpy(cfg.secret, saved.secret, sizeof(cfg.secret));
	CHECK(r, la_shard_create(&cfg, &r->s) == 0, "not created");
	file.at = 0;
	CHECK(r, la_shard_load(r->s, stream_read, &file) == 0, "not loaded");
	CHECK(r, file.at == file.len, "%zu bytes not read", file.len - file.at);
	stream_free(&file);
	rig_pump(r);
}

/* The checks of every emitted segment also verify that TSvals never go back. */
SCENARIO(restart, fin_again, "after a restart the peer's repeated FIN is acknowledged and restarts 2*MSL")
{
	struct peer *p = enter_time_wait(s);
	struct peer_rx *x;
	uint32_t ts = p->ts_dut;
	uint64_t at = s->r->now;

	rig_run(s->r, 10000);
	restart(s, 5000);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_loaded) == 1, "time_wait_loaded is not 1");
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE - 15000, "%u ms are left", peer_info(p).time_wait_left_ms);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == LA_ACK && x->seq == p->N && x->ack == p->R,
	      "the repeated FIN was not acknowledged");
	if (s->o.ts)
		CHECK(s->r, x->f.has_ts && x->f.tsval - ts == s->r->now - at, "TSval moved by %u in %u ms",
		      x->f.tsval - ts, (uint32_t)(s->r->now - at));
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE, "2*MSL did not restart");
	restart(s, 100); /* a second restart */
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
}

SCENARIO(restart, whole_2msl, "2*MSL ends at the same millisecond as without a restart")
{
	struct peer *p = enter_time_wait(s);

	rig_run(s->r, 1000);
	restart(s, 40000);
	rig_run(s->r, LIFE - 41000 - 1);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0); /* restarts 2*MSL */
	peer_expect_chk(p);
	restart(s, 0);
	rig_run(s->r, 20000);
	restart(s, LIFE - 20000 - 1);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 2);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_expired) == 1, "time_wait_expired is not 1");
}

SCENARIO(restart, lapsed, "an entry that expired between the runs is not loaded")
{
	struct peer *p = enter_time_wait(s);

	restart(s, LIFE);
	peer_expect_state(p, LA_TIME_WAIT); /* the last tick has not ended */
	restart(s, 1);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_lapsed) == 1, "time_wait_lapsed is not 1");
	CHECK(s->r, rig_counter(s->r, LA_C_time_wait_loaded) == 0, "time_wait_loaded is not 0");
	restart(s, 1ull << 40); /* ticks have wrapped */
}

SCENARIO(restart, msl_is_kept, "a loaded entry keeps its own MSL")
{
	struct peer *p;

	s->o.conn.msl_ms = 2500;
	p = enter_time_wait(s);
	rig_run(s->r, 2000);
	restart(s, 1000);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 2000, "%u ms left", peer_info(p).time_wait_left_ms);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	CHECK(s->r, peer_info(p).time_wait_left_ms == 5000, "%u ms left", peer_info(p).time_wait_left_ms);
}

SCENARIO(restart, old_duplicates, "old data, RSTs and old SYNs of the last run are refused")
{
	struct peer *p = enter_time_wait(s);

	restart(s, 1000);
	peer_listen(p);
	peer_send(p, LA_RST, p->R, 0, 0);
	peer_expect_none(p, 600);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_send(p, LA_ACK, p->IRS + 1, p->N, 1);
	peer_expect_chk(p);
	rig_run(s->r, 600);
	p->lax_edge = true;
	PEER_TX(p, .flags = LA_SYN, .seq = p->IRS, .ts = s->o.ts ? TS_SET : TS_NONE, .tsval = p->ts_now - 100000);
	peer_expect_chk(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, LIFE - 1000 - 1200 - 1);
	peer_expect_state(p, LA_TIME_WAIT); /* no segment changed the deadline */
	rig_run(s->r, 2);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(restart, reopened, "a newer SYN reopens the entry, with an ISN above all sequence numbers of the last run")
{
	struct peer *p = enter_time_wait(s);
	uint32_t n = p->N, isn = p->R + 1000;
	struct peer_rx *x;

	restart(s, 0);
	peer_listen(p);
	p->lax_edge = true;
	PEER_TX(p, .flags = LA_SYN, .seq = isn, .ts = s->o.ts ? TS_SET : TS_NONE, .tsval = p->ts_now + 1);
	x = peer_next(p);
	CHECK(s->r, x && x->flags == (LA_SYN | LA_ACK) && x->ack == isn + 1, "not reopened");
	CHECK(s->r, seq_gt(x->seq, n), "ISS %x is not above the old SND.NXT %x", x->seq, n);
	peer_expect_state(p, LA_SYN_RCVD);
	rig_run(s->r, 100);
	CHECK(s->r, la_shard_abort_all(s->r->s, 10) == 0, "connections are left");
	rig_pump(s->r);
	peer_expect_state(p, LA_TIME_WAIT); /* the entry is given back */
	restart(s, 100);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE - 200, "%u ms left", /* the old deadline */
	      peer_info(p).time_wait_left_ms);
	peer_skip(p);
}

SCENARIO(restart, isn_clock, "the ISN clock continues, for active and passive opens")
{
	struct peer *p = scene_listen(s);
	uint32_t iss;
	uint64_t at;

	peer_syn(p);
	iss = last_rx(p)->seq;
	at = s->r->now;
	PEER_TX(p, .flags = LA_RST, .seq = p->R);
	peer_skip(p);
	CHECK(s->r, la_shard_abort_all(s->r->s, 10) == 0, "connections are left");
	restart(s, 12345);
	peer_renew(p, 0x20000000);
	CHECK(s->r, user_connect(p) == 0, "la_connect failed");
	CHECK(s->r, last_rx(p)->seq - iss == (uint32_t)((s->r->now - at) * 250), "ISS moved by %u",
	      last_rx(p)->seq - iss);
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	peer_skip(p);
}

SCENARIO(restart, isn_above_last_ack,
	 "the ISN is above all that was sent by a connection that ended without TIME_WAIT before the restart")
{
	struct peer *p = scene_listen(s);
	uint32_t end, isn = p->IRS;

	peer_to_established(p);
	CHECK(s->r, user_send(p, 3000) == 3000, "la_send failed");
	rig_pump(s->r);
	peer_ack(p);
	peer_fin(p);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	peer_ack(p);
	peer_expect_state(p, LA_CLOSED);
	end = p->ISS + 3002;
	restart(s, 1); /* the ISN clock makes 250 steps */
	peer_listen(p);
	peer_renew(p, isn);
	p->lax_edge = true;
	peer_syn(p);
	CHECK(s->r, seq_gt(p->ISS, end - 1), "ISN is %d above the old end", (int)(p->ISS - end));
	peer_skip(p);
	peer_send(p, LA_RST, isn + 1, 0, 0);
	peer_expect_state(p, LA_CLOSED);
}

SCENARIO(restart, fin_wait_2, "after a restart an entry in FIN_WAIT_2 waits for the FIN, until its limit")
{
	struct peer *p = scene_open(s);
	uint32_t n;

	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_ack(p);
	peer_skip(p);
	rig_run(s->r, 10000);
	peer_expect_state(p, LA_FIN_WAIT_2);
	user_expect_closed(p, LA_END_FIN_WAIT_2);
	restart(s, 20000);
	peer_expect_state(p, LA_FIN_WAIT_2);
	n = p->N;
	peer_fin(p);
	peer_expect(p, LA_ACK, n, p->IRS + 2, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, peer_info(p).time_wait_left_ms == LIFE, "%u ms left", peer_info(p).time_wait_left_ms);
	CHECK(s->r, rig_counter(s->r, LA_C_ended_orderly) == 1, "ended_orderly is not 1");

	s->o.lport = 81; /* this connection gets no FIN: the limit ends the entry */
	p = scene_open(s);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_ack(p);
	peer_skip(p);
	rig_run(s->r, 6000);
	restart(s, 53000);
	peer_expect_state(p, LA_FIN_WAIT_2);
	rig_run(s->r, 1100);
	peer_expect_state(p, LA_CLOSED);
	CHECK(s->r, rig_counter(s->r, LA_C_ended_fin_wait_2) == 1, "ended_fin_wait_2 is not 1");
}

SCENARIO(restart, own_opens, "la_connect() refuses a tuple that is in TIME_WAIT since the last run")
{
	struct peer *p = enter_time_wait(s);

	restart(s, 1000);
	CHECK(s->r, user_connect(p) == -EADDRNOTAVAIL, "la_connect did not fail with EADDRNOTAVAIL");
	CHECK(s->r, rig_counter(s->r, LA_C_connect_time_wait) == 1, "connect_time_wait is not 1");
}

/* Loads the file into a new shard at `now`, whose secret differs by `flip`. Returns the result of la_shard_load(). */
static int
load_into(struct scene *s, struct stream *file, uint64_t now, uint8_t flip)
{
	struct la_shard_config cfg;
	struct la_prefix addrs[4];
	struct la_shard *other;
	int rc;

	rig_config(s->r, &cfg, addrs);
	cfg.now = now;
	cfg.secret[31] ^= flip;
	CHECK(s->r, la_shard_create(&cfg, &other) == 0, "not created");
	file->at = 0;
	rc = la_shard_load(other, stream_read, file);
	CHECK(s->r, (rc == 0) == (la_shard_counters(other)->v[LA_C_time_wait] == 1),
	      "result %d does not agree with the number of entries", rc);
	la_shard_destroy(other);
	return rc;
}

SCENARIO(restart, refusals, "a table of another secret, time or format is not loaded")
{
	static const size_t at[] = {0, 7, 8, 12}; /* magic, order, version */
	struct peer *p = scene_open(s);
	struct la_shard_saved saved;
	struct stream file = {0};
	uint64_t now;

	CHECK(s->r, la_shard_save(s->r->s, s->r->now, stream_write, &file) == -EBUSY, "saved with an open connection");
	CHECK(s->r, file.len == 0, "%zu bytes", file.len);
	user_close(p);
	peer_ack(p);
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	rig_run(s->r, 500);
	now = s->r->now;
	CHECK(s->r, la_shard_save(s->r->s, now, stream_write, &file) == 0, "not saved");
	CHECK(s->r, la_shard_load(s->r->s, stream_read, &file) == -EBUSY, "loaded into itself");
	CHECK(s->r, load_into(s, &file, now, 0) == 0, "not loaded");
	CHECK(s->r, load_into(s, &file, now, 1) == -EKEYREJECTED, "loaded under another secret");
	CHECK(s->r, load_into(s, &file, now - 1, 0) == -ERANGE, "loaded into the past");
	for (unsigned i = 0; i < 4; i++) {
		int want = at[i] < 8 ? -EBADMSG : -EPROTONOSUPPORT;

		file.p[at[i]] ^= 0x10;
		file.at = 0;
		CHECK(s->r, la_shard_saved(stream_read, &file, &saved) == want, "byte %zu", at[i]);
		CHECK(s->r, load_into(s, &file, now, 0) == want, "byte %zu", at[i]);
		file.p[at[i]] ^= 0x10;
	}
	for (file.len--; file.len > 0; file.len--)
		CHECK(s->r, load_into(s, &file, now, 0) == -ENODATA, "%zu bytes", file.len);
	stream_free(&file);
}

/* -- quiet time (I-04) -- */

SCENARIO(quiet, syn_in, "quiet time: no SYN is answered for one MSL, then the peer's next SYN is")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.quiet_ms = MSL});
	CHECK(s->r, la_shard_quiet_until(s->r->s) == s->r->now + MSL + 1,
	      "la_shard_quiet_until() is not the end of quiet time");
	p = scene_listen(s);
	for (unsigned i = 1; i <= 3; i++) {
		peer_syn(p);
		peer_expect_none(p, 9000);
		CHECK(s->r, rig_counter(s->r, LA_C_quiet_time) == i, "quiet_time is wrong");
	}
	rig_run(s->r, 3000); /* the tick in which quiet time ends */
	peer_syn(p);
	peer_expect_none(p, 1);
	CHECK(s->r, rig_counter(s->r, LA_C_quiet_time) == 4, "quiet_time is not 4");
	peer_to_established(p);
}

SCENARIO(quiet, closed_port, "quiet time: a SYN to a closed port is not answered, an ACK draws a RST")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.quiet_ms = MSL});
	p = peer_new(s->r, &s->o);
	peer_syn(p);
	peer_expect_none(p, 10);
	PEER_TX(p, .flags = LA_SYN | LA_FIN, .seq = p->IRS);
	peer_expect_none(p, 10);
	CHECK(s->r, rig_counter(s->r, LA_C_quiet_time) == 2, "quiet_time is not 2");
	peer_send(p, LA_ACK, 7, 0x1234, 0); /* an ACK of a connection before the crash */
	peer_expect(p, LA_RST, 0x1234, 0, 0);
}

SCENARIO(quiet, syn_out, "quiet time: no SYN is sent, and la_connect() returns an error")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.quiet_ms = MSL});
	p = peer_new(s->r, &s->o);
	CHECK(s->r, user_connect(p) == -EAGAIN, "la_connect did not fail with EAGAIN");
	rig_run(s->r, MSL);
	CHECK(s->r, user_connect(p) == -EAGAIN, "la_connect did not fail with EAGAIN");
	CHECK(s->r, p->nrx == 0, "a segment was sent");
	CHECK(s->r, rig_counter(s->r, LA_C_connects) == 0, "connects is not 0");
	rig_run(s->r, 1);
	CHECK(s->r, user_connect(p) == 0, "la_connect failed");
	CHECK(s->r, last_rx(p)->flags == LA_SYN, "no SYN");
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	peer_skip(p);
}

SCENARIO(quiet, with_entries,
	 "quiet time: a loaded entry acknowledges the repeated FIN, and a newer SYN is not answered")
{
	struct peer *p = enter_time_wait(s), *q;
	uint32_t isn = p->R + 1000;

	s->r->opts.quiet_ms = MSL;
	restart(s, 10);
	peer_listen(p);
	for (unsigned i = 0; i < 3; i++) { /* the peer becomes the usual next hop */
		peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
		peer_expect_chk(p);
	}
	PEER_TX(p, .flags = LA_SYN, .seq = isn, .ts = s->o.ts ? TS_SET : TS_NONE, .tsval = p->ts_now + 1);
	peer_expect_none(p, 10);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, rig_counter(s->r, LA_C_quiet_time) == 1, "quiet_time is not 1");
	q = peer_new(s->r, &s->o);
	peer_syn(q);
	peer_expect_none(q, 10);
	CHECK(s->r, rig_counter(s->r, LA_C_quiet_time) == 2, "quiet_time is not 2");
}

SCENARIO(quiet, none, "without a configured quiet time SYNs are answered at once")
{
	struct peer *p = scene_open(s);

	CHECK(s->r, la_shard_quiet_until(s->r->s) == 0, "la_shard_quiet_until() is %llu",
	      (unsigned long long)la_shard_quiet_until(s->r->s));
	user_abort(p);
	peer_skip(p);
}

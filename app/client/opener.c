/* SPDX-License-Identifier: BSD-3-Clause */

/* Opens connections, up to the configured concurrency, each from the next tuple.
 *
 * A connection is opened, sends everything, and reads the expected bytes. Then, when the client
 * closes first, la_close() follows; otherwise the connection waits for the peer's FIN. The poll function opens
 * the missing connections, a bounded number per round, so that packets are processed between rounds. */

#include <errno.h>
#include <string.h>

#include "client/opener.h"
#include "server/payload.h"

enum {
	OPENS_A_ROUND = 64,
	SKIPS_A_ROUND = 64, /* tuples in use that a round skips before it ends */
	ALONE_MS = 1000,    /* longest time during which only the first connection is opened */
	ABORTS_A_ROUND = 512,
};

struct oconn {
	struct la_conn *c;
	struct opener *o;
	unsigned ticket;
	bool counted; /* n.wrong counts the connection, which is then neither complete nor incomplete */
	bool all_sent, all_read, gave_up;
	uint64_t sent, got;
	struct http_reply reply;
};

/* ---- sending ---- */

static void
send_some(struct oconn *oc)
{
	const struct opener *o = oc->o;
	ssize_t n;

	while (!oc->all_sent && o->cfg.request) {
		n = la_send(oc->c, o->cfg.request + oc->sent, o->request_len - (size_t)oc->sent);
		if (n <= 0)
			return;
		oc->sent += (uint64_t)n;
		oc->all_sent = oc->sent == o->request_len;
	}
	oc->all_sent = pattern_send(oc->c, &oc->sent, o->cfg.send_bytes);
}

/* ---- reading ---- */

static void
oconn_count_wrong(struct oconn *oc)
{
	if (!oc->counted)
		oc->o->n.wrong++;
	oc->counted = true;
}

/* Counts the body bytes up to the expected length, and compares them with the pattern. */
static void
check_body(struct oconn *oc, const uint8_t *b, size_t n)
{
	const struct opener_config *cfg = &oc->o->cfg;

	if (n > cfg->recv_bytes - oc->got)
		n = (size_t)(cfg->recv_bytes - oc->got);
	if (cfg->verify && !pattern_matches(oc->got, b, n))
		oconn_count_wrong(oc);
	oc->got += n;
}

/* Parses a piece of the answer. Bytes after the answer are ignored. */
static void
read_answer(struct oconn *oc, const uint8_t *b, size_t n)
{
	size_t body, at = 0;

	while (at < n && !oc->reply.done) {
		at += http_reply_read(&oc->reply, b + at, n - at, &body);
		if (oc->reply.head_done && oc->reply.status != 200)
			oconn_count_wrong(oc);
		if (body > oc->o->cfg.recv_bytes - oc->got)
			oconn_count_wrong(oc);
		check_body(oc, b + at - body, body);
	}
	if (oc->reply.error != REPLY_GOOD || (oc->reply.has_length && oc->reply.length != oc->o->cfg.recv_bytes))
		oconn_count_wrong(oc);
}

static void
read_some(struct oconn *oc)
{
	const void *span;
	size_t n;

	while ((n = la_peek(oc->c, &span)) > 0) {
		if (oc->o->cfg.http)
			read_answer(oc, span, n);
		else
			check_body(oc, span, n);
		la_consume(oc->c, n);
	}
	oc->all_read = oc->got >= oc->o->cfg.recv_bytes && (!oc->o->cfg.http || oc->reply.done);
}

/* ---- the connection's events ---- */

/* Sets the time-out again. When everything is sent and read, closes or, with server_first, waits for the peer's FIN. */
static void
oconn_advance(struct oconn *oc)
{
	struct opener *o = oc->o;

	if (o->cfg.timeout_ms != 0)
		la_set_timer(oc->c, o->cfg.timeout_ms);
	if (!oc->all_sent || (!oc->all_read && o->cfg.recv_bytes + o->cfg.http > 0))
		return;
	oc->all_read = true;
	if (!o->cfg.server_first)
		la_close(oc->c);
}

static void
oconn_opened(struct la_conn *c, void *user)
{
	(void)c;
	((struct oconn *)user)->o->started = true;
	send_some(user);
	oconn_advance(user);
}

static void
oconn_data(struct la_conn *c, void *user)
{
	struct oconn *oc = user;

	read_some(oc);
	if (oc->reply.error != REPLY_GOOD) /* the bytes after a bad answer cannot be parsed */
		la_abort(c);
	else
		oconn_advance(oc);
}

static void
oconn_writable(struct la_conn *c, void *user)
{
	(void)c;
	send_some(user);
	oconn_advance(user);
}

static void
oconn_peer_fin(struct la_conn *c, void *user)
{
	struct oconn *oc = user;

	read_some(oc);
	if (oc->o->cfg.http && !oc->reply.done)
		oc->all_read = http_reply_fin(&oc->reply) && oc->got >= oc->o->cfg.recv_bytes;
	la_close(c);
}

static void
oconn_timer(struct la_conn *c, void *user)
{
	struct oconn *oc = user;

	oc->o->n.timed_out++;
	oc->gave_up = true;
	la_abort(c);
}

static void
oconn_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct oconn *oc = user;
	struct opener *o = oc->o;

	(void)c;
	o->started = true;
	o->n.ended[why->end]++;
	o->n.unfinished += why->end == LA_END_ABORTED && !oc->gave_up;
	if (!oc->counted) {
		if (why->end == LA_END_ORDERLY && oc->all_sent && oc->all_read)
			o->n.complete++;
		else
			o->n.incomplete++;
	}
	la_tuples_done(&o->tuples, oc->ticket, o->now);
	slab_put(&o->conns, oc);
}

static const struct la_conn_ops conn_ops = {.opened = oconn_opened,
					    .data = oconn_data,
					    .writable = oconn_writable,
					    .peer_fin = oconn_peer_fin,
					    .timer = oconn_timer,
					    .closed = oconn_closed};

static const struct la_conn_opts conn_opts = {.nodelay = true};
static const struct la_conn_opts reuse_opts = {.nodelay = true, .reuse_time_wait = true};

/* ---- opening ---- */

enum verdict { GO_ON, SKIP, NOT_NOW, NEVER };

static enum verdict
open_one(struct opener *o, struct la_shard *shard)
{
	struct oconn *oc;
	int rc;

	if (!o->have_tuple) {
		rc = la_tuples_next(&o->tuples, o->now, &o->tuple, &o->ticket);
		if (rc) {
			o->n.waits += !o->waiting;
			__atomic_store_n(&o->waiting, true, __ATOMIC_RELAXED);
			return NOT_NOW;
		}
		if (o->waiting)
			__atomic_store_n(&o->waiting, false, __ATOMIC_RELAXED);
		o->have_tuple = true;
	}
	oc = slab_get(&o->conns);
	if (oc == NULL)
		return NOT_NOW;
	oc->o = o;
	oc->ticket = o->ticket;
	rc = la_connect(shard, &o->tuple, &conn_ops, oc, o->cfg.reuse ? &reuse_opts : &conn_opts, &oc->c);
	if (rc == 0) {
		o->have_tuple = false;
		o->n.started++;
		if (o->cfg.timeout_ms != 0)
			la_set_timer(oc->c, o->cfg.timeout_ms);
		return GO_ON;
	}
	slab_put(&o->conns, oc);
	if (rc == -EAGAIN) { /* quiet time: the run's time begins after it */
		o->t0 = 0;
		return NOT_NOW;
	}
	if (rc == -ENOBUFS) { /* no free TCB or entry: the tuple is used later */
		o->n.no_room++;
		return NOT_NOW;
	}
	la_tuples_unused(&o->tuples, o->ticket);
	o->have_tuple = false;
	if (rc == -EADDRINUSE || rc == -EADDRNOTAVAIL) {
		o->n.tuples_skipped++;
		return SKIP;
	}
	o->fatal = rc;
	return NEVER;
}

/* Returns the number of opens allowed in this round. The first connection is opened alone: during the resolution
 * of the next hop only a few packets can wait, and many SYNs would be dropped. */
static uint64_t
opener_allowance(const struct opener *o)
{
	uint64_t n = OPENS_A_ROUND, room = o->cfg.concurrency - o->conns.used;

	if (!o->started && o->now < o->t0 + ALONE_MS)
		room = o->conns.used == 0;
	if (room < n)
		n = room;
	if (o->cfg.connections != 0 && o->cfg.connections - o->n.started < n)
		n = o->cfg.connections - o->n.started;
	if (o->cfg.rate != 0 && n > 0) {
		uint64_t due = (o->now - o->t0) * o->cfg.rate / 1000 + 1;

		if (due <= o->n.started)
			n = 0;
		else if (due - o->n.started < n)
			n = due - o->n.started;
	}
	return n;
}

/* Once --duration and --drain have passed, aborts open connections, at most ABORTS_A_ROUND in a call. Returns whether
 * connections were open then. */
static bool
abort_late(struct opener *o, struct la_shard *shard)
{
	if (!o->cfg.bounded || o->cfg.duration_ms == 0 || o->t0 == 0 || o->conns.used == 0 ||
	    o->now - o->t0 < (uint64_t)o->cfg.duration_ms + o->cfg.drain_ms)
		return false;
	la_shard_abort_all(shard, ABORTS_A_ROUND);
	return true;
}

static enum la_round
poll_opener(void *ctx, struct la_shard *shard, uint64_t now)
{
	struct opener *o = ctx;
	uint64_t n, opens = 0;
	unsigned skips = 0;

	if (o->t0 == 0)
		o->t0 = now;
	o->now = now;
	if (abort_late(o, shard))
		return LA_ROUND_BUSY;
	if (o->stopped || now < o->retry_at)
		return LA_ROUND_IDLE;
	if ((o->cfg.duration_ms != 0 && now - o->t0 >= o->cfg.duration_ms) ||
	    (o->cfg.connections != 0 && o->n.started == o->cfg.connections)) {
		o->stopped = true;
		return LA_ROUND_IDLE;
	}
	for (n = opener_allowance(o); opens < n;) {
		enum verdict v = open_one(o, shard);

		if (v == GO_ON) {
			opens++;
			continue;
		}
		if (v == SKIP && ++skips < SKIPS_A_ROUND)
			continue;
		/* no tuple, address or table entry becomes free within the same millisecond */
		o->retry_at = now + 1;
		o->stopped = v == NEVER;
		break;
	}
	return opens > 0 ? LA_ROUND_BUSY : LA_ROUND_IDLE;
}

static void
opener_drain(void *ctx, struct la_shard *shard)
{
	struct opener *o = ctx;

	(void)shard;
	o->stopped = true;
}

static bool
opener_done(void *ctx, struct la_shard *shard)
{
	const struct opener *o = ctx;

	(void)shard;
	return o->stopped && o->conns.used == 0;
}

const struct la_station_ops opener_ops = {.poll = poll_opener, .drain = opener_drain, .done = opener_done};

int
opener_init(struct opener *o)
{
	o->request_len = o->cfg.request ? strlen(o->cfg.request) : 0;
	return slab_init(&o->conns, sizeof(struct oconn), o->cfg.concurrency);
}

void
opener_fini(struct opener *o)
{
	slab_fini(&o->conns);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* One connection of a load, from its open to its end.
 *
 *   opened --> ask --> [send all] --> [read all] --> think --> ask ... --> leave --> closed
 *
 *	mode      after the last request      at `leave`
 *	both      FIN after the skew          wait for the peer's FIN
 *	half      FIN at once                 wait for the peer's FIN
 *	client                                FIN
 *	server                                wait for the peer's FIN
 *	abort                                 RST
 *
 * Our FIN is always sent by la_shutdown(), never by la_close(): after la_shutdown() the peer's FIN is still reported,
 * and the state at that time shows which FIN was first. In CLOSING the peer's FIN did not acknowledge ours: the FINs
 * crossed. One timer serves think time, skew and --timeout, one at a time.
 *
 * The RST, and the FIN of mode both without skew, are sent in the next round. From a callback the FIN would be in the
 * request's segment, and the RST would replace the ACK that is due. */

#include "load/internal.h"
#include "server/payload.h"

enum load_timer { TIMER_GIVE_UP, TIMER_THINK, TIMER_SKEW };

static void conn_ask(struct load_conn *lc);

/* Restarts the time of --timeout, after progress. The timer stays: it is early, and conn_give_up() sets it again. */
static inline void
conn_touch(struct load_conn *lc)
{
	lc->touched = la_shard_now(lc->st->shard);
}

/* Starts the timer of --timeout. */
static void
conn_arm(struct load_conn *lc)
{
	conn_touch(lc);
	lc->timer = TIMER_GIVE_UP;
	if (lc->st->cfg->timeout_ms != 0)
		la_set_timer(lc->c, lc->st->cfg->timeout_ms);
}

static void
wait_for(struct load_conn *lc, enum load_timer what, uint32_t ms)
{
	lc->timer = (uint8_t)what;
	la_set_timer(lc->c, ms);
}

static void
send_our_fin(struct load_conn *lc)
{
	if (lc->fin == 0) {
		lc->fin = lc->st->event;
		la_shutdown(lc->c);
	}
}

/* Defers our FIN or our RST to the next round. */
static void
conn_defer(struct load_conn *lc)
{
	if (!lc->is_later)
		TAILQ_INSERT_TAIL(&lc->st->later, lc, later);
	lc->is_later = true;
}

static void
conn_undefer(struct load_conn *lc)
{
	if (lc->is_later)
		TAILQ_REMOVE(&lc->st->later, lc, later);
	lc->is_later = false;
}

bool
load_conn_later(struct load_station *st)
{
	struct load_conn *lc = TAILQ_FIRST(&st->later);
	bool any = lc != NULL;

	if (any)
		st->event = load_now(st);
	for (; lc; lc = TAILQ_FIRST(&st->later)) {
		conn_undefer(lc);
		if (lc->mode == CLOSE_ABORT) {
			lc->aborted = true;
			la_abort(lc->c);
		} else {
			send_our_fin(lc);
		}
	}
	return any;
}

/* After the last request is sent: sends the FIN of mode half, or plans the FIN of mode both. */
static void
conn_sent_last(struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;
	uint32_t span = cfg->skew_ms[1] - cfg->skew_ms[0], ms = cfg->skew_ms[0];

	if (lc->mode == CLOSE_HALF)
		send_our_fin(lc);
	if (lc->mode != CLOSE_BOTH)
		return;
	if (span > 0)
		ms += la_rng_below(&lc->st->rng, span + 1);
	if (ms > 0)
		wait_for(lc, TIMER_SKEW, ms);
	else
		conn_defer(lc);
}

/* After all requests are sent and all answers are read: ends the connection, if our side is to do so. */
static void
conn_leave(struct load_conn *lc)
{
	if (lc->mode == CLOSE_CLIENT)
		send_our_fin(lc);
	else if (lc->mode == CLOSE_ABORT)
		conn_defer(lc);
}

/* Ends a connection whose remaining requests will go to another one. The connection ends as planned, but the peer's FIN
 * may be first (RFC 9112 9.6). */
static void
conn_carry(struct load_conn *lc)
{
	if (lc->mode == CLOSE_ABORT)
		conn_defer(lc);
	else if (lc->mode != CLOSE_SERVER)
		send_our_fin(lc);
}

/* The next step after an answer, or after the handshake. */
static void
go_on(struct load_conn *lc)
{
	if (lc->carry)
		conn_carry(lc);
	else if (lc->left > 0)
		conn_ask(lc);
	else
		conn_leave(lc);
}

/* ---- sending ---- */

static void
sent_all(struct load_conn *lc)
{
	lc->unsent = false;
	LOAD_ADD(lc->st->n.requests, 1);
	if (lc->left == 1)
		conn_sent_last(lc);
}

static void
send_some(struct load_conn *lc)
{
	switch (lc->st->cfg->protocol) {
	case LOAD_HTTP:
		if (load_http_send(lc))
			sent_all(lc);
		break;
	case LOAD_ECHO:
		if (pattern_send(lc->c, &lc->sent, lc->st->cfg->size))
			sent_all(lc);
		break;
	case LOAD_CLOSE:
		if (la_send(lc->c, "c", 1) == 1)
			sent_all(lc);
		break;
	case LOAD_PLAIN:
		break;
	}
}

/* Sends the next request. The close service answers its request only with a FIN. */
static void
conn_ask(struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;

	lc->asked = lc->st->event;
	lc->sent = lc->got = 0;
	lc->wrong = false;
	lc->asking = lc->unsent = true;
	if (cfg->protocol == LOAD_HTTP)
		load_http_ask(lc);
	send_some(lc);
}

/* ---- reading ---- */

/* Reads all received bytes. Returns whether the answer is complete or cannot be read further. */
static bool
read_some(struct load_conn *lc)
{
	const void *span;
	size_t n;

	while ((n = la_peek(lc->c, &span)) > 0) {
		if (!lc->any)
			load_record(lc, LAT_FIRST_BYTE, lc->due, lc->st->event);
		lc->any = true;
		load_take(lc, span, n);
		la_consume(lc->c, n);
	}
	return load_answer_ended(lc);
}

static void
conn_answered(struct load_conn *lc)
{
	if (lc->unsent) { /* an early answer: the rest of the request is not sent, and no other request */
		LOAD_ADD(lc->st->n.requests, 1);
		lc->peer_closes = true;
	}
	lc->asking = lc->unsent = false;
	if (lc->reply.error != REPLY_GOOD) {
		lc->unread = true;
		return;
	}
	lc->left--;
	lc->served = true;
	lc->carry = lc->peer_closes && lc->left > 0;
	LOAD_ADD(lc->st->n.answers, 1);
	load_record(lc, LAT_ANSWER, lc->asked, lc->st->event);
}

/* Aborts the connection after an answer that cannot be read further, or after bytes without a request. Returns whether
 * it did; then lc is freed. */
static bool
abort_unusable(struct load_conn *lc)
{
	if (lc->extra && !lc->unread) {
		lc->wrong = false; /* extra bytes count, also after a wrong answer */
		load_bad(lc, BAD_EXTRA_BYTES);
		lc->unread = true;
	}
	if (!lc->unread)
		return false;
	la_abort(lc->c);
	return true;
}

/* ---- the connection's events ---- */

static void
conn_opened(struct la_conn *c, void *user)
{
	struct load_conn *lc = user;
	struct load_station *st = lc->st;

	(void)c;
	st->event = load_now(st);
	lc->opened = true;
	if (lc->warm) {
		st->warmed++;
	} else {
		LOAD_ADD(st->n.established, 1);
		LOAD_ADD(st->at[lc->target].established, 1);
		load_record(lc, LAT_HANDSHAKE, lc->due, st->event);
	}
	conn_touch(lc);
	if (lc->left == 0 && lc->mode == CLOSE_BOTH)
		conn_sent_last(lc);
	go_on(lc);
}

static void
conn_data(struct la_conn *c, void *user)
{
	struct load_conn *lc = user;
	uint32_t think = lc->st->cfg->think_ms;

	(void)c;
	lc->st->event = load_now(lc->st);
	conn_touch(lc);
	if (read_some(lc))
		conn_answered(lc);
	else if (!lc->extra)
		return;
	if (abort_unusable(lc))
		return;
	if (think == 0 || lc->timer == TIMER_SKEW)
		go_on(lc);
	else
		wait_for(lc, TIMER_THINK, think);
}

static void
conn_writable(struct la_conn *c, void *user)
{
	struct load_conn *lc = user;

	(void)c;
	lc->st->event = load_now(lc->st);
	conn_touch(lc);
	if (lc->asking && lc->unsent)
		send_some(lc);
}

/* Returns the kind of orderly end, when the peer's FIN has arrived. */
static enum load_kind
kind_at_peer_fin(const struct load_conn *lc)
{
	struct la_conn_info info;

	if (lc->fin == 0)
		return KIND_SERVER_FIRST;
	if (la_conn_state(lc->c) != LA_CLOSING)
		return KIND_CLIENT_FIRST;
	la_conn_info(lc->c, &info);
	/* a transmitted FIN uses a sequence number after the queued data; a FIN that waits behind data was not sent,
	 * so the peer's FIN was first */
	return info.snd_nxt - info.snd_una > info.snd_queued ? KIND_SIMULTANEOUS : KIND_SERVER_FIRST;
}

/* Returns whether the peer's FIN completes the answer. */
static bool
fin_completes_answer(struct load_conn *lc)
{
	if (lc->st->cfg->protocol == LOAD_HTTP)
		return load_http_fin(lc);
	return lc->st->cfg->protocol == LOAD_CLOSE && !lc->unsent;
}

static void
conn_peer_fin(struct la_conn *c, void *user)
{
	struct load_conn *lc = user;

	(void)c;
	lc->st->event = load_now(lc->st);
	if (read_some(lc) || (lc->asking && fin_completes_answer(lc)))
		conn_answered(lc);
	if (abort_unusable(lc))
		return;
	if (!lc->asking && lc->left > 0 && lc->served)
		lc->carry = lc->peer_closes = true; /* the peer closes between two requests (RFC 9112 9.5) */
	conn_touch(lc);
	lc->first = (uint8_t)kind_at_peer_fin(lc);
	send_our_fin(lc);
}

/* Ends a connection without progress for --timeout. */
static void
conn_give_up(struct load_conn *lc)
{
	uint64_t idle = la_shard_now(lc->st->shard) - lc->touched;
	struct la_conn *c = lc->c;
	struct la_conn_info info;

	if (idle < lc->st->cfg->timeout_ms) {
		la_set_timer(c, lc->st->cfg->timeout_ms - (uint32_t)idle);
		return;
	}
	la_conn_info(c, &info);
	if (info.state == LA_FIN_WAIT_2) { /* only the peer's FIN is missing: the end is LA_END_FIN_WAIT_2 */
		la_set_timer(c, 0);
		la_consume(c, la_unread(c));
		la_close(c);
		return;
	}
	lc->gave_up = true;
	if (lc->asking)
		load_bad(lc, BAD_TIMED_OUT);
	la_abort(c);
}

static void
conn_timer(struct la_conn *c, void *user)
{
	struct load_conn *lc = user;

	(void)c;
	lc->st->event = load_now(lc->st);
	switch ((enum load_timer)lc->timer) {
	case TIMER_THINK:
		conn_arm(lc);
		go_on(lc);
		break;
	case TIMER_SKEW:
		conn_arm(lc);
		send_our_fin(lc);
		break;
	case TIMER_GIVE_UP:
		conn_give_up(lc);
		break;
	}
}

static void
conn_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct load_conn *lc = user;
	struct load_station *st = lc->st;
	uint64_t now = load_now(st);

	(void)c;
	conn_undefer(lc);
	if (why->end == LA_END_RESET && lc->asking && st->cfg->protocol == LOAD_HTTP)
		load_http_reset(lc);
	if (lc->warm) {
		st->warmed += !lc->opened;
		st->warm_open--;
	} else {
		load_conn_end(lc, why->end, now);
		LOAD_ADD(st->n.unacked, why->unacked);
	}
	__atomic_store_n(&st->last_close, now, __ATOMIC_RELAXED);
	la_tuples_done(&st->tuples[lc->target], lc->ticket, st->now_ms);
	if (lc->carry)
		load_carry_add(lc);
	else
		slab_put(&st->conns, lc);
}

const struct la_conn_ops load_conn_ops = {.opened = conn_opened,
					  .data = conn_data,
					  .writable = conn_writable,
					  .peer_fin = conn_peer_fin,
					  .timer = conn_timer,
					  .closed = conn_closed};

void
load_conn_begin(struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;

	conn_arm(lc);
	if (lc->warm) /* opens and closes without a request */
		return;
	switch (cfg->protocol) {
	case LOAD_HTTP:
	case LOAD_ECHO:
		if (lc->left == 0)
			lc->left = cfg->requests;
		break;
	case LOAD_CLOSE: /* sends the close command only in modes server and both */
		lc->left = lc->mode == CLOSE_SERVER || lc->mode == CLOSE_BOTH;
		break;
	case LOAD_PLAIN:
		break;
	}
}

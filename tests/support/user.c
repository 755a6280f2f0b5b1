/* SPDX-License-Identifier: BSD-3-Clause */

/* The shard's user: records callbacks, reads and compares delivered bytes. */

#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "peer.h"

/* A listener's user pointer is the rig. This callback gives each accepted connection its own user pointer, the
 * peer. */
static void
passive_opened(struct la_conn *c, void *user)
{
	struct rig *r = user;
	struct la_conn_info info;
	struct peer *p;

	la_conn_info(c, &info);
	p = peer_of(r, &info.tuple);
	if (p == NULL)
		FAIL(r, "a connection was opened on a tuple without a peer");
	if (la_conn_state(c) != info.state)
		FAIL(r, "la_conn_state() is %s, la_conn_info() has %s", la_state_name(la_conn_state(c)),
		     la_state_name(info.state));
	la_set_user(c, p);
	la_set_ops(c, &user_ops);
	p->u.c = c;
	user_ops.opened(c, p);
}

static void
opened(struct la_conn *c, void *user)
{
	struct peer *p = user;

	rig_note(p->r, "  user: opened");
	CHECK(p->r, p->u.c == c, "`opened` was called for another connection");
	p->u.opened++;
	p->u.opened_at = p->r->now;
	CHECK(p->r, p->u.opened == 1, "`opened` was called twice");
	if (p->u.close_on_open)
		la_close(c);
}

void
user_read(struct peer *p, uint64_t max)
{
	const void *span;
	size_t n;

	while (max > 0 && p->u.c && (n = la_peek(p->u.c, &span)) > 0) {
		const uint8_t *b = span;

		if (n > max)
			n = max;
		for (size_t i = 0; i < n; i++)
			CHECK(p->r, b[i] == pattern(PATTERN_IN, p->u.bytes + i), "the byte at offset %llu is wrong",
			      (unsigned long long)(p->u.bytes + i));
		p->u.bytes += n;
		max -= n;
		la_consume(p->u.c, n);
	}
}

static void
data(struct la_conn *c, void *user)
{
	struct peer *p = user;

	CHECK(p->r, p->u.c == c && p->u.opened == 1, "`data` was called before `opened`");
	CHECK(p->r, p->u.peer_fin == 0, "`data` was called after `peer_fin`");
	CHECK(p->r, la_unread(c) > 0, "`data` was called without unread bytes");
	p->u.data++;
	if (!p->u.hold)
		user_read(p, UINT64_MAX);
}

static void
acked(struct la_conn *c, void *user)
{
	struct peer *p = user;

	CHECK(p->r, p->u.c == c, "`acked` was called for another connection");
	p->u.acked++;
}

static void
writable(struct la_conn *c, void *user)
{
	struct peer *p = user;

	CHECK(p->r, p->u.c == c, "`writable` was called for another connection");
	p->u.writable++;
}

static void
peer_fin_cb(struct la_conn *c, void *user)
{
	struct peer *p = user;

	rig_note(p->r, "  user: peer_fin");
	CHECK(p->r, p->u.c == c && p->u.opened == 1, "`peer_fin` was called before `opened`");
	p->u.peer_fin++;
	p->u.peer_fin_at = p->r->now;
	CHECK(p->r, p->u.peer_fin == 1, "`peer_fin` was called twice");
	if (p->u.close_on_fin)
		la_close(c);
}

static void
timer(struct la_conn *c, void *user)
{
	struct peer *p = user;

	CHECK(p->r, p->u.c == c, "`timer` was called for another connection");
	p->u.timer++;
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct peer *p = user;

	rig_note(p->r, "  user: closed, %s, %llu unacknowledged", la_end_name(why->end),
		 (unsigned long long)why->unacked);
	CHECK(p->r, p->u.c == c, "`closed` was called for another connection");
	p->u.c = NULL;
	p->u.closed++;
	p->u.closed_at = p->r->now;
	p->u.why = *why;
	CHECK(p->r, p->u.closed == 1, "`closed` was called twice");
}

const struct la_conn_ops user_ops = {
	.opened = opened,
	.data = data,
	.acked = acked,
	.writable = writable,
	.peer_fin = peer_fin_cb,
	.timer = timer,
	.closed = closed,
};

static const struct la_conn_ops listen_ops = {.opened = passive_opened};

void
peer_listen(struct peer *p)
{
	int err = la_listen(p->r->s, NULL, p->t.lport, &listen_ops, p->r, &p->o.conn);

	CHECK(p->r, err == 0, "la_listen: %s", strerror(-err));
}

int
user_connect(struct peer *p)
{
	int err = la_connect(p->r->s, &p->t, &user_ops, p, &p->o.conn, &p->u.c);

	rig_note(p->r, "  user: connect = %d", err);
	rig_pump(p->r);
	return err;
}

ssize_t
user_send(struct peer *p, uint32_t len)
{
	uint8_t *b = malloc(len ? len : 1);
	ssize_t n;

	CHECK(p->r, b != NULL, "no memory");
	CHECK(p->r, p->u.c != NULL, "the user has no connection to send on");
	for (uint32_t i = 0; i < len; i++)
		b[i] = pattern(PATTERN_OUT, p->u.sent + i);
	n = la_send(p->u.c, b, len);
	free(b);
	rig_note(p->r, "  user: send %u = %d", len, (int)n);
	if (n > 0)
		p->u.sent += (uint64_t)n;
	rig_pump(p->r);
	return n;
}

int
user_shutdown(struct peer *p)
{
	int err;

	CHECK(p->r, p->u.c != NULL, "the user has no connection to shut down");
	err = la_shutdown(p->u.c);
	rig_note(p->r, "  user: shutdown = %d", err);
	rig_pump(p->r);
	return err;
}

int
user_close(struct peer *p)
{
	int err;

	CHECK(p->r, p->u.c != NULL, "the user has no connection to close");
	err = la_close(p->u.c);
	rig_note(p->r, "  user: close = %d", err);
	rig_pump(p->r);
	return err;
}

int
user_abort(struct peer *p)
{
	int err;

	CHECK(p->r, p->u.c != NULL, "the user has no connection to abort");
	err = la_abort(p->u.c);
	rig_note(p->r, "  user: abort = %d", err);
	CHECK(p->r, p->u.closed == 1, "la_abort() returned without a call of `closed`");
	rig_pump(p->r);
	return err;
}

void
user_expect_closed_at(const char *file, int line, struct peer *p, enum la_end why)
{
	if (p->u.closed != 1)
		rig_fail(p->r, file, line, "`closed` was not called once; expected end: %s", la_end_name(why));
	if (p->u.why.end != why)
		rig_fail(p->r, file, line, "closed: %s, expected %s", la_end_name(p->u.why.end), la_end_name(why));
}

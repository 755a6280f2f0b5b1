/* SPDX-License-Identifier: BSD-3-Clause */

/* The shard's users: they read as the input selects, and compare the bytes. They may make any call of the API in any
 * callback, for the connection of the callback or for another one. */

#include "world.h"

#include <errno.h>

enum { DEPTH_MAX = 3, TEXT_MAX = 1 << 16 };

/** Actions of a user, in the low half of a byte. The high half of the byte is a size or a choice. */
enum act {
	ACT_NONE,
	ACT_SEND_LITTLE,
	ACT_SEND_MUCH,
	ACT_SEND_CONST,
	ACT_SHUTDOWN,
	ACT_CLOSE,
	ACT_ABORT,
	ACT_TIMER,
	ACT_READ_SOME,
	ACT_READ_ALL,
	ACT_SET,
	ACT_CONNECT,
	ACT_LISTEN,
	ACT_OTHER_CLOSE,
	ACT_OTHER_SEND,
	ACT_OTHER_ABORT,
};

struct user *
user_of(struct world *w, const struct la_tcb *c)
{
	struct user *u = c->user;

	return u >= w->users && u < w->users + USERS ? u : NULL;
}

static struct user *
user_new(struct world *w, struct la_conn *c)
{
	for (unsigned i = 0; i < USERS; i++) {
		CHECK(!c || w->users[i].c != c); /* no other connection has this pointer */
		if (w->users[i].c == NULL) {
			w->users[i] = (struct user){.w = w, .c = c};
			return &w->users[i];
		}
	}
	fprintf(stderr, "more connections than the table holds\n");
	abort();
}

/* Reads at most max bytes of the peer's stream, and compares them: the value of a byte depends on its sequence
 * number. */
static void
user_read(struct user *u, size_t max)
{
	struct la_conn *c = u->c;
	const void *span;
	size_t n;

	/* reading the last byte of a DETACHED connection ends it */
	while (max && u->c == c && (n = la_peek(c, &span)) > 0) {
		const uint8_t *p = span;

		CHECK(n <= la_unread(c));
		if (n > max)
			n = max;
		for (size_t i = 0; u->opened && !u->w->lax && i < n; i++)
			CHECK(p[i] == pattern(PATTERN_IN, (uint32_t)(u->next + i)));
		u->next += (uint32_t)n;
		la_consume(c, n);
		max -= n;
	}
}

static void
user_send(struct user *u, size_t len, bool constant)
{
	static uint8_t text[TEXT_MAX];
	ssize_t n;

	if (text[1] == 0 && text[2] == 0)
		for (unsigned i = 0; i < TEXT_MAX; i++)
			text[i] = pattern(PATTERN_OUT, i);
	if (u->sent + len > TEXT_MAX)
		return;
	n = constant ? la_send_const(u->c, text + u->sent, len) : la_send(u->c, text + u->sent, len);
	CHECK((n >= 0 && (size_t)n <= len) || n == -EPIPE || n == -ENOTCONN);
	if (n > 0)
		u->sent += (uint64_t)n;
}

void
user_connect(struct world *w, struct line *l)
{
	struct user *u;
	struct la_conn *c = NULL;
	int rc;

	for (unsigned i = 0, n = 0; i < USERS; i++) {
		n += w->users[i].c != NULL;
		if (n == USERS - 1)
			return;
	}
	rc = la_connect(w->s, &l->t, l->opts & 16 ? &silent_ops : &user_ops, NULL, &w->opts, &c);
	TRACE("  connect = %d\n", rc);
	if (rc < 0) {
		CHECK(c == NULL && (rc == -EADDRINUSE || rc == -EADDRNOTAVAIL || rc == -EHOSTUNREACH || rc == -EAGAIN ||
				    rc == -ENOBUFS || rc == -ENOMEM || rc == -ENOSPC));
		return;
	}
	CHECK(c != NULL);
	u = user_new(w, c);
	la_set_user(c, u);
}

void
user_listen(struct world *w, unsigned which)
{
	uint16_t port = which & 1 ? 81 : 80;
	const struct la_addr *a = which & 2 ? &w->addrs[which >> 2 & 1].addr : NULL;
	int rc = la_listen(w->s, a, port, which & 8 ? &silent_ops : &user_ops, w, &w->opts);

	TRACE("  listen %u = %d\n", which, rc);
	if (rc == -EADDRINUSE)
		rc = la_unlisten(w->s, a, port);
	/* EADDRNOTAVAIL: the address is a duplicate on the link */
	CHECK(rc == 0 || rc == -ENOSPC || rc == -ENOMEM || rc == -EADDRNOTAVAIL);
}

static struct user *
other(struct world *w, const struct user *u, unsigned n)
{
	for (unsigned i = 0; i < USERS; i++) {
		struct user *o = &w->users[(n + i) % USERS];

		if (o != u && o->c)
			return o;
	}
	return NULL;
}

static void
act_on(struct world *w, struct user *u, enum act what, unsigned size)
{
	struct la_conn_info info;
	int rc = 0;

	switch (what) {
	case ACT_SEND_LITTLE:
		user_send(u, size + 1, false);
		break;
	case ACT_SEND_MUCH:
		user_send(u, 700 * size + 300, false);
		break;
	case ACT_SEND_CONST:
		user_send(u, 900 * size + 100, true);
		break;
	case ACT_SHUTDOWN:
		rc = la_shutdown(u->c);
		break;
	case ACT_CLOSE:
		rc = la_close(u->c);
		break;
	case ACT_ABORT:
		rc = la_abort(u->c);
		break;
	case ACT_TIMER:
		la_set_timer(u->c, size * size * 20);
		break;
	case ACT_READ_SOME:
		user_read(u, 1 + size * size * 10);
		break;
	case ACT_READ_ALL:
		user_read(u, SIZE_MAX);
		break;
	case ACT_SET:
		la_set_nodelay(u->c, size & 1);
		la_set_ops(u->c, size & 2 ? &silent_ops : &user_ops);
		la_conn_info(u->c, &info);
		CHECK(info.snd_queued <= u->sent && info.rcv_queued == la_unread(u->c));
		CHECK(la_send_room(u->c) <= LA_BUF_MAX);
		break;
	case ACT_CONNECT:
		if (w->depth == 0 || w->many)
			user_connect(w, &w->lines[size % TUPLES]);
		break;
	case ACT_LISTEN:
		user_listen(w, size);
		break;
	default:
		break;
	}
	CHECK(rc == 0 || rc == -EPIPE || rc == -ENOTCONN || rc == -EALREADY);
}

void
user_act(struct world *w, struct user *u, uint8_t byte)
{
	enum act what = byte & 15;
	unsigned size = byte >> 4;

	if (what >= ACT_OTHER_CLOSE) {
		u = other(w, u, size);
		what = what == ACT_OTHER_CLOSE ? ACT_CLOSE : what == ACT_OTHER_SEND ? ACT_SEND_MUCH : ACT_ABORT;
	}
	if (u && u->c) {
		TRACE("  user %d acts %u, size %u\n", (int)(u - w->users), what, size);
		act_on(w, u, what, size);
	}
}

/* --- callbacks
 * ------------------------------------------------------------------------------------------ */

static void
called(struct user *u, enum event ev)
{
	struct world *w = u->w;

	TRACE("  user %d: event %u\n", (int)(u - w->users), ev);
	if (w->act[ev] == ACT_NONE || w->depth >= DEPTH_MAX)
		return;
	w->depth++;
	user_act(w, u, w->act[ev]);
	w->depth--;
}

static void
read_some(struct user *u)
{
	size_t unread = la_unread(u->c);

	switch (u->w->reading) {
	case 0:
		user_read(u, SIZE_MAX);
		break;
	case 1:
		break;
	case 2:
		user_read(u, unread / 2);
		break;
	default:
		user_read(u, 1);
		break;
	}
}

static void
opened(struct la_conn *conn, void *user)
{
	const struct la_tcb *c = (const struct la_tcb *)conn;
	struct user *u = user;
	bool fin = c->state == LA_CLOSE_WAIT || c->state == LA_CLOSING || c->state == LA_LAST_ACK ||
		   c->state == LA_TIME_WAIT;

	if (c->flags & LA_F_ACTIVE) {
		CHECK(u->c == conn);
	} else { /* a listener's user is the world */
		u = user_new(user, conn);
		la_set_user(conn, u);
	}
	CHECK(!u->opened);
	u->opened = true;
	u->next = c->rcv_nxt - c->rcv_queued - fin;
	u->iss = c->snd_una - 1;
	called(u, EV_OPENED);
}

static void
data(struct la_conn *c, void *user)
{
	struct user *u = user;

	CHECK(u->c == c && u->opened && la_unread(c) > 0);
	read_some(u);
	called(u, EV_DATA);
}

static void
writable(struct la_conn *c, void *user)
{
	struct user *u = user;

	CHECK(u->c == c);
	called(u, EV_WRITABLE);
}

static void
peer_fin(struct la_conn *c, void *user)
{
	struct user *u = user;

	CHECK(u->c == c && u->opened);
	read_some(u);
	called(u, EV_FIN);
}

static void
timer(struct la_conn *c, void *user)
{
	struct user *u = user;

	CHECK(u->c == c);
	called(u, EV_TIMER);
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct user *u = user;

	CHECK(u->c == c);
	CHECK(why->end < LA_NENDS);
	CHECK(why->end != LA_END_ORDERLY || why->unacked == 0);
	CHECK(why->unacked <= u->sent);
	TRACE("  user %d: closed %s\n", (int)(u - u->w->users), la_end_name(why->end));
	called(u, EV_CLOSED);
	u->c = NULL;
}

const struct la_conn_ops user_ops = {
	.opened = opened,
	.data = data,
	.writable = writable,
	.peer_fin = peer_fin,
	.timer = timer,
	.closed = closed,
};

/* A user with the fewest callbacks. */
const struct la_conn_ops silent_ops = {.opened = opened, .closed = closed};

void
user_opts(struct la_conn_opts *o, struct bytes *b)
{
	static const uint32_t bufs[] = {0, 3000, 100, 70000}, waits[] = {0, 2000, 20000, 100000},
			      fw2[] = {0, 1000, 8000, 60000}, msls[] = {0, 100, 2000};
	uint8_t x = get8(b), y = get8(b);

	*o = (struct la_conn_opts){.rcvbuf = bufs[x & 3],
				   .sndbuf = bufs[x >> 2 & 3],
				   .user_timeout_ms = waits[x >> 4 & 3],
				   .fin_wait_2_ms = fw2[x >> 6],
				   .keepalive_ms = y & 1 ? 3000 : 0,
				   .mss = y & 2 ? 200 : 0,
				   .nodelay = y & 4,
				   .reuse_time_wait = y & 8,
				   .no_timestamps = y & 16,
				   .no_wscale = y & 32,
				   .msl_ms = y >> 6 == 3 ? 10u + get8(b) : msls[y >> 6]};
}

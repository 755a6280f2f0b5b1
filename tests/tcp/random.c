/* SPDX-License-Identifier: BSD-3-Clause */

/* Random peers, random users, random time steps. These rules hold for every sequence of events: each connection of
 * an `opened` callback or of la_connect() gets `closed` once. Each TIME_WAIT entry expires or is reopened by a newer
 * SYN. Gauges return to zero, and every mbuf returns to its pool. Every state with a time limit ends in time. */

#include "scenario.h"

#include <stdlib.h>

enum { PEERS = 4, STEPS = 1500, SEEDS = 8, LIVE_MAX = 256 };

struct random_users {
	struct rig *r;
	struct peer *p[PEERS];
	unsigned seed;
	struct la_conn *live[LIVE_MAX];
	unsigned n, opened, closed;
	bool listening;
};

static unsigned
pick(struct random_users *w, unsigned n)
{
	return (unsigned)rand_r(&w->seed) % n;
}

static unsigned
find(const struct random_users *w, const struct la_conn *c)
{
	unsigned i = 0;

	while (i < w->n && w->live[i] != c)
		i++;
	return i;
}

static void
add_live(struct random_users *w, struct la_conn *c)
{
	CHECK(w->r, find(w, c) == w->n && w->n < LIVE_MAX, "a new connection has the pointer of a live one");
	w->live[w->n++] = c;
}

static void user_acts(struct random_users *w, struct la_conn *c);

static void
on_opened(struct la_conn *c, void *user)
{
	struct random_users *w = user;

	w->opened++;
	if (find(w, c) == w->n) /* a passive open; connect_one() has added active ones */
		add_live(w, c);
	if (pick(w, 8) == 0)
		user_acts(w, c);
}

static void
on_event(struct la_conn *c, void *user)
{
	struct random_users *w = user;

	CHECK(w->r, find(w, c) < w->n, "a callback for a connection that has ended");
	if (pick(w, 2))
		la_consume(c, pick(w, (unsigned)la_unread(c) + 1));
	if (find(w, c) < w->n && pick(w, 8) == 0)
		user_acts(w, c);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct random_users *w = user;
	unsigned i = find(w, c);

	CHECK(w->r, i < w->n, "`closed` was called for a connection that has ended");
	CHECK(w->r, why->end < LA_NENDS, "an unknown reason of the end");
	CHECK(w->r, why->end != LA_END_ORDERLY || why->unacked == 0, "orderly, and %llu bytes unacknowledged",
	      (unsigned long long)why->unacked);
	w->live[i] = w->live[--w->n];
	w->closed++;
}

static const struct la_conn_ops random_ops = {
	.opened = on_opened,
	.data = on_event,
	.writable = on_event,
	.peer_fin = on_event,
	.timer = on_event,
	.closed = on_closed,
};

static void
user_acts(struct random_users *w, struct la_conn *c)
{
	static const char text[5000];

	switch (pick(w, 10)) {
	case 0:
		la_close(c);
		break;
	case 1:
		la_shutdown(c);
		break;
	case 2:
		if (pick(w, 4) == 0)
			la_abort(c);
		break;
	case 3:
		la_consume(c, la_unread(c));
		break;
	case 4:
		la_set_timer(c, pick(w, 3000));
		break;
	case 5:
		la_send_const(c, text, pick(w, sizeof(text)));
		break;
	default:
		la_send(c, text, pick(w, sizeof(text)));
		break;
	}
}

static void
random_segment(struct random_users *w, struct peer *p)
{
	static const uint8_t flags[] = {
		LA_SYN,		 LA_SYN,	  LA_SYN | LA_ACK, LA_ACK, LA_ACK,	    LA_ACK, LA_ACK | LA_PSH,
		LA_FIN | LA_ACK, LA_FIN | LA_ACK, LA_FIN,	   LA_RST, LA_RST | LA_ACK, 0,	    LA_SYN | LA_FIN,
		LA_ACK | LA_URG, LA_SYN | LA_RST,
	};
	const uint32_t seqs[] = {
		0, 0, 0, 0, (uint32_t)-1, 1, (uint32_t)-10, 100, p->W - 1, p->W, (uint32_t)rand_r(&w->seed)};
	const uint32_t acks[] = {p->N, p->N, p->N, p->N, p->U, p->ISS, p->N + 1, p->N - 1, (uint32_t)rand_r(&w->seed)};
	const uint32_t lens[] = {0, 0, 0, 1, 10, 100, 1000, 1400};
	struct peer_tx t = {.flags = flags[pick(w, sizeof(flags))],
			    .seq = p->R + seqs[pick(w, 11)],
			    .ack = acks[pick(w, 9)],
			    .len = lens[pick(w, 8)],
			    .win = pick(w, 6)	? 0
				   : pick(w, 2) ? WIN_ZERO
						: 1 + (int)pick(w, 3000)};

	if (!(t.flags & LA_SYN) && p->ts_on && pick(w, 5) == 0) {
		t.ts = pick(w, 2) ? TS_NONE : TS_SET;
		t.tsval = p->ts_now - 3 + pick(w, 6);
	}
	if (pick(w, 50) == 0)
		t.bad_cksum = true;
	peer_tx(p, &t);
}

/* Sends a segment that a correct peer could send next. Without such segments few connections make progress. */
static void
correct_segment(struct random_users *w, struct peer *p)
{
	switch (peer_state(p)) {
	case LA_TIME_WAIT:
		if (pick(w, 4)) {
			peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
			break;
		}
		/* fall through */
	case LA_CLOSED:
		peer_send(p, LA_SYN, p->R + pick(w, 100000), 0, 0);
		break;
	case LA_SYN_SENT:
		peer_send(p, LA_SYN | LA_ACK, p->R, p->N, 0);
		break;
	default:
		peer_send(p, (uint8_t)(LA_ACK | (pick(w, 4) ? 0 : LA_FIN)), p->R, p->N, pick(w, 2) ? 0 : pick(w, 1400));
		break;
	}
}

static void
toggle_listener(struct random_users *w)
{
	uint16_t port = w->p[0]->t.lport;
	int err;

	if (w->listening)
		err = la_unlisten(w->r->s, NULL, port);
	else
		err = la_listen(w->r->s, NULL, port, &random_ops, w, &w->p[0]->o.conn);
	CHECK(w->r, err == 0, "listen or unlisten: %d", err);
	w->listening = !w->listening;
}

static void
connect_one(struct random_users *w, struct peer *p)
{
	struct la_conn *c;

	if (la_connect(w->r->s, &p->t, &random_ops, w, &p->o.conn, &c) == 0)
		add_live(w, c);
}

static void
step(struct random_users *w)
{
	struct peer *p = w->p[pick(w, PEERS)];
	unsigned choice = pick(w, 100);

	if (choice < 45)
		random_segment(w, p);
	else if (choice < 70)
		correct_segment(w, p);
	else if (choice < 85 && w->n)
		user_acts(w, w->live[pick(w, w->n)]);
	else if (choice < 90)
		connect_one(w, p);
	else if (choice < 91 || !w->listening)
		toggle_listener(w);
	else
		rig_run(w->r, pick(w, 20) ? pick(w, 2000) : pick(w, 100000));
	rig_pump(w->r);
	for (unsigned i = 0; i < PEERS; i++)
		peer_skip(w->p[i]), w->p[i]->nrx = w->p[i]->next = 0;
}

static void
check_end(struct random_users *w)
{
	const struct la_counters *k = la_shard_counters(w->r->s);

	for (unsigned i = 0; i < w->n; i++) {
		struct la_conn_info info;

		la_conn_info(w->live[i], &info);
		rig_note(w->r, "left: %s, port %u, %zu unread, %u queued", la_state_name(info.state), info.tuple.rport,
			 la_unread(w->live[i]), info.snd_queued);
	}
	CHECK(w->r, w->n == 0, "%u connections did not get `closed`", w->n);
	CHECK(w->r, k->v[LA_C_live] == 0, "%llu TCBs are live", (unsigned long long)k->v[LA_C_live]);
	CHECK(w->r, k->v[LA_C_time_wait] == 0, "%llu TIME_WAIT entries are left",
	      (unsigned long long)k->v[LA_C_time_wait]);
	CHECK(w->r, k->v[LA_C_time_wait_entered] == k->v[LA_C_time_wait_expired] + k->v[LA_C_time_wait_reopened],
	      "entered %llu, expired %llu, reopened %llu", (unsigned long long)k->v[LA_C_time_wait_entered],
	      (unsigned long long)k->v[LA_C_time_wait_expired], (unsigned long long)k->v[LA_C_time_wait_reopened]);
	for (unsigned i = 0; i < LA_NSTATES; i++)
		CHECK(w->r, i == LA_CLOSED || i == LA_LISTEN || k->state[i] == 0, "%llu connections in %s",
		      (unsigned long long)k->state[i], la_state_name((enum la_state)i));
	CHECK(w->r, k->v[LA_C_opens_passive] + k->v[LA_C_opens_active] >= w->opened,
	      "more calls of `opened` than opens");
}

SCENARIO(random, books, "after random events no connection, entry, reservation or mbuf is left")
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct random_users w = {.seed = seed * 7919u + s->o.ip6 * 31u + s->o.ts * 17u};

		scene_rig(s, &(struct rig_opts){.now = UINT32_MAX - 1000000ull,
						.max_conns = 16,
						.max_time_wait4 = 16,
						.max_time_wait6 = 16});
		w.r = s->r;
		rig_note(s->r, "seed %u", seed);
		s->o.conn.rcvbuf = seed % 2 ? 0 : 6000;
		s->o.conn.sndbuf = 20000;
		s->o.conn.user_timeout_ms = seed % 3 ? 0 : 20000;
		s->o.conn.nodelay = seed % 2;
		for (unsigned i = 0; i < PEERS; i++) {
			s->o.isn = (uint32_t)rand_r(&w.seed) * 2u;
			s->o.rport = (uint16_t)(2000 + i);
			w.p[i] = peer_new(s->r, &s->o);
			w.p[i]->lax_data = w.p[i]->lax_edge = true;
		}
		for (unsigned i = 0; i < STEPS; i++)
			step(&w);
		if (w.listening)
			toggle_listener(&w);
		la_shard_abort_all(s->r->s, 1000);
		rig_run(s->r, 400000);
		check_end(&w);
	}
}

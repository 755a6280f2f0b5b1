/* SPDX-License-Identifier: BSD-3-Clause */

/* Random events without regard to the state of a connection: segments near the edges of the window, in chained and
 * indirect mbufs; every API call from every callback; an mbuf pool that becomes empty and fills again; output that
 * is not always taken from the shard. random.c is a test with random events and scripted peers.
 *
 * The checks: all tables pass their checkers every 250 steps. A callback names a live connection. After the peers
 * stop sending, each state with a time limit ends. At the end no TCB, entry, reservation or mbuf is left.
 *
 * A failure prints the seed of its run. LA_TEST_SEED=n runs that seed alone. */

#include <stdio.h>
#include <stdlib.h>

#include <rte_mbuf.h>

#include "../core/rng.h"
#include "net/shard.h"
#include "scenario.h"
#include "tables.h"
#include "tcp/internal.h"

enum {
	SEEDS = 40,
	STEPS = 4000,
	CHECK_EVERY = 250, /* steps between two checks of the tables */
	CONNS = 12,
	LIVE_MAX = 512, /* larger than CONNS: users also have DETACHED connections */
	DEPTH_MAX = 4,	/* nested calls from callbacks, at most */
	MSL_MS = 2000,
	PORT_A = 80, /* always has a listener, with options of its own */
	PORT_B = 81, /* has a listener at times */
};

struct random_users {
	struct rig *r;
	struct rng rng;
	struct la_conn *live[LIVE_MAX];
	unsigned n, depth;
	bool quiet; /* users make no calls */
	struct rte_mbuf *stolen[RIG_MBUFS];
	unsigned nstolen;
};

static const uint8_t junk[4000];
static const struct la_conn_ops random_ops;

static uint32_t
pick(struct random_users *w, uint32_t n)
{
	return rng_below(&w->rng, n);
}

static bool
one_in(struct random_users *w, uint32_t n)
{
	return pick(w, n) == 0;
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

/* Returns one of the tuples that the peers open; each family has 8. */
static struct la_tuple
passive_tuple(struct random_users *w)
{
	bool ip6 = one_in(w, 4);

	return (struct la_tuple){.laddr = ip6 ? w->r->addr6 : w->r->addr4,
				 .raddr = ip6 ? w->r->peer6 : w->r->peer4,
				 .lport = (uint16_t)(PORT_A + pick(w, 2)),
				 .rport = (uint16_t)(3000 + pick(w, 4))};
}

/* Returns one of the tuples that the shard opens; each family has 16. */
static struct la_tuple
active_tuple(struct random_users *w)
{
	struct la_tuple t = passive_tuple(w);

	t.lport = (uint16_t)(2000 + pick(w, 4));
	t.rport = (uint16_t)(80 + pick(w, 4));
	return t;
}

/* --- users ---------------------------------------------------------------------------------------
 */

static void
connect_one(struct random_users *w)
{
	struct la_tuple t = active_tuple(w);
	struct la_conn *c;

	if (la_connect(w->r->s, &t, &random_ops, w, NULL, &c) == 0)
		add_live(w, c);
}

/* Reads a span to its last byte, for the sanitizers. */
static void
read_span(struct la_conn *c)
{
	const void *span;
	size_t n = la_peek(c, &span);
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)span)[i]);
	la_consume(c, n);
}

/* Makes one random call on c. The call may end and free c. */
static void
act(struct random_users *w, struct la_conn *c)
{
	if (w->quiet || w->depth >= DEPTH_MAX)
		return;
	w->depth++;
	switch (pick(w, 14)) {
	case 0:
		la_abort(c);
		break;
	case 1:
		la_close(c);
		break;
	case 2:
		la_shutdown(c);
		break;
	case 3:
	case 4:
		la_send(c, junk, pick(w, sizeof(junk)));
		break;
	case 5:
		la_send_const(c, junk, pick(w, sizeof(junk)));
		break;
	case 6:
	case 7:
		la_consume(c, pick(w, (uint32_t)la_unread(c) + 1));
		break;
	case 8:
		la_set_timer(c, pick(w, 500));
		break;
	case 9:
		la_set_nodelay(c, one_in(w, 2));
		break;
	case 10:
		act(w, w->live[pick(w, w->n)]); /* a call on another connection, or on the same one */
		break;
	case 11:
		read_span(c);
		break;
	case 12:
		connect_one(w);
		break;
	default:
		break;
	}
	w->depth--;
}

static void
on_opened(struct la_conn *c, void *user)
{
	struct random_users *w = user;

	if (find(w, c) == w->n) /* a passive open; connect_one() has added active ones */
		add_live(w, c);
	if (one_in(w, 3))
		act(w, c);
}

static void
on_event(struct la_conn *c, void *user)
{
	struct random_users *w = user;

	CHECK(w->r, find(w, c) < w->n, "a callback for a connection that has ended");
	if (one_in(w, 2))
		act(w, c);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct random_users *w = user;
	unsigned i = find(w, c);

	CHECK(w->r, i < w->n, "`closed` was called for a connection that has ended");
	CHECK(w->r, why->end != LA_END_ORDERLY || why->unacked == 0, "orderly, and %llu bytes unacknowledged",
	      (unsigned long long)why->unacked);
	w->live[i] = w->live[--w->n];
	if (w->n && one_in(w, 4))
		act(w, w->live[pick(w, w->n)]);
}

static const struct la_conn_ops random_ops = {
	.opened = on_opened,
	.data = on_event,
	.writable = on_event,
	.peer_fin = on_event,
	.timer = on_event,
	.closed = on_closed,
};

/* --- peers ---------------------------------------------------------------------------------------
 */

static size_t
put_timestamps(uint8_t *o, uint32_t val, uint32_t ecr)
{
	o[0] = 8;
	o[1] = 10;
	for (unsigned i = 0; i < 4; i++) {
		o[2 + i] = (uint8_t)(val >> (24 - 8 * i));
		o[6 + i] = (uint8_t)(ecr >> (24 - 8 * i));
	}
	return 10;
}

static void
random_syn(struct random_users *w, struct frame *f)
{
	f->flags = LA_SYN;
	f->seq = (uint32_t)rng64(&w->rng);
	if (one_in(w, 2))
		f->optlen = put_timestamps(f->opts, (uint32_t)w->r->now, 0);
	if (one_in(w, 2)) {
		f->opts[f->optlen++] = 3;
		f->opts[f->optlen++] = 3;
		f->opts[f->optlen++] = (uint8_t)pick(w, 16);
	}
}

static uint8_t
random_flags(struct random_users *w, enum la_state state)
{
	if (state == LA_SYN_SENT && !one_in(w, 3))
		return one_in(w, 3) ? LA_SYN : LA_SYN | LA_ACK;
	if (one_in(w, 24))
		return one_in(w, 2) ? LA_RST : LA_RST | LA_ACK;
	switch (pick(w, 12)) {
	case 0:
	case 1:
		return LA_FIN | LA_ACK;
	case 2:
		return one_in(w, 2) ? LA_SYN : LA_SYN | LA_ACK;
	default:
		return LA_ACK;
	}
}

/* SEG.SEQ is RCV.NXT in most segments, and slightly above or below RCV.NXT in the others. */
static void
random_segment(struct random_users *w, struct frame *f, const struct la_conn_info *i)
{
	uint32_t flying = i->snd_nxt - i->snd_una, choice = pick(w, 10);

	f->flags = random_flags(w, i->state);
	f->seq = i->rcv_nxt;
	if (choice < 2)
		f->seq += pick(w, 6000);
	else if (choice < 3)
		f->seq -= pick(w, 3000);
	if (i->state == LA_SYN_SENT)
		f->seq = (uint32_t)rng64(&w->rng);
	else if (i->state == LA_SYN_RCVD && one_in(w, 4))
		f->seq--;
	f->ack = i->snd_una + (one_in(w, 3) ? pick(w, flying + 1) : flying);
	if (one_in(w, 30))
		f->ack += pick(w, 1000) - 500;
	if (one_in(w, 3))
		f->len = pick(w, 1400);
	if (i->timestamps || one_in(w, 10))
		f->optlen = put_timestamps(f->opts, (uint32_t)w->r->now - (one_in(w, 20) ? 5000 : 0),
					   (uint32_t)rng64(&w->rng));
}

/* Returns the frame in one mbuf, or in a chain of mbufs, some of them indirect; NULL: the pool is empty. */
static struct rte_mbuf *
in_mbufs(struct random_users *w, const uint8_t *b, size_t len)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	bool chain = one_in(w, 3);

	for (size_t off = 0; off < len;) {
		size_t n = !chain ? len : off == 0 ? 54 + pick(w, 40) : 1 + pick(w, 300);
		struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool()), *indirect;

		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		n = n < len - off ? n : len - off;
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), b + off, n);
		if (off && one_in(w, 2) && (indirect = rte_pktmbuf_alloc(rig_pool())) != NULL) {
			rte_pktmbuf_attach(indirect, m);
			rte_pktmbuf_free(m);
			m = indirect;
		}
		off += n;
		if (head) {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += (uint32_t)n;
		} else {
			head = m;
		}
		last = m;
	}
	return head;
}

/* Returns 0, 200 or 400 for one in six segments, a random window for some, and 16384 for most. */
static uint16_t
random_window(struct random_users *w)
{
	if (one_in(w, 6))
		return (uint16_t)(pick(w, 3) * 200);
	return (uint16_t)(one_in(w, 4) ? pick(w, 65536) : 16384);
}

static void
inject_frame(struct random_users *w)
{
	struct la_tuple t = one_in(w, 4) ? active_tuple(w) : passive_tuple(w);
	struct frame f = {.src = t.raddr,
			  .dst = t.laddr,
			  .sport = t.rport,
			  .dport = t.lport,
			  .win = random_window(w),
			  .data = junk};
	unsigned copies = one_in(w, 8) ? 4 : 1; /* 4 equal segments: 3 duplicate ACKs */
	uint8_t buf[FRAME_MAX];
	struct la_conn_info info;
	size_t len;

	memcpy(f.eth_dst, w->r->mac, 6);
	memcpy(f.eth_src, w->r->peer_mac, 6);
	if (la_shard_find(w->r->s, &t, &info) == 0 && !(info.state == LA_TIME_WAIT && one_in(w, 4)))
		random_segment(w, &f, &info);
	else
		random_syn(w, &f);
	len = frame_write(buf, &f);
	for (; copies > 0; copies--) {
		struct rte_mbuf *m = in_mbufs(w, buf, len);

		if (m)
			la_shard_rx(w->r->s, w->r->now, &m, 1);
	}
}

/* --- the world -----------------------------------------------------------------------------------
 */

/* Gives the output to the rig, which checks every segment and answers ARP. With a nearly empty pool, frees the output
 * instead. */
static void
take_output(struct random_users *w)
{
	struct rte_mbuf *burst[32];
	unsigned n;

	if (w->nstolen == 0 && rig_mbufs_free() > 64) {
		rig_pump(w->r);
		return;
	}
	while ((n = la_shard_tx(w->r->s, burst, 32)) > 0)
		rte_pktmbuf_free_bulk(burst, n);
}

static void
steal_mbufs(struct random_users *w)
{
	unsigned leave = pick(w, 6);

	while (w->nstolen < RIG_MBUFS && (w->stolen[w->nstolen] = rte_pktmbuf_alloc(rig_pool())) != NULL)
		w->nstolen++;
	while (leave-- > 0 && w->nstolen > 0)
		rte_pktmbuf_free(w->stolen[--w->nstolen]);
}

static void
free_stolen(struct random_users *w)
{
	while (w->nstolen > 0)
		rte_pktmbuf_free(w->stolen[--w->nstolen]);
}

static void
check_tables(struct random_users *w)
{
	unsigned faults = tcp_check(&w->r->s->tcp, true, stderr);

	CHECK(w->r, faults == 0, "%u faults in index, TIME_WAIT table and wheels", faults);
}

static void
step(struct random_users *w)
{
	struct rig *r = w->r;

	for (unsigned k = pick(w, 4); k > 0; k--)
		inject_frame(w);
	if (w->nstolen == 0 && one_in(w, 40))
		steal_mbufs(w);
	else if (one_in(w, 10))
		free_stolen(w);
	if (w->n && one_in(w, 3))
		act(w, w->live[pick(w, w->n)]);
	if (one_in(w, 50))
		connect_one(w);
	if (one_in(w, 200))
		la_unlisten(r->s, NULL, PORT_B);
	else if (one_in(w, 50)) /* fails with -EADDRINUSE if the listener exists */
		la_listen(r->s, NULL, PORT_B, &random_ops, w, NULL);
	r->now += one_in(w, 20) ? pick(w, 3000) : pick(w, 20);
	la_shard_poll(r->s, r->now);
	if (!one_in(w, 4))
		take_output(w);
}

/* Lets ten minutes pass in which peers and users do nothing. R2 is two minutes (200 s for a SYN), and FIN_WAIT_2 has
 * its limit. Connections that are left may wait only for their user. */
static void
stay_idle(struct random_users *w)
{
	const struct la_counters *k = la_shard_counters(w->r->s);
	enum la_state limited[] = {LA_SYN_SENT, LA_SYN_RCVD, LA_FIN_WAIT_1, LA_CLOSING, LA_LAST_ACK};

	w->quiet = true;
	rig_run(w->r, 600000);
	w->quiet = false;
	for (unsigned i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
		CHECK(w->r, k->state[limited[i]] == 0, "%s for ten minutes", la_state_name(limited[i]));
	for (unsigned i = 0; i < w->n; i++) {
		struct la_conn_info info;

		la_conn_info(w->live[i], &info);
		CHECK(w->r, info.snd_queued == 0 && info.snd_una == info.snd_nxt,
		      "%s, port %u: %u bytes are not sent or not acknowledged", la_state_name(info.state),
		      info.tuple.rport, info.snd_queued);
	}
}

static void
check_end(struct random_users *w)
{
	struct la_tcp *t = &w->r->s->tcp;
	const struct la_counters *k = t->counters;

	for (unsigned i = 0; i < 1000 && la_shard_abort_all(w->r->s, 5) > 0; i++)
		rig_pump(w->r);
	CHECK(w->r, w->n == 0, "%u connections did not get `closed`", w->n);
	CHECK(w->r, k->v[LA_C_live] == 0, "%llu TCBs are live", (unsigned long long)k->v[LA_C_live]);
	for (unsigned i = 0; i < LA_NSTATES; i++)
		CHECK(w->r,
		      i == LA_CLOSED || i == LA_LISTEN ||
			      k->state[i] == (i == LA_FIN_WAIT_2 ? k->v[LA_C_fin_wait_2_held] : 0),
		      "%llu connections in %s", (unsigned long long)k->state[i], la_state_name((enum la_state)i));
	rig_run(w->r, 4 * MSL_MS + 60000);
	check_tables(w);
	CHECK(w->r, k->v[LA_C_fin_wait_2_held] == 0, "entries in FIN_WAIT_2 are left");
	CHECK(w->r, k->v[LA_C_time_wait] == 0, "%llu TIME_WAIT entries are left",
	      (unsigned long long)k->v[LA_C_time_wait]);
	CHECK(w->r, t->tw.pool[0].reserved == 0 && t->tw.pool[1].reserved == 0,
	      "reserved entries without a connection");
	CHECK(w->r, t->index.keys == 0, "a key is left in the index");
	w->r->strays = 0; /* without scripted peers every segment counts as stray */
}

static void
run_seed(struct rig *r, uint64_t seed)
{
	static struct random_users users;
	struct random_users *w = &users;
	struct la_conn_opts o = {.fin_wait_2_ms = 4000};

	*w = (struct random_users){.r = r, .rng = rng_make(seed)};
	o.rcvbuf = one_in(w, 2) ? 8000 : 0;
	o.sndbuf = one_in(w, 2) ? 5000 : 0;
	o.keepalive_ms = one_in(w, 2) ? 3000 : 0;
	o.user_timeout_ms = one_in(w, 2) ? 5000 : 0;
	CHECK(r, la_listen(r->s, NULL, PORT_A, &random_ops, w, &o) == 0, "la_listen failed");
	CHECK(r, la_listen(r->s, NULL, PORT_B, &random_ops, w, NULL) == 0, "la_listen failed");
	for (unsigned i = 1; i <= STEPS; i++) {
		step(w);
		if (i % CHECK_EVERY == 0)
			check_tables(w);
	}
	free_stolen(w);
	if (one_in(w, 2))
		stay_idle(w);
	la_unlisten(r->s, NULL, PORT_A);
	la_unlisten(r->s, NULL, PORT_B);
	check_end(w);
}

Test(regress_random, hostile, .timeout = 240)
{
	bool one = getenv("LA_TEST_SEED") != NULL;

	for (uint64_t seed = 1; seed <= (one ? 1 : SEEDS); seed++) {
		uint64_t real = rng_make(seed).seed;
		char name[64];
		struct rig *r;

		snprintf(name, sizeof(name), "hostile, LA_TEST_SEED=%llu", (unsigned long long)real);
		cr_log_info("%s", name);
		r = rig_open(&(struct rig_opts){.now = UINT32_MAX - 20000ull,
						.max_conns = CONNS,
						.max_time_wait4 = 24,
						.max_time_wait6 = 24,
						.msl_ms = MSL_MS,
						.offloads = real & 1 ? LA_OFF_TX_MULTI_SEG : 0});
		r->name = name;
		run_seed(r, real);
		r->name = NULL;
		rig_close(r);
	}
}

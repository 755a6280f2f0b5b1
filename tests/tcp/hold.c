/* SPDX-License-Identifier: BSD-3-Clause */

/* Packet buffers held for peers (lib/tcp/hold.c): the limits, which data is dropped first, and that correct clients
 * always progress. */

#include "scenario.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "net/shard.h"
#include "tables.h"

enum { HOLD = 400, ABUSERS = 120 };

static struct la_hold *
hold(struct scene *s)
{
	return &s->r->s->tcp.hold;
}

static void
small_shard(struct scene *s)
{
	scene_rig(s, &(struct rig_opts){
			     .max_conns = 256, .max_time_wait4 = 1024, .max_time_wait6 = 1024, .max_held = HOLD});
}

static void
check_hold(struct scene *s)
{
	CHECK(s->r, la_hold_check(&s->r->s->tcp, stderr) == 0, "the count of held buffers is wrong");
}

/* Runs a correct connection, which receives, sends and closes without an error. */
static void
correct_client(struct scene *s)
{
	struct peer *p = scene_another(s);

	feed(p, 5000, 1000);
	CHECK(s->r, p->u.bytes == 5000, "%llu of 5000 bytes delivered; %u held by %u", (unsigned long long)p->u.bytes,
	      hold(s)->held, hold(s)->holders);
	for (uint32_t left = 3000, tries = 0; left > 0; tries++) {
		ssize_t n = user_send(p, left);

		CHECK(s->r, n >= 0 && tries < 10, "la_send failed");
		left -= (uint32_t)n;
		drain(p, 600);
	}
	CHECK(s->r, p->got == p->ISS + 3001, "%u of 3000 bytes arrived", p->got - p->ISS - 1);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	drain(p, 300);
	peer_fin(p);
	rig_run(s->r, 10);
	peer_expect_state(p, LA_TIME_WAIT);
}

/* Opens n connections that run `abuse`, while correct clients open and close. Then aborts the n connections. */
static void
run_abusers(struct scene *s, unsigned n, void (*abuse)(struct peer *p, unsigned i))
{
	struct peer *all[ABUSERS];

	small_shard(s);
	s->o.conn.rcvbuf = s->o.conn.sndbuf = 64 * 1024;
	for (unsigned i = 0; i < n; i++) {
		all[i] = scene_another(s);
		all[i]->u.hold = true;
		abuse(all[i], i);
		CHECK(s->r, hold(s)->held <= HOLD, "%u buffers held", hold(s)->held);
		if (i % 20 == 19) {
			check_hold(s);
			correct_client(s);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		peer_skip(all[i]);
		if (all[i]->u.closed == 0)
			user_abort(all[i]);
	}
	rig_run(s->r, 1000);
	CHECK(s->r, hold(s)->held == 0 && hold(s)->holders == 0 && rig_counter(s->r, LA_C_buffers_held) == 0,
	      "%u buffers are still held by %u", hold(s)->held, hold(s)->holders);
	CHECK(s->r, rig_mbufs_free() == s->r->mbufs, "%u buffers are not in the pool", s->r->mbufs - rig_mbufs_free());
}

static void
send_above_holes(struct peer *p, unsigned i)
{
	for (uint32_t k = 0; k < 255; k++)
		peer_send(p, LA_ACK, p->snd + 1 + k * (2 + i), p->got, 1);
	peer_skip(p);
}

SCENARIO(hold, crumbs, "one-byte segments above holes use at most a share of the buffers, and are dropped first")
{
	run_abusers(s, ABUSERS, send_above_holes);
	CHECK(s->r, rig_counter(s->r, LA_C_drop_ooo_memory) > 0, "drop_ooo_memory is 0");
}

static void
leave_unread(struct peer *p, unsigned i)
{
	uint32_t mss = 1 + i * 97 % 1400;

	for (unsigned k = 0; k < 80 && seq_lt(p->snd + mss, p->edge); k++) {
		peer_data(p, mss);
		if (seq_lt(p->R, p->snd)) { /* dropped: a correct peer retransmits the data */
			p->snd = p->R;
			break;
		}
	}
	peer_skip(p);
}

SCENARIO(hold, unread_text, "unread text uses at most a share of the buffers, and every new connection gets a buffer")
{
	run_abusers(s, ABUSERS, leave_unread);
}

static void
leave_answers_unread(struct peer *p, unsigned i)
{
	leave_unread(p, i);
	while (user_send(p, 2000) > 0)
		;
	peer_skip(p);
}

SCENARIO(hold, unread_answers,
	 "unacknowledged answers are bounded: la_send() accepts fewer bytes, and send_short counts this")
{
	run_abusers(s, ABUSERS, leave_answers_unread);
	CHECK(s->r, rig_counter(s->r, LA_C_send_short) > 0, "send_short is 0");
}

SCENARIO(hold, packed, "a receive buffer full of small segments uses few more buffers than its bytes need")
{
	static const uint16_t sizes[] = {1, 7, 100, 257, 535, 700, 1000, 1300};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct peer *p;
		uint32_t n;

		scene_rig(s, &(struct rig_opts){.max_held = 1000});
		s->o.conn.rcvbuf = 64 * 1024 - 1;
		p = scene_another(s);
		p->u.hold = true;
		for (n = 0; seq_lt(p->snd + sizes[i], p->edge) && n < 60000; n += sizes[i]) {
			peer_data(p, sizes[i]);
			peer_skip(p);
		}
		CHECK(s->r, la_unread(p->u.c) >= 40000, "%zu bytes unread, expected at least 40000", la_unread(p->u.c));
		CHECK(s->r, hold(s)->held <= la_unread(p->u.c) / 2048 * 5 / 4 + 18,
		      "segments of %u: %u buffers for %zu bytes", sizes[i], hold(s)->held, la_unread(p->u.c));
		check_hold(s);
		user_read(p, UINT64_MAX);
		CHECK(s->r, p->u.bytes == p->snd - p->IRS - 1 && hold(s)->held == 0,
		      "not all bytes were read, or buffers are still held");
	}
}

SCENARIO(hold, largest_first,
	 "text in order evicts data above holes, first that of the connection with the most buffers")
{
	struct peer *few, *many, *reader;
	uint64_t pruned;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 48});
	few = scene_another(s);
	many = scene_another(s);
	reader = scene_another(s);
	reader->u.hold = true;
	for (unsigned i = 0; i < 4; i++)
		peer_send(few, LA_ACK, few->snd + 3000 + i * 2048, few->got, 1);
	for (unsigned i = 0; i < 10; i++)
		peer_send(many, LA_ACK, many->snd + 3000 + i * 2048, many->got, 1);
	CHECK(s->r, hold(s)->held == 14, "%u buffers above holes, expected 14", hold(s)->held);
	pruned = rig_counter(s->r, LA_C_drop_ooo_pruned);
	for (unsigned i = 0; i < 60 && rig_counter(s->r, LA_C_drop_ooo_pruned) == pruned; i++)
		peer_data(reader, 1400);
	CHECK(s->r, rig_counter(s->r, LA_C_drop_ooo_pruned) - pruned == 5,
	      "%lu segments were evicted, expected 5 of `many`", rig_counter(s->r, LA_C_drop_ooo_pruned) - pruned);
	CHECK(s->r, la_unread(reader->u.c) == reader->snd - reader->IRS - 1, "the text in order was not accepted");
	check_hold(s);
	feed(few, 3000 + 4 * 2048, 1024); /* evicted data was not acknowledged: the peer sends it again */
	feed(many, 3000 + 10 * 2048, 1024);
	CHECK(s->r, many->u.bytes == 3000 + 10 * 2048, "bytes are missing");
	peer_skip(reader);
}

SCENARIO(hold, window, "the offered window shrinks and grows with the free buffers; its right edge never moves left")
{
	struct peer *p[3];
	uint32_t first = 0;

	scene_rig(s, &(struct rig_opts){.max_held = 64 + 24});
	for (unsigned i = 0; i < 3; i++) {
		p[i] = scene_another(s);
		p[i]->u.hold = true;
	}
	for (unsigned k = 0; k < 12; k++) /* capture.c checks the right edge of every segment */
		for (unsigned i = 0; i < 2; i++) {
			if (p[i]->snd + 1400 == p[i]->edge || seq_gt(p[i]->snd + 1400, p[i]->edge))
				continue;
			peer_data(p[i], 1400);
			if (!first)
				first = p[i]->W;
			if (seq_lt(p[i]->R, p[i]->snd))
				p[i]->snd = p[i]->R;
			rig_run(s->r, 50);
		}
	CHECK(s->r, p[0]->W < first, "the window did not shrink: %u", p[0]->W);
	peer_data(p[2], 100); /* this connection has no buffer yet */
	CHECK(s->r, la_unread(p[2]->u.c) == 100, "a connection without a buffer could not receive");
	for (unsigned i = 0; i < 3; i++) {
		user_read(p[i], UINT64_MAX);
		rig_run(s->r, 100);
		peer_skip(p[i]);
		CHECK(s->r, p[i]->u.bytes == p[i]->R - p[i]->IRS - 1, "bytes are missing");
	}
	CHECK(s->r, p[0]->W >= 16384, "the window does not open again: %u", p[0]->W);
}

SCENARIO(hold, last_step,
	 "when a connection without a buffer gets none, the largest connection without progress is aborted")
{
	struct peer *big, *p[40];
	unsigned n = 0;

	scene_rig(s, &(struct rig_opts){.max_held = 32,
					.max_conns = 128,
					.max_time_wait4 = 256,
					.max_time_wait6 = 256,
					.syn_cookies_at = UINT32_MAX});
	big = scene_another(s);
	PEER_TX(big, .flags = LA_ACK, .seq = big->snd, .ack = big->got, .win = WIN_ZERO);
	while (user_send(big, 2048) > 0)
		;
	CHECK(s->r, hold(s)->held >= 2, "%u buffers held, expected at least 2", hold(s)->held);
	for (; n < 40; n++) {
		p[n] = scene_another(s);
		p[n]->u.hold = true;
		peer_data(p[n], 100);
		if (la_unread(p[n]->u.c) == 0)
			break;
	}
	CHECK(s->r, n < 40, "no text was refused");
	for (unsigned i = 0; i < 30 && big->u.closed == 0; i++) { /* the peer retransmits */
		peer_send(p[n], LA_ACK, p[n]->snd - 100, p[n]->got, 100);
		rig_run(s->r, 100);
		peer_skip(big);
	}
	CHECK(s->r, big->u.closed == 1 && big->u.why.end == LA_END_ABORTED, "the connection is still open");
	CHECK(s->r, rig_counter(s->r, LA_C_aborted_memory) == 1, "%lu aborts", rig_counter(s->r, LA_C_aborted_memory));
	peer_send(p[n], LA_ACK, p[n]->snd - 100, p[n]->got, 100);
	CHECK(s->r, la_unread(p[n]->u.c) == 100, "the refused connection does not continue");
	check_hold(s);
	for (unsigned i = 0; i <= n; i++)
		user_read(p[i], UINT64_MAX);
}

/* Takes all buffers of the pool into `out`. Returns their number. */
static unsigned
take_all(struct rte_mbuf **out)
{
	unsigned n = 0;

	while ((out[n] = rte_pktmbuf_alloc(rig_pool())) != NULL)
		n++;
	return n;
}

SCENARIO(hold, control, "with an empty pool a connection still opens, and its FIN is acknowledged and sent")
{
	static struct rte_mbuf *out[RIG_MBUFS + 1];
	static struct rte_mempool *control, *from; /* the same pools for all variants */
	struct peer *p;
	unsigned n;

	if (!control)
		control = rte_pktmbuf_pool_create("control", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);
	if (!from)
		from = rte_pktmbuf_pool_create("from", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 1600, SOCKET_ID_ANY);
	CHECK(s->r, control && from, "no pools");
	scene_rig(s, &(struct rig_opts){.control = control});
	scene_another(s); /* the shard learns the peer's MAC address */
	n = take_all(out);
	s->r->from = from;
	p = scene_another(s);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->snd, 0);
	peer_ack(p);
	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->snd, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, rig_counter(s->r, LA_C_mbuf_exhausted) == 0, "mbuf_exhausted is not 0");
	s->r->from = NULL;
	while (n > 0)
		rte_pktmbuf_free(out[--n]);
	CHECK(s->r, rte_mempool_full(control) && rte_mempool_full(from), "a buffer is missing");
}

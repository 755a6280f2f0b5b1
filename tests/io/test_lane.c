/* SPDX-License-Identifier: BSD-3-Clause */

/* A lane whose port takes no frames, on a ring pair whose far end does not read; the rests of a lane without work. */

#include "io_test.h"

#include "io/lane.h"

enum { FRAME = 64, PAIR_FRAMES = 4096 /* a ring of the pair holds one less */, WAITING = 100, ARRIVED = 2500 };
enum { EACH_MS = 256 }; /* frames read in a millisecond on hold: HOLD_READ of lane.c */

static struct test_io io;
static struct la_lane lane;
static uint64_t now = 1000;
static unsigned got;

static struct rte_mbuf *
frame(void)
{
	static const uint8_t bytes[FRAME];

	return io_frame(&io, bytes, sizeof(bytes), NULL);
}

static unsigned
take(void *ctx, struct rte_mbuf **pkts, unsigned max)
{
	unsigned *left = ctx, n = 0;

	for (; n<max && * left> 0; --*left)
		pkts[n++] = frame();
	return n;
}

static void
received(void *ctx, uint64_t at, struct rte_mbuf **pkts, unsigned n)
{
	cr_assert_eq(ctx, &got);
	cr_assert_eq(at, now);
	got += n;
	rte_pktmbuf_free_bulk(pkts, n);
}

static unsigned
hold(void)
{
	la_lane_held(&lane, now);
	return la_lane_hold_read(&lane, now, received, &got);
}

/* Fills the port, queues WAITING frames for it, and lets ARRIVED frames arrive. */
static void
start(void)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .lcores = 1};
	unsigned out = PAIR_FRAMES - 1 + WAITING;

	io_must_start(&io, &cfg, 1, 0);
	lane.port = &io.port[0];
	lane.pool = io.pool;
	cr_assert_eq(la_lane_send(&lane, true, take, &out), PAIR_FRAMES - 1u + WAITING);
	cr_assert_eq(la_lane_room(&lane), LA_TXQ_FRAMES - WAITING);
	for (unsigned i = 0; i < ARRIVED; i++) {
		struct rte_mbuf *m = frame();

		cr_assert_eq(la_port_tx(&io.port[1], 0, &m, 1, io.pool), 1u);
	}
}

static void
stop(void)
{
	la_txq_drop_all(&lane.txq, lane.port, 0);
	for (unsigned i = 0; i < 2; i++)
		for (struct rte_mbuf *m; la_port_rx(&io.port[i], 0, &m, 1) == 1;)
			rte_pktmbuf_free(m);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(lane, sends_at_most_the_room, .init = start)
{
	unsigned out = 2 * LA_TXQ_FRAMES;

	cr_expect_geq(la_lane_send(&lane, true, take, &out), LA_TXQ_FRAMES - WAITING - LA_LANE_TAKE_LEAST);
	cr_expect_lt(la_lane_room(&lane), (unsigned)LA_LANE_TAKE_LEAST);
	cr_expect_eq(2 * LA_TXQ_FRAMES - out, LA_TXQ_FRAMES - WAITING - la_lane_room(&lane), "frames are missing");
	stop();
}

Test(lane, a_refused_lane_reads_a_little_each_millisecond_up_to_a_bound, .init = start)
{
	cr_expect_eq(hold(), 0u, "the port has refused for less than 1 ms");
	now++;
	cr_assert_eq(la_lane_retry(&lane, now), 0u);
	cr_expect_eq(hold(), (unsigned)EACH_MS);
	cr_expect_eq(hold(), 0u, "a second read in one millisecond");
	for (unsigned i = 0; i < 20; i++) {
		now++;
		cr_expect_leq(hold(), (unsigned)EACH_MS);
	}
	cr_expect_eq(got, (unsigned)LA_HOLD_READ_MOST);
	cr_expect_eq(lane.held, 22u, "%lu ms", lane.held);
	la_lane_emptied(&lane);
	now++;
	cr_expect_eq(hold(), (unsigned)EACH_MS, "the shard is empty: it has room for answers again");
	stop();
}

Test(lane, reads_nothing_on_hold_when_the_port_takes_frames_again, .init = start)
{
	struct rte_mbuf *m;

	now++;
	cr_assert_eq(la_lane_retry(&lane, now), 0u);
	cr_assert_eq(la_port_rx(&io.port[1], 0, &m, 1), 1u);
	rte_pktmbuf_free(m);
	cr_assert_eq(la_lane_retry(&lane, now), 1u);
	cr_expect_eq(hold(), 0u);
	stop();
}

Test(lane, rests_grow_and_are_short_while_frames_wait)
{
	uint64_t last = 0;

	cr_expect_eq(la_rest_us(0, false), 0u);
	cr_expect_eq(la_rest_us(LA_REST_SPINS - 1, false), 0u);
	cr_expect_eq(la_rest_us(LA_REST_SPINS, false), 5u);
	cr_expect_eq(la_rest_us(LA_REST_SPINS + 1, false), 10u);
	for (unsigned i = LA_REST_SPINS; i < LA_REST_SPINS + 1000; i++) {
		cr_expect_geq(la_rest_us(i, false), last);
		last = la_rest_us(i, false);
		cr_expect(last > 0 && la_rest_us(i, true) <= LA_REST_SHORT_US);
	}
	cr_expect_eq(last, (uint64_t)LA_REST_LONG_US);
	cr_expect_eq(la_rest_us(UINT32_MAX, false), (uint64_t)LA_REST_LONG_US);
}

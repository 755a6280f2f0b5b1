/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that wait for a port: order, bounds and counters, on a ring pair whose far end does not read. */

#include "io_test.h"

#include <string.h>

#include "io/tx_queue.h"

enum { FRAME = 64, PAIR_FRAMES = 4096 /* a ring of the pair holds one less */ };

static struct test_io io;
static struct la_txq q;
static uint64_t now;

static void
start(void)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .lcores = 1};

	io_must_start(&io, &cfg, 1, 0);
}

static struct rte_mbuf *
numbered(unsigned n)
{
	uint8_t bytes[FRAME] = {0};

	memcpy(bytes + 14, &n, sizeof(n));
	return io_frame(&io, bytes, sizeof(bytes), NULL);
}

static void
send(unsigned from, unsigned n, bool own)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = numbered(from + i);

		la_txq_send(&q, &io.port[0], 0, &m, 1, own, io.pool);
	}
}

static unsigned
retry(void)
{
	return la_txq_retry(&q, &io.port[0], 0, now);
}

/* Reads up to max frames at the far end, and checks that their numbers start at `from`. Returns how many were read. */
static unsigned
read_on(unsigned from, unsigned max)
{
	unsigned got = 0, n;
	struct rte_mbuf *m;

	while (got < max && la_port_rx(&io.port[1], 0, &m, 1) == 1) {
		memcpy(&n, rte_pktmbuf_mtod_offset(m, const void *, 14), sizeof(n));
		cr_assert_eq(n, from + got, "frame %u in the place of %u", n, from + got);
		rte_pktmbuf_free(m);
		got++;
	}
	return got;
}

static uint64_t
lost(void)
{
	struct la_port_stats s;

	la_port_stats(&io.port[0], &s);
	return s.tx_full;
}

/* Fills the port, then queues `waiting` frames. */
static void
fill(unsigned waiting)
{
	send(0, PAIR_FRAMES - 1 + waiting, true);
	cr_assert_eq(q.n, waiting);
	cr_assert_eq(q.own_sent, PAIR_FRAMES - 1u);
}

/* Retries for ms milliseconds. The port takes no frame. */
static void
refuse(unsigned ms)
{
	while (ms-- > 0) {
		now++;
		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(retry(), 0u);
	}
}

static void
stop(void)
{
	la_txq_drop_all(&q, &io.port[0], 0);
	for (struct rte_mbuf *m; la_port_rx(&io.port[1], 0, &m, 1) == 1;)
		rte_pktmbuf_free(m);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(tx_queue, frames_wait_in_order_and_none_is_lost, .init = start)
{
	unsigned got = 0;

	fill(700);
	cr_assert_eq(la_txq_room(&q), LA_TXQ_FRAMES - 700u);
	for (unsigned sent = PAIR_FRAMES - 1 + 700; got < 20000;) {
		got += read_on(got, 333);
		now++;
		retry();
		for (unsigned k = 0; k < 340 && la_txq_room(&q) > 0; k++) /* wraps the array many times */
			send(sent++, 1, true);
	}
	cr_assert_gt(q.peak, 700u);
	cr_assert_eq(lost(), 0u);
	while (q.n > 0) {
		got += read_on(got, 64);
		retry();
	}
	got += read_on(got, UINT32_MAX);
	cr_assert_eq(q.own_sent, (uint64_t)got);
	cr_assert_eq(q.own_lost, 0u);
	cr_assert_eq(q.own, 0u);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(tx_queue, a_blocked_port_drops_the_oldest_then_all, .init = start)
{
	fill(LA_TXQ_FRAMES);
	refuse(LA_TXQ_STALL_MS);
	cr_assert_eq(q.n, (unsigned)LA_TXQ_FRAMES, "a time slice is no reason to drop");
	refuse(1);
	cr_assert_eq(q.n, (unsigned)LA_TXQ_LOW);
	cr_assert_eq(lost(), (uint64_t)LA_TXQ_FRAMES - LA_TXQ_LOW);
	send(90000, 100, true); /* further frames are dropped without another wait */
	refuse(1);
	cr_assert_eq(q.n, (unsigned)LA_TXQ_LOW);
	refuse(LA_TXQ_GIVE_UP_MS - LA_TXQ_STALL_MS - 2);
	cr_assert_eq(q.n, (unsigned)LA_TXQ_LOW);
	refuse(1);
	cr_assert_eq(q.n, 0u);
	cr_assert_eq(lost(), (uint64_t)LA_TXQ_FRAMES + 100);
	cr_assert_eq(q.own_lost, lost());
	send(90100, 5, true);
	refuse(1);
	cr_assert_eq(q.n, 0u, "a dead port holds no frames");
	cr_assert_eq(read_on(0, 10), 10u); /* now the port takes frames again, and the queue sends at once */
	send(0, 5, true);
	cr_assert_eq(q.n, 0u);
	cr_assert_eq(q.refused_ms, 0u);
	stop();
}

Test(tx_queue, the_newest_survive_in_order, .init = start)
{
	fill(LA_TXQ_FRAMES);
	refuse(LA_TXQ_STALL_MS + 1);
	cr_assert_eq(read_on(0, UINT32_MAX), PAIR_FRAMES - 1u);
	cr_assert_eq(retry(), (unsigned)LA_TXQ_LOW);
	cr_assert_eq(read_on(PAIR_FRAMES - 1 + LA_TXQ_FRAMES - LA_TXQ_LOW, UINT32_MAX), (unsigned)LA_TXQ_LOW);
	stop();
}

Test(tx_queue, one_frame_taken_ends_the_stall, .init = start)
{
	unsigned got = 0;

	fill(LA_TXQ_FRAMES);
	for (unsigned i = 0; i < 400; i++) { /* a slow port is not stalled */
		refuse(LA_TXQ_STALL_MS);
		got += read_on(got, 1);
		now++;
		cr_assert_eq(retry(), 1u);
	}
	cr_assert_eq(lost(), 0u);
	cr_assert_eq(q.n, LA_TXQ_FRAMES - 400u);
	stop();
}

Test(tx_queue, time_without_a_try_is_no_stall, .init = start)
{
	fill(LA_TXQ_FRAMES);
	for (unsigned i = 0; i < LA_TXQ_STALL_MS; i++) {
		now += 1000;
		retry();
	}
	cr_assert_eq(q.n, (unsigned)LA_TXQ_FRAMES);
	cr_assert_eq(lost(), 0u);
	stop();
}

Test(tx_queue, frames_of_other_shards_are_told_apart, .init = start)
{
	fill(10);
	send(PAIR_FRAMES - 1 + 10, 20, false);
	send(PAIR_FRAMES - 1 + 30, 5, true);
	cr_assert_eq(q.n, 35u);
	cr_assert_eq(q.own, 15u);
	cr_assert_eq(read_on(0, 12), 12u);
	cr_assert_eq(retry(), 12u);
	cr_assert_eq(q.own, 5u);
	cr_assert_eq(q.own_sent, PAIR_FRAMES - 1u + 10);
	la_txq_drop_all(&q, &io.port[0], 0);
	cr_assert_eq(q.own_lost, 5u);
	cr_assert_eq(lost(), 23u);
	stop();
}

/* For a port that passes mbufs by pointer, a frame is copied once, when it is queued. */
Test(tx_queue, a_kept_frame_is_copied_once, .init = start)
{
	struct rte_mbuf *mine, *m, *hog[IO_POOL];
	struct la_port_stats s;
	unsigned n = 0;

	fill(1);
	m = mine = numbered(PAIR_FRAMES);
	rte_mbuf_refcnt_update(mine, 1);
	la_txq_send(&q, &io.port[0], 0, &m, 1, true, io.pool);
	cr_assert_eq(rte_mbuf_refcnt_read(mine), 1u, "the queue holds the original");
	while (n < RTE_DIM(hog) && (hog[n] = rte_pktmbuf_alloc(io.pool)) != NULL)
		n++;
	refuse(LA_TXQ_STALL_MS); /* another try needs no buffer */
	cr_assert_eq(q.n, 2u);
	rte_mbuf_refcnt_update(mine, 1);
	m = mine;
	la_txq_send(&q, &io.port[0], 0, &m, 1, true, io.pool);
	cr_assert_eq(q.n, 2u);
	cr_assert_eq(q.own_lost, 1u);
	la_port_stats(&io.port[0], &s);
	cr_assert_eq(s.tx_no_buffer, 1u);
	cr_assert_eq(s.tx_full, 0u);
	rte_pktmbuf_free_bulk(hog, n);
	rte_pktmbuf_free(mine);
	cr_assert_eq(read_on(0, PAIR_FRAMES - 1), PAIR_FRAMES - 1u);
	cr_assert_eq(retry(), 2u);
	cr_assert_eq(read_on(PAIR_FRAMES - 1, 2), 2u);
	stop();
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Send and receive queues, and their mbufs: copied and constant data, chains, an empty pool, and peers that try to
 * empty the pool. */

#include "scenario.h"

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "pattern.h"

SCENARIO(buffers, send_const, "constant data of all sizes arrives")
{
	static uint8_t text[70000];
	const size_t sizes[] = {1, 1459, 1460, 1461, 33000, 68000};
	struct peer *p = scene_open(s);

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t k = 0; k < sizes[i]; k++)
			text[k] = pattern(PATTERN_OUT, p->u.sent + k);
		CHECK(s->r, la_send_const(p->u.c, text, sizes[i]) == (ssize_t)sizes[i], "la_send_const failed");
		p->u.sent += sizes[i];
		rig_pump(s->r);
		drain(p, 600);
		CHECK(s->r, p->got == p->ISS + 1 + p->u.sent, "bytes are missing");
	}
}

SCENARIO(buffers, send_mixed, "constant and copied data are retransmitted after a loss")
{
	static uint8_t text[50000];
	struct peer *p = scene_open(s);
	uint32_t from = p->got;

	for (size_t k = 0; k < sizeof(text); k++)
		text[k] = pattern(PATTERN_OUT, k);
	for (uint32_t off = 0; off < 30000; off += 1000) {
		const uint8_t *b = text + off;
		ssize_t n = off / 1000 % 3 ? la_send(p->u.c, b, 1000) : la_send_const(p->u.c, b, 1000);

		CHECK(s->r, n == 1000, "%zd of 1000 bytes", n);
	}
	rig_pump(s->r);
	peer_skip(p);
	p->got = from; /* all segments are lost */
	drain(p, 20000);
	CHECK(s->r, p->got == from + 30000, "only %u bytes arrived", p->got - from);
}

SCENARIO(buffers, multi_seg, "the shard sends chained mbufs, and all bytes arrive")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.offloads = LA_OFF_TX_MULTI_SEG});
	p = scene_open(s);
	for (unsigned i = 0; i < 20; i++)
		CHECK(s->r, user_send(p, 777) == 777, "la_send failed");
	drain(p, 600);
	CHECK(s->r, user_send(p, 100000) == 100000, "la_send failed");
	drain(p, 600);
	CHECK(s->r, p->got == p->ISS + 1 + 20 * 777 + 100000, "bytes are missing");
}

SCENARIO(buffers, offloads,
	 "with checksum offload, the mbuf has the header lengths, the checksum field the pseudo-header sum")
{
	static const uint32_t offloads[] = {
		LA_OFF_TX_IP_CKSUM,
		LA_OFF_TX_TCP_CKSUM,
		LA_OFF_TX_IP_CKSUM | LA_OFF_TX_TCP_CKSUM | LA_OFF_TX_MULTI_SEG,
	};

	for (unsigned i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		struct peer *p;

		scene_rig(s, &(struct rig_opts){.offloads = offloads[i], .vlan = i == 1});
		p = scene_open(s);
		CHECK(s->r, user_send(p, 10001) == 10001, "la_send failed");
		drain(p, 600);
		peer_data(p, 100);
		rig_run(s->r, 100);
		peer_skip(p);
		CHECK(s->r, user_close(p) == 0, "la_close failed");
		peer_expect(p, LA_FIN | LA_ACK, p->ISS + 10002, p->snd, 0);
		peer_ack(p);
		peer_fin(p);
		peer_expect(p, LA_ACK, p->N, p->snd, 0);
		peer_send(p, LA_FIN | LA_ACK, p->snd - 1, p->got, 0); /* the TIME_WAIT entry answers */
		peer_expect(p, LA_ACK, p->N, p->snd, 0);
	}
}

/* Takes all mbufs but `leave` from the pool into `held`. Returns the number taken. */
static unsigned
take_mbufs(struct rte_mbuf **held, unsigned leave)
{
	unsigned n = 0;

	while (rig_mbufs_free() > leave && (held[n] = rte_pktmbuf_alloc(rig_pool())) != NULL)
		n++;
	return n;
}

SCENARIO(buffers, no_mbufs, "an empty pool delays data and loses none")
{
	static struct rte_mbuf *held[RIG_MBUFS];
	struct peer *p = scene_open(s);
	unsigned n;
	ssize_t took;

	n = take_mbufs(held, 8);
	took = user_send(p, 50000);
	CHECK(s->r, took < 50000, "the pool was not empty");
	CHECK(s->r, rig_counter(s->r, LA_C_mbuf_exhausted) > 0, "mbuf_exhausted is 0");
	rig_run(s->r, 50);
	while (n > 0)
		rte_pktmbuf_free(held[--n]);
	rig_run(s->r, 5000);
	CHECK(s->r, took < 0 || p->u.writable >= 1, "no `writable` callback");
	CHECK(s->r, user_send(p, 1000) == 1000, "la_send failed");
	p->got = p->ISS + 1;
	drain(p, 20000);
	CHECK(s->r, p->got == p->ISS + 1 + p->u.sent, "%u of %llu bytes arrived", p->got - p->ISS - 1,
	      (unsigned long long)p->u.sent);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	drain(p, 600);
	peer_expect_state(p, LA_FIN_WAIT_2);
}

SCENARIO(buffers, no_mbufs_fin,
	 "when the pool is empty, the FIN is sent later, and the last ACK after the repeated FIN")
{
	static struct rte_mbuf *held[RIG_MBUFS];
	struct peer *p = scene_open(s);
	unsigned n;

	n = take_mbufs(held, 0);
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	CHECK(s->r, peer_waiting(p) == 0, "a segment was sent with an empty pool");
	while (n > 0)
		rte_pktmbuf_free(held[--n]);
	CHECK(s->r, peer_wait(p, 5000) != NULL, "the FIN is not sent later");
	peer_ack(p);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_skip(p);
	/* the one mbuf has the peer's FIN, so none is left for the ACK. The repeated FIN is
	 * acknowledged. */
	n = take_mbufs(held, 1);
	peer_fin(p);
	while (n > 0)
		rte_pktmbuf_free(held[--n]);
	peer_expect_state(p, LA_TIME_WAIT);
	peer_skip(p);
	rig_run(s->r, 1000);
	peer_skip(p);
	peer_send(p, LA_FIN | LA_ACK, p->snd - 1, p->got, 0);
	peer_expect(p, LA_ACK, p->N, p->snd, 0);
}

/* Repeats a FIN in TIME_WAIT while the shard's pool is empty. The FIN is in a buffer of `from`, or for NULL in the last
 * buffer of the shard's pool. Returns whether the FIN was acknowledged. */
static bool
is_fin_acked(struct peer *p, struct rte_mempool *from)
{
	static struct rte_mbuf *held[RIG_MBUFS];
	struct rig *r = p->r;
	unsigned n = take_mbufs(held, from == NULL), free_from = from ? rte_mempool_avail_count(from) : 0;
	bool answered;

	peer_skip(p);
	r->from = from;
	peer_send(p, LA_FIN | LA_ACK, p->snd - 1, p->got, 0);
	r->from = NULL;
	while (n > 0)
		rte_pktmbuf_free(held[--n]);
	answered = peer_waiting(p) == 1;
	if (answered)
		peer_expect(p, LA_ACK, p->N, p->snd, 0);
	if (from)
		CHECK(r, rte_mempool_avail_count(from) == free_from, "a buffer is missing");
	return answered;
}

SCENARIO(buffers, answered_in_place, "the ACK of a repeated FIN uses the FIN's own buffer if that is large enough")
{
	struct rte_mempool *same, *small;
	struct peer *p = scene_listen(s);
	uint64_t exhausted;

	same = rte_pktmbuf_pool_create("same", 31, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	small = rte_pktmbuf_pool_create("small", 31, 0, 0, RTE_PKTMBUF_HEADROOM + 128, SOCKET_ID_ANY);
	CHECK(s->r, same && small, "no pools");
	peer_to_time_wait(p, true, 'a');
	exhausted = rig_counter(s->r, LA_C_mbuf_exhausted);
	CHECK(s->r, is_fin_acked(p, NULL), "no ACK in a buffer of the shard's pool");
	CHECK(s->r, is_fin_acked(p, same), "no ACK in a buffer of another pool");
	CHECK(s->r, rig_counter(s->r, LA_C_mbuf_exhausted) == exhausted, "mbuf_exhausted increased");
	CHECK(s->r, !is_fin_acked(p, small), "an ACK in a buffer without room for a segment");
	CHECK(s->r, rig_counter(s->r, LA_C_mbuf_exhausted) == exhausted + 1, "mbuf_exhausted is wrong");
	rte_mempool_free(same);
	rte_mempool_free(small);
}

SCENARIO(buffers, out_of_order_limit, "tiny segments above a hole hold a bounded number of mbufs, and all bytes arrive")
{
	struct peer *p = scene_open(s);
	unsigned free_before = rig_mbufs_free();

	for (uint32_t i = 0; i < 2000; i++) {
		peer_send(p, LA_ACK, p->IRS + 3 + 2 * i, p->got, 1);
		peer_skip(p);
	}
	CHECK(s->r, free_before - rig_mbufs_free() < 1000, "%u mbufs held", free_before - rig_mbufs_free());
	CHECK(s->r, rig_counter(s->r, LA_C_drop_ooo_full) > 0, "drop_ooo_full is 0");
	feed(p, 4100, 1000);
	CHECK(s->r, p->u.bytes == 4100, "%llu bytes", (unsigned long long)p->u.bytes);
}

SCENARIO(buffers, byte_by_byte, "a peer that sends byte by byte does not empty the pool")
{
	struct peer *p = scene_open(s);
	unsigned free_before = rig_mbufs_free();

	p->u.hold = true;
	for (unsigned i = 0; i < 5000; i++) {
		peer_data(p, 1);
		peer_skip(p);
	}
	CHECK(s->r, free_before - rig_mbufs_free() < 500, "%u mbufs held", free_before - rig_mbufs_free());
	user_read(p, UINT64_MAX);
	CHECK(s->r, p->u.bytes == 5000, "%llu bytes", (unsigned long long)p->u.bytes);
}

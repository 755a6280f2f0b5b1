/* SPDX-License-Identifier: BSD-3-Clause */

/* The fast path gives the same results as the general path: cases in which a next hop changes or buffers are scarce. */

#include "scenario.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

static struct peer *subject;
static unsigned connected;

static void
connect_to(struct la_conn *unused, unsigned host)
{
	static const struct la_conn_ops none;
	struct la_tuple t = subject->t;
	struct la_conn *c;

	(void)unused;
	t.raddr.b[15] = (uint8_t)host;
	t.lport = (uint16_t)(1000 + host);
	connected += la_connect(subject->r->s, &t, &none, NULL, NULL, &c) == 0;
}

static void
crowd_data(struct la_conn *c, void *user)
{
	(void)user;
	la_consume(c, la_unread(c));
	for (unsigned host = 4; host < 244; host++)
		connect_to(c, host);
}

SCENARIO(fast, crowd, "an ACK after 240 SYNs of the same callback, each to another host, finds its next hop evicted")
{
	static const struct la_conn_ops ops = {.data = crowd_data};
	const struct rig_opts o = {
		.max_neighbours = 200, .max_conns = 400, .max_time_wait4 = 400, .max_time_wait6 = 400};

	scene_rig(s, &o);
	subject = scene_open(s);
	connected = 0;
	peer_data(subject, 10); /* the answer makes the peer the usual next hop */
	rig_run(s->r, 100);
	peer_skip(subject);
	la_set_ops(subject->u.c, &ops);
	s->r->mute = true;
	s->r->quiet_strays = true;
	peer_data(subject, 10);
	CHECK(s->r, connected == 240, "%u of 240 connects", connected);
	CHECK(s->r, rig_counter(s->r, LA_C_neigh_evicted) > 0, "no neighbour was evicted");
	CHECK(s->r, peer_waiting(subject) == 0, "the ACK was sent to an evicted next hop");
}

SCENARIO(fast, fin_before_hole, "a FIN in front of a hole: the data above the hole are dropped")
{
	struct peer *p = scene_open(s);

	peer_data(p, 10);
	rig_run(s->r, 100);
	peer_skip(p);
	peer_send(p, LA_ACK, p->snd + 100, p->got, 50);
	rig_run(s->r, 10);
	CHECK(s->r, rig_counter(s->r, LA_C_out_of_order) == 1, "the data did not arrive above a hole");
	peer_skip(p);
	peer_fin(p);
	rig_run(s->r, 10);
	peer_expect_state(p, LA_CLOSE_WAIT);
	CHECK(s->r, rig_counter(s->r, LA_C_buffers_held) == 0, "%" PRIu64 " buffers are held",
	      rig_counter(s->r, LA_C_buffers_held));
}

static void
last_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)user, (void)why;
	subject->u.c = NULL;
	connect_to(c, subject->t.raddr.b[15]);
}

SCENARIO(fast, last_buffer, "the buffer of the ACK of our FIN is free in the callback `closed`")
{
	static const struct la_conn_ops ops = {.closed = last_closed};
	static void *hoard[RIG_MBUFS];
	unsigned n = 0;

	subject = scene_listen(s);
	peer_to_last_ack(subject, false);
	la_set_ops(subject->u.c, &ops);
	connected = 0;
	s->r->quiet_strays = true;
	while (rig_mbufs_free() > 1 && rte_mempool_get(rig_pool(), &hoard[n]) == 0)
		n++;
	peer_ack(subject);
	rte_mempool_put_bulk(rig_pool(), hoard, n);
	CHECK(s->r, connected == 1, "not connected");
	CHECK(s->r, rig_counter(s->r, LA_C_mbuf_exhausted) == 0, "no buffer for the SYN");
}

static struct rte_mempool *
big_pool(void)
{
	static struct rte_mempool *p;

	if (!p)
		p = rte_pktmbuf_pool_create("fast_big", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return p;
}

static struct rte_mbuf *
mbuf_of(struct rte_mempool *pool, const uint8_t *p, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	return m;
}

SCENARIO(fast, late_take, "packets that wait because no frames are taken get the MAC that the next hop has later")
{
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 9};
	struct peer *p = scene_listen(s);
	struct frame f = {.src = p->t.raddr, .dst = p->t.laddr, .flags = LA_FIN | LA_ACK, .win = 1000};
	uint8_t buf[FRAME_MAX], arp[60] = {0};
	struct rte_mbuf *m[64];
	unsigned got = 0, last = 0, n;
	size_t len;

	if (s->o.ip6 || s->o.ts)
		return;
	peer_to_time_wait(p, false, 'a');
	memcpy(f.eth_dst, s->r->mac, 6);
	memcpy(f.eth_src, s->r->peer_mac, 6);
	f.sport = p->t.rport, f.dport = p->t.lport, f.seq = p->R - 1, f.ack = p->N;
	len = frame_write(buf, &f);
	for (unsigned k = 0; k < 75; k++) {
		for (unsigned i = 0; i < 64; i++)
			m[i] = mbuf_of(big_pool(), buf, len);
		la_shard_rx(s->r->s, s->r->now, m, 64);
	}
	memcpy(arp, s->r->mac, 6), memcpy(arp + 6, other, 6);
	memcpy(arp + 12, "\x08\x06\0\1\x08\0\6\4\0\2", 10);
	memcpy(arp + 22, other, 6), memcpy(arp + 28, &p->t.raddr.b[12], 4);
	memcpy(arp + 32, s->r->mac, 6), memcpy(arp + 38, &p->t.laddr.b[12], 4);
	m[0] = mbuf_of(big_pool(), arp, sizeof(arp));
	la_shard_rx(s->r->s, s->r->now, m, 1);
	while ((n = la_shard_tx(s->r->s, m, 64)) > 0)
		for (unsigned i = 0; i < n; i++) {
			got++;
			last += memcmp(rte_pktmbuf_mtod(m[i], void *), other, 6) == 0;
			rte_pktmbuf_free(m[i]);
		}
	CHECK(s->r, got == 75 * 64, "%u frames", got);
	CHECK(s->r, last == 75 * 64 - 4096, "%u frames have the new MAC", last);
}

static struct rte_mempool *
pinned_pool(void)
{
	enum { N = 255, SIZE = RTE_MBUF_DEFAULT_BUF_SIZE };
	static struct rte_mempool *p;
	static struct rte_pktmbuf_extmem mem;

	if (p)
		return p;
	mem.elt_size = SIZE;
	mem.buf_len = (size_t)2 * N * SIZE;
	mem.buf_ptr = aligned_alloc(4096, (mem.buf_len + 4095) & ~(size_t)4095);
	mem.buf_iova = RTE_BAD_IOVA;
	p = rte_pktmbuf_pool_create_extbuf("fast_pinned", N, 0, 0, SIZE, SOCKET_ID_ANY, &mem, 1);
	return p;
}

static void
count_external(struct rte_mempool *pool, void *arg, void *obj, unsigned i)
{
	const struct rte_mbuf *m = obj;

	(void)pool, (void)i;
	*(unsigned *)arg += (m->ol_flags & RTE_MBUF_F_EXTERNAL) != 0;
}

SCENARIO(fast, pinned, "received mbufs with pinned external buffers keep their flag")
{
	unsigned n = 0;
	struct peer *p;

	CHECK(s->r, pinned_pool(), "no pool: %s", rte_strerror(rte_errno));
	s->r->from = pinned_pool();
	p = scene_open(s);
	for (unsigned i = 0; i < 20; i++) {
		peer_data(p, 10);
		rig_run(s->r, 100);
	}
	rte_mempool_obj_iter(pinned_pool(), count_external, &n);
	CHECK(s->r, n == pinned_pool()->size, "%u of %u mbufs", n, pinned_pool()->size);
}

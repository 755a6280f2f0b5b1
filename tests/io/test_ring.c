/* SPDX-License-Identifier: BSD-3-Clause */

/* The port on devices without requirements: the crossed ring pair and null. */

#include "io_test.h"

#include "io/rss.h"

#include <errno.h>
#include <string.h>

#include <lastack/shard.h>

enum { FRAME = 64, PAIR_FRAMES = 4096 /* a ring of the pair holds one less */ };

static struct rte_mbuf *
numbered(struct test_io *io, unsigned n)
{
	uint8_t bytes[FRAME] = {0};

	memcpy(bytes + 14, &n, sizeof(n));
	return io_frame(io, bytes, sizeof(bytes), NULL);
}

static unsigned
number_of(const struct rte_mbuf *m)
{
	unsigned n;

	memcpy(&n, rte_pktmbuf_mtod_offset(m, const void *, 14), sizeof(n));
	return n;
}

static void
start_pair(struct test_io *io, uint16_t queues)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .lcores = queues};

	io_must_start(io, &cfg, queues, 0);
	cr_assert_eq(io->eal.nports, 2u);
}

Test(ring, frames_cross_in_order_both_ways)
{
	struct test_io io;

	start_pair(&io, 1);
	for (unsigned way = 0; way < 2; way++) {
		struct rte_mbuf *pkts[100];

		for (unsigned i = 0; i < 100; i++)
			pkts[i] = numbered(&io, way * 1000 + i);
		cr_assert_eq(la_port_tx(&io.port[way], 0, pkts, 100, io.pool), 100u);
		cr_assert_eq(la_port_rx(&io.port[way], 0, pkts, 100), 0u, "frames came back to their sender");
		cr_assert_eq(la_port_rx(&io.port[!way], 0, pkts, 100), 100u);
		for (unsigned i = 0; i < 100; i++)
			cr_assert_eq(number_of(pkts[i]), way * 1000 + i);
		rte_pktmbuf_free_bulk(pkts, 100);
	}
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(ring, properties_of_the_port)
{
	struct test_io io;
	char line[256];

	start_pair(&io, 1);
	cr_assert_neq(memcmp(io.port[0].mac, io.port[1].mac, 6), 0);
	cr_assert_eq(io.port[0].mac[0] & 3, 2, "not a unicast, locally administered address");
	cr_assert_eq(io.port[0].mtu, 1500u);
	cr_assert_eq(io.port[0].offloads, (uint32_t)LA_OFF_TX_MULTI_SEG);
	cr_assert_eq(io.port[0].segs_max, UINT16_MAX);
	cr_assert(!io.port[0].rss);
	la_port_describe(&io.port[0], line, sizeof(line));
	cr_assert_str_eq(line, "port 0 net_ring net_ring_la0a: 02:6c:61:00:00:00, mtu 1500, link 10 Gb/s, "
			       "node 0, 1 queue; checksums: software; rss: software");
	io_stop(&io);
}

Test(ring, describe_names_what_the_hardware_does_and_stays_in_its_buffer)
{
	struct la_port p = {
		.id = 200, .queues = 4, .mtu = 9000, .numa_node = -1, .rss = true, .driver = "net_x", .name = "x0"};
	char line[256], small[20];

	p.offloads = LA_OFF_TX_IP_CKSUM | LA_OFF_TX_TCP_CKSUM | LA_OFF_RX_CKSUM;
	cr_assert_str_eq(la_port_describe(&p, line, sizeof(line)),
			 "port 200 net_x x0: 00:00:00:00:00:00, mtu 9000, link unknown, 4 queues; "
			 "checksums: ip tx rx, tcp tx rx in hardware; rss: hardware");
	p.offloads = LA_OFF_RX_CKSUM;
	cr_assert_not_null(strstr(la_port_describe(&p, line, sizeof(line)), "checksums: ip rx, tcp rx in"));
	p.offloads = LA_OFF_TX_TCP_CKSUM;
	cr_assert_not_null(strstr(la_port_describe(&p, line, sizeof(line)), "checksums: tcp tx in"));
	p.offloads = LA_OFF_TX_IP_CKSUM | LA_OFF_TX_TCP_CKSUM;
	cr_assert_not_null(strstr(la_port_describe(&p, line, sizeof(line)), "checksums: ip tx, tcp tx in"));
	memset(small, 'z', sizeof(small));
	cr_assert_str_eq(la_port_describe(&p, small, 10), "port 200 ");
	cr_assert_eq(small[10], 'z');
}

Test(ring, each_queue_leads_to_the_queue_of_the_same_number)
{
	struct test_io io;
	struct rte_mbuf *m;
	unsigned queues;

	start_pair(&io, 2);
	queues = io.port[0].queues;
	cr_assert_eq(queues, io.eal.lcores, "one queue a worker");
	for (uint16_t q = 0; q < queues; q++) {
		m = numbered(&io, q);
		cr_assert_eq(la_port_tx(&io.port[0], q, &m, 1, io.pool), 1u);
	}
	for (uint16_t q = 0; q < queues; q++) {
		cr_assert_eq(la_port_rx(&io.port[1], q, &m, 1), 1u);
		cr_assert_eq(number_of(m), (unsigned)q);
		rte_pktmbuf_free(m);
	}
	io_stop(&io);
}

Test(ring, queues_are_cut_to_what_the_port_has)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .lcores = 1};
	struct test_io io;

	io_must_start(&io, &cfg, LA_PORT_MAX_QUEUES, 0);
	cr_assert_eq(io.port[0].queues, 1u);
	io_stop(&io);
}

/* No frame is lost silently: frames that do not fit a full queue are freed and counted. */
Test(ring, a_full_queue_costs_counted_frames_and_no_mbufs)
{
	struct la_port_stats stats;
	struct rte_mbuf *m, *pkts[64];
	struct test_io io;
	unsigned went = 0, came = 0;

	start_pair(&io, 1);
	for (unsigned i = 0; i < PAIR_FRAMES + 100; i++) {
		m = numbered(&io, i);
		went += la_port_tx(&io.port[0], 0, &m, 1, io.pool);
	}
	cr_assert_eq(went, PAIR_FRAMES - 1u);
	cr_assert_eq(io_out(&io), went);
	la_port_stats(&io.port[0], &stats);
	cr_assert_eq(stats.tx_full, 101u);
	la_port_stats(&io.port[1], &stats);
	cr_assert_eq(stats.tx_full, 0u);

	for (unsigned n; (n = la_port_rx(&io.port[1], 0, pkts, 64)) > 0; came += n) {
		for (unsigned i = 0; i < n; i++)
			cr_assert_eq(number_of(pkts[i]), came + i);
		rte_pktmbuf_free_bulk(pkts, n);
	}
	cr_assert_eq(came, went);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(ring, part_of_a_burst_goes_when_there_is_room_for_a_part)
{
	struct rte_mbuf *pkts[PAIR_FRAMES];
	struct la_port_stats stats;
	struct test_io io;

	start_pair(&io, 1);
	for (unsigned i = 0; i < PAIR_FRAMES; i++)
		pkts[i] = numbered(&io, i);
	cr_assert_eq(la_port_tx(&io.port[0], 0, pkts, PAIR_FRAMES, io.pool), PAIR_FRAMES - 1u);
	la_port_stats(&io.port[0], &stats);
	cr_assert_eq(stats.tx_full, 1u);
	cr_assert_eq(la_port_rx(&io.port[1], 0, pkts, PAIR_FRAMES), PAIR_FRAMES - 1u);
	rte_pktmbuf_free_bulk(pkts, PAIR_FRAMES - 1);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

/* The pair passes mbufs by pointer. A receiver must not trim an mbuf that the sender keeps for a
 * retransmission. */
Test(ring, a_frame_that_its_sender_keeps_arrives_as_a_copy)
{
	struct rte_mbuf *mine, *got;
	struct test_io io;

	start_pair(&io, 1);
	mine = numbered(&io, 7);
	rte_mbuf_refcnt_update(mine, 1);
	got = mine;
	cr_assert_eq(la_port_tx(&io.port[0], 0, &got, 1, io.pool), 1u);
	cr_assert_eq(la_port_rx(&io.port[1], 0, &got, 1), 1u);
	cr_assert_neq(got, mine);
	cr_assert_eq(number_of(got), 7u);
	cr_assert_not_null(rte_pktmbuf_adj(got, 20));
	rte_pktmbuf_free(got);
	cr_assert_eq(rte_mbuf_refcnt_read(mine), 1u);
	cr_assert_eq(mine->data_len, FRAME);
	cr_assert_eq(number_of(mine), 7u);
	rte_pktmbuf_free(mine);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(ring, a_kept_frame_is_counted_when_there_is_no_mbuf_to_copy_it)
{
	struct rte_mbuf *mine, *got, *hog[9000];
	struct la_port_stats stats;
	struct test_io io;
	unsigned n = 0;

	start_pair(&io, 1);
	mine = numbered(&io, 7);
	rte_mbuf_refcnt_update(mine, 1);
	while (n < RTE_DIM(hog) && (hog[n] = rte_pktmbuf_alloc(io.pool)) != NULL)
		n++;
	got = mine;
	cr_assert_eq(la_port_tx(&io.port[0], 0, &got, 1, io.pool), 0u);
	cr_assert_eq(rte_mbuf_refcnt_read(mine), 1u);
	la_port_stats(&io.port[0], &stats);
	cr_assert_eq(stats.tx_no_buffer, 1u);
	cr_assert_eq(stats.tx_full, 0u, "counted as refused by the port");
	rte_pktmbuf_free(mine);
	rte_pktmbuf_free_bulk(hog, n);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(ring, a_chain_crosses_whole)
{
	static const size_t cuts[] = {14, 7, 0};
	uint8_t bytes[FRAME], back[FRAME];
	struct test_io io;
	struct rte_mbuf *m;

	for (unsigned i = 0; i < FRAME; i++)
		bytes[i] = (uint8_t)(i * 7);
	start_pair(&io, 1);
	m = io_frame(&io, bytes, sizeof(bytes), cuts);
	cr_assert_eq(m->nb_segs, 3u);
	cr_assert_eq(la_port_tx(&io.port[1], 0, &m, 1, io.pool), 1u);
	cr_assert_eq(la_port_rx(&io.port[0], 0, &m, 1), 1u);
	cr_assert_eq(m->pkt_len, (uint32_t)FRAME);
	cr_assert_eq(memcmp(rte_pktmbuf_read(m, 0, FRAME, back), bytes, FRAME), 0);
	rte_pktmbuf_free(m);
	io_stop(&io);
}

/* i40e and ice take at most 8 mbufs a frame. */
Test(ring, a_chain_beyond_the_limit_of_the_port_is_copied)
{
	static const size_t cuts[] = {14, 7, 0};
	uint8_t bytes[FRAME], back[FRAME];
	struct test_io io;

	for (unsigned i = 0; i < FRAME; i++)
		bytes[i] = (uint8_t)(i * 5);
	start_pair(&io, 1);
	for (uint16_t most = 2; most <= 3; most++) {
		struct rte_mbuf *m = io_frame(&io, bytes, sizeof(bytes), cuts);

		cr_assert_eq(m->nb_segs, 3u);
		io.port[1].segs_max = most;
		cr_assert_eq(la_port_tx(&io.port[1], 0, &m, 1, io.pool), 1u);
		cr_assert_eq(la_port_rx(&io.port[0], 0, &m, 1), 1u);
		cr_assert_eq(m->nb_segs, most == 2 ? 1u : 3u);
		cr_assert_eq(m->pkt_len, (uint32_t)FRAME);
		cr_assert_eq(memcmp(rte_pktmbuf_read(m, 0, FRAME, back), bytes, FRAME), 0);
		rte_pktmbuf_free(m);
	}
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(null, drops_all_sent_frames_and_receives_frames)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1};
	struct rte_mbuf *pkts[32];
	static const size_t cuts[] = {14, 0};
	uint8_t bytes[FRAME] = {0};
	struct test_io io;
	unsigned n;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.port[0].segs_max, 1u, "net_null takes no chains");
	for (unsigned i = 0; i < 32; i++)
		pkts[i] = io_frame(&io, bytes, sizeof(bytes), i & 1 ? cuts : NULL);
	cr_assert_eq(la_port_tx(&io.port[0], 0, pkts, 32, io.pool), 32u);
	cr_assert_eq(io_out(&io), 0u);
	n = la_port_rx(&io.port[0], 0, pkts, 32);
	cr_assert_gt(n, 0u);
	rte_pktmbuf_free_bulk(pkts, n);
	io_stop(&io);
}

Test(port, failures_name_the_port_and_the_reason)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1};
	struct la_port_config none = {.queues = 1};
	struct la_port port;
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_lt(la_port_open(9, &none, &port, io.err, sizeof(io.err)), 0);
	cr_assert_not_null(strstr(io.err, "port 9"), "%s", io.err);
	la_port_close(&io.port[0]);
	io.eal.nports = 0;
	io_stop(&io);
}

Test(port, failure_no_pool)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .memory_mb = 64};
	struct la_port_config none = {.queues = 1};
	struct la_port port;
	struct la_eal eal;
	char err[256];

	cr_assert_eq(la_eal_start(&cfg, &eal, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(la_port_open(eal.port[0], &none, &port, err, sizeof(err)), -EINVAL);
	cr_assert_not_null(strstr(err, "net_null0: no mbuf pool"), "%s", err);
	la_eal_stop();
}

Test(port, rss_key_is_symmetric_and_depends_on_the_secret)
{
	const uint8_t *key = la_rss_key();
	uint16_t words[32], mine = (uint16_t)(key[0] << 8 | key[1]);
	unsigned others = 0;

	for (unsigned i = 0; i < LA_RSS_KEY_MAX; i++)
		cr_assert_eq(key[i], key[i & 1]);
	for (unsigned i = 0; i < 32; i++) {
		const char secret[2] = {'x', (char)i};

		la_rss_seed(secret, sizeof(secret));
		words[i] = (uint16_t)(la_rss_key()[0] << 8 | la_rss_key()[1]);
		la_rss_seed(secret, sizeof(secret)); /* the same secret, the same key */
		cr_assert_eq(words[i], (uint16_t)(la_rss_key()[0] << 8 | la_rss_key()[1]));
		others += words[i] != mine && (i == 0 || words[i] != words[i - 1]);
	}
	cr_assert_gt(others, 28u); /* there are 19 219 words, so few of 32 are equal */
}

/* With every accepted key, 256 consecutive ports or addresses at any bit position of the folded word fill
 * every place twice; other keys are refused. */
Test(port, rss_keys_spread_evenly)
{
	static const uint16_t bad[] = {0x0000, 0xffff, 0x5555, 0xaaaa, 0x1111, 0x8888, 0x8000, 0x0001};
	unsigned accepted = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert(!la_rss_spreads(bad[i]) && la_rss_set(bad[i]) == -EINVAL, "%04x", bad[i]);
	for (uint32_t word = 0; word <= UINT16_MAX; word++) {
		if (!la_rss_spreads((uint16_t)word))
			continue;
		accepted++;
		for (unsigned shift = 0; shift <= 8; shift++) {
			uint8_t got[LA_PORT_RETA] = {0};

			for (unsigned v = 0; v < 256; v++) {
				unsigned h = 0, in = (v << shift) ^ 0x1234;

				for (unsigned j = 0; j < 16; j++)
					if (in >> j & 1)
						h ^= word << (15 - j) | word >> (j + 1);
				got[h % LA_PORT_RETA]++;
			}
			for (unsigned i = 0; i < LA_PORT_RETA; i++)
				cr_assert_eq(got[i], 2, "word %04x, shift %u, place %u: %u", word, shift, i, got[i]);
		}
	}
	cr_assert_eq(accepted, 19219u);
}

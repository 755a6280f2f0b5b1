/* SPDX-License-Identifier: BSD-3-Clause */

/* A port whose device refuses calls, reports limits, or reports wrong checksums as good (fake_port.h). */

#include "io_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lastack/addr.h>
#include <lastack/shard.h>

#include "../support/frame.h"
#include "fake_port.h"

#define FILTER RTE_ETH_RX_OFFLOAD_VLAN_FILTER
#define SCATTER RTE_ETH_RX_OFFLOAD_SCATTER
#define RX_CKSUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
#define RSS_TCP (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

enum { NOW = 1000, POOL = 2047 };

static struct test_io io;
static struct la_port_config pc;
static char printed[2048]; /* by la_log() */

/* A ring pair, whose first end will be the fake. */
static void
set_up(void)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1, .queues = 4, .memory_mb = 128};

	cr_assert_eq(la_eal_start(&cfg, &io.eal, io.err, sizeof(io.err)), 0, "%s", io.err);
	io.pool = rte_pktmbuf_pool_create("port", 4 * POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_not_null(io.pool);
	fake = (struct fake_port){.on = true, .id = io.eal.port[0], .driver = "net_fake"};
	pc = (struct la_port_config){.queues = 1};
	for (unsigned q = 0; q < LA_PORT_MAX_QUEUES; q++)
		pc.pools[q] = io.pool;
}

static void
tear_down(void)
{
	la_eal_stop();
}

TestSuite(port, .init = set_up, .fini = tear_down, .timeout = 60);

/* Opens the fake, with its lines on standard error in `printed`. */
static int
open_fake(void)
{
	int saved = dup(STDERR_FILENO), r;
	FILE *f = tmpfile();
	size_t n;

	cr_assert(f != NULL && saved >= 0);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	r = la_port_open(fake.id, &pc, &io.port[0], io.err, sizeof(io.err));
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(printed, 1, sizeof(printed) - 1, f);
	printed[n] = '\0';
	fclose(f);
	return r;
}

static void
must_open(void)
{
	int r = open_fake();

	cr_assert_eq(r, 0, "%d: %s", r, io.err);
}

/* A closed port could not be opened again. */
static void
stop_fake(void)
{
	cr_assert_eq(rte_eth_dev_stop(fake.id), 0);
}

static bool
uses(enum la_feature f)
{
	return (io.port[0].features.on & LA_FEATURE_BIT(f)) != 0;
}

static void
expect_printed(const char *words)
{
	cr_expect(strstr(printed, words) != NULL, "no \"%s\" in: %s", words, printed);
}

/* ---- VLAN filters ---- */

Test(port, a_filter_gets_every_vlan)
{
	fake.rx = FILTER;
	pc.vlans[0] = 5;
	pc.vlans[1] = 7;
	must_open();
	cr_expect_eq(fake.nvlans, 2u);
	cr_expect(fake.vlan[0] == 5 && fake.vlan[1] == 7);
	cr_expect(uses(LA_FEATURE_VLAN_FILTER) && !fake.filter_off);
	cr_expect_str_eq(printed, "");
}

Test(port, a_filter_that_refuses_a_vlan_is_switched_off)
{
	fake.rx = FILTER;
	fake.refused_vlan = 5;
	pc.vlans[0] = 5;
	pc.vlans[1] = 7;
	must_open();
	cr_expect(fake.filter_off);
	cr_expect_not(uses(LA_FEATURE_VLAN_FILTER));
	expect_printed("its VLAN filter refuses VLAN id 5: No space left on device; the filter is off");
	cr_expect_str_eq(io.port[0].features.why[LA_FEATURE_VLAN_FILTER], "it refuses VLAN id 5");
}

Test(port, a_filter_that_stays_on)
{
	fake.rx = FILTER;
	fake.refused_vlan = 5;
	fake.keeps_filter = true;
	pc.vlans[0] = 5;
	must_open();
	cr_expect(uses(LA_FEATURE_VLAN_FILTER));
	expect_printed(
		"refuses VLAN id 5: No space left on device, and the filter stays on; frames with this tag may not");
}

/* The filter of virtio is in the device, and never off: the other VLANs must be in it. */
Test(port, a_device_that_filters_in_any_case)
{
	fake.rx = FILTER;
	fake.driver = "net_virtio";
	fake.refused_vlan = 5;
	pc.vlans[0] = 5;
	pc.vlans[1] = 7;
	must_open();
	cr_expect_not(fake.filter_off);
	cr_expect(uses(LA_FEATURE_VLAN_FILTER));
	cr_expect(fake.nvlans == 1 && fake.vlan[0] == 7);
	expect_printed("VLAN id 5 is refused: No space left on device; the device drops frames with this tag");
	cr_expect(strstr(printed, "off") == NULL, "%s", printed);
}

Test(port, priority_tags_of_virtio)
{
	fake.rx = FILTER;
	fake.driver = "net_virtio";
	must_open();
	cr_expect(fake.nvlans == 1 && fake.vlan[0] == 0);
	cr_expect_str_eq(printed, "");
}

/* ---- received checksums ---- */

/* Receives a SYN whose TCP checksum is wrong and whose flags say that it is good. Returns the value of a counter. */
static uint64_t
receive_bad(enum la_counter counter)
{
	struct frame f = {.sport = 4000, .dport = 80, .flags = 2, .win = 1000, .bad_cksum = true};
	struct la_shard_config cfg = {.mbufs = io.pool, .now = NOW, .no_dad = true, .naddrs = 1};
	struct la_port_config other = {.queues = 1, .pools = {io.pool}};
	struct la_prefix addr;
	struct la_shard *shard;
	uint8_t bytes[FRAME_MAX];
	struct rte_mbuf *m;
	uint64_t n;

	cr_assert_eq(la_port_open(io.eal.port[1], &other, &io.port[1], io.err, sizeof(io.err)), 0, "%s", io.err);
	cr_assert_eq(la_prefix_parse("10.0.0.2/24", &addr), 0);
	cfg.addrs = &addr;
	la_port_configure(&io.port[0], 1500, &cfg);
	cr_assert_eq(la_shard_create(&cfg, &shard), 0);
	cr_assert(la_addr_parse("10.0.0.1", &f.src) == 0 && la_addr_parse("10.0.0.2", &f.dst) == 0);
	memcpy(f.eth_dst, io.port[0].mac, 6);
	memcpy(f.eth_src, io.port[1].mac, 6);
	m = io_frame(&io, bytes, frame_write(bytes, &f), NULL);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD; /* a ring passes the mbuf itself */
	cr_assert_eq(la_port_tx(&io.port[1], 0, &m, 1, io.pool), 1u);
	m = io_wait(&io, 0, 0, NULL, NULL);
	cr_assert(m != NULL && (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0);
	la_shard_rx(shard, NOW, &m, 1);
	n = la_shard_counters(shard)->v[counter];
	la_shard_destroy(shard);
	return n;
}

Test(port, flags_of_a_port_are_believed)
{
	fake.rx = RX_CKSUMS;
	must_open();
	cr_expect_eq(fake.conf.rxmode.offloads, RX_CKSUMS);
	cr_expect_eq(receive_bad(LA_C_drop_no_listener), 1u);
}

Test(port, rx_cksum_software_detects_a_port_that_reports_good)
{
	fake.rx = RX_CKSUMS;
	pc.offload.rx_cksum_off = true;
	must_open();
	cr_expect_eq(fake.conf.rxmode.offloads, 0u);
	cr_expect_eq(receive_bad(LA_C_drop_tcp_cksum), 1u);
}

/* virtio and vmxnet3 report one of the two. */
Test(port, half_of_the_receive_checksums)
{
	char why[128], text[512];

	fake.rx = RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	cr_assert_eq(la_offload_parse("on,rx", &pc.offload, why, sizeof(why)), 0);
	must_open();
	cr_expect_eq(fake.conf.rxmode.offloads, RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
	cr_expect_eq(io.port[0].offloads & LA_OFF_RX_CKSUM, LA_OFF_RX_TCP_CKSUM);
	expect_printed("rx-ip of --offload=rx is done in software: the driver does not report it");
	la_port_describe(&io.port[0], text, sizeof(text));
	cr_expect(strstr(text, "checksums: tcp rx in hardware") != NULL, "%s", text);
	cr_expect_eq(receive_bad(LA_C_drop_no_listener), 1u);
}

Test(port, one_receive_checksum_alone_is_used_on_request)
{
	fake.rx = RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	must_open();
	cr_expect_eq(fake.conf.rxmode.offloads, 0u);
	cr_expect_str_eq(io.port[0].features.why[LA_FEATURE_RX_TCP_CKSUM],
			 "the driver does not report the other receive checksum: used with --offload=on,rx-tcp");
	cr_expect_eq(receive_bad(LA_C_drop_tcp_cksum), 1u);
}

/* ---- limits ---- */

Test(port, link_interrupts)
{
	char why[128];

	fake.flags = RTE_ETH_DEV_INTR_LSC;
	cr_assert_eq(la_offload_parse("on,link-interrupt", &pc.offload, why, sizeof(why)), 0);
	must_open();
	cr_expect_eq(fake.conf.intr_conf.lsc, 1u);
	stop_fake();
	pc.offload = (struct la_offload_choice){0};
	must_open();
	cr_expect_eq(fake.conf.intr_conf.lsc, 0u);
	stop_fake();
	fake.flags = 0;
	cr_assert_eq(la_offload_parse("link-interrupt", &pc.offload, why, sizeof(why)), 0);
	cr_expect_eq(open_fake(), -ENOTSUP);
}

/* The device refuses a frame that its buffer does not hold, as virtio does: every MTU starts. */
Test(port, scatter_as_the_device_needs_it)
{
	fake.rx = SCATTER;
	fake.overhead = 30;
	fake.max_mtu = 9698;
	fake.max_rx_pktlen = 9728;
	for (uint16_t mtu = 1980; mtu <= 2060; mtu++) {
		pc.mtu = mtu;
		must_open();
		stop_fake();
	}
	pc.mtu = 9000;
	must_open();
	cr_expect(fake.conf.rxmode.offloads & SCATTER);
	stop_fake();
	pc.mtu = 1500;
	must_open();
	cr_expect_eq(fake.conf.rxmode.offloads & SCATTER, 0u);
}

Test(port, the_largest_mtu)
{
	fake.max_mtu = 1600;
	fake.max_rx_pktlen = 1618;
	pc.mtu = 1601;
	cr_expect_eq(open_fake(), -EINVAL);
	cr_expect(strstr(io.err, "MTU 1601 refused: the driver takes 68 to 1600") ||
			  strstr(io.err, "MTU 1601 refused: the driver takes 46 to 1600"),
		  "%s", io.err);
	pc.mtu = 1600;
	must_open();
	cr_expect_eq(fake.mtu, 1600u);
	stop_fake();
	/* the driver reports 1600, and takes less */
	fake.mtu_most = 1550;
	cr_expect_eq(open_fake(), -EINVAL);
	cr_expect(strstr(io.err, "MTU 1600 refused") != NULL, "%s", io.err);
}

Test(port, half_a_queue_set)
{
	fake.rx_queues = 4;
	fake.tx_queues = 2;
	fake.rss = RSS_TCP;
	pc.queues = 4;
	must_open();
	cr_expect(fake.nb_rx == 2 && fake.nb_tx == 2 && io.port[0].queues == 2);
	cr_expect_str_eq(io.port[0].features.queues_why, "4 wanted, the device has 4 to receive and 2 to send");
	stop_fake();
	/* the second queue exists, and does not work */
	fake.bad_tx_queue = 1;
	cr_expect_lt(open_fake(), 0);
	cr_expect(strstr(io.err, "net_fake") != NULL && strstr(io.err, "queue 1") != NULL, "%s", io.err);
}

/* RSS counts only when the port returns what was set; the printed choice says so. */
Test(port, rss_with_another_key_or_table)
{
	fake.rss = RSS_TCP;
	pc.queues = 2;
	must_open();
	cr_expect(io.port[0].rss && uses(LA_FEATURE_RSS));
	stop_fake();
	for (unsigned i = 0; i < 2; i++) {
		fake.other_key = i == 0;
		fake.other_reta = i == 1;
		must_open();
		cr_expect_not(io.port[0].rss);
		cr_expect_not(uses(LA_FEATURE_RSS));
		cr_expect_str_eq(io.port[0].features.why[LA_FEATURE_RSS],
				 "the port does not return the key and the table as they were set");
		stop_fake();
	}
}

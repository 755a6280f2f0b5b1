/* SPDX-License-Identifier: BSD-3-Clause */

/* The decision which features of a port are used, from what drivers of DPDK 22.11 report. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_ethdev.h>

#include "io/features.h"

#define BIT(f) LA_FEATURE_BIT(LA_FEATURE_##f)
#define IP_RX RTE_ETH_RX_OFFLOAD_IPV4_CKSUM
#define TCP_RX RTE_ETH_RX_OFFLOAD_TCP_CKSUM
#define SCATTER RTE_ETH_RX_OFFLOAD_SCATTER
#define FILTER RTE_ETH_RX_OFFLOAD_VLAN_FILTER
#define STRIP RTE_ETH_RX_OFFLOAD_VLAN_STRIP
#define IP_TX RTE_ETH_TX_OFFLOAD_IPV4_CKSUM
#define TCP_TX RTE_ETH_TX_OFFLOAD_TCP_CKSUM
#define SEGS RTE_ETH_TX_OFFLOAD_MULTI_SEGS
#define RSS_BOTH (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define CKSUMS (BIT(TX_IP_CKSUM) | BIT(TX_TCP_CKSUM) | BIT(RX_CKSUM))
#define NIC_RX (IP_RX | TCP_RX | SCATTER | FILTER | STRIP)
#define NIC_TX (IP_TX | TCP_TX | SEGS)

enum { ROOM = 2048 }; /* data room of a usual buffer */

/* What a driver reports, and the decision for two workers, MTU 1500, no VLAN. */
static const struct driver {
	const char *name;
	uint16_t queues, max_mtu;
	uint32_t max_rx_pktlen;
	uint64_t rx, tx, rss;
	uint8_t key;
	uint32_t flags;
	uint16_t want_queues; /* expected queues, when two are wanted */
	uint32_t want;	      /* LA_FEATURE_BIT() */
	bool is_virtual;
} drivers[] = {
	{"net_e1000_em", 2, 16110, 16128, NIC_RX, NIC_TX, 0, 0, RTE_ETH_DEV_INTR_LSC, 1, CKSUMS | BIT(MULTI_SEG),
	 false},
	/* e1000e has the same driver with shorter frames */
	{"net_e1000_em", 2, 9216, 9234, NIC_RX, NIC_TX, 0, 0, RTE_ETH_DEV_INTR_LSC, 1, CKSUMS | BIT(MULTI_SEG), false},
	{"net_e1000_igb", 8, 9216, 9234, NIC_RX, NIC_TX, RSS_BOTH, 40, RTE_ETH_DEV_INTR_LSC, 2,
	 CKSUMS | BIT(MULTI_SEG) | BIT(RSS), false},
	/* one of the two receive checksums alone is not used */
	{"net_virtio", 4, 9698, 9728, TCP_RX | SCATTER | FILTER | STRIP, TCP_TX | SEGS, 0, 0, RTE_ETH_DEV_INTR_LSC, 1,
	 BIT(TX_TCP_CKSUM) | BIT(MULTI_SEG) | BIT(VLAN_FILTER), false},
	{"net_virtio", 4, 9698, 9728, TCP_RX | SCATTER | FILTER, TCP_TX | SEGS, RSS_BOTH, 40, 0, 2,
	 BIT(TX_TCP_CKSUM) | BIT(MULTI_SEG) | BIT(VLAN_FILTER) | BIT(RSS), false},
	{"net_virtio_user", 2, 9698, 9728, STRIP, SEGS, 0, 0, 0, 1, BIT(MULTI_SEG), false},
	{"net_vmxnet3", 8, 16366, 16384, TCP_RX | IP_RX | SCATTER | STRIP, TCP_TX | SEGS, RSS_BOTH, 40, 0, 2,
	 BIT(TX_TCP_CKSUM) | BIT(RX_CKSUM) | BIT(MULTI_SEG) | BIT(RSS), false},
	{"net_ixgbe", 64, 15854, 15872, NIC_RX, NIC_TX, RSS_BOTH, 40, RTE_ETH_DEV_INTR_LSC, 2,
	 CKSUMS | BIT(MULTI_SEG) | BIT(RSS), false},
	{"net_i40e", 64, 9702, 9728, NIC_RX, NIC_TX, RSS_BOTH, 52, RTE_ETH_DEV_INTR_LSC, 2,
	 CKSUMS | BIT(MULTI_SEG) | BIT(RSS), false},
	{"net_ice", 64, 9702, 9728, NIC_RX, NIC_TX, RSS_BOTH, 52, RTE_ETH_DEV_INTR_LSC, 2,
	 CKSUMS | BIT(MULTI_SEG) | BIT(RSS), false},
	{"mlx5_pci", 1024, UINT16_MAX, 65536, NIC_RX, NIC_TX, RSS_BOTH, 40, RTE_ETH_DEV_INTR_LSC, 2,
	 CKSUMS | BIT(MULTI_SEG) | BIT(RSS), false},
	{"net_tap", 16, UINT16_MAX, 1522, IP_RX | TCP_RX | SCATTER, NIC_TX, RSS_BOTH, 40, RTE_ETH_DEV_INTR_LSC, 2,
	 BIT(MULTI_SEG) | BIT(RSS), true},
	{"net_af_packet", 2, UINT16_MAX, 65535, 0, 0, 0, 0, 0, 2, 0, true},
	{"net_af_xdp", 2, 3290, UINT32_MAX, 0, 0, 0, 0, 0, 2, 0, true},
	{"net_memif", 255, UINT16_MAX, 65535, 0, SEGS, 0, 0, 0, 2, BIT(MULTI_SEG), true},
	{"net_ring", 16, UINT16_MAX, UINT32_MAX, SCATTER, SEGS, 0, 0, 0, 2, BIT(MULTI_SEG), true},
	{"net_null", 16, UINT16_MAX, UINT32_MAX, 0, SEGS, RSS_BOTH, 40, 0, 2, BIT(MULTI_SEG) | BIT(RSS), true},
	/* a driver of the future, and a NIC without RSS for TCP */
	{"net_future", 8, 9000, 9018, 0, 0, RTE_ETH_RSS_IPV4, 40, 0, 1, 0, false},
	{"net_future", 8, 9000, 9018, 0, 0, RSS_BOTH, 128, 0, 1, 0, false},
};

enum { NDRIVERS = sizeof(drivers) / sizeof(drivers[0]) };

static struct rte_eth_dev_info
info_of(const struct driver *d)
{
	return (struct rte_eth_dev_info){
		.driver_name = d->name,
		.max_rx_queues = d->queues,
		.max_tx_queues = d->queues,
		.min_mtu = 68,
		.max_mtu = d->max_mtu,
		.max_rx_pktlen = d->max_rx_pktlen,
		.rx_offload_capa = d->rx,
		.tx_offload_capa = d->tx,
		.flow_type_rss_offloads = d->rss,
		.hash_key_size = d->key,
		.dev_flags = &d->flags,
	};
}

static const struct driver *
driver_named(const char *name)
{
	unsigned i = 0;

	while (i < NDRIVERS && strcmp(drivers[i].name, name) != 0)
		i++;
	cr_assert_lt(i, (unsigned)NDRIVERS, "%s", name);
	return &drivers[i];
}

static int
choose(const struct driver *d, const struct la_features_wish *w, struct la_features *f, char *err, size_t size)
{
	struct rte_eth_dev_info info = info_of(d);

	err[0] = '\0';
	return la_features_choose(&info, w, f, err, size);
}

static struct la_features
must_choose(const char *name, const struct la_features_wish *w)
{
	struct la_features f;
	char err[256];
	int r = choose(driver_named(name), w, &f, err, sizeof(err));

	cr_assert_eq(r, 0, "%s: %d: %s", name, r, err);
	return f;
}

static struct la_features_wish
wish(uint16_t queues)
{
	return (struct la_features_wish){.queues = queues, .own_mtu = 1500, .room = ROOM};
}

Test(features, every_driver)
{
	for (unsigned i = 0; i < NDRIVERS; i++) {
		const struct driver *d = &drivers[i];
		struct la_features_wish w = wish(2);
		struct la_features f;
		char err[256];

		cr_assert_eq(choose(d, &w, &f, err, sizeof(err)), 0, "%s: %s", d->name, err);
		cr_expect_eq(f.queues, d->want_queues, "%s: %u queues: %s", d->name, f.queues, f.queues_why);
		cr_expect_eq(f.on, d->want, "%s: features %#x, want %#x", d->name, f.on, d->want);
		cr_expect_eq(f.rss_hf != 0, (f.on & BIT(RSS)) != 0, "%s", d->name);
		cr_expect_eq(f.virtual_port, d->is_virtual, "%s", d->name);
		cr_expect_eq(f.mtu, 1500, "%s: mtu %u", d->name, f.mtu);
		/* nothing is asked for that the driver does not report */
		cr_expect_eq(f.rx & ~d->rx, 0u, "%s", d->name);
		cr_expect_eq(f.tx & ~d->tx, 0u, "%s", d->name);
		cr_expect_neq(f.queues_why[0], '\0', "%s", d->name);
		for (unsigned k = 0; k < LA_NFEATURES; k++)
			cr_expect_neq(f.why[k][0], '\0', "%s %s", d->name, la_feature_name((enum la_feature)k));
	}
}

/* The rule holds for every number of workers, not only for two. */
Test(features, queues_without_rss)
{
	for (unsigned i = 0; i < NDRIVERS; i++) {
		for (uint16_t n = 0; n <= LA_PORT_MAX_QUEUES + 1; n++) {
			const struct driver *d = &drivers[i];
			struct la_features_wish w = wish(n);
			unsigned most = n != 0 ? n : 1;
			struct la_features f;
			char err[256];

			if (most > LA_PORT_MAX_QUEUES)
				most = LA_PORT_MAX_QUEUES;
			if (most > d->queues)
				most = d->queues;
			if (d->want_queues == 1)
				most = 1;
			cr_assert_eq(choose(d, &w, &f, err, sizeof(err)), 0);
			cr_expect_eq(f.queues, most, "%s, %u wanted: %u", d->name, n, f.queues);
		}
	}
}

Test(features, no_queues)
{
	struct driver d = *driver_named("net_ixgbe");
	struct la_features_wish w = wish(1);
	struct la_features f;
	char err[256];

	d.queues = 0;
	cr_expect_eq(choose(&d, &w, &f, err, sizeof(err)), -ENODEV);
	cr_expect(strstr(err, "no queues"), "%s", err);
}

Test(features, vlan_filter)
{
	static const char *const filtering[] = {"net_virtio", "net_ixgbe", "net_i40e",
						"net_ice",    "mlx5_pci",  "net_e1000_em"};
	static const char *const without[] = {"net_tap", "net_af_packet", "net_memif", "net_vmxnet3",
					      "net_virtio_user"};
	struct la_features_wish w = wish(1);

	w.tagged = true;
	for (unsigned i = 0; i < sizeof(filtering) / sizeof(filtering[0]); i++) {
		struct la_features f = must_choose(filtering[i], &w);

		cr_expect(f.on & BIT(VLAN_FILTER), "%s", filtering[i]);
		cr_expect(f.rx & FILTER, "%s", filtering[i]);
		cr_expect_not(f.filters_priority);
		/* tags are read by the stack */
		cr_expect_not(f.rx & STRIP, "%s", filtering[i]);
	}
	for (unsigned i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		cr_expect_not(must_choose(without[i], &w).rx & FILTER, "%s", without[i]);
	/* Without a VLAN only virtio has a filter, which drops priority tags (VLAN id 0) otherwise. */
	w.tagged = false;
	cr_expect(must_choose("net_virtio", &w).filters_priority);
	cr_expect_not(must_choose("net_ixgbe", &w).rx & FILTER);
}

Test(features, mbufs_of_a_frame)
{
	struct rte_eth_dev_info info = info_of(driver_named("net_i40e"));
	struct la_features_wish w = wish(1);
	struct la_features f;
	char err[128];

	info.tx_desc_lim.nb_mtu_seg_max = 8;
	cr_assert_eq(la_features_choose(&info, &w, &f, err, sizeof(err)), 0, "%s", err);
	cr_expect_eq(f.segs_max, 8u);
	info.tx_desc_lim.nb_mtu_seg_max = 0;
	cr_assert_eq(la_features_choose(&info, &w, &f, err, sizeof(err)), 0, "%s", err);
	cr_expect_eq(f.segs_max, UINT16_MAX, "the driver reports no limit");
	w.offload.off = BIT(MULTI_SEG);
	cr_assert_eq(la_features_choose(&info, &w, &f, err, sizeof(err)), 0, "%s", err);
	cr_expect_eq(f.segs_max, 1u);
}

Test(features, overhead)
{
	static const struct {
		const char *name;
		uint32_t bytes;
	} want[] = {{"net_virtio", 30},	 {"net_ixgbe", 18}, {"net_i40e", 26},
		    {"net_vmxnet3", 18}, {"mlx5_pci", 18},  {"net_ring", 18}};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct rte_eth_dev_info info = info_of(driver_named(want[i].name));

		cr_expect_eq(la_features_overhead(&info), want[i].bytes, "%s: %u", want[i].name,
			     la_features_overhead(&info));
	}
}

/* A driver is asked for scatter before a frame can be longer than its buffer, for every MTU and the room that
 * la_buffers_room() gives it. */
Test(features, scatter)
{
	for (uint16_t mtu = 576; mtu <= 9600; mtu++) {
		uint32_t room = RTE_MAX(2048u, RTE_ALIGN_CEIL(mtu + 18u, 64u));
		struct la_features_wish w = {.queues = 1, .mtu = mtu, .own_mtu = 1500, .room = room};
		static const char *const nics[] = {"net_virtio", "net_ixgbe", "net_vmxnet3", "mlx5_pci", "net_i40e"};

		for (unsigned i = 0; i < sizeof(nics) / sizeof(nics[0]); i++) {
			struct rte_eth_dev_info info = info_of(driver_named(nics[i]));
			struct la_features f = must_choose(nics[i], &w);

			if (mtu + la_features_overhead(&info) > room)
				cr_expect(f.rx & SCATTER, "%s, mtu %u", nics[i], mtu);
			if (mtu <= 1500)
				cr_expect_not(f.rx & SCATTER, "%s, mtu %u", nics[i], mtu);
		}
		/* sizes of buffers are multiples of 1 KiB */
		if (mtu + 18u > room / 1024 * 1024)
			cr_expect(must_choose("net_ixgbe", &w).rx & SCATTER, "mtu %u", mtu);
		cr_expect_not(must_choose("net_ring", &w).rx & SCATTER && room >= mtu + 22u, "mtu %u", mtu);
	}
}

/* A host that offers VIRTIO_NET_F_MTU: the difference is no overhead. */
Test(features, overhead_of_a_host_mtu)
{
	struct driver d = *driver_named("net_virtio");
	struct la_features_wish w = wish(1);
	struct rte_eth_dev_info info;
	struct la_features f;
	char err[256];

	d.max_mtu = 1500;
	info = info_of(&d);
	cr_expect_leq(la_features_overhead(&info), 64u);
	cr_assert_eq(choose(&d, &w, &f, err, sizeof(err)), 0, "%s", err);
	cr_expect_eq(f.mtu, 1500);
	cr_expect_not(f.rx & SCATTER);
}

Test(features, mtu_beyond_the_drivers)
{
	static const struct {
		const char *name;
		uint16_t most;
	} want[] = {{"net_virtio", 9698}, {"net_i40e", 9702},	{"net_e1000_em", 16110},
		    {"net_tap", 1504},	  {"net_af_xdp", 3290}, {"net_future", 9000}};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct la_features_wish w = {.queues = 1, .own_mtu = UINT16_MAX, .room = ROOM};
		struct la_features f;
		char err[256], text[32];

		snprintf(text, sizeof(text), "68 to %u", want[i].most);
		w.mtu = want[i].most;
		cr_expect_eq(choose(driver_named(want[i].name), &w, &f, err, sizeof(err)), 0, "%s", err);
		w.mtu++;
		cr_expect_eq(choose(driver_named(want[i].name), &w, &f, err, sizeof(err)), -EINVAL, "%s", want[i].name);
		cr_expect(strstr(err, text), "%s: %s", want[i].name, err);
		w.mtu = 67;
		cr_expect_eq(choose(driver_named(want[i].name), &w, &f, err, sizeof(err)), -EINVAL);
		/* the device's own MTU is cut, not refused */
		w.mtu = 0;
		cr_expect_eq(must_choose(want[i].name, &w).mtu, want[i].most, "%s", want[i].name);
	}
}

static struct la_offload_choice
offload(const char *text)
{
	struct la_offload_choice c = {0};
	char why[256];

	cr_assert_eq(la_offload_parse(text, &c, why, sizeof(why)), 0, "%s: %s", text, why);
	return c;
}

Test(features, offload_option)
{
	static const struct {
		const char *name, *text;
		uint32_t want;
	} rows[] = {
		{"net_ixgbe", "on", CKSUMS | BIT(MULTI_SEG) | BIT(RSS)},
		{"net_ixgbe", "off", 0},
		{"net_ixgbe", "off,on", CKSUMS | BIT(MULTI_SEG) | BIT(RSS)},
		{"net_ixgbe", "rx", BIT(RX_CKSUM)},
		{"net_ixgbe", "rx,tx-tcp", BIT(RX_CKSUM) | BIT(TX_TCP_CKSUM)},
		{"net_ixgbe", "no-rss", CKSUMS | BIT(MULTI_SEG)},
		{"net_ixgbe", "no-rss,rss", CKSUMS | BIT(MULTI_SEG) | BIT(RSS)},
		{"net_ixgbe", "on,no-tx-ip,no-multi-seg", BIT(TX_TCP_CKSUM) | BIT(RX_CKSUM) | BIT(RSS)},
		{"net_ixgbe", "on,link-interrupt", CKSUMS | BIT(MULTI_SEG) | BIT(RSS) | BIT(LINK_INTERRUPT)},
		{"net_ixgbe", "link-interrupt,vlan-strip", BIT(LINK_INTERRUPT)}, /* no VLAN */
		/* overrules the table of quirks */
		{"net_tap", "on,tx-tcp", BIT(MULTI_SEG) | BIT(RSS) | BIT(TX_TCP_CKSUM)},
		{"net_tap", "off", 0},
		/* the filter is needed, unless it is named */
		{"net_virtio", "off", BIT(VLAN_FILTER)},
		{"net_virtio", "off,no-vlan-filter", 0},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct la_features_wish w = wish(2);
		struct la_features f;

		w.offload = offload(rows[i].text);
		f = must_choose(rows[i].name, &w);
		cr_expect_eq(f.on, rows[i].want, "%s %s: %#x, want %#x", rows[i].name, rows[i].text, f.on,
			     rows[i].want);
	}
}

Test(features, offload_strip_and_rx_software)
{
	struct la_features_wish w = wish(1);

	w.tagged = true;
	w.offload = offload("on,vlan-strip");
	cr_expect(must_choose("net_ixgbe", &w).rx & STRIP);
	w.offload.rx_cksum_off = true;
	cr_expect_not(must_choose("net_ixgbe", &w).rx & (IP_RX | TCP_RX));
	cr_expect_str_eq(must_choose("net_ixgbe", &w).why[LA_FEATURE_RX_CKSUM], "--rx-cksum=software");
}

/* Without RSS a NIC has one queue; a virtual port still spreads. */
Test(features, offload_no_rss)
{
	struct la_features_wish w = wish(4);

	w.offload = offload("no-rss");
	cr_expect_eq(must_choose("net_ixgbe", &w).queues, 1);
	cr_expect_eq(must_choose("net_tap", &w).queues, 4);
}

Test(features, offload_absent)
{
	static const struct {
		const char *name, *text;
	} rows[] = {{"net_memif", "rx"},	{"net_af_packet", "multi-seg"}, {"net_e1000_em", "rss"},
		    {"net_tap", "vlan-filter"}, {"net_virtio", "on,tx-ip"},	{"net_vmxnet3", "link-interrupt"}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct la_features_wish w = wish(1);
		struct la_features f;
		char err[256];

		w.offload = offload(rows[i].text);
		cr_expect_eq(choose(driver_named(rows[i].name), &w, &f, err, sizeof(err)), -ENOTSUP, "%s %s",
			     rows[i].name, rows[i].text);
		cr_expect(strstr(err, "does not report"), "%s", err);
	}
}

Test(features, offload_words)
{
	static const char *const bad[] = {"",	 ",",	  "on,",      "of",	 "offf",   "tx",
					  "no-", "no-on", "no-no-rx", "rx,,rss", "rx rss", "RX"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct la_offload_choice c = {0};
		char why[256];

		cr_expect_eq(la_offload_parse(bad[i], &c, why, sizeof(why)), -1, "'%s'", bad[i]);
		cr_expect(strstr(why, "link-interrupt"), "'%s': %s", bad[i], why);
	}
}

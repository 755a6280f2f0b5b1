/* SPDX-License-Identifier: BSD-3-Clause */

/* The decision which features of a port are used, from what drivers of DPDK 22.11 report (drivers.def). */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <rte_ethdev.h>

#include "driver_row.h"
#include "io/eal.h"
#include "io/features.h"

#define BIT(f) LA_FEATURE_BIT(LA_FEATURE_##f)
#define SCATTER RTE_ETH_RX_OFFLOAD_SCATTER
#define FILTER RTE_ETH_RX_OFFLOAD_VLAN_FILTER
#define STRIP RTE_ETH_RX_OFFLOAD_VLAN_STRIP
#define IP_RX RTE_ETH_RX_OFFLOAD_IPV4_CKSUM
#define TCP_RX RTE_ETH_RX_OFFLOAD_TCP_CKSUM
#define RSS_BOTH (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define RX_CKSUMS (BIT(RX_IP_CKSUM) | BIT(RX_TCP_CKSUM))
#define CKSUMS (BIT(TX_IP_CKSUM) | BIT(TX_TCP_CKSUM) | RX_CKSUMS)
#define NIC (CKSUMS | BIT(MULTI_SEG))

enum { ROOM = 2048 }; /* data room of a usual buffer */

static const struct driver {
	const char *label, *name;
	uint16_t rx_queues, tx_queues, min_mtu, max_mtu;
	uint32_t max_rx_pktlen;
	uint64_t rx, tx, rss;
	uint8_t key;
	uint16_t segs;
	uint32_t lsc;
} drivers[] = {
#define DRIVER(...) {__VA_ARGS__},
#include "drivers.def"
#undef DRIVER
	/* no driver: RSS, but not for TCP; a key that is too long */
	{"rss-of-ip", "net_future", 8, 8, 68, 9000, 9018, 0, 0, RTE_ETH_RSS_IPV4, 40, 0, 0},
	{"long-key", "net_future", 8, 8, 68, 9000, 9018, 0, 0, RSS_BOTH, 128, 0, 0},
};

enum { NDRIVERS = sizeof(drivers) / sizeof(drivers[0]) };

/* The decision for two workers, MTU 1500, no VLAN. */
static const struct want {
	const char *label;
	uint16_t queues;
	uint32_t on; /* LA_FEATURE_BIT() */
	bool is_virtual;
} wants[] = {
	{"e1000", 1, NIC, false},
	{"e1000e", 1, NIC, false},
	/* one of the two receive checksums alone is not used */
	{"vmxnet3", 2, BIT(TX_TCP_CKSUM) | BIT(MULTI_SEG) | BIT(RSS), false},
	{"virtio", 1, BIT(MULTI_SEG) | BIT(VLAN_FILTER), false},
	{"virtio-legacy", 1, BIT(MULTI_SEG) | BIT(VLAN_FILTER), false},
	{"virtio-mq", 2, BIT(TX_TCP_CKSUM) | BIT(MULTI_SEG) | BIT(VLAN_FILTER) | BIT(RSS), false},
	{"igb", 2, NIC | BIT(RSS), false},
	{"ixgbe", 2, NIC | BIT(RSS), false},
	{"i40e", 2, NIC | BIT(RSS), false},
	{"ice", 2, NIC | BIT(RSS), false},
	{"mlx5", 2, NIC | BIT(RSS), false},
	{"net_virtio_user", 1, BIT(MULTI_SEG), false},
	{"net_tap0", 2, BIT(MULTI_SEG) | BIT(RSS), true},
	{"net_af_packet0", 2, BIT(MULTI_SEG), true},
	{"net_af_xdp0", 1, 0, true},
	{"net_memif0", 2, BIT(MULTI_SEG), true},
	{"net_ring0", 2, BIT(MULTI_SEG), true},
	{"net_null0", 2, BIT(RSS), true},
	{"rss-of-ip", 1, 0, false},
	{"long-key", 1, 0, false},
};

static struct rte_eth_dev_info
info_of(const struct driver *d)
{
	static const uint32_t lsc = RTE_ETH_DEV_INTR_LSC, none;

	return (struct rte_eth_dev_info){
		.driver_name = d->name,
		.max_rx_queues = d->rx_queues,
		.max_tx_queues = d->tx_queues,
		.min_mtu = d->min_mtu,
		.max_mtu = d->max_mtu,
		.max_rx_pktlen = d->max_rx_pktlen,
		.rx_offload_capa = d->rx,
		.tx_offload_capa = d->tx,
		.flow_type_rss_offloads = d->rss,
		.hash_key_size = d->key,
		.tx_desc_lim.nb_mtu_seg_max = d->segs,
		.dev_flags = d->lsc ? &lsc : &none,
	};
}

static const struct want *
want_of(const struct driver *d)
{
	unsigned i = 0;

	while (i < RTE_DIM(wants) && strcmp(wants[i].label, d->label) != 0)
		i++;
	cr_assert_lt(i, (unsigned)RTE_DIM(wants), "%s has no wanted decision", d->label);
	return &wants[i];
}

static const struct driver *
driver_named(const char *label)
{
	unsigned i = 0;

	while (i < NDRIVERS && strcmp(drivers[i].label, label) != 0)
		i++;
	cr_assert_lt(i, (unsigned)NDRIVERS, "%s", label);
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
must_choose(const char *label, const struct la_features_wish *w)
{
	struct la_features f;
	char err[256];
	int r = choose(driver_named(label), w, &f, err, sizeof(err));

	cr_assert_eq(r, 0, "%s: %d: %s", label, r, err);
	return f;
}

static struct la_features_wish
wish(uint16_t queues)
{
	return (struct la_features_wish){.queues = queues, .own_mtu = 1500, .room = ROOM};
}

static struct la_offload_choice
offload(const char *text)
{
	struct la_offload_choice c = {0};
	char why[256];

	cr_assert_eq(la_offload_parse(text, &c, why, sizeof(why)), 0, "%s: %s", text, why);
	return c;
}

Test(features, every_driver)
{
	for (unsigned i = 0; i < NDRIVERS; i++) {
		const struct driver *d = &drivers[i];
		const struct want *want = want_of(d);
		struct la_features_wish w = wish(2);
		struct la_features f;
		char err[256];

		cr_assert_eq(choose(d, &w, &f, err, sizeof(err)), 0, "%s: %s", d->label, err);
		cr_expect_eq(f.queues, want->queues, "%s: %u queues: %s", d->label, f.queues, f.queues_why);
		cr_expect_eq(f.on, want->on, "%s: features %#x, want %#x", d->label, f.on, want->on);
		cr_expect_eq(f.rss_hf != 0, (f.on & BIT(RSS)) != 0, "%s", d->label);
		cr_expect_eq(f.virtual_port, want->is_virtual, "%s", d->label);
		cr_expect_eq(f.mtu, 1500, "%s: mtu %u", d->label, f.mtu);
		/* nothing is asked for that the driver does not report */
		cr_expect_eq(f.rx & ~d->rx, 0u, "%s", d->label);
		cr_expect_eq(f.tx & ~d->tx, 0u, "%s", d->label);
		cr_expect_neq(f.queues_why[0], '\0', "%s", d->label);
		for (unsigned k = 0; k < LA_NFEATURES; k++)
			cr_expect_neq(f.why[k][0], '\0', "%s %s", d->label, la_feature_name((enum la_feature)k));
	}
}

/* The rows of virtual devices in drivers.def are what the drivers report here. */
Test(features, virtual_drivers_report_their_rows)
{
	static const char *const links = "ip link add rowa type veth peer name rowb && ip link set rowa up && "
					 "ip link set rowb up";
	struct la_eal_config cfg = {
		.memory_mb = 128,
		.nargs = 3,
		.args = {"--vdev=net_null0", "--vdev=net_ring0",
			 "--vdev=net_memif0,role=client,socket=/tmp/la-row-of-memif,socket-abstract=no"},
	};
	unsigned seen = 0, wanted = 3;
	struct la_eal eal;
	char err[512];

	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && access("/dev/net/tun", F_OK) == 0 && system(links) == 0) {
		cfg.args[cfg.nargs++] = "--vdev=net_tap0,iface=rowt";
		cfg.args[cfg.nargs++] = "--vdev=net_af_packet0,iface=rowa,qpairs=2";
		cfg.args[cfg.nargs++] = "--vdev=net_af_xdp0,iface=rowb";
		wanted += 3;
	}
	cr_assert_eq(la_eal_start(&cfg, &eal, err, sizeof(err)), 0, "%s", err);
	for (unsigned i = 0; i < NDRIVERS; i++) {
		struct rte_eth_dev_info info, row = info_of(&drivers[i]);
		char got[256], want[256];
		uint16_t id;

		if (rte_eth_dev_get_port_by_name(drivers[i].label, &id) != 0)
			continue;
		cr_assert_eq(rte_eth_dev_info_get(id, &info), 0);
		cr_expect_str_eq(driver_row(drivers[i].label, &info, got, sizeof(got)),
				 driver_row(drivers[i].label, &row, want, sizeof(want)));
		seen++;
	}
	cr_expect_eq(seen, wanted, "%u of %u devices", seen, wanted);
	la_eal_stop();
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
			if (most > (unsigned)RTE_MIN(d->rx_queues, d->tx_queues))
				most = RTE_MIN(d->rx_queues, d->tx_queues);
			if (want_of(d)->queues == 1)
				most = 1;
			cr_assert_eq(choose(d, &w, &f, err, sizeof(err)), 0);
			cr_expect_eq(f.queues, most, "%s, %u wanted: %u", d->label, n, f.queues);
		}
	}
}

Test(features, no_queues)
{
	struct driver d = *driver_named("ixgbe");
	struct la_features_wish w = wish(1);
	struct la_features f;
	char err[256];

	d.tx_queues = 0;
	cr_expect_eq(choose(&d, &w, &f, err, sizeof(err)), -ENODEV);
	cr_expect(strstr(err, "no queues"), "%s", err);
}

/* The reason of the number of queues, for each way to it. */
Test(features, reasons_of_queues)
{
	static const struct {
		const char *label, *offload;
		uint16_t wanted, rx, tx, queues; /* rx, tx: 0, as the driver reports */
		const char *why;
	} rows[] = {
		{"ixgbe", NULL, 1, 0, 0, 1, "as many as wanted"},
		{"ixgbe", NULL, 4, 0, 0, 4, "as many as wanted"},
		{"ixgbe", NULL, 16, 0, 0, 16, "as many as wanted"},
		{"ixgbe", NULL, 20, 64, 64, 16, "20 wanted, lastack uses at most 16 of a port"},
		{"ixgbe", NULL, 20, 12, 64, 12, "20 wanted, the device has 12 to receive and 64 to send"},
		{"ixgbe", NULL, 4, 4, 2, 2, "4 wanted, the device has 4 to receive and 2 to send"},
		{"ixgbe", "no-rss", 4, 0, 0, 1, "no RSS (--offload=no-rss): the workers hand frames over"},
		{"ixgbe", "off", 4, 0, 0, 1, "no RSS (--offload=off): the workers hand frames over"},
		{"ixgbe", "rx", 4, 0, 0, 1, "no RSS (not in --offload): the workers hand frames over"},
		{"e1000", NULL, 2, 2, 2, 1, "queues share one checksum context, and frames of a second one are lost"},
		{"e1000", NULL, 1, 0, 0, 1, "as many as wanted"},
		{"rss-of-ip", NULL, 2, 0, 0, 1,
		 "no RSS (the driver does not report RSS over TCP): the workers hand frames over"},
		{"long-key", NULL, 2, 0, 0, 1,
		 "no RSS (the driver's RSS key is too long): the workers hand frames over"},
		{"net_tap0", "no-rss", 4, 0, 0, 4, "as many as wanted; without RSS, the kernel spreads flows"},
		{"net_ring0", NULL, 20, 0, 0, 16,
		 "20 wanted, the device has 16 to receive and 16 to send; without RSS, each queue is a ring"},
		{"net_af_xdp0", NULL, 2, 0, 0, 1, "2 wanted, the device has 1 to receive and 1 to send"},
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct driver d = *driver_named(rows[i].label);
		struct la_features_wish w = wish(rows[i].wanted);
		struct la_features f;
		char err[256];

		d.rx_queues = rows[i].rx != 0 ? rows[i].rx : d.rx_queues;
		d.tx_queues = rows[i].tx != 0 ? rows[i].tx : d.tx_queues;
		if (rows[i].offload != NULL)
			w.offload = offload(rows[i].offload);
		cr_assert_eq(choose(&d, &w, &f, err, sizeof(err)), 0, "row %u: %s", i, err);
		cr_expect_eq(f.queues, rows[i].queues, "row %u: %u", i, f.queues);
		cr_expect_str_eq(f.queues_why, rows[i].why, "row %u: %s", i, f.queues_why);
	}
}

Test(features, vlan_filter)
{
	static const char *const filtering[] = {"virtio", "virtio-legacy", "virtio-mq", "ixgbe",  "i40e",
						"ice",	  "mlx5",	   "e1000",	"e1000e", "vmxnet3"};
	static const char *const without[] = {"net_tap0", "net_af_packet0", "net_memif0", "net_virtio_user"};
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
	cr_expect(must_choose("virtio", &w).filters_priority);
	cr_expect_not(must_choose("ixgbe", &w).rx & FILTER);
}

Test(features, mbufs_of_a_frame)
{
	struct rte_eth_dev_info info = info_of(driver_named("i40e"));
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
	} want[] = {{"virtio", 30}, {"ixgbe", 18}, {"i40e", 26}, {"vmxnet3", 64}, {"mlx5", 18}, {"net_ring0", 18}};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct rte_eth_dev_info info = info_of(driver_named(want[i].name));

		cr_expect_eq(la_features_overhead(&info), want[i].bytes, "%s: %u", want[i].name,
			     la_features_overhead(&info));
	}
}

/* The longest MTU whose frame each driver receives into one buffer, by the driver's own arithmetic. A frame beyond it is
 * lost without scatter, or the driver does not start. */
Test(features, scatter)
{
	static const struct {
		const char *label;
		uint32_t room;
		uint16_t most;
		const char *source; /* in DPDK 22.11 */
	} rows[] = {
		{"ixgbe", 2048, 2022, "ixgbe_dev_rx_init(): buffers of whole KiB, frame with CRC and two tags"},
		{"ixgbe", 3136, 3046, "the same: 3072"},
		{"ixgbe", 4032, 3046, "the same: 3072"},
		{"i40e", 2048, 2022, "i40e_rx_queue_config(): buffers of 128 bytes, MTU + 26"},
		{"ice", 2048, 2022, "ice_program_hw_rx_queue(): buffers of 128 bytes, MTU + 26"},
		{"igb", 2048, 2022, "eth_igb_rx_init(): buffers of whole KiB, frame with CRC and two tags"},
		{"virtio", 2048, 2018, "virtio_check_scatter_on_all_rx_queues(): MTU + 14 + 4 + 12"},
		{"virtio", 3072, 3042, "the same"},
		{"virtio-legacy", 2048, 2018, "the same, although its header has 10 bytes"},
		{"vmxnet3", 2048, 2030, "frame with CRC"},
		{"mlx5", 2048, 2030, "mlx5_rxq_new(): frame with CRC"},
		{"net_ring0", 2048, 2030, "frames keep their buffers"},
		{"net_tap0", 2048, 2030, "tap_rx_queue_setup(): a chain of buffers, frame with CRC"},
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct driver d = *driver_named(rows[i].label);

		d.max_mtu = d.max_mtu < 9000 ? 9000 : d.max_mtu; /* of TAP: 1500 without a run */
		d.max_rx_pktlen = RTE_MAX(d.max_rx_pktlen, 9026u);
		for (uint16_t mtu = 576; mtu <= 9000; mtu++) {
			struct la_features_wish w = {.queues = 1, .mtu = mtu, .own_mtu = 1500, .room = rows[i].room};
			struct la_features f;
			char err[256];

			cr_assert_eq(choose(&d, &w, &f, err, sizeof(err)), 0, "%s: %s", d.label, err);
			if (mtu > rows[i].most)
				cr_assert(f.rx & SCATTER, "%s, room %u, mtu %u: frames are lost: %s", d.label,
					  rows[i].room, mtu, rows[i].source);
			else if (mtu + 64 <= rows[i].most)
				cr_assert_not(f.rx & SCATTER, "%s, room %u, mtu %u", d.label, rows[i].room, mtu);
		}
	}
}

/* A host that offers VIRTIO_NET_F_MTU: the difference is no overhead. */
Test(features, overhead_of_a_host_mtu)
{
	struct driver d = *driver_named("virtio");
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
		const char *label;
		uint16_t most;
	} want[] = {{"virtio", 9698},	{"i40e", 9702},	       {"e1000", 16110},
		    {"net_tap0", 1504}, {"net_af_xdp0", 3542}, {"rss-of-ip", 9000}};

	for (unsigned i = 0; i < RTE_DIM(want); i++) {
		const struct driver *d = driver_named(want[i].label);
		struct la_features_wish w = {.queues = 1, .own_mtu = UINT16_MAX, .room = ROOM};
		struct la_features f;
		char err[256], text[32];

		snprintf(text, sizeof(text), "%u to %u", d->min_mtu, want[i].most);
		w.mtu = want[i].most;
		cr_expect_eq(choose(d, &w, &f, err, sizeof(err)), 0, "%s", err);
		w.mtu++;
		cr_expect_eq(choose(d, &w, &f, err, sizeof(err)), -EINVAL, "%s", d->label);
		cr_expect(strstr(err, text), "%s: %s", d->label, err);
		w.mtu = d->min_mtu - 1;
		cr_expect_eq(choose(d, &w, &f, err, sizeof(err)), -EINVAL);
		/* the device's own MTU is cut, not refused */
		w.mtu = 0;
		cr_expect_eq(must_choose(d->label, &w).mtu, want[i].most, "%s", d->label);
	}
}

Test(features, offload_option)
{
	static const struct {
		const char *name, *text;
		uint32_t want;
	} rows[] = {
		{"ixgbe", "on", CKSUMS | BIT(MULTI_SEG) | BIT(RSS)},
		{"ixgbe", "off", 0},
		{"ixgbe", "rx", RX_CKSUMS},
		{"ixgbe", "rx,rx", RX_CKSUMS},
		{"ixgbe", "rx-ip", BIT(RX_IP_CKSUM)},
		{"ixgbe", "rx,tx-tcp", RX_CKSUMS | BIT(TX_TCP_CKSUM)},
		/* the order of the words has no effect */
		{"ixgbe", "no-scatter,rx", RX_CKSUMS},
		{"ixgbe", "link-interrupt,on", NIC | BIT(RSS) | BIT(LINK_INTERRUPT)},
		{"ixgbe", "no-tx-ip,on", (NIC & ~BIT(TX_IP_CKSUM)) | BIT(RSS)},
		{"ixgbe", "no-rss", CKSUMS | BIT(MULTI_SEG)},
		{"ixgbe", "on,no-tx-ip,no-multi-seg", BIT(TX_TCP_CKSUM) | RX_CKSUMS | BIT(RSS)},
		{"ixgbe", "on,link-interrupt", CKSUMS | BIT(MULTI_SEG) | BIT(RSS) | BIT(LINK_INTERRUPT)},
		{"ixgbe", "link-interrupt,vlan-strip", BIT(LINK_INTERRUPT)}, /* no VLAN */
		/* overrules the table of quirks */
		{"net_tap0", "on,tx-tcp", BIT(MULTI_SEG) | BIT(RSS) | BIT(TX_TCP_CKSUM)},
		{"net_tap0", "off", 0},
		/* the filter is needed, unless it is named */
		{"virtio", "off", BIT(VLAN_FILTER)},
		{"virtio", "off,no-vlan-filter", 0},
		/* what the driver has of both checksums */
		{"virtio-mq", "rx", BIT(RX_TCP_CKSUM) | BIT(VLAN_FILTER)},
		{"virtio-mq", "on,no-rss,rx-tcp",
		 BIT(RX_TCP_CKSUM) | BIT(TX_TCP_CKSUM) | BIT(MULTI_SEG) | BIT(VLAN_FILTER)},
		{"vmxnet3", "rx", BIT(RX_TCP_CKSUM)},
		{"vmxnet3", "on,rx-tcp", BIT(TX_TCP_CKSUM) | BIT(RX_TCP_CKSUM) | BIT(MULTI_SEG) | BIT(RSS)},
		{"net_tap0", "rx-tcp", BIT(RX_TCP_CKSUM)},
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
	cr_expect(must_choose("ixgbe", &w).rx & STRIP);
	w.offload.rx_cksum_off = true;
	cr_expect_not(must_choose("ixgbe", &w).rx & (IP_RX | TCP_RX));
	cr_expect_str_eq(must_choose("ixgbe", &w).why[LA_FEATURE_RX_IP_CKSUM], "--rx-cksum=software");
	cr_expect_str_eq(must_choose("ixgbe", &w).why[LA_FEATURE_RX_TCP_CKSUM], "--rx-cksum=software");
}

/* Without RSS a NIC has one queue; a virtual port still spreads. */
Test(features, offload_no_rss)
{
	struct la_features_wish w = wish(4);

	w.offload = offload("no-rss");
	cr_expect_eq(must_choose("ixgbe", &w).queues, 1);
	cr_expect_eq(must_choose("net_tap0", &w).queues, 4);
}

Test(features, offload_absent)
{
	static const struct {
		const char *name, *text;
	} rows[] = {{"net_memif0", "rx"},	 {"net_null0", "multi-seg"},  {"e1000", "rss"},
		    {"net_tap0", "vlan-filter"}, {"virtio", "on,tx-ip"},      {"vmxnet3", "rx-ip"},
		    {"virtio", "rx-ip,rx"},	 {"net_af_packet0", "on,rx"}, {"long-key", "rss"}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct la_features_wish w = wish(1);
		struct la_features f;
		char err[256];

		w.offload = offload(rows[i].text);
		cr_expect_eq(choose(driver_named(rows[i].name), &w, &f, err, sizeof(err)), -ENOTSUP, "%s %s",
			     rows[i].name, rows[i].text);
		cr_expect(strstr(err, "does not report") || strstr(err, "too long"), "%s", err);
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

/* Words that contradict each other, in either order. */
Test(features, offload_contradictions)
{
	static const char *const bad[] = {
		"on,off",	 "off,on",	"off,rx",	"rss,off",	"rx,no-rx",	     "no-rx,rx",
		"on,rss,no-rss", "rx,no-rx-ip", "no-rx,rx-tcp", "off,tx-ip,on", "scatter,no-scatter"};
	static const char *const good[] = {"on,on",	"off,no-scatter", "off,off",
					   "rx,no-rss", "no-rx",	  "on,no-rx,no-rx-ip"};

	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		struct la_offload_choice c = {0};
		char why[256] = "";

		cr_expect_eq(la_offload_parse(bad[i], &c, why, sizeof(why)), -1, "'%s'", bad[i]);
		cr_expect(strstr(why, "not both"), "'%s': %s", bad[i], why);
	}
	for (unsigned i = 0; i < RTE_DIM(good); i++)
		(void)offload(good[i]);
}

/* Two options are one list. */
Test(features, offload_given_twice)
{
	struct la_offload_choice c = {0};
	char why[256];

	cr_expect_eq(la_offload_parse("rx", &c, why, sizeof(why)), 0);
	cr_expect_eq(la_offload_parse("tx-ip", &c, why, sizeof(why)), 0);
	cr_expect(c.none && c.on == BIT(TX_IP_CKSUM) && c.any == RX_CKSUMS);
	cr_expect_eq(la_offload_parse("off", &c, why, sizeof(why)), -1);
}

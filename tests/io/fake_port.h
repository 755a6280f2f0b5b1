/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

/* One end of a ring pair that behaves as another device. The test program has functions with the names of ethdev's
 * (fake_port.c), which the linker takes in place of the library's. They report what `fake` has, fail where `fake` says,
 * check as drivers do, and record what lib/io asks for. DPDK's headers for drivers are not installed, so that a driver
 * of the test's own is not possible. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

enum { FAKE_VLANS = 16 };

struct fake_port {
	bool on; /* false: port `id` is what it is */
	uint16_t id;
	/* what it reports; NULL or 0: as the ring */
	const char *driver;
	uint16_t rx_queues, tx_queues, max_mtu;
	uint32_t max_rx_pktlen, flags;
	uint64_t rx, tx, rss;
	/* what it refuses */
	uint16_t overhead;	    /* bytes of a frame beyond the MTU; a frame beyond a buffer needs scatter */
	uint16_t mtu_most;	    /* of rte_eth_dev_set_mtu() */
	uint16_t bad_tx_queue;	    /* its number and EIO; 0: none */
	uint16_t refused_vlan;	    /* ENOSPC */
	bool keeps_filter;	    /* rte_eth_dev_set_vlan_offload() fails */
	bool other_key, other_reta; /* returns other ones than those that were set */
	/* what lib/io asked for */
	struct rte_eth_conf conf;
	uint16_t nb_rx, nb_tx, mtu;
	uint16_t vlan[FAKE_VLANS];
	unsigned nvlans;
	bool filter_off;
	uint8_t key[64];
	uint64_t hf;
	struct rte_eth_rss_reta_entry64 reta[2];
};

extern struct fake_port fake;

#endif

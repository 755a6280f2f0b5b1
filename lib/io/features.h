/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_FEATURES_H
#define LA_IO_FEATURES_H

/* What a port does and what the stack does in software: one decision, from what the driver reports, a table of quirks,
 * and the user's choice. Pure: no call of a device. (Rules and quirks are at the top of features.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_eth_dev_info;

enum { LA_PORT_MAX_QUEUES = 16 };

enum la_feature {
	LA_FEATURE_TX_IP_CKSUM,
	LA_FEATURE_TX_TCP_CKSUM,
	LA_FEATURE_RX_IP_CKSUM,
	LA_FEATURE_RX_TCP_CKSUM,
	LA_FEATURE_MULTI_SEG,
	LA_FEATURE_RSS,
	LA_FEATURE_SCATTER,
	LA_FEATURE_VLAN_FILTER,
	LA_FEATURE_VLAN_STRIP,
	LA_FEATURE_LINK_INTERRUPT,
	LA_NFEATURES
};

#define LA_FEATURE_BIT(f) (1u << (f))
#define LA_FEATURES_RX (LA_FEATURE_BIT(LA_FEATURE_RX_IP_CKSUM) | LA_FEATURE_BIT(LA_FEATURE_RX_TCP_CKSUM))

/** The user's choice, --offload: sets of LA_FEATURE_BIT(). All 0: what the driver reports, without the quirks. */
struct la_offload_choice {
	bool all, off_all; /* the words on, off */
	bool none;	   /* nothing that the port can do without, except `on` and `any` */
	uint32_t on;	   /* used although a quirk says no; an error when the driver does not report it */
	uint32_t any;	   /* as `on`, but an error only when the driver reports none of them */
	uint32_t off;	   /* not used */
	bool rx_cksum_off; /* --rx-cksum=software */
};

struct la_features_wish {
	uint16_t queues;  /* 0: 1 */
	uint16_t mtu;	  /* 0: own_mtu */
	uint16_t own_mtu; /* of the device, or of the kernel interface behind it */
	uint32_t room;	  /* of a receive buffer, bytes without headroom */
	bool tagged;	  /* a shard of the port has a VLAN */
	struct la_offload_choice offload;
};

struct la_features {
	uint16_t queues, mtu;
	uint16_t segs_max;     /* mbufs of a frame that is sent; a longer chain is copied. UINT16_MAX: no limit */
	uint32_t on;	       /* LA_FEATURE_BIT() */
	uint64_t rx, tx;       /* RTE_ETH_RX_OFFLOAD_*, RTE_ETH_TX_OFFLOAD_* */
	uint64_t rss_hf;       /* RTE_ETH_RSS_*; 0: no RSS */
	uint8_t rss_key_len;   /* bytes */
	bool virtual_port;     /* a driver without a NIC behind it: no wait for a link */
	bool filters_always;   /* drops tagged frames without a filter, and when the filter is off */
	bool filters_priority; /* the filter is on without a VLAN too: VLAN id 0 must pass for priority tags */
	char queues_why[160];  /* reasons, for --verbose */
	char why[LA_NFEATURES][112];
};

/** 0, or negative errno with a reason in err: -EINVAL, the driver does not take the MTU; -ENOTSUP, a feature of
 * offload.on, or all of offload.any, are not reported; -ENODEV, the device has no queues. */
int la_features_choose(const struct rte_eth_dev_info *info, const struct la_features_wish *wish, struct la_features *f,
		       char *err, size_t size);

/** Bytes of a frame beyond its MTU, as the driver counts them. */
uint32_t la_features_overhead(const struct rte_eth_dev_info *info);

/** The option's word: "tx-ip", "rss", ... */
const char *la_feature_name(enum la_feature f);

/** Adds the words of --offload to *c: on, off, NAME, no-NAME, with commas between, in any order. 0, or -1 with the
 * allowed words in why: a word is unknown, or two words contradict each other. */
int la_offload_parse(const char *text, struct la_offload_choice *c, char *why, size_t size);

/** Returns the word of the list that names the feature, or NULL. */
const char *la_offload_word(const struct la_offload_choice *c, enum la_feature f);

/** Returns whether the list names a receive checksum. */
bool la_offload_has_rx(const struct la_offload_choice *c);

#endif

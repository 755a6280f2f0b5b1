/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_TEST_H
#define NET_TEST_H

/* One shard over a fake TCP, in virtual time. Tests check the shard's frames and counters.
 *
 *     us    02:00:00:00:00:02   10.0.0.2/24   fd00::2/64   fe80::ff:fe00:2   ranges 10.9/16, fd09::/112
 *     peer  02:00:00:00:00:01   10.0.0.1      fd00::1
 *     gateways                  10.0.0.254    fd00::fe */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_mbuf.h>

#include <lastack/lastack.h>

#include "fake_tcp.h"
#include "net/shard.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"

enum { FRAME_ROOM = 2048, POOL = 8191 };

/** A frame for the shard, or a frame from the shard with its parsed headers. */
struct fr {
	uint8_t b[FRAME_ROOM];
	size_t n;
	struct la_eth eth;
	struct la_arp arp;
	struct la_ip ip;
	struct la_icmp icmp;
};

struct net_opts {
	bool dad; /* duplicate address detection is on */
	bool no_ranges;
	bool no_gateways;
	bool ask_gateways; /* net_open() keeps the gateways' neighbour entries */
	bool only4;
	uint32_t max_neighbours;
	uint32_t offloads;
};

extern struct net_fixture {
	struct la_shard *s;
	struct la_shard_config cfg;
	struct rte_mempool *pool;
	unsigned avail; /* free mbufs before the shard's creation */
	uint64_t now;
	uint16_t vlan; /* set before net_open() */
} net;

extern const uint8_t US[6], PEER[6], OTHER[6], BCAST[6];

/** Creates a shard. The frames of its creation stay in its queue. */
void net_open_raw(const struct net_opts *o);
/** Like net_open_raw(), then removes the frames of the creation and the gateways' entries. */
void net_open(const struct net_opts *o);
/** Destroys the shard. Checks that every mbuf was freed and that the neighbour table is consistent. */
void net_close(void);

struct rte_mempool *net_pool(void);
struct la_addr A(const char *text);
uint64_t net_count(enum la_counter c);

/** Build frames, with a VLAN tag if net.vlan is not 0. */
void fr_eth(struct fr *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type);
void fr_arp(struct fr *f, uint16_t op, const uint8_t sha[6], const char *spa, const uint8_t tha[6], const char *tpa);
void fr_ip(struct fr *f, const char *src, const char *dst, uint8_t proto, uint8_t ttl, const void *payload, size_t len);
void fr_tcp(struct fr *f, const char *src, const char *dst, const void *payload, size_t len);
void fr_ns(struct fr *f, const char *src, const char *dst, const char *target, const uint8_t *mac);
/** flags: "s" solicited, "o" override, "so" both, "" neither. mac NULL: no option. */
void fr_na(struct fr *f, const char *src, const char *dst, const char *target, const uint8_t *mac, const char *flags);
void fr_echo(struct fr *f, const char *src, const char *dst, size_t len);
/** Builds an ICMP error of src's family that quotes a segment from `src`:80 to `dst`:1024 with sequence number seq.
 * rest: the second 32 bits of the ICMP header. */
void fr_error(struct fr *f, const char *from, const char *to, uint8_t type, uint8_t code, uint32_t rest,
	      const char *src, const char *dst, uint32_t seq);

struct rte_mbuf *fr_mbuf(const struct fr *f);
/** Returns the frame as a chain of mbufs of at most `piece` bytes. */
struct rte_mbuf *fr_chain(const struct fr *f, size_t piece);

/** Gives frames to the shard. */
void net_rx(const struct fr *f);
void net_rx_mbuf(struct rte_mbuf *m);
/** Gives a frame to the shard. Expects that counter `c` grows by one, that no other counter grows except rx_*, that no
 * frame is transmitted, and that TCP gets nothing. c = LA_NCOUNTERS: only rx_* grow. */
void net_drops(const struct fr *f, enum la_counter c);
void net_drops_mbuf(struct rte_mbuf *m, enum la_counter c);
/** Takes the next transmitted frame; false: no frame. Checks VLAN tag and our source MAC. */
bool net_tx(struct fr *f);
/** Expects that no frame is transmitted. */
void net_quiet(void);
/** Advances time to now + ms in the steps of la_shard_next(). */
void net_run(uint64_t ms);

/** Queues a TCP packet to dst, from our address of dst's family. */
void net_send(const char *dst);
/** Sends a packet to addr and answers the request with mac: the entry of addr becomes REACHABLE. */
void net_resolve(const char *addr, const uint8_t mac[6]);

#define assert_mac(a, b) cr_assert_arr_eq(a, b, 6)

/** Runs the body for every combination of family and tagging; `six` is true for IPv6. */
#define FOR_FAMILIES_AND_TAGS \
	for (int combo_ = 0, six = 0; combo_ < 4; combo_++, six = combo_ & 1, net.vlan = (combo_ & 2) ? 7 : 0)

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_SHARD_H
#define LA_NET_SHARD_H

/* struct la_shard and the declarations shared by the files of lib/net.
 *
 *     la_shard_rx -> ingress.c -+-> arp.c, nd.c (neighbours) -+-> tx array -> la_shard_tx
 *                               +-> icmp.c (echo, errors) ----+
 *                               +-> la_tcp_input -> la_tcp.out -> egress.c (next hop, Ethernet) */

#include <emmintrin.h>

#include <rte_mbuf.h>

#include <lastack/shard.h>

#include "core/count.h"
#include "core/tokens.h"
#include "net/gateway.h"
#include "net/neigh.h"
#include "net/netif.h"
#include "tcp/tcp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

enum {
	LA_RX_PARSE_BURST = 64,		/* most packets parsed for one call of la_tcp_input() */
	LA_TX_MAX = 2 * LA_TCP_OUT_MAX, /* most frames that wait for la_shard_tx() */
	LA_POLL_NEIGHS = 64,		/* most neighbours handled in one la_shard_poll() */
	LA_ECHO_RATE = 1000,		/* echo replies a second */
	LA_ECHO_BURST = 200,		/* echo replies in a burst */
	/* bytes of the largest valid frame: tagged, IPv6 with a full payload */
	LA_FRAME_MAX = LA_ETH_LEN + LA_VLAN_LEN + LA_IP6_LEN + 65535,
};

/** The MACs of on-link sources of the current burst. They are recorded only while the unverified part of the neighbour
 * table is at least half full, and cleared when the burst's replies have left lib/tcp. */
struct la_origins {
	struct {
		struct la_addr addr; /* IP source */
		uint8_t mac[6];	     /* Ethernet source */
	} v[LA_RX_PARSE_BURST];
	unsigned n;	     /* sources in v */
	unsigned at;	     /* index of the source that was found last */
	struct la_neigh hop; /* temporary neighbour for the header of a reply; in no table */
};

/** The frames that rx_fast() accepts (ingress.c): tests of a frame's first bytes. */
struct la_rx_fast {
	__m128i frame4;	    /* first 16 bytes of an IPv4 frame, masked; all ones: us4 is not set */
	__m128i frame6;	    /* the same for IPv6 and us6 */
	uint32_t us4;	    /* address of ours that received the last frame, network byte order */
	struct la_addr us6; /* the same for IPv6 */
};

struct la_shard {
	struct la_tcp tcp;
	struct la_netif nif;
	struct la_neigh_table neigh;
	struct la_counters counters;
	uint64_t now;	    /* ms */
	uint8_t secret[32]; /* the secret as configured; only saving and loading use it */
	uint32_t offloads;
	struct rte_mempool *mbufs, *control; /* control: NULL without such a pool */
	const struct la_mem_ops *mem;
	size_t size; /* bytes of the block that begins with this structure */

	/* caches for the fast path */
	struct la_addr last_src; /* valid source of a received frame; all zero: none */
	struct la_rx_fast rx_fast;
	bool no_fast_path;	   /* la_shard_config.no_fast_path */
	struct la_addr last_dst;   /* destination of a sent packet */
	struct la_neigh *last_hop; /* next hop of last_dst; NULL: last_dst is invalid */
	bool last_is_gateway4;	   /* last_hop is nif.gateway4, the next hop of all off-link IPv4 addresses */
	bool last_is_gateway6;	   /* the same for IPv6 */

	/* frames that wait: tx[tx_head .. tx_tail) */
	struct rte_mbuf **tx;
	unsigned tx_head, tx_tail;

	uint32_t shed;	    /* share of SYNs to drop unread, in parts of LA_SHED_ALL (la_shard_shed()) */
	uint32_t shed_dice; /* random draws: a linear congruential generator */

	uint8_t *flat;	       /* LA_FRAME_MAX bytes: the copy of a chain whose headers are split */
	struct la_tokens echo; /* rate of echo replies */

	enum la_gateway_state gateway[2]; /* IPv4, IPv6 */
	uint64_t gateway_warn_at;	  /* ms: earliest next warning about a gateway without a reply */
	struct la_origins origins;
};

/** One received frame in ingress. */
struct la_rx {
	struct rte_mbuf *m;
	const uint8_t *p; /* contiguous bytes for the parsers: the frame or its headers */
	uint32_t len;	  /* bytes of the frame */
	bool group;	  /* the destination MAC is broadcast or multicast */
	struct la_eth eth;
	struct la_ip ip;
};

/** The result for a frame. A counter: the frame is dropped and counted. LA_WIRE_OK (in ingress.c
 * only): a segment for TCP. */
enum {
	LA_RX_DONE = LA_NCOUNTERS + 1, /* handled; the caller frees the mbuf and counts no drop */
	LA_RX_KEPT,		       /* handled; the callee owns the mbuf */
};
_Static_assert((int)LA_RX_DONE > (int)LA_WIRE_OK, "verdicts differ from counters");

/** Adds 1 to a counter. If c is a variable, its counter is not of kind DROP (core/count.h). */
static inline void
la_count_net(struct la_shard *s, enum la_counter c)
{
	la_counters_one(&s->counters, c);
}

/* ingress.c */
/** Prepares s->rx_fast: the fast path takes no frame until an address of ours has received one. */
void la_ingress_init(struct la_shard *s);
/** Processes n <= LA_RX_PARSE_BURST frames, and owns their mbufs. */
void la_ingress_burst(struct la_shard *s, struct rte_mbuf **pkts, unsigned n);
/** Returns whether this address is a valid source (RFC 1122 3.2.1.3). */
bool la_ingress_src_ok(struct la_shard *s, const struct la_addr *src);

/* egress.c */
/** Adds Ethernet headers to IP packets. Moves the packets that are ready to send to the front of pkts, and returns
 * their number. The others wait for their next hop or were dropped. */
unsigned la_egress_burst(struct la_shard *s, struct rte_mbuf **pkts, unsigned n);
/** Returns the Ethernet header (14 bytes) for answers to segments with la_seg.usual_hop. It is valid for one call of
 * la_tcp_input(). NULL: such answers need la_egress_burst() to add the header. */
const uint8_t *la_egress_usual_header(const struct la_shard *s);
/** Moves TCP's packets into the tx array, while there is room. */
void la_egress_drain(struct la_shard *s);
/** Queues a complete frame. Without room the frame is freed and counted (out_full). */
void la_egress_frame(struct la_shard *s, struct rte_mbuf *m);
/** Returns an mbuf with an Ethernet header and len bytes after it, and sets *p to these bytes. NULL: no mbuf was left,
 * and mbuf_exhausted was counted. */
struct rte_mbuf *la_egress_new(struct la_shard *s, const uint8_t dst[6], uint16_t type, uint16_t len, uint8_t **p);
/** Adds an Ethernet header with our source MAC and our VLAN to an IP packet. */
void la_egress_ether(struct la_shard *s, struct rte_mbuf *m, const uint8_t dst[6], uint16_t type);
/** Sends the packets that waited for the neighbour's MAC. */
void la_egress_resolved(struct la_shard *s, struct la_neigh *n);

/* restart.c: loading saved shards into another number of shards */
enum { LA_SHARD_DEAL_MAX = 64 };
struct la_shard_deal {
	struct la_shard *const *shards;				      /* all shards of an interface, with one secret */
	unsigned n;						      /* 1 to LA_SHARD_DEAL_MAX */
	unsigned (*owner)(const void *ctx, const struct la_tuple *t); /* index of the tuple's shard; NULL: always 0 */
	const void *ctx;
	/* la_shard_deal() adds the number of IPv4 and IPv6 entries for each shard that have not expired */
	uint64_t dealt[LA_SHARD_DEAL_MAX][2];
	bool full; /* a table had no room: the remaining entries are only counted */
};
/** Loads one saved shard into several: each entry into the shard that `owner` selects. Call it once for each saved
 * shard. Returns the values of la_shard_load(), or -EINVAL (n is out of range). After -ENOBUFS, calls for the next
 * saved shards still count in `dealt`. */
int la_shard_deal(struct la_shard_deal *d, int (*read)(void *ctx, void *p, size_t len), void *ctx);

/* arp.c for IPv4, nd.c for IPv6 */
enum la_neigh_news {
	LA_NEWS_CLAIM,	   /* an unsolicited packet (request, gratuitous ARP, unsolicited NA) has the MAC */
	LA_NEWS_CONFIRMED, /* a reply to our request has the MAC: REACHABLE */
};
/** Returns the result for the frame: LA_RX_DONE or a drop counter. */
int la_arp_input(struct la_shard *s, const struct la_rx *rx);
/** Sends a request for the MAC of n: by unicast in PROBE, otherwise by broadcast. */
void la_arp_solicit(struct la_shard *s, const struct la_neigh *n);
/** Announces our addresses at creation. */
void la_arp_announce(struct la_shard *s);
/** Like la_arp_input(), for neighbour solicitations and advertisements. */
int la_nd_input(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic);
/** Like la_arp_solicit(), with multicast instead of broadcast. */
void la_nd_solicit(struct la_shard *s, const struct la_neigh *n);
/** Starts duplicate address detection. With no_dad announces the addresses. */
void la_nd_start(struct la_shard *s);
/** Ends duplicate address detection if its time has ended. */
void la_nd_poll(struct la_shard *s);

/* resolve.c: both families */
/** Returns the next hop if its MAC is known. It may be temporary and valid only for m. NULL: m waits for the MAC, or
 * was dropped and counted. */
struct la_neigh *la_resolve(struct la_shard *s, const struct la_addr *dst, struct rte_mbuf *m);
/** Updates or creates the entry of a neighbour with the address a, which sent a request to `us`. Returns the entry.
 * NULL: a is not on-link, or there is no room for an entry. */
struct la_neigh *la_resolve_learn(struct la_shard *s, const struct la_addr *a, const uint8_t mac[6],
				  const struct la_addr *us);
/** Updates a neighbour by the MAC of a packet, and sends the packets that waited for the MAC. */
void la_resolve_update(struct la_shard *s, struct la_neigh *n, const uint8_t mac[6], enum la_neigh_news news);
/** Handles due entries, at most LA_POLL_NEIGHS. Returns whether more are due now. */
bool la_resolve_poll(struct la_shard *s);
/** Frees the waiting packets and the entry. count: the drop counter for the packets; LA_NCOUNTERS: none. */
void la_resolve_drop(struct la_shard *s, struct la_neigh *n, enum la_counter count);

/** Sets the MAC of a new entry from the configuration, or sends a request for the MAC. */
void la_resolve_ask(struct la_shard *s, struct la_neigh *n);
/** Creates an INCOMPLETE entry for a configured gateway, without a request. NULL: both gateways have entries. */
struct la_neigh *la_resolve_add_gateway(struct la_shard *s, const struct la_addr *a);

/* gateway.c */
/** Starts to resolve the gateways for which we have a usable source address. Called at creation and after duplicate
 * address detection. */
void la_gateway_start(struct la_shard *s);
/** A packet has the gateway's MAC: READY. */
void la_gateway_answered(struct la_shard *s, const struct la_neigh *n);
/** The gateway's entry ends, because it is unused or because no reply arrived. */
void la_gateway_gone(struct la_shard *s, const struct la_neigh *n);

/* icmp.c */
/** Handles a packet of LA_IPPROTO_ICMP or LA_IPPROTO_ICMP6. Returns the result for the frame. */
int la_icmp_input(struct la_shard *s, struct la_rx *rx);

#endif

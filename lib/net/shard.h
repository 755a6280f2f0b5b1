/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_SHARD_H
#define LA_NET_SHARD_H

/* struct la_shard and the declarations shared by the files of lib/net.
 *
 *     la_shard_rx -> ingress.c -+-> arp.c, nd.c (neighbours) -+-> tx array -> la_shard_tx
 *                               +-> icmp.c (echo, errors) ----+
 *                               +-> la_tcp_input -> la_tcp.out -> egress.c (next hop, Ethernet) */

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
	LA_RX_PARSE_BURST = 64,		/* packets parsed before a call of TCP */
	LA_TX_MAX = 2 * LA_TCP_OUT_MAX, /* frames that wait for la_shard_tx() */
	LA_POLL_NEIGHS = 64,		/* neighbours handled in one la_shard_poll() */
	LA_ECHO_RATE = 1000,		/* echo replies a second */
	LA_ECHO_BURST = 200,
	/* the largest valid frame: tagged, IPv6 with a full payload */
	LA_FRAME_MAX = LA_ETH_LEN + LA_VLAN_LEN + LA_IP6_LEN + 65535,
};

/** The MACs of on-link sources of the current burst. Recorded only while the unverified part of the neighbour table is
 * at least half full, and cleared when the burst's replies have left lib/tcp. */
struct la_origins {
	struct {
		struct la_addr addr; /* IP source */
		uint8_t mac[6];	     /* Ethernet source */
	} v[LA_RX_PARSE_BURST];
	unsigned n;	     /* recorded in v */
	unsigned at;	     /* the last one found */
	struct la_neigh hop; /* temporary neighbour for the header of a reply; in no table */
};

struct la_shard {
	struct la_tcp tcp;
	struct la_netif nif;
	struct la_neigh_table neigh;
	struct la_counters counters;
	uint64_t now;	    /* ms */
	uint8_t secret[32]; /* as configured; only for la_shard_save() */
	uint32_t offloads;
	struct rte_mempool *mbufs, *control; /* control: NULL, none */
	const struct la_mem_ops *mem;
	size_t size; /* of the block this structure begins */

	/* caches for the fast path: last valid source, last destination and its neighbour */
	struct la_addr last_src; /* "any": none */
	struct la_addr last_us;	 /* last destination that is ours; "any": none */
	struct la_addr last_dst;
	struct la_neigh *last_hop; /* NULL: last_dst is invalid */
	bool last_is_gateway4;	   /* last_hop is nif.gateway4, which every IPv4 address beyond the link shares */

	/* frames that wait: tx[tx_head .. tx_tail) */
	struct rte_mbuf **tx;
	unsigned tx_head, tx_tail;

	uint32_t shed;	    /* SYNs dropped unread, of LA_SHED_ALL (la_shard_shed()) */
	uint32_t shed_dice; /* random draws: a linear congruential generator */

	uint8_t *flat;	       /* LA_FRAME_MAX bytes: copies of chains whose headers are split */
	struct la_tokens echo; /* replies */

	enum la_gateway_state gateway[2]; /* IPv4, IPv6 */
	uint64_t gateway_warn_at;	  /* ms: earliest next warning about a gateway without a reply */
	struct la_origins origins;
};

/** One received frame in ingress. */
struct la_rx {
	struct rte_mbuf *m;
	const uint8_t *p; /* the frame, or its contiguous part for the parsers */
	uint32_t len;	  /* of the frame */
	bool group;	  /* came to a broadcast or multicast MAC */
	struct la_eth eth;
	struct la_ip ip;
};

/** The result for a frame: a counter means a drop for that reason; LA_WIRE_OK (in ingress.c
 * only) means a segment for TCP. */
enum {
	LA_RX_DONE = LA_NCOUNTERS + 1, /* handled, not counted; the mbuf is freed */
	LA_RX_KEPT,		       /* the mbuf is kept or reused */
};
_Static_assert((int)LA_RX_DONE > (int)LA_WIRE_OK, "verdicts differ from counters");

/** c: a constant, or of a kind other than DROP (core/count.h). */
static inline void
la_count_net(struct la_shard *s, enum la_counter c)
{
	la_counters_one(&s->counters, c);
}

/* ingress.c */
/** Processes n <= LA_RX_PARSE_BURST frames, and owns their mbufs. */
void la_ingress_burst(struct la_shard *s, struct rte_mbuf **pkts, unsigned n);
/** Returns whether this address is a valid source (RFC 1122 3.2.1.3). */
bool la_ingress_src_ok(struct la_shard *s, const struct la_addr *src);

/* egress.c */
/** Adds Ethernet headers to IP packets. Packets ready to send are moved to the front of pkts and counted in
 * the result; the others wait for their next hop or were dropped. */
unsigned la_egress_burst(struct la_shard *s, struct rte_mbuf **pkts, unsigned n);
/** Moves TCP's packets into the tx array, while there is room. */
void la_egress_drain(struct la_shard *s);
/** Queues a finished frame; freed and counted (out_full) when there is no room. */
void la_egress_frame(struct la_shard *s, struct rte_mbuf *m);
/** An mbuf with an Ethernet header and len bytes after it; sets *p to these bytes. NULL: counted. */
struct rte_mbuf *la_egress_new(struct la_shard *s, const uint8_t dst[6], uint16_t type, uint16_t len, uint8_t **p);
/** Adds the Ethernet header of our own frames to an IP packet. */
void la_egress_ether(struct la_shard *s, struct rte_mbuf *m, const uint8_t dst[6], uint16_t type);
/** Sends the packets that waited for the neighbour's MAC. */
void la_egress_resolved(struct la_shard *s, struct la_neigh *n);

/* restart.c: loading the state of several shards into several others */
enum { LA_SHARD_DEAL_MAX = 64 };
struct la_shard_deal {
	struct la_shard *const *shards;				      /* of one secret, and all of one interface's */
	unsigned n;						      /* 1 to LA_SHARD_DEAL_MAX */
	unsigned (*owner)(const void *ctx, const struct la_tuple *t); /* the owner; NULL: the first */
	const void *ctx;
	/* incremented: a shard's own entries that have not expired, IPv4 and IPv6 */
	uint64_t dealt[LA_SHARD_DEAL_MAX][2];
	bool full; /* a table had no room: further entries are only counted */
};
/** la_shard_load() of one saved shard into several, each entry into its owner; call it once for each that
 * was saved. As la_shard_load(), and -EINVAL (n); after -ENOBUFS, calls for the next saved shards still count in
 * `dealt`. */
int la_shard_deal(struct la_shard_deal *d, int (*read)(void *ctx, void *p, size_t len), void *ctx);

/* arp.c, nd.c: neighbours, each for its family */
enum la_neigh_news {
	LA_NEWS_CLAIM,	   /* unsolicited (request, gratuitous ARP, unsolicited NA) */
	LA_NEWS_CONFIRMED, /* reply to our request: REACHABLE */
};
int la_arp_input(struct la_shard *s, const struct la_rx *rx);
/** Request for n: broadcast while INCOMPLETE, else to its MAC. */
void la_arp_solicit(struct la_shard *s, const struct la_neigh *n);
/** Announces our addresses at creation. */
void la_arp_announce(struct la_shard *s);
int la_nd_input(struct la_shard *s, const struct la_rx *rx, const struct la_icmp *ic);
void la_nd_solicit(struct la_shard *s, const struct la_neigh *n);
/** Starts duplicate address detection, or announces addresses that need none. */
void la_nd_start(struct la_shard *s);
/** Ends duplicate address detection when its time is over. */
void la_nd_poll(struct la_shard *s);

/* resolve.c: both families */
/** The next hop with a usable MAC, or NULL: m waits there or was dropped and counted. It may be temporary and
 * valid only for m. */
struct la_neigh *la_resolve(struct la_shard *s, const struct la_addr *dst, struct rte_mbuf *m);
/** The entry of a neighbour that sent a request to `us` with its address, created if there is none and room for
 * it; or NULL. */
struct la_neigh *la_resolve_learn(struct la_shard *s, const struct la_addr *a, const uint8_t mac[6],
				  const struct la_addr *us);
/** Updates a neighbour by the MAC of a packet. */
void la_resolve_update(struct la_shard *s, struct la_neigh *n, const uint8_t mac[6], enum la_neigh_news news);
/** True: more entries are due already. */
bool la_resolve_poll(struct la_shard *s);
/** Frees the waiting packets and the entry; count: LA_NCOUNTERS for none. */
void la_resolve_drop(struct la_shard *s, struct la_neigh *n, enum la_counter count);

/** Sets a new entry's configured MAC, or sends a request for it. */
void la_resolve_ask(struct la_shard *s, struct la_neigh *n);
/** Creates an INCOMPLETE entry for a configured gateway, without a request; NULL: both exist. */
struct la_neigh *la_resolve_add_gateway(struct la_shard *s, const struct la_addr *a);

/* gateway.c */
/** Starts to resolve the gateways with a usable source. Called at creation and after address detection. */
void la_gateway_start(struct la_shard *s);
/** The gateway's MAC was received. */
void la_gateway_answered(struct la_shard *s, const struct la_neigh *n);
/** The gateway's entry ends: unused, or without a reply. */
void la_gateway_gone(struct la_shard *s, const struct la_neigh *n);

/* icmp.c: proto is LA_IPPROTO_ICMP or LA_IPPROTO_ICMP6 */
int la_icmp_input(struct la_shard *s, struct la_rx *rx);

#endif

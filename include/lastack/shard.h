/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_SHARD_H
#define LASTACK_SHARD_H

/* A shard: the whole stack of one worker on one interface, without I/O.
 *
 * Packets come in as a burst of mbufs, time comes in as a number, packets go out as a burst of
 * mbufs. A shard reads no clock, touches no device, takes no lock and allocates nothing after
 * la_shard_create(), so a DPDK poll loop, a simulator, a test and any embedding program drive the
 * same code. Two shards share nothing; one shard is driven by one thread at a time.
 *
 * Time (`now`) is in milliseconds since any fixed point, never goes back, and is the same clock for
 * all calls to one shard. */

#include <lastack/addr.h>
#include <lastack/conn.h>
#include <lastack/counters.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct la_shard;
struct rte_mbuf;
struct rte_mempool;

/** What the port does in hardware; what is not named here the shard does in software. */
enum la_offload {
	LA_OFF_TX_IP_CKSUM = 1 << 0,  /* IPv4 header checksum on output */
	LA_OFF_TX_TCP_CKSUM = 1 << 1, /* TCP checksum on output */
	LA_OFF_RX_CKSUM = 1 << 2,     /* RTE_MBUF_F_RX_*_CKSUM_GOOD flags can be believed */
	LA_OFF_TX_MULTI_SEG = 1 << 3, /* chained mbufs may be transmitted */
};

/** Where big tables come from. alloc returns zeroed, `align`-aligned memory or NULL. */
struct la_mem_ops {
	void *(*alloc)(void *ctx, size_t size, size_t align);
	void (*free)(void *ctx, void *p, size_t size);
	void *ctx;
};

/** Everything a shard is told at its birth; zero fields take the default in brackets. */
struct la_shard_config {
	struct rte_mempool *mbufs;	/* for output: at least 128 B headroom and 1600 B of data room */
	const struct la_mem_ops *mem;	/* NULL: anonymous memory, transparent hugepages asked for */
	uint8_t secret[32];		/* random; keys the index hash, the ISNs and timestamp offsets */
	uint64_t now;			/* ms */

	uint8_t mac[6];
	uint16_t mtu;			/* of the IP layer, bytes [1500]; at least 1280 with IPv6 */
	uint16_t vlan;			/* 802.1Q id 1-4094 put on and asked for; 0: untagged */
	uint32_t offloads;		/* enum la_offload bits */
	const struct la_prefix *addrs;	/* our addresses with their on-link prefixes */
	unsigned naddrs;
	const struct la_prefix *ranges; /* whole prefixes of which every address is ours */
	unsigned nranges;
	struct la_addr gateway4, gateway6; /* any: none */
	bool no_dad;			/* skip duplicate address detection: addresses work at once */

	uint32_t max_conns;		/* TCBs [65536] */
	uint32_t max_time_wait4;	/* TIME_WAIT entries for IPv4, 32 B each [1 Mi] */
	uint32_t max_time_wait6;	/* TIME_WAIT entries for IPv6, 64 B each [64 Ki] */
	uint32_t max_neighbours;	/* [1024] */
	uint32_t msl_ms;		/* [30 000] */
	uint32_t rto_min_ms;		/* floor of the retransmission time-out [200]; RFC 6298 2.4 says 1000 */
};

/** Makes a shard. 0; -EINVAL (a field out of range), -ENOMEM. */
int la_shard_create(const struct la_shard_config *cfg, struct la_shard **out);

/** Frees a shard, its connections (without a packet or a callback) and the mbufs it holds. */
void la_shard_destroy(struct la_shard *s);

/** A burst of frames has arrived. Takes the mbufs over, whatever they hold. */
void la_shard_rx(struct la_shard *s, uint64_t now, struct rte_mbuf **pkts, unsigned n);

/** Time has passed: runs timers, a bounded number a call. Returns true when more are due already. */
bool la_shard_poll(struct la_shard *s, uint64_t now);

/** Takes up to max frames to send; they now belong to the caller. Call until it returns 0. */
unsigned la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max);

/** The `now` at which la_shard_poll() will next have something to do; UINT64_MAX: nothing is due. */
uint64_t la_shard_next(const struct la_shard *s);

/** Starts listening on addr (any address: NULL) and port. `opts` NULL: defaults.
 * 0; -EADDRINUSE, -EADDRNOTAVAIL (addr is not ours), -EINVAL, -ENOMEM (too many listeners). */
int la_listen(struct la_shard *s, const struct la_addr *addr, uint16_t port,
	      const struct la_conn_ops *ops, void *user, const struct la_conn_opts *opts);

/** Stops listening there. Connections in SYN_RCVD from it are reset, established ones live on.
 * 0 or -ENOENT. */
int la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port);

/** Active open of exactly this tuple. 0 and *out; -EADDRINUSE (the tuple is live), -EADDRNOTAVAIL
 * (laddr is not ours, or the tuple is in TIME_WAIT), -EHOSTUNREACH (no route, no gateway),
 * -EAFNOSUPPORT (families differ), -ENOBUFS (no TCB, index slot or TIME_WAIT reservation left:
 * each has its counter), -EINVAL. */
int la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops,
	       void *user, const struct la_conn_opts *opts, struct la_conn **out);

/** Looks a tuple up, live or in TIME_WAIT. 0 or -ENOENT. */
int la_shard_find(const struct la_shard *s, const struct la_tuple *t, struct la_conn_info *info);

/** Aborts every connection that is left (RST where RFC 9293 3.10.5 says so); TIME_WAIT entries stay.
 * At most `max` a call; returns how many live connections remain. */
uint32_t la_shard_abort_all(struct la_shard *s, unsigned max);

/** Counters and gauges; valid as long as the shard, updated in place by its own thread. */
const struct la_counters *la_shard_counters(const struct la_shard *s);

/** Bytes of memory a shard with this configuration takes for its tables. */
size_t la_shard_memory(const struct la_shard_config *cfg);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif

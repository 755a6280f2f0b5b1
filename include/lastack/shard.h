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
 * all calls to one shard.
 *
 * Only la_shard_rx(), la_shard_poll() and la_shard_save() tell the time. Every other call (la_connect(), and the calls of
 * conn.h: la_send(), la_close(), la_set_timer(), ...) works at the time told last. Inside a callback that is the
 * present. Outside of callbacks it may be old, when nothing was due for a while. Then
 *  - timers that the call arms (retransmission, R2, FIN_WAIT_2, la_set_timer()) run from the next time told. They are never
 *    early. la_shard_next() says that the shard is due until the time is told;
 *  - the timestamp option of a segment that the call sends is as old as that time, so a round trip time measured by it may
 *    come out longer by the difference (the one of la_connect()'s SYN does not);
 *  - TIME_WAIT and quiet time, as la_connect() and la_shard_find() see them, end when the time is told.
 * A program that was idle calls la_shard_poll(s, now) first, and none of this applies. */

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

/** Everything a shard is told at its birth. Zero fields take the default in brackets; config.def has default, range and
 * unit of each number. */
struct la_shard_config {
	struct rte_mempool *mbufs;    /* for output: at least 128 B headroom and 1600 B of data room */
	struct rte_mempool *control;  /* for packets without payload while `mbufs` is empty: at least 128 B headroom and
				       * 128 B of data room. NULL: none; such packets then wait */
	uint32_t max_held;	      /* buffers of `mbufs` that connections may hold: unread, out of order, in send
				       * queues [three quarters of the pool] */
	uint32_t low_mbufs;	      /* with fewer free in `mbufs`, no payload is sent and nothing more is held, so
				       * that frames can still be received [a 32nd of the pool] */
	const struct la_mem_ops *mem; /* NULL: anonymous memory, transparent hugepages asked for */
	uint8_t secret[32];	      /* random; keys the index hash, the ISNs and timestamp offsets */
	uint64_t now;		      /* ms */

	uint8_t mac[6];
	uint16_t mtu;		       /* of the IP layer, bytes [1500]; at least 1280 with IPv6 */
	uint16_t vlan;		       /* 802.1Q id put on and asked for [untagged] */
	uint32_t offloads;	       /* enum la_offload bits */
	const struct la_prefix *addrs; /* our addresses with their on-link prefixes */
	unsigned naddrs;
	const struct la_prefix *ranges; /* whole prefixes of which every address is ours */
	unsigned nranges;
	struct la_addr gateway4, gateway6; /* any: none */
	uint8_t gateway_mac[6];		   /* of the gateways, which are then not asked for it; all zero: ask */
	bool no_dad;			   /* skip duplicate address detection: addresses work at once */
	bool follower;			   /* one of several shards of an interface, and not the one that speaks for
					    * it: announces nothing, checks no address and answers for none */

	uint32_t max_conns;	   /* TCBs [65536] */
	uint32_t max_orphans;	   /* connections whose user has called la_close(); beyond it those that the
				    * peer has not acknowledged anything for longest, and for 5 s at least, are
				    * aborted (RFC 6429) [half of max_conns] */
	uint32_t orphan_ms;	   /* default of la_conn_opts.orphan_ms [60 000] */
	uint32_t max_time_wait4;   /* TIME_WAIT entries for IPv4, 32 B each [1 Mi] */
	uint32_t max_time_wait6;   /* TIME_WAIT entries for IPv6, 64 B each [128 Ki] */
	bool tw_full_reset;	   /* no entry left to reserve: answer the SYN with RST [drop it] */
	uint32_t tw_share_percent; /* most that the peers of one /24 (IPv4) or /56 (IPv6) may take of a family's
				    * TIME_WAIT entries once three quarters of them are in use and SYNs of two or
				    * more prefixes arrived within 60 s: percent of the entries [75].
				    * Reservations count as entries. Further SYNs of the prefix are refused and
				    * counted as tw_share_refused. 100: no limit */
	uint32_t max_neighbours;   /* that answered ARP or ND or completed a handshake [1024]; a quarter as many
				    * again, 16 to 1024, for those that did not, and the gateways, are on top */
	uint32_t msl_ms;	   /* maximum segment lifetime; TIME_WAIT lasts twice it [30 000] */
	uint32_t rto_min_ms;	   /* floor of the retransmission time-out [200]; RFC 6298 2.4 says 1000 */
	uint32_t syn_cookies_at;   /* connections in SYN_RCVD from which on SYNs are answered by cookies
				    * (RFC 4987 3.6) [a quarter of max_conns]. They are also while connections in
				    * SYN_RCVD could take more than a quarter of the TCBs or TIME_WAIT entries that
				    * are left. UINT32_MAX: never */
	uint32_t rst_rate;	   /* RSTs a second to segments that belong to no connection, and as many at
				    * once [10 000] */
	uint32_t quiet_ms;	   /* RFC 9293 3.4.3: no SYN is sent or answered for so long [none] */
};

/** Sets every field: to its default in config.def if there is a constant one, else to zero. la_shard_create() computes
 * the defaults that follow from other fields, such as max_orphans from max_conns, where these are zero. */
void la_shard_config_init(struct la_shard_config *c);

/** The name of the first field that la_shard_create() would refuse with -EINVAL, "msl_ms" for example, or NULL: the
 * configuration is good. Zero fields are checked as their defaults. The string is constant; nothing is allocated. */
const char *la_shard_config_check(const struct la_shard_config *c);

/** Makes a shard. 0; -EINVAL (a field is out of range: la_shard_config_check() names it), -ENOMEM. */
int la_shard_create(const struct la_shard_config *cfg, struct la_shard **out);

/** Frees a shard, its connections (without a packet or a callback) and the mbufs it holds. */
void la_shard_destroy(struct la_shard *s);

/** A burst of frames has arrived. Takes the mbufs over, whatever they hold: those that are as large as the shard's
 * own may come out of la_shard_tx() again, with an answer in them. */
void la_shard_rx(struct la_shard *s, uint64_t now, struct rte_mbuf **pkts, unsigned n);

/** Time has passed: runs timers, a bounded number a call. Returns true when more are due already. */
bool la_shard_poll(struct la_shard *s, uint64_t now);

enum { LA_SHED_ALL = 256 };

/** Overload control: from now on `level` of LA_SHED_ALL SYNs are dropped unread, picked at random and counted
 * (syn_shed), so that the time goes to the connections there are. 0 [at birth]: none; LA_SHED_ALL and above:
 * all. Only SYNs without ACK are dropped, of IPv4 without options and of IPv6 without extension headers. The
 * caller decides when it is behind: a shard does not know how many frames wait. */
void la_shard_shed(struct la_shard *s, unsigned level);

/** Takes up to max frames to send; they now belong to the caller. Call until it returns 0. */
unsigned la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max);

/** The `now` at which la_shard_poll() will next have something to do; UINT64_MAX: nothing is due. After a call that has
 * armed a timer it is the time told last: the shard wants to be told the present. */
uint64_t la_shard_next(const struct la_shard *s);

/** The `now` of the last call that had one, ms (at first the configuration's): the time in a callback. */
uint64_t la_shard_now(const struct la_shard *s);

/** Starts listening on addr (any address: NULL) and port. `opts` NULL: defaults.
 * 0; -EADDRINUSE, -EADDRNOTAVAIL (addr is not ours), -EINVAL, -ENOMEM (too many listeners), -ENOSPC (a
 * 17th different MSL). */
int la_listen(struct la_shard *s, const struct la_addr *addr, uint16_t port, const struct la_conn_ops *ops, void *user,
	      const struct la_conn_opts *opts);

/** Stops listening there. Connections in SYN_RCVD from it are reset, also when another listener covers the port;
 * established ones live on. An ACK of a SYN cookie opens for the listener that covers the port when it arrives.
 * 0 or -ENOENT. */
int la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port);

/** Active open of exactly this tuple. 0 and *out; -EADDRINUSE (the tuple is live), -EADDRNOTAVAIL
 * (laddr is not ours, or the tuple is in TIME_WAIT and reuse_time_wait is not set or not safe yet), -EHOSTUNREACH (no route, no gateway),
 * -EAGAIN (quiet time: not before la_shard_quiet_until()),
 * -EAFNOSUPPORT (families differ), -ENOBUFS (no TCB, index slot or TIME_WAIT reservation left:
 * each has its counter), -EINVAL. */
int la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops, void *user,
	       const struct la_conn_opts *opts, struct la_conn **out);

/** The `now` from which on SYNs are sent and answered (quiet_ms); those that come earlier are dropped
 * and counted as quiet_time. 0: there was no quiet time. */
uint64_t la_shard_quiet_until(const struct la_shard *s);

/** Looks a tuple up, live or in TIME_WAIT. 0 or -ENOENT. */
int la_shard_find(const struct la_shard *s, const struct la_tuple *t, struct la_conn_info *info);

/** Aborts every connection that is left (RST where RFC 9293 3.10.5 says so); TIME_WAIT entries stay.
 * At most `max` a call; returns how many live connections remain: those that waited for an mbuf go in
 * la_shard_poll(), so call that between. */
uint32_t la_shard_abort_all(struct la_shard *s, unsigned max);

/* A restart. TIME_WAIT is a promise to the peer and to the next connection of the same tuple, and a
 * process that ends breaks it, unless another goes on with it:
 *
 *	la_shard_save(old, now, write, ctx);		   before it ends
 *	la_shard_saved(read, ctx, &saved);		   in the new process
 *	config.secret = saved.secret;
 *	config.now = saved.now + ms passed since then;	   by a clock that outlives a process
 *	la_shard_create(&config, &s);
 *	la_shard_load(s, read again from the start, ctx);  before anything else
 *
 * Entries then live for exactly what is left of their 2*MSL, and TSvals and ISNs go on where they
 * were, since both come from `now` and the secret. Without a saved shard, after a crash, quiet_ms
 * stands in. The output holds the secret: keep it readable by its owner alone. It is in the machine's byte
 * order and has no checksum: the caller adds one when it stores the output. */

/** What la_shard_save() wrote, as far as the next shard's configuration has to know it. */
struct la_shard_saved {
	uint8_t secret[32];
	uint64_t now;	       /* ms, of the shard that was saved */
	uint32_t time_wait[2]; /* entries, IPv4 and IPv6, those in FIN_WAIT_2 included */
};

/** Writes what is left of a shard: secret, time, ISN clock and every entry of the TIME_WAIT table, FIN_WAIT_2
 * without a user included, a few kB a call of `write`, which takes all of them and returns 0, or a negative errno to give up. Memory does not
 * grow with the table. Connections are not saved: -EBUSY while there are any (la_shard_abort_all()).
 * 0, -EBUSY, or what write returned. */
int la_shard_save(struct la_shard *s, uint64_t now, int (*write)(void *ctx, const void *p, size_t len), void *ctx);

/** Reads the beginning of what was saved. `read` fills p with exactly len bytes and returns 0, or
 * a negative errno. 0; -EBADMSG (not a saved shard), -EPROTONOSUPPORT (of another version or byte
 * order), or what read returned. */
int la_shard_saved(int (*read)(void *ctx, void *p, size_t len), void *ctx, struct la_shard_saved *saved);

/** Reads all of it into a shard just created with that secret, and whose `now` is at or after the
 * saved one: what lies between them has passed for the entries (counters time_wait_loaded and
 * time_wait_lapsed). 0; as la_shard_saved(), and -EBUSY (the shard has been used), -EKEYREJECTED
 * (another secret), -ERANGE (now), -EBADMSG (an entry that cannot be), -EEXIST (a tuple twice),
 * -ENOBUFS (no TIME_WAIT entry or index place left: each has its counter), -ENOSPC (too many
 * different MSLs). After an error the shard holds a part of the entries: destroy it. */
int la_shard_load(struct la_shard *s, int (*read)(void *ctx, void *p, size_t len), void *ctx);

/** Counters and gauges; valid as long as the shard, updated in place by its own thread. */
const struct la_counters *la_shard_counters(const struct la_shard *s);

/** Bytes of memory a shard with this configuration takes for its tables. Zero fields as in la_shard_create(). */
size_t la_shard_memory(const struct la_shard_config *cfg);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif

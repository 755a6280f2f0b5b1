/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_SHARD_H
#define LASTACK_SHARD_H

/* A shard: the whole stack of one worker on one interface, without I/O.
 *
 * Packets arrive as a burst of mbufs, the time is an argument, and packets leave as a burst of mbufs. A shard reads no
 * clock, touches no device, takes no lock and allocates nothing after la_shard_create(). So a DPDK poll loop, a
 * simulator, a test and an embedding program drive the same code. Shards share no data. One thread at a time drives a
 * shard.
 *
 * Time (`now`) is in milliseconds since any fixed point. It never goes back, and is the same clock for all calls to one
 * shard.
 *
 * Only la_shard_rx(), la_shard_poll() and la_shard_save() set the time. Every other call (la_connect(), and the calls
 * of conn.h: la_send(), la_close(), la_set_timer(), ...) uses the time that was set last. Inside a callback that time
 * is current. Outside callbacks it may be old, if the program was idle. Then
 *  - a timer that the call arms (retransmission, R2, FIN_WAIT_2, la_set_timer()) runs from the next `now`, so that
 *    it is never early. Until then la_shard_next() returns the old time;
 *  - a segment that the call sends has an old timestamp option, so that a round trip time measured by it may be too
 *    long by the difference (not for the SYN of la_connect());
 *  - TIME_WAIT and quiet time, as la_connect() and la_shard_find() see them, end when the time is set.
 * A program that was idle calls la_shard_poll(s, now) first, to set the time. */

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

/** Work that the port does in hardware. The shard does in software the work of each bit that is not set. */
enum la_offload {
	LA_OFF_TX_IP_CKSUM = 1 << 0,  /* the port fills in IPv4 header checksums */
	LA_OFF_TX_TCP_CKSUM = 1 << 1, /* the port fills in TCP checksums */
	LA_OFF_RX_IP_CKSUM = 1 << 2,  /* the port verifies: RTE_MBUF_F_RX_IP_CKSUM_GOOD is true */
	LA_OFF_TX_MULTI_SEG = 1 << 3, /* the port transmits chained mbufs */
	LA_OFF_RX_TCP_CKSUM = 1 << 4, /* the port verifies: RTE_MBUF_F_RX_L4_CKSUM_GOOD and _NONE are true */
	LA_OFF_RX_CKSUM = LA_OFF_RX_IP_CKSUM | LA_OFF_RX_TCP_CKSUM,
};

/** An allocator for the tables. alloc returns zeroed memory, aligned to `align` bytes, or NULL. */
struct la_mem_ops {
	void *(*alloc)(void *ctx, size_t size, size_t align);
	void (*free)(void *ctx, void *p, size_t size);
	void *ctx;
};

/** The arguments of la_shard_create(). A field that is 0 gets the default in brackets; config.def has default, range
 * and unit of each number. */
struct la_shard_config {
	struct rte_mempool *mbufs;    /* pool for output: at least 128 B headroom and 1600 B of data room */
	struct rte_mempool *control;  /* pool for packets without payload while `mbufs` is empty: at least 128 B
				       * headroom and 128 B of data room. NULL: the packets wait for `mbufs` */
	uint32_t max_held;	      /* buffers of `mbufs` that connections may hold: unread, out of order, to be sent
				       * [three quarters of the pool] */
	uint32_t low_mbufs;	      /* with fewer free buffers in `mbufs` no payload is sent, and a connection that
				       * holds a buffer gets no other, so that frames can still be received
				       * [a 32nd of the pool] */
	const struct la_mem_ops *mem; /* NULL: anonymous memory, with transparent hugepages where possible */
	uint8_t secret[32];	      /* random: the key of the index hash, the ISNs and timestamp offsets */
	uint64_t now;		      /* ms: the time at la_shard_create() */

	uint8_t mac[6];
	uint16_t mtu;		       /* largest IP packet, bytes [1500]; at least 1280 with IPv6 */
	uint16_t vlan;		       /* VLAN id of the 802.1Q tag of every frame, sent or received [untagged] */
	uint32_t offloads;	       /* enum la_offload bits */
	const struct la_prefix *addrs; /* our addresses with their on-link prefixes */
	unsigned naddrs;
	const struct la_prefix *ranges; /* prefixes of which every address is ours */
	unsigned nranges;
	struct la_addr gateway4, gateway6; /* all zero: no gateway */
	uint8_t gateway_mac[6];		   /* MAC of the gateways; all zero: ARP and ND resolve it */
	bool no_dad;			   /* no duplicate address detection: addresses are usable at once */
	bool no_fast_path;		   /* every frame takes the general path, which has the same results; for tests
					    * and measurements */
	bool follower;			   /* another shard of this interface announces its addresses, detects
					    * duplicates and answers ARP and ND requests; this one does not */

	uint32_t max_conns;	   /* TCBs [65536] */
	uint32_t max_orphans;	   /* connections whose user has called la_close(). Above this number, those whose
				    * peer has acknowledged nothing for the longest time (at least 5 s) are
				    * aborted (RFC 6429) [half of max_conns] */
	uint32_t orphan_ms;	   /* default of la_conn_opts.orphan_ms [60 000] */
	uint32_t max_time_wait4;   /* TIME_WAIT entries for IPv4, 32 B each [1 Mi] */
	uint32_t max_time_wait6;   /* TIME_WAIT entries for IPv6, 64 B each [128 Ki] */
	bool tw_full_reset;	   /* no entry left to reserve: answer the SYN with RST [drop the SYN] */
	uint32_t tw_share_percent; /* share of a family's TIME_WAIT entries for the peers of one /24 (IPv4) or /56
				    * (IPv6), percent [75]. It is a limit while three quarters of the entries are in
				    * use and SYNs of two or more prefixes arrived within 60 s. Reservations count
				    * as entries. Further SYNs of the prefix are refused, and counted as
				    * tw_share_refused. 100: no limit */
	uint32_t max_neighbours;   /* neighbours that answered ARP or ND or completed a handshake [1024]. The table
				    * has room for a quarter as many others (16 to 1024), and for the gateways */
	uint32_t msl_ms;	   /* maximum segment lifetime; TIME_WAIT lasts twice that [30 000] */
	uint32_t rto_min_ms;	   /* smallest retransmission time-out [200]; RFC 6298 2.4 says 1000 */
	uint32_t syn_cookies_at;   /* SYN cookies answer SYNs from this number of connections in SYN_RCVD
				    * (RFC 4987 3.6) [a quarter of max_conns]. Cookies also answer while one more of
				    * these connections would give them over a quarter of the TCBs, TIME_WAIT entries
				    * or buffers that no other connection uses. UINT32_MAX: no cookies */
	uint32_t rst_rate;	   /* RSTs a second to segments of no connection; also the size of a burst
				    * [10 000] */
	uint32_t quiet_ms;	   /* quiet time, in which no SYN is sent or answered (RFC 9293 3.4.3) [none] */
};

/** Sets every field: to its constant default in config.def, or to zero without one. la_shard_create() computes
 * the defaults that follow from other fields, such as max_orphans from max_conns, for fields that are still zero. */
void la_shard_config_init(struct la_shard_config *c);

/** Returns the name of the first field that la_shard_create() would refuse with -EINVAL ("msl_ms", for example), or
 * NULL: the configuration is valid. A field that is 0 is checked with its default. The string is constant. */
const char *la_shard_config_check(const struct la_shard_config *c);

/** Creates a shard. Returns 0 and *out, -EINVAL (la_shard_config_check() names the invalid field) or -ENOMEM. */
int la_shard_create(const struct la_shard_config *cfg, struct la_shard **out);

/** Frees a shard, its connections (without a packet or a callback) and the mbufs that it holds. NULL: does nothing. */
void la_shard_destroy(struct la_shard *s);

/** Sets the time and processes a burst of received frames. The shard owns the mbufs from here on. It may write an
 * answer into an mbuf that is as large as those of its own pool, and return that mbuf in la_shard_tx(). */
void la_shard_rx(struct la_shard *s, uint64_t now, struct rte_mbuf **pkts, unsigned n);

/** Sets the time and runs due timers, a bounded number in a call. Returns whether more timers are due now. */
bool la_shard_poll(struct la_shard *s, uint64_t now);

enum { LA_SHED_ALL = 256 };

/** Overload control: drops `level` of LA_SHED_ALL SYNs unread, chosen at random and counted (syn_shed), so that the
 * CPU time goes to existing connections. 0 [at first]: drops none; LA_SHED_ALL or more: drops all. Only SYNs without
 * ACK, RST, FIN, IPv4 options or IPv6 extension headers are dropped. The caller sets the level: a shard has no count of
 * the frames that wait. */
void la_shard_shed(struct la_shard *s, unsigned level);

/** Returns up to max frames to send in pkts, and their number. The caller owns the mbufs. Call until it returns 0. */
unsigned la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max);

/** Returns the `now` at which the next timer is due, for la_shard_poll(); UINT64_MAX: no timer runs. After a call
 * outside callbacks has armed a timer, it returns the time that was set last: the shard needs a new time. */
uint64_t la_shard_next(const struct la_shard *s);

/** Returns the time that was set last, ms: in a callback the current time. */
uint64_t la_shard_now(const struct la_shard *s);

/** Starts listening on addr (NULL: on every address) and port. `opts` NULL: defaults.
 * Returns 0; -EADDRINUSE, -EADDRNOTAVAIL (addr is not ours), -EINVAL, -ENOMEM (too many listeners or different
 * options), -ENOSPC (a 17th different MSL). */
int la_listen(struct la_shard *s, const struct la_addr *addr, uint16_t port, const struct la_conn_ops *ops, void *user,
	      const struct la_conn_opts *opts);

/** Removes the listener of addr and port. Its connections in SYN_RCVD are reset, even if another listener covers the
 * port. Its established connections stay. The ACK of a SYN cookie opens for the listener that covers the port when
 * the ACK arrives. Returns 0 or -ENOENT. */
int la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port);

/** Active open of exactly this tuple. Returns 0 and *out, or
 *
 *	-EADDRINUSE	the tuple is live, or a table entry in FIN_WAIT_2 has it
 *	-EADDRNOTAVAIL	laddr is not ours, or the tuple is in TIME_WAIT and must not be reopened yet (reuse_time_wait)
 *	-EHOSTUNREACH	no on-link prefix and no gateway for raddr
 *	-EAGAIN		quiet time, until la_shard_quiet_until()
 *	-EAFNOSUPPORT	laddr and raddr are of different families
 *	-ENOBUFS	no TCB, index place or TIME_WAIT entry left: a counter names the table
 *	-EINVAL		a port is 0, raddr is not a unicast address, or an option is out of range
 *	-ENOMEM		too many different options
 *	-ENOSPC		a 17th different MSL */
int la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops, void *user,
	       const struct la_conn_opts *opts, struct la_conn **out);

/** Returns the `now` at which the quiet time (quiet_ms) ends. Earlier SYNs are dropped, and counted as quiet_time. 0:
 * there was no quiet time. */
uint64_t la_shard_quiet_until(const struct la_shard *s);

/** Fills *info for a tuple that is live, in TIME_WAIT or in FIN_WAIT_2. Returns 0 or -ENOENT. */
int la_shard_find(const struct la_shard *s, const struct la_tuple *t, struct la_conn_info *info);

/** Aborts at most `max` connections (RST where RFC 9293 3.10.5 requires one); TIME_WAIT entries stay. Returns the
 * number of connections that are left. A caller that repeats the call takes the frames out with la_shard_tx() and
 * calls la_shard_poll() in between. */
uint32_t la_shard_abort_all(struct la_shard *s, unsigned max);

/* A restart. TIME_WAIT protects the peer and the next connection of the tuple for 2*MSL, so it must not end with the
 * process. The next process continues it:
 *
 *	la_shard_save(old, now, write, ctx);		   at the end of the old process
 *	la_shard_saved(read, ctx, &saved);		   in the new process
 *	config.secret = saved.secret;
 *	config.now = saved.now + ms passed since then;	   by a clock that runs across both processes
 *	la_shard_create(&config, &s);
 *	la_shard_load(s, read again from the start, ctx);  before any other call
 *
 * Entries then live for exactly the rest of their 2*MSL. TSvals and ISNs continue, since both are computed from `now`
 * and the secret. Without a saved shard, after a crash for example, set quiet_ms.
 *
 * The output of la_shard_save() contains the secret: only its owner should be able to read it. It is in the machine's
 * byte order and has no checksum: the caller adds one when it stores the output. */

/** The part of the output of la_shard_save() that the configuration of the next shard needs. */
struct la_shard_saved {
	uint8_t secret[32];
	uint64_t now;	       /* ms: time of the saved shard */
	uint32_t time_wait[2]; /* entries of IPv4 and of IPv6, those in FIN_WAIT_2 included */
};

/** Sets the time, then writes secret, time, ISN clock and every entry of the TIME_WAIT table, those in FIN_WAIT_2
 * included. Each call of `write` gets at most a few kB, takes all bytes and returns 0, or returns a negative errno to
 * stop. Memory does not grow with the table. Returns 0, -EBUSY (there are connections, which cannot be saved:
 * la_shard_abort_all()), or the error of `write`. */
int la_shard_save(struct la_shard *s, uint64_t now, int (*write)(void *ctx, const void *p, size_t len), void *ctx);

/** Reads the first part of a saved shard. `read` fills p with exactly len bytes and returns 0, or returns a negative
 * errno. Returns 0 and *saved; -EBADMSG (not a saved shard), -EPROTONOSUPPORT (another version or byte order), or the
 * error of `read`. */
int la_shard_saved(int (*read)(void *ctx, void *p, size_t len), void *ctx, struct la_shard_saved *saved);

/** Reads a saved shard from its start into a new shard with the same secret, whose `now` is not earlier than the saved
 * one. The difference shortens the remaining time of each entry (counters time_wait_loaded and time_wait_lapsed).
 * Returns 0, an error of la_shard_saved(), or
 *
 *	-EBUSY		the shard has been used
 *	-EKEYREJECTED	the shard has another secret
 *	-ERANGE		the shard's `now` is earlier than the saved one
 *	-EBADMSG	an impossible entry
 *	-EEXIST		a tuple occurs twice
 *	-ENOBUFS	no TIME_WAIT entry or index place left: a counter names the table
 *	-ENOSPC		too many different MSLs
 *
 * After an error the shard has a part of the entries: destroy it. */
int la_shard_load(struct la_shard *s, int (*read)(void *ctx, void *p, size_t len), void *ctx);

/** Returns counters and gauges, valid until la_shard_destroy(). The thread that drives the shard updates them. */
const struct la_counters *la_shard_counters(const struct la_shard *s);

/** Returns the bytes of memory that the tables of a shard with this configuration take. A field that is 0 gets its
 * default. */
size_t la_shard_memory(const struct la_shard_config *cfg);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif

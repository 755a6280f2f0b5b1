/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_TCP_H
#define LA_TCP_TCP_H

/* The TCP of one shard, for lib/net: parsed segments and time in, IP packets out. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/counters.h>
#include <lastack/shard.h>

#include "core/hash.h"
#include "core/tokens.h"
#include "core/wheel.h"
#include "table/index.h"
#include "table/time_wait.h"
#include "wire/tcp.h"

struct la_board;
struct la_tcb;
struct rte_mbuf;

/** A call that armed a timer with an old tick (calls.c). */
struct la_call {
	uint32_t slot;	  /* slot of the TCB */
	uint32_t user_ms; /* ms of la_set_timer(); 0: another call, which may have sent a segment */
};

enum {
	LA_TCP_OUT_MAX = 2048,	  /* packets that wait for lib/net */
	LA_TCP_OUT_CONTROL = 256, /* places that segments with text must leave free */
	LA_TCP_OUT_BURST = 1024,  /* room that must be free before a burst of input */
	LA_TCP_BARE_MAX = 64, /* later packets of a burst have no Ethernet header: `eth` may be out of date (lib/net) */
	LA_TCP_OUT_CROWDED = LA_TCP_OUT_MAX - LA_TCP_OUT_BURST, /* input stops while more packets than this wait */
	LA_HOLD_VICTIMS = 32,
	LA_TCP_LISTENERS = 1024,
	LA_TCP_PROFILES = 256,	 /* different option sets in one shard */
	LA_GIVEN_UP = 64,	 /* recorded reopens that a segment of the old connection ended */
	LA_ISN_ENDS_MIN = 1024,	 /* least places of la_tcp.isn_ends */
	LA_ISN_ENDS_MAX = 65536, /* most places; in between: max_conns, rounded up to a power of two */
};

/** The end of a connection without a TIME_WAIT entry. */
struct la_isn_end {
	uint32_t clock; /* ISN clock of the tuple's next ISN: low 32 bits, in units of 256 steps */
	uint32_t tag;	/* the tuple's ISN offset */
};

/** Reasons for aborts. */
enum la_hold_reason { LA_HOLD_NONE, LA_HOLD_MEMORY, LA_HOLD_ORPHANS };

/** Buffers held for peers, and the search for aborts (hold.c). */
struct la_hold {
	uint32_t held;	      /* buffers on the queues of all connections */
	uint32_t max;	      /* limit of held */
	uint32_t extra;	      /* limit of buffers beyond the first one of each connection */
	uint32_t common;      /* three quarters of extra: the part that any connection may take */
	uint32_t holders;     /* connections that hold one or more */
	uint32_t low;	      /* is_low is set with fewer free buffers in the pool; 0: never */
	uint32_t cell;	      /* bytes of sequence space a reassembly block covers: a power of two */
	bool is_low;	      /* at the last tick the pool was low: no payload is sent, few buffers are held (hold.c) */
	uint32_t ooo_list[8]; /* slot of the first TCB of each list of ooo.c; 0: empty */
	uint32_t recent[LA_SACK_MAX]; /* of the connection in work, while it is on no list (ooo.c) */
	uint32_t orphans, max_orphans;
	bool refused;		       /* a series of refusals is in progress (hold.c) */
	bool refused_first;	       /* the series has a refusal of a first buffer, of a connection or a send queue */
	uint32_t refused_at;	       /* tick of the last refusal */
	uint32_t refused_since;	       /* tick of the first refusal of the series */
	uint32_t sweep;		       /* last slot that the search for victims has visited */
	uint32_t sweep_at;	       /* tick at which the search visited that slot */
	uint32_t sweep_wait;	       /* ms from sweep_at until the search continues */
	enum la_hold_reason sweep_for; /* the reason of this search */
	unsigned nvictims;
	struct la_hold_victim {
		uint32_t slot;
		uint64_t score;
	} victim[LA_HOLD_VICTIMS]; /* found by this search, highest score first */
};

/** A pending reopen that a segment of the old connection has ended: the values of its handshake. */
struct la_given_up {
	la_ref ref;	 /* the restored TIME_WAIT entry; 0: none */
	uint32_t offset; /* the tuple's ISN offset: another tuple may have taken the entry's slot */
	uint32_t iss, irs;
	uint32_t at;	/* tick at which the reopen ended */
	uint16_t mss;	/* the negotiated MSS */
	uint8_t wscale; /* the peer's window scale; valid if opts has LA_OPT_WSCALE */
	uint8_t opts;	/* negotiated options: LA_OPT_TS, LA_OPT_WSCALE, LA_OPT_SACK_PERM */
};

struct la_tcp {
	uint64_t now;  /* ms: time of the last update */
	uint32_t tick; /* low 32 bits of now */
	uint32_t offloads;
	struct la_hold hold;
	struct la_index index;
	struct la_tw tw;
	struct la_wheel wheel;	/* retransmission, persist, keep-alive, FIN_WAIT_2, user, TIME_WAIT */
	struct la_wheel delack; /* delayed ACKs: 512 ticks long; at most one reference a TCB */
	struct la_hash_key key;
	struct la_counters *counters;
	struct rte_mempool *mbufs;
	struct rte_mempool *control; /* buffers for packets without payload when `mbufs` is empty; or NULL */
	struct la_spare *spare;	     /* during a burst: spare.h */
	uint16_t buf_len;	     /* bytes of a buffer of `mbufs`, headroom included */
	bool on_time;		     /* tick is current: during input and timers */
	bool eth_used;		     /* a packet has been written with `eth` */
	uint16_t bare;		     /* packets of the burst without an Ethernet header, at most LA_TCP_BARE_MAX */
	const uint8_t *eth;	     /* Ethernet header for answers to the segment in work; NULL: lib/net adds it */
	bool ip_id_set;		     /* ip_id has its first value */
	uint16_t ip_id;		     /* identification of the last packet without DF */
	const struct la_mem_ops *mem;

	/* packets that wait to be sent. Those that begin in the headroom have their Ethernet header; the others begin
	 * with the IP header. Without checksum offload, tx_offload and ol_flags are 0 */
	struct rte_mbuf **out;
	unsigned out_head, out_n; /* out[out_head .. out_n) wait */
	unsigned out_text;	  /* no segment with text is added while this many packets wait; 0: the pool is low */

	struct la_sack sack[LA_SACK_MAX]; /* of the segment that is being written (sack.c) */
	struct la_sack dsack;		  /* data of dsack_of that arrived again */
	const struct la_tcb *dsack_of;	  /* NULL: no data has arrived again */

	struct la_board *boards; /* board.h */
	uint32_t board_capacity;
	uint32_t board_fresh; /* boards from here on were never used */
	uint32_t board_free;  /* place of the first free board + 1; 0: none */

	struct la_tcb *tcbs; /* slot 0 is not used */
	uint32_t tcb_capacity;
	uint32_t tcb_fresh; /* slots from here on were never used */
	uint32_t tcb_free;  /* head of the free list through `next`; 0: empty */
	uint32_t tcb_live;
	uint32_t sweep;			     /* last slot that la_tcp_abort_all() has visited */
	uint32_t pending_head, pending_tail; /* list of the TCBs whose output did not fit */
	struct la_listener *listeners;
	uint16_t *listen_port; /* by port: first listener there, index + 1; 0: none */
	struct la_profile *profiles;
	unsigned nprofiles;
	uint32_t mtu;
	uint32_t rto_min;
	uint32_t msl;
	uint32_t orphan_ms;
	bool tw_full_reset;
	uint32_t cookies_at;			  /* connections in SYN_RCVD that turn cookies on; UINT32_MAX: never */
	uint32_t cookies_last;			  /* tick of the last cookie sent */
	bool cookies_on[2];			  /* IPv4, IPv6 */
	struct la_given_up given_up[LA_GIVEN_UP]; /* a ring */
	uint32_t given_up_n;			  /* reopens recorded since the creation of the shard */
	uint32_t rst_rate;			  /* RSTs per second to unknown peers, and the largest burst */
	struct la_tokens rsts;
	struct la_call *calls; /* LA_TCP_CALLS of them */
	uint32_t ncalls;       /* calls since the last update of the time; above LA_TCP_CALLS: the list lacks some */
	uint64_t isn_floor;    /* steps: the shard's ISN clock is at least this, because connections have passed it */
	uint64_t isn_far_max;  /* the furthest clock in isn_ends, in steps */
	struct la_isn_end *isn_ends; /* isn_mask + 1 places: ends of the tuples' last connections (isn.c) */
	uint32_t isn_mask;
	uint64_t quiet_until; /* ms: no SYN is sent or answered before this time (RFC 9293 3.4.3) */
};

/** Returns the number of packets that wait to be taken. */
static inline unsigned
la_tcp_out_waiting(const struct la_tcp *t)
{
	return t->out_n - t->out_head;
}

/** Returns whether there is room for all packets that a burst of segments may cause (LA_TCP_OUT_BURST). Callers of
 * la_tcp_input() check it. Pending output and la_tcp_abort_all(), which make many packets, stop without this room, so
 * that the next burst has it. */
static inline bool
la_tcp_has_out_room(const struct la_tcp *t)
{
	return la_tcp_out_waiting(t) <= LA_TCP_OUT_CROWDED;
}

/** Returns the bytes of memory that la_tcp_init() allocates. cfg has its defaults filled in (core/config.h). */
size_t la_tcp_memory(const struct la_shard_config *cfg);

/** Initializes t with the shard's counters and configuration. cfg has its defaults filled in. Returns 0, or -ENOMEM
 * with all memory freed. */
int la_tcp_init(struct la_tcp *t, const struct la_shard_config *cfg, struct la_counters *counters);
/** Frees all memory and the waiting packets. */
void la_tcp_fini(struct la_tcp *t);

/** Updates the time. Called first in each of the shard's entry points. */
void la_tcp_now(struct la_tcp *t, uint64_t now);

/** Returns the furthest reading of the ISN clock that a connection of any tuple has passed, in steps. A snapshot saves
 * this reading for the next process. */
uint64_t la_isn_floor(const struct la_tcp *t);

/** Continues the ISN clock of a saved shard with the same secret and addresses. floor: la_isn_floor() of the saved
 * shard at time `then` (ms, not in the future). New ISNs are above the sequence numbers of the saved shard. Returns
 * false if floor is further ahead of `then` than an ISN clock can be. */
bool la_isn_resume(struct la_tcp *t, uint64_t floor, uint64_t then);

/** Processes a burst of parsed segments, in arrival order. Takes their mbufs. Callbacks run in this call. eth: the
 * Ethernet header (14 bytes) for answers to segments with usual_hop, or NULL. Returns whether a packet has that header.
 * */
bool la_tcp_input(struct la_tcp *t, struct la_seg *segs, unsigned n, const uint8_t *eth);

/** Runs due timers and sends waiting output, a bounded amount per call. Returns true when more work is due. */
bool la_tcp_poll(struct la_tcp *t);

/** Takes up to max waiting packets, with or without their Ethernet header (la_tcp.out). Returns their number. */
unsigned la_tcp_take(struct la_tcp *t, struct rte_mbuf **pkts, unsigned max);

/** Returns the time at which la_tcp_poll() will have work, ms; the current time: it has work now; UINT64_MAX: never. */
uint64_t la_tcp_next(const struct la_tcp *t);

/** Kinds of ICMP errors. SOFT is only counted. HARD ends a connection in SYN_SENT, and is only counted in other states.
 * PMTU lowers the segment size. */
enum la_tcp_icmp { LA_TCP_ICMP_SOFT, LA_TCP_ICMP_HARD, LA_TCP_ICMP_PMTU };
/** Processes and counts (icmp_*) an ICMP error about our segment at seq. mtu: for PMTU, bytes; 0: unknown, so the next
 * plateau of RFC 1191 7.1 is taken. */
void la_tcp_icmp(struct la_tcp *t, const struct la_tuple *tuple, uint32_t seq, enum la_tcp_icmp what, uint32_t mtu);

/** Shard calls of include/lastack/shard.h. lib/net has checked the route. */
int la_tcp_listen(struct la_tcp *t, const struct la_addr *addr, uint16_t port, const struct la_conn_ops *ops,
		  void *user, const struct la_conn_opts *opts);
int la_tcp_unlisten(struct la_tcp *t, const struct la_addr *addr, uint16_t port);
int la_tcp_connect(struct la_tcp *t, const struct la_tuple *tuple, const struct la_conn_ops *ops, void *user,
		   const struct la_conn_opts *opts, struct la_conn **out);
int la_tcp_find(const struct la_tcp *t, const struct la_tuple *tuple, struct la_conn_info *info);
uint32_t la_tcp_abort_all(struct la_tcp *t, unsigned max);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TIME_WAIT_H
#define LA_TABLE_TIME_WAIT_H

/* The TIME_WAIT table. (Theory at the top of time_wait.c.)
 *
 * The table has two pools of entries, 32 B each for IPv4 and 64 B for IPv6. An entry is reserved before a connection is
 * admitted. Entering TIME_WAIT overwrites the connection's reference in the index. Only expiry or a lawful reopen ends
 * an entry. Input to an entry returns a verdict and sends no segment. */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

#include "core/count.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/wheel.h"
#include "table/index.h"
#include "wire/tcp.h"

/** Life of a slot. A slot whose entry ended before its deadline keeps its reference in the wheel and is not
 * reused until that reference has fired. So no slot is in the wheel twice. */
enum la_tw_life {
	LA_TW_FREE,   /* the slot is on the free list (or was never used) */
	LA_TW_LIVE,   /* the entry is in the index and in the wheel */
	LA_TW_SHADOW, /* a reopen is pending: the index names the new TCB, and the TCB names this
		       * slot; in the wheel until its deadline; LIVE again if the reopen fails earlier */
	LA_TW_ZOMBIE, /* the reopen succeeded, and the wheel reference has not fired yet */
};

enum la_tw_flag {
	LA_TW_LIFE = 0x0003,	  /* enum la_tw_life */
	LA_TW_TS = 0x0004,	  /* the old incarnation used timestamps: ts_recent is valid */
	LA_TW_WHEEL = 0x0008,	  /* the slot's only reference is in the wheel */
	LA_TW_CLASS_SHIFT = 4,	  /* 4 bits: index of the entry's lifetime (2*MSL) */
	LA_TW_CLASS_MASK = 15,	  /* mask of the class, after flags >> LA_TW_CLASS_SHIFT */
	LA_TW_THROTTLE_SHIFT = 8, /* 7 bits: time of the last rate-limited answer, 256 ms units; 0: none */
	LA_TW_THROTTLE_MASK = 0x7f,
	LA_TW_FW2 = 0x8000, /* FIN_WAIT_2: waits for the peer's FIN; see tw_fin_wait_2.c */
};

enum {
	LA_TW_CLASSES = 16,    /* most different lifetimes in one shard */
	LA_TW_PREFIXES = 2048, /* counters of source prefixes, per family: a power of two (tw_share.c) */
};

/** The part common to both families, the last 20 bytes of the IPv4 entry. Host byte order. */
struct la_tw_core {
	uint32_t snd_nxt;   /* the sequence number after our FIN */
	uint32_t rcv_nxt;   /* RCV.NXT; without LA_TW_FW2 the sequence number after the peer's FIN */
	uint32_t ts_recent; /* RFC 7323 TS.Recent */
	uint32_t deadline;  /* tick at which 2*MSL ends; with LA_TW_FW2, at which the wait for the peer's FIN ends */
	uint16_t wnd;	    /* the last window field sent, not scaled */
	uint16_t flags;	    /* enum la_tw_flag */
};

struct la_tw4 {
	uint32_t laddr, raddr; /* network order */
	uint16_t lport, rport;
	struct la_tw_core core;
};

struct la_tw6 {
	struct la_addr laddr, raddr;
	uint16_t lport, rport;
	struct la_tw_core core;
	uint32_t spare[2];
};
_Static_assert(sizeof(struct la_tw4) == 32, "an IPv4 TIME_WAIT entry is 32 B");
_Static_assert(sizeof(struct la_tw6) == 64, "an IPv6 TIME_WAIT entry is 64 B");

struct la_tw_pool {
	void *slots;	       /* slot 0 is not used */
	uint32_t size;	       /* bytes of one entry: 32 or 64 */
	uint32_t capacity;     /* entries */
	uint32_t fresh;	       /* slots from here on were never used */
	uint32_t free_head;    /* free list through core.snd_nxt; 0: empty */
	uint32_t nfree;	       /* slots on the free list or never used; a zombie is neither free nor live */
	uint32_t reserved;     /* reserved by connections; never above nfree */
	uint32_t live;	       /* LIVE and SHADOW */
	uint32_t near_full;    /* number of slots in use from which the share limits a prefix */
	uint32_t share;	       /* most slots of one prefix in a nearly full table; UINT32_MAX: no limit */
	uint32_t asker;	       /* counter of the prefix that requested a slot last */
	uint64_t asked_until;  /* ms: LA_TW_ASKED_MS after the last request of that prefix */
	uint64_t others_until; /* ms: LA_TW_ASKED_MS after the last request of a prefix with another counter */
};

struct la_tw {
	struct la_tw_pool pool[2];	  /* [0] IPv4, [1] IPv6 */
	uint32_t lifetime[LA_TW_CLASSES]; /* 2*MSL in ticks */
	unsigned nclasses;
	struct la_index *index;
	struct la_wheel *wheel;
	const struct la_hash_key *key;
	struct la_counters *counters;
	const struct la_mem_ops *mem;
	uint32_t held[2][LA_TW_PREFIXES]; /* entries and reservations, by family and hash of the source prefix */
};

enum la_tw_verdict {
	LA_TW_DROP,   /* no answer; the drop is counted */
	LA_TW_ACK,    /* answer <SEQ=snd_nxt><ACK=rcv_nxt><CTL=ACK> with the entry's window and
			 timestamp */
	LA_TW_RST,    /* answer <SEQ=snd_nxt><ACK=rcv_nxt><CTL=RST,ACK>; la_tw_input() has ended the entry */
	LA_TW_REOPEN, /* a provably newer SYN: if there is a listener, open a new incarnation
			 with an ISN above snd_nxt */
};

/** Bytes of memory for the entries. */
size_t la_tw_memory(uint32_t capacity4, uint32_t capacity6);
/** The table shares index, wheel, key and counters with its shard. The wheel must have room for one
 * reference for each entry. Returns 0, -ENOMEM, or -EINVAL (a capacity of 2^30 - 1 or more). */
int la_tw_init(struct la_tw *t, const struct la_mem_ops *mem, struct la_index *index, struct la_wheel *wheel,
	       const struct la_hash_key *key, struct la_counters *counters, uint32_t capacity4, uint32_t capacity6);
void la_tw_fini(struct la_tw *t);

/** Reserves an entry for the remote address raddr, and charges its prefix. Returns false, and counts
 * tw_reserve_exhausted, if no entry of the family is free. */
bool la_tw_reserve(struct la_tw *t, const struct la_addr *raddr);
/** Gives the reservation back: the connection has ended without TIME_WAIT. */
void la_tw_unreserve(struct la_tw *t, const struct la_addr *raddr);

/* tw_share.c: no source prefix takes more than its share of a table that is nearly full. */

/** The share of one prefix, percent of each family's capacity, 1 to 100; 100: no limit, as after la_tw_init(). */
void la_tw_share_set(struct la_tw *t, unsigned percent);
/** Returns whether la_tw_reserve_share() would refuse raddr: its prefix is at its share, the table is nearly full, and
 * another prefix is active. now: ms. */
bool la_tw_share_used(const struct la_tw *t, const struct la_addr *raddr, uint64_t now);
/** la_tw_reserve() for a passive open: also records the prefix as active, and also returns false, and counts
 * tw_share_refused, if la_tw_share_used(). */
bool la_tw_reserve_share(struct la_tw *t, const struct la_addr *raddr, uint64_t now);
/** Adds the number of entries of each prefix counter in pool i to n. For checkers. */
void la_tw_share_entries(const struct la_tw *t, unsigned i, uint32_t n[LA_TW_PREFIXES]);

/** The index in la_tw.held of the counter for the /24 (IPv4) or /56 (IPv6) prefix of raddr. */
static inline uint32_t
la_tw_prefix4(const struct la_hash_key *key, uint32_t raddr)
{
	return (uint32_t)la_fold((raddr & htobe32(0xffffff00)) ^ key->k[6], key->k[7]) % LA_TW_PREFIXES;
}

static inline uint32_t
la_tw_prefix6(const struct la_hash_key *key, const struct la_addr *raddr)
{
	struct la_addr p = *raddr;

	p.b[7] = 0;
	return (uint32_t)la_fold(p.q[0] ^ key->k[6], key->k[7]) % LA_TW_PREFIXES;
}

static inline uint32_t
la_tw_prefix(const struct la_hash_key *key, const struct la_addr *raddr)
{
	return la_addr_is4(raddr) ? la_tw_prefix4(key, raddr->w[3]) : la_tw_prefix6(key, raddr);
}

/** The common part of la_tw_reserve() and la_tw_reserve_share(). held: the prefix counter. */
static inline bool
la_tw_take(struct la_tw *t, struct la_tw_pool *p, uint32_t *held)
{
	if (p->reserved == p->nfree) {
		la_counters_one(t->counters, LA_C_tw_reserve_exhausted);
		return false;
	}
	p->reserved++;
	++*held;
	return true;
}

/** The core of the entry that ref names; la_tw_tuple() gives its tuple. */
static inline struct la_tw_core *
la_tw_core(const struct la_tw *t, la_ref ref)
{
	uint32_t slot = la_ref_slot(ref);

	if (la_ref_pool(ref) == LA_POOL_TW4)
		return &((struct la_tw4 *)t->pool[0].slots)[slot].core;
	return &((struct la_tw6 *)t->pool[1].slots)[slot].core;
}
void la_tw_tuple(const struct la_tw *t, la_ref ref, struct la_tuple *tuple);
static inline enum la_tw_life
la_tw_life(const struct la_tw_core *e)
{
	return (enum la_tw_life)(e->flags & LA_TW_LIFE);
}

/** The lifetime of an entry in ticks, for an MSL below 2^29 ms: RFC 9293 MUST-13. One tick more than 2*MSL, because the
 * current time is somewhere within a tick, and 2*MSL must be complete. */
static inline uint32_t
la_tw_lifetime(uint32_t msl_ms)
{
	return 2 * msl_ms + 1;
}

/** Returns the class of a lifetime (2*MSL in ticks, 1 to 2^30), which is added if it is new. -ENOSPC: LA_TW_CLASSES
 * other lifetimes are in use; -EINVAL: out of range. */
int la_tw_class(struct la_tw *t, uint32_t lifetime);

/** Enters TIME_WAIT: turns the caller's reservation into an entry, adds the entry
 * to the wheel and overwrites `tcb_ref` in the index. `state` gives
 * snd_nxt, rcv_nxt, ts_recent, wnd and the LA_TW_TS flag; the deadline is tick + the class's
 * lifetime. hash: of the tuple. Returns the reference of the entry. */
la_ref la_tw_enter(struct la_tw *t, const struct la_tuple *tuple, uint64_t hash, la_ref tcb_ref,
		   const struct la_tw_core *state, uint32_t tick, int class);

/** Like la_tw_enter(), for a connection in FIN_WAIT_2 after la_close(): the entry waits `limit` ticks for the peer's
 * FIN. If the FIN arrives, TIME_WAIT begins in this entry; otherwise the entry expires. */
la_ref la_tw_enter_fin_wait_2(struct la_tw *t, const struct la_tuple *tuple, uint64_t hash, la_ref tcb_ref,
			      const struct la_tw_core *state, uint32_t tick, int class, uint32_t limit);

/** The verdict on a segment for a LIVE entry (rules and RFC sections in tw_input.c). Restarts 2*MSL
 * for a repeated FIN, updates ts_recent, limits the rate of answers, and counts. */
enum la_tw_verdict la_tw_input(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick);

/** The relation of a segment to an entry with a pending reopen. */
enum la_tw_old {
	LA_TW_NOT_OLD,	 /* the segment is not of the old connection, or 2*MSL has ended */
	LA_TW_OLD,	 /* it is of the old connection, by sequence number, acknowledgement and timestamp */
	LA_TW_OLD_STALE, /* like LA_TW_OLD, but the timestamp is older than TS.Recent: an old duplicate */
	LA_TW_OLD_RST,	 /* a RST exactly at rcv_nxt */
};
enum la_tw_old la_tw_shadow_fits(const struct la_tw_core *e, const struct la_seg *seg, uint32_t tick);
/** la_tw_input() for a segment of the old connection, to an entry that is SHADOW or LIVE again. A bare ACK is answered
 * too, at the limited rate: a peer in LAST_ACK answers our SYN with such an ACK. */
enum la_tw_verdict la_tw_input_old(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick);

/** The part of la_tw_input() for entries with LA_TW_FW2. */
enum la_tw_verdict la_tw_input_fin_wait_2(struct la_tw *t, la_ref ref, const struct la_seg *seg, uint32_t tick);
/** A rate-limited answer: LA_TW_ACK, or LA_TW_DROP if the entry's last answer was too recent. Counts the verdict. */
enum la_tw_verdict la_tw_throttled_ack(struct la_tw *t, struct la_tw_core *e, uint32_t tick);

/** Ends a LIVE entry in FIN_WAIT_2, for a RST or for expiry. how: the counter that is incremented. */
void la_tw_end_fin_wait_2(struct la_tw *t, la_ref ref, enum la_counter how);
/** The peer's FIN has arrived at an entry in FIN_WAIT_2: starts TIME_WAIT in this entry. */
void la_tw_begin(struct la_tw *t, la_ref ref, uint32_t tick);

/** Returns whether a SYN is newer than the peer's FIN (RFC 6191 2). */
bool la_tw_syn_is_newer(const struct la_tw_core *e, const struct la_seg *seg);

/** Refuses a SYN that reopens no connection: not provably newer, or no listener. The answer is rate-limited. */
enum la_tw_verdict la_tw_refuse_syn(struct la_tw *t, la_ref ref, uint32_t tick);

/** A reopen begins: LIVE -> SHADOW. The caller overwrites the entry's reference in the index with that of its TCB
 * and keeps `ref`. The deadline does not change. */
void la_tw_shadow(struct la_tw *t, la_ref ref);
/** The reopen failed. Before the deadline: SHADOW -> LIVE, `ref` replaces tcb_ref in the index, returns true. At the
 * deadline or later: the entry expires, tcb_ref is removed from the index, returns false. */
bool la_tw_give_back(struct la_tw *t, la_ref ref, uint64_t hash, la_ref tcb_ref, uint32_t tick);
/** The reopen succeeded: SHADOW -> ZOMBIE, or FREE if the slot's reference has fired. */
void la_tw_forget(struct la_tw *t, la_ref ref);

/** Handles a reference popped from the wheel at `tick`. Before the entry's deadline: adds the reference
 * again. At the deadline or later: expires the entry. Frees the slot of a zombie. */
void la_tw_wheel(struct la_tw *t, la_ref ref, uint32_t tick);
/** la_tw_wheel() for n references, in their order, with prefetched entries and index buckets: tw_expire.c. */
void la_tw_wheel_burst(struct la_tw *t, const la_ref *refs, unsigned n, uint32_t tick);

static inline bool
la_tw_match4(const struct la_tw *t, la_ref ref, uint32_t laddr, uint32_t raddr, uint16_t lport, uint16_t rport)
{
	const struct la_tw4 *e = &((const struct la_tw4 *)t->pool[0].slots)[la_ref_slot(ref)];

	return e->laddr == laddr && e->raddr == raddr && e->lport == lport && e->rport == rport;
}

static inline bool
la_tw_match6(const struct la_tw *t, la_ref ref, const struct la_addr *laddr, const struct la_addr *raddr,
	     uint16_t lport, uint16_t rport)
{
	const struct la_tw6 *e = &((const struct la_tw6 *)t->pool[1].slots)[la_ref_slot(ref)];

	return la_addr_eq(&e->laddr, laddr) && la_addr_eq(&e->raddr, raddr) && e->lport == lport && e->rport == rport;
}

/** Checks that every slot has exactly one life, free list and counts are right, each LIVE slot is in the wheel
 * once, reservations do not exceed free slots, and prefix counters sum up to entries plus reservations. Prints faults
 * to f. Returns the number of faults. */
unsigned la_tw_check(const struct la_tw *t, FILE *f);

#endif

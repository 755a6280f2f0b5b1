/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_NEIGH_H
#define LA_NET_NEIGH_H

/* The neighbour table: next hop -> MAC address, for ARP and ND alike. (Theory at the top of neigh.c.)
 *
 * It keeps state, time and waiting packets; its caller sends and drops. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <lastack/addr.h>

struct rte_mbuf;

enum {
	LA_NEIGH_TRIES = 3,  /* RFC 4861 10: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
	LA_NEIGH_RETRANS_MS = 1000,	/* RetransTimer */
	LA_NEIGH_REACHABLE_MS = 30000,	/* REACHABLE_TIME */
	LA_NEIGH_DELAY_MS = 5000,	/* DELAY_FIRST_PROBE_TIME */
	LA_NEIGH_STALE_MS = 600000,	/* an unused entry is forgotten after this */
	LA_NEIGH_UNVERIFIED_MS = 1000,	/* life of an unverified entry, whatever its state */
	LA_NEIGH_GATEWAYS = 2,		/* entries of their own, one per family */
	LA_NEIGH_UNVERIFIED_MIN = 16,	/* bounds of the unverified part of the table, entries */
	LA_NEIGH_UNVERIFIED_MAX = 1024,
	LA_NEIGH_WAIT_MIN = 64,		/* bounds of what la_neigh_wait_max() returns, packets */
	LA_NEIGH_WAIT_MAX = 4096,
};

/** RFC 4861 7.3.2. Packets may be sent in every state but the first two. */
enum la_neigh_state {
	LA_NEIGH_FREE,
	LA_NEIGH_INCOMPLETE, /* being asked for, by broadcast or multicast; packets wait */
	LA_NEIGH_REACHABLE,  /* confirmed within the last 30 s */
	LA_NEIGH_STALE,	     /* MAC known, not confirmed lately; the next packet starts DELAY */
	LA_NEIGH_DELAY,	     /* in use unconfirmed: a probe follows in 5 s */
	LA_NEIGH_PROBE,	     /* being asked directly, by unicast */
};

/** Each class has its own part of the table and its own share of the waiting packets. */
enum la_neigh_class {
	LA_NC_UNVERIFIED, /* has neither answered ARP or ND nor completed a handshake */
	LA_NC_VERIFIED,	  /* has done one of these, or is the destination of our own open */
	LA_NC_GATEWAY,	  /* configured; never evicted */
	LA_NC_COUNT,
};

/** One list per timeout: an entry is appended when its time starts, so the first is always due first. */
enum la_neigh_list {
	LA_NL_UNVERIFIED, /* every unverified entry, in order of creation: the order of eviction */
	LA_NL_INCOMPLETE,
	LA_NL_REACHABLE,
	LA_NL_STALE,
	LA_NL_DELAY,
	LA_NL_PROBE,
	LA_NL_COUNT,
};

struct la_neigh {
	struct la_addr addr;
	uint8_t hdr[18]; /* Ethernet header ready to be put before a packet: MAC first */
	uint8_t hdr_len; /* 14 or 18 */
	uint8_t state;	 /* enum la_neigh_state */
	uint8_t tries;	 /* requests sent in INCOMPLETE or PROBE */
	uint8_t list;	 /* enum la_neigh_list it is on */
	uint8_t class;	 /* enum la_neigh_class */
	uint32_t qn;	 /* packets that wait for the MAC */
	uint64_t used; /* ms: when a packet was last sent to it */
	uint64_t due;  /* ms: when its state's time is over */
	uint32_t next, prev; /* on its list; 0: none. `next` links the free list too */
	uint32_t chain;	     /* next of the same hash; 0: none */
	uint32_t qfirst, qlast; /* waiting packets, oldest first: la_neigh_table.wait; 0: none */
	struct la_addr src;  /* source of requests when no prefix of ours holds addr */
};

/** One waiting IP packet. */
struct la_neigh_wait {
	struct rte_mbuf *m;
	uint32_t next; /* younger packet of the same entry, or next free one; 0: none */
};

struct la_neigh_table {
	struct la_neigh *e; /* slot 0 is not used */
	uint32_t *heads;    /* hash -> first slot of its chain */
	struct la_neigh_wait *wait; /* 4 * share packets; slot 0 is not used */
	uint32_t mask;	    /* hash heads - 1 */
	uint32_t max[LA_NC_COUNT];   /* entries of each class, at most */
	uint32_t count[LA_NC_COUNT]; /* entries of each class, now */
	uint32_t waiting[LA_NC_COUNT]; /* packets that wait for entries of each class, now */
	uint32_t share;	    /* packets: of the unverified, of the verified, and of each gateway, at most */
	uint32_t qleast;    /* packets that may always wait for one unverified entry, */
	uint32_t qcommon;   /* and when fewer than so many wait for all of them, any of them may have more */
	uint32_t fresh;	    /* slots from here on were never used */
	uint32_t free;	    /* free list */
	uint32_t wait_free; /* free list of wait */
	struct {
		uint32_t first, last;
	} list[LA_NL_COUNT];
	uint64_t soonest; /* ms: no entry is due before */
	uint64_t key[2]; /* of the hash: a peer must not be able to aim at a chain */
};

/** Packets that may wait in a shard whose pool has `mbufs` buffers: an eighth of them, within the bounds
 * LA_NEIGH_WAIT_MIN and LA_NEIGH_WAIT_MAX. */
uint32_t la_neigh_wait_max(uint32_t mbufs);
/** Bytes of memory la_neigh_init() lays its tables out in. */
size_t la_neigh_memory(uint32_t max, uint32_t wait_max);
/** mem: zeroed, 64-aligned. max: verified entries, 1 to 2^24. wait_max: from la_neigh_wait_max(). */
void la_neigh_init(struct la_neigh_table *t, uint32_t max, uint32_t wait_max, const uint64_t key[2], void *mem);

struct la_neigh *la_neigh_find(const struct la_neigh_table *t, const struct la_addr *a);

static inline uint32_t
la_neigh_count(const struct la_neigh_table *t)
{
	return t->count[LA_NC_UNVERIFIED] + t->count[LA_NC_VERIFIED] + t->count[LA_NC_GATEWAY];
}

static inline uint32_t
la_neigh_waiting(const struct la_neigh_table *t)
{
	return t->waiting[LA_NC_UNVERIFIED] + t->waiting[LA_NC_VERIFIED] + t->waiting[LA_NC_GATEWAY];
}

static inline bool
la_neigh_full(const struct la_neigh_table *t, enum la_neigh_class class)
{
	return t->count[class] >= t->max[class];
}

/** At least half of the unverified part is taken: unverified packets may need another way soon. */
static inline bool
la_neigh_pressed(const struct la_neigh_table *t)
{
	return t->count[LA_NC_UNVERIFIED] * 2 >= t->max[LA_NC_UNVERIFIED];
}

/** The entry to evict so that `class`, which is full, has room for another one. NULL: none may be evicted.
 * in_use: a verified entry that packets are sent to may be evicted too. Neither an entry with waiting packets of
 * the verified class nor a gateway is ever returned. The caller calls la_neigh_remove() on it. */
struct la_neigh *la_neigh_victim(struct la_neigh_table *t, enum la_neigh_class class, bool in_use);

/** A new entry, INCOMPLETE, whose first request the caller sends. NULL: its class is full. */
struct la_neigh *la_neigh_add(struct la_neigh_table *t, const struct la_addr *a, enum la_neigh_class class,
			      uint64_t now);
/** Makes an unverified entry a verified one. False: the verified part, or its share of waiting packets, is full. */
bool la_neigh_promote(struct la_neigh_table *t, struct la_neigh *n, uint64_t now);
/** The caller has emptied its queue. */
void la_neigh_remove(struct la_neigh_table *t, struct la_neigh *n);

/** The MAC is known now, or another one, or confirmed. */
void la_neigh_set_mac(struct la_neigh *n, const uint8_t mac[6]);
/** Enters a state and starts its time; the time of an unverified entry goes on. */
void la_neigh_enter(struct la_neigh_table *t, struct la_neigh *n, enum la_neigh_state state,
		    uint64_t now);

static inline bool
la_neigh_mac_is(const struct la_neigh *n, const uint8_t mac[6])
{
	return __builtin_memcmp(n->hdr, mac, 6) == 0;
}

/** Appends m to the queue of an INCOMPLETE entry. Returns the packet to drop when the entry or its class has no
 * room: the oldest of the entry, or m itself when the entry has none (RFC 1122 2.3.2.2: keep the latest). */
struct rte_mbuf *la_neigh_enqueue(struct la_neigh_table *t, struct la_neigh *n, struct rte_mbuf *m);
/** The oldest waiting packet, or NULL. */
struct rte_mbuf *la_neigh_dequeue(struct la_neigh_table *t, struct la_neigh *n);

enum la_neigh_todo {
	LA_NEIGH_IDLE,	  /* nothing is due */
	LA_NEIGH_AGED,	  /* a state's time was over: nothing to send */
	LA_NEIGH_SOLICIT, /* send a request for *out: multicast when INCOMPLETE, unicast in PROBE */
	LA_NEIGH_GONE,	  /* *out did not answer or was not used: drop its queue, remove it */
};

/** Handles one entry whose time is over. */
enum la_neigh_todo la_neigh_expire(struct la_neigh_table *t, uint64_t now, struct la_neigh **out);
/** When the first entry's time is over; UINT64_MAX: never. */
uint64_t la_neigh_next(const struct la_neigh_table *t);

/** The list that an entry of this class and state belongs on. */
enum la_neigh_list la_neigh_list_of(const struct la_neigh *n);

/** Walks everything and reports each broken invariant to f. Returns how many. */
unsigned la_neigh_check(const struct la_neigh_table *t, FILE *f);

#endif

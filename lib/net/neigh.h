/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_NEIGH_H
#define LA_NET_NEIGH_H

/* The neighbour table: next hop -> MAC address, for ARP and ND. (Theory at the top of neigh.c.)
 *
 * The table has states, times and waiting packets. The caller sends and drops packets. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <lastack/addr.h>

struct rte_mbuf;

enum {
	LA_NEIGH_TRIES = 3,	       /* RFC 4861 10: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
	LA_NEIGH_RETRANS_MS = 1000,    /* RetransTimer */
	LA_NEIGH_REACHABLE_MS = 30000, /* REACHABLE_TIME */
	LA_NEIGH_DELAY_MS = 5000,      /* DELAY_FIRST_PROBE_TIME */
	LA_NEIGH_STALE_MS = 600000,    /* an unused entry is removed after this */
	LA_NEIGH_UNVERIFIED_MS = 1000, /* life of an unverified entry, in any state */
	LA_NEIGH_GATEWAYS = 2,	       /* entries for gateways, one for each family */
	LA_NEIGH_UNVERIFIED_MIN = 16,  /* bounds of the unverified part of the table, entries */
	LA_NEIGH_UNVERIFIED_MAX = 1024,
	LA_NEIGH_WAIT_MIN = 64, /* bounds of la_neigh_wait_max(), packets */
	LA_NEIGH_WAIT_MAX = 4096,
};

/** RFC 4861 7.3.2. In every state except FREE and INCOMPLETE packets may be sent. */
enum la_neigh_state {
	LA_NEIGH_FREE,
	LA_NEIGH_INCOMPLETE, /* MAC unknown: requests by broadcast or multicast; packets wait */
	LA_NEIGH_REACHABLE,  /* confirmed within the last 30 s */
	LA_NEIGH_STALE,	     /* MAC not confirmed recently; the next packet starts DELAY */
	LA_NEIGH_DELAY,	     /* in use without confirmation: PROBE follows after 5 s */
	LA_NEIGH_PROBE,	     /* requests by unicast */
};

/** Each class has its own part of the table and its own share of the waiting packets. */
enum la_neigh_class {
	LA_NC_UNVERIFIED, /* no reply to ARP or ND, and no completed handshake, so far */
	LA_NC_VERIFIED,	  /* replied to ARP or ND, completed a handshake, or is the destination of our own open */
	LA_NC_GATEWAY,	  /* configured; never evicted */
	LA_NC_COUNT,
};

/** One list for each timeout. An entry is appended when its time starts, so the first entry of a list is due first. */
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
	uint8_t hdr[18];	/* Ethernet header for packets: MAC first */
	uint8_t hdr_len;	/* 14 or 18 */
	uint8_t state;		/* enum la_neigh_state */
	uint8_t tries;		/* requests sent in INCOMPLETE or PROBE */
	uint8_t list;		/* enum la_neigh_list: the list that has this entry */
	uint8_t class;		/* enum la_neigh_class */
	uint32_t qn;		/* packets that wait for the MAC */
	uint64_t used;		/* ms: time of the last packet to this neighbour */
	uint64_t due;		/* ms: end of the time in this state */
	uint32_t next, prev;	/* slots of the neighbours on the list; 0: none. `next` also links the free list */
	uint32_t chain;		/* slot of the next entry with the same hash; 0: none */
	uint32_t qfirst, qlast; /* oldest and newest waiting packet, in la_neigh_table.wait; 0: none */
	struct la_addr src;	/* source of requests if la_netif_source() has none */
};

/** One waiting IP packet. */
struct la_neigh_wait {
	struct rte_mbuf *m;
	uint32_t next; /* the next newer packet of the entry, or the next free element; 0: none */
};

struct la_neigh_table {
	struct la_neigh *e;	       /* slot 0 is not used */
	uint32_t *heads;	       /* hash -> first slot of its chain */
	struct la_neigh_wait *wait;    /* 4 * share waiting packets; element 0 is not used */
	uint32_t mask;		       /* number of hash heads - 1 */
	uint32_t max[LA_NC_COUNT];     /* limit of entries of each class */
	uint32_t count[LA_NC_COUNT];   /* present entries of each class */
	uint32_t waiting[LA_NC_COUNT]; /* packets that wait for entries of each class */
	uint32_t share;		       /* limit of packets for the unverified class, the verified class, each gateway */
	uint32_t qleast;	       /* packets that each unverified entry may always hold */
	uint32_t qcommon;	       /* while the unverified class holds fewer packets, an entry may hold more */
	uint32_t fresh;		       /* slots from here on were never used */
	uint32_t free;		       /* first slot of the free list; 0: empty */
	uint32_t wait_free;	       /* first free element of wait; 0: none */
	struct {
		uint32_t first, last;
	} list[LA_NL_COUNT];
	uint64_t soonest; /* ms: no entry is due earlier */
	uint64_t key[2];  /* key of the hash, so that a peer cannot choose a chain */
};

/** Packets that may wait in a shard whose pool has `mbufs` buffers: an eighth of them, within the bounds
 * LA_NEIGH_WAIT_MIN and LA_NEIGH_WAIT_MAX. */
uint32_t la_neigh_wait_max(uint32_t mbufs);
/** Bytes of memory for the tables of la_neigh_init(). */
size_t la_neigh_memory(uint32_t max, uint32_t wait_max);
/** mem: zeroed, 64-aligned. max: limit of verified entries, 1 to 2^24. wait_max: from la_neigh_wait_max(). */
void la_neigh_init(struct la_neigh_table *t, uint32_t max, uint32_t wait_max, const uint64_t key[2], void *mem);

/** Returns the entry of address a, or NULL. */
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

/** Returns whether at least half of the unverified part is in use. Then the MACs of received frames are recorded, in
 * case that the part becomes full (resolve.c). */
static inline bool
la_neigh_pressed(const struct la_neigh_table *t)
{
	return t->count[LA_NC_UNVERIFIED] * 2 >= t->max[LA_NC_UNVERIFIED];
}

/** Returns the entry to evict so that `class` has room for another one; the caller removes it with la_neigh_remove().
 * NULL: the class has room, or no entry may be evicted. in_use: a verified entry in use may be evicted, too. A verified
 * entry with waiting packets and a gateway are never evicted. */
struct la_neigh *la_neigh_victim(struct la_neigh_table *t, enum la_neigh_class class, bool in_use);

/** Creates an INCOMPLETE entry, for which the caller sends the first request. NULL: the class is full. */
struct la_neigh *la_neigh_add(struct la_neigh_table *t, const struct la_addr *a, enum la_neigh_class class,
			      uint64_t now);
/** Makes an unverified entry verified. False: the verified part, or its share of waiting packets, is full. */
bool la_neigh_promote(struct la_neigh_table *t, struct la_neigh *n, uint64_t now);
/** Removes an entry. The caller has emptied its queue. */
void la_neigh_remove(struct la_neigh_table *t, struct la_neigh *n);

/** Sets the MAC. */
void la_neigh_set_mac(struct la_neigh *n, const uint8_t mac[6]);
/** Enters a state and starts its time. The time of an unverified entry continues. */
void la_neigh_enter(struct la_neigh_table *t, struct la_neigh *n, enum la_neigh_state state, uint64_t now);

static inline bool
la_neigh_mac_is(const struct la_neigh *n, const uint8_t mac[6])
{
	return __builtin_memcmp(n->hdr, mac, 6) == 0;
}

/** Appends m to the queue of an INCOMPLETE entry. Returns NULL, or the packet to drop if the entry or its class has no
 * room. That is the oldest packet of the entry (RFC 1122 2.3.2.2: keep the latest), or m itself if the entry has no
 * packet. */
struct rte_mbuf *la_neigh_enqueue(struct la_neigh_table *t, struct la_neigh *n, struct rte_mbuf *m);
/** Removes and returns the oldest waiting packet, or returns NULL. */
struct rte_mbuf *la_neigh_dequeue(struct la_neigh_table *t, struct la_neigh *n);

enum la_neigh_todo {
	LA_NEIGH_IDLE,	  /* no entry is due */
	LA_NEIGH_AGED,	  /* *out has entered STALE: send no packet */
	LA_NEIGH_SOLICIT, /* send a request for *out: multicast when INCOMPLETE, unicast in PROBE */
	LA_NEIGH_GONE,	  /* *out did not answer or was not used: drop its queue, remove it */
};

/** Handles one entry whose time has ended. Returns what the caller has to do. */
enum la_neigh_todo la_neigh_expire(struct la_neigh_table *t, uint64_t now, struct la_neigh **out);
/** Returns the time at which the first entry is due, ms; UINT64_MAX: the table is empty. */
uint64_t la_neigh_next(const struct la_neigh_table *t);

/** Returns the list for an entry of the class and state of n. */
enum la_neigh_list la_neigh_list_of(const struct la_neigh *n);

/** Checks the whole table, and prints each broken invariant to f. Returns the number of faults. */
unsigned la_neigh_check(const struct la_neigh_table *t, FILE *f);

#endif

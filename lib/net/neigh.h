/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_NEIGH_H
#define LA_NET_NEIGH_H

/* The neighbour table: next hop -> MAC address, for ARP and ND alike. (Theory at the top of neigh.c.)
 *
 * It keeps state and time; what has to be sent or dropped is said to the caller, who does it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <lastack/addr.h>

struct rte_mbuf;

enum {
	LA_NEIGH_QUEUE = 16, /* packets that wait for one next hop */
	LA_NEIGH_TRIES = 3,  /* RFC 4861 10: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
	LA_NEIGH_RETRANS_MS = 1000,	/* RetransTimer */
	LA_NEIGH_REACHABLE_MS = 30000,	/* REACHABLE_TIME */
	LA_NEIGH_DELAY_MS = 5000,	/* DELAY_FIRST_PROBE_TIME */
	LA_NEIGH_STALE_MS = 600000,	/* an entry nobody sends to is forgotten after this */
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

/** One list a timeout: entries are appended when their time starts, so the first is always due first. */
enum la_neigh_list {
	LA_NL_RETRANS,	 /* INCOMPLETE and PROBE */
	LA_NL_REACHABLE,
	LA_NL_STALE,
	LA_NL_DELAY,
	LA_NL_COUNT,
};

struct la_neigh {
	struct la_addr addr;
	uint8_t hdr[18]; /* Ethernet header ready to be put before a packet: MAC first */
	uint8_t hdr_len; /* 14 or 18 */
	uint8_t state;	 /* enum la_neigh_state */
	uint8_t tries;	 /* requests sent in INCOMPLETE or PROBE */
	uint8_t list;	 /* enum la_neigh_list it is on */
	uint8_t qhead, qn;
	uint64_t used; /* ms: when a packet was last sent to it */
	uint64_t due;  /* ms: when its state's time is over */
	uint32_t next, prev; /* on its list; 0: none. `next` links the free list too */
	uint32_t chain;	     /* next of the same hash; 0: none */
	struct la_addr src;  /* who asked first: the source of requests when no prefix fits */
	struct rte_mbuf *queue[LA_NEIGH_QUEUE]; /* ring of waiting IP packets */
};

struct la_neigh_table {
	struct la_neigh *e; /* slot 0 is not used */
	uint32_t *heads;    /* hash -> first slot of its chain */
	uint32_t mask;	    /* hash heads - 1 */
	uint32_t max;	    /* entries */
	uint32_t fresh;	    /* slots from here on were never used */
	uint32_t free;	    /* free list */
	uint32_t count;	    /* entries in use */
	struct {
		uint32_t first, last;
	} list[LA_NL_COUNT];
	uint64_t key[2]; /* of the hash: a stranger must not be able to aim at a chain */
};

/** Bytes of memory la_neigh_init() lays its tables out in. */
size_t la_neigh_memory(uint32_t max);
/** mem: zeroed, 64-aligned. max: 1 to 2^24. */
void la_neigh_init(struct la_neigh_table *t, uint32_t max, const uint64_t key[2], void *mem);

struct la_neigh *la_neigh_find(const struct la_neigh_table *t, const struct la_addr *a);

/** An entry that must give way so that la_neigh_add() has room, or NULL: there is room, or nobody may
 * be put out. learnt: for a neighbour nobody sends to yet, at whose cost only STALE ones go. The caller
 * calls la_neigh_remove() on it. */
struct la_neigh *la_neigh_victim(struct la_neigh_table *t, bool learnt);

/** A new entry, INCOMPLETE, its first request to be sent by the caller. NULL: the table is full. */
struct la_neigh *la_neigh_add(struct la_neigh_table *t, const struct la_addr *a, uint64_t now);
/** The caller has emptied its queue. */
void la_neigh_remove(struct la_neigh_table *t, struct la_neigh *n);

/** The MAC is known now, or another one, or confirmed. */
void la_neigh_set_mac(struct la_neigh *n, const uint8_t mac[6]);
/** Enters a state and starts its time anew. */
void la_neigh_enter(struct la_neigh_table *t, struct la_neigh *n, enum la_neigh_state state,
		    uint64_t now);

static inline bool
la_neigh_mac_is(const struct la_neigh *n, const uint8_t mac[6])
{
	return __builtin_memcmp(n->hdr, mac, 6) == 0;
}

/** Appends m to the queue of an INCOMPLETE entry; returns the oldest one when it had to give way. */
struct rte_mbuf *la_neigh_enqueue(struct la_neigh *n, struct rte_mbuf *m);
/** The oldest waiting packet, or NULL. */
struct rte_mbuf *la_neigh_dequeue(struct la_neigh *n);

enum la_neigh_todo {
	LA_NEIGH_IDLE,	  /* nothing is due */
	LA_NEIGH_AGED,	  /* a state's time was over: nothing to send */
	LA_NEIGH_SOLICIT, /* send a request for *n: multicast when INCOMPLETE, unicast in PROBE */
	LA_NEIGH_GONE,	  /* *n did not answer or was not used: drop its queue, remove it */
};

/** Handles one entry whose time is over. */
enum la_neigh_todo la_neigh_expire(struct la_neigh_table *t, uint64_t now, struct la_neigh **n);
/** When the first entry's time is over; UINT64_MAX: never. */
uint64_t la_neigh_next(const struct la_neigh_table *t);

/** Walks everything and reports each broken invariant to f. Returns how many. */
unsigned la_neigh_check(const struct la_neigh_table *t, FILE *f);

#endif

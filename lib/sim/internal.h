/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_INTERNAL_H
#define LA_SIM_INTERNAL_H

/* Shared by the files of lib/sim: world.c (time and hosts), net.c (links and flights), router.c (ICMP),
 * weak.c (weakened hosts), user.c (plans). All objects of these structs are in the arena. */

#include <rte_mbuf.h>

#include "core/hash.h"
#include "sim/user.h"
#include "sim/world.h"

struct la_sim_flight {
	uint64_t us;	/* time of arrival; on the shelf: time at which the flight was put there */
	uint64_t order; /* of two flights with the same time of arrival, the lower order arrives first */
	struct rte_mbuf *m;
	uint32_t packet;
	uint8_t from, to;
	bool copy, late; /* as in struct la_sim_event */
};

/* A FIN that a host has sent: LA_FAULT_ON_LASTACK compares an ACK with it. */
enum { LA_SIM_FINS = 64 };
struct la_sim_fin {
	uint32_t hash; /* hash of the sender's tuple; 0: unused */
	uint32_t end;  /* sequence number after the FIN */
};

enum { LA_SIM_LISTENERS = 32, LA_SIM_ISNS = 16 };
struct la_sim_isn {	   /* weak.c: a connection whose sequence numbers are shifted */
	struct la_tuple t; /* the tuple as the weakened host has it */
	uint32_t shift;
	bool used;
};

struct la_sim_node {
	char name[LA_FAULT_HOST];
	struct la_shard *shard;
	struct la_shard_config cfg; /* the shard's configuration, which a restart uses again */
	struct la_prefix addrs[2];
	uint8_t mac[6];
	unsigned weak;
	uint32_t fixed_isn;
	struct la_sim_isn isn[LA_SIM_ISNS];
	unsigned next_isn;
	struct la_sim_fin fin[LA_SIM_FINS];
};

struct la_sim_way {
	struct la_sim_link l;
	uint64_t busy_until; /* us: time at which the last bit of the queue has been sent */
	uint32_t swap;	     /* number of the segment that the next segment overtakes; 0: none */
};

struct la_sim {
	struct la_arena *arena;
	struct rte_mempool *mbufs;
	struct la_sim_hooks hooks;
	struct la_rng rng;
	uint64_t us;	   /* present time, from the beginning */
	uint64_t start_ms; /* a shard's now = start_ms + us / 1000 */
	uint64_t order;
	uint32_t packets;
	uint32_t no_mbufs; /* frames lost because no mbuf was free */
	uint32_t tags;
	unsigned nhosts;
	struct la_sim_node node[LA_SIM_HOSTS];
	struct la_sim_way way[LA_SIM_HOSTS][LA_SIM_HOSTS];
	struct la_fault fault[LA_SIM_FAULTS];
	unsigned nfaults;
	struct la_sim_flight *heap, *shelf; /* heap: next arrival first; shelf: held longest first */
	unsigned nheap, nshelf, max_flights;
	struct {
		struct la_tuple t;
		uint8_t host;
		enum la_state state;
	} watch[LA_SIM_WATCHES];
	unsigned nwatches;
	/* user.c. conns: the records, by slot. chain: slot + 1 of the first record, by hash of the tuple. chain_next:
	 * slot + 1 of the next record in the chain or in the free list, by slot. 0 ends a chain. */
	struct la_sim_conn *conns;
	uint32_t *chain, *chain_next;
	unsigned max_conns, fresh_conns, free_conns, nchains;
	struct la_sim_listen {
		struct la_sim *w;
		uint8_t host;
		uint16_t port;
		const struct la_sim_plan *plan;
	} listen[LA_SIM_LISTENERS];
	unsigned nlisten;
};

static inline uint64_t
la_sim_ms(const struct la_sim *w)
{
	return w->start_ms + w->us / 1000;
}

/* Not memcmp(): there are padding bytes after the ports. */
static inline bool
la_sim_same(const struct la_tuple *a, const struct la_tuple *b)
{
	return la_addr_eq(&a->laddr, &b->laddr) && la_addr_eq(&a->raddr, &b->raddr) && a->lport == b->lport &&
	       a->rport == b->rport;
}

static inline struct la_tuple
la_sim_mirrored(const struct la_tuple *t)
{
	return (struct la_tuple){t->raddr, t->laddr, t->rport, t->lport};
}

/* Returns the hash of a tuple as one end has it. The hash is odd, so it is never 0. */
static inline uint32_t
la_sim_hash(const struct la_tuple *t)
{
	uint64_t h = la_fold(t->laddr.q[1] ^ t->lport, UINT64_C(0x9e3779b97f4a7c15) ^ t->laddr.q[0]) ^
		     la_fold(t->raddr.q[1] ^ t->rport, UINT64_C(0xc2b2ae3d27d4eb4f) ^ t->raddr.q[0]);

	return (uint32_t)(h ^ h >> 32) | 1;
}

/* world.c */
/** Calls the hook `event`, with the present time in e->us. */
void la_sim_tell(struct la_sim *w, struct la_sim_event *e);
int la_sim_birth(struct la_sim *w, unsigned host); /* creates the host's shard from node->cfg */
/** Sets the shard's clock to the present time, and runs its timers. Call it before a call of the host's user. */
void la_sim_touch(struct la_sim *w, unsigned host);

/* user.c */
/** Allocates max records of connections. Returns 0 or -ENOMEM. */
int la_sim_users(struct la_sim *w, unsigned max);
/** Marks the open connections of a restarted host as closed and crashed. */
void la_sim_users_lost(struct la_sim *w, unsigned host);

/* net.c */
/** Sends a frame of the host, and frees the mbuf. */
void la_sim_send_frame(struct la_sim *w, unsigned from, struct rte_mbuf *m);
/** Schedules a frame to arrive at f->us. When the heap is full, the frame is freed; a segment is reported as lost. */
void la_sim_fly(struct la_sim *w, const struct la_sim_flight *f);
/** Takes the next flight out of the heap, if it arrives at `until` or earlier. Returns false when there is none. */
bool la_sim_land(struct la_sim *w, uint64_t until, struct la_sim_flight *f);

/* router.c */
/** Returns a router's ICMP error for `frame`, a TCP segment that is larger than mtu; NULL: no mbuf is free. */
struct rte_mbuf *la_sim_too_big(struct la_sim *w, unsigned from, unsigned to, const uint8_t *frame, uint32_t len,
				uint16_t mtu);

/* weak.c */
/** A segment leaves the host. LA_SIM_FIXED_ISN: shifts SEG.SEQ in m and in *s. */
void la_sim_weak_out(struct la_sim_node *n, struct rte_mbuf *m, struct la_fault_seg *s);
/** A frame arrives. LA_SIM_FIXED_ISN: shifts SEG.ACK back. LA_SIM_ASSASSIN: a RST ends TIME_WAIT. */
void la_sim_weak_in(struct la_sim_node *n, struct rte_mbuf *m);
/** After every event at the host. LA_SIM_NO_TIME_WAIT: deletes all TIME_WAIT entries. */
void la_sim_weak_after(struct la_sim_node *n);

#endif

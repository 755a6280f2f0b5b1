/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_INTERNAL_H
#define LA_SIM_INTERNAL_H

/* Shared by the files of lib/sim: world.c (time and hosts), net.c (links and flights), router.c (ICMP),
 * weak.c (weakened hosts), user.c (plans). All of it is in the arena. */

#include <rte_mbuf.h>

#include "core/hash.h"
#include "sim/user.h"
#include "sim/world.h"

struct la_sim_flight {
	uint64_t us;	/* time of arrival; on the shelf: time of taking */
	uint64_t order; /* of sending, among frames of one moment */
	struct rte_mbuf *m;
	uint32_t packet;
	uint8_t from, to;
	bool copy, late;
};

/* the end of a FIN that a host has sent on a tuple: for LA_FAULT_ON_LASTACK */
enum { LA_SIM_FINS = 64 };
struct la_sim_fin {
	uint32_t hash; /* of the tuple, 0: none */
	uint32_t end;
};

enum { LA_SIM_LISTENERS = 32, LA_SIM_ISNS = 16 };
struct la_sim_isn {	   /* weak.c: one shifted connection */
	struct la_tuple t; /* the tuple as its host has it */
	uint32_t shift;
	bool used;
};

struct la_sim_node {
	char name[LA_FAULT_HOST];
	struct la_shard *shard;
	struct la_shard_config cfg; /* as it was created, for a restart */
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
	uint64_t busy_until; /* us: the last bit of the queue has been sent */
	uint32_t swap;	     /* packet to be overtaken by the next one, or 0 */
};

struct la_sim {
	struct la_arena *arena;
	struct rte_mempool *mbufs;
	struct la_sim_hooks hooks;
	struct la_rng rng;
	uint64_t us;	   /* now, from the beginning */
	uint64_t start_ms; /* a shard's now = start_ms + us / 1000 */
	uint64_t order;
	uint32_t packets;
	uint32_t no_mbufs; /* frames lost without an mbuf */
	uint32_t tags;
	unsigned nhosts;
	struct la_sim_node node[LA_SIM_HOSTS];
	struct la_sim_way way[LA_SIM_HOSTS][LA_SIM_HOSTS];
	struct la_fault fault[LA_SIM_FAULTS];
	unsigned nfaults;
	struct la_sim_flight *heap, *shelf; /* by arrival; in order of taking */
	unsigned nheap, nshelf, max_flights;
	struct {
		struct la_tuple t;
		uint8_t host;
		enum la_state state;
	} watch[LA_SIM_WATCHES];
	unsigned nwatches;
	/* user.c: records by slot, and chains of them by tuple; slot + 1, 0 ends */
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

/* Hash of a tuple from one end's view; odd, so never 0. */
static inline uint32_t
la_sim_hash(const struct la_tuple *t)
{
	uint64_t h = la_fold(t->laddr.q[1] ^ t->lport, UINT64_C(0x9e3779b97f4a7c15) ^ t->laddr.q[0]) ^
		     la_fold(t->raddr.q[1] ^ t->rport, UINT64_C(0xc2b2ae3d27d4eb4f) ^ t->raddr.q[0]);

	return (uint32_t)(h ^ h >> 32) | 1;
}

/* world.c */
void la_sim_tell(struct la_sim *w, struct la_sim_event *e);
int la_sim_birth(struct la_sim *w, unsigned host); /* creates the host's shard from node->cfg */
/** Updates the host's clock and timers: call before an action of its user. */
void la_sim_touch(struct la_sim *w, unsigned host);

/* user.c */
int la_sim_users(struct la_sim *w, unsigned max);
/** Ends the connections of a host that was restarted. */
void la_sim_users_lost(struct la_sim *w, unsigned host);

/* net.c */
/** Sends a frame of the host, and takes the mbuf. */
void la_sim_send_frame(struct la_sim *w, unsigned from, struct rte_mbuf *m);
/** Schedules a frame to arrive at `us`. Without room the frame is lost and reported. */
void la_sim_fly(struct la_sim *w, const struct la_sim_flight *f);
/** Removes the earliest flight that is due at `until`. Returns false when there is none. */
bool la_sim_land(struct la_sim *w, uint64_t until, struct la_sim_flight *f);

/* router.c */
/** A router's ICMP error for a packet in `frame` that is larger than the next link's MTU; NULL: no
 * mbuf. */
struct rte_mbuf *la_sim_too_big(struct la_sim *w, unsigned from, unsigned to, const uint8_t *frame, uint32_t len,
				uint16_t mtu);

/* weak.c */
/** Converts a segment between the network's and the host's numbers. */
void la_sim_weak_out(struct la_sim_node *n, struct rte_mbuf *m, struct la_fault_seg *s);
void la_sim_weak_in(struct la_sim_node *n, struct rte_mbuf *m);
/** Call after every event at the host. */
void la_sim_weak_after(struct la_sim_node *n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/* The public calls of include/lastack/shard.h.
 *
 * struct la_shard and the tables of lib/net are in one block of memory. lib/tcp
 * has its own memory. */

#include <errno.h>
#include <string.h>

#include <lastack/lastack.h>

#include "core/config.h"
#include "core/hash.h"
#include "core/mem.h"
#include "net/shard.h"

enum {
	MIN_DATA_ROOM = RTE_PKTMBUF_HEADROOM + 1600,
	MIN_CONTROL_ROOM = RTE_PKTMBUF_HEADROOM + 128,
	LINE = 64,
};
_Static_assert(RTE_PKTMBUF_HEADROOM >= 128, "the headroom holds all headers");

/* Offsets of the tables in the block. */
struct layout {
	size_t netif, neigh, tx, flat, total;
};

static size_t
layout_place(size_t *at, size_t size)
{
	size_t here = *at;

	*at = (here + size + LINE - 1) / LINE * LINE;
	return here;
}

/* The number of packets that may wait for neighbours. Without a pool (la_shard_memory()) the maximum. */
static uint32_t
shard_wait_max(const struct la_shard_config *cfg)
{
	return la_neigh_wait_max(cfg->mbufs ? cfg->mbufs->size : UINT32_MAX);
}

static struct layout
lay_out(const struct la_shard_config *cfg)
{
	struct layout l;
	size_t at = 0;

	layout_place(&at, sizeof(struct la_shard));
	l.netif = layout_place(&at, la_netif_memory(cfg));
	l.neigh = layout_place(&at, la_neigh_memory(cfg->max_neighbours, shard_wait_max(cfg)));
	l.tx = layout_place(&at, LA_TX_MAX * sizeof(struct rte_mbuf *));
	l.flat = layout_place(&at, LA_FRAME_MAX);
	l.total = at;
	return l;
}

/* Returns the name of the first invalid field, or NULL. */
static const char *
bad_field(const struct la_shard_config *cfg)
{
	const char *name = la_config_check(cfg);

	if (name)
		return name;
	if (!cfg->mbufs || rte_pktmbuf_data_room_size(cfg->mbufs) < MIN_DATA_ROOM)
		return "mbufs";
	if (cfg->control && rte_pktmbuf_data_room_size(cfg->control) < MIN_CONTROL_ROOM)
		return "control";
	return la_netif_check(cfg);
}

const char *
la_shard_config_check(const struct la_shard_config *c)
{
	struct la_shard_config filled = *c;

	la_config_fill(&filled);
	return bad_field(&filled);
}

size_t
la_shard_memory(const struct la_shard_config *cfg)
{
	struct la_shard_config c = *cfg;

	la_config_fill(&c);
	return lay_out(&c).total + la_tcp_memory(&c);
}

static void
shard_init(struct la_shard *s, const struct la_shard_config *cfg, const struct layout *l)
{
	char *block = (char *)s;
	struct la_hash_key key;

	la_hash_key_init(&key, cfg->secret);
	s->now = cfg->now;
	memcpy(s->secret, cfg->secret, sizeof(s->secret));
	s->offloads = cfg->offloads;
	s->no_fast_path = cfg->no_fast_path;
	s->mbufs = cfg->mbufs;
	s->control = cfg->control;
	s->mem = cfg->mem;
	s->size = l->total;
	s->tx = (struct rte_mbuf **)(void *)(block + l->tx);
	s->flat = (uint8_t *)block + l->flat;
	s->echo = la_tokens_full(LA_ECHO_BURST, cfg->now);
	la_netif_init(&s->nif, cfg, block + l->netif);
	la_ingress_init(s);
	la_neigh_init(&s->neigh, cfg->max_neighbours, shard_wait_max(cfg), &key.k[4], block + l->neigh);
}

int
la_shard_create(const struct la_shard_config *cfg, struct la_shard **out)
{
	struct la_shard_config c = *cfg;
	struct layout l;
	struct la_shard *s;
	int err;

	*out = NULL;
	la_config_fill(&c);
	if (bad_field(&c))
		return -EINVAL;
	l = lay_out(&c);
	s = la_mem_alloc(c.mem, l.total, LINE);
	if (!s)
		return -ENOMEM;
	shard_init(s, &c, &l);
	err = la_tcp_init(&s->tcp, &c, &s->counters);
	if (err) {
		la_mem_free(c.mem, s, l.total);
		return err;
	}
	la_tcp_now(&s->tcp, s->now);
	if (!s->nif.follower) {
		la_arp_announce(s);
		la_nd_start(s);
	}
	la_gateway_start(s);
	*out = s;
	return 0;
}

void
la_shard_destroy(struct la_shard *s)
{
	if (!s)
		return;
	la_tcp_fini(&s->tcp);
	for (uint32_t i = 1; i < s->neigh.fresh; i++)
		if (s->neigh.e[i].state != LA_NEIGH_FREE)
			la_resolve_drop(s, &s->neigh.e[i], LA_NCOUNTERS);
	rte_pktmbuf_free_bulk(s->tx + s->tx_head, s->tx_tail - s->tx_head);
	la_mem_free(s->mem, s, s->size);
}

static void
shard_set_now(struct la_shard *s, uint64_t now)
{
	s->now = now;
	la_tcp_now(&s->tcp, now);
}

static inline void
shard_drain(struct la_shard *s)
{
	if (la_tcp_out_waiting(&s->tcp) != 0)
		la_egress_drain(s);
}

void
la_shard_rx(struct la_shard *s, uint64_t now, struct rte_mbuf **pkts, unsigned n)
{
	shard_set_now(s, now);
	for (unsigned i = 0; i < n; i += LA_RX_PARSE_BURST) {
		shard_drain(s);
		la_ingress_burst(s, pkts + i, RTE_MIN(n - i, (unsigned)LA_RX_PARSE_BURST));
	}
}

void
la_shard_shed(struct la_shard *s, unsigned level)
{
	s->shed = RTE_MIN(level, (unsigned)LA_SHED_ALL);
	s->counters.v[LA_C_syn_shed_level] = s->shed;
}

bool
la_shard_poll(struct la_shard *s, uint64_t now)
{
	bool more = false;

	shard_set_now(s, now);
	shard_drain(s);
	if (unlikely(now >= s->nif.dad_at))
		la_nd_poll(s);
	if (unlikely(now >= s->neigh.soonest))
		more = la_resolve_poll(s);
	return la_tcp_poll(&s->tcp) || more;
}

/* Takes the waiting frames, then the packets of lib/tcp, which go directly into the caller's array. */
static unsigned
shard_take_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max)
{
	unsigned n = 0;

	while (n < max) {
		unsigned k = RTE_MIN(max - n, s->tx_tail - s->tx_head);

		if (k != 0)
			memcpy(pkts + n, s->tx + s->tx_head, k * sizeof(pkts[0]));
		n += k;
		s->tx_head += k;
		if (s->tx_head < s->tx_tail)
			break;
		s->tx_head = s->tx_tail = 0;
		if (la_tcp_out_waiting(&s->tcp) == 0)
			break;
		k = la_tcp_take(&s->tcp, pkts + n, max - n);
		n += la_egress_burst(s, pkts + n, k);
		if (k == 0)
			break;
	}
	return n;
}

unsigned
la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max)
{
	uint64_t bytes = 0;
	unsigned n;

	if (s->tx_tail == 0 && la_tcp_out_waiting(&s->tcp) == 0)
		return 0;
	n = shard_take_tx(s, pkts, max);
	for (unsigned i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	s->counters.v[LA_C_tx_packets] += n;
	s->counters.v[LA_C_tx_bytes] += bytes;
	return n;
}

uint64_t
la_shard_now(const struct la_shard *s)
{
	return s->now;
}

uint64_t
la_shard_next(const struct la_shard *s)
{
	uint64_t next = la_tcp_next(&s->tcp);

	next = RTE_MIN(next, la_neigh_next(&s->neigh));
	return RTE_MIN(next, s->nif.dad_at);
}

int
la_listen(struct la_shard *s, const struct la_addr *addr, uint16_t port, const struct la_conn_ops *ops, void *user,
	  const struct la_conn_opts *opts)
{
	if (addr && la_addr_is_any(addr))
		addr = NULL;
	/* a listener may use a tentative address: packets to it are dropped until it is usable */
	if (addr && !la_netif_configured(&s->nif, addr))
		return -EADDRNOTAVAIL;
	return la_tcp_listen(&s->tcp, addr, port, ops, user, opts);
}

int
la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port)
{
	if (addr && la_addr_is_any(addr))
		addr = NULL;
	return la_tcp_unlisten(&s->tcp, addr, port);
}

/* RFC 9293 MUST-46: an open to a broadcast or multicast address is refused. */
int
la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops, void *user,
	   const struct la_conn_opts *opts, struct la_conn **out)
{
	bool again = la_netif_is_peer(&s->nif, &t->raddr); /* an address that was found valid, and has a route */
	struct la_addr hop;

	if (t->lport == 0 || t->rport == 0 ||
	    (!again && (!la_ip_src_valid(&t->raddr) || la_netif_is_broadcast(&s->nif, &t->raddr))))
		return -EINVAL;
	if (la_addr_is4(&t->laddr) != la_addr_is4(&t->raddr))
		return -EAFNOSUPPORT;
	if (!la_netif_owns(&s->nif, &t->laddr))
		return -EADDRNOTAVAIL;
	if (!again) {
		if (!la_netif_route(&s->nif, &t->raddr, &hop))
			return -EHOSTUNREACH;
		la_netif_note_peer(&s->nif, &t->raddr);
	}
	return la_tcp_connect(&s->tcp, t, ops, user, opts, out);
}

int
la_shard_find(const struct la_shard *s, const struct la_tuple *t, struct la_conn_info *info)
{
	return la_tcp_find(&s->tcp, t, info);
}

uint32_t
la_shard_abort_all(struct la_shard *s, unsigned max)
{
	return la_tcp_abort_all(&s->tcp, max);
}

const struct la_counters *
la_shard_counters(const struct la_shard *s)
{
	return &s->counters;
}

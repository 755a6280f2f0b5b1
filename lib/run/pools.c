/* SPDX-License-Identifier: BSD-3-Clause */

/* The packet buffers of a station: by default as many as its shard needs (io/buffers.c). With --mbufs, connections may
 * hold the buffers that rings and bursts leave. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>

#include "run/pools.h"
#include "run/shed.h"

uint32_t
la_pool_room(const struct la_station *s)
{
	return la_buffers_room(s->shard.mtu);
}

static unsigned
stations_on(const struct la_engine_config *cfg, unsigned port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cfg->nstations; i++)
		n += cfg->stations[i].port == port;
	return n;
}

int
la_pool_plan(const struct la_engine_config *cfg, unsigned i, struct la_pool_plan *plan, char *err, size_t size)
{
	unsigned port = cfg->stations[i].port, shards = stations_on(cfg, port);
	bool xdp = port < cfg->eal.nports && cfg->eal.ports[port].kind == LA_PORT_XDP;
	uint32_t conns = cfg->stations[i].shard.max_conns, needed;

	assert(conns != 0); /* la_config_fill() has set it */
	la_buffers_plan(conns, LA_SHED_LOOK, shards, xdp, plan);
	needed = plan->rings + plan->bursts + plan->conns;
	if (cfg->mbufs != 0 && cfg->mbufs < needed) {
		snprintf(
			err, size,
			"--mbufs: '%u' was given; allowed: at least %u with --max-conns %u a shard: %u in the port's rings, "
			"%u in bursts, caches and queues, %u so that each connection can receive",
			cfg->mbufs, needed, conns, plan->rings, plan->bursts, plan->conns);
		return -EINVAL;
	}
	if (cfg->mbufs != 0) {
		plan->total = cfg->mbufs;
		plan->max_held = cfg->mbufs - plan->rings - plan->bursts;
	}
	return 0;
}

uint64_t
la_pool_bytes(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan, bool on_pages)
{
	return la_buffers_bytes(plan, la_pool_room(&cfg->stations[i]), on_pages);
}

int
la_pools_make(const struct la_engine_config *cfg, unsigned i, const struct la_pool_plan *plan,
	      const struct la_pool_place *place, struct rte_mempool **mbufs, struct rte_mempool **control, char *err,
	      size_t size)
{
	uint32_t room = la_pool_room(&cfg->stations[i]);
	int rc = la_buffers_make("la", i, plan, room, place, mbufs, control);

	if (rc == 0)
		return 0;
	if (*mbufs == NULL && rc == -E2BIG) {
		snprintf(err, size,
			 "port %u: AF_XDP needs packet buffers of at most a page; an MTU of %u needs larger ones",
			 cfg->stations[i].port, cfg->stations[i].shard.mtu);
		return -E2BIG;
	}
	snprintf(err, size,
		 "no memory for %u packet buffers of %u bytes (%s); ask for fewer with --mbufs and --max-conns, "
		 "or give DPDK more memory with --eal \"-m MEGABYTES\"",
		 plan->total, room, rte_strerror(-rc));
	return -ENOMEM;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The engine.
 *
 * It starts DPDK, opens the ports, creates one shard for each station, connects the shards of a port
 * (hand_over.c) and assigns the stations to workers. A worker is an lcore; the first worker is the main lcore. With
 * fewer lcores than wanted workers, more stations share a worker. A control thread prints live lines and decides the
 * phases.
 *
 * This file creates and destroys an engine; phases.c runs it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <sodium.h>

#include "core/config.h"
#include "io/capture.h"
#include "io/numa.h"
#include "io/secret.h"
#include "run/pools.h"
#include "run/ready.h"
#include "run/restart.h"
#include "run/startup.h"
#include "run/tables.h"

enum { EAL_MB = 64 /* DPDK's own memory */ };

static unsigned
workers_wanted(const struct la_engine_config *cfg)
{
	unsigned n = 1;

	for (unsigned i = 0; i < cfg->nstations; i++)
		n = RTE_MAX(n, cfg->stations[i].worker + 1);
	return n;
}

/* Returns whether mbufs may cross pages. On plain pages DPDK puts every mbuf on its own page, for devices that need
 * contiguous memory: this takes twice the memory, and all headers are in the same few cache sets. Of the devices that
 * work without hugepages only AF_XDP needs a page for each mbuf, because it maps the pool into the kernel
 * (io/pool.c). The device of a LA_PORT_EAL port (-a or --vdev) may be AF_XDP too. */
static bool
may_cross_pages(const struct la_engine *e)
{
	for (unsigned i = 0; i < e->cfg.eal.nports; i++)
		if (e->cfg.eal.ports[i].kind == LA_PORT_XDP || e->cfg.eal.ports[i].kind == LA_PORT_EAL)
			return false;
	return true;
}

static unsigned
stations_on(const struct la_engine *e, unsigned port)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++)
		n += e->cfg.stations[i].port == port;
	return n;
}

/* Returns n, limited by la_engine_config.queues. */
static unsigned
cut_queues(const struct la_engine *e, unsigned n)
{
	return e->cfg.queues != 0 ? RTE_MIN(n, e->cfg.queues) : n;
}

static int
start_eal(struct la_engine *e, char *err, size_t size)
{
	struct la_eal_config *c = &e->cfg.eal;

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		int rc = la_pool_plan(&e->cfg, i, &e->plans[i], err, size);

		if (rc)
			return rc;
	}
	c->lcores = workers_wanted(&e->cfg);
	c->queues = 1;
	/* at most one queue for each station: no more are polled */
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		c->queues = RTE_MAX(c->queues, cut_queues(e, stations_on(e, e->cfg.stations[i].port)));
	if (c->memory_mb == 0) {
		uint64_t bytes = 0;
		uint32_t room = 1500;

		for (unsigned i = 0; i < e->cfg.nstations; i++) {
			bytes += la_pool_bytes(&e->cfg, i, &e->plans[i], !may_cross_pages(e));
			/* the station's rings to and from every shard of its port */
			bytes += stations_on(e, e->cfg.stations[i].port) * 2ull * LA_HAND_FRAMES * 8;
			room = RTE_MAX(room, la_pool_room(&e->cfg.stations[i]));
		}
		if (e->cfg.pcap)
			bytes += la_capture_memory(room);
		c->memory_mb = EAL_MB + (uint32_t)(bytes >> 20);
	}
	return la_eal_start(c, &e->eal, err, size);
}

/* Checks that the machine has the memory of all packet buffers and tables. Call before a pool or table is created. */
static int
check_memory(const struct la_engine *e, char *err, size_t size)
{
	uint64_t buffers = e->eal.hugepages ? 0 : (uint64_t)e->cfg.eal.memory_mb << 20;
	struct la_mem_room room;
	size_t at;

	la_mem_room("", &room);
	if (room.bytes == UINT64_MAX)
		return 0;
	if (room.bytes <= buffers) {
		snprintf(err, size,
			 "its packet buffers may take %" PRIu64 " MiB, and there are %s; ask for less with --max-conns",
			 buffers >> 20, room.text);
		return -ENOMEM;
	}
	room.bytes -= buffers;
	at = strlen(room.text);
	if (buffers != 0)
		snprintf(room.text + at, sizeof(room.text) - at, ", of which packet buffers may take %" PRIu64 " MiB",
			 buffers >> 20);
	return la_tables_fit(e->cfg.stations, e->cfg.nstations, &room, err, size);
}

/* Assigns workers to lcores. The first worker is the main lcore, on whose thread la_engine_run() is called. */
static int
place_workers(struct la_engine *e, char *err, size_t size)
{
	unsigned wanted = workers_wanted(&e->cfg), lcore, n = 0;
	unsigned lcores = rte_lcore_count();

	e->nworkers = RTE_MIN(wanted, lcores);
	e->workers = rte_zmalloc("la_workers", e->nworkers * sizeof(*e->workers), 64);
	if (e->workers == NULL) {
		snprintf(err, size, "no memory for %u workers", e->nworkers);
		return -ENOMEM;
	}
	e->workers[n++].lcore = rte_get_main_lcore();
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (n < e->nworkers)
			e->workers[n++].lcore = lcore;
	}
	for (unsigned i = 0; i < e->nworkers; i++) {
		struct la_worker *w = &e->workers[i];

		w->engine = e;
		w->clock = e->clock;
		w->idle_mode = e->cfg.idle;
	}
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		struct la_worker *w = &e->workers[e->cfg.stations[i].worker % e->nworkers];

		w->stations[w->nstations++] = &e->stations[i];
	}
	return 0;
}

static unsigned
station_lcore(const struct la_engine *e, unsigned station)
{
	return e->workers[e->cfg.stations[station].worker % e->nworkers].lcore;
}

static int
make_pool(struct la_engine *e, unsigned i, char *err, size_t size)
{
	struct la_station_run *st = &e->stations[i];
	struct la_pool_place place = {
		.socket = (int)rte_lcore_to_socket_id(station_lcore(e, i)),
		.mapped = la_port_maps_pools(e->eal.port[e->cfg.stations[i].port]),
		.dense = !e->eal.hugepages && may_cross_pages(e),
	};

	return la_pools_make(&e->cfg, i, &e->plans[i], &place, &st->lane.pool, &st->control, err, size);
}

/* Makes the rings between the shards of a port, and sets the queue of each shard. */
static int
join_shards(struct la_engine *e, unsigned p, char *err, size_t size)
{
	struct la_hand_over *shards[LA_PORT_MAX_QUEUES];
	int sockets[LA_PORT_MAX_QUEUES];
	unsigned n = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		if (e->cfg.stations[i].port != p)
			continue;
		sockets[n] = (int)rte_lcore_to_socket_id(station_lcore(e, i));
		shards[n++] = &e->stations[i].hand;
	}
	if (la_hand_over_init(shards, n, e->ports[p].queues, p, sockets) != 0) {
		snprintf(err, size,
			 "no memory for the rings between the %u shards of port %u; ask for fewer --workers, "
			 "or give DPDK more memory with --eal \"-m MEGABYTES\"",
			 n, p);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		if (e->cfg.stations[i].port == p)
			e->stations[i].lane.queue = (uint16_t)e->stations[i].hand.queue;
	return 0;
}

/* Opens one port, with a queue for each of its stations if the port has enough queues. */
static int
open_port(struct la_engine *e, unsigned p, char *err, size_t size)
{
	struct la_port_config pc = {.queues = 0, .stopped = e->cfg.stopped};
	int rc;

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		struct la_station_run *st = &e->stations[i];

		if (e->cfg.stations[i].port != p)
			continue;
		if (pc.queues == LA_PORT_MAX_QUEUES) {
			snprintf(err, size, "port %u: more than %d stations", p, LA_PORT_MAX_QUEUES);
			return -EINVAL;
		}
		st->lane.port = &e->ports[p];
		pc.offload = e->cfg.stations[i].offload;
		pc.vlans[pc.queues] = e->cfg.stations[i].shard.vlan;
		pc.pools[pc.queues++] = st->lane.pool;
		pc.mtu = e->cfg.stations[i].shard.mtu;
	}
	if (pc.queues == 0)
		return 0;
	pc.queues = (uint16_t)cut_queues(e, pc.queues);
	rc = la_port_open(e->eal.port[p], &pc, &e->ports[p], err, size);
	if (rc)
		return rc;
	e->nports = p + 1;
	la_port_link(&e->ports[p], &e->links[p].now);
	la_port_describe(&e->ports[p], e->port_text[p], sizeof(e->port_text[p]));
	return join_shards(e, p, err, size);
}

static int
make_shard(struct la_engine *e, unsigned i, char *err, size_t size)
{
	struct la_station *cs = &e->cfg.stations[i];
	struct la_station_run *st = &e->stations[i];
	struct la_shard_config *sc = &cs->shard;
	struct la_tables_place place;
	uint32_t room = la_pool_room(cs) - RTE_PKTMBUF_HEADROOM - LA_POOL_FRAME_EXTRA;
	double mib;
	int rc, node;

	st->mbufs_before = rte_mempool_in_use_count(st->lane.pool); /* the shard makes its first frames at creation */
	sc->mbufs = st->lane.pool;
	sc->control = st->control;
	sc->max_held = e->plans[i].max_held;
	st->buffers_max = sc->max_held;
	sc->low_mbufs = e->plans[i].low;
	sc->now = la_clock_now(&e->clock);
	sc->follower = st->hand.index != 0;
	la_port_configure(st->lane.port, room, sc);
	node = la_numa_mem((int)rte_lcore_to_socket_id(station_lcore(e, i)), &st->mem);
	sc->mem = &st->mem;
	la_restart_config(e, i, sc);
	mib = (double)la_shard_memory(sc) / (1 << 20);
	rc = la_shard_create(sc, &st->shard);
	sodium_memzero(sc->secret, sizeof(sc->secret));
	if (rc == -ENOMEM)
		snprintf(err, size,
			 "%s: no memory for its tables, %.0f MiB; ask for less with --max-conns, "
			 "--time-wait and --time-wait6",
			 cs->name, mib);
	else if (rc)
		snprintf(err, size, "%s: the shard refuses its configuration: %s", cs->name,
			 rc == -EINVAL ? la_shard_config_check(sc) : strerror(-rc));
	if (rc)
		return rc;
	la_tables_place(st->shard, &place);
	st->tables_node = place.node;
	st->asked_node = node;
	la_startup_shard(e, i);
	return 0;
}

static void
destroy_shards(struct la_engine *e)
{
	for (unsigned i = 0; e->stations && i < e->cfg.nstations; i++) {
		if (e->stations[i].shard)
			la_shard_destroy(e->stations[i].shard);
		e->stations[i].shard = NULL;
	}
}

/* Creates the shards and loads the snapshot file. After a failed load the shards are created again, without the
 * file. */
static int
make_shards(struct la_engine *e, char *err, size_t size)
{
	for (;;) {
		for (unsigned i = 0; i < e->cfg.nstations; i++) {
			int rc = make_shard(e, i, err, size);

			if (rc)
				return rc;
		}
		if (la_restart_load(e))
			return 0;
		destroy_shards(e);
	}
}

static int
engine_build(struct la_engine *e, char *err, size_t size)
{
	int rc = start_eal(e, err, size);

	if (rc == 0)
		rc = check_memory(e, err, size);
	if (rc)
		return rc;
	la_clock_start(&e->clock, 1000);
	la_secret_need_rss();
	la_restart_open(e);
	e->stations = rte_zmalloc("la_stations", e->cfg.nstations * sizeof(*e->stations), 64);
	if (e->stations == NULL) {
		snprintf(err, size, "no memory for %u stations", e->cfg.nstations);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		static const struct la_station_ops none;
		const struct la_station *cs = &e->cfg.stations[i];

		if (cs->port >= e->eal.nports) {
			snprintf(err, size, "DPDK found %u port%s, number %u is wanted", e->eal.nports,
				 e->eal.nports == 1 ? "" : "s", cs->port);
			return -ENODEV;
		}
		e->stations[i].ops = cs->ops ? cs->ops : &none;
		e->stations[i].ctx = cs->ctx;
		e->stations[i].faulty = cs->faulty;
	}
	rc = place_workers(e, err, size);
	for (unsigned i = 0; rc == 0 && i < e->cfg.nstations; i++)
		rc = make_pool(e, i, err, size);
	for (unsigned p = 0; rc == 0 && p < e->eal.nports; p++)
		rc = open_port(e, p, err, size);
	if (rc)
		return rc;
	if (e->cfg.pcap) {
		rc = la_capture_open(e->cfg.pcap, &e->capture, err, size);
		if (rc)
			return rc;
		for (unsigned i = 0; i < e->nworkers; i++)
			e->workers[i].capture = e->capture;
	}
	la_startup_say(e);
	rc = make_shards(e, err, size);
	if (rc == 0)
		la_startup_placement(e);
	fflush(stdout);
	return rc;
}

/* Fills in the defaults of the shards. An MTU of 0 stays: make_shard() replaces it by the MTU of the port. */
static void
fill_configs(struct la_engine_config *cfg)
{
	for (unsigned i = 0; i < cfg->nstations; i++) {
		struct la_shard_config *sc = &cfg->stations[i].shard;
		uint16_t mtu = sc->mtu;

		la_config_fill(sc);
		sc->mtu = mtu;
	}
}

int
la_engine_create(const struct la_engine_config *cfg, struct la_engine **out, char *err, size_t size)
{
	struct la_engine *e;
	int rc;

	if (cfg->nstations == 0 || cfg->nstations > LA_ENGINE_MAX_STATIONS) {
		snprintf(err, size, "%u stations; 1 to %d are possible", cfg->nstations, LA_ENGINE_MAX_STATIONS);
		return -EINVAL;
	}
	if (sodium_init() < 0) {
		snprintf(err, size, "no source of random numbers");
		return -EIO;
	}
	if (posix_memalign((void **)&e, 64, sizeof(*e)) != 0) {
		snprintf(err, size, "no memory for the engine");
		return -ENOMEM;
	}
	memset(e, 0, sizeof(*e));
	e->cfg = *cfg;
	fill_configs(&e->cfg);
	rc = cfg->ready_file ? la_ready_clear(cfg->ready_file, err, size) : 0;
	if (rc == 0)
		rc = engine_build(e, err, size);
	if (rc) {
		la_engine_destroy(e);
		return rc;
	}
	*out = e;
	return 0;
}

void
la_engine_destroy(struct la_engine *e)
{
	if (e == NULL)
		return;
	if (e->cfg.ready_file)
		la_ready_remove(e->cfg.ready_file);
	destroy_shards(e);
	la_snapshot_close(e->snapshot);
	la_capture_close(e->capture);
	for (unsigned p = 0; p < e->nports; p++)
		if (e->ports[p].queues != 0)
			la_port_close(&e->ports[p]);
	for (unsigned i = 0; e->stations && i < e->cfg.nstations; i++)
		la_hand_over_fini(&e->stations[i].hand);
	for (unsigned i = 0; e->stations && i < e->cfg.nstations; i++)
		rte_mempool_free(e->stations[i].lane.pool);
	for (unsigned i = 0; e->stations && i < e->cfg.nstations; i++)
		rte_mempool_free(e->stations[i].control);
	rte_free(e->stations);
	rte_free(e->workers);
	if (e->eal.lcores != 0)
		la_eal_stop();
	la_secret_forget();
	free(e);
}

void *
la_engine_const_memory(size_t size)
{
	return rte_malloc("la_const", size, 64);
}

uint64_t
la_engine_capture_lost(const struct la_engine *e)
{
	return e->capture ? la_capture_lost(e->capture) : 0;
}

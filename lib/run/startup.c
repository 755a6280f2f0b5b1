/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>

#include "net/gateway.h"
#include "run/placement.h"
#include "run/startup.h"
#include "run/tables.h"
#include "run/units.h"

static bool
startup_is_verbose(const struct la_engine *e)
{
	return e->cfg.verbose && !e->cfg.quiet;
}

static unsigned
station_lcore(const struct la_engine *e, unsigned station)
{
	return e->workers[la_engine_worker_of(e, station)].lcore;
}

static unsigned
worker_cpu(const struct la_engine *e, unsigned worker)
{
	return (unsigned)rte_lcore_to_cpu_id((int)e->workers[worker].lcore);
}

/* Prints the port's queues and features, each with its reason. */
static void
say_features(const struct la_features *f)
{
	printf("  %-14s  %u: %s\n", "queues", f->queues, f->queues_why);
	for (unsigned i = 0; i < LA_NFEATURES; i++)
		printf("  %-14s  %s: %s\n", la_feature_name((enum la_feature)i),
		       (f->on & LA_FEATURE_BIT(i)) != 0 ? "on" : "off", f->why[i]);
}

/* The mode of an AF_XDP port, as the kernel reports it. */
static void
say_xdp(const struct la_xdp_mode *mode)
{
	if (!mode->known)
		return;
	printf("  %-14s  %s (XDP_OPTIONS)\n", "zero-copy",
	       mode->zero_copy ? "on: the kernel reports it" : "off: the kernel reports copy mode");
	if (mode->busy_poll)
		printf("  %-14s  on: up to %u us (SO_PREFER_BUSY_POLL, SO_BUSY_POLL)\n", "busy-poll", mode->busy_us);
	else
		printf("  %-14s  off: the kernel reports none (SO_PREFER_BUSY_POLL, SO_BUSY_POLL)\n", "busy-poll");
}

void
la_startup_say(const struct la_engine *e)
{
	unsigned wanted = 1;

	if (!startup_is_verbose(e))
		return;
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		wanted = RTE_MAX(wanted, e->cfg.stations[i].worker + 1);
	if (e->eal.hugepages)
		printf("DPDK: hugepages");
	else
		printf("DPDK: plain pages: %s", e->eal.why[0] ? e->eal.why : "no hugepages");
	printf("; %u worker%s%s\n", e->nworkers, e->nworkers == 1 ? "" : "s",
	       e->nworkers < wanted ? " (fewer lcores than wanted: stations share)" : "");
	for (unsigned p = 0; p < e->nports; p++) {
		if (e->port_text[p][0] == '\0')
			continue;
		printf("%s\n", e->port_text[p]);
		say_features(&e->ports[p].features);
		say_xdp(&e->ports[p].xdp);
	}
}

void
la_startup_shard(const struct la_engine *e, unsigned station)
{
	const struct la_station *cs = &e->cfg.stations[station];
	const struct la_station_run *st = &e->stations[station];
	struct la_tables_bound bound;
	struct la_tables_place place;

	if (!startup_is_verbose(e))
		return;
	printf("%s: port %u queue %u%s, lcore %u, mtu %u; tables %.0f MiB, touched as they fill\n", cs->name, cs->port,
	       st->hand.queue, st->hand.has_queue ? "" : " of another shard", station_lcore(e, station), cs->shard.mtu,
	       (double)la_shard_memory(&cs->shard) / (1 << 20));
	la_tables_place(st->shard, &place);
	la_tables_bound(st->shard, &bound);
	la_tables_say(cs->name, &bound, &place, st->asked_node, stdout);
}

void
la_startup_placement(const struct la_engine *e)
{
	struct la_place p[LA_ENGINE_MAX_STATIONS];

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		unsigned worker = la_engine_worker_of(e, i);

		p[i] = (struct la_place){
			.port = e->cfg.stations[i].port,
			.port_node = e->stations[i].lane.port->numa_node,
			.worker = worker,
			.cpu = worker_cpu(e, worker),
			.memory_node = e->stations[i].tables_node,
		};
	}
	fflush(stdout);
	la_placement_say(p, e->cfg.nstations, &e->eal.cpus, startup_is_verbose(e) ? stdout : NULL, stderr);
}

/* ---- the one line ---- */

struct line {
	char *buf;
	size_t size, n;
};

static void __attribute__((format(printf, 2, 3))) startup_printf(struct line *l, const char *fmt, ...)
{
	va_list ap;

	if (l->n >= l->size)
		return;
	va_start(ap, fmt);
	l->n += (size_t)vsnprintf(l->buf + l->n, l->size - l->n, fmt, ap);
	va_end(ap);
}

/* Appends the CPUs of the workers, as in "2,3". taken: only CPUs on which another lastack polls, too. Returns their
 * number. */
static unsigned
say_cpus(const struct la_engine *e, bool taken, struct line *l)
{
	unsigned n = 0;

	for (unsigned w = 0; w < e->nworkers; w++) {
		const struct la_cpu *cpu = la_cpus_find(&e->eal.cpus, worker_cpu(e, w));

		if (!taken || (cpu != NULL && cpu->taken))
			startup_printf(l, "%s%u", n++ > 0 ? "," : "", worker_cpu(e, w));
	}
	return n;
}

static unsigned
taken_cpus(const struct la_engine *e)
{
	return say_cpus(e, true, &(struct line){.buf = NULL, .size = 0, .n = 1});
}

/* Returns whether a shard has addresses of the family. */
static bool
has_family(const struct la_shard_config *sc, bool six)
{
	for (uint32_t i = 0; i < sc->naddrs + sc->nranges; i++) {
		const struct la_prefix *p = i < sc->naddrs ? &sc->addrs[i] : &sc->ranges[i - sc->naddrs];

		if (la_addr_is4(&p->addr) != six)
			return true;
	}
	return false;
}

/* Appends, for each family, the rate of closes that never waits for a TIME_WAIT entry or a tuple: the entries of all
 * shards with this name and addresses of the family, or the tuples if they are fewer, divided by 2*MSL. Of several names
 * the one with the most entries counts, because that end closes first. */
static void
say_closes(const struct la_engine *e, struct line *l)
{
	static const char *const family[2] = {"IPv4", "IPv6"};
	const char *comma = "";
	uint32_t msl_ms = 1;
	char msl[16];

	startup_printf(l, "up to ");
	for (unsigned six = 0; six < 2; six++) {
		uint64_t most = 0;

		for (unsigned i = 0; i < e->cfg.nstations; i++) {
			uint64_t entries = 0;

			if (!has_family(&e->cfg.stations[i].shard, six))
				continue;
			for (unsigned k = 0; k < e->cfg.nstations; k++) {
				const struct la_shard_config *sc = &e->cfg.stations[k].shard;

				if (strcmp(e->cfg.stations[k].name, e->cfg.stations[i].name) == 0 &&
				    has_family(sc, six))
					entries += six ? sc->max_time_wait6 : sc->max_time_wait4;
			}
			most = RTE_MAX(most, entries);
			msl_ms = e->cfg.stations[i].shard.msl_ms;
		}
		if (most == 0)
			continue;
		if (e->cfg.tuples != 0)
			most = RTE_MIN(most, e->cfg.tuples);
		startup_printf(l, "%s%.0f closes/s over %s", comma, (double)most * 1000 / (2.0 * msl_ms), family[six]);
		comma = ", ";
	}
	startup_printf(l, " with MSL %s", la_format_duration(msl_ms, msl, sizeof(msl)));
}

/* Appends the choices for the ports. Ports in a row with equal choices have one text. */
static void
say_ports(const struct la_engine *e, struct line *l)
{
	char text[96], before[96] = "";

	for (unsigned p = 0; p < e->nports; p++) {
		la_port_brief(&e->ports[p], text, sizeof(text));
		if (strcmp(text, before) != 0)
			startup_printf(l, "%s; ", text);
		memcpy(before, text, sizeof(before));
	}
}

static void
say_gateways(const struct la_engine *e, struct line *l)
{
	unsigned gateways = 0, silent = 0;

	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		for (unsigned six = 0; six < 2; six++) {
			enum la_gateway_state s = la_gateway_state_of(e->stations[i].shard, six);

			gateways += s != LA_GATEWAY_NONE;
			silent += s == LA_GATEWAY_SILENT;
		}
	}
	if (gateways != 0)
		startup_printf(l, "; %s %.3f s",
			       silent == 0 ? "gateways resolved after" : "a gateway did not answer for",
			       (double)(e->ready_at - e->t0) / 1000);
}

const char *
la_startup_ready_line(const struct la_engine *e, char *buf, size_t size)
{
	struct line l = {.buf = buf, .size = size};

	startup_printf(&l, "ready: ");
	for (unsigned p = 0; p < e->nports; p++)
		startup_printf(&l, "%s%s %s", p > 0 ? ", " : "", e->ports[p].driver, e->ports[p].name);
	startup_printf(&l, "; %u worker%s on CPU%s ", e->nworkers, e->nworkers == 1 ? "" : "s",
		       e->nworkers == 1 ? "" : "s");
	say_cpus(e, false, &l);
	if (taken_cpus(e) > 0) {
		startup_printf(&l, " (shared with another lastack: ");
		say_cpus(e, true, &l);
		startup_printf(&l, ")");
	}
	startup_printf(&l, "; ");
	say_ports(e, &l);
	say_closes(e, &l);
	say_gateways(e, &l);
	return buf;
}

void
la_startup_ready(const struct la_engine *e)
{
	char line[1024];

	if (e->cfg.quiet)
		return;
	printf("%s\n", la_startup_ready_line(e, line, sizeof(line)));
	fflush(stdout);
}

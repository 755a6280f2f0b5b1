/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack demo: a client and a server in one process over a pair of rings, each with one shard or several.
 *
 *   client 10.0.0.1/24, range 10.1.0.0/16          server 10.0.0.2/24, gateway 10.0.0.1
 *
 * No frame is lost between the two ends, so their counts must be equal, and the exit status shows
 * whether they are. The TIME_WAIT table of the end that closes first has room for the whole run,
 * limited to half of the available memory; its unused pages are never touched. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/netopts.h"
#include "cli/session.h"
#include "client/opener.h"
#include "core/mem.h"
#include "run/units.h"
#include "server/payload.h"
#include "server/service.h"

enum {
	PORT = 7777,
	CLIENT = 0,
	SERVER = 1,
	MOST_A_SECOND = 2000000, /* closes/s, more than a core can do */
	ENTRY_BYTES = 48,	 /* bytes of a TIME_WAIT entry with its share of index and wheel */
};

static const char *const sides[] = {"client", "server", NULL};

static struct {
	struct opener *opener[LA_ENGINE_MAX_STATIONS / 2];
	struct service *service[LA_ENGINE_MAX_STATIONS / 2];
	struct opener_config cfg;
	struct la_tuples tuples;
	struct la_steer steer;
	unsigned shards; /* shards of each end */
	uint64_t workers;
	uint64_t concurrency, payload;
	uint32_t duration_ms;
	int first; /* index into sides: the end that closes first */
	struct la_prefix addr[2], range;
	struct la_addr gateway;
	uint32_t max_conns;
} demo = {.concurrency = 512, .duration_ms = 10000, .workers = 2};

/* ---- the server's side: reads the payload, closes first or after the client ---- */

struct demo_conn {
	struct svc_conn sc;
	uint64_t got;
};

static void
close_when_complete(struct demo_conn *dc)
{
	if (dc->sc.s->server_first && dc->got >= demo.payload)
		svc_close(&dc->sc);
}

static void
demo_opened(struct la_conn *c, void *user)
{
	struct demo_conn *dc = svc_open(c, user);

	if (dc)
		close_when_complete(dc);
}

static void
demo_data(struct la_conn *c, void *user)
{
	struct demo_conn *dc = user;

	dc->got += la_unread(c);
	svc_discard(&dc->sc);
	close_when_complete(dc);
}

static const struct service_def service_demo = {
	.name = "demo",
	.conn_size = sizeof(struct demo_conn),
	.ops = {.opened = demo_opened, .data = demo_data},
};

static int
start_server(void *ctx, struct la_shard *shard)
{
	return service_start(ctx, shard, demo.max_conns);
}

/* No drain function: the client stops opening, and the server serves the open connections to their end. */
static const struct la_station_ops server_ops = {.start = start_server};

/* ---- sizes ---- */

/* Returns the available memory, bytes, as the kernel reports it; 1 GiB when the kernel reports nothing. */
static uint64_t
memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	if (kb == 0)
		kb = 1 << 20;
	return (uint64_t)kb << 10;
}

static uint32_t
time_wait_entries(void)
{
	uint64_t span = demo.duration_ms < 2ull * net.shard.msl_ms ? demo.duration_ms : 2ull * net.shard.msl_ms;
	uint64_t most = (span + 999) / 1000 * MOST_A_SECOND;
	uint64_t fit = memory_available() / 2 / ENTRY_BYTES / demo.shards;

	if (most > fit)
		most = fit;
	most += 2 * demo.concurrency;
	if (most > LA_CONFIG_MAX_max_time_wait4)
		most = LA_CONFIG_MAX_max_time_wait4;
	return (uint32_t)most;
}

/* ---- the stations: all clients, then all servers ---- */

static void
set_station(struct la_engine_config *cfg, unsigned i, unsigned k)
{
	struct la_station *st = &cfg->stations[i * demo.shards + k];
	bool closer = (i == SERVER) == (demo.first == 1);

	net_station(st, 0);
	st->name = i == CLIENT ? "client" : "server";
	st->port = i;
	st->worker = demo.workers == 1 ? 0 : 2 * k + i;
	st->shard.addrs = &demo.addr[i];
	st->shard.naddrs = 1;
	st->shard.ranges = i == CLIENT ? &demo.range : NULL;
	st->shard.nranges = i == CLIENT ? 1 : 0;
	if (i == SERVER)
		st->shard.gateway4 = demo.gateway;
	st->shard.max_conns = demo.max_conns;
	/* the end that closes second reserves one entry per connection; demo_verdict() fails if it uses one */
	st->shard.max_time_wait4 = closer ? time_wait_entries() : 4 * demo.max_conns;
	st->shard.max_time_wait6 = 1;
	st->ops = i == CLIENT ? &opener_ops : &server_ops;
	st->ctx = i == CLIENT ? (void *)demo.opener[k] : (void *)demo.service[k];
}

static int
set_all(struct session *se)
{
	struct la_addr to;

	if (la_prefix_parse("10.0.0.1/24", &demo.addr[CLIENT]) || la_prefix_parse("10.0.0.2/24", &demo.addr[SERVER]) ||
	    la_prefix_parse("10.1.0.0/16", &demo.range) || la_addr_parse("10.0.0.1", &demo.gateway) ||
	    la_addr_parse("10.0.0.2", &to) ||
	    la_tuples_init(&demo.tuples, &demo.range, 1, 1024, 65535, &to, PORT, 2ull * net.shard.msl_ms))
		return -EINVAL;
	demo.shards = demo.workers == 1 ? 1 : (unsigned)demo.workers / 2;
	demo.concurrency = (demo.concurrency + demo.shards - 1) / demo.shards * demo.shards;
	/* twice: a connection of the passive end outlives its peer until the last ACK arrives */
	demo.max_conns = (uint32_t)(2 * demo.concurrency / demo.shards);
	demo.cfg = (struct opener_config){
		.concurrency = (uint32_t)demo.concurrency / demo.shards,
		.duration_ms = demo.duration_ms,
		.send_bytes = demo.payload,
		.server_first = demo.first == 1,
	};
	la_steer_init(&demo.steer, demo.shards);
	for (unsigned k = 0; k < demo.shards; k++) {
		demo.opener[k] = la_mem_alloc(NULL, sizeof(struct opener), 64);
		demo.service[k] = la_mem_alloc(NULL, sizeof(struct service), 64);
		if (demo.opener[k] == NULL || demo.service[k] == NULL)
			return -ENOMEM;
		demo.opener[k]->cfg = demo.cfg;
		demo.opener[k]->tuples = demo.tuples;
		if (demo.shards > 1)
			la_tuples_home(&demo.opener[k]->tuples, &demo.steer, k);
		service_init(demo.service[k], &service_demo, PORT);
		demo.service[k]->server_first = demo.first == 1;
	}
	net.workers = 1;
	net.eal.ports[0].kind = LA_PORT_RING;
	net.eal.nports = 1;
	net_apply(&se->cfg);
	for (unsigned k = 0; k < demo.shards; k++) {
		set_station(&se->cfg, CLIENT, k);
		set_station(&se->cfg, SERVER, k);
	}
	se->cfg.nstations = 2 * demo.shards;
	se->cfg.duration_ms = 0;
	return 0;
}

/* ---- afterwards ---- */

struct check {
	const char *what;
	uint64_t client, server;
};

/* Prints every pair that differs. Returns true when all pairs are equal. */
static bool
demo_agree(const struct check *checks, unsigned n)
{
	bool ok = true;

	for (unsigned i = 0; i < n; i++) {
		if (checks[i].client == checks[i].server)
			continue;
		ok = false;
		fprintf(stderr, "lastack demo: %s: client %lu, server %lu\n", checks[i].what, checks[i].client,
			checks[i].server);
	}
	return ok;
}

static bool
demo_verdict(const struct la_summary *s)
{
	const struct la_station_stats *c = &s->end[CLIENT].stats, *v = &s->end[SERVER].stats;
	const struct la_station_stats *closer = demo.first == 1 ? v : c, *other = demo.first == 1 ? c : v;
	uint64_t orderly = c->c.v[LA_C_ended_orderly];
	const struct check pairs[] = {
		{"opens", c->c.v[LA_C_opens_active], v->c.v[LA_C_opens_passive]},
		{"orderly closes", orderly, v->c.v[LA_C_ended_orderly]},
		{"frames from client to server", c->frames_out, v->frames_in},
		{"frames from server to client", c->frames_in, v->frames_out},
		{"payload bytes", c->c.v[LA_C_opens_active] * demo.payload, v->c.v[LA_C_tcp_data_in]},
	};
	const uint64_t zeros[] = {
		closer->c.v[LA_C_time_wait_entered] - orderly,
		other->c.v[LA_C_time_wait_entered],
		la_summary_closes(&c->c) - orderly,
		la_summary_closes(&v->c) - orderly,
		c->c.v[LA_C_live] + v->c.v[LA_C_live],
		c->c.v[LA_C_early_recycles] + v->c.v[LA_C_early_recycles],
		la_summary_unexplained(c) + la_summary_unexplained(v),
	};
	static const char *const zero_names[] = {
		"TIME_WAIT entries minus orderly closes, at the end that closes first",
		"TIME_WAIT entries at the end that closes second",
		"closes of the client minus its orderly closes",
		"closes of the server minus the client's orderly closes",
		"connections still open",
		"early recycles",
		"unexplained drops",
	};
	bool ok = demo_agree(pairs, sizeof(pairs) / sizeof(pairs[0]));

	for (unsigned i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
		if (zeros[i] == 0)
			continue;
		ok = false;
		fprintf(stderr, "lastack demo: %s: %lu, not 0\n", zero_names[i], zeros[i]);
	}
	return ok;
}

static int
demo_prepare(struct session *se)
{
	int rc = payload_init();

	(void)se;
	for (unsigned k = 0; rc == 0 && k < demo.shards; k++)
		rc = opener_init(demo.opener[k]);
	return rc;
}

static void
demo_finish(struct session *se)
{
	la_summary_extra(&se->summary, "workers", "workers", la_engine_workers(se->engine));
	la_summary_extra(&se->summary, "concurrency", "concurrency", demo.concurrency);
	la_summary_extra(&se->summary, "payload", "payload bytes a connection", demo.payload);
}

/* ---- the command line ---- */

/* clang-format off */
static const struct opt demo_opts[] = {
	{.kind = OPT_HEADING, .help = "Run"},
	{.name = "duration", .kind = OPT_DURATION, .dst = &demo.duration_ms, .arg = "TIME", .min = 10,
	 .max = 86400000, .help = "open connections for this time, then let open connections finish [10s]"},
	{.name = "concurrency", .kind = OPT_NUMBER, .dst = &demo.concurrency, .arg = "N", .min = 1,
	 .max = 1 << 20, .help = "connections open at once [512]"},
	{.name = "workers", .kind = OPT_NUMBER, .dst = &demo.workers, .arg = "N", .min = 1,
	 .max = LA_ENGINE_MAX_STATIONS,
	 .help = "1: both ends on one core. An even number: half of the workers have a shard of the client\n"
		 "each, the other half a shard of the server each [2]"},
	{.name = "close", .kind = OPT_CHOICE, .dst = &demo.first, .arg = "client|server",
	 .choices = sides, .help = "the end that closes first, and so holds TIME_WAIT [client]"},
	{.name = "payload", .kind = OPT_NUMBER, .dst = &demo.payload, .arg = "BYTES",
	 .max = 1 << 30, .help = "bytes that the client sends on every connection [0]"},
	NET_FIELD("msl", msl_ms, "TIME"),
	{.name = "drain", .kind = OPT_DURATION, .dst = &net.drain_ms, .arg = "TIME",
	 .help = "after the stop, wait this long for open connections to end, then abort them [5s]"},
	{.name = "json", .kind = OPT_TEXT, .dst = &net.json, .arg = "FILE",
	 .help = "write the summary to FILE as JSON; -: to standard output, in place of the text"},
	{.name = "pcap", .kind = OPT_TEXT, .dst = &net.pcap, .arg = "FILE",
	 .help = "capture every frame of both ends in FILE, as pcapng"},
	{.name = "quiet", .kind = OPT_FLAG, .dst = &net.quiet, .help = "print no start-up lines and no live lines"},
	{.name = "verbose", .kind = OPT_FLAG, .dst = &net.verbose,
	 .help = "at the start, print also DPDK's memory, ports, tables with sizes and NUMA nodes"},
	NET_LOG_OPT,
	OPT_END,
};
/* clang-format on */

static const struct opt *const tables[] = {demo_opts, NULL};

static void
help(void)
{
	printf("NAME\n"
	       "       lastack demo - a client and a server against each other in one process\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack demo [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       A client and a server open and close connections over a pair of rings as fast as they\n"
	       "       can, on two cores if there are two. Each end has one shard, or more with --workers.\n"
	       "       No NIC, no hugepages and no root are needed. Every close is followed by a full TIME_WAIT\n"
	       "       of 2*MSL, so the number of entries grows for that time. The client's tuples come from\n"
	       "       10.1.0.0/16, ports 1024-65535.\n"
	       "\n"
	       "OPTIONS\n");
	net_help(tables);
	printf("\n"
	       "EXAMPLES\n"
	       "       lastack demo\n"
	       "       lastack demo --close=server --payload 1000 --duration 5s --json demo.json\n"
	       "\n"
	       "FILES\n"
	       "       --json FILE has the keys that 'lastack server --help all' lists, and workers,\n"
	       "       concurrency, payload, and ends [{name, the same keys for that end alone}]. opens\n"
	       "       and closes are the client's; the other counts are the sums of both ends.\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  both ends agree on every connection, and no TIME_WAIT entry ended early\n"
	       "       1  the ends differ (standard error has the differences), or the run could not start\n"
	       "       2  wrong command line\n");
}

static int
run(int argc, char **argv)
{
	static struct session se = {
		.program = "demo", .prepare = demo_prepare, .finish = demo_finish, .summary = {.opens_of = CLIENT}};
	char err[256];
	int status;

	switch (opt_parse(argc, argv, tables, err, sizeof(err))) {
	case OPT_HELP:
		help();
		return EXIT_OK;
	case OPT_BAD:
		return usage_error("demo", err);
	case OPT_OK:
		break;
	}
	if (demo.workers > 1 && demo.workers % 2 != 0) {
		snprintf(err, sizeof(err), "--workers: '%lu' was given; allowed: 1, or an even number", demo.workers);
		return usage_error("demo", err);
	}
	if (set_all(&se) != 0)
		return usage_error("demo", "no memory, or a built-in address does not parse");
	se.json = net.json;
	se.summary.msl_ms = net.shard.msl_ms;
	status = session_run(&se);
	for (unsigned k = 0; k < demo.shards; k++) {
		opener_fini(demo.opener[k]);
		service_fini(demo.service[k]);
		la_mem_free(NULL, demo.opener[k], sizeof(struct opener));
		la_mem_free(NULL, demo.service[k], sizeof(struct service));
	}
	if (status == EXIT_OK && !demo_verdict(&se.summary))
		return EXIT_FAILED;
	return status;
}

const struct command command_demo = {
	.name = "demo",
	.summary = "a client and a server against each other in one process, no NIC needed",
	.synopsis = "[OPTIONS]",
	.common = "duration concurrency workers close payload msl json pcap quiet verbose",
	.tables = tables,
	.run = run,
	.orderly = true,
};

/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack server: one or more ports, one shard per worker of a port, the services on each shard. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/netopts.h"
#include "cli/session.h"
#include "core/mem.h"
#include "server/payload.h"
#include "server/service_opts.h"

static struct server {
	uint32_t max_conns;
	unsigned shards;
	struct service *shard_services[LA_ENGINE_MAX_STATIONS]; /* NSERVICES each */
	int failed[LA_ENGINE_MAX_STATIONS];			/* 1 + index of the service that could not start */
} server;

static const struct opt *const tables[] = {net_port_opts,    net_addr_opts, service_opts, net_table_opts,
					   net_restart_opts, net_run_opts,  NULL};

static char summary[240], common[400];

static void
server_init(void)
{
	char names[200];

	service_opts_make();
	snprintf(summary, sizeof(summary), "answer TCP on a DPDK port: %s", service_names(names, sizeof(names), ""));
	snprintf(common, sizeof(common),
		 "tap veth xdp memif null allow workers pcap addr range gateway %s msl max-conns time-wait state "
		 "duration json ready-file quiet verbose",
		 service_common(names, sizeof(names)));
}

static int
server_start(void *ctx, struct la_shard *shard)
{
	struct service **mine = ctx;

	for (int i = 0; i < NSERVICES; i++) {
		struct service *s = &(*mine)[i];
		int rc;

		if (s->port == 0)
			continue;
		rc = service_start(s, shard, server.max_conns);
		if (rc) {
			server.failed[mine - server.shard_services] = i + 1;
			return rc;
		}
	}
	return 0;
}

static void
server_drain(void *ctx, struct la_shard *shard)
{
	struct service *const *mine = ctx;

	for (int i = 0; i < NSERVICES; i++)
		if ((*mine)[i].port != 0)
			service_drain(&(*mine)[i], shard);
}

static const struct la_station_ops ops = {.start = server_start, .drain = server_drain};

/* Copies the services for each shard, so that each worker writes cache lines of its own. Returns 0 or -ENOMEM. */
static int
make_services(void)
{
	for (unsigned i = 0; i < server.shards; i++) {
		server.shard_services[i] = la_mem_alloc(NULL, sizeof(services), 64);
		if (server.shard_services[i] == NULL)
			return -ENOMEM;
		memcpy(server.shard_services[i], services, sizeof(services));
	}
	return 0;
}

static void
free_services(void)
{
	for (unsigned k = 0; k < server.shards; k++) {
		struct service *mine = server.shard_services[k];

		for (int i = 0; mine != NULL && i < NSERVICES; i++)
			service_fini(&mine[i]);
		if (mine != NULL)
			la_mem_free(NULL, mine, sizeof(services));
	}
}

static const char *
first_close_text(const struct service *s)
{
	if (s->def->first == SVC_FIRST_BY_COMMAND)
		return "";
	return s->server_first ? ", the server closes first" : ", the client closes first";
}

static int
server_prepare(struct session *se)
{
	int rc = make_services();

	if (rc)
		return rc;
	if (se->cfg.verbose && !se->cfg.quiet) {
		for (int i = 0; i < NSERVICES; i++)
			if (services[i].port != 0)
				printf("%s on port %u%s\n", services[i].def->name, services[i].port,
				       first_close_text(&services[i]));
		fflush(stdout);
	}
	return payload_init();
}

/* Returns count k of a service, summed over all shards. */
static uint64_t
server_counted(int service, unsigned k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < server.shards; i++)
		n += server.shard_services[i][service].count[k];
	return n;
}

static void
print_counts(FILE *f)
{
	for (int i = 0; i < NSERVICES; i++) {
		const struct service_def *def = services[i].def;

		for (unsigned k = 0; services[i].port != 0 && k < service_ncounts(def); k++) {
			const struct svc_count_def *c = service_count_def(def, k);
			uint64_t n = server_counted(i, k);

			if (n != 0)
				fprintf(f, "  %-7s %-21s %12lu  %s\n", def->name, c->name, n, c->text);
		}
	}
}

/* Called after the run, when no worker writes counts any more. */
static void
server_finish(struct session *se)
{
	json_t *all = json_object();

	for (int i = 0; i < NSERVICES; i++) {
		const struct service_def *def = services[i].def;
		json_t *o;

		if (services[i].port == 0)
			continue;
		o = json_object();
		for (unsigned k = 0; k < service_ncounts(def); k++)
			json_object_set_new(o, service_count_def(def, k)->name,
					    json_integer((json_int_t)server_counted(i, k)));
		json_object_set_new(all, def->name, o);
	}
	se->summary.more = json_object();
	json_object_set_new(se->summary.more, "services", all);
	se->summary.print_more = print_counts;
}

static void
help(void)
{
	printf("NAME\n"
	       "       lastack server - answer TCP on a DPDK port\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack server PORT --addr ADDR/LEN... [PORT --addr ADDR/LEN...]... SERVICE... [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Serves on every given address, IPv4 and IPv6, until it is stopped. A line each second\n"
	       "       shows opens and closes, live connections and TIME_WAIT entries, frames per second in\n"
	       "       both directions, the share of time in which the worker had work (busy; with several\n"
	       "       workers the least and the most busy one), and all drops of the run. A summary at the\n"
	       "       end has every kind of close and every drop, the ends that sent the first FIN, and busy\n"
	       "       TSC cycles per packet and per connection for each worker.\n"
	       "\n"
	       "       With several ports each service listens on every port. Each port has the addresses and\n"
	       "       gateways that follow it, and workers of its own. The lines show sums; the summary and the\n"
	       "       JSON have an entry for each port. A port without link or peer does not stop the others.\n"
	       "\n"
	       "       With --workers N a port has N shards, each a whole stack on a core of its own. The\n"
	       "       Toeplitz hash of its addresses and ports selects the shard of a connection. The NIC\n"
	       "       puts the frames on the queue of the shard's worker. If the NIC cannot do this, the\n"
	       "       worker that receives a frame hands it over (handed_over, handed_in, hand_over_full).\n"
	       "       The first shard answers ARP, neighbour discovery and ping. The lines show sums; the\n"
	       "       summary has the sums and the figures of each shard.\n"
	       "\n"
	       "       At SIGINT or SIGTERM the server stops listening, waits --drain for open connections to\n"
	       "       end, aborts those still open, writes --state, and prints the summary. A second signal\n"
	       "       aborts at once. A signal during the start takes effect when the start is complete.\n"
	       "       SIGINT works also when a shell starts the server with SIGINT ignored\n"
	       "       ('lastack server ... &').\n"
	       "\n"
	       "       Only one lastack can use an interface or a memif socket. A second lastack is refused,\n"
	       "       with the pid of the first.\n"
	       "\n"
	       "OPTIONS\n");
	net_help(tables);
	service_manuals(stdout);
	printf("\n"
	       "EXAMPLES\n"
	       "       lastack server --tap la0,10.0.0.1/24 --addr 10.0.0.2/24 --http 80 --echo 7\n"
	       "       curl http://10.0.0.2/bytes/1000\n"
	       "\n"
	       "       lastack server --veth ve1 --addr 10.0.0.2/24 --range 10.2.0.0/16 --http 80 \\\n"
	       "                      --http-close=client --msl 1s --json out.json\n"
	       "\n"
	       "       lastack server -a 0000:05:00.0 -l 2-5 --addr 10.0.0.2/24 --http 80\n"
	       "\n"
	       "       lastack server --veth ve0 --addr 10.0.0.2/24 --gateway 10.0.0.1 \\\n"
	       "                      --veth ve1 --addr 10.1.0.2/24 --gateway 10.1.0.1 --http 80\n"
	       "\n"
	       "       lastack server --tap la0 --addr 10.0.0.2/24 --http 80 --state /var/lib/lastack.state\n"
	       "\n"
	       "FILES\n"
	       "       --json FILE has the keys opens, closes {total, orderly, reset, aborted, timeout,\n"
	       "       refused, fin_wait_2}, states {name: n}, time_wait {now, peak, entered, expired,\n"
	       "       reopened, given_back, fin_acked}, early_recycles, unexplained_drops,\n"
	       "       drops {name: n}, counters {name: n}, msl_ms, seconds, opens_per_s, closes_per_s (orderly),\n"
	       "       first_fin {ours, peer, crossing} (connections by the end that sent the first FIN),\n"
	       "       cpu {busy (0 to 1), busy_cycles, total_cycles, cycles_per_packet, cycles_per_connection},\n"
	       "       ports [{name, port, frames_in, frames_out, rx_missed, rx_errors, rx_nombuf,\n"
	       "       tx_errors, tx_full, tx_no_buffer, tx_unfit, tx_no_peer, tx_waiting, mbufs_before and mbufs_out\n"
	       "       (packet buffers out of their pool before and after the run), buffers_max}],\n");
	service_counts_manual(stdout);
	printf("       program, version; with several ports ends [{name, and the keys from opens to counters for the\n"
	       "       port}], in the order of ports; with --workers shards [{name, port (with several ports: its\n"
	       "       index), shard, frames_in, frames_out, frames_away, worker, cpu, and the keys from opens to\n"
	       "       counters for this shard}].\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  the server ran and was stopped\n"
	       "       1  DPDK, the port or a service could not start, or the JSON or snapshot file could not\n"
	       "          be written\n"
	       "       2  wrong command line\n");
}

static int
run(int argc, char **argv)
{
	static struct session se = {
		.program = "server", .prepare = server_prepare, .finish = server_finish, .summary = {.opens_of = -1}};
	char err[256];
	int status;

	switch (opt_parse(argc, argv, tables, err, sizeof(err))) {
	case OPT_HELP:
		help();
		return EXIT_OK;
	case OPT_BAD:
		return usage_error("server", err);
	case OPT_OK:
		break;
	}
	if (service_opts_check(err, sizeof(err)))
		return usage_error("server", err);
	if (net_check(err, sizeof(err)))
		return usage_error("server", err);
	server.shards = net_stations();
	net_apply(&se.cfg);
	for (unsigned i = 0; i < server.shards; i++) {
		struct la_station *st = &se.cfg.stations[i];

		net_station(st, i);
		st->name = "server";
		st->ops = &ops;
		st->ctx = &server.shard_services[i];
		server.max_conns = st->shard.max_conns;
	}
	se.cfg.nstations = server.shards;
	se.json = net.json;
	se.summary.msl_ms = net.shard.msl_ms;
	status = session_run(&se);
	for (unsigned i = 0; se.error && i < server.shards; i++) {
		int failed = server.failed[i] - 1;

		if (failed >= 0)
			fprintf(stderr, "lastack server: %s on port %u could not listen: %s\n",
				services[failed].def->name, services[failed].port, strerror(-se.error));
	}
	free_services();
	json_decref(se.summary.more);
	return status;
}

const struct command command_server = {
	.name = "server",
	.init = server_init,
	.summary = summary,
	.synopsis = "PORT --addr ADDR/LEN... SERVICE... [OPTIONS]",
	.common = common,
	.tables = tables,
	.run = run,
	.orderly = true,
};

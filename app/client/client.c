/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack client: opens connections to one server from a budget of tuples, one shard per worker. Each worker
 * has an equal part of the run, and the tuples that hash to its own shard. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/netopts.h"
#include "cli/session.h"
#include "cli/sources.h"
#include "client/opener.h"
#include "core/mem.h"
#include "http/http_parse.h"
#include "run/units.h"
#include "server/payload.h"
#include <rte_common.h>

static const char *const sides[] = {"client", "server", NULL};

static struct {
	struct opener *opener[LA_ENGINE_MAX_STATIONS]; /* one for each worker */
	struct opener_config cfg;
	struct la_tuples tuples; /* tuples of all workers */
	struct la_steer steer;
	unsigned shards;
	struct la_addr to;
	uint16_t to_port;
	struct sources sources;
	uint64_t concurrency, connections, rate, send, recv;
	uint32_t timeout_ms;
	int first; /* index into sides: the end that closes first */
	const char *get;
	char request[320];
} client = {
	.sources = {.port_lo = 1024, .port_hi = 65535}, .concurrency = 100, .recv = UINT64_MAX, .timeout_ms = 60000};

static int
set_to(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	if (la_parse_endpoint(text, &client.to, &client.to_port) == 0)
		return 0;
	snprintf(why, size, "an address and a port, 10.0.0.1:80 or [fd00::1]:80");
	return -1;
}

static int
set_get(void *dst, const char *text, char *why, size_t size)
{
	struct http_parser p;
	struct http_answer a;
	int n;

	(void)dst;
	http_parser_init(&p);
	n = snprintf(client.request, sizeof(client.request), "GET %s HTTP/1.0\r\n\r\n", text);
	if (n > 0 && (size_t)n < sizeof(client.request))
		http_parse(&p, client.request, (size_t)n);
	if (p.done) {
		http_answer(&p, &a);
		if (a.status == 200 && a.pattern && !a.until_close) {
			client.get = text;
			client.cfg.recv_bytes = a.length;
			return 0;
		}
	}
	snprintf(why, size, "/bytes/N with N up to %d", HTTP_BYTES_MAX);
	return -1;
}

#define CALL(n, a, d, f, h)                                                           \
	{                                                                             \
		.name = n, .kind = OPT_CALL, .arg = a, .dst = d, .call = f, .help = h \
	}

/* clang-format off */
static const struct opt client_opts[] = {
	{.kind = OPT_HEADING, .help = "Opens"},
	CALL("to", "ADDR:PORT", NULL, set_to, "the server: 10.0.0.1:80 or [fd00::1]:80"),
	CALL("from", "PREFIX", &client.sources, sources_set_from,
	     "source addresses; the server must route PREFIX to lastack; may be repeated\n"
	     "[the addresses of --addr]"),
	CALL("ports", "LOW-HIGH", &client.sources, sources_set_ports,
	     "source ports [1024-65535]"),
	{.name = "connections", .kind = OPT_NUMBER, .dst = &client.connections, .arg = "N", .min = 1,
	 .max = 1ull << 40, .help = "number of connections to open [1; with --duration: no limit]"},
	{.name = "concurrency", .kind = OPT_NUMBER, .dst = &client.concurrency, .arg = "N", .min = 1,
	 .max = 1 << 24, .help = "connections open at once [100]"},
	{.name = "rate", .kind = OPT_NUMBER, .dst = &client.rate, .arg = "N", .min = 1,
	 .max = 100000000, .help = "largest number of opens per second [no limit]"},
	{.name = "reuse", .kind = OPT_FLAG, .dst = &client.sources.reuse,
	 .help = "use a tuple again before its 2*MSL is over, with ISN and timestamps above those of the old\n"
		 "connection. This tests the peer's rules for reopening"},
	{.kind = OPT_HEADING, .help = "Each connection"},
	{.name = "send", .kind = OPT_NUMBER, .dst = &client.send, .arg = "BYTES", .max = 1ull << 40,
	 .help = "number of bytes to send; byte i is i mod 251 [0]"},
	{.name = "recv", .kind = OPT_NUMBER, .dst = &client.recv, .arg = "BYTES", .max = 1ull << 40,
	 .help = "number of bytes to read before the close; 0: the server does not answer\n"
		 "[as many as --send, each compared with the byte sent, for an echo server]"},
	CALL("get", "/bytes/N", NULL, set_get, "HTTP: request N bytes, and check each of them"),
	{.name = "close", .kind = OPT_CHOICE, .dst = &client.first, .arg = "client|server",
	 .choices = sides,
	 .help = "the side that closes first. client: after the answer; server: the client waits for the\n"
		 "server's FIN [client]"},
	{.name = "timeout", .kind = OPT_DURATION, .dst = &client.timeout_ms, .arg = "TIME",
	 .help = "abort a connection after this time without progress; 0s: never [60s]"},
	OPT_END,
};
/* clang-format on */

static const struct opt *const tables[] = {net_port_opts,    net_addr_opts, client_opts, net_table_opts,
					   net_restart_opts, net_run_opts,  NULL};

/* Checks for each worker that the tuples that hash to its shard suffice for its part of the run. Returns 0, or -1
 * with a line in err. */
static int
check_shares(char *err, size_t size)
{
	uint64_t least = UINT64_MAX, most = 0;

	la_steer_init(&client.steer, client.shards);
	for (unsigned i = 0; i < client.shards; i++) {
		uint64_t have = la_tuples_at_home(&client.tuples, &client.steer, i);
		uint64_t share = net_share(client.connections, i);
		uint64_t need = la_tuples_need(share, (uint32_t)net_share(client.rate, i), net.duration_ms,
					       net.shard.msl_ms);

		if (client.connections != 0 && share == 0)
			need = 0;
		least = RTE_MIN(least, have);
		most = RTE_MAX(most, have);
		if ((have == 0 && need > 0) || (need != UINT64_MAX && need > have && !client.sources.reuse)) {
			snprintf(err, size,
				 "worker %u of %u needs %lu tuples per 2*MSL; of %lu available, %lu hash to it; "
				 "allowed: fewer --workers, a larger --from or --ports, or --reuse",
				 i, client.shards, need == UINT64_MAX ? 1 : need, client.tuples.budget, have);
			return -1;
		}
	}
	if (net.verbose && !net.quiet)
		printf("tuples: %lu to %lu hash to each of %u workers\n", least, most, client.shards);
	return 0;
}

static void
set_opener(void)
{
	struct opener_config *oc = &client.cfg;

	oc->reuse = client.sources.reuse;
	oc->concurrency = (uint32_t)client.concurrency;
	oc->connections = client.connections;
	oc->duration_ms = net.duration_ms;
	oc->bounded = true;
	oc->drain_ms = net.drain_ms;
	oc->rate = (uint32_t)client.rate;
	oc->server_first = client.first == 1;
	oc->timeout_ms = client.timeout_ms;
	oc->verify = true;
	if (client.get) {
		char host[LA_ADDR_STRLEN];

		la_addr_format(&client.to, host, sizeof(host));
		http_request(client.request, sizeof(client.request), client.get, host, lastack_version,
			     oc->server_first);
		oc->request = client.request;
		oc->http = true;
		return;
	}
	oc->send_bytes = client.send;
	oc->recv_bytes = client.recv == UINT64_MAX ? client.send : client.recv;
	oc->verify = client.recv == UINT64_MAX;
}

static int
client_prepare(struct session *se)
{
	int rc = payload_init();

	(void)se;
	la_steer_init(&client.steer, client.shards); /* a snapshot file may have changed the key of the hash */
	for (unsigned i = 0; rc == 0 && i < client.shards; i++) {
		struct opener *o = client.opener[i];

		o->cfg = client.cfg;
		o->cfg.concurrency = (uint32_t)net_share(client.concurrency, i);
		o->cfg.connections = net_share(client.connections, i);
		o->cfg.rate = (uint32_t)net_share(client.rate, i);
		/* a worker whose part is 0 opens no connection; 0 in cfg would mean no limit */
		o->stopped = o->cfg.concurrency == 0 || (client.connections != 0 && o->cfg.connections == 0);
		o->tuples = client.tuples;
		if (client.shards > 1)
			la_tuples_home(&o->tuples, &client.steer, i);
		rc = opener_init(o);
	}
	return rc;
}

static const char *
client_note(struct session *se)
{
	(void)se;
	for (unsigned i = 0; i < client.shards; i++)
		if (__atomic_load_n(&client.opener[i]->waiting, __ATOMIC_RELAXED))
			return "waiting: every tuple is live or in its 2*MSL";
	return NULL;
}

/* Returns the sum of all workers' counts, after the run. */
static struct opener_counts
client_total(void)
{
	struct opener_counts sum = {0};

	for (unsigned i = 0; i < client.shards; i++) {
		const struct opener_counts *n = &client.opener[i]->n;

		sum.started += n->started;
		for (unsigned e = 0; e < LA_NENDS; e++)
			sum.ended[e] += n->ended[e];
		sum.complete += n->complete;
		sum.incomplete += n->incomplete;
		sum.wrong += n->wrong;
		sum.timed_out += n->timed_out;
		sum.unfinished += n->unfinished;
		sum.tuples_skipped += n->tuples_skipped;
		sum.no_room += n->no_room;
		sum.waits += n->waits;
	}
	return sum;
}

static void
client_finish(struct session *se)
{
	const struct opener_counts all = client_total(), *n = &all;
	struct la_summary *s = &se->summary;

	la_summary_extra(s, "tuple_budget", "tuples", client.tuples.budget);
	la_summary_extra(s, "tuple_waits", "waits for tuples", n->waits);
	la_summary_extra(s, "tuples_skipped", "tuples that were in use", n->tuples_skipped);
	la_summary_extra(s, "answers_complete", "answers complete", n->complete);
	la_summary_extra(s, "answers_incomplete", "answers incomplete", n->incomplete);
	la_summary_extra(s, "answers_wrong", "answers wrong", n->wrong);
	la_summary_extra(s, "timeouts", "aborted by --timeout", n->timed_out);
	la_summary_extra(s, "unfinished", "open at the end of the run and aborted", n->unfinished);
}

static void
help(void)
{
	printf("NAME\n"
	       "       lastack client - open and close connections from a DPDK port\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack client PORT --addr ADDR/LEN... --to ADDR:PORT [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Opens connections, sends, reads the answer, closes. The end that closes first holds the\n"
	       "       four-tuple for 2*MSL, so a run of R closes a second needs R * 2*MSL tuples. --verbose\n"
	       "       prints the number of tuples (source addresses * source ports). A run that would exhaust\n"
	       "       the tuples is refused, unless --reuse is given. Tuples are used in scattered order, each\n"
	       "       at most once in 2*MSL. When all tuples are used up, the client waits, and the live lines\n"
	       "       say so. ('lastack load' opens by schedule, mixes closes, measures latencies.)\n"
	       "\n"
	       "       With --workers N each of N workers has an even part of --connections, --concurrency,\n"
	       "       --rate and the tables. A worker uses the tuples whose answers hash to its own shard;\n"
	       "       --verbose prints how many tuples a worker has.\n"
	       "\n"
	       "       After --duration no connection is opened. A connection that is still open after --drain\n"
	       "       is aborted, and counts as unfinished and as an incomplete answer.\n"
	       "\n"
	       "OPTIONS\n");
	net_help(tables);
	printf("\n"
	       "EXAMPLES\n"
	       "       lastack client --tap la0 --addr 10.0.0.2/24 --to 10.0.0.1:80 --get /bytes/1000 \\\n"
	       "                      --connections 1000 --close=server\n"
	       "\n"
	       "       lastack client --veth ve1 --addr 10.0.0.2/24 --from 10.1.0.0/16 --to 10.0.0.1:7 \\\n"
	       "                      --duration 60s --rate 100k --concurrency 5000 --json out.json\n"
	       "\n"
	       "FILES\n"
	       "       --json FILE has the keys that 'lastack server --help all' lists, and tuple_budget,\n"
	       "       tuple_waits, tuples_skipped, answers_complete, answers_incomplete, answers_wrong,\n"
	       "       timeouts, unfinished.\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  at least one connection was opened, and every connection ended orderly with the\n"
	       "          complete and right answer; or a signal stopped the run\n"
	       "       1  a connection ended in another way, DPDK or the port could not start, or the JSON or\n"
	       "          snapshot file could not be written\n"
	       "       2  wrong command line, or too few tuples for the run\n");
}

/* Checks the options against each other. Returns EXIT_OK or EXIT_USAGE. */
static int
client_configure(int argc, char **argv)
{
	char err[400];

	if (opt_parse(argc, argv, tables, err, sizeof(err)) == OPT_BAD || net_check(err, sizeof(err)))
		return usage_error("client", err);
	if (net.eal.nports > 1)
		return usage_error("client", "several ports were given; allowed: one port, or 'lastack load'");
	if (client.to_port == 0)
		return usage_error("client", "no server was given; allowed: --to ADDR:PORT");
	if (client.get && (client.send != 0 || client.recv != UINT64_MAX))
		return usage_error("client", "--get: was given with --send or --recv; allowed: --get alone");
	if (client.connections == 0 && net.duration_ms == 0)
		client.connections = 1;
	if (client.concurrency > net.shard.max_conns) {
		snprintf(err, sizeof(err), "--concurrency: '%lu' was given; allowed: up to --max-conns, %u",
			 client.concurrency, net.shard.max_conns);
		return usage_error("client", err);
	}
	if (client.rate != 0 && client.rate < net.workers) {
		snprintf(err, sizeof(err), "--rate: '%lu' was given; allowed: at least 1 per worker, %lu", client.rate,
			 net.workers);
		return usage_error("client", err);
	}
	client.shards = (unsigned)net.workers;
	if (sources_claim(&client.sources, err, sizeof(err)) ||
	    sources_tuples(&client.sources, 0, &client.to, client.to_port, &client.tuples, err, sizeof(err)) ||
	    sources_check(&client.sources, &client.tuples, 1,
			  la_tuples_need(client.connections, (uint32_t)client.rate, net.duration_ms, net.shard.msl_ms),
			  false, err, sizeof(err)) ||
	    (client.shards > 1 && check_shares(err, sizeof(err))))
		return usage_error("client", err);
	set_opener();
	return EXIT_OK;
}

/* Prints the longest duration that a run with --duration can have. */
static void
print_longest(void)
{
	char total[16], duration[16], drain[16];

	if (net.quiet || net.duration_ms == 0 || net.drain_ms > UINT32_MAX - net.duration_ms)
		return;
	printf("run: at most %s from the first SYN on: --duration %s, --drain %s\n",
	       la_format_duration(net.duration_ms + net.drain_ms, total, sizeof(total)),
	       la_format_duration(net.duration_ms, duration, sizeof(duration)),
	       la_format_duration(net.drain_ms, drain, sizeof(drain)));
	fflush(stdout);
}

static int
run(int argc, char **argv)
{
	static struct session se = {.program = "client",
				    .prepare = client_prepare,
				    .note = client_note,
				    .finish = client_finish,
				    .summary = {.opens_of = -1}};
	struct opener_counts n;
	int status, fatal = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help();
			return EXIT_OK;
		}
	}
	status = client_configure(argc, argv);
	if (status != EXIT_OK)
		return status;
	net_apply(&se.cfg);
	for (unsigned i = 0; i < client.shards; i++) {
		struct la_station *st = &se.cfg.stations[i];

		client.opener[i] = la_mem_alloc(NULL, sizeof(struct opener), 64);
		if (client.opener[i] == NULL)
			return usage_error("client", "no memory");
		net_station(st, i);
		st->name = "client";
		st->ops = &opener_ops;
		st->ctx = client.opener[i];
	}
	se.cfg.duration_ms = 0; /* the opener, not the engine, obeys --duration: open connections may finish */
	se.cfg.nstations = client.shards;
	print_longest();
	se.cfg.tuples = client.tuples.budget;
	se.json = net.json;
	se.summary.msl_ms = net.shard.msl_ms;
	status = session_run(&se);
	n = client_total();
	for (unsigned i = 0; i < client.shards; i++) {
		fatal = client.opener[i]->fatal ? client.opener[i]->fatal : fatal;
		opener_fini(client.opener[i]);
		la_mem_free(NULL, client.opener[i], sizeof(struct opener));
	}
	if (fatal)
		return connect_error("client", fatal);
	if (status == EXIT_OK && !se.signalled && (n.incomplete != 0 || n.wrong != 0 || n.complete == 0)) {
		fprintf(stderr,
			"lastack client: of %lu connections %lu are complete, %lu incomplete (%lu unfinished), "
			"%lu wrong\n",
			n.started, n.complete, n.incomplete, n.unfinished, n.wrong);
		return EXIT_FAILED;
	}
	return status;
}

const struct command command_client = {
	.name = "client",
	.summary = "open and close connections from a budget of tuples",
	.synopsis = "PORT --addr ADDR/LEN... --to ADDR:PORT [OPTIONS]",
	.common = "tap veth xdp memif allow workers pcap addr gateway to from connections concurrency rate send recv "
		  "get close timeout msl duration json ready-file quiet verbose",
	.tables = tables,
	.run = run,
	.orderly = true,
};

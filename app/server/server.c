/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack server: one port, a shard a worker, the services on each. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cli/command.h"
#include "cli/netopts.h"
#include "cli/session.h"
#include "core/mem.h"
#include "server/service.h"

enum { HTTP, ECHO_, DISCARD, CHARGEN, CLOSE, NSERVICES };

static const char *const sides[] = {"client", "server", NULL};

static struct server {
	struct service services[NSERVICES]; /* as the options have them; each shard has its own */
	int first[NSERVICES]; /* index into sides */
	uint32_t max_conns;
	uint32_t http_idle_ms, http_head_ms, idle_ms;
	unsigned shards;
	struct service *shard_services[LA_ENGINE_MAX_STATIONS];
	int failed[LA_ENGINE_MAX_STATIONS]; /* the service that could not start, + 1 */
} server = {
	.services = {[HTTP] = {.def = &service_http, .opts = {.nodelay = true}},
		     [ECHO_] = {.def = &service_echo, .opts = {.nodelay = true}},
		     [DISCARD] = {.def = &service_discard},
		     [CHARGEN] = {.def = &service_chargen},
		     [CLOSE] = {.def = &service_close}},
	.first = {[HTTP] = 1},
	.http_idle_ms = 60000,
	.http_head_ms = 20000,
	.idle_ms = 300000,
};

#define PORT(n, i, h) \
	{.name = n, .kind = OPT_PORT, .dst = &server.services[i].port, .arg = "PORT", .help = h}
#define FIRST(n, i, h)                                                                    \
	{.name = n, .kind = OPT_CHOICE, .dst = &server.first[i], .arg = "client|server", \
	 .choices = sides, .help = h}

static const struct opt service_opts[] = {
	{.kind = OPT_HEADING, .help = "Services (at least one; each on its TCP port, on all addresses)"},
	PORT("http", HTTP,
	     "HTTP/1.1 and 1.0: /bytes/N, /chunked/N, /status/N, /delay/TIME, /end/...; see HTTP"),
	PORT("echo", ECHO_, "sends back what it reads (RFC 862)"),
	PORT("discard", DISCARD, "reads and forgets (RFC 863)"),
	PORT("chargen", CHARGEN, "sends lines without end (RFC 864)"),
	PORT("close", CLOSE,
	     "obeys one-byte commands: c closes both directions at once, s shuts down its sending\n"
	     "side and goes on reading, r aborts; anything else is read and ignored"),
	{.kind = OPT_HEADING, .help = "Who closes first, and so holds TIME_WAIT"},
	FIRST("http-close", HTTP,
	      "server: after the last answer, as Connection says; client: never before the client's\n"
	      "FIN, whatever Connection says [server]"),
	FIRST("echo-close", ECHO_, "server: once the first bytes are sent back [client]"),
	FIRST("discard-close", DISCARD, "server: once the first bytes are read [client]"),
	FIRST("chargen-close", CHARGEN, "server: after 7030 bytes, one turn of the pattern [client]"),
	{.kind = OPT_HEADING, .help = "Connections without progress"},
	{.name = "http-idle", .kind = OPT_DURATION, .dst = &server.http_idle_ms, .arg = "TIME",
	 .min = 1, .max = 86400000,
	 .help = "http: close a connection on which for so long no byte of a request has come and no byte\n"
		 "of an answer was acknowledged. While an answer waits, only the latter counts, the time is\n"
		 "at least 10 s, and the connection is aborted [60s]"},
	{.name = "http-head-timeout", .kind = OPT_DURATION, .dst = &server.http_head_ms, .arg = "TIME",
	 .min = 1, .max = 86400000,
	 .help = "http: longest time from the first byte of a request's head to its last; a body has this\n"
		 "time and 1 s more for each 500 bytes. A late request is answered 408 and the connection\n"
		 "closed [20s]"},
	{.name = "idle-timeout", .kind = OPT_DURATION, .dst = &server.idle_ms, .arg = "TIME",
	 .min = 0, .max = 86400000,
	 .help = "echo, discard, chargen, close: close a connection on which for so long no byte was read\n"
		 "and none of ours acknowledged. While bytes of ours wait, only the latter counts (echo:\n"
		 "and the bytes it reads), the time is at least 10 s, and the connection is aborted.\n"
		 "0s: never [5m]"},
	OPT_END,
};

static const struct opt *const tables[] = {net_port_opts, net_addr_opts, service_opts,
					   net_table_opts, net_restart_opts, net_run_opts, NULL};

static int
start(void *ctx, struct la_shard *shard)
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
drain(void *ctx, struct la_shard *shard)
{
	struct service *const *mine = ctx;

	for (int i = 0; i < NSERVICES; i++)
		if ((*mine)[i].port != 0)
			service_drain(&(*mine)[i], shard);
}

static const struct la_station_ops ops = {.start = start, .drain = drain};

/* What a worker writes to begins on a cache line of its own. */
static int
make_services(void)
{
	for (unsigned i = 0; i < server.shards; i++) {
		server.shard_services[i] = la_mem_alloc(NULL, sizeof(server.services), 64);
		if (server.shard_services[i] == NULL)
			return -ENOMEM;
		memcpy(server.shard_services[i], server.services, sizeof(server.services));
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
			la_mem_free(NULL, mine, sizeof(server.services));
	}
}

static int
prepare(struct session *se)
{
	int rc = make_services();

	if (rc)
		return rc;
	if (se->cfg.verbose && !se->cfg.quiet) {
		for (int i = 0; i < NSERVICES; i++) {
			const struct service *s = &server.services[i];

			if (s->port != 0)
				printf("%s on port %u%s\n", s->def->name, s->port,
				       i == CLOSE		 ? "" :
				       server.services[i].server_first ? ", the server closes first" :
								   ", the client closes first");
		}
		fflush(stdout);
	}
	return payload_init();
}

/* What a service has counted on all shards. */
static uint64_t
counted(int service, enum svc_count k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < server.shards; i++)
		n += server.shard_services[i][service].count[k];
	return n;
}

static unsigned
ncounts(int service)
{
	return service == HTTP ? SVC_NCOUNTS : SVC_NCOMMON;
}

static void
print_counts(FILE *f)
{
	for (int i = 0; i < NSERVICES; i++) {
		for (unsigned k = 0; server.services[i].port != 0 && k < ncounts(i); k++) {
			uint64_t n = counted(i, k);

			if (n != 0)
				fprintf(f, "  %-7s %-21s %12lu  %s\n", server.services[i].def->name,
					svc_count_name(k), n, svc_count_text(k));
		}
	}
}

/* After the run: the workers write no more. */
static void
finish(struct session *se)
{
	json_t *services = json_object();

	for (int i = 0; i < NSERVICES; i++) {
		json_t *o;

		if (server.services[i].port == 0)
			continue;
		o = json_object();
		for (unsigned k = 0; k < ncounts(i); k++)
			json_object_set_new(o, svc_count_name(k), json_integer((json_int_t)counted(i, k)));
		json_object_set_new(services, server.services[i].def->name, o);
	}
	se->summary.more = json_object();
	json_object_set_new(se->summary.more, "services", services);
	se->summary.print_more = print_counts;
}

static void
help(void)
{
	printf("NAME\n"
	       "       lastack server - answer TCP on a DPDK port\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack server PORT --addr ADDR/LEN... SERVICE... [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Serves on every address given, IPv4 and IPv6 alike, until it is stopped. A line a\n"
	       "       second says how many connections are opened and closed, how many are live and in\n"
	       "       TIME_WAIT, frames per second in both directions, the share of time that the worker had\n"
	       "       work (busy; with several workers the least and the most busy one), and drops so far.\n"
	       "       A summary at the end names every kind of close and every drop, the end that sent the\n"
	       "       first FIN, and busy TSC cycles a packet and a connection for each worker.\n"
	       "\n"
	       "       With --workers N there are N shards on the port, each a whole stack on a core of its\n"
	       "       own. A connection belongs to one of them, by the Toeplitz hash of its addresses and\n"
	       "       ports: the NIC puts its frames on that worker's queue, or, where it cannot, the\n"
	       "       worker that gets a frame hands it over (handed_over, handed_in, hand_over_full).\n"
	       "       The first shard answers ARP, neighbour discovery and ping. Lines and summary are\n"
	       "       sums; the summary says too what each shard did.\n"
	       "\n"
	       "       SIGINT or SIGTERM: stops listening, lets open connections finish for --drain,\n"
	       "       aborts the rest, writes --state, prints the summary. A second signal aborts at\n"
	       "       once. A signal during the start does the same when the start is over; SIGINT also\n"
	       "       where a shell has it ignored ('lastack server ... &').\n"
	       "\n"
	       "       An interface, or a memif socket, has one lastack: a second one is refused, with the\n"
	       "       pid of the first.\n"
	       "\n"
	       "OPTIONS\n");
	net_help(tables);
	printf("\n"
	       "HTTP\n"
	       "       A path's query is ignored. GET, HEAD and OPTIONS are allowed, POST where (*) says so; the\n"
	       "       body of a request, with Content-Length or in chunks, is ignored (up to 1 MiB; more: 413).\n"
	       "       /             a text that lists these paths\n"
	       "       /bytes/N      N bytes (up to 1 GiB), byte i being i mod 251\n"
	       "       /chunked/N    the same in chunks of 16 KiB; to an HTTP/1.0 client the bytes alone, and\n"
	       "                     the server's FIN ends them, whatever --http-close says\n"
	       "       /status/N     (*) status N, 200 to 599; 204 and 304 without a body\n"
	       "       /delay/TIME   (*) answered after TIME (50ms, 2s; up to 60s); later requests wait\n"
	       "       /end/fin      (*) answered with Connection: close, and the server's FIN follows at once\n"
	       "       /end/rst      (*) answered as if to be kept alive, then RST when the answer is acknowledged\n"
	       "       /end/half     (*) answer and FIN before the request's body is read; reads on until the\n"
	       "                     client's FIN, or --http-idle without a byte\n"
	       "       /end/linger   (*) answered with Connection: close; the server waits 10 s for the client's\n"
	       "                     FIN before it sends its own\n"
	       "       An absolute-form target overrides Host; https and other schemes are answered 421. Expect:\n"
	       "       100-continue is answered 100 before a body is read, another expectation 417. CONNECT is\n"
	       "       answered 405. After 400, 408, 413, 414, 417, 421, 431, 501 and 505 the connection closes.\n"
	       "\n"
	       "EXAMPLES\n"
	       "       lastack server --tap la0,10.0.0.1/24 --addr 10.0.0.2/24 --http 80 --echo 7\n"
	       "       curl http://10.0.0.2/bytes/1000\n"
	       "\n"
	       "       lastack server --veth ve1 --addr 10.0.0.2/24 --range 10.2.0.0/16 --http 80 \\\n"
	       "                      --http-close=client --msl 1s --json out.json\n"
	       "\n"
	       "       lastack server -a 0000:05:00.0 -l 2-5 --addr 10.0.0.2/24 --http 80\n"
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
	       "       (packet buffers out of their pool before and after the run), buffers_max}], services {name: {idle_closed, no_progress, linger_expired, paused;\n"
	       "       and for http head_timeouts, body_timeouts, answered_408, bad_requests (400), too_large\n"
	       "       (413, 414, 431), unsupported (417, 421, 501, 505), reset_by_path}}, program, version; with\n"
	       "       --workers shards [{name, shard, frames_in, frames_out, frames_away, worker, cpu, and opens to counters\n"
	       "       for it alone}].\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  it ran and was stopped\n"
	       "       1  DPDK, the port or a service could not start, or JSON or state were not or could not\n"
	       "          be written\n"
	       "       2  wrong command line\n");
}

static int
run(int argc, char **argv)
{
	static struct session se = {.program = "server", .prepare = prepare, .finish = finish,
				    .summary = {.opens_of = -1}};
	char err[256];
	bool any = false;
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
	for (int i = 0; i < NSERVICES; i++) {
		struct service *s = &server.services[i];

		s->server_first = server.first[i] != 0;
		s->idle_ms = i == HTTP ? server.http_idle_ms : server.idle_ms;
		s->head_ms = server.http_head_ms;
		any |= s->port != 0;
		for (int j = 0; j < i; j++) {
			if (s->port == 0 || s->port != server.services[j].port)
				continue;
			snprintf(err, sizeof(err), "--%s: '%u' was given; allowed: a port that --%s does not have",
				 s->def->name, s->port, server.services[j].def->name);
			return usage_error("server", err);
		}
	}
	if (!any)
		return usage_error("server", "no service was given; allowed: --http, --echo, --discard, "
					     "--chargen, --close");
	if (net_check(err, sizeof(err)))
		return usage_error("server", err);
	server.shards = (unsigned)net.workers;
	for (unsigned i = 0; i < server.shards; i++) {
		struct la_station *st = &se.cfg.stations[i];

		net_apply(&se.cfg, st);
		st->name = "server";
		st->worker = i;
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
				server.services[failed].def->name, server.services[failed].port,
				strerror(-se.error));
	}
	free_services();
	json_decref(se.summary.more);
	return status;
}

const struct command command_server = {
	.name = "server",
	.summary = "answer TCP on a DPDK port: http, echo, discard, chargen, close",
	.synopsis = "PORT --addr ADDR/LEN... SERVICE... [OPTIONS]",
	.common = "tap veth xdp memif null allow workers pcap addr range gateway http echo discard chargen close "
		  "http-close msl max-conns time-wait state duration json ready-file quiet verbose",
	.tables = tables,
	.run = run,
	.orderly = true,
};

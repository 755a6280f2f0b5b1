/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack load: connections by schedule, and how they end. (load.h maps the files.) */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "load_report.h"
#include "netopts.h"
#include "run/units.h"
#include "service.h"
#include "session.h"
#include "sources.h"

enum { EXPECTS = 32, REQUEST = 512 };

static const char *const protocols[] = {"http", "echo", "close", "plain", NULL};

static struct {
	struct load_config cfg;
	struct load_station station[LA_ENGINE_MAX_STATIONS];
	struct load_report report;
	struct expect expect[EXPECTS];
	struct la_fault fault[LA_FAULTY_RULES];
	unsigned nexpects, nfaults;
	struct sources sources;
	struct la_tuples tuples[LOAD_TARGETS]; /* of all stations */
	struct la_steer steer; /* which worker a tuple comes home to */
	int protocol;
	uint64_t concurrency; /* as given; 0: not */
	uint32_t interval_ms;
	bool size_given;
	const char *get, *csv, *plot;
	char csv_made[32]; /* for --plot without --csv */
	char request[LOAD_TARGETS][2][REQUEST];
} load = {.cfg = {.requests = 1, .size = 100, .timeout_ms = 10000, .linger_ms = 1000, .seed = 1},
	  .sources = {.port_lo = 1024, .port_hi = 65535},
	  .interval_ms = 1000};

static int
set_to(void *dst, const char *text, char *why, size_t size)
{
	struct load_target *t = &load.cfg.target[load.cfg.ntargets];

	(void)dst;
	if (load.cfg.ntargets == LOAD_TARGETS) {
		snprintf(why, size, "at most %d of them", LOAD_TARGETS);
		return -1;
	}
	if (la_parse_endpoint(text, &t->addr, &t->port) == 0) {
		load.cfg.ntargets++;
		return 0;
	}
	snprintf(why, size, "an address and a port, 10.0.0.1:80 or [fd00::1]:80");
	return -1;
}

static int
set_rate(void *dst, const char *text, char *why, size_t size)
{
	return pace_parse(text, dst, why, size);
}

static int
set_close(void *dst, const char *text, char *why, size_t size)
{
	return mix_parse(text, dst, why, size);
}

static int
set_size(void *dst, const char *text, char *why, size_t size)
{
	uint64_t n;

	if (la_parse_number(text, &n) != 0 || n > HTTP_BYTES_MAX) {
		snprintf(why, size, "a number of bytes up to %d", HTTP_BYTES_MAX);
		return -1;
	}
	*(uint64_t *)dst = n;
	load.size_given = true;
	return 0;
}

static int
set_get(void *dst, const char *text, char *why, size_t size)
{
	if (text[0] == '/' && strlen(text) < REQUEST / 2 && strpbrk(text, " \t\r\n") == NULL) {
		*(const char **)dst = text;
		return 0;
	}
	snprintf(why, size, "a path, /index.html, of at most %d characters", REQUEST / 2 - 1);
	return -1;
}

static int
set_skew(void *dst, const char *text, char *why, size_t size)
{
	uint32_t *ms = dst;
	char from[32], *comma;

	if (strlen(text) < sizeof(from)) {
		strcpy(from, text);
		comma = strchr(from, ',');
		if (comma)
			*comma = '\0';
		if (la_parse_duration(from, &ms[0]) == 0 &&
		    la_parse_duration(comma ? comma + 1 : from, &ms[1]) == 0 && ms[0] <= ms[1])
			return 0;
	}
	snprintf(why, size, "a time, 5ms, or two between which to draw one, 0ms,20ms");
	return -1;
}

static int
set_fault(void *dst, const char *text, char *why, size_t size)
{
	struct la_fault *f = &load.fault[load.nfaults];

	(void)dst;
	if (load.nfaults == LA_FAULTY_RULES) {
		snprintf(why, size, "at most %d of them", LA_FAULTY_RULES);
		return -1;
	}
	if (la_fault_parse(text, f, why, size) != 0)
		return -1;
	if (f->host[0] != '\0') {
		snprintf(why, size, "no 'from': it is our own frames that faults befall");
		return -1;
	}
	load.nfaults++;
	return 0;
}

static int
set_expect(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	if (load.nexpects == EXPECTS) {
		snprintf(why, size, "at most %d of them", EXPECTS);
		return -1;
	}
	if (expect_parse(text, &load.expect[load.nexpects], why, size) != 0)
		return -1;
	load.nexpects++;
	return 0;
}

#define CALL(n, a, d, f, h) {.name = n, .kind = OPT_CALL, .arg = a, .dst = d, .call = f, .help = h}

static const struct opt load_opts[] = {
	{.kind = OPT_HEADING, .help = "Whom, and from where"},
	CALL("to", "ADDR:PORT", NULL, set_to,
	     "a server: 10.0.0.1:80 or [fd00::1]:80; may be repeated: they take turns"),
	CALL("from", "PREFIX", &load.sources, sources_set_from,
	     "draw source addresses from here; the server must route it to us; may be repeated\n"
	     "[the addresses of --addr]"),
	CALL("ports", "LOW-HIGH", &load.sources, sources_set_ports, "draw source ports from here [1024-65535]"),
	{.name = "reuse", .kind = OPT_FLAG, .dst = &load.sources.reuse,
	 .help = "use tuples again before their 2*MSL are over, with ISN and timestamps above the old\n"
		 "ones: tests the peer's rules for reopening"},
	{.kind = OPT_HEADING, .help = "How many, and when"},
	CALL("rate", "N|FROM,TO,STEP,HOLD", &load.cfg.pace, set_rate,
	     "open loop: begin so many connections a second, whatever becomes of them; or a ramp:\n"
	     "FROM/s for HOLD, then STEP more, up (or down) to TO"),
	{.name = "concurrency", .kind = OPT_NUMBER, .dst = &load.concurrency, .arg = "N", .min = 1,
	 .max = 1 << 24, .help = "closed loop: keep so many open [100, without --rate]"},
	{.name = "connections", .kind = OPT_NUMBER, .dst = &load.cfg.connections, .arg = "N", .min = 1,
	 .max = 1ull << 40, .help = "so many in all [no limit]"},
	{.kind = OPT_HEADING, .help = "What to do with a connection"},
	{.name = "protocol", .kind = OPT_CHOICE, .dst = &load.protocol, .arg = "http|echo|close|plain",
	 .choices = protocols,
	 .help = "http: GET; echo: send and read back; close: the close service of 'lastack server', which\n"
		 "closes when told to; plain: open and close [http]"},
	{.name = "requests", .kind = OPT_NUMBER, .dst = &load.cfg.requests, .arg = "N", .min = 1,
	 .max = 1ull << 32, .help = "http, echo: so many one after the other on each connection [1]"},
	CALL("size", "BYTES", &load.cfg.size, set_size,
	     "http: of /bytes/N; echo: of each message. Byte i is i mod 251, and what comes back is\n"
	     "compared [100]"),
	CALL("get", "PATH", &load.get, set_get,
	     "http: another path; any answer of a 2xx or 3xx status is right"),
	{.name = "think", .kind = OPT_DURATION, .dst = &load.cfg.think_ms, .arg = "TIME", .max = 3600000,
	 .help = "rest so long after every answer: before the next request, or before the close [0]"},
	{.name = "timeout", .kind = OPT_DURATION, .dst = &load.cfg.timeout_ms, .arg = "TIME",
	 .max = 3600000,
	 .help = "abort a connection on which nothing happens for so long (gave_up); one in FIN_WAIT_2\n"
		 "is left (fin_wait_2); 0: never [10s]"},
	{.kind = OPT_HEADING, .help = "How it ends"},
	CALL("close", "HOW", &load.cfg.mix, set_close,
	     "client: our FIN first, after the last answer. server: the peer's FIN is waited for.\n"
	     "both: FINs that cross: ours goes out the --skew after the last request, which asks the\n"
	     "peer for its own. half: our FIN with the last request, the answer comes through the\n"
	     "half-closed connection. abort: RST after the last answer. A mix has weights:\n"
	     "client:70,server:20,abort:10 [client]"),
	CALL("skew", "TIME[,TIME]", load.cfg.skew_ms, set_skew,
	     "both: between the last request and our FIN; of two times one in between is drawn [0]"),
	{.name = "linger", .kind = OPT_DURATION, .dst = &load.cfg.linger_ms, .arg = "TIME", .max = 240000,
	 .help = "after the last close stay so long, for peers whose last ACK was lost [1s]"},
	{.kind = OPT_HEADING, .help = "Faults on our way out"},
	CALL("fault", "RULE", NULL, set_fault,
	     "ACTION WHICH KIND [for TIME]; may be repeated, the first that fits decides.\n"
	     "ACTION: drop; hold (it leaves TIME later); dup (and again TIME later); reorder (behind\n"
	     "the next frame); corrupt. WHICH: 1st, 2nd, ...; every; 5% at random. KIND: syn, data,\n"
	     "fin, ack, lastack (the ACK of the peer's FIN), rst, segment (any).\n"
	     "'drop 1st fin', 'hold 3rd data for 70ms', 'dup 1% segment for 5s'"),
	{.name = "seed", .kind = OPT_NUMBER, .dst = &load.cfg.seed, .arg = "N", .max = UINT64_MAX >> 1,
	 .help = "of what is drawn at random, faults and skews [1]"},
	{.kind = OPT_HEADING, .help = "Results"},
	CALL("expect", "CONDITION", NULL, set_expect,
	     "status 1 unless it holds at the end: 'resets==0', 'close_p99<5ms',\n"
	     "'closes_per_s>=10k'; may be repeated. A wrong name lists the right ones"),
	{.name = "csv", .kind = OPT_TEXT, .dst = &load.csv, .arg = "FILE", .help = "a row an interval"},
	{.name = "plot", .kind = OPT_TEXT, .dst = &load.plot, .arg = "FILE.png|FILE.svg",
	 .help = "rates, latencies and TIME_WAIT over time, drawn by gnuplot"},
	{.name = "interval", .kind = OPT_DURATION, .dst = &load.interval_ms, .arg = "TIME", .min = 50,
	 .max = 3600000, .help = "of live lines and rows [1s]"},
	OPT_END,
};

static const struct opt *const tables[] = {net_port_opts, net_addr_opts, load_opts,
					   net_table_opts, net_restart_opts, net_run_opts, NULL};

static void
help(void)
{
	char names[1024];

	printf("NAME\n"
	       "       lastack load - connection load by schedule, and how connections end\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack load PORT --addr ADDR/LEN... --to ADDR:PORT... [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Opens connections to any TCP server and ends each the way --close says. With --rate\n"
	       "       connection n is begun n/rate seconds after the start, never slowed by slow answers,\n"
	       "       and its latencies count from that moment, however late it was begun (no coordinated\n"
	       "       omission). Without, --concurrency connections are kept open. One connection to each\n"
	       "       target goes ahead, so that next hops are known; handshake and first byte of it are\n"
	       "       not in the latencies. ('lastack client' is the small tool: a few connections, and\n"
	       "       status 1 unless every one ended well.)\n"
	       "\n"
	       "       Every end is classified by who really sent the first FIN: client_first,\n"
	       "       server_first, simultaneous (they crossed); and by what else can happen: aborts (by\n"
	       "       us), resets, timeouts (nothing acknowledged), refused, fin_wait_2 (the peer never\n"
	       "       closed), gave_up (--timeout).\n"
	       "\n"
	       "       Latencies: handshake, first_byte: from when the connection was due; answer: from\n"
	       "       its request; close: from our FIN until both are acknowledged; lag: our own lateness.\n"
	       "       Each is to three figures from 1 ns to 73 min.\n"
	       "\n"
	       "       Whoever closes first cannot use the four-tuple again for 2*MSL. What the budget of\n"
	       "       tuples allows is said at the start. When none is left, an open loop counts the\n"
	       "       connection as no_tuple and goes on; a closed loop waits and says so. A peer whose own\n"
	       "       2*MSL is longer than ours (Linux: 60s) may refuse a tuple that it closed first on.\n"
	       "\n"
	       "       With --workers N each of N workers has an even part of it all, and of the tuples those\n"
	       "       whose answers come home to its own shard. Rules of --fault count on each worker alone.\n"
	       "\n"
	       "OPTIONS\n"
	       "       TIME carries its unit: 500ms, 30s, 2m. N may end in k, M, G or Ki, Mi, Gi. The\n"
	       "       default is in brackets.\n");
	opt_help(tables, stdout);
	printf("\n"
	       "EXAMPLES\n"
	       "       In a network namespace of its own, against the server at its other end:\n"
	       "\n"
	       "       lastack server --memif /run/la.sock --addr 10.0.0.2/24 --http 80 &\n"
	       "       lastack load --memif /run/la.sock,client --addr 10.0.0.1/24 --to 10.0.0.2:80 \\\n"
	       "                    --rate 1000 --duration 5s --close client:70,server:20,abort:10\n"
	       "\n"
	       "       lastack load --veth ve1 --addr 10.0.0.2/24 --to 10.0.0.1:80 --get /index.html \\\n"
	       "                    --rate 100,1000,100,2s --csv out.csv --plot out.png\n"
	       "\n"
	       "       lastack load --veth ve1 --addr 10.0.0.2/24 --to 10.0.0.1:80 --connections 1000 \\\n"
	       "                    --close=server --fault 'drop 10%% lastack' --msl 2s --linger 4s \\\n"
	       "                    --expect 'resets==0' --expect 'close_p99<1s'\n"
	       "\n"
	       "FILES\n"
	       "       --json FILE has the keys that 'lastack server --help' lists, and load: {loop, counts\n"
	       "       by name, warmup, ended {kind: n}, modes {mode: {planned, kind: n}}, latency_ns {name:\n"
	       "       {count, min, mean, p50 ... p99.999, max}}, faults {name: n}, slowest_closes_per_s,\n"
	       "       expects [{expect, value, ok}]}.\n"
	       "       --csv FILE: seconds, rate (asked for), connects, established, closes (each a\n"
	       "       second); ends by kind and other counts (in the interval); live and time_wait (now);\n"
	       "       p50, p99, p99.9 and max of the interval's latencies in microseconds.\n"
	       "       Figures for --expect: %s; and every counter that --json lists.\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  the run is over, and every --expect holds\n"
	       "       1  one does not, or DPDK or the port could not start, or a file was not written\n"
	       "       2  wrong command line\n",
	       load_metric_names(names, sizeof(names)));
}

/* ---- the configuration ---- */

/* A request for connections that live on, and one for the last, after which the server is to close. */
static int
make_requests(void)
{
	char path[REQUEST / 2], host[LA_ADDR_STRLEN];

	snprintf(path, sizeof(path), "/bytes/%lu", load.cfg.size);
	for (unsigned i = 0; i < load.cfg.ntargets; i++) {
		struct load_target *t = &load.cfg.target[i];
		bool is4 = la_addr_is4(&t->addr);

		la_addr_format(&t->addr, host, sizeof(host));
		for (unsigned final = 0; final < 2; final++) {
			char *text = load.request[i][final];
			int n = snprintf(text, REQUEST,
					 "GET %s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: lastack/%s\r\n%s\r\n",
					 load.get ? load.get : path, is4 ? "" : "[", host, is4 ? "" : "]",
					 lastack_version, final ? "Connection: close\r\n" : "");

			if (n < 0 || n >= REQUEST)
				return -1;
			t->request[final] = text;
			t->request_len[final] = (uint16_t)n;
		}
	}
	return 0;
}

static int
check(char *err, size_t size)
{
	struct load_config *cfg = &load.cfg;
	bool open = cfg->pace.nsteps > 0;

	cfg->protocol = (enum load_protocol)load.protocol;
	if (cfg->mix.total == 0)
		mix_parse("client", &cfg->mix, err, size);
	if (cfg->ntargets == 0)
		snprintf(err, size, "no server was given; allowed: --to ADDR:PORT");
	else if (open && load.concurrency != 0)
		snprintf(err, size, "--rate and --concurrency were given; allowed: one of them");
	else if (load.concurrency > net.max_conns)
		snprintf(err, size, "--concurrency: '%lu' was given; allowed: up to --max-conns, %lu",
			 load.concurrency, net.max_conns);
	else if (!open && load.concurrency != 0 && load.concurrency < net.workers)
		snprintf(err, size, "--concurrency: '%lu' was given; allowed: at least one a worker, %lu",
			 load.concurrency, net.workers);
	else if (net.duration_ms == 0 && cfg->connections == 0 &&
		 (!open || pace_end(&cfg->pace) == PACE_NEVER))
		snprintf(err, size, "no end was given; allowed: --duration, --connections, or a ramp for --rate");
	else if (load.get && (cfg->protocol != LOAD_HTTP || load.size_given))
		snprintf(err, size, "--get: was given with --size or --protocol; allowed: with http, and alone");
	else if (load.size_given && cfg->protocol != LOAD_HTTP && cfg->protocol != LOAD_ECHO)
		snprintf(err, size, "--size: was given; allowed: with --protocol http or echo");
	else if (cfg->requests != 1 && cfg->protocol != LOAD_HTTP && cfg->protocol != LOAD_ECHO)
		snprintf(err, size, "--requests: was given; allowed: with --protocol http or echo");
	else if (cfg->protocol == LOAD_ECHO && cfg->size == 0)
		snprintf(err, size, "--size: '0' was given; allowed: at least 1 with --protocol echo");
	else if (cfg->mix.weight[CLOSE_HALF] != 0 && cfg->protocol != LOAD_HTTP &&
		 cfg->protocol != LOAD_ECHO)
		snprintf(err, size, "--close=half: was given; allowed: with --protocol http or echo");
	else if (cfg->skew_ms[1] != 0 && cfg->mix.weight[CLOSE_BOTH] == 0)
		snprintf(err, size, "--skew: was given; allowed: with --close=both, or a mix that has both");
	else if (load.plot && load_plot_check(load.plot, err, size) != 0)
		return -1;
	else
		return 0;
	return -1;
}

/* How many tuples the run uses up within 2*MSL. */
static uint64_t
need(void)
{
	const struct load_config *cfg = &load.cfg;
	uint64_t n = UINT64_MAX, most;

	if (cfg->connections != 0)
		n = cfg->connections;
	if (cfg->pace.nsteps == 0)
		return n;
	most = pace_most(&cfg->pace, 2ull * net.msl_ms * 1000000,
			 net.duration_ms ? net.duration_ms * UINT64_C(1000000) : PACE_NEVER);
	return most < n ? most : n;
}

static int
configure(int argc, char **argv)
{
	struct load_config *cfg = &load.cfg;
	char err[1400];

	if (opt_parse(argc, argv, tables, err, sizeof(err)) == OPT_BAD ||
	    net_check(err, sizeof(err)) || check(err, sizeof(err)) || sources_claim(&load.sources, err, sizeof(err)))
		return usage_error("load", err);
	for (unsigned i = 0; i < cfg->ntargets; i++)
		if (sources_tuples(&load.sources, &cfg->target[i].addr, cfg->target[i].port,
				   &load.tuples[i], err, sizeof(err)))
			return usage_error("load", err);
	if (sources_check(&load.sources, load.tuples, cfg->ntargets, need(), true, err, sizeof(err)))
		return usage_error("load", err);
	if (make_requests() != 0)
		return usage_error("load", "--get: the request would be too long");
	cfg->concurrency = load.concurrency ? load.concurrency : 100;
	cfg->any_answer = load.get != NULL;
	cfg->reuse = load.sources.reuse;
	cfg->duration_ms = net.duration_ms;
	return EXIT_OK;
}

/* ---- the run ---- */

static int
prepare(struct session *se)
{
	int rc = payload_init();

	for (unsigned i = 0; rc == 0 && i < se->cfg.nstations; i++)
		rc = load_station_init(&load.station[i]);
	load.report.engine = se->engine;
	return rc ? rc : load_report_init(&load.report);
}

static void
interval(struct session *se, double seconds)
{
	(void)se;
	load_report_interval(&load.report, seconds);
}

static const char *
note(struct session *se)
{
	(void)se;
	return load_report_note(&load.report);
}

static void
finish(struct session *se)
{
	load_report_end(&load.report, &se->summary);
	la_summary_extra(&se->summary, "tuple_budget", "tuples", load.tuples[0].budget * load.cfg.ntargets);
	se->summary.more = load_json(&load.report);
}

static int
open_csv(void)
{
	int fd = -1;

	if (load.csv == NULL && load.plot == NULL)
		return 0;
	if (load.csv == NULL) {
		strcpy(load.csv_made, "/tmp/lastack-XXXXXX");
		fd = mkstemp(load.csv_made);
	}
	load.report.csv = load.csv ? fopen(load.csv, "we") : fd < 0 ? NULL : fdopen(fd, "w");
	if (load.report.csv == NULL) {
		fprintf(stderr, "lastack load: --csv: %s: %s\n", load.csv ? load.csv : load.csv_made,
			strerror(errno));
		return -1;
	}
	load_csv_header(load.report.csv);
	return 0;
}

/* The last row is written; the picture comes from all of them. */
static int
close_csv(bool draw)
{
	const char *file = load.csv ? load.csv : load.csv_made;
	char err[256];
	int status = EXIT_OK;

	if (load.report.csv == NULL)
		return EXIT_OK;
	if (fclose(load.report.csv) != 0) {
		fprintf(stderr, "lastack load: --csv: %s: %s\n", file, strerror(errno));
		status = EXIT_FAILED;
	} else if (load.plot && draw && load_plot(file, load.plot, net.msl_ms, err, sizeof(err)) != 0) {
		fprintf(stderr, "lastack load: %s\n", err);
		status = EXIT_FAILED;
	}
	if (load.csv == NULL)
		unlink(load.csv_made);
	return status;
}

/* Station i of so many has its share of everything, and the tuples whose answers come home to its shard. */
static void
set_station(struct la_engine_config *cfg, unsigned i, unsigned of)
{
	struct load_station *st = &load.station[i];

	net_apply(cfg, &cfg->stations[i]);
	st->cfg = &load.cfg;
	st->index = i;
	st->of = of;
	st->concurrency = (uint32_t)net_share(load.cfg.concurrency, i);
	st->capacity = load.cfg.pace.nsteps > 0 ? cfg->stations[i].shard.max_conns : st->concurrency;
	for (unsigned t = 0; t < load.cfg.ntargets; t++) {
		st->tuples[t] = load.tuples[t];
		if (of > 1)
			la_tuples_home(&st->tuples[t], &load.steer, i);
	}
	cfg->stations[i].name = "load";
	cfg->stations[i].worker = i;
	cfg->stations[i].ops = &load_station_ops;
	cfg->stations[i].ctx = st;
	if (load.nfaults > 0)
		st->faulty = la_faulty_create(load.fault, load.nfaults, load.cfg.seed + i);
	cfg->stations[i].faulty = st->faulty;
}

static int
fatal(void)
{
	int rc = 0;

	for (unsigned i = 0; i < load.report.nstations; i++)
		rc = load.station[i].fatal ? load.station[i].fatal : rc;
	if (rc == 0)
		return EXIT_OK;
	fprintf(stderr, "lastack load: cannot connect: %s%s\n", strerror(-rc),
		rc == -EHOSTUNREACH ? "; --to is not on-link and there is no --gateway for it" : "");
	return EXIT_FAILED;
}

static int
run(int argc, char **argv)
{
	static struct session se = {.program = "load", .prepare = prepare, .note = note, .interval = interval,
				    .finish = finish, .summary = {.opens_of = -1}};
	int status, csv;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help();
			return EXIT_OK;
		}
	}
	status = configure(argc, argv);
	if (status != EXIT_OK)
		return status;
	if (open_csv() != 0)
		return EXIT_FAILED;
	se.cfg.nstations = (unsigned)net.workers;
	la_steer_init(&load.steer, se.cfg.nstations);
	for (unsigned i = 0; i < se.cfg.nstations; i++)
		set_station(&se.cfg, i, se.cfg.nstations);
	se.cfg.duration_ms = 0; /* the stations': they stop opening and let the rest finish */
	se.cfg.report_ms = load.interval_ms;
	se.silent = net.quiet;
	se.json = net.json;
	se.summary.msl_ms = net.msl_ms;
	load.report.cfg = &load.cfg;
	load.report.stations = load.station;
	load.report.nstations = se.cfg.nstations;
	load.report.msl_ms = net.msl_ms;
	load.report.expects = load.expect;
	load.report.nexpects = load.nexpects;
	status = session_run(&se);
	csv = close_csv(se.summary.more != NULL);
	if (se.summary.more != NULL && (net.json == NULL || strcmp(net.json, "-") != 0))
		load_report_print(&load.report, stdout);
	if (status == EXIT_OK)
		status = csv;
	if (status == EXIT_OK)
		status = fatal();
	if (status == EXIT_OK && !load_report_ok(&load.report))
		status = EXIT_FAILED;
	for (unsigned i = 0; i < se.cfg.nstations; i++) {
		load_station_fini(&load.station[i]);
		la_faulty_destroy(load.station[i].faulty);
	}
	load_report_fini(&load.report);
	return status;
}

const struct command command_load = {
	.name = "load",
	.summary = "connection load by schedule, every way to close, faults, latencies",
	.run = run,
};

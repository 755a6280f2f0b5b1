/* SPDX-License-Identifier: BSD-3-Clause */

/* The command line of lastack load: each option, its help, and checks of combinations. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/netopts.h"
#include "http/http_parse.h"
#include "load/load_opts.h"
#include "load/load_report.h"
#include "run/units.h"

static const char *const protocols[] = {"http", "echo", "close", "plain", NULL};

struct load_options load = {
	.cfg = {.requests = 1, .size = 100, .timeout_ms = 10000, .linger_ms = 1000, .seed = 1},
	.sources = {.port_lo = 1024, .port_hi = 65535},
	.interval_ms = 1000,
	.allow_failures = -1,
	.find_hold_ms = 2000,
	.find_challenges = FIND_CHALLENGES,
};

/* Reads "0.1%" or "0.001". The empty text allows any number of failures. */
static int
set_allow(void *dst, const char *text, char *why, size_t size)
{
	char *end;
	double v = strtod(text, &end);
	bool percent = strcmp(end, "%") == 0;

	if (text[0] == '\0')
		v = 1;
	else if (end == text || (*end != '\0' && !percent) || strpbrk(text, "xXpPnN"))
		v = -1;
	else if (percent)
		v /= 100;
	if (v >= 0 && v <= 1) {
		*(double *)dst = v;
		return 0;
	}
	snprintf(why, size, "nothing, or a share of all connections, 0.1%% or 0.001");
	return -1;
}

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
set_skew(void *dst, const char *text, char *why, size_t size)
{
	uint32_t *ms = dst;
	char from[32], *comma;

	if (strlen(text) < sizeof(from)) {
		strcpy(from, text);
		comma = strchr(from, ',');
		if (comma)
			*comma = '\0';
		if (la_parse_duration(from, &ms[0]) == 0 && la_parse_duration(comma ? comma + 1 : from, &ms[1]) == 0 &&
		    ms[0] <= ms[1])
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
		snprintf(why, size, "no 'from': faults apply to our own frames only");
		return -1;
	}
	load.nfaults++;
	return 0;
}

static int
set_expect(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	if (load.nexpects == LOAD_EXPECTS) {
		snprintf(why, size, "at most %d of them", LOAD_EXPECTS);
		return -1;
	}
	if (expect_parse(text, &load.expect[load.nexpects], why, size) != 0)
		return -1;
	load.nexpects++;
	return 0;
}

static int
set_find(void *dst, const char *text, char *why, size_t size)
{
	memset(dst, 0, sizeof(struct trials)); /* --find-max replaces the conditions of --profile */
	return trials_parse(dst, text, why, size);
}

/* The parameters of published methods; docs/load.md compares them. */
static const struct {
	const char *name;
	enum load_protocol protocol;
	uint64_t size;
	const char *conditions;
	uint32_t hold_ms;
} profiles[] = {
	{"rfc9411-cps", LOAD_HTTP, 1024, "failed<=0.001%", 10000}, /* RFC 9411 7.2 */
	{"teardown-rate", LOAD_PLAIN, 0, "failed<=0.001%", 10000}, /* RFC 3511 5.4 */
};

static int
set_profile(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (strcmp(text, profiles[i].name) != 0)
			continue;
		load.protocol = profiles[i].protocol;
		load.cfg.size = profiles[i].size;
		load.find_hold_ms = profiles[i].hold_ms;
		memset(&load.find, 0, sizeof(load.find));
		return trials_parse(&load.find, profiles[i].conditions, why, size);
	}
	snprintf(why, size, "rfc9411-cps or teardown-rate");
	return -1;
}

#define CALL(n, a, d, f, h)                                                           \
	{                                                                             \
		.name = n, .kind = OPT_CALL, .arg = a, .dst = d, .call = f, .help = h \
	}

/* clang-format off */
static const struct opt load_table[] = {
	{.kind = OPT_HEADING, .help = "Targets and sources"},
	CALL("to", "ADDR:PORT", NULL, set_to,
	     "a server: 10.0.0.1:80 or [fd00::1]:80; may be repeated: servers take turns"),
	CALL("from", "PREFIX", &load.sources, sources_set_from,
	     "prefix of source addresses; the server must route it to us; may be repeated\n"
	     "[the addresses of --addr]"),
	CALL("ports", "LOW-HIGH", &load.sources, sources_set_ports, "range of source ports [1024-65535]"),
	{.name = "reuse", .kind = OPT_FLAG, .dst = &load.sources.reuse,
	 .help = "use tuples again before the end of their 2*MSL, with ISN and timestamps above the old\n"
		 "ones: tests the peer's rules for reopening"},
	{.kind = OPT_HEADING, .help = "Rate and number of connections"},
	CALL("rate", "N|FROM,TO,STEP,HOLD", &load.cfg.pace, set_rate,
	     "open loop: begin N connections a second, independent of the server's answers; or a ramp:\n"
	     "FROM/s for HOLD, then STEP more (or fewer), and so on to TO"),
	CALL("find-max", "CONDITION,...", &load.find, set_find,
	     "search the highest rate at which all conditions (as for --expect) hold and every connection that is\n"
	     "due is begun: --rate [1000] doubles until a trial fails twice in a row, bisection to 1 %, then three\n"
	     "confirmations. A failed trial in which the machine stopped this generator does not count (disturbed).\n"
	     "'failed==0,first_byte_p99<50ms'"),
	CALL("profile", "rfc9411-cps|teardown-rate", NULL, set_profile,
	     "--find-max by a published method: RFC 9411 7.2, one GET of 1 KiB a connection; RFC 3511 5.4, connections\n"
	     "without data; at most 0.001 % failures, trials of 10 s. Options after it override (docs/load.md)"),
	{.name = "find-hold", .kind = OPT_DURATION, .dst = &load.find_hold_ms, .arg = "TIME", .min = 100,
	 .max = 3600000, .help = "--find-max: length of a trial [2s]"},
	{.name = "find-challenges", .kind = OPT_NUMBER, .dst = &load.find_challenges, .arg = "N", .min = 0,
	 .max = 100, .help = "--find-max: a rate 2.5 % above the result must fail N times. More for a machine whose\n"
			     "speed changes: each failure takes two trials [3]"},
	{.name = "concurrency", .kind = OPT_NUMBER, .dst = &load.concurrency, .arg = "N", .min = 1,
	 .max = 1 << 24, .help = "closed loop: keep N connections open [100, without --rate]"},
	{.name = "connections", .kind = OPT_NUMBER, .dst = &load.cfg.connections, .arg = "N", .min = 1,
	 .max = 1ull << 40, .help = "begin N connections in all [no limit]"},
	{.kind = OPT_HEADING, .help = "Use of a connection"},
	{.name = "protocol", .kind = OPT_CHOICE, .dst = &load.protocol, .arg = "http|echo|close|plain",
	 .choices = protocols,
	 .help = "http: GET; echo: send and read back; close: the close service of 'lastack server', which\n"
		 "closes on command; plain: open and close [http]"},
	{.name = "requests", .kind = OPT_NUMBER, .dst = &load.cfg.requests, .arg = "N", .min = 1,
	 .max = 1ull << 32, .help = "http, echo: N requests one after the other on each connection [1]"},
	CALL("size", "BYTES", &load.cfg.size, set_size,
	     "http: N of the path /bytes/N; echo: length of each message. Byte i is i mod 251; the\n"
	     "answer is compared [100]"),
	{.name = "think", .kind = OPT_DURATION, .dst = &load.cfg.think_ms, .arg = "TIME", .max = 3600000,
	 .help = "wait after every answer, before the next request or before the close [0]"},
	{.name = "timeout", .kind = OPT_DURATION, .dst = &load.cfg.timeout_ms, .arg = "TIME",
	 .max = 3600000,
	 .help = "abort a connection without progress for this time (gave_up); in FIN_WAIT_2 stop waiting\n"
		 "for the peer's FIN (fin_wait_2); 0: never [10s]"},
	{.kind = OPT_HEADING, .help = "End of a connection"},
	CALL("close", "HOW", &load.cfg.mix, set_close,
	     "client: our FIN first, after the last answer. server: the peer's FIN is waited for.\n"
	     "both: FINs that cross: our FIN is sent --skew after the last request, which asks the\n"
	     "peer to close. half: our FIN with the last request, the answer arrives on the\n"
	     "half-closed connection. abort: RST after the last answer. A mix has weights:\n"
	     "client:70,server:20,abort:10 [client]"),
	CALL("skew", "TIME[,TIME]", load.cfg.skew_ms, set_skew,
	     "both: time between the last request and our FIN; between two times: at random [0]"),
	{.name = "linger", .kind = OPT_DURATION, .dst = &load.cfg.linger_ms, .arg = "TIME", .max = 240000,
	 .help = "after the last close, time in which TIME_WAIT still answers repeated FINs [1s]"},
	{.kind = OPT_HEADING, .help = "Faults in transmitted frames"},
	CALL("fault", "RULE", NULL, set_fault,
	     "ACTION WHICH KIND [for TIME]; may be repeated: the first rule that matches applies.\n"
	     "ACTION: drop; hold (transmit TIME later); dup (transmit again TIME later); reorder (after\n"
	     "the next frame); corrupt. WHICH: 1st, 2nd, ...; every; 5% at random. KIND: syn, data,\n"
	     "fin, ack, lastack (the ACK of the peer's FIN), rst, segment (any).\n"
	     "'drop 1st fin', 'hold 3rd data for 70ms', 'dup 1% segment for 5s'"),
	{.name = "seed", .kind = OPT_NUMBER, .dst = &load.cfg.seed, .arg = "N", .max = UINT64_MAX >> 1,
	 .help = "seed of random faults and skews [1]"},
	{.kind = OPT_HEADING, .help = "Results"},
	CALL("expect", "CONDITION", NULL, set_expect,
	     "status 1 unless the condition holds at the end: 'resets==0', 'close_p99<5ms',\n"
	     "'closes_per_s>=10k', 'failed<0.01%', 'complete>=99.9%' (shares of connects); may be\n"
	     "repeated. A figure without samples fails its condition. An upper bound on failed, or on a\n"
	     "kind of failure, replaces the rule that no connection may fail that way"),
	{.name = "allow-failures", .kind = OPT_CALL_SWITCH, .arg = "[=SHARE]", .dst = &load.allow_failures,
	 .call = set_allow,
	 .help = "connections may fail, up to this share of connects (0.1% or 0.001; without a value: any),\n"
		 "as long as one ends as planned [0: one failure is status 1]"},
	{.name = "csv", .kind = OPT_TEXT, .dst = &load.csv, .arg = "FILE", .help = "a row for each interval"},
	{.name = "plot", .kind = OPT_TEXT, .dst = &load.plot, .arg = "FILE.png|FILE.svg",
	 .help = "rates, latencies and TIME_WAIT over time, drawn by gnuplot"},
	{.name = "interval", .kind = OPT_DURATION, .dst = &load.interval_ms, .arg = "TIME", .min = 50,
	 .max = 3600000, .help = "time between live lines, and between rows [1s]"},
	OPT_END,
};
/* clang-format on */

const struct opt *const load_tables[] = {net_port_opts,	 net_addr_opts,	   load_table,	 load_request_opts,
					 net_table_opts, net_restart_opts, net_run_opts, NULL};

void
load_help(void)
{
	char names[1400], bad[512] = "";

	for (unsigned i = REPLY_GOOD + 1, n = 0; i < BAD_ANSWERS && n < sizeof(bad); i++)
		n += (unsigned)snprintf(bad + n, sizeof(bad) - n, "%s%s", load_bad_name(i),
					i + 1 == BAD_ANSWERS ? ""
					: i % 5 == 0	     ? ",\n       "
							     : ", ");
	printf("NAME\n"
	       "       lastack load - connection load by schedule, and how connections end\n"
	       "\n"
	       "SYNOPSIS\n"
	       "       lastack load PORT --addr ADDR/LEN... --to ADDR:PORT... [OPTIONS]\n"
	       "\n"
	       "DESCRIPTION\n"
	       "       Opens connections to any TCP server and ends each as --close says. With --rate,\n"
	       "       connection n is due n/rate seconds after the start, even when answers are slow. Its\n"
	       "       latencies count from the due time, also when it was begun late (no coordinated\n"
	       "       omission). Without --rate, --concurrency connections are kept open. First, one connection\n"
	       "       to each target is opened and closed without a request, so that next hops are known; it\n"
	       "       counts only as warmup. ('lastack client' is the small tool: a few connections, and\n"
	       "       status 1 unless every connection ended well.)\n"
	       "\n"
	       "       Orderly ends are classified by the first FIN: client_first, server_first, simultaneous\n"
	       "       (the FINs crossed). The other ends are aborts (--close=abort), resets (by the peer),\n"
	       "       timeouts (nothing was acknowledged), refused, fin_wait_2 (no FIN of the peer), gave_up\n"
	       "       (--timeout), bad_answers (aborted by us: an answer could not be read further),\n"
	       "       unfinished (aborted by us: open at the end of the run).\n"
	       "\n"
	       "       HTTP: 1xx answers are skipped. After an answer with Connection: close, an answer that the\n"
	       "       FIN ends, or an HTTP/1.0 answer without keep-alive, the requests left go to another\n"
	       "       connection (reconnects), which is not in the schedule. Each wrong answer counts once in\n"
	       "       wrong, and by its fault: %s.\n"
	       "\n"
	       "       A connection has failed when its end was not planned, or when an answer is missing or\n"
	       "       wrong. Planned ends: client, half: client_first; server: server_first; these three also\n"
	       "       simultaneous; both: any orderly end; abort: aborts. A complete connection that the wrong\n"
	       "       side closed first counts as unplanned, and as failed.\n"
	       "\n"
	       "       All rates are orderly closes, divided by the time in which connections were due. This time\n"
	       "       begins with the schedule. It ends with the ramp, with --duration, or when the connection\n"
	       "       after the last of --connections would be due (when the last was begun, if that is later).\n"
	       "       In a closed loop it ends when no more are opened, and only closes until then count.\n"
	       "       A figure without samples is - in tables, null in JSON, empty in CSV.\n"
	       "\n"
	       "       The verdict has the rate offered, the rate carried, and the limit: the target (failed\n"
	       "       connections), the port (lost frames), this generator (a worker busy for more than 95 %% of\n"
	       "       its time, lag p99 above a tenth of the median latency, no tuple, no TCB, connections not\n"
	       "       begun in time), or none. A ramp has a row for each step instead, of the connections that\n"
	       "       were due in the step.\n"
	       "\n"
	       "       After --duration, or the end of a ramp, no connection of the schedule is begun. Connections\n"
	       "       that are open --drain later are aborted and count as unfinished. The run takes at most the\n"
	       "       schedule, --drain and --linger, from the first SYN on.\n"
	       "\n"
	       "       Latencies: handshake, first_byte: from the due time of the connection; answer: from\n"
	       "       its request; close: from our FIN until both FINs are acknowledged; lag: lateness of this\n"
	       "       generator; unfinished: age of unfinished connections. Each has three significant digits\n"
	       "       from 1 ns to 73 min.\n"
	       "\n"
	       "       The side that closes first cannot use the four-tuple again for 2*MSL. --verbose prints\n"
	       "       what the budget of tuples allows. When no tuple is left, an open loop counts the\n"
	       "       connection as no_tuple and goes on; a closed loop waits, and the live line shows it. A peer\n"
	       "       whose 2*MSL is longer than ours (Linux: 60s) may refuse a tuple on which it closed first.\n"
	       "\n"
	       "       With --workers N each worker has an even part of all totals, and the tuples that hash to\n"
	       "       its shard. Rules of --fault count on each worker separately.\n"
	       "\n"
	       "OPTIONS\n",
	       bad);
	net_help(load_tables);
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
	       "       --json FILE has the keys that 'lastack server --help all' lists, and load: {loop, counts\n"
	       "       by name, warmup, ended {kind: n}, modes {mode: {planned, kind: n}}, latency_ns {name:\n"
	       "       {count, min, mean, p50 ... p99.999, max}}, faults {name: n},\n"
	       "       answers_bad {name: n}, closes_per_s,\n"
	       "       slowest_closes_per_s, failed_by {cause: n}, survivors_only (a connection has failed),\n"
	       "       verdict {offered_per_s, carried_per_s, limit, reason, generator, busy_share}, targets\n"
	       "       [{to, connects, established, orderly, failed}], workers [{busy_share,\n"
	       "       cycles_per_connection, lag_ns}], steps of a ramp [{rate, seconds, offered,\n"
	       "       begun, complete, failed, latency_ns}], expects [{expect, value, ok}]}.\n"
	       "       --csv FILE: seconds, rate (of the schedule), connects, established, orderly closes (each a\n"
	       "       second); ends by kind and other counts (in the interval); live and time_wait (now);\n"
	       "       p50, p99, p99.9 and max of the interval's latencies in microseconds; busy share, busy TSC\n"
	       "       cycles by connections begun, and lag of each worker, numbered from 0. --plot draws the\n"
	       "       columns, and the steps of a ramp.\n"
	       "       Figures for --expect: %s; and every counter that --json lists.\n"
	       "\n"
	       "EXIT STATUS\n"
	       "       0  no connection failed, at least one ended as planned, and every --expect holds. Failures\n"
	       "          within --allow-failures or --expect are allowed; connections that a signal left open\n"
	       "          have not failed\n"
	       "       1  one of these is not true, or DPDK or the port could not start, or a file was not written\n"
	       "       2  wrong command line\n",
	       load_metric_names(names, sizeof(names)));
}

/* ---- combinations ---- */

static int
load_options_check(char *err, size_t size)
{
	struct load_config *cfg = &load.cfg;
	bool find = load.find.nconditions > 0, open = cfg->pace.nsteps > 0 || find;

	cfg->protocol = (enum load_protocol)load.protocol;
	if (cfg->mix.total == 0)
		mix_parse("client", &cfg->mix, err, size);
	if (cfg->ntargets == 0)
		snprintf(err, size, "no server was given; allowed: --to ADDR:PORT");
	else if (open && load.concurrency != 0)
		snprintf(err, size, "--rate and --concurrency were given; allowed: one of them");
	else if (load.concurrency > net.shard.max_conns)
		snprintf(err, size, "--concurrency: '%lu' was given; allowed: up to --max-conns, %u", load.concurrency,
			 net.shard.max_conns);
	else if (!open && load.concurrency != 0 && load.concurrency < net.workers)
		snprintf(err, size, "--concurrency: '%lu' was given; allowed: at least one a worker, %lu",
			 load.concurrency, net.workers);
	else if (find && (cfg->pace.nsteps > 1 || net.duration_ms || cfg->connections))
		snprintf(
			err, size,
			"--find-max: was given with a ramp, --duration or --connections; allowed: with a rate to start from");
	else if (!find && net.duration_ms == 0 && cfg->connections == 0 &&
		 (!open || pace_end(&cfg->pace) == PACE_NEVER))
		snprintf(err, size, "no end was given; allowed: --duration, --connections, or a ramp for --rate");
	else if (load_request_check(err, size) != 0)
		return -1;
	else if (load.size_given && cfg->protocol != LOAD_HTTP && cfg->protocol != LOAD_ECHO)
		snprintf(err, size, "--size: was given; allowed: with --protocol http or echo");
	else if (cfg->requests != 1 && cfg->protocol != LOAD_HTTP && cfg->protocol != LOAD_ECHO)
		snprintf(err, size, "--requests: was given; allowed: with --protocol http or echo");
	else if (cfg->protocol == LOAD_ECHO && cfg->size == 0)
		snprintf(err, size, "--size: '0' was given; allowed: at least 1 with --protocol echo");
	else if (cfg->mix.weight[CLOSE_HALF] != 0 && cfg->protocol != LOAD_HTTP && cfg->protocol != LOAD_ECHO)
		snprintf(err, size, "--close=half: was given; allowed: with --protocol http or echo");
	else if (cfg->skew_ms[1] != 0 && cfg->mix.weight[CLOSE_BOTH] == 0)
		snprintf(err, size, "--skew: was given; allowed: with --close=both, or a mix that has both");
	else if (load.plot && load_plot_check(load.plot, err, size) != 0)
		return -1;
	else
		return 0;
	return -1;
}

int
load_options_read(int argc, char **argv, char *err, size_t size)
{
	struct load_config *cfg = &load.cfg;

	if (opt_parse(argc, argv, load_tables, err, size) == OPT_BAD || net_check(err, size) ||
	    load_options_check(err, size))
		return -1;
	cfg->concurrency = load.concurrency ? load.concurrency : 100;
	cfg->reuse = load.sources.reuse;
	cfg->duration_ms = net.duration_ms;
	cfg->drain_ms = net.drain_ms;
	return 0;
}

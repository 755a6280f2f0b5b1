/* SPDX-License-Identifier: BSD-3-Clause */

/* lastack load: connections by schedule, and how they end. (internal.h lists the files.) */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/netopts.h"
#include "cli/session.h"
#include "io/output.h"
#include "load/load_opts.h"
#include "load/load_report.h"
#include "run/units.h"
#include "server/payload.h"

static struct {
	struct load_station station[LA_ENGINE_MAX_STATIONS];
	struct load_report report;
	struct la_tuples tuples[LOAD_TARGETS]; /* of all stations together */
	struct la_steer steer;		       /* selects the shard of a port that a tuple hashes to */
	char csv_made[32];		       /* name of the temporary CSV: --plot without --csv */
} job;

enum {
	FIND_START = 1000,    /* rate of the first trial without --rate, connections/s */
	FIND_MOST = 10000000, /* highest rate of a trial, connections/s */
	FIND_TICK_MS = 100,   /* time between two calls of trials_tick() */
};

/* ---- the configuration ---- */

/* Returns the most tuples that the run uses within 2*MSL. 0: not known (--find-max). UINT64_MAX: no limit. */
static uint64_t
load_tuples_needed(void)
{
	const struct load_config *cfg = &load.cfg;
	uint64_t n = UINT64_MAX, most;

	if (load.find.nconditions > 0) /* the search sets the rates */
		return 0;
	if (cfg->connections != 0)
		n = cfg->connections + cfg->ntargets * net.workers; /* and the warm-up connections */
	if (cfg->pace.nsteps == 0)
		return n;
	most = pace_most(&cfg->pace, 2ull * net.shard.msl_ms * 1000000,
			 net.duration_ms ? net.duration_ms * UINT64_C(1000000) : PACE_NEVER);
	return most < n ? most : n;
}

/* Sets the port and the tuples of each target. Each port needs a target. Returns 0, or -1 with a line in err. */
static int
load_place_targets(char *err, size_t size)
{
	unsigned count[LA_EAL_MAX_PORTS] = {0};

	for (unsigned i = 0; i < load.cfg.ntargets; i++) {
		struct load_target *to = &load.cfg.target[i];
		unsigned port;

		if (sources_port(&to->addr, to->via, &port, err, size) ||
		    sources_tuples(&load.sources, port, &to->addr, to->port, &job.tuples[i], err, size))
			return -1;
		to->via = (uint8_t)port;
		count[port]++;
	}
	for (unsigned p = 0; p < net.eal.nports; p++)
		if (count[p] == 0) {
			snprintf(err, size,
				 "no server was given for %s; allowed: --to with an address in its subnet, or behind "
				 "its --gateway",
				 net.port[p].name);
			return -1;
		}
	return 0;
}

static int
load_configure(int argc, char **argv)
{
	struct load_config *cfg = &load.cfg;
	char err[1400];

	if (load_options_read(argc, argv, err, sizeof(err)) || sources_claim(&load.sources, err, sizeof(err)) ||
	    load_place_targets(err, sizeof(err)))
		return usage_error("load", err);
	if (sources_check(&load.sources, job.tuples, cfg->ntargets, load_tuples_needed(), true, err, sizeof(err)))
		return usage_error("load", err);
	if (load_requests_make(err, sizeof(err)) != 0)
		return usage_error("load", err);
	if (load.find.nconditions > 0 &&
	    trials_init(&load.find, &cfg->pace, cfg->pace.nsteps > 0 ? cfg->pace.step[0].rate : FIND_START, FIND_MOST,
			load.find_hold_ms * UINT64_C(1000000)) != 0)
		return usage_error("load", "--find-max: no memory");
	load.find.find.challenges_most = (unsigned)load.find_challenges;
	return EXIT_OK;
}

/* ---- the run ---- */

static int
load_prepare(struct session *se)
{
	int rc = payload_init();

	la_steer_init(&job.steer, (unsigned)net.workers); /* again: a snapshot file may have set another key */
	for (unsigned i = 0; rc == 0 && i < se->cfg.nstations; i++)
		rc = load_station_init(&job.station[i]);
	job.report.engine = se->engine;
	job.report.trials = load.find.nconditions > 0 ? &load.find : NULL;
	return rc ? rc : load_report_init(&job.report);
}

static void
load_interval(struct session *se, double seconds)
{
	(void)se;
	load_report_interval(&job.report, seconds);
}

static const char *
load_note(struct session *se)
{
	(void)se;
	return load_report_note(&job.report);
}

static void
load_finish(struct session *se)
{
	load_report_end(&job.report, &se->summary);
	la_summary_extra(&se->summary, "tuple_budget", "tuples", sources_budget(job.tuples, load.cfg.ntargets));
	se->summary.more = load_json(&job.report);
}

static int
open_csv(void)
{
	char err[512];
	int fd = -1;

	if (load.csv == NULL && load.plot == NULL)
		return 0;
	if ((load.plot && la_output_check("--plot", load.plot, err, sizeof(err))) ||
	    (load.csv && la_output_check("--csv", load.csv, err, sizeof(err)))) {
		fprintf(stderr, "lastack load: %s\n", err);
		return -1;
	}
	if (load.csv == NULL) {
		strcpy(job.csv_made, "/tmp/lastack-XXXXXX");
		fd = mkstemp(job.csv_made);
	}
	job.report.csv = load.csv ? fopen(load.csv, "we") : fd < 0 ? NULL : fdopen(fd, "w");
	if (job.report.csv == NULL) {
		fprintf(stderr, "lastack load: --csv: %s: %s\n", load.csv ? load.csv : job.csv_made, strerror(errno));
		return -1;
	}
	if (load.find.nconditions > 0)
		trials_csv_header(job.report.csv);
	else
		load_csv_header(job.report.csv, job.report.nstations);
	return 0;
}

/* Closes the CSV, draws --plot from its rows, and removes a temporary CSV. Returns an exit status. */
static int
close_csv(bool draw)
{
	const char *file = load.csv ? load.csv : job.csv_made;
	char err[256];
	int status = EXIT_OK;

	if (job.report.csv == NULL)
		return EXIT_OK;
	if (fclose(job.report.csv) != 0) {
		fprintf(stderr, "lastack load: --csv: %s: %s\n", file, strerror(errno));
		status = EXIT_FAILED;
	} else if (load.plot && draw && load_plot(&job.report, file, load.plot, err, sizeof(err)) != 0) {
		fprintf(stderr, "lastack load: %s\n", err);
		status = EXIT_FAILED;
	}
	if (load.csv == NULL)
		unlink(job.csv_made);
	return status;
}

/* Gives station i of `of` its share of all totals, the targets of its port, and the tuples that hash to its shard. */
static void
set_station(struct la_engine_config *cfg, unsigned i, unsigned of)
{
	struct load_station *st = &job.station[i];

	net_station(&cfg->stations[i], i);
	st->cfg = &load.cfg;
	st->index = i;
	st->of = of;
	st->concurrency = (uint32_t)net_share(load.cfg.concurrency, i);
	st->share = load.cfg.connections ? net_share(load.cfg.connections, i) : UINT64_MAX;
	st->capacity = load.cfg.pace.nsteps > 0 ? cfg->stations[i].shard.max_conns : st->concurrency;
	for (unsigned t = 0; t < load.cfg.ntargets; t++) {
		if (load.cfg.target[t].via != cfg->stations[i].port)
			continue;
		st->targets[st->ntargets++] = (uint8_t)t;
		st->tuples[t] = job.tuples[t];
		if (net.workers > 1)
			la_tuples_home(&st->tuples[t], &job.steer, i % (unsigned)net.workers);
	}
	cfg->stations[i].name = "load";
	cfg->stations[i].ops = &load_station_ops;
	cfg->stations[i].ctx = st;
	if (load.nfaults > 0)
		st->faulty = la_faulty_create(load.fault, load.nfaults, load.cfg.seed + i);
	cfg->stations[i].faulty = st->faulty;
}

static int
load_fatal(void)
{
	int rc = 0;

	for (unsigned i = 0; i < job.report.nstations; i++)
		rc = job.station[i].fatal ? job.station[i].fatal : rc;
	return rc ? connect_error("load", rc) : EXIT_OK;
}

/* Prints the longest possible duration of a run that ends by time. */
static void
print_longest(void)
{
	uint64_t end = load_time_limit(&load.cfg), ms = end / 1000000;
	char total[16], drain[16], linger[16], length[16];

	if (net.quiet || end == PACE_NEVER || ms + net.drain_ms + load.cfg.linger_ms > UINT32_MAX)
		return;
	printf("run: at most %s from the first SYN on: %s of schedule, --drain %s, --linger %s\n",
	       la_format_duration((uint32_t)ms + net.drain_ms + load.cfg.linger_ms, total, sizeof(total)),
	       la_format_duration((uint32_t)ms, length, sizeof(length)),
	       la_format_duration(net.drain_ms, drain, sizeof(drain)),
	       la_format_duration(load.cfg.linger_ms, linger, sizeof(linger)));
	fflush(stdout);
}

static int
run(int argc, char **argv)
{
	static struct session se = {.program = "load",
				    .prepare = load_prepare,
				    .note = load_note,
				    .interval = load_interval,
				    .finish = load_finish,
				    .summary = {.opens_of = -1, .own_rates = true}};
	int status, csv;
	char why[400];

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			load_help();
			return EXIT_OK;
		}
	}
	status = load_configure(argc, argv);
	if (status != EXIT_OK)
		return status;
	se.cfg.nstations = net_stations();
	la_steer_init(&job.steer, (unsigned)net.workers);
	net_apply(&se.cfg);
	for (unsigned i = 0; i < se.cfg.nstations; i++)
		set_station(&se.cfg, i, se.cfg.nstations);
	se.cfg.duration_ms = 0; /* the stations observe --duration: they open no more, and open connections may end */
	se.cfg.report_ms = load.interval_ms;
	se.silent = net.quiet || load.find.nconditions > 0;
	if (load.find.nconditions > 0)
		se.cfg.report_ms = FIND_TICK_MS;
	se.cfg.tuples = sources_budget(job.tuples, load.cfg.ntargets);
	se.json = net.json;
	se.summary.msl_ms = net.shard.msl_ms;
	job.report.nstations = se.cfg.nstations;
	job.report.nports = net.eal.nports;
	if (session_check(&se) != EXIT_OK || open_csv() != 0)
		return EXIT_FAILED;
	job.report.cfg = &load.cfg;
	job.report.stations = job.station;
	job.report.msl_ms = net.shard.msl_ms;
	job.report.expects = load.expect;
	job.report.nexpects = load.nexpects;
	job.report.allow = load.allow_failures;
	job.report.interval_ms = load.interval_ms;
	print_longest();
	status = session_run(&se);
	csv = close_csv(se.summary.more != NULL);
	if (se.summary.more != NULL && (net.json == NULL || strcmp(net.json, "-") != 0))
		load_report_print(&job.report, stdout);
	if (status == EXIT_OK)
		status = csv;
	if (status == EXIT_OK)
		status = load_fatal();
	if (status == EXIT_OK && !load_report_ok(&job.report, se.signalled, why, sizeof(why))) {
		status = EXIT_FAILED;
		if (why[0] != '\0')
			fprintf(stderr, "lastack load: %s\n", why);
	}
	for (unsigned i = 0; i < se.cfg.nstations; i++) {
		load_station_fini(&job.station[i]);
		la_faulty_destroy(job.station[i].faulty);
	}
	load_report_fini(&job.report);
	load_requests_free();
	trials_fini(&load.find);
	return status;
}

const struct command command_load = {
	.name = "load",
	.summary = "connection load by schedule, every way to close, faults, latencies",
	.synopsis = "PORT --addr ADDR/LEN... --to ADDR:PORT [OPTIONS]",
	.common = "tap veth xdp memif allow workers addr gateway to from rate concurrency connections protocol "
		  "find-max get close expect plot msl duration json ready-file quiet",
	.tables = load_tables,
	.run = run,
	.orderly = true,
};

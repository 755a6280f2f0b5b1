/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "core/log.h"
#include "io/output.h"
#include "snapshot/snapshot.h"

static void
session_report(void *ctx, double seconds)
{
	struct session *se = ctx;
	char line[256];
	const char *note;
	uint32_t quiet = la_engine_quiet_left(se->engine);
	char left[64];

	if (se->interval)
		se->interval(se, seconds);
	if (se->silent)
		return;
	note = se->note ? se->note(se) : NULL;
	if (quiet != 0) {
		snprintf(left, sizeof(left), "quiet time: %u s left", (quiet + 999) / 1000);
		note = left;
	}

	la_summary_take(&se->now, se->engine, &se->cfg);
	se->now.seconds = seconds;
	la_summary_live_line(&se->before, &se->now, seconds - se->before.seconds, line, sizeof(line));
	printf("%s%s%s\n", line, note ? "  " : "", note ? note : "");
	if (!se->cksum_noted && la_summary_cksum_note(&se->now, line, sizeof(line))) {
		se->cksum_noted = true;
		printf("%s\n", line);
	}
	fflush(stdout);
	se->before = se->now;
}

int
usage_error(const char *program, const char *text)
{
	/* the text may quote an argument: its control characters must not reach a terminal */
	fprintf(stderr, "lastack %s: ", program);
	for (const char *c = text; *c; c++)
		fputc(iscntrl((unsigned char)*c) ? '?' : *c, stderr);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

int
connect_error(const char *program, int error)
{
	fprintf(stderr, "lastack %s: cannot connect: %s%s\n", program, strerror(-error),
		error == -EHOSTUNREACH ? "; --to is not on-link and there is no --gateway for it" : "");
	return EXIT_FAILED;
}

static int
session_fail(const struct session *se, const char *text)
{
	fflush(stdout);
	fprintf(stderr, "lastack %s: %s\n", se->program, text);
	return EXIT_FAILED;
}

static int
session_summarize(struct session *se)
{
	uint64_t lost = la_engine_capture_lost(se->engine);
	int rc;

	la_summary_take(&se->summary, se->engine, &se->cfg);
	if (lost != 0)
		la_summary_extra(&se->summary, "capture_lost", "frames the capture lost", lost);
	if (se->finish)
		se->finish(se);
	if (se->json == NULL || strcmp(se->json, "-") != 0)
		la_summary_print(&se->summary, stdout);
	if (se->json == NULL)
		return EXIT_OK;
	rc = la_summary_json(&se->summary, se->json);
	if (rc == 0)
		return EXIT_OK;
	fprintf(stderr, "lastack %s: --json: %s: %s\n", se->program, se->json, strerror(-rc));
	return EXIT_FAILED;
}

/* Writes the snapshot file, if --state is given. Returns EXIT_OK, or EXIT_FAILED after a line on stderr. */
static int
save_snapshot(struct session *se)
{
	char err[LA_ERROR_LINE];

	if (la_engine_save_snapshot(se->engine, err, sizeof(err)) == 0)
		return EXIT_OK;
	return session_fail(se, err);
}

/* Returns a file that two options name, so that one output would overwrite the other; NULL: there is none. */
static const char *
find_named_twice(const char *const *files, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; files[i] != NULL && k < i; k++)
			if (files[k] != NULL && strcmp(files[i], files[k]) == 0)
				return files[i];
	return NULL;
}

int
session_check(const struct session *se)
{
	const char *pcap = se->cfg.pcap, *state = se->cfg.snapshot, *ready = se->cfg.ready_file;
	const char *twice = find_named_twice((const char *const[]){se->json, state, pcap, ready}, 4);
	char err[LA_ERROR_LINE] = "", why[LA_ERROR_LINE - 64];

	if (twice)
		snprintf(err, sizeof(err), "%s: two of --json, --state, --pcap and --ready-file name this file", twice);
	else if ((se->json && la_output_check("--json", se->json, err, sizeof(err))) ||
		 (pcap && la_output_check("--pcap", pcap, err, sizeof(err))) ||
		 (ready && la_output_check("--ready-file", ready, err, sizeof(err))))
		;
	else if (state && la_snapshot_check(state, why, sizeof(why)))
		snprintf(err, sizeof(err), "--state: %s", why);
	return err[0] ? session_fail(se, err) : EXIT_OK;
}

int
session_run(struct session *se)
{
	char err[LA_ERROR_LINE] = "";
	int rc, saved, status;

	if (session_check(se) != EXIT_OK)
		return EXIT_FAILED;
	se->summary.program = se->program;
	se->summary.version = lastack_version;
	se->before.opens_of = se->now.opens_of = se->summary.opens_of;
	se->cfg.report = session_report;
	se->cfg.report_ctx = se;
	se->cfg.stopped = signals_caught;
	signal(SIGPIPE, SIG_IGN); /* a closed pipe on standard output must not end the run */
	rc = la_engine_create(&se->cfg, &se->engine, err, sizeof(err));
	if (rc == -EINTR && signals_caught()) {
		fprintf(stderr, "lastack %s: a signal stopped the run before it was ready: %s\n", se->program, err);
		return EXIT_OK;
	}
	if (rc)
		return session_fail(se, err[0] ? err : strerror(-rc));
	signals_stop(se->engine);
	if (se->prepare && (rc = se->prepare(se)) != 0) {
		snprintf(err, sizeof(err), "no memory for the application: %s", strerror(-rc));
		(void)save_snapshot(se);
		signals_ignore();
		la_engine_destroy(se->engine);
		return session_fail(se, err);
	}
	se->error = la_engine_run(se->engine);
	se->signalled = signals_caught();
	saved = save_snapshot(se);
	status = session_summarize(se);
	if (status == EXIT_OK)
		status = saved;
	signals_ignore();
	la_engine_destroy(se->engine);
	if (se->error) {
		snprintf(err, sizeof(err), "stopped: %s", strerror(-se->error));
		return session_fail(se, err);
	}
	return status;
}

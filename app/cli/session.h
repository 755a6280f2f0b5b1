/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_SESSION_H
#define LA_APP_CLI_SESSION_H

/* One run of the program: engine start, signals, live lines, engine stop, summary, JSON. */

#include "run/engine.h"
#include "run/summary.h"

struct session {
	const char *program; /* the subcommand */
	struct la_engine_config cfg;
	struct la_engine *engine;
	struct la_summary summary; /* the subcommand sets opens_of and extras */
	const char *json;	   /* --json */
	/** Called between la_engine_create() and la_engine_run(), on the main thread. Returns 0 or a negative errno.
	 * May be NULL. */
	int (*prepare)(struct session *se);
	/** Called every cfg.report_ms on the control thread, before note(), also when `silent`. May be NULL. */
	void (*interval)(struct session *se, double seconds);
	/** Returns a text for the end of the live line; NULL: no text. May be NULL. */
	const char *(*note)(struct session *se);
	/** Called after the run, before the summary is printed: adds extras. May be NULL. */
	void (*finish)(struct session *se);
	void *ctx;
	bool silent;	/* no live lines, though report_ms is set */
	int error;	/* result of la_engine_run() */
	bool signalled; /* SIGINT or SIGTERM has arrived */

	/* private */
	struct la_summary before, now;
	bool cksum_noted; /* a live line ended with la_summary_cksum_note() */
};

/** Checks that --json, --state, --pcap and --ready-file name different files that can be written. session_run() calls
 * this function; a subcommand that writes files before session_run() calls it earlier. Returns EXIT_OK, or
 * EXIT_FAILED after a line on stderr. */
int session_check(const struct session *se);

/** Runs the session. Returns EXIT_OK, or EXIT_FAILED after a line on stderr. */
int session_run(struct session *se);

/** Prints "lastack NAME: TEXT" on stderr. Returns EXIT_USAGE. */
int usage_error(const char *program, const char *text);

/** Prints "lastack NAME: cannot connect: ..." on stderr. error: the result of la_connect(). Returns EXIT_FAILED. */
int connect_error(const char *program, int error);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_SIGNALS_H
#define LA_APP_CLI_SIGNALS_H

/* SIGINT and SIGTERM, during the whole life of the process. (The theory is at the top of
 * signals.c.) */

#include <stdbool.h>

struct la_engine;

/** Catches both signals, also those that were ignored when the program was started. Until
 * signals_stop() names an engine they are only counted. */
void signals_catch(void);

/** Stops the engine once for each signal caught so far. From now on each signal stops it. */
void signals_stop(struct la_engine *e);

/** Returns whether a signal was caught. */
bool signals_caught(void);

/** Ignores both: the engine has ended. Saving, reporting and freeing follow, and no signal may interrupt
 * them. */
void signals_ignore(void);

/** For a subcommand without an engine: a signal ends the process at once, also one that was caught
 * before. */
void signals_default(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_SIGNALS_H
#define LA_APP_CLI_SIGNALS_H

/* SIGINT and SIGTERM, during the whole life of the process. (The theory is at the top of
 * signals.c.) */

#include <stdbool.h>

struct la_engine;

/** Catches both signals, also a signal that was ignored when the program was started. Until signals_stop() names an
 * engine, the handler only counts the signals. */
void signals_catch(void);

/** Calls la_engine_stop() once for each signal that was caught before this call. From now on the handler calls it for
 * each signal. */
void signals_stop(struct la_engine *e);

/** Returns whether a signal was caught. */
bool signals_caught(void);

/** Ignores both signals. Call it when the engine has ended: no signal may interrupt the output of results and the
 * freeing of memory. */
void signals_ignore(void);

/** For a subcommand without an engine: a signal ends the process at once, and so does a signal that was caught before
 * this call. */
void signals_default(void);

#endif

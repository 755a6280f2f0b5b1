/* SPDX-License-Identifier: BSD-3-Clause */

/* Signals.
 *
 *	exec to .preinit_array    the dynamic loader runs: the parent's signal settings are in force
 *	to signals_stop()         signals are counted; the start continues, but its long waits end
 *	engine                    first signal: drain; second signal: abort
 *	engine has ended          signals are ignored: snapshot file and summary are written
 *
 * A non-interactive shell starts a background job with SIGINT ignored ("lastack ... &"). The kernel
 * discards an ignored signal. So a handler that is set after EAL's start (0.3 s, or 3 s on a busy machine)
 * misses each SIGINT during this start. main.c sets the handler from .preinit_array, before the constructors
 * of DPDK's libraries. Only a signal while the dynamic loader runs (5 ms; 0.2 s on
 * an emulated CPU) is lost, or kills the process where it is not ignored.
 *
 * A signal during the start ends the run in order: the engine is created, stopped, drained, and its
 * summary is printed, with status 0 as after any signal. While the start waits for a memif server, no engine exists
 * yet: the signal ends the run with one line and status 0 (session_run()).
 *
 * The handler may run on any thread: it writes one word and calls la_engine_stop(), which is
 * async-signal-safe. lib/io/eal.c blocks both signals while DPDK starts, so that they interrupt none of its
 * system calls and its threads never receive them. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "cli/signals.h"
#include "run/engine.h"

static struct {
	struct la_engine *engine; /* the engine that signals stop; NULL: there is no engine yet */
	unsigned caught;	  /* number of signals */
} signals;

static void
on_signal(int number)
{
	struct la_engine *e;
	int saved = errno;

	(void)number;
	__atomic_fetch_add(&signals.caught, 1, __ATOMIC_SEQ_CST);
	e = __atomic_load_n(&signals.engine, __ATOMIC_SEQ_CST);
	if (e)
		la_engine_stop(e);
	errno = saved;
}

static void
signals_set(void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

void
signals_catch(void)
{
	sigset_t both;

	signals_set(on_signal);
	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &both, NULL); /* a parent may have blocked them */
}

void
signals_stop(struct la_engine *e)
{
	sigset_t both, old;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &both, &old);
	__atomic_store_n(&signals.engine, e, __ATOMIC_SEQ_CST);
	for (unsigned i = signals.caught; i > 0; i--)
		la_engine_stop(e);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

bool
signals_caught(void)
{
	return __atomic_load_n(&signals.caught, __ATOMIC_SEQ_CST) > 0;
}

void
signals_ignore(void)
{
	signals_set(SIG_IGN);
}

void
signals_default(void)
{
	signals_set(SIG_DFL);
	if (signals_caught())
		raise(SIGTERM);
}

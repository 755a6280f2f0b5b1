/* SPDX-License-Identifier: BSD-3-Clause */

/* Running an engine.
 *
 * A run has four phases (worker.h). The control thread starts the next phase when every station has acknowledged
 * the current one. RUN ends by time, by la_engine_stop(), or when all applications with done() are done.
 * DRAIN ends when no connection is left, after drain_ms, or at a second la_engine_stop(). ABORT resets the remaining
 * connections. STOP transmits the last packets. TIME_WAIT entries do not delay the end: they continue in the next
 * process through the snapshot file (restart.c), or end with this process.
 *
 * A station is ready when its shard has resolved its gateways, or after three requests without a reply (net/gateway.c).
 * Its application listens from the start. The application is polled when the station is ready, so that a client's first
 * SYN has a MAC. When all stations are ready and all applications have started, the engine prints the ready line,
 * writes the ready file, notifies systemd, and starts the duration of the run.
 *
 * The control thread is an ordinary thread, on another core than the workers if there is one: a blocked terminal
 * must not delay packets. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "core/log.h"
#include "io/capture.h"
#include "net/gateway.h"
#include "run/ready.h"
#include "run/restart.h"
#include "run/startup.h"

static void
set_phase(struct la_engine *e, enum la_phase phase)
{
	__atomic_store_n(&e->phase, phase, __ATOMIC_RELEASE);
}

/* Returns whether every station has acknowledged the phase, and is(station) is true for each; is may be NULL. */
static bool
all_stations(const struct la_engine *e, enum la_phase phase, bool (*is)(struct la_station_run *))
{
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		struct la_station_run *st = &e->stations[i];

		if (__atomic_load_n(&st->seen, __ATOMIC_ACQUIRE) < (unsigned)phase)
			return false;
		if (is && !is(st))
			return false;
	}
	return true;
}

static bool
is_empty(struct la_station_run *st)
{
	return __atomic_load_n(&st->live, __ATOMIC_RELAXED) == 0;
}

/* A station without done() never delays the end of the run; run_is_over() requires a station with done(). */
static bool
is_done(struct la_station_run *st)
{
	return st->ops->done == NULL || __atomic_load_n(&st->done, __ATOMIC_RELAXED);
}

static bool
run_is_over(struct la_engine *e, uint64_t now)
{
	bool any = false;

	if (e->error != 0)
		return true;
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		int rc = __atomic_load_n(&e->stations[i].error, __ATOMIC_ACQUIRE);

		if (rc != 0) {
			e->error = rc;
			return true;
		}
		any |= e->stations[i].ops->done != NULL;
	}
	if (__atomic_load_n(&e->stops, __ATOMIC_RELAXED) > 0)
		return true;
	if (e->cfg.duration_ms != 0 && e->ready_at != 0 &&
	    now >= RTE_MAX(e->ready_at, la_restart_quiet_until(e)) + e->cfg.duration_ms)
		return true;
	return any && all_stations(e, LA_PHASE_RUN, is_done);
}

static void
phases_notify(const struct la_engine *e, const char *state)
{
	int rc = e->cfg.notify ? la_ready_notify(state) : 0;

	if (rc)
		la_log(LA_LOG_WARN, "%s was not sent to NOTIFY_SOCKET=%s: %s", state, getenv("NOTIFY_SOCKET"),
		       strerror(-rc));
}

static bool
is_ready(struct la_station_run *st)
{
	return __atomic_load_n(&st->ready, __ATOMIC_ACQUIRE) && __atomic_load_n(&st->started, __ATOMIC_ACQUIRE);
}

static void
await_ready(struct la_engine *e, uint64_t now)
{
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		if (!is_ready(&e->stations[i]))
			return;
	e->ready_at = now;
	la_startup_ready(e);
	if (e->cfg.ready_file) {
		/* without the file a script would wait for ever, so an error ends the run */
		e->error = la_ready_write(e->cfg.ready_file);
		if (e->error)
			la_log(LA_LOG_ERROR, "--ready-file: %s: %s", e->cfg.ready_file, strerror(-e->error));
	}
	if (e->error == 0)
		phases_notify(e, "READY=1");
}

/* Starts the next phase when it is due, and prints live lines. */
static void
phases_control(struct la_engine *e, uint64_t now)
{
	if (e->ready_at == 0 && e->phase == LA_PHASE_RUN)
		await_ready(e, now);
	switch ((enum la_phase)e->phase) {
	case LA_PHASE_RUN:
		if (!run_is_over(e, now))
			break;
		e->drain_at = now + (e->error ? 0 : e->cfg.drain_ms);
		set_phase(e, LA_PHASE_DRAIN);
		phases_notify(e, "STOPPING=1");
		break;
	case LA_PHASE_DRAIN:
		if (!all_stations(e, LA_PHASE_DRAIN, is_empty) && now < e->drain_at &&
		    __atomic_load_n(&e->stops, __ATOMIC_RELAXED) < 2)
			break;
		e->t_end = now;
		set_phase(e, LA_PHASE_ABORT);
		break;
	case LA_PHASE_ABORT:
		if (all_stations(e, LA_PHASE_ABORT, NULL))
			set_phase(e, LA_PHASE_STOP);
		break;
	case LA_PHASE_STOP:
		break;
	}
	if (e->cfg.report_ms != 0 && now >= e->report_at && e->t_end == 0) {
		e->report_at += e->cfg.report_ms;
		if (e->cfg.report)
			e->cfg.report(e->cfg.report_ctx, la_engine_seconds(e));
	}
}

static void *
control_main(void *arg)
{
	struct la_engine *e = arg;
	const struct timespec pause = {.tv_nsec = LA_CONTROL_MS * 1000000l};

	while (e->phase != LA_PHASE_STOP) {
		phases_control(e, la_clock_now(&e->clock));
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int
la_engine_run(struct la_engine *e)
{
	pthread_t thread;
	int rc;

	e->t0 = la_clock_now(&e->clock);
	e->report_at = e->t0 + e->cfg.report_ms;
	for (unsigned i = 0; i < e->cfg.nstations; i++)
		(void)la_worker_ready(&e->stations[i]);
	rc = rte_ctrl_thread_create(&thread, "la-control", NULL, control_main, e);
	if (rc)
		return rc < 0 ? rc : -rc;
	for (unsigned i = 1; i < e->nworkers; i++)
		rte_eal_remote_launch(la_worker_main, &e->workers[i], e->workers[i].lcore);
	la_worker_main(&e->workers[0]);
	rte_eal_mp_wait_lcore();
	la_worker_settle(e);
	pthread_join(thread, NULL);
	if (e->capture)
		la_capture_settle(e->capture);
	return e->error;
}

void
la_engine_stop(struct la_engine *e)
{
	__atomic_fetch_add(&e->stops, 1, __ATOMIC_RELAXED);
}

void
la_engine_stats(const struct la_engine *e, unsigned station, struct la_station_stats *out)
{
	const struct la_station_run *st = &e->stations[station];
	unsigned v;

	do {
		v = __atomic_load_n(&st->version, __ATOMIC_ACQUIRE);
		memcpy(out, &st->copy[v & 1], sizeof(*out));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&st->version, __ATOMIC_RELAXED) != v);
}

void
la_engine_counters(const struct la_engine *e, unsigned station, struct la_counters *out)
{
	struct la_station_stats s;

	la_engine_stats(e, station, &s);
	*out = s.c;
}

double
la_engine_seconds(const struct la_engine *e)
{
	struct la_clock c = e->clock;
	uint64_t end = e->t_end != 0 ? e->t_end : la_clock_now(&c);

	return e->t0 == 0 ? 0 : (double)(end - e->t0) / 1000;
}

unsigned
la_engine_worker_of(const struct la_engine *e, unsigned station)
{
	return e->cfg.stations[station].worker % e->nworkers;
}

unsigned
la_engine_workers(const struct la_engine *e)
{
	return e->nworkers;
}

const char *
la_engine_port_text(const struct la_engine *e, unsigned station)
{
	return e->port_text[e->cfg.stations[station].port];
}

const char *
la_engine_veth(const struct la_engine *e, unsigned station)
{
	const struct la_port *p = e->stations[station].lane.port;

	return p->veth ? p->name : NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The worker: one lcore, its stations, one loop.
 *
 * A round asks every station's port for a burst, gives it to the shard, lets timers and the
 * application run, and sends what they made. Everything else (phases of the run, publishing of
 * counters) is a chore looked after every few milliseconds. A worker writes nothing that another
 * thread writes; the phase it reads is a line that changes three times in a run.
 *
 * Counters are published through two copies and a version: the worker fills the copy that is not
 * valid, then makes it so. A reader that was overtaken sees the version moved and reads again. */

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_mbuf.h>
#include <rte_pause.h>

#include "io/capture.h"
#include "run/worker.h"

enum {
	IDLE_SPINS = 256,	/* empty rounds before the first sleep */
	IDLE_FIRST_US = 5,	/* it and its doubling ... */
	IDLE_SHORT_US = 50,	/* ... for a while, so that a pause in the traffic costs little, ... */
	IDLE_LONG_US = 500,	/* ... then up to this, or up to the next timer */
	IDLE_LONG_AFTER = 200,	/* sleeps in a row before the long ones */
	ABORT_BURST = 512,	/* connections aborted a round */
	SETTLE_MS = 5,		/* the wire must be quiet this long before a worker leaves, */
	SETTLE_MAX_MS = 50,	/* but it leaves after that in any case */
};

static void
publish(struct la_station_run *st)
{
	unsigned v = st->version + 1;
	struct la_station_stats *to = &st->copy[v & 1];

	/* the reader that still reads this copy will see the version that the last call wrote */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(&to->c, la_shard_counters(st->shard), sizeof(to->c));
	la_port_stats(st->port, &to->port);
	to->frames_in = st->frames_in;
	to->frames_out = st->frames_out;
	to->frames_refused = st->frames_refused;
	__atomic_store_n(&st->version, v, __ATOMIC_RELEASE);
}

/* Does what the phase asks of one station; true when the station has obeyed it. */
static bool
obey(struct la_station_run *st, enum la_phase phase)
{
	if (phase >= LA_PHASE_DRAIN && !st->drained) {
		st->drained = true;
		if (st->ops->drain)
			st->ops->drain(st->ctx, st->shard);
	}
	if (phase == LA_PHASE_ABORT)
		return la_shard_abort_all(st->shard, ABORT_BURST) == 0;
	return true;
}

/* Phases, gauges for the control thread, publishing. False: leave the loop. */
static bool
chores(struct la_worker *w, uint64_t now)
{
	enum la_phase phase = (enum la_phase)__atomic_load_n(&w->engine->phase, __ATOMIC_ACQUIRE);

	if (phase != w->phase && phase == LA_PHASE_STOP) {
		w->quiet_at = now + SETTLE_MS;
		w->leave_at = now + SETTLE_MAX_MS;
	}
	w->phase = phase;
	for (unsigned i = 0; i < w->nstations; i++) {
		struct la_station_run *st = w->stations[i];
		bool obeyed = obey(st, phase);

		__atomic_store_n(&st->live, (uint32_t)la_shard_counters(st->shard)->v[LA_C_live],
				 __ATOMIC_RELAXED);
		if (st->ops->done && st->ops->done(st->ctx, st->shard))
			__atomic_store_n(&st->done, true, __ATOMIC_RELAXED);
		if (obeyed)
			__atomic_store_n(&st->seen, phase, __ATOMIC_RELEASE);
		if (now >= w->publish_at)
			publish(st);
	}
	if (now >= w->publish_at)
		w->publish_at = now + LA_PUBLISH_MS;
	w->chores_at = now + (phase == LA_PHASE_RUN ? LA_CONTROL_MS : 1);
	return phase != LA_PHASE_STOP || (now < w->quiet_at && now < w->leave_at);
}

static void
sleep_us(uint64_t us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};

	nanosleep(&ts, NULL);
}

/* Nothing to do in this round. Sleeps are cut short before the next timer of any station. */
static void
rest(struct la_worker *w, uint64_t now)
{
	unsigned n = w->idle++;
	uint64_t us, next = w->chores_at;

	if (w->idle_mode == LA_IDLE_PAUSE)
		rte_pause();
	if (w->idle_mode != LA_IDLE_SLEEP || n < IDLE_SPINS)
		return;
	n -= IDLE_SPINS;
	us = n >= IDLE_LONG_AFTER ? IDLE_LONG_US : IDLE_SHORT_US;
	if (n < 4)
		us = RTE_MIN(us, (uint64_t)IDLE_FIRST_US << n);
	for (unsigned i = 0; i < w->nstations; i++)
		next = RTE_MIN(next, la_shard_next(w->stations[i]->shard));
	if (next > now)
		sleep_us(RTE_MIN(us, (next - now) * 1000));
	else
		rte_pause();
}

/* Hands everything the shard has made to the port. */
static bool
transmit(struct la_worker *w, struct la_station_run *st)
{
	struct rte_mbuf *pkts[LA_BURST];
	unsigned n, sent, all = 0;

	while ((n = la_shard_tx(st->shard, pkts, LA_BURST)) > 0) {
		if (unlikely(w->capture != NULL))
			la_capture_burst(w->capture, st->port, st->queue, true, pkts, n);
		sent = la_port_tx(st->port, st->queue, pkts, n, st->pool);
		st->frames_out += sent;
		st->frames_refused += n - sent;
		all += n;
	}
	return all > 0;
}

static void
loop(struct la_worker *w)
{
	struct rte_mbuf *pkts[LA_BURST];

	for (;;) {
		uint64_t now = la_clock_now(&w->clock);
		bool busy = false;

		if (unlikely(now >= w->chores_at) && !chores(w, now))
			return;
		for (unsigned i = 0; i < w->nstations; i++) {
			struct la_station_run *st = w->stations[i];
			unsigned n = la_port_rx(st->port, st->queue, pkts, LA_BURST);

			if (n > 0) {
				if (unlikely(w->capture != NULL))
					la_capture_burst(w->capture, st->port, st->queue, false,
							 pkts, n);
				st->frames_in += n;
				la_shard_rx(st->shard, now, pkts, n);
				w->quiet_at = now + SETTLE_MS;
				busy = true;
			}
			busy |= la_shard_poll(st->shard, now);
			if (st->ops->poll)
				busy |= st->ops->poll(st->ctx, st->shard, now);
			busy |= transmit(w, st);
		}
		if (busy)
			w->idle = 0;
		else
			rest(w, now);
	}
}

int
la_worker_main(void *arg)
{
	struct la_worker *w = arg;
	int rc;

	/* the kernel's default slack of 50 us would make every short sleep a long one */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	for (unsigned i = 0; i < w->nstations; i++) {
		struct la_station_run *st = w->stations[i];

		rc = st->ops->start ? st->ops->start(st->ctx, st->shard) : 0;
		__atomic_store_n(&st->error, rc, __ATOMIC_RELEASE);
	}
	loop(w);
	for (unsigned i = 0; i < w->nstations; i++)
		publish(w->stations[i]);
	return 0;
}

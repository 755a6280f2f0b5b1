/* SPDX-License-Identifier: BSD-3-Clause */

/* The worker: one lcore, its stations, one loop.
 *
 * A round asks every station's port for a burst, hands over what belongs to another shard of the port
 * and takes what others have handed over, gives it to the shard, lets timers and the application run,
 * and sends what they made. Everything else (phases of the run, publishing of
 * counters) is a chore looked after every few milliseconds. A worker writes nothing that another
 * thread writes (worker.h lists what is shared); the phase it reads is a line that changes three times
 * in a run.
 *
 * Counters are published through two copies and a version: the worker fills the copy that is not
 * valid, then makes it so. A reader that was overtaken sees the version moved and reads again. */

#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_mbuf.h>
#include <rte_pause.h>

#include "io/capture.h"
#include "net/gateway.h"
#include "run/faulty.h"
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
	TAKE_LEAST = 4,		/* frames that take() wants room for */
	SETTLE_ROUNDS = 4096,	/* of what is in the rings then: a ring and its answers */
};

static void
publish(struct la_station_run *st)
{
	unsigned v = st->version + 1;
	struct la_station_stats *to = &st->copy[v & 1];

	/* the reader that still reads this copy will see the version that the last call wrote */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(&to->c, la_shard_counters(st->shard), sizeof(to->c));
	/* drivers add up their queues in place: one thread asks, for all shards of the port */
	if (st->hand.index == 0)
		la_port_stats(st->port, &to->port);
	to->c.v[LA_C_handed_over] = st->hand.over;
	to->c.v[LA_C_handed_in] = st->hand.taken;
	to->c.v[LA_C_hand_over_full] = st->hand.full;
	to->frames_away = st->hand.away;
	to->frames_in = st->frames_in;
	to->frames_out = st->frames_out;
	to->frames_refused = st->frames_refused;
	to->mbufs_before = st->mbufs_before;
	to->mbufs_out = st->mbufs_out;
	to->buffers_max = st->buffers_max;
	if (st->faulty) {
		struct la_faulty_counts n;

		la_faulty_read(st->faulty, &n);
		to->faults_lost = n.lost;
		to->faults_added = n.added;
	}
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

static void
give(struct la_worker *w, struct la_station_run *st, uint64_t now, struct rte_mbuf **pkts, unsigned n)
{
	const struct la_engine_config *cfg = &w->engine->cfg;

	if (unlikely(cfg->watch != NULL))
		cfg->watch(cfg->watch_ctx, (unsigned)(st - w->engine->stations), pkts, n);
	la_shard_rx(st->shard, now, pkts, n);
}

/* A burst from the port. */
static bool
receive(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct rte_mbuf *pkts[LA_BURST];
	struct la_hand_over *h = &st->hand;
	unsigned n = 0;

	if (h->has_queue)
		n = la_port_rx(st->port, (uint16_t)h->queue, pkts, LA_BURST);
	if (n == 0)
		return false;
	if (unlikely(w->capture != NULL))
		la_capture_burst(w->capture, st->port, (uint16_t)h->queue, false, pkts, n);
	st->frames_in += n;
	w->quiet_at = now + SETTLE_MS;
	if (h->peers > 1)
		n = la_hand_over(h, pkts, n, st->pool);
	if (n > 0)
		give(w, st, now, pkts, n);
	return true;
}

/* And one from each of the port's other shards. */
static bool
receive_handed(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct rte_mbuf *pkts[LA_BURST];
	struct la_hand_over *h = &st->hand;
	bool busy = false;

	for (unsigned k = 0; h->peers > 1 && k < h->peers; k++) {
		unsigned n = la_hand_over_take(h, k, pkts, LA_BURST);

		if (n == 0)
			continue;
		w->quiet_at = now + SETTLE_MS;
		busy = true;
		give(w, st, now, pkts, n);
	}
	return busy;
}

/* To the port; what it does not take is freed. Returns how many went. */
static unsigned
to_port(struct la_worker *w, struct la_station_run *st, struct rte_mbuf **pkts, unsigned n)
{
	uint16_t queue = (uint16_t)st->hand.queue;

	if (unlikely(w->capture != NULL))
		la_capture_burst(w->capture, st->port, queue, true, pkts, n);
	return la_port_tx(st->port, queue, pkts, n, st->pool);
}

/* What the shard has made, or what a bad way out leaves of it. */
static inline unsigned
take(struct la_worker *w, struct la_station_run *st, struct rte_mbuf **pkts, unsigned max)
{
	if (likely(st->faulty == NULL))
		return la_shard_tx(st->shard, pkts, max);
	return la_faulty_take(st->faulty, st->shard, rte_rdtsc() / (w->clock.per_ms / 1000), st->pool,
			      pkts, max);
}

/* Without a queue of its own: as much as the queue's owner has room for. */
static bool
transmit_by_owner(struct la_worker *w, struct la_station_run *st)
{
	struct rte_mbuf *pkts[LA_BURST];
	unsigned n, all = 0;

	for (;;) {
		n = RTE_MIN(la_hand_over_tx_room(&st->hand), (unsigned)LA_BURST);
		n = n < TAKE_LEAST ? 0 : take(w, st, pkts, n);
		if (n == 0)
			return all > 0;
		la_hand_over_tx(&st->hand, pkts, n);
		st->frames_out += n;
		all += n;
	}
}

/* Hands everything the shard has made to the port, and what others have made that send on its queue:
 * those that the port does not take then are in its tx_full. */
static bool
transmit(struct la_worker *w, struct la_station_run *st)
{
	struct rte_mbuf *pkts[LA_BURST];
	unsigned n, sent, all = 0;

	if (!st->hand.has_queue)
		return transmit_by_owner(w, st);
	while ((n = take(w, st, pkts, LA_BURST)) > 0) {
		sent = to_port(w, st, pkts, n);
		st->frames_out += sent;
		st->frames_refused += n - sent;
		all += n;
	}
	for (unsigned k = 0; st->hand.peers > 1 && k < st->hand.peers; k++) {
		while ((n = la_hand_over_tx_take(&st->hand, k, pkts, LA_BURST)) > 0) {
			to_port(w, st, pkts, n);
			all += n;
		}
	}
	return all > 0;
}

bool
la_worker_ready(struct la_station_run *st)
{
	if (likely(st->ready))
		return true;
	if (!la_shard_gateways_settled(st->shard))
		return false;
	__atomic_store_n(&st->ready, true, __ATOMIC_RELEASE);
	return true;
}

static void
loop(struct la_worker *w)
{
	for (;;) {
		uint64_t now = la_clock_now(&w->clock);
		bool busy = false;

		if (unlikely(now >= w->chores_at) && !chores(w, now))
			return;
		for (unsigned i = 0; i < w->nstations; i++) {
			struct la_station_run *st = w->stations[i];

			busy |= receive(w, st, now);
			busy |= receive_handed(w, st, now);
			busy |= la_shard_poll(st->shard, now);
			if (likely(la_worker_ready(st)) && st->ops->poll)
				busy |= st->ops->poll(st->ctx, st->shard, now);
			busy |= transmit(w, st);
		}
		if (busy)
			w->idle = 0;
		else
			rest(w, now);
	}
}

/* Workers leave one after the other, and the last may have handed something to the first. Nothing is
 * polled but the rings, so that this ends: what a shard answers goes out, nothing comes in. Then
 * what bad ways out still hold is freed, and the counters are those of the whole run. */
void
la_worker_settle(struct la_engine *e)
{
	bool busy = false;

	for (unsigned i = 0; i < e->cfg.nstations; i++)
		busy |= e->stations[i].hand.peers > 1;
	for (unsigned round = 0; busy && round < SETTLE_ROUNDS; round++) {
		busy = false;
		for (unsigned i = 0; i < e->nworkers; i++) {
			struct la_worker *w = &e->workers[i];
			uint64_t now = la_clock_now(&w->clock);

			for (unsigned k = 0; k < w->nstations; k++) {
				busy |= receive_handed(w, w->stations[k], now);
				busy |= transmit(w, w->stations[k]);
			}
		}
	}
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		if (e->stations[i].faulty)
			la_faulty_flush(e->stations[i].faulty);
		e->stations[i].mbufs_out = rte_mempool_in_use_count(e->stations[i].pool);
		publish(&e->stations[i]);
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
	return 0;
}

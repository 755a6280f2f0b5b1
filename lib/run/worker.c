/* SPDX-License-Identifier: BSD-3-Clause */

/* The worker: one lcore, its stations, one loop.
 *
 * A round reads a burst from every station's port, hands over frames of other shards of the port
 * and takes frames from them, gives the frames to the shard, runs timers and the application,
 * and transmits. While too many frames wait for the port, a round only transmits (transmit.h).
 * Other work (phases of the run, publishing of counters) is done every few milliseconds.
 * Workers share only the data that worker.h lists. The cache line of the phase is written a few times in a run.
 *
 * Counters are published through two copies and a version, which names the valid copy. The worker fills the other
 * copy, then changes the version. A reader reads again when the version changed while it read. */

#include <string.h>
#include <sys/prctl.h>

#include <rte_mbuf.h>
#include <rte_pause.h>

#include "fault/faulty.h"
#include "io/capture.h"
#include "net/gateway.h"
#include "run/transmit.h"

enum {
	ABORT_BURST = 512,    /* connections aborted in one housekeeping */
	SETTLE_MAX_MS = 50,   /* a worker ends after this time, even if frames still arrive */
	OFF_CPU_MS = 1,	      /* a longer time between two rounds: the worker was off its CPU */
	SETTLE_ROUNDS = 4096, /* most rounds for the frames in the rings and their answers */
};

static void
worker_publish(const struct la_worker *w, struct la_station_run *st)
{
	unsigned v = st->version + 1;
	struct la_station_stats *to = &st->copy[v & 1];

	/* The version was stored before these writes: a reader of this copy reads again. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(&to->c, la_shard_counters(st->shard), sizeof(to->c));
	/* drivers add up the statistics of all queues in place, so one thread reads them for all shards of a port */
	if (st->hand.index == 0)
		la_port_stats(st->lane.port, &to->port);
	to->c.v[LA_C_handed_over] = st->hand.over;
	to->c.v[LA_C_handed_in] = st->hand.taken;
	to->c.v[LA_C_hand_over_full] = st->hand.full;
	to->frames_away = st->hand.away;
	to->frames_in = st->frames_in;
	to->frames_out = st->frames_out + st->lane.txq.own_sent;
	to->frames_refused = st->lane.txq.own_lost;
	to->frames_waiting = st->lane.txq.own;
	to->c.v[LA_C_tx_waiting] = st->lane.txq.n;
	to->c.v[LA_C_tx_waiting_peak] = st->lane.txq.peak;
	to->c.v[LA_C_rx_held] = st->lane.held;
	to->mbufs_before = st->mbufs_before;
	to->mbufs_out = st->mbufs_out;
	to->buffers_max = st->buffers_max;
	to->busy_cycles = w->busy_cycles;
	to->total_cycles = w->round_tsc - w->begun_tsc;
	if (st->faulty) {
		struct la_faulty_counts n;

		la_faulty_read(st->faulty, &n);
		to->faults_lost = n.lost;
		to->faults_added = n.added;
	}
	__atomic_store_n(&st->version, v, __ATOMIC_RELEASE);
}

/* Runs the phase for one station. True: the station has completed its part. */
static bool
worker_apply_phase(struct la_station_run *st, enum la_phase phase)
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

/* Handles phases and values for the control thread, and publishes counters. False: the loop must end. */
static bool
worker_housekeeping(struct la_worker *w, uint64_t now)
{
	enum la_phase phase = (enum la_phase)__atomic_load_n(&w->engine->phase, __ATOMIC_ACQUIRE);

	if (phase != w->phase && phase == LA_PHASE_STOP) {
		w->quiet_at = now + LA_SETTLE_MS;
		w->leave_at = now + SETTLE_MAX_MS;
	}
	w->phase = phase;
	for (unsigned i = 0; i < w->nstations; i++) {
		struct la_station_run *st = w->stations[i];
		bool obeyed = worker_apply_phase(st, phase);

		(void)la_worker_ready(st); /* for an application without poll() this is the only call */
		__atomic_store_n(&st->live, (uint32_t)la_shard_counters(st->shard)->v[LA_C_live], __ATOMIC_RELAXED);
		if (st->ops->done && st->ops->done(st->ctx, st->shard))
			__atomic_store_n(&st->done, true, __ATOMIC_RELAXED);
		if (obeyed)
			__atomic_store_n(&st->seen, phase, __ATOMIC_RELEASE);
		if (now >= w->publish_at)
			worker_publish(w, st);
	}
	if (now >= w->publish_at)
		w->publish_at = now + LA_PUBLISH_MS;
	w->chores_at = now + (phase == LA_PHASE_RUN ? LA_CONTROL_MS : 1);
	return phase != LA_PHASE_STOP || (now < w->quiet_at && now < w->leave_at);
}

/* Spins or sleeps after a round without work. A sleep ends before the next timer of any station. */
static void
worker_idle_backoff(struct la_worker *w, uint64_t now)
{
	unsigned idle = w->idle++;
	uint64_t us, next = w->chores_at;
	bool waiting = false;

	if (w->idle_mode == LA_IDLE_PAUSE)
		rte_pause();
	if (w->idle_mode != LA_IDLE_SLEEP || idle < LA_REST_SPINS)
		return;
	for (unsigned i = 0; i < w->nstations; i++) {
		next = RTE_MIN(next, la_shard_next(w->stations[i]->shard));
		waiting |= w->stations[i]->lane.txq.n > 0;
	}
	us = la_rest_us(idle, waiting);
	la_rest(next > now ? RTE_MIN(us, (next - now) * 1000) : 0);
}

static void
worker_shard_rx(struct la_worker *w, struct la_station_run *st, uint64_t now, struct rte_mbuf **pkts, unsigned n)
{
	const struct la_engine_config *cfg = &w->engine->cfg;

	if (unlikely(cfg->watch != NULL))
		cfg->watch(cfg->watch_ctx, (unsigned)(st - w->engine->stations), pkts, n);
	la_shard_rx(st->shard, now, pkts, n);
}

/* Reads the port until it has no more frames, or up to LA_SHED_LOOK frames. pkts already has `got` frames that were
 * just read. Returns the number of frames in pkts: all of them waited for the shard (shed.h). */
static unsigned
worker_look_ahead(struct la_station_run *st, struct rte_mbuf **pkts, unsigned got)
{
	unsigned n = got, k = got;

	while (k == LA_PORT_BURST && n < LA_SHED_LOOK) {
		k = la_lane_rx(&st->lane, pkts + n);
		n += k;
	}
	return n;
}

void
la_worker_received(struct la_worker *w, struct la_station_run *st, uint64_t now, struct rte_mbuf **pkts, unsigned n)
{
	struct la_hand_over *h = &st->hand;

	if (unlikely(w->capture != NULL))
		la_capture_burst(w->capture, st->lane.port, st->lane.queue, false, pkts, n);
	st->frames_in += n;
	w->quiet_at = now + LA_SETTLE_MS;
	if (h->peers > 1)
		n = la_hand_over(h, pkts, n, st->lane.pool);
	if (n > 0)
		worker_shard_rx(w, st, now, pkts, n);
}

/* Overload control, by the number of frames that wait for the shard. An overloaded worker sheds SYNs. */
static void
worker_note_load(struct la_station_run *st, uint64_t now, unsigned waiting)
{
	const struct la_hand_over *h = &st->hand;

	if (h->peers > 1) /* hand-over rings are larger than the rings of a port */
		waiting = RTE_MAX(waiting, la_hand_over_waiting(h) / (LA_HAND_FRAMES / LA_SHED_LOOK));
	la_shard_shed(st->shard, la_shed_note(&st->shed, now, waiting, st->copy[st->version & 1].port.rx_missed,
					      la_shard_counters(st->shard)));
}

static __attribute__((noinline)) void
look_and_receive(struct la_worker *w, struct la_station_run *st, uint64_t now, struct rte_mbuf **first, unsigned got)
{
	struct rte_mbuf *pkts[LA_SHED_LOOK];
	unsigned n;

	memcpy(pkts, first, got * sizeof(pkts[0]));
	n = worker_look_ahead(st, pkts, got);
	worker_note_load(st, now, n);
	for (unsigned i = 0; i < n; i += LA_PORT_BURST) {
		la_worker_received(w, st, now, pkts + i, RTE_MIN(n - i, (unsigned)LA_PORT_BURST));
		la_transmit(w, st, now);
	}
}

/* Processes a burst from the port. Returns whether there was a frame. */
static bool
worker_receive(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct rte_mbuf *pkts[LA_PORT_BURST];
	struct la_hand_over *h = &st->hand;
	unsigned n = 0;

	if (h->has_queue)
		n = la_lane_rx(&st->lane, pkts);
	st->rx_more = n == LA_PORT_BURST;
	if (unlikely(h->has_queue && la_shed_due(&st->shed, now, n == LA_PORT_BURST)) &&
	    (n < LA_PORT_BURST || now - w->resumed_at >= LA_SHED_MS)) {
		look_and_receive(w, st, now, pkts, n);
		return n > 0;
	}
	if (n == 0)
		return false;
	la_worker_received(w, st, now, pkts, n);
	return true;
}

/* Processes a burst from each other shard of the port. Returns whether there was a frame. */
static bool
receive_handed(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	struct rte_mbuf *pkts[LA_PORT_BURST];
	struct la_hand_over *h = &st->hand;
	bool busy = false, full = false;

	if (h->peers == 1)
		return false;
	for (unsigned k = 0; k < h->peers; k++) {
		unsigned n = la_hand_over_take(h, k, pkts, LA_PORT_BURST);

		if (n == 0)
			continue;
		w->quiet_at = now + LA_SETTLE_MS;
		busy = true;
		full |= n == LA_PORT_BURST;
		worker_shard_rx(w, st, now, pkts, n);
	}
	st->rx_more |= full;
	if (unlikely(la_shed_due(&st->shed, now, full)))
		worker_note_load(st, now, 0);
	return busy;
}

bool
la_worker_ready(struct la_station_run *st)
{
	if (likely(st->ready))
		return true;
	if (!la_gateways_settled(st->shard))
		return false;
	__atomic_store_n(&st->ready, true, __ATOMIC_RELEASE);
	return true;
}

/* Polls the application, which opens and sends, when the waiting frames leave time and room. */
static inline enum la_round
poll_app(struct la_station_run *st, uint64_t now, unsigned room)
{
	if (st->ops->poll == NULL || unlikely(!la_worker_ready(st)) || unlikely(!la_app_due(st, now, room)))
		return LA_ROUND_IDLE;
	st->polled_at = now;
	return st->ops->poll(st->ctx, st->shard, now);
}

/* A round of one station. Returns bits of enum la_round. */
static inline unsigned
worker_serve(struct la_worker *w, struct la_station_run *st, uint64_t now)
{
	unsigned room = la_tx_room(st);
	unsigned did;

	if (unlikely(room < LA_PORT_BURST))
		return la_transmit_hold(w, st, now) ? LA_ROUND_BUSY : LA_ROUND_IDLE;
	la_lane_emptied(&st->lane);
	did = worker_receive(w, st, now);
	did |= receive_handed(w, st, now);
	did |= la_shard_poll(st->shard, now);
	did |= poll_app(st, now, room);
	return did | la_transmit(w, st, now);
}

static void
worker_loop(struct la_worker *w)
{
	unsigned did = LA_ROUND_IDLE;

	w->begun_tsc = w->round_tsc = rte_rdtsc();
	for (;;) {
		uint64_t tsc = rte_rdtsc(), now = la_clock_at(&w->clock, tsc);

		/* one clock value ends a round and starts the next; no branch, because `did` is hard to predict */
		w->busy_cycles += (tsc - w->round_tsc) & -(uint64_t)(did & LA_ROUND_BUSY);
		w->round_tsc = tsc;
		did = LA_ROUND_IDLE;
		/* a ring that filled while another thread ran on this CPU does not show overload */
		if (unlikely(now - w->round_at > OFF_CPU_MS))
			w->resumed_at = now;
		w->round_at = now;
		if (unlikely(now >= w->chores_at) && !worker_housekeeping(w, now))
			return;
		for (unsigned i = 0; i < w->nstations; i++)
			did |= worker_serve(w, w->stations[i], now);
		if (did != LA_ROUND_IDLE)
			w->idle = 0;
		else
			worker_idle_backoff(w, now);
	}
}

/* Workers end one after the other, and the last may have handed frames to the first. Only the
 * rings are polled, so that the loop ends: answers are transmitted, no frame is received. Then the frames in fault
 * injection and transmit queues are freed, and the counters of the whole run are published. */
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
				busy |= la_transmit(w, w->stations[k], now);
			}
		}
	}
	for (unsigned i = 0; i < e->cfg.nstations; i++) {
		struct la_station_run *st = &e->stations[i];

		if (st->faulty)
			la_faulty_flush(st->faulty);
		if (st->hand.has_queue)
			la_txq_drop_all(&st->lane.txq, st->lane.port, st->lane.queue);
		st->mbufs_out = rte_mempool_in_use_count(st->lane.pool);
		worker_publish(&e->workers[la_engine_worker_of(e, i)], st);
	}
}

int
la_worker_main(void *arg)
{
	struct la_worker *w = arg;
	int rc;

	/* the kernel's default slack of 50 us would prolong every short sleep */
	prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
	for (unsigned i = 0; i < w->nstations; i++) {
		struct la_station_run *st = w->stations[i];

		rc = st->ops->start ? st->ops->start(st->ctx, st->shard) : 0;
		__atomic_store_n(&st->error, rc, __ATOMIC_RELEASE);
		__atomic_store_n(&st->started, rc == 0, __ATOMIC_RELEASE);
	}
	worker_loop(w);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The public calls of include/lastack/io.h: a lane (lane.h), a clock and the buffers of one shard, for a program with
 * threads of its own. The workers of lib/run do the same for several shards, and add hand-over, faults, captures
 * and overload control. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sodium.h>

#include <lastack/io.h>

#include "core/config.h"
#include "io/buffers.h"
#include "io/claim.h"
#include "io/clock.h"
#include "io/device.h"
#include "io/eal.h"
#include "io/eal_log.h"
#include "io/lane.h"
#include "io/memif.h"
#include "io/tap.h"
#include "io/vdev.h"
#include "io/words.h"
#include "io/xdp.h"

enum {
	FIRST_MS = 1000,    /* start of the clock: a time of 0 has other meanings */
	ABORTS = 512,	    /* connections aborted in a round */
	QUIET_MS = 5,	    /* la_io_drain() ends after this time without a frame */
	QUIET_MOST_MS = 50, /* longest wait of la_io_drain() for that */
	MS_US = 1000,
	SLACK_NS = 1000, /* the kernel's default of 50 us would prolong every short sleep */
};

struct la_io {
	struct la_port port;
	struct la_lane lane;
	struct la_clock clock;
	struct rte_mempool *control;
	struct rte_device *device; /* la_io_close() removes it, because la_io_open() probed it; NULL: none */
	bool taken;		   /* in_use[port.id] is set for this la_io */
	unsigned idle;		   /* rounds in a row without work */
	uint64_t frames_in;
};

/* The context of la_lane_received. */
struct drive {
	struct la_io *io;
	struct la_shard *shard;
};

static bool in_use[RTE_MAX_ETHPORTS];

/* ---- DPDK ---- */

int
la_dpdk_start(const char *const *args, unsigned nargs, char *err, size_t size)
{
	struct la_eal_config cfg = {.nargs = nargs};
	struct la_eal eal;

	if (nargs > LA_EAL_MAX_ARGS) {
		snprintf(err, size, "%u EAL arguments; at most %d are possible", nargs, LA_EAL_MAX_ARGS);
		return -E2BIG;
	}
	for (unsigned i = 0; i < nargs; i++)
		cfg.args[i] = args[i];
	return la_eal_start(&cfg, &eal, err, size);
}

void
la_dpdk_stop(void)
{
	bool own = la_eal_is_running();

	la_eal_stop(); /* does nothing if the program has called rte_eal_init() itself */
	la_memif_end();
	if (!own) /* the program calls rte_eal_cleanup() */
		la_memif_release();
	la_vdev_clean_up();
	la_claim_drop();
}

/* ---- open and close ---- */

/* Returns whether buffers may cross pages. On plain pages DPDK puts each buffer on its own page, for devices that need
 * contiguous memory. Virtual devices do not need that, except AF_XDP, which maps the pool. */
static bool
may_cross_pages(const struct rte_eth_dev_info *info)
{
	return !rte_eal_has_hugepages() &&
	       (strcmp(info->driver_name, "net_tap") == 0 || strcmp(info->driver_name, "net_af_packet") == 0 ||
		strcmp(info->driver_name, "net_memif") == 0 || strcmp(info->driver_name, "net_ring") == 0);
}

static int
make_buffers(struct la_io *io, uint16_t id, struct la_shard_config *cfg, char *err, size_t size)
{
	struct la_shard_config with = *cfg;
	struct la_pool_place place = {.socket = (int)rte_socket_id(), .mapped = la_port_maps_pools(id)};
	uint32_t room = la_buffers_room(cfg->mtu);
	struct rte_eth_dev_info info;
	struct la_pool_plan plan;
	int r = rte_eth_dev_info_get(id, &info);

	if (r < 0) {
		snprintf(err, size, "DPDK has no port %u", id);
		return -ENODEV;
	}
	la_config_fill(&with);
	place.dense = may_cross_pages(&info);
	la_buffers_plan(with.max_conns, LA_LANE_BURST, 1, place.mapped, &plan);
	if (cfg->max_held != 0) {
		plan.max_held = cfg->max_held;
		plan.total = plan.rings + plan.bursts + plan.max_held;
	}
	r = la_buffers_make("la_io", id, &plan, room, &place, &io->lane.pool, &io->control);
	if (r < 0) {
		snprintf(err, size,
			 "port %u: %u packet buffers of %u bytes: %s; ask for less by max_conns or max_held, "
			 "or give DPDK more memory (-m MEGABYTES)",
			 id, plan.total, room, rte_strerror(-r));
		return r;
	}
	cfg->mbufs = io->lane.pool;
	cfg->control = io->control;
	cfg->max_held = plan.max_held;
	if (cfg->low_mbufs == 0)
		cfg->low_mbufs = plan.low;
	return 0;
}

static void
io_complete_config(struct la_io *io, struct la_shard_config *cfg)
{
	la_port_configure(&io->port, la_buffers_room(cfg->mtu) - RTE_PKTMBUF_HEADROOM - LA_POOL_FRAME_EXTRA, cfg);
	if (sodium_is_zero(cfg->secret, sizeof(cfg->secret)))
		randombytes_buf(cfg->secret, sizeof(cfg->secret));
	la_clock_start(&io->clock, cfg->now != 0 ? cfg->now : FIRST_MS);
	cfg->now = la_io_now(io);
}

static int
open_port(struct la_io *io, uint16_t id, struct la_shard_config *cfg, char *err, size_t size)
{
	struct la_port_config pc = {.queues = 1, .mtu = cfg->mtu, .vlans = {cfg->vlan}};
	int r;

	if (id >= RTE_MAX_ETHPORTS || !rte_eth_dev_is_valid_port(id)) {
		snprintf(err, size, "DPDK has no port %u", id);
		return -ENODEV;
	}
	if (in_use[id]) {
		snprintf(err, size, "port %u is open", id);
		return -EBUSY;
	}
	r = make_buffers(io, id, cfg, err, size);
	if (r < 0)
		return r;
	in_use[id] = io->taken = true;
	pc.pools[0] = io->lane.pool;
	r = la_port_open(id, &pc, &io->port, err, size);
	if (r < 0)
		return r;
	io->lane.port = &io->port;
	io_complete_config(io, cfg);
	return 0;
}

/* Opens `device`; NULL: opens port `id`. */
static int
open_io(const char *device, uint16_t id, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size)
{
	struct la_shard_config with = *cfg;
	struct la_io *io;
	int r = 0;

	if (rte_lcore_count() == 0) {
		snprintf(err, size, "DPDK is not started: call la_dpdk_start() or rte_eal_init() first");
		return -ENODEV;
	}
	if (sodium_init() < 0) {
		snprintf(err, size, "no source of random numbers");
		return -EIO;
	}
	io = calloc(1, sizeof(*io));
	if (io == NULL) {
		snprintf(err, size, "no memory for a port");
		return -ENOMEM;
	}
	la_eal_log_live(false); /* an error that a driver logs and survives is no warning */
	if (device != NULL)
		r = la_device_find(io, device, &id, &io->device, err, size);
	if (r == 0)
		r = open_port(io, id, &with, err, size);
	if (r == 0) {
		*cfg = with;
		*out = io;
	} else {
		la_io_close(io);
	}
	la_eal_log_live(true);
	sodium_memzero(with.secret, sizeof(with.secret));
	return r;
}

int
la_io_open(const char *device, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size)
{
	return open_io(device, 0, cfg, out, err, size);
}

int
la_io_open_port(uint16_t id, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size)
{
	return open_io(NULL, id, cfg, out, err, size);
}

void
la_io_close(struct la_io *io)
{
	static const struct la_xdp_words no_words;
	static const struct la_tap_addrs none;

	if (io == NULL)
		return;
	if (io->taken) {
		la_txq_drop_all(&io->lane.txq, &io->port, io->lane.queue);
		la_port_close(&io->port);
		la_tap_keep(io->port.id, &none);
		la_xdp_keep(io->port.id, &no_words);
		in_use[io->port.id] = false;
	}
	if (io->device != NULL)
		(void)rte_dev_remove(io->device);
	la_claim_release(io);
	rte_mempool_free(io->lane.pool);
	rte_mempool_free(io->control);
	free(io);
}

/* ---- rounds ---- */

uint64_t
la_io_now(struct la_io *io)
{
	return la_clock_now(&io->clock);
}

static void
io_received(void *ctx, uint64_t now, struct rte_mbuf **pkts, unsigned n)
{
	struct drive *d = ctx;

	d->io->frames_in += n;
	la_shard_rx(d->shard, now, pkts, n);
}

static inline unsigned
io_take_tx(void *ctx, struct rte_mbuf **pkts, unsigned max)
{
	return la_shard_tx(ctx, pkts, max);
}

static bool
io_serve(struct la_io *io, struct la_shard *s, uint64_t now)
{
	struct drive d = {io, s};
	struct la_lane *l = &io->lane;
	struct rte_mbuf *pkts[LA_LANE_BURST];
	unsigned n;
	bool busy;

	if (unlikely(la_lane_room(l) < LA_LANE_BURST)) {
		la_lane_held(l, now);
		busy = la_lane_hold_read(l, now, io_received, &d) > 0;
	} else {
		la_lane_emptied(l);
		n = la_lane_rx(l, pkts);
		if (n > 0)
			io_received(&d, now, pkts, n);
		busy = la_shard_poll(s, now) || n > 0;
	}
	n = la_lane_retry(l, now);
	n += la_lane_send(l, true, io_take_tx, s);
	return busy || n > 0;
}

static void
io_idle_backoff(struct la_io *io, struct la_shard *s, uint64_t now, uint32_t sleep_us)
{
	uint64_t us = RTE_MIN((uint64_t)sleep_us, la_rest_us(io->idle, io->lane.txq.n > 0)), next;

	if (io->idle < UINT32_MAX)
		io->idle++;
	next = us > 0 ? la_shard_next(s) : 0;
	la_rest(next > now ? RTE_MIN(us, RTE_MIN(next - now, (uint64_t)MS_US) * MS_US) : 0);
}

bool
la_io_step(struct la_io *io, struct la_shard *s, uint32_t sleep_us)
{
	uint64_t now = la_io_now(io);

	if (io_serve(io, s, now)) {
		io->idle = 0;
		return true;
	}
	io_idle_backoff(io, s, now, sleep_us);
	return false;
}

/* Sets the thread's timer slack to SLACK_NS. Returns the previous slack, for restore_slack(). */
static unsigned long
fine_slack(void)
{
	int old = prctl(PR_GET_TIMERSLACK, 0ul, 0ul, 0ul, 0ul);

	prctl(PR_SET_TIMERSLACK, (unsigned long)SLACK_NS, 0ul, 0ul, 0ul);
	return old > 0 ? (unsigned long)old : 0; /* 0: the thread's default */
}

static void
restore_slack(unsigned long old)
{
	prctl(PR_SET_TIMERSLACK, old, 0ul, 0ul, 0ul);
}

void
la_io_run(struct la_io *io, struct la_shard *s, uint32_t sleep_us, const volatile int *stop)
{
	unsigned long old = fine_slack();

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED))
		la_io_step(io, s, sleep_us);
	restore_slack(old);
}

uint32_t
la_io_drain(struct la_io *io, struct la_shard *s, uint32_t ms)
{
	const uint64_t *live = &la_shard_counters(s)->v[LA_C_live];
	uint64_t begun = la_io_now(io), ended, quiet_at;
	unsigned long old = fine_slack();
	uint32_t aborted;

	while (*live > 0 && la_io_now(io) - begun < ms)
		la_io_step(io, s, LA_IO_SLEEP_US);
	aborted = (uint32_t)*live;
	while (la_shard_abort_all(s, ABORTS) > 0)
		la_io_step(io, s, 0);
	ended = la_io_now(io);
	quiet_at = ended + QUIET_MS;
	while (la_io_now(io) < quiet_at && la_io_now(io) < ended + QUIET_MOST_MS)
		if (la_io_step(io, s, LA_IO_SLEEP_US))
			quiet_at = la_io_now(io) + QUIET_MS;
	restore_slack(old);
	return aborted;
}

/* ---- figures ---- */

void
la_io_stats(const struct la_io *io, struct la_io_stats *out)
{
	struct la_port_stats p;

	la_port_stats(&io->port, &p);
	*out = (struct la_io_stats){
		.frames_in = io->frames_in,
		.frames_out = io->lane.txq.own_sent,
		.frames_waiting = io->lane.txq.n,
		.rx_missed = p.rx_missed,
		.rx_errors = p.rx_errors,
		.rx_no_buffer = p.rx_nombuf,
		.tx_full = p.tx_full,
		.tx_no_buffer = p.tx_no_buffer,
		.tx_unfit = p.tx_unfit,
		.tx_no_peer = p.tx_no_peer,
		.tx_errors = p.tx_errors,
	};
}

const char *
la_io_describe(const struct la_io *io, char *buf, size_t size)
{
	return la_port_describe(&io->port, buf, size);
}

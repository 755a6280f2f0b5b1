/* SPDX-License-Identifier: BSD-3-Clause */

/* Two stations send each other more than the ring and both transmit queues hold: neither blocks for ever, no byte
 * is lost, and every lost frame is counted. An application that opens connections is polled when few frames wait. */

#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "run/engine.h"
#include "run/summary.h"
#include "run/worker.h"

enum { CONNS = 200, PORT = 7, BYTES = 300000, PERIOD = 251, CHUNK = 64 * PERIOD };

struct end {
	unsigned started, live, orderly, wrong;
};

struct stream { /* one end of a connection */
	uint32_t sent, got;
	bool used;
};

static struct {
	struct la_engine_config cfg;
	struct la_prefix addr[2];
	struct la_addr to;
	struct end end[2];
	struct stream stream[2][CONNS + 1];
	uint8_t pattern[CHUNK + PERIOD];
	unsigned full_bursts; /* full bursts that the client received */
	unsigned full_polls;  /* polls of the client's application directly after a full burst */
	bool full;
	bool one_way; /* the server sends, the client receives */
} two;

static void
push(struct la_conn *c, struct stream *s)
{
	while (s->sent < BYTES) {
		size_t n = BYTES - s->sent < CHUNK ? BYTES - s->sent : CHUNK;
		ssize_t sent = la_send(c, two.pattern + s->sent % PERIOD, n);
		size_t k = sent > 0 ? (size_t)sent : 0;

		s->sent += (uint32_t)k;
		if (k < n)
			return;
	}
	if (s->got == BYTES)
		la_close(c);
}

static void
on_opened(struct la_conn *c, void *user)
{
	push(c, user);
}

static void
on_data(struct la_conn *c, void *user)
{
	struct stream *s = user;
	const void *p;
	size_t n;

	while ((n = la_peek(c, &p)) > 0) {
		const uint8_t *b = p;

		for (size_t i = 0; i < n; i++)
			two.end[0].wrong += b[i] != (s->got + i) % PERIOD;
		s->got += (uint32_t)n;
		la_consume(c, n);
	}
	if (s->got == BYTES && s->sent == BYTES)
		la_close(c);
}

static void
client_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)user;
	two.end[0].live--;
	two.end[0].orderly += why->end == LA_END_ORDERLY;
}

static void
server_opened(struct la_conn *c, void *user)
{
	struct stream *s = two.stream[1];

	(void)user;
	while (s->used)
		s++;
	s->used = true;
	if (two.one_way)
		s->got = BYTES;
	la_set_user(c, s);
	push(c, s);
}

static const struct la_conn_ops client_ops = {
	.opened = on_opened, .data = on_data, .writable = on_opened, .closed = client_closed};
static const struct la_conn_ops server_ops = {.opened = server_opened, .data = on_data, .writable = on_opened};

static enum la_round
open_all(void *ctx, struct la_shard *s, uint64_t now)
{
	struct end *e = ctx;
	struct la_tuple t = {two.addr[0].addr, two.to, 0, PORT};
	struct la_conn *c;

	(void)now;
	two.full_polls += two.full;
	two.full = false;
	if (e->started == CONNS || (e->started == 1 && two.stream[0][0].got == 0)) /* ARP first */
		return LA_ROUND_IDLE;
	t.lport = (uint16_t)(2000 + e->started);
	if (two.one_way)
		two.stream[0][e->started].sent = BYTES;
	if (la_connect(s, &t, &client_ops, &two.stream[0][e->started], NULL, &c) != 0)
		return LA_ROUND_IDLE;
	e->started++;
	e->live++;
	return LA_ROUND_BUSY;
}

static bool
is_done(void *ctx, struct la_shard *s)
{
	const struct end *e = ctx;

	(void)s;
	return e->started == CONNS && e->live == 0;
}

static int
start_server(void *ctx, struct la_shard *s)
{
	(void)ctx;
	return la_listen(s, NULL, PORT, &server_ops, NULL, NULL);
}

static void
see_burst(void *ctx, unsigned station, struct rte_mbuf *const *pkts, unsigned n)
{
	(void)ctx;
	(void)pkts;
	if (station == 0) {
		two.full = n == LA_PORT_BURST;
		two.full_bursts += two.full;
	}
}

static const struct la_station_ops client = {.poll = open_all, .done = is_done};
static const struct la_station_ops server = {.start = start_server};

static struct la_summary summary;

static void
run(unsigned workers)
{
	struct la_engine_config *c = &two.cfg;
	struct la_engine *e;
	char err[512];

	for (unsigned i = 0; i < sizeof(two.pattern); i++)
		two.pattern[i] = (uint8_t)(i % PERIOD);
	*c = (struct la_engine_config){.nstations = 2,
				       .mbufs = 60000,
				       .quiet = true,
				       .idle = LA_IDLE_SLEEP,
				       .drain_ms = 5000,
				       .duration_ms = 60000,
				       .watch = see_burst};
	c->eal.ports[0].kind = LA_PORT_RING;
	c->eal.nports = 1;
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(la_prefix_parse(i ? "10.0.0.2/24" : "10.0.0.1/24", &two.addr[i]), 0);
		c->stations[i] = (struct la_station){.name = i ? "server" : "client",
						     .port = i,
						     .worker = i % workers,
						     .ops = i ? &server : &client,
						     .ctx = &two.end[i]};
		c->stations[i].shard = (struct la_shard_config){.addrs = &two.addr[i],
								.naddrs = 1,
								.max_conns = 1024,
								.max_time_wait4 = 4096,
								.max_time_wait6 = 64};
	}
	two.to = two.addr[1].addr;
	cr_assert_eq(la_engine_create(c, &e, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(la_engine_run(e), 0);
	la_summary_take(&summary, e, c);
	la_engine_destroy(e);
}

static void
expect_results(bool pressure)
{
	uint64_t peak = 0;

	cr_assert_eq(two.end[0].orderly, (unsigned)CONNS);
	cr_assert_eq(two.end[0].wrong, 0u);
	cr_assert_lt(summary.seconds, 50.0);
	for (unsigned i = 0; i < 2; i++) {
		const struct la_station_stats *st = &summary.end[i].stats;

		cr_assert_eq(st->c.v[LA_C_tcp_data_in], (uint64_t)CONNS * BYTES);
		cr_assert_eq(la_summary_unexplained(st), 0u);
		cr_assert_eq(st->c.v[LA_C_tx_waiting], 0u);
		cr_assert_eq(st->frames_waiting, 0u);
		cr_assert_eq(st->frames_refused, st->port.tx_full + st->port.tx_no_buffer);
		cr_assert_eq(st->mbufs_out, st->mbufs_before);
		peak = RTE_MAX(peak, st->c.v[LA_C_tx_waiting_peak]);
	}
	cr_assert(peak > 0 || !pressure, "the ring was never full");
}

Test(pressure, two_workers_that_saturate_each_other, .timeout = 120)
{
	run(2);
	expect_results(true);
}

/* After a full burst more frames usually wait. Waiting frames are served before new connections. */
Test(pressure, frames_that_wait_come_before_new_connections, .timeout = 120)
{
	two.one_way = true;
	run(2);
	cr_assert_eq(two.end[0].orderly, (unsigned)CONNS);
	cr_assert_gt(two.full_bursts, 100u);
	cr_assert_lt(two.full_polls, two.full_bursts / 8, "%u of %u", two.full_polls, two.full_bursts);
}

Test(pressure, stations_that_share_a_worker, .timeout = 120)
{
	run(1); /* they run in turn, so the ring need not fill */
	expect_results(false);
}

Test(pressure, the_application_is_polled_when_few_frames_wait)
{
	struct la_station_run st = {.polled_at = 1000};

	cr_assert(la_app_due(&st, 1000, LA_TXQ_FRAMES));
	cr_assert(la_app_due(&st, 1000, LA_TXQ_FRAMES - LA_APP_WAITING));
	cr_assert_not(la_app_due(&st, 1000 + LA_APP_LATE_MS - 1, LA_TXQ_FRAMES - LA_APP_WAITING - 1));
	cr_assert(la_app_due(&st, 1000 + LA_APP_LATE_MS, LA_TXQ_FRAMES - LA_APP_WAITING - 1));
	st.rx_more = true;
	cr_assert_not(la_app_due(&st, 1000 + LA_APP_LATE_MS - 1, LA_TXQ_FRAMES));
	cr_assert(la_app_due(&st, 1000 + LA_APP_LATE_MS, LA_TXQ_FRAMES));
}

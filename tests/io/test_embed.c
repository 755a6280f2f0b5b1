/* SPDX-License-Identifier: BSD-3-Clause */

/* include/lastack/io.h, as an embedding program uses it: two shards on two ports whose rings are crossed, driven by one
 * thread in real time. */

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <lastack/lastack.h>

enum { PORT = 7, CONNS = 200, BYTES = 100000, PERIOD = 251, CHUNK = 64 * PERIOD, MOST_MS = 60000 };
enum { FEW = 64, MANY = 4096 }; /* places of a ring */

struct stream { /* one end of a connection */
	struct la_conn *c;
	uint32_t sent, got, wrong;
	enum la_end end;
	bool opened, closed;
};

static struct end {
	uint16_t id;
	struct la_shard_config cfg;
	struct la_prefix addr;
	struct la_io *io;
	struct la_shard *shard;
	struct stream stream[CONNS];
	unsigned streams, closed;
} end[2];

static uint8_t pattern[CHUNK + PERIOD];
static uint32_t want = BYTES; /* bytes that each end of a connection sends */
static char err[512];

/* ---- the application: both ends send, both close when all has arrived ---- */

static void
go_on(struct la_conn *c, void *user)
{
	struct stream *s = user;
	const void *p;
	size_t n;

	while ((n = la_peek(c, &p)) > 0) {
		for (size_t i = 0; i < n; i++)
			s->wrong += ((const uint8_t *)p)[i] != (s->got + i) % PERIOD;
		s->got += (uint32_t)n;
		la_consume(c, n);
	}
	while (s->sent < want) {
		size_t k = want - s->sent < CHUNK ? want - s->sent : CHUNK;
		ssize_t sent = la_send(c, pattern + s->sent % PERIOD, k);

		s->sent += sent > 0 ? (uint32_t)sent : 0;
		if (sent < (ssize_t)k)
			return;
	}
	if (s->got == want && want != 0)
		la_close(c);
}

static void
on_opened(struct la_conn *c, void *user)
{
	struct end *server = &end[1];
	struct stream *s = user ? user : &server->stream[server->streams++];

	s->c = c;
	s->opened = true;
	la_set_user(c, s);
	go_on(c, s);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct stream *s = user;

	(void)c;
	s->closed = true;
	s->end = why->end;
	end[s >= end[1].stream && s < end[1].stream + CONNS].closed++;
}

static const struct la_conn_ops ops = {
	.opened = on_opened, .data = go_on, .writable = go_on, .peer_fin = go_on, .closed = on_closed};

/* ---- the ports ---- */

static void
start_dpdk(void)
{
	static char text[][16] = {"embed", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "256"};
	static char *args[8];

	for (unsigned i = 0; i < 7; i++)
		args[i] = text[i];
	cr_assert_geq(rte_eal_init(7, args), 0);
	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i % PERIOD);
}

/* Creates two ports: each receives the frames that the other sends. Each ring holds `frames` - 1. */
static void
cross(unsigned frames)
{
	struct rte_ring *ring[2];

	start_dpdk();
	for (unsigned i = 0; i < 2; i++) {
		ring[i] = rte_ring_create(i ? "b" : "a", frames, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		cr_assert_not_null(ring[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		int id = rte_eth_from_rings(i ? "eb" : "ea", &ring[i], 1, &ring[!i], 1, SOCKET_ID_ANY);

		cr_assert_geq(id, 0);
		end[i].id = (uint16_t)id;
	}
}

static void
open_end(unsigned i)
{
	struct end *e = &end[i];
	int r;

	la_prefix_parse(i ? "10.0.0.2/24" : "10.0.0.1/24", &e->addr);
	e->cfg.addrs = &e->addr;
	e->cfg.naddrs = 1;
	e->cfg.no_dad = true;
	e->cfg.max_conns = 2 * CONNS;
	e->cfg.max_time_wait4 = e->cfg.max_time_wait6 = 2 * CONNS;
	r = la_io_open_port(e->id, &e->cfg, &e->io, err, sizeof(err));
	cr_assert_eq(r, 0, "%s", err);
	cr_assert_eq(la_shard_create(&e->cfg, &e->shard), 0);
}

static void
open_over(unsigned frames)
{
	cross(frames);
	open_end(0);
	open_end(1);
	cr_assert_eq(la_listen(end[1].shard, NULL, PORT, &ops, NULL, NULL), 0);
}

static void
open_both(void)
{
	open_over(FEW);
}

static void
close_both(void)
{
	for (unsigned i = 0; i < 2; i++)
		la_shard_destroy(end[i].shard);
	for (unsigned i = 0; i < 2; i++)
		la_io_close(end[i].io);
	cr_expect_null(rte_mempool_lookup("la_io_mbufs_0"));
	cr_expect_null(rte_mempool_lookup("la_io_control_0"));
}

static void
connect_all(unsigned n)
{
	struct la_tuple t = {end[0].addr.addr, end[1].addr.addr, 0, PORT};

	la_shard_poll(end[0].shard, la_io_now(end[0].io));
	for (unsigned i = 0; i < n; i++) {
		struct stream *s = &end[0].stream[i];

		t.lport = (uint16_t)(2000 + i);
		cr_assert_eq(la_connect(end[0].shard, &t, &ops, s, NULL, &s->c), 0);
	}
}

static bool
all_opened(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!end[0].stream[i].opened)
			return false;
	return end[1].streams == n;
}

static bool
all_closed(unsigned n)
{
	return end[0].closed == n && end[1].closed == n;
}

static void
step_until(bool (*is)(unsigned), unsigned n)
{
	uint64_t begun = la_io_now(end[0].io);

	while (!is(n)) {
		cr_assert_lt(la_io_now(end[0].io) - begun, (uint64_t)MOST_MS, "the connections take too long");
		la_io_step(end[0].io, end[0].shard, 0);
		la_io_step(end[1].io, end[1].shard, 0);
	}
}

static void
step_one(unsigned i, unsigned ms)
{
	uint64_t begun = la_io_now(end[i].io);

	while (la_io_now(end[i].io) - begun < ms)
		la_io_step(end[i].io, end[i].shard, 0);
}

/* ---- tests ---- */

Test(embed, the_configuration_is_completed)
{
	struct la_shard_config *c = &end[0].cfg, before;
	struct rte_ether_addr mac;
	struct la_io *io;

	cross(FEW);
	end[0].cfg.now = 123456;
	memset(end[1].cfg.secret, 7, sizeof(end[1].cfg.secret));
	end[1].cfg.mtu = 9000;
	end[1].cfg.max_held = 777;
	open_end(0);
	open_end(1);
	memcpy(&mac, c->mac, sizeof(mac));
	cr_expect(rte_is_valid_assigned_ether_addr(&mac));
	cr_expect_neq(memcmp(c->mac, end[1].cfg.mac, sizeof(mac)), 0);
	cr_expect_eq(c->mtu, 1500);
	cr_expect_eq(c->offloads & ~(uint32_t)LA_OFF_TX_MULTI_SEG, 0u, "net_ring has no checksums");
	cr_expect_geq(c->max_held, c->max_conns);
	cr_expect_gt(c->mbufs->size, c->max_held + 2048u, "the pool is too small for held frames and rings");
	cr_expect(c->low_mbufs > 0 && c->low_mbufs < c->mbufs->size - c->max_held);
	cr_expect_geq(rte_pktmbuf_data_room_size(c->control), RTE_PKTMBUF_HEADROOM + 128);
	cr_expect(c->now >= 123456 && c->now < 123456 + 10000, "%lu", c->now);
	cr_expect_geq(la_io_now(end[0].io), c->now);
	cr_expect(end[1].cfg.now >= 1000 && end[1].cfg.now < 11000, "%lu", end[1].cfg.now);
	cr_expect_neq(c->secret[0] | c->secret[9] | c->secret[17] | c->secret[31], 0);
	cr_expect(end[1].cfg.secret[0] == 7 && end[1].cfg.secret[31] == 7);
	cr_expect_eq(end[1].cfg.max_held, 777u);
	cr_expect_geq(rte_pktmbuf_data_room_size(end[1].cfg.mbufs), RTE_PKTMBUF_HEADROOM + end[1].cfg.mtu + 18);
	before = *c;
	cr_expect_eq(la_io_open_port(end[0].id, c, &io, err, sizeof(err)), -EBUSY);
	cr_expect(strstr(err, "is open"), "%s", err);
	cr_expect_eq(la_io_open_port(77, c, &io, err, sizeof(err)), -ENODEV);
	cr_expect_eq(memcmp(c, &before, sizeof(before)), 0, "an error changed the configuration");
	close_both();
}

/* Both ends send more than rings and transmit queues hold: no side waits for ever, and no frame is lost. */
Test(embed, every_byte_arrives_and_every_connection_ends_in_order)
{
	struct la_io_stats st[2];

	open_over(MANY);
	connect_all(CONNS);
	step_until(all_closed, CONNS);
	for (unsigned i = 0; i < 2; i++) {
		la_io_stats(end[i].io, &st[i]);
		cr_expect_eq(la_io_drain(end[i].io, end[i].shard, 1000), 0u);
		for (unsigned k = 0; k < CONNS; k++) {
			const struct stream *s = &end[i].stream[k];

			cr_expect(s->got == BYTES && s->wrong == 0 && s->end == LA_END_ORDERLY,
				  "%u of end %u: %u bytes, %u wrong, %s", k, i, s->got, s->wrong, la_end_name(s->end));
		}
		cr_expect_eq(st[i].tx_full + st[i].tx_no_buffer + st[i].tx_unfit + st[i].rx_no_buffer, 0u,
			     "%lu, %lu, %lu, %lu", st[i].tx_full, st[i].tx_no_buffer, st[i].tx_unfit,
			     st[i].rx_no_buffer);
	}
	cr_expect_gt(st[0].frames_in, CONNS * BYTES / 1500ul);
	cr_expect(st[0].frames_in <= st[1].frames_out && st[1].frames_out < st[0].frames_in + MANY);
	close_both();
}

Test(embed, a_full_port_drops_counted_frames_and_all_ends_are_orderly, .init = open_both)
{
	struct la_io_stats st;

	connect_all(CONNS);
	step_until(all_opened, CONNS);
	step_one(0, 5); /* the far end is not driven: its ring is full */
	la_io_stats(end[0].io, &st);
	cr_expect_gt(st.frames_waiting, 0u);
	cr_expect_eq(st.tx_full, 0u, "a few milliseconds are no reason to drop");
	step_one(0, 150);
	la_io_stats(end[0].io, &st);
	cr_expect_gt(st.tx_full, 0u);
	step_until(all_closed, CONNS);
	for (unsigned k = 0; k < CONNS; k++)
		cr_expect(end[0].stream[k].end == LA_END_ORDERLY && end[1].stream[k].end == LA_END_ORDERLY);
	close_both();
}

Test(embed, a_drain_aborts_open_connections_and_returns_their_number, .init = open_both)
{
	uint64_t begun;

	want = 0; /* no connection is closed */
	connect_all(3);
	step_until(all_opened, 3);
	begun = la_io_now(end[0].io);
	cr_expect_eq(la_io_drain(end[0].io, end[0].shard, 40), 3u);
	cr_expect_geq(la_io_now(end[0].io) - begun, 40u + 5);
	cr_expect_eq(end[0].closed, 3u);
	step_one(1, 5); /* the RSTs have been sent */
	cr_expect_eq(end[1].closed, 3u);
	for (unsigned k = 0; k < 3; k++)
		cr_expect(end[0].stream[k].end == LA_END_ABORTED && end[1].stream[k].end == LA_END_RESET);
	close_both();
}

static volatile sig_atomic_t stop;

static void
on_alarm(int number)
{
	(void)number;
	stop = 1;
}

Test(embed, a_run_ends_when_stop_is_set, .init = open_both)
{
	struct itimerval soon = {.it_value = {.tv_usec = 200000}};
	uint64_t begun = la_io_now(end[0].io);

	cr_assert_eq(prctl(PR_SET_TIMERSLACK, 50000ul, 0ul, 0ul, 0ul), 0);
	signal(SIGALRM, on_alarm);
	cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	la_io_run(end[0].io, end[0].shard, LA_IO_SLEEP_US, &stop);
	cr_expect_geq(la_io_now(end[0].io) - begun, 190u);
	cr_expect_eq(prctl(PR_GET_TIMERSLACK, 0ul, 0ul, 0ul, 0ul), 50000, "the timer slack is not restored");
	close_both();
}

/* Returns the number of rounds in 300 ms without traffic. */
static unsigned
rounds(uint32_t sleep_us)
{
	uint64_t begun = la_io_now(end[0].io);
	unsigned n = 0;

	for (; la_io_now(end[0].io) - begun < 300; n++)
		la_io_step(end[0].io, end[0].shard, sleep_us);
	return n;
}

Test(embed, rounds_without_work_sleep, .init = open_both)
{
	unsigned asleep = rounds(LA_IO_SLEEP_US);

	cr_expect_lt(asleep, 256u * 20 + 300000u / 50, "sleeps are 50 us or more, between a few timers");
	cr_expect_gt(rounds(0), asleep);
	close_both();
}

Test(embed, failure_dpdk_is_not_started)
{
	struct la_shard_config cfg = {0};
	struct la_io *io;

	cr_expect_eq(la_io_open("net_null0", &cfg, &io, err, sizeof(err)), -ENODEV);
	cr_expect(strstr(err, "la_dpdk_start"), "%s", err);
	la_dpdk_stop();
	la_io_close(NULL);
}

Test(embed, a_device_of_dpdk_is_probed_and_removed)
{
	struct la_shard_config cfg = {.max_conns = 16, .max_held = 1000}, other = cfg;
	struct la_io *io, *second;
	char text[256];
	uint16_t id;

	cr_assert_eq(la_dpdk_start(NULL, 0, err, sizeof(err)), 0, "%s", err);
	cr_expect_eq(la_dpdk_start(NULL, 0, err, sizeof(err)), -EALREADY);
	cr_expect_eq(la_io_open("nonsense", &cfg, &io, err, sizeof(err)), -ENODEV);
	cr_expect(strstr(err, "nonsense") && strstr(err, "tap:"), "%s", err);
	for (unsigned i = 0; i < 3; i++) {
		cfg = (struct la_shard_config){.max_conns = 16, .max_held = 1000};
		cr_assert_eq(la_io_open("net_null0,size=60", &cfg, &io, err, sizeof(err)), 0, "%s", err);
		cr_expect_eq(rte_eth_dev_get_port_by_name("net_null0", &id), 0);
		cr_expect_eq(la_io_open("net_null0", &other, &second, err, sizeof(err)), -EBUSY);
		cr_expect(strstr(la_io_describe(io, text, sizeof(text)), "net_null"), "%s", text);
		la_io_close(io);
		cr_expect_neq(rte_eth_dev_get_port_by_name("net_null0", &id), 0, "the device still exists");
	}
	la_dpdk_stop();
}

Test(embed, a_tap_has_its_addresses_and_goes_with_its_port)
{
	struct la_shard_config cfg = {.max_conns = 16, .max_held = 1000}, other = cfg;
	struct la_io *io, *second;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		cr_skip_test("making a network namespace needs root");
	if (access("/dev/net/tun", F_OK) < 0)
		cr_skip_test("no /dev/net/tun");
	cr_assert_eq(la_dpdk_start(NULL, 0, err, sizeof(err)), 0, "%s", err);
	for (unsigned i = 0; i < 2; i++) {
		cfg = (struct la_shard_config){.max_conns = 16, .max_held = 1000};
		cr_assert_eq(la_io_open("tap:la0,10.9.0.1/24", &cfg, &io, err, sizeof(err)), 0, "%s", err);
		cr_expect_neq(if_nametoindex("la0"), 0u);
		cr_expect_eq(la_io_open("tap:la0", &other, &second, err, sizeof(err)), -EBUSY);
		cr_expect(strstr(err, "la0"), "%s", err);
		la_io_close(io);
		cr_expect_eq(if_nametoindex("la0"), 0u);
	}
	la_dpdk_stop();
}

/* rte_eal_cleanup() waits for DPDK's interrupt thread, which memif holds. */
Test(embed, a_program_that_has_started_dpdk_itself_ends_after_a_memif_port, .timeout = 60)
{
	struct la_shard_config cfg = {.max_conns = 16, .max_held = 1000};
	struct la_io *io;
	char device[64];

	snprintf(device, sizeof(device), "memif:/tmp/la-embed-%d", (int)getpid());
	start_dpdk();
	cr_assert_eq(la_io_open(device, &cfg, &io, err, sizeof(err)), 0, "%s", err);
	la_io_close(io);
	la_dpdk_stop();
	cr_expect_eq(rte_eal_cleanup(), 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Links between two hosts: delay, rate, queue, MTU, and the probabilities of faults. */

#include <string.h>

#include "fixture.h"

static const struct la_sim_plan silent = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};

static const struct la_sim_plan *
sends(uint32_t bytes)
{
	static struct la_sim_plan p;

	p = (struct la_sim_plan){.send = bytes, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_SENT};
	return &p;
}

/* Sends `bytes` bytes over the link. Returns the virtual time until the last byte was read. */
static uint64_t
transfer(const struct la_sim_link *link, bool ip6, uint32_t bytes, struct la_sim **out)
{
	struct la_sim *w = sim_pair(link, NULL, 0, &silent);
	struct la_sim_conn *c = sim_open(w, ip6, sends(bytes));
	uint64_t us;

	while (!(c->partner && c->partner->got == bytes) && la_sim_now(w) < UINT64_C(600) * SIM_S)
		cr_assert(la_sim_step(w, UINT64_C(600) * SIM_S), "no event before the last byte was read");
	us = la_sim_now(w);
	sim_over(w);
	sim_whole(c);
	*out = w;
	return us;
}

Test(link, delay_each_way)
{
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = 3000}, NULL, 0, &silent);
	const struct sim_seen *s;

	la_sim_link(w, 1, 0, &(struct la_sim_link){.delay_us = 250});
	sim_open(w, false, sends(5000));
	sim_over(w);
	for (unsigned i = 1; (s = sim_event(LA_SIM_SENT, -1, 0, i)); i++)
		cr_expect_eq(sim_arrival(s->packet, 1)->us - s->us, s->host == 0 ? 3000 : 250);
}

Test(link, jitter)
{
	struct la_sim *w;
	const struct sim_seen *s;
	uint64_t low = UINT64_MAX, high = 0;

	transfer(&(struct la_sim_link){.delay_us = 10000, .jitter_us = 5000}, false, 200000, &w);
	for (unsigned i = 1; (s = sim_event(LA_SIM_SENT, 0, 0, i)); i++) {
		uint64_t took = sim_arrival(s->packet, 1)->us - s->us;

		low = took < low ? took : low;
		high = took > high ? took : high;
	}
	cr_expect(low >= 10000 && low < 10500, "%llu us", (unsigned long long)low);
	cr_expect(high <= 15000 && high > 14500, "%llu us", (unsigned long long)high);
	cr_expect_gt(sim_count(w, 1, LA_C_out_of_order), 0, "no segment arrived out of order");
}

/* 1 MB at 8 Mbit/s takes one second, and 5 % more for the headers. */
Test(link, rate)
{
	struct la_sim *w;
	uint64_t us = transfer(&(struct la_sim_link){.delay_us = 1000, .rate_bps = 8000000}, false, 1000000, &w);
	const struct sim_seen *a, *b = NULL;

	cr_expect(us > 1000000 && us < 1200000, "%llu us", (unsigned long long)us);
	/* two full segments sent together arrive one transmission time apart */
	for (unsigned i = 1; (a = sim_event(LA_SIM_SENT, 0, 0, i)); i++)
		if ((b = sim_event(LA_SIM_SENT, 0, 0, i + 1)) && a->us == b->us && b->seg.len == 1448)
			break;
	cr_assert(a && b);
	cr_expect_eq(b->frame_len, 1514);
	cr_expect_eq(sim_arrival(b->packet, 1)->us - sim_arrival(a->packet, 1)->us, 1514);
}

Test(link, queue)
{
	struct la_sim_link l = {.delay_us = 20000, .rate_bps = 8000000};
	const struct sim_seen *e;
	struct la_sim *w;

	transfer(&l, false, 300000, &w);
	cr_expect_eq(rec.count[LA_SIM_LOST], 0);
	l.queue_bytes = 10 * 1514;
	transfer(&l, false, 300000, &w);
	cr_expect_gt(rec.count[LA_SIM_LOST], 0);
	for (unsigned i = 1; (e = sim_event(LA_SIM_LOST, -1, 0, i)); i++)
		cr_expect_str_eq(e->text, "queue full");
	for (unsigned i = 1; (e = sim_event(LA_SIM_SENT, 0, 0, i)); i++)
		cr_expect(e->due_us == 0 || e->due_us - e->us <= 20000 + 10 * 1514 + 1, "%llu us in the queue",
			  (unsigned long long)(e->due_us - e->us));
}

static void
path_mtu(bool ip6, uint16_t mtu)
{
	const struct sim_seen *e;
	struct la_sim *w;

	transfer(&(struct la_sim_link){.delay_us = 1000, .mtu = mtu}, ip6, 100000, &w);
	cr_expect_geq(sim_count(w, 0, LA_C_icmp_pmtu), 1);
	e = sim_event(LA_SIM_LOST, 0, 0, 1);
	cr_expect(e && strcmp(e->text, "too big") == 0);
	cr_expect_leq(rec.count[LA_SIM_LOST], 20, "%u packets were lost, expected at most 20", rec.count[LA_SIM_LOST]);
	for (unsigned i = 1, full = 0; (e = sim_event(LA_SIM_ARRIVED, 1, 0, i)) || !full; i++) {
		cr_assert(e, "no segment has the size of the path MTU");
		cr_expect_leq(e->frame_len, mtu + 14u);
		full += e->frame_len == mtu + 14u;
	}
}

Test(link, path_mtu_ip4)
{
	path_mtu(false, 1000);
}

/* Below 552 bytes the sender clears DF, and routers fragment. */
Test(link, path_mtu_small)
{
	static const uint16_t mtu[] = {68, 296, 508, 551};
	struct la_sim *w;

	for (unsigned i = 0; i < sizeof(mtu) / sizeof(mtu[0]); i++) {
		transfer(&(struct la_sim_link){.delay_us = 1000, .mtu = mtu[i]}, false, 100000, &w);
		cr_expect_eq(sim_count(w, 0, LA_C_icmp_pmtu), 1);
		cr_expect_leq(rec.count[LA_SIM_LOST], 20, "MTU %u: %u lost", mtu[i], rec.count[LA_SIM_LOST]);
	}
}

Test(link, path_mtu_ip6)
{
	path_mtu(true, 1300);
}

/* Checks that n of `of` is 10 %, within six standard deviations. */
static void
expect_tenth(const char *what, unsigned n, unsigned of)
{
	unsigned mean = of / 10, dev = 1;

	while (dev * dev < of * 9 / 100)
		dev++;
	cr_expect(of > 200, "%u segments are too few", of);
	cr_expect(n + 6 * dev > mean && n < mean + 6 * dev, "%s: %u of %u", what, n, of);
}

Test(link, chances)
{
	struct la_sim_link l = {.delay_us = 1000};
	struct la_sim *w;
	const struct sim_seen *e;

	l.drop_ppm = 100000;
	transfer(&l, false, 500000, &w);
	expect_tenth("drop", rec.count[LA_SIM_LOST], rec.count[LA_SIM_SENT]);

	l = (struct la_sim_link){.delay_us = 1000, .dup_ppm = 100000, .dup_us = 30000};
	transfer(&l, false, 500000, &w);
	expect_tenth("dup", rec.count[LA_SIM_COPIED], rec.count[LA_SIM_SENT]);
	cr_expect_eq(rec.count[LA_SIM_ARRIVED], rec.count[LA_SIM_SENT] + rec.count[LA_SIM_COPIED]);
	for (unsigned i = 1; (e = sim_event(LA_SIM_COPIED, -1, 0, i)); i++)
		cr_expect_lt(e->due_us, e->us + 1000 + 30000);

	l = (struct la_sim_link){.delay_us = 1000, .corrupt_ppm = 100000};
	transfer(&l, true, 500000, &w);
	expect_tenth("corrupt", rec.count[LA_SIM_CORRUPTED], rec.count[LA_SIM_SENT]);
	cr_expect_eq(rec.count[LA_SIM_CORRUPTED],
		     sim_count(w, 0, LA_C_drop_tcp_cksum) + sim_count(w, 1, LA_C_drop_tcp_cksum) +
			     sim_count(w, 0, LA_C_drop_tcp_short) + sim_count(w, 1, LA_C_drop_tcp_short));

	l = (struct la_sim_link){.delay_us = 1000, .hold_ppm = 100000, .hold_min_us = 50000, .hold_max_us = 80000};
	transfer(&l, false, 500000, &w);
	expect_tenth("hold", rec.count[LA_SIM_HELD], rec.count[LA_SIM_SENT]);
	for (unsigned i = 1; (e = sim_event(LA_SIM_HELD, -1, 0, i)); i++)
		cr_expect(e->due_us >= e->us + 51000 && e->due_us < e->us + 81000);

	l = (struct la_sim_link){.delay_us = 1000, .reorder_ppm = 100000};
	transfer(&l, false, 500000, &w);
	cr_expect_eq(rec.count[LA_SIM_ARRIVED], rec.count[LA_SIM_SENT]);
	cr_expect_gt(sim_count(w, 1, LA_C_out_of_order), 10);
}

/* Segments in flight beyond the world's capacity are lost and counted. */
Test(link, network_full)
{
	struct la_sim_config cfg = {.seed = 1, .nhosts = 2, .link = {.delay_us = 100000}, .flights = 4, .mbufs = 2000};
	struct la_sim *w = sim_make(&cfg);
	struct la_sim_conn *c;

	cr_assert_eq(la_sim_listen(w, 1, 80, &silent), 0);
	c = sim_open(w, false, sends(100000));
	sim_over(w);
	sim_whole(c);
	cr_expect_gt(rec.count[LA_SIM_LOST], 0);
	cr_expect_str_eq(sim_event(LA_SIM_LOST, -1, 0, 1)->text, "network full");
}

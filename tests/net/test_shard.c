/* SPDX-License-Identifier: BSD-3-Clause */

/* The public calls: create, destroy, listen, connect, next. */

#include <stdlib.h>

#include "core/config.h"
#include "net_test.h"

static void
setup(void)
{
	net_open(NULL);
}

TestSuite(shard, .init = setup, .fini = net_close);

static int
create(const struct la_shard_config *cfg)
{
	struct la_shard *s = (void *)1;
	int err = la_shard_create(cfg, &s);

	if (err)
		cr_assert_null(s);
	else
		la_shard_destroy(s);
	return err;
}

static void
expect_refused(const struct la_shard_config *cfg, const char *field)
{
	const char *name = la_shard_config_check(cfg);

	cr_assert_eq(create(cfg), -EINVAL, "%s", field);
	cr_assert(name && strcmp(name, field) == 0, "%s: %s", field, name ? name : "accepted");
}

Test(shard, config_is_checked)
{
	struct rte_mempool *small = rte_pktmbuf_pool_create("small", 15, 0, 0, 128 + 1599, -1);
	struct rte_mempool *tiny = rte_pktmbuf_pool_create("tiny", 15, 0, 0, 128 + 127, -1);
	struct la_shard_config c = net.cfg;

	cr_assert_eq(create(&c), 0);
	cr_assert_null(la_shard_config_check(&c));
	c.mbufs = NULL, expect_refused(&c, "mbufs"), c = net.cfg;
	c.mbufs = small, expect_refused(&c, "mbufs"), c = net.cfg;
	c.control = tiny, expect_refused(&c, "control"), c = net.cfg;
	c.mtu = 1279, expect_refused(&c, "mtu"), c = net.cfg;
	c.vlan = 4095, expect_refused(&c, "vlan"), c = net.cfg;
	c.max_neighbours = (1 << 24) + 1, expect_refused(&c, "max_neighbours"), c = net.cfg;
	c.mac[0] |= 1, expect_refused(&c, "mac"), c = net.cfg;
	c.naddrs = c.nranges = 0, expect_refused(&c, "naddrs");
	fake.init = -ENOMEM;
	cr_assert_eq(create(&net.cfg), -ENOMEM);
	rte_mempool_free(small);
	rte_mempool_free(tiny);
}

/* Each row of config.def: its bounds and 0 are accepted, the values outside its bounds are refused. */
Test(shard, ranges_come_from_the_table)
{
	for (unsigned i = 0; i < LA_NCONFIG; i++) {
		const struct la_config_row *r = &la_config_rows[i];
		struct la_shard_config c = net.cfg;
		uint64_t most = r->size == 2 ? UINT16_MAX : UINT32_MAX;

		if (i == LA_CFG_mtu) /* with IPv6 the MTU is 1280 at least */
			c.naddrs = 1, c.nranges = 0, c.gateway6 = (struct la_addr){0};
		la_config_set(r, &c, r->min);
		cr_assert_null(la_shard_config_check(&c), "%s: %lu", r->name, r->min);
		la_config_set(r, &c, r->max);
		cr_assert_null(la_shard_config_check(&c), "%s: %lu", r->name, r->max);
		la_config_set(r, &c, 0);
		cr_assert_null(la_shard_config_check(&c), "%s: 0", r->name);
		if (r->min > 1)
			la_config_set(r, &c, r->min - 1), expect_refused(&c, r->name);
		if (r->max < most)
			la_config_set(r, &c, r->max + 1), expect_refused(&c, r->name);
	}
}

/* A zero field has the value that la_shard_config_init() sets. */
Test(shard, an_initialised_config_and_zeros_are_the_same)
{
	struct la_shard_config c;

	la_shard_config_init(&c);
	c.mbufs = net.cfg.mbufs;
	memcpy(c.mac, net.cfg.mac, sizeof(c.mac));
	c.addrs = net.cfg.addrs;
	c.naddrs = 1;
	cr_assert_eq(create(&c), 0);
	for (unsigned i = 0; i < LA_NCONFIG; i++) {
		size_t before = la_shard_memory(&c);

		la_config_set(&la_config_rows[i], &c, 0);
		cr_assert_eq(create(&c), 0);
		cr_assert_eq(la_shard_memory(&c), before, "%s", la_config_rows[i].name);
	}
}

static size_t taken, given;
static bool fail_alloc;

static void *
counted_alloc(void *ctx, size_t size, size_t align)
{
	void *p = fail_alloc ? NULL : aligned_alloc(align, (size + align - 1) / align * align);

	(void)ctx;
	if (p)
		memset(p, 0, size), taken += size;
	return p;
}

static void
counted_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	free(p);
	given += size;
}

Test(shard, memory_matches_the_prediction)
{
	static const struct la_mem_ops ops = {counted_alloc, counted_free, NULL};
	struct la_shard_config c = net.cfg;

	c.mem = &ops;
	c.max_conns = 1000;
	cr_assert_eq(create(&c), 0);
	cr_assert_eq(taken, given);
	cr_assert_eq(la_shard_memory(&c), taken + 1000,
		     "the memory of TCP (a byte a connection in the fake) is not counted");
	c.max_conns = 0;
	cr_assert_eq(la_shard_memory(&c), taken + 65536);
	fail_alloc = true;
	cr_assert_eq(create(&c), -ENOMEM);
}

Test(shard, destroy_frees_everything)
{
	struct fr f;

	net_send("10.0.0.1"), net_send("10.0.0.9"), net_send("fd00::1");
	fr_echo(&f, "10.0.0.1", "10.0.0.2", 9), net_rx(&f); /* moves TCP's packets to the shard's queue: four frames */
	net_send("10.0.0.1");
	cr_assert(net.s->tx_tail >= 4);
	/* net_close() counts mbufs */
}

Test(shard, listen)
{
	struct la_addr ours = A("10.0.0.2"), range = A("10.9.1.2"), other = A("10.0.0.3"), any = {0};

	cr_assert_eq(la_listen(net.s, NULL, 80, NULL, NULL, NULL), 0);
	cr_assert_eq(la_listen(net.s, &any, 80, NULL, NULL, NULL), 0);
	cr_assert_null(fake.listen_addr);
	cr_assert_eq(la_listen(net.s, &ours, 80, NULL, NULL, NULL), 0);
	cr_assert_eq(la_listen(net.s, &range, 80, NULL, NULL, NULL), 0);
	cr_assert_eq(la_listen(net.s, &other, 80, NULL, NULL, NULL), -EADDRNOTAVAIL);
	cr_assert_eq(fake.nlisten, 4);
	cr_assert_eq(la_unlisten(net.s, &ours, 80), 0);
	cr_assert_eq(la_unlisten(net.s, &any, 80), 0);
	cr_assert_null(fake.listen_addr);
	cr_assert_eq(fake.nunlisten, 2);
}

static int
connect(const char *laddr, const char *raddr)
{
	struct la_tuple t = {A(laddr), A(raddr), 1000, 80};
	struct la_conn *c;

	return la_connect(net.s, &t, NULL, NULL, NULL, &c);
}

Test(shard, connect)
{
	struct la_tuple t = {A("10.0.0.2"), A("10.0.0.1"), 0, 80};
	struct la_conn *c;

	cr_assert_eq(connect("10.0.0.2", "10.0.0.1"), 0);
	cr_assert_eq(connect("10.9.0.9", "203.0.113.1"), 0);
	cr_assert_eq(connect("fd00::2", "fd00::1"), 0);
	cr_assert_eq(fake.nconnect, 3);
	/* the tests of the own address and of the ports also apply to a peer that is known */
	cr_assert_eq(connect("fd00::3", "fd00::1"), -EADDRNOTAVAIL);
	cr_assert_eq(connect("10.0.0.2", "fd00::1"), -EAFNOSUPPORT);
	cr_assert_eq(connect("10.0.0.2", "10.0.0.1"), 0);
	cr_assert_eq(la_connect(net.s, &t, NULL, NULL, NULL, &c), -EINVAL);
	cr_assert_eq(connect("10.0.0.3", "10.0.0.1"), -EADDRNOTAVAIL);
	cr_assert_eq(connect("fd00::2", "10.0.0.1"), -EAFNOSUPPORT);
	cr_assert_eq(fake.nconnect, 4);
	cr_assert_eq(connect("10.0.0.3", "10.0.0.1"), -EADDRNOTAVAIL);
	cr_assert_eq(connect("10.0.0.2", "fd00::1"), -EAFNOSUPPORT);
	cr_assert_eq(connect("10.0.0.2", "10.9.0.9"), -EHOSTUNREACH);
	cr_assert_eq(connect("10.0.0.2", "10.0.0.2"), -EHOSTUNREACH);
	cr_assert_eq(connect("10.0.0.2", "10.0.0.255"), -EINVAL);
	cr_assert_eq(connect("10.0.0.2", "224.0.0.1"), -EINVAL);
	cr_assert_eq(connect("10.0.0.2", "0.0.0.0"), -EINVAL);
	cr_assert_eq(connect("fd00::2", "::"), -EINVAL);
	cr_assert_eq(la_connect(net.s, &t, NULL, NULL, NULL, &c), -EINVAL);
	t.lport = 1, t.rport = 0;
	cr_assert_eq(la_connect(net.s, &t, NULL, NULL, NULL, &c), -EINVAL);
	net_close(), net_open(&(struct net_opts){.no_gateways = true});
	cr_assert_eq(connect("10.0.0.2", "203.0.113.1"), -EHOSTUNREACH);
	cr_assert_eq(connect("fd00::2", "2001:db8::1"), -EHOSTUNREACH);
	cr_assert_eq(fake.nconnect, 0);
}

Test(shard, next_is_the_first_of_all_timers)
{
	struct fr f;

	cr_assert_eq(la_shard_next(net.s), UINT64_MAX);
	fake.next = net.now + 500;
	cr_assert_eq(la_shard_next(net.s), net.now + 500);
	net_send("10.0.0.1"), net_tx(&f);
	cr_assert_eq(la_shard_next(net.s), net.now + 500);
	fake.next = UINT64_MAX;
	cr_assert_eq(la_shard_next(net.s), net.now + 1000);
}

Test(shard, passes_find_and_abort_all_to_tcp)
{
	struct la_tuple t = {.lport = 7};

	cr_assert_eq(la_shard_find(net.s, &t, NULL), 0);
	t.lport = 8;
	cr_assert_eq(la_shard_find(net.s, &t, NULL), -2);
	cr_assert_eq(la_shard_abort_all(net.s, 5), 5);
	la_shard_destroy(NULL);
}

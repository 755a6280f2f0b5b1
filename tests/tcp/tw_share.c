/* SPDX-License-Identifier: BSD-3-Clause */

/* Shares of source prefixes in the TIME_WAIT table (lib/table/tw_share.c): the SYN and the slot at which refusal
 * begins, the time it lasts, and exact counters after every step of a slot's life. */

#include <stdio.h>

#include <rte_common.h>

#include "../state/stream.h"
#include "net/shard.h"
#include "scenario.h"
#include "tables.h"

enum { ASKED_MS = 60000 };

static void
check(struct scene *s, const char *when)
{
	CHECK(s->r, tcp_check(&s->r->s->tcp, false, stderr) == 0, "%s", when);
}

static uint64_t
refused(const struct scene *s)
{
	return rig_counter(s->r, LA_C_tw_share_refused);
}

/* Slots that the peer's prefix is charged with. */
static uint32_t
held(const struct peer *p)
{
	const struct la_tcp *t = &p->r->s->tcp;

	return t->tw.held[p->o.ip6][la_tw_prefix(&t->key, &p->t.raddr)];
}

/* A rig of `table` entries in each family. A gateway is the next hop for all addresses. */
static void
table_of(struct scene *s, uint32_t table, uint32_t percent, uint32_t cookies_at)
{
	scene_rig(s, &(struct rig_opts){.max_conns = 4 * table + 8,
					.max_time_wait4 = table,
					.max_time_wait6 = table,
					.tw_share_percent = percent,
					.syn_cookies_at = cookies_at,
					.msl_ms = 120000,
					.gateway = true});
	peer_listen(peer_new(s->r, &s->o));
}

/* 10.2.net.host, or host of fd00:0:0:net00::/56. */
static struct peer *
from(struct scene *s, unsigned net, unsigned host)
{
	struct peer *p = peer_new(s->r, &s->o);

	if (s->o.ip6) {
		p->t.raddr.b[6] = (uint8_t)net;
		p->t.raddr.b[7] = (uint8_t)(host >> 4);
		p->t.raddr.b[15] = (uint8_t)host;
	} else {
		p->t.raddr.b[13] = 2;
		p->t.raddr.b[14] = (uint8_t)net;
		p->t.raddr.b[15] = (uint8_t)host;
	}
	return p;
}

/* Opens and closes, server first: adds one entry. False: the SYN was refused. */
static bool
takes(struct scene *s, unsigned net, unsigned host)
{
	struct peer *p = from(s, net, host);
	uint32_t before = held(p);

	peer_syn(p);
	if (peer_waiting(p) == 0)
		return false;
	CHECK(s->r, last_rx(p)->flags == (LA_SYN | LA_ACK), "SYN answered by 0x%x", last_rx(p)->flags);
	peer_skip(p);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, user_close(p) == 0, "la_close");
	peer_skip(p);
	p->got = p->N;
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, held(p) == before + 1, "the prefix is charged with %u after %u", held(p), before);
	return true;
}

/* Adds entries until one is refused, each from another host and port of the prefix. Returns their number. */
static uint32_t
takes_all(struct scene *s, unsigned net)
{
	uint32_t n = 0;

	while (takes(s, net, 1 + n % 250))
		CHECK(s->r, ++n < 10000, "no refusal");
	check(s, "after a refusal");
	return n;
}

static const uint32_t tables[] = {4, 5, 7, 16, 62, 100};
static const uint32_t shares[] = {10, 25, 50, 75, 90};

SCENARIO(tw_share, alone, "one prefix alone may fill the table, at any share")
{
	for (unsigned i = 0; i < RTE_DIM(tables); i++) {
		table_of(s, tables[i], 1 + i * 7, UINT32_MAX);
		CHECK(s->r, takes_all(s, 1) == tables[i], "a table of %u is not full", tables[i]);
		CHECK(s->r, refused(s) == 0 && rig_counter(s->r, LA_C_tw_reserve_exhausted) == 1, "refused by share");
	}
}

/* The theory block's arithmetic, for every table and share. */
static void
two_prefixes(struct scene *s, uint32_t c, uint32_t percent)
{
	uint32_t near_full = (3 * c + 3) / 4, share = (c * percent + 99) / 100, most, n, rest;

	table_of(s, c, percent, UINT32_MAX);
	CHECK(s->r, takes(s, 2, 1), "the first");
	n = takes_all(s, 1);
	most = RTE_MIN(RTE_MAX(near_full - 1, share), c - 1); /* one entry is the other's */
	CHECK(s->r, n == most, "%u %% of %u: one prefix got %u, not %u", percent, c, n, most);
	CHECK(s->r, refused(s) == (n >= share), "refused %u", (unsigned)refused(s));
	rest = 1 + takes_all(s, 2);
	CHECK(s->r, rest == RTE_MIN(c - n, RTE_MAX(share, 1u)), "%u %% of %u: the other got %u of %u", percent, c, rest,
	      c - n);
	CHECK(s->r, rig_counter(s->r, LA_C_early_recycles) == 0, "an entry ended early");
}

SCENARIO(tw_share, two, "when a second prefix opens, the first stops at its share, and the second gets the rest")
{
	for (unsigned i = 0; i < RTE_DIM(tables); i++)
		for (unsigned k = 0; k < RTE_DIM(shares); k++)
			two_prefixes(s, tables[i], shares[k]);
}

SCENARIO(tw_share, default_is_75, "the default is 75 %, and 100 is no limit")
{
	table_of(s, 100, 0, UINT32_MAX);
	takes(s, 2, 1);
	CHECK(s->r, takes_all(s, 1) == 75, "not 75 of 100");
	table_of(s, 100, 100, UINT32_MAX);
	takes(s, 2, 1);
	CHECK(s->r, takes_all(s, 1) == 99 && refused(s) == 0, "limited");
}

SCENARIO(tw_share, config, "la_shard_create() refuses a share above 100 %")
{
	struct la_shard_config cfg;
	struct la_prefix addrs[4];
	struct la_shard *other = NULL;

	rig_config(s->r, &cfg, addrs);
	cfg.tw_share_percent = 101;
	CHECK(s->r, la_shard_create(&cfg, &other) == -EINVAL && !other, "taken");
}

SCENARIO(tw_share, many, "at a share of 10 %, one prefix takes three quarters, and three more take the rest")
{
	uint32_t n[5];

	table_of(s, 100, 10, UINT32_MAX);
	takes(s, 9, 1);
	for (unsigned i = 0; i < 5; i++)
		n[i] = takes_all(s, 1 + i);
	CHECK(s->r, n[0] == 74 && n[1] == 10 && n[2] == 10 && n[3] == 5 && n[4] == 0, "%u %u %u %u %u", n[0], n[1],
	      n[2], n[3], n[4]);
}

SCENARIO(tw_share, prefix, "hosts of one /24 or /56 are one prefix, the next /24 or /56 is another")
{
	struct peer *a = from(s, 1, 1), *b = from(s, 1, 250), *c = from(s, 2, 1);
	const struct la_hash_key *key = &s->r->s->tcp.key;

	CHECK(s->r, la_tw_prefix(key, &a->t.raddr) == la_tw_prefix(key, &b->t.raddr), "two");
	CHECK(s->r, la_tw_prefix(key, &a->t.raddr) != la_tw_prefix(key, &c->t.raddr), "one");
}

SCENARIO(tw_share, spread, "the hash spreads consecutive prefixes")
{
	const struct la_hash_key *key = &s->r->s->tcp.key;
	uint32_t n[LA_TW_PREFIXES] = {0}, most = 0;
	struct la_addr a = s->o.ip6 ? s->r->peer6 : s->r->peer4;

	for (uint32_t i = 0; i < 4 * LA_TW_PREFIXES; i++) {
		uint32_t *at;

		a.b[s->o.ip6 ? 5 : 13] = (uint8_t)(i >> 8);
		a.b[s->o.ip6 ? 6 : 14] = (uint8_t)i;
		at = &n[la_tw_prefix(key, &a)];
		most = RTE_MAX(most, ++*at);
	}
	CHECK(s->r, most <= 20, "%u of 8192 prefixes in one of 2048 counters", most);
}

SCENARIO(tw_share, sixty_seconds, "another prefix counts as active for 60 s after its last SYN")
{
	table_of(s, 16, 50, UINT32_MAX);
	takes(s, 1, 1);
	takes(s, 2, 1);
	CHECK(s->r, takes_all(s, 1) == 10, "not 11 of 16 together");
	rig_run(s->r, ASKED_MS - 1);
	CHECK(s->r, !takes(s, 1, 1), "a ms early");
	rig_run(s->r, 1);
	CHECK(s->r, takes_all(s, 1) == 4, "not the whole table");
	CHECK(s->r, refused(s) == 2, "refused %u", (unsigned)refused(s));
}

SCENARIO(tw_share, second_comes_late, "a table full of one prefix is shared after another prefix's first SYN")
{
	table_of(s, 16, 75, UINT32_MAX);
	for (unsigned i = 0; i < 16; i++) {
		CHECK(s->r, takes(s, 1, 1 + i), "not alone");
		rig_run(s->r, 1000);
	}
	CHECK(s->r, !takes(s, 2, 1) && rig_counter(s->r, LA_C_tw_reserve_exhausted) == 1, "full");
	rig_run(s->r, 240000 - 16000 + 1);
	CHECK(s->r, takes(s, 2, 1), "the other prefix does not get the expired entry");
	for (unsigned i = 1; i < 4; i++) {
		rig_run(s->r, 1000);
		CHECK(s->r, !takes(s, 1, 1), "the first gets entry %u", i);
		CHECK(s->r, takes(s, 2, 1), "the other does not get entry %u", i);
	}
	rig_run(s->r, 1000);
	CHECK(s->r, takes(s, 1, 1), "refused below its share");
	check(s, "late");
}

SCENARIO(tw_share, families, "each family has its own counters and its own active prefixes")
{
	bool ip6 = s->o.ip6;

	table_of(s, 16, 75, UINT32_MAX);
	takes(s, 1, 1);
	s->o.ip6 = !ip6;
	takes(s, 2, 1);
	s->o.ip6 = ip6;
	CHECK(s->r, takes_all(s, 1) == 15 && refused(s) == 0, "limited by the other family");
	s->o.ip6 = !ip6;
	CHECK(s->r, takes_all(s, 2) == 15, "the other family is limited");
}

SCENARIO(tw_share, reset, "--tw-full reset: the SYN of a prefix at its share is answered by RST")
{
	struct peer *p;

	scene_rig(s, &(struct rig_opts){.max_time_wait4 = 16,
					.max_time_wait6 = 16,
					.tw_full_reset = true,
					.syn_cookies_at = UINT32_MAX,
					.msl_ms = 120000,
					.gateway = true});
	peer_listen(peer_new(s->r, &s->o));
	takes(s, 2, 1);
	for (unsigned i = 0; i < 12; i++)
		CHECK(s->r, takes(s, 1, 1), "below its share");
	p = from(s, 1, 2);
	peer_syn(p);
	peer_expect(p, LA_RST | LA_ACK, 0, p->IRS + 1, 0);
	CHECK(s->r, refused(s) == 1, "not counted");
}

SCENARIO(tw_share, active, "our own opens are charged and never refused by share")
{
	struct peer *p;

	s->o.conn.reuse_time_wait = false;
	table_of(s, 16, 75, UINT32_MAX);
	takes(s, 2, 1);
	takes_all(s, 1);
	p = from(s, 1, 3);
	peer_to_established_active(p);
	CHECK(s->r, held(p) == 13, "%u", held(p));
	check(s, "active");
}

SCENARIO(tw_share, cookies, "a prefix at its share gets no cookie, and an earlier cookie opens when an entry is free")
{
	struct peer *p, *q;

	table_of(s, 16, 75, 1);
	takes(s, 2, 1);
	q = from(s, 3, 1);
	peer_syn(q); /* half-open: cookies are on from here */
	peer_skip(q);
	p = from(s, 1, 99);
	peer_syn(p);
	CHECK(s->r, last_rx(p)->flags == (LA_SYN | LA_ACK), "no cookie");
	CHECK(s->r, held(p) == 0, "a cookie is charged");
	peer_skip(p);
	CHECK(s->r, takes_all(s, 1) == 12, "not 12 of 16");
	CHECK(s->r, refused(s) == 1 && rig_counter(s->r, LA_C_syn_cookies_sent) == 13, "refused %u, %u cookies",
	      (unsigned)refused(s), (unsigned)rig_counter(s->r, LA_C_syn_cookies_sent));
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 0 && refused(s) == 2, "the ACK was not dropped by name");
	peer_expect_state(p, LA_CLOSED);
	check(s, "cookie refused");
	p->edge_on = false;
	rig_run(s->r, ASKED_MS); /* the others are inactive: its retransmitted data opens */
	peer_send(p, LA_ACK | LA_PSH, p->snd - 100, p->got, 100);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.bytes == 100 && held(p) == 13, "%llu bytes", (unsigned long long)p->u.bytes);
	check(s, "cookie");
}

SCENARIO(tw_share, reopen, "a reopen is refused like any open, and the old entry stays")
{
	struct peer *p;

	table_of(s, 16, 75, UINT32_MAX);
	takes(s, 2, 1);
	p = from(s, 1, 200);
	peer_to_time_wait(p, true, 'a');
	CHECK(s->r, takes_all(s, 1) == 11, "not 12 with the first");
	rig_run(s->r, 10);
	peer_send(p, LA_SYN, p->R + 5000, 0, 0);
	peer_expect_none(p, 0);
	CHECK(s->r, refused(s) == 2, "not counted");
	peer_expect_state(p, LA_TIME_WAIT);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	check(s, "reopen");
}

/* --- a slot's life --------------------------------------------------------------------------------------- */

static void
is_held(struct scene *s, const struct peer *p, uint32_t n, const char *when)
{
	check(s, when);
	CHECK(s->r, held(p) == n, "%s: %u slots, not %u", when, held(p), n);
}

SCENARIO(tw_share, ends, "every end of a connection returns its slot")
{
	struct peer *p;

	table_of(s, 64, 75, UINT32_MAX);
	p = from(s, 1, 1);
	peer_syn(p);
	is_held(s, p, 1, "SYN_RCVD");
	peer_send(p, LA_RST, p->IRS + 1, 0, 0);
	is_held(s, p, 0, "reset in SYN_RCVD");
	p = from(s, 1, 2);
	peer_to_established(p);
	is_held(s, p, 1, "ESTABLISHED");
	CHECK(s->r, user_abort(p) == 0, "la_abort");
	is_held(s, p, 0, "aborted");
	p = from(s, 1, 3);
	peer_to_last_ack(p, true);
	is_held(s, p, 1, "LAST_ACK");
	p->got = p->N;
	peer_ack(p);
	is_held(s, p, 0, "closed by the peer first");
	p = from(s, 1, 4);
	peer_to_syn_sent(p);
	is_held(s, p, 1, "SYN_SENT");
	peer_send(p, LA_RST | LA_ACK, 0, p->N, 0);
	is_held(s, p, 0, "refused");
	p = from(s, 1, 5);
	peer_to_time_wait(p, false, 'c');
	is_held(s, p, 1, "TIME_WAIT");
	rig_run(s->r, 240000);
	is_held(s, p, 1, "a tick before the end of 2*MSL");
	rig_run(s->r, 1);
	is_held(s, p, 0, "expired");
}

SCENARIO(tw_share, fin_wait_2, "an entry in FIN_WAIT_2 is charged until it expires or TIME_WAIT ends")
{
	struct peer *p, *q;

	table_of(s, 64, 75, UINT32_MAX);
	p = from(s, 1, 1);
	peer_to_fin_wait_2(p, true);
	q = from(s, 2, 1);
	peer_to_fin_wait_2(q, true);
	rig_run(s->r, 6000);
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 2, "not in the table");
	is_held(s, p, 1, "held");
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	is_held(s, p, 1, "TIME_WAIT");
	rig_run(s->r, 60000);
	is_held(s, q, 0, "FIN_WAIT_2 over");
	is_held(s, p, 1, "TIME_WAIT goes on");
	rig_run(s->r, 240000);
	is_held(s, p, 0, "both over");
}

SCENARIO(tw_share, reopened,
	 "a reopened entry is charged until the old 2*MSL ends, and an entry given back stays charged")
{
	struct peer *p;

	table_of(s, 64, 75, UINT32_MAX);
	p = from(s, 1, 1);
	p->lax_edge = true;
	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 1000);
	peer_renew(p, p->R + 5000);
	peer_syn(p);
	is_held(s, p, 2, "reopen pending");
	peer_send(p, LA_RST, p->IRS + 1, 0, 0);
	is_held(s, p, 1, "given back");
	peer_expect_state(p, LA_TIME_WAIT);
	peer_skip(p);
	rig_run(s->r, 1000);
	peer_renew(p, p->R + 10000);
	peer_syn(p);
	peer_skip(p);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	is_held(s, p, 2, "reopened: a zombie and a reservation");
	CHECK(s->r, user_abort(p) == 0, "la_abort");
	is_held(s, p, 1, "the zombie");
	rig_run(s->r, 240000);
	is_held(s, p, 0, "the zombie's reference is out of the wheel");
}

SCENARIO(tw_share, restart, "a loaded table has its share counters and limits")
{
	struct rig *r = s->r;
	struct la_shard_saved saved;
	struct la_shard_config cfg;
	struct la_prefix addrs[4];
	struct stream file = {0};
	struct peer *p;

	table_of(s, 16, 75, UINT32_MAX);
	r = s->r;
	takes(s, 2, 1);
	CHECK(r, takes_all(s, 1) == 12, "not 12");
	p = from(s, 1, 1);
	CHECK(r, la_shard_save(r->s, r->now, stream_write, &file) == 0, "not saved");
	la_shard_destroy(r->s);
	r->s = NULL;
	CHECK(r, la_shard_saved(stream_read, &file, &saved) == 0, "not a saved shard");
	r->now += 100;
	rig_config(r, &cfg, addrs);
	memcpy(cfg.secret, saved.secret, sizeof(cfg.secret));
	CHECK(r, la_shard_create(&cfg, &r->s) == 0, "not created");
	file.at = 0;
	CHECK(r, la_shard_load(r->s, stream_read, &file) == 0, "not loaded");
	stream_free(&file);
	rig_pump(r);
	is_held(s, p, 12, "loaded");
	CHECK(r, la_listen(r->s, NULL, 80, &user_ops, NULL, NULL) == 0, "la_listen");
	p = from(s, 2, 3);
	peer_syn(p);
	is_held(s, p, 2, "the other asks");
	p = from(s, 1, 3);
	peer_syn(p);
	CHECK(r, peer_waiting(p) == 0 && refused(s) == 1, "the first is not limited");
}

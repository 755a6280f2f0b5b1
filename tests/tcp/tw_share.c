/* SPDX-License-Identifier: BSD-3-Clause */

/* Shares of source prefixes in the TIME_WAIT table (lib/table/tw_share.c): how many entries a prefix gets before its
 * SYNs are refused, how long they are refused, and the prefix counters after each step of a slot's life. */

#include <stdio.h>

#include <rte_common.h>

#include "../state/stream.h"
#include "net/shard.h"
#include "scenario.h"
#include "tables.h"

enum { ASKED_MS = 60000 }; /* a prefix counts as active for this time after its last SYN */

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

/* Returns the prefix counter of the peer's prefix: its entries and reservations. */
static uint32_t
held(const struct peer *p)
{
	const struct la_tcp *t = &p->r->s->tcp;

	return t->tw.held[p->o.ip6][la_tw_prefix(&t->key, &p->t.raddr)];
}

/* Replaces the rig by one with `table` entries in each family. A gateway is the next hop for all addresses. */
static void
rig_of_table(struct scene *s, uint32_t table, uint32_t percent, uint32_t cookies_at)
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

/* Returns a peer with the address 10.2.net.host, or with an address in fd00:0:0:net00::/56. */
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

/* Opens a connection and closes it, the shard first, which adds one entry. Returns false when the SYN was refused. */
static bool
add_entry(struct scene *s, unsigned net, unsigned host)
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
	CHECK(s->r, user_close(p) == 0, "la_close failed");
	peer_skip(p);
	p->got = p->N;
	peer_fin(p);
	peer_skip(p);
	peer_expect_state(p, LA_TIME_WAIT);
	CHECK(s->r, held(p) == before + 1, "the prefix counter is %u after %u, expected one more", held(p), before);
	return true;
}

/* Adds entries of the prefix, each from another host and port, until a SYN is refused. Returns the number of
 * entries. */
static uint32_t
fill(struct scene *s, unsigned net)
{
	uint32_t n = 0;

	while (add_entry(s, net, 1 + n % 250))
		CHECK(s->r, ++n < 10000, "no SYN was refused");
	check(s, "after a refusal");
	return n;
}

static const uint32_t tables[] = {4, 5, 7, 16, 62, 100};
static const uint32_t shares[] = {10, 25, 50, 75, 90};

SCENARIO(tw_share, alone, "a prefix may fill the table while no other prefix is active, at any share")
{
	for (unsigned i = 0; i < RTE_DIM(tables); i++) {
		rig_of_table(s, tables[i], 1 + i * 7, UINT32_MAX);
		CHECK(s->r, fill(s, 1) == tables[i], "the prefix did not fill a table of %u", tables[i]);
		CHECK(s->r, refused(s) == 0 && rig_counter(s->r, LA_C_tw_reserve_exhausted) == 1,
		      "tw_share_refused is not 0 or tw_reserve_exhausted is not 1");
	}
}

/* Checks the formulas of tw_share.c for one table size and share. */
static void
two_prefixes(struct scene *s, uint32_t c, uint32_t percent)
{
	uint32_t near_full = (3 * c + 3) / 4, share = (c * percent + 99) / 100, most, n, rest;

	rig_of_table(s, c, percent, UINT32_MAX);
	CHECK(s->r, add_entry(s, 2, 1), "the first SYN was refused");
	n = fill(s, 1);
	most = RTE_MIN(RTE_MAX(near_full - 1, share), c - 1); /* prefix 2 has one entry */
	CHECK(s->r, n == most, "%u %% of %u: prefix 1 got %u, expected %u", percent, c, n, most);
	CHECK(s->r, refused(s) == (n >= share), "refused %u", (unsigned)refused(s));
	rest = 1 + fill(s, 2);
	CHECK(s->r, rest == RTE_MIN(c - n, RTE_MAX(share, 1u)), "%u %% of %u: prefix 2 got %u of %u", percent, c, rest,
	      c - n);
	CHECK(s->r, rig_counter(s->r, LA_C_early_recycles) == 0, "an entry ended early");
}

SCENARIO(tw_share, two,
	 "when a second prefix is active, the first is limited to its share, and the second gets the other entries")
{
	for (unsigned i = 0; i < RTE_DIM(tables); i++)
		for (unsigned k = 0; k < RTE_DIM(shares); k++)
			two_prefixes(s, tables[i], shares[k]);
}

SCENARIO(tw_share, default_is_75, "the default share is 75 %; a share of 100 % is no limit")
{
	rig_of_table(s, 100, 0, UINT32_MAX);
	add_entry(s, 2, 1);
	CHECK(s->r, fill(s, 1) == 75, "the prefix did not get 75 of 100 entries");
	rig_of_table(s, 100, 100, UINT32_MAX);
	add_entry(s, 2, 1);
	CHECK(s->r, fill(s, 1) == 99 && refused(s) == 0, "a share of 100 %% limited the prefix");
}

SCENARIO(tw_share, config, "la_shard_create() refuses a share above 100 %")
{
	struct la_shard_config cfg;
	struct la_prefix addrs[4];
	struct la_shard *other = NULL;

	rig_config(s->r, &cfg, addrs);
	cfg.tw_share_percent = 101;
	CHECK(s->r, la_shard_create(&cfg, &other) == -EINVAL && !other, "la_shard_create() accepted 101 %%");
}

SCENARIO(tw_share, many,
	 "at a share of 10 %, the first prefix gets 74 of 100 entries, and three more prefixes get 10, 10 and 5")
{
	uint32_t n[5];

	rig_of_table(s, 100, 10, UINT32_MAX);
	add_entry(s, 9, 1);
	for (unsigned i = 0; i < 5; i++)
		n[i] = fill(s, 1 + i);
	CHECK(s->r, n[0] == 74 && n[1] == 10 && n[2] == 10 && n[3] == 5 && n[4] == 0, "%u %u %u %u %u", n[0], n[1],
	      n[2], n[3], n[4]);
}

SCENARIO(tw_share, prefix, "hosts of one /24 or /56 are one prefix, the next /24 or /56 is another")
{
	struct peer *a = from(s, 1, 1), *b = from(s, 1, 250), *c = from(s, 2, 1);
	const struct la_hash_key *key = &s->r->s->tcp.key;

	CHECK(s->r, la_tw_prefix(key, &a->t.raddr) == la_tw_prefix(key, &b->t.raddr),
	      "two hosts of one prefix have two counters");
	CHECK(s->r, la_tw_prefix(key, &a->t.raddr) != la_tw_prefix(key, &c->t.raddr), "two prefixes have one counter");
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
	rig_of_table(s, 16, 50, UINT32_MAX);
	add_entry(s, 1, 1);
	add_entry(s, 2, 1);
	CHECK(s->r, fill(s, 1) == 10, "the prefix did not get 10 more entries");
	rig_run(s->r, ASKED_MS - 1);
	CHECK(s->r, !add_entry(s, 1, 1), "a SYN was accepted 1 ms early");
	rig_run(s->r, 1);
	CHECK(s->r, fill(s, 1) == 4, "the prefix did not get the 4 last entries");
	CHECK(s->r, refused(s) == 2, "refused %u", (unsigned)refused(s));
}

SCENARIO(tw_share, second_comes_late,
	 "a table that one prefix has filled is shared after the first SYN of another prefix")
{
	rig_of_table(s, 16, 75, UINT32_MAX);
	for (unsigned i = 0; i < 16; i++) {
		CHECK(s->r, add_entry(s, 1, 1 + i), "a prefix without others was refused");
		rig_run(s->r, 1000);
	}
	CHECK(s->r, !add_entry(s, 2, 1) && rig_counter(s->r, LA_C_tw_reserve_exhausted) == 1,
	      "a SYN was accepted by a full table");
	rig_run(s->r, 240000 - 16000 + 1);
	CHECK(s->r, add_entry(s, 2, 1), "the other prefix does not get the expired entry");
	for (unsigned i = 1; i < 4; i++) {
		rig_run(s->r, 1000);
		CHECK(s->r, !add_entry(s, 1, 1), "the first prefix got entry %u", i);
		CHECK(s->r, add_entry(s, 2, 1), "the other prefix did not get entry %u", i);
	}
	rig_run(s->r, 1000);
	CHECK(s->r, add_entry(s, 1, 1), "the first prefix was refused below its share");
	check(s, "after the second prefix opened");
}

SCENARIO(tw_share, families, "each family has its own counters and its own active prefixes")
{
	bool ip6 = s->o.ip6;

	rig_of_table(s, 16, 75, UINT32_MAX);
	add_entry(s, 1, 1);
	s->o.ip6 = !ip6;
	add_entry(s, 2, 1);
	s->o.ip6 = ip6;
	CHECK(s->r, fill(s, 1) == 15 && refused(s) == 0, "a prefix of the other family limited this family");
	s->o.ip6 = !ip6;
	CHECK(s->r, fill(s, 2) == 15, "a prefix of this family limited the other family");
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
	add_entry(s, 2, 1);
	for (unsigned i = 0; i < 12; i++)
		CHECK(s->r, add_entry(s, 1, 1), "refused below its share");
	p = from(s, 1, 2);
	peer_syn(p);
	peer_expect(p, LA_RST | LA_ACK, 0, p->IRS + 1, 0);
	CHECK(s->r, refused(s) == 1, "tw_share_refused is not 1");
}

SCENARIO(tw_share, active, "an open of the shard counts for the peer's prefix and is never refused by share")
{
	struct peer *p;

	s->o.conn.reuse_time_wait = false;
	rig_of_table(s, 16, 75, UINT32_MAX);
	add_entry(s, 2, 1);
	fill(s, 1);
	p = from(s, 1, 3);
	peer_to_established_active(p);
	CHECK(s->r, held(p) == 13, "the prefix counter is %u, expected 13", held(p));
	check(s, "active");
}

SCENARIO(tw_share, cookies, "a prefix at its share gets no cookie, and an earlier cookie opens when an entry is free")
{
	struct peer *p, *q;

	rig_of_table(s, 16, 75, 1);
	add_entry(s, 2, 1);
	q = from(s, 3, 1);
	peer_syn(q); /* with one half-open connection, the next SYN gets a cookie */
	peer_skip(q);
	p = from(s, 1, 99);
	peer_syn(p);
	CHECK(s->r, last_rx(p)->flags == (LA_SYN | LA_ACK), "no cookie");
	CHECK(s->r, held(p) == 0, "a cookie increased the prefix counter");
	peer_skip(p);
	CHECK(s->r, fill(s, 1) == 12, "the prefix did not get 12 of 16 entries");
	CHECK(s->r, refused(s) == 1 && rig_counter(s->r, LA_C_syn_cookies_sent) == 13, "refused %u, %u cookies",
	      (unsigned)refused(s), (unsigned)rig_counter(s->r, LA_C_syn_cookies_sent));
	peer_data(p, 100);
	CHECK(s->r, peer_waiting(p) == 0 && refused(s) == 2, "the ACK of the cookie was not refused and counted");
	peer_expect_state(p, LA_CLOSED);
	check(s, "cookie refused");
	p->edge_on = false;
	rig_run(s->r, ASKED_MS); /* the other prefixes become inactive: the retransmitted data opens */
	peer_send(p, LA_ACK | LA_PSH, p->snd - 100, p->got, 100);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, p->u.bytes == 100 && held(p) == 13, "%llu bytes", (unsigned long long)p->u.bytes);
	check(s, "cookie");
}

SCENARIO(tw_share, reopen, "a reopen is refused like any open, and the old entry stays")
{
	struct peer *p;

	rig_of_table(s, 16, 75, UINT32_MAX);
	add_entry(s, 2, 1);
	p = from(s, 1, 200);
	peer_to_time_wait(p, true, 'a');
	CHECK(s->r, fill(s, 1) == 11, "the prefix did not get 11 more entries");
	rig_run(s->r, 10);
	peer_send(p, LA_SYN, p->R + 5000, 0, 0);
	peer_expect_none(p, 0);
	CHECK(s->r, refused(s) == 2, "tw_share_refused is not 2");
	peer_expect_state(p, LA_TIME_WAIT);
	peer_send(p, LA_FIN | LA_ACK, p->R - 1, p->N, 0);
	peer_expect_chk(p);
	check(s, "reopen");
}

/* --- a slot's life --------------------------------------------------------------------------------------- */

static void
expect_held(struct scene *s, const struct peer *p, uint32_t n, const char *when)
{
	check(s, when);
	CHECK(s->r, held(p) == n, "%s: the prefix counter is %u, expected %u", when, held(p), n);
}

SCENARIO(tw_share, ends, "every end of a connection decreases the prefix counter")
{
	struct peer *p;

	rig_of_table(s, 64, 75, UINT32_MAX);
	p = from(s, 1, 1);
	peer_syn(p);
	expect_held(s, p, 1, "SYN_RCVD");
	peer_send(p, LA_RST, p->IRS + 1, 0, 0);
	expect_held(s, p, 0, "reset in SYN_RCVD");
	p = from(s, 1, 2);
	peer_to_established(p);
	expect_held(s, p, 1, "ESTABLISHED");
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	expect_held(s, p, 0, "aborted");
	p = from(s, 1, 3);
	peer_to_last_ack(p, true);
	expect_held(s, p, 1, "LAST_ACK");
	p->got = p->N;
	peer_ack(p);
	expect_held(s, p, 0, "closed by the peer first");
	p = from(s, 1, 4);
	peer_to_syn_sent(p);
	expect_held(s, p, 1, "SYN_SENT");
	peer_send(p, LA_RST | LA_ACK, 0, p->N, 0);
	expect_held(s, p, 0, "refused");
	p = from(s, 1, 5);
	peer_to_time_wait(p, false, 'c');
	expect_held(s, p, 1, "TIME_WAIT");
	rig_run(s->r, 240000);
	expect_held(s, p, 1, "a tick before the end of 2*MSL");
	rig_run(s->r, 1);
	expect_held(s, p, 0, "expired");
}

SCENARIO(tw_share, fin_wait_2,
	 "an entry in FIN_WAIT_2 counts for its prefix until the FIN_WAIT_2 limit or the end of TIME_WAIT")
{
	struct peer *p, *q;

	rig_of_table(s, 64, 75, UINT32_MAX);
	p = from(s, 1, 1);
	peer_to_fin_wait_2(p, true);
	q = from(s, 2, 1);
	peer_to_fin_wait_2(q, true);
	rig_run(s->r, 6000);
	CHECK(s->r, rig_counter(s->r, LA_C_fin_wait_2_held) == 2, "fin_wait_2_held is not 2");
	expect_held(s, p, 1, "FIN_WAIT_2 in the table");
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N, 0);
	expect_held(s, p, 1, "TIME_WAIT");
	rig_run(s->r, 60000);
	expect_held(s, q, 0, "FIN_WAIT_2 ended");
	expect_held(s, p, 1, "TIME_WAIT continues");
	rig_run(s->r, 240000);
	expect_held(s, p, 0, "TIME_WAIT ended");
}

SCENARIO(tw_share, reopened,
	 "a reopened entry counts until its old 2*MSL ends; an entry that is given back counts as before the reopen")
{
	struct peer *p;

	rig_of_table(s, 64, 75, UINT32_MAX);
	p = from(s, 1, 1);
	p->lax_edge = true;
	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 1000);
	peer_renew(p, p->R + 5000);
	peer_syn(p);
	expect_held(s, p, 2, "reopen pending");
	peer_send(p, LA_RST, p->IRS + 1, 0, 0);
	expect_held(s, p, 1, "given back");
	peer_expect_state(p, LA_TIME_WAIT);
	peer_skip(p);
	rig_run(s->r, 1000);
	peer_renew(p, p->R + 10000);
	peer_syn(p);
	peer_skip(p);
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	expect_held(s, p, 2, "reopened: the old slot (ZOMBIE) and a reservation");
	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	expect_held(s, p, 1, "the old slot (ZOMBIE) alone");
	rig_run(s->r, 240000);
	expect_held(s, p, 0, "the wheel freed the old slot");
}

SCENARIO(tw_share, restart, "after la_shard_load() the prefix counters and limits apply")
{
	struct rig *r = s->r;
	struct la_shard_saved saved;
	struct la_shard_config cfg;
	struct la_prefix addrs[4];
	struct stream file = {0};
	struct peer *p;

	rig_of_table(s, 16, 75, UINT32_MAX);
	r = s->r;
	add_entry(s, 2, 1);
	CHECK(r, fill(s, 1) == 12, "the prefix did not get 12 entries");
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
	expect_held(s, p, 12, "loaded");
	CHECK(r, la_listen(r->s, NULL, 80, &user_ops, NULL, NULL) == 0, "la_listen failed");
	p = from(s, 2, 3);
	peer_syn(p);
	expect_held(s, p, 2, "the other prefix has an entry and a reservation");
	p = from(s, 1, 3);
	peer_syn(p);
	CHECK(r, peer_waiting(p) == 0 && refused(s) == 1, "the first prefix is not limited to its share");
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* A snapshot file that is loaded into another number of shards. Every entry is redistributed to the shard that its
 * segments hash to, with its sequence numbers, deadline and timestamps. No entry is lost. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <rte_mbuf.h>

#include "frame.h"
#include "io/rss.h"
#include "io/steer.h"
#include "rig.h"
#include "snapshot/snapshot_file.h"
#include "wire/tcp.h"

enum {
	N = 400,
	AT = 5000000,	/* time of saving, ms */
	AWAY = 1234,	/* time from saving to loading, ms */
	MOST = 8,	/* largest number of shards */
	LIFE = 60000,	/* 2*MSL, ms */
	AHEAD = 100000, /* the ISN clock of each shard is this number of steps ahead of the next shard's */
};

struct entry {
	struct la_tuple t;
	struct la_tw_core core;
	uint32_t life; /* ms: 2*MSL; 0: in FIN_WAIT_2 */
	uint32_t left; /* ms: time left at the save */
};

static const uint8_t us[6] = {2, 0, 0, 0, 0, 1}, router[6] = {2, 0, 0, 0, 0, 2};
static char dir[64], path[80], err[512];
static struct la_prefix ours[2];
static struct entry entries[N];
static struct la_shard *from[MOST], *to[MOST];
static struct la_snapshot_addrs addrs[MOST];
static unsigned nfrom, nto;
static struct la_wall saved_at = {.real_ns = 1700000000000000000ull, .boot_ns = 5000, .boot_id = "one boot"};

/* ---- shards ---- */

static struct la_shard *
make(uint64_t now, const uint8_t *secret, uint32_t room4, uint32_t room6)
{
	struct la_shard_config cfg = {.mbufs = rig_pool(),
				      .now = now,
				      .mac = {2, 0, 0, 0, 0, 1},
				      .addrs = ours,
				      .naddrs = 2,
				      .no_dad = true,
				      .max_conns = 16,
				      .max_time_wait4 = room4,
				      .max_time_wait6 = room6,
				      .gateway_mac = {2, 0, 0, 0, 0, 2}};
	struct rte_mbuf *m;
	struct la_shard *s;

	memcpy(cfg.secret, secret, sizeof(cfg.secret));
	la_addr_parse("10.0.0.1", &cfg.gateway4);
	la_addr_parse("fd00::1", &cfg.gateway6);
	cr_assert_eq(la_shard_create(&cfg, &s), 0);
	while (la_shard_tx(s, &m, 1) == 1) /* frees the announcements of its addresses */
		rte_pktmbuf_free(m);
	return s;
}

static const uint8_t *
secret(void)
{
	return (const uint8_t *)"one secret of a port, of 32 bytes";
}

/* Adds an entry with e->left ms to live, as of a connection that ended life - left ms ago. */
static void
enter(struct la_shard *s, const struct entry *e)
{
	const la_ref no_tcb = la_ref_make(LA_POOL_TCB, LA_REF_SLOT_MASK);
	struct la_tcp *t = &s->tcp;
	uint64_t hash = la_hash_tuple(&t->key, &e->t);
	int class = la_tw_class(&t->tw, e->life ? e->life : LIFE);

	cr_assert(class >= 0 && la_tw_reserve(&t->tw, &e->t.raddr));
	cr_assert_eq(la_index_insert(&t->index, hash, no_tcb), 0);
	if (e->life) {
		la_tw_enter(&t->tw, &e->t, hash, no_tcb, &e->core, t->tick + e->left - e->life, class);
		return;
	}
	la_tw_enter_fin_wait_2(&t->tw, &e->t, hash, no_tcb, &e->core, t->tick, class, e->left);
	s->counters.state[LA_FIN_WAIT_2]++;
}

/* Fills entries[] with all kinds of entries, of many peers and ports. Some expire before the load. */
static void
make_entries(void)
{
	static const uint32_t lives[] = {0, LIFE, LIFE, 4000, 240000};

	for (unsigned i = 0; i < N; i++) {
		struct entry *e = &entries[i];
		bool is6 = i % 3 == 0;
		uint32_t r = (i + 1) * 2654435761u;

		*e = (struct entry){.core = {.snd_nxt = r,
					     .rcv_nxt = r ^ 0x55555555,
					     .ts_recent = r >> 3,
					     .wnd = (uint16_t)(500 + i),
					     .flags = i & 1 ? LA_TW_TS : 0},
				    .life = lives[i % 5]};
		e->left = i % 7 == 0 ? 1 + r % AWAY : AWAY + 1 + r % (e->life ? e->life - AWAY - 1 : 50000);
		la_addr_parse(is6 ? "fd00::2" : "10.0.0.2", &e->t.laddr);
		la_addr_parse(is6 ? "2001:db8::1" : "192.0.2.1", &e->t.raddr);
		e->t.raddr.b[15] = (uint8_t)(1 + i % 50);
		e->t.lport = (uint16_t)(80 + i % 4);
		e->t.rport = (uint16_t)(1024 + r % 60000);
	}
}

/* Creates n shards of port 0, from[]. Each has the entries that hash to it. */
static void
make_old_shards(unsigned n)
{
	struct la_steer steer;

	la_steer_init(&steer, n);
	nfrom = n;
	for (unsigned k = 0; k < n; k++) {
		from[k] = make(AT, secret(), N, N);
		from[k]->tcp.isn_floor = AT * 250ull + (n - k) * AHEAD + AWAY * 250;
	}
	for (unsigned i = 0; i < N; i++)
		enter(from[la_steer_tuple(&steer, &entries[i].t)], &entries[i]);
}

static void
destroy(struct la_shard **s, unsigned *n)
{
	for (unsigned k = 0; k < *n; k++)
		la_shard_destroy(s[k]);
	*n = 0;
}

/* ---- the file ---- */

static void
save(void)
{
	uint64_t bytes;

	cr_assert_eq(la_snapshot_save(path, addrs, from, nfrom, AT, false, &saved_at, &bytes, err, sizeof(err)), 0,
		     "%s", err);
}

static int
open_for(unsigned n, struct la_snapshot **st)
{
	struct la_wall now = saved_at;

	now.boot_ns += AWAY * 1000000ull;
	return la_snapshot_open(path, addrs, n, false, &now, st, err, sizeof(err));
}

/* Loads the file into n new shards of this capacity, to[]. Returns the result of la_snapshot_load(). */
static int
load(unsigned n, uint32_t room4, uint32_t room6)
{
	struct la_snapshot *st;
	int rc;

	err[0] = '\0';
	cr_assert_eq(open_for(n, &st), 0, "%s", err);
	cr_assert_eq(la_snapshot_now(st), AT + AWAY);
	cr_assert_eq(la_snapshot_shards(st), nfrom);
	cr_assert_eq(la_snapshot_entries(st), N);
	nto = n;
	for (unsigned k = 0; k < n; k++) /* every second shard 1 ms later, because creation takes time */
		to[k] = make(la_snapshot_now(st) + k % 2, la_snapshot_secret(st, k), room4, room6);
	rc = la_snapshot_load(st, to, err, sizeof(err));
	la_snapshot_close(st);
	return rc;
}

static void
set_up(void)
{
	snprintf(dir, sizeof(dir), "%s/la_state_XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/state", dir);
	la_prefix_parse("10.0.0.2/24", &ours[0]);
	la_prefix_parse("fd00::2/64", &ours[1]);
	for (unsigned k = 0; k < MOST; k++)
		addrs[k] = (struct la_snapshot_addrs){.addrs = ours, .naddrs = 2};
	make_entries();
}

static void
tear_down(void)
{
	destroy(from, &nfrom);
	destroy(to, &nto);
	(void)unlink(path);
	cr_assert_eq(rmdir(dir), 0);
}

TestSuite(deal, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- an entry after the load ---- */

/* Repeats the peer's FIN at `now`, and parses the shard's answer. Returns false without an answer. */
static bool
repeat_fin(struct la_shard *s, const struct entry *e, uint64_t now, struct frame_in *answer)
{
	static uint8_t buf[FRAME_MAX];
	struct frame f = {.src = e->t.raddr,
			  .dst = e->t.laddr,
			  .sport = e->t.rport,
			  .dport = e->t.lport,
			  .seq = e->core.rcv_nxt - (e->life != 0),
			  .ack = e->core.snd_nxt,
			  .flags = LA_FIN | LA_ACK,
			  .win = 1000};
	uint32_t ts[2] = {htonl(e->core.ts_recent + 7), htonl(1)};
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool());
	const char *wrong;

	memcpy(f.eth_dst, us, 6);
	memcpy(f.eth_src, router, 6);
	if (e->core.flags & LA_TW_TS) {
		memcpy(f.opts, (const uint8_t[]){1, 1, 8, 10}, 4);
		memcpy(f.opts + 4, ts, sizeof(ts));
		f.optlen = 12;
	}
	m->data_len = (uint16_t)frame_write(rte_pktmbuf_mtod(m, uint8_t *), &f);
	m->pkt_len = m->data_len;
	la_shard_rx(s, now, &m, 1);
	if (la_shard_tx(s, &m, 1) == 0)
		return false;
	memcpy(buf, rte_pktmbuf_mtod(m, void *), m->data_len);
	wrong = frame_read(buf, m->data_len, answer);
	cr_assert(wrong == NULL, "%s", wrong);
	rte_pktmbuf_free(m);
	return true;
}

/* Asserts that entry i, which was in shard `old`, is in shard to[k] and in no other, with its old deadline. An entry
 * that has expired must be in no shard. */
static void
expect_entry(unsigned i, struct la_shard *old, unsigned k)
{
	const struct entry *e = &entries[i];
	struct la_conn_info info;
	struct frame_in was, is;
	uint64_t now = to[k]->now;
	bool over = e->left <= now - AT;

	for (unsigned j = 0; j < nto; j++)
		cr_assert_eq(la_shard_find(to[j], &e->t, &info) == 0, j == k && !over,
			     "entry %u belongs in shard %u: wrong result of the search in shard %u", i, k, j);
	if (over)
		return;
	cr_assert_eq(la_shard_find(to[k], &e->t, &info), 0);
	cr_assert_eq(info.state, e->life ? LA_TIME_WAIT : LA_FIN_WAIT_2);
	cr_assert(info.snd_nxt == e->core.snd_nxt && info.rcv_nxt == e->core.rcv_nxt, "entry %u", i);
	if (e->life)
		cr_assert_eq(info.time_wait_left_ms, e->left - (now - AT) - 1, "entry %u", i); /* in whole ms */
	/* the old and the new shard give the same answer to the peer */
	now = AT + AWAY + 1; /* the clock of all shards */
	if (e->left <= now - AT)
		return;
	la_shard_poll(old, now);
	cr_assert(repeat_fin(old, e, now, &was) && repeat_fin(to[k], e, now, &is), "entry %u", i);
	cr_assert(is.seq == was.seq && is.ack == was.ack && is.flags == was.flags && is.win == was.win, "entry %u", i);
	cr_assert(is.has_ts == was.has_ts && is.has_ts == ((e->core.flags & LA_TW_TS) != 0));
	cr_assert(is.tsval == was.tsval && is.tsecr == was.tsecr, "entry %u: TSval %u, was %u", i, is.tsval, was.tsval);
}

static void
redistribute(unsigned n, unsigned m)
{
	struct la_steer before, after;
	uint64_t loaded = 0, lapsed = 0;

	make_old_shards(n);
	save();
	cr_assert_eq(load(m, N, N), 0, "%u to %u: %s", n, m, err);
	la_steer_init(&before, n);
	la_steer_init(&after, m);
	for (unsigned k = 0; k < m; k++) {
		loaded += to[k]->counters.v[LA_C_time_wait_loaded];
		lapsed += to[k]->counters.v[LA_C_time_wait_lapsed];
		cr_assert_eq(la_tw_check(&to[k]->tcp.tw, stderr), 0);
		cr_assert_gt(to[k]->counters.v[LA_C_time_wait_loaded], 0); /* each shard must get entries */
	}
	cr_assert_eq(loaded + lapsed, N);
	cr_assert_gt(lapsed, 0);
	for (unsigned i = 0; i < N; i++)
		expect_entry(i, from[la_steer_tuple(&before, &entries[i].t)], la_steer_tuple(&after, &entries[i].t));
	destroy(from, &nfrom);
	destroy(to, &nto);
}

Test(deal, by_one)
{
	for (unsigned m = 1; m <= 4; m++)
		redistribute(1, m);
}

Test(deal, by_two)
{
	for (unsigned m = 1; m <= 4; m++)
		redistribute(2, m);
}

Test(deal, by_four)
{
	for (unsigned m = 1; m <= 4; m++)
		redistribute(4, m);
	redistribute(4, MOST);
}

/* The last run had another RSS key: entries hash to other shards, and no entry is lost. */
Test(deal, by_another_key)
{
	uint16_t good[2];
	unsigned n = 0;

	for (uint16_t w = 0x6d00; n < 2; w = (uint16_t)(w + 0x0101))
		if (la_rss_spreads(w))
			good[n++] = w;
	for (unsigned m = 2; m <= 4; m += 2) {
		struct la_steer before, after;
		uint64_t all = 0;
		unsigned moved = 0;

		cr_assert_eq(la_rss_set(good[0]), 0);
		la_steer_init(&before, m);
		make_old_shards(m);
		save();
		cr_assert_eq(la_rss_set(good[1]), 0);
		la_steer_init(&after, m);
		cr_assert_eq(load(m, N, N), 0, "%s", err);
		for (unsigned k = 0; k < m; k++)
			all += to[k]->counters.v[LA_C_time_wait_loaded] + to[k]->counters.v[LA_C_time_wait_lapsed];
		cr_assert_eq(all, N);
		for (unsigned i = 0; i < N; i++) {
			unsigned was = la_steer_tuple(&before, &entries[i].t),
				 is = la_steer_tuple(&after, &entries[i].t);

			moved += was != is;
			expect_entry(i, from[was], is);
		}
		cr_assert_gt(moved, N / 4);
		destroy(from, &nfrom);
		destroy(to, &nto);
	}
}

/* A connection without TIME_WAIT moved the ISN clock of one shard ahead. The next incarnation of its tuple may hash to
 * any shard, so all new shards get this clock. */
Test(deal, isn_clock)
{
	make_old_shards(4);
	save();
	cr_assert_eq(load(2, N, N), 0, "%s", err);
	for (unsigned k = 0; k < 2; k++)
		cr_assert_eq(to[k]->tcp.isn_floor, from[0]->tcp.isn_floor, "shard %u", k);
	destroy(from, &nfrom);
	destroy(to, &nto);
	make_old_shards(1);
	from[0]->tcp.isn_floor = AT * 250ull + (1 << 24) + 1; /* further ahead than possible */
	save();
	cr_assert_eq(load(1, N, N), -EBADMSG);
}

/* ---- room ---- */

/* Returns the largest number of entries of a family that hash to one of m shards, and that shard. */
static unsigned
most_entries(unsigned m, bool is4, unsigned *who)
{
	unsigned n[MOST] = {0};
	struct la_steer s;

	la_steer_init(&s, m);
	*who = 0;
	for (unsigned i = 0; i < N; i++) {
		uint32_t away = AWAY + la_steer_tuple(&s, &entries[i].t) % 2;

		n[la_steer_tuple(&s, &entries[i].t)] += la_addr_is4(&entries[i].t.laddr) == is4 &&
							entries[i].left > away;
	}
	for (unsigned k = 0; k < m; k++)
		*who = n[k] > n[*who] ? k : *who;
	return n[*who];
}

Test(deal, no_room)
{
	unsigned who4, who6, most4, most6;
	char words[128];

	make_old_shards(4);
	save();
	for (unsigned m = 1; m <= 3; m++) {
		most4 = most_entries(m, true, &who4);
		most6 = most_entries(m, false, &who6);
		/* the fullest shard has room for one entry too few: the load is refused */
		cr_assert_eq(load(m, most4 - 1, N), -ENOBUFS);
		snprintf(words, sizeof(words),
			 "%u of them for shard %u of %u, which has room for %u; %u times %u is --time-wait %u", most4,
			 who4 + 1, m, most4 - 1, m, most4, m * most4);
		cr_assert(strstr(err, words) != NULL, "%s, not %s", err, words);
		cr_assert(strncmp(err, path, strlen(path)) == 0, "%s", err);
		destroy(to, &nto);
		cr_assert_eq(load(m, N, most6 - 1), -ENOBUFS);
		snprintf(words, sizeof(words),
			 "%u of them for shard %u of %u, which has room for %u; %u times %u is --time-wait6 %u", most6,
			 who6 + 1, m, most6 - 1, m, most6, m * most6);
		cr_assert(strstr(err, words) != NULL, "%s, not %s", err, words);
		destroy(to, &nto);
		cr_assert_eq(load(m, most4, most6), 0, "%s", err); /* the size in the error message is enough */
		destroy(to, &nto);
	}
}

/* ---- files that cannot be redistributed ---- */

static void
expect_refused(unsigned n, int rc, const char *words)
{
	struct la_snapshot *st;

	cr_assert_eq(open_for(n, &st), rc, "%s", err);
	cr_assert(st == NULL && strstr(err, words) != NULL, "%s", err);
}

/* The secret determines the TSvals. With another secret the TSvals of an entry could go back. */
Test(deal, two_secrets)
{
	make_old_shards(2);
	la_shard_destroy(from[1]);
	from[1] = make(AT, (const uint8_t *)"another secret of a port, 32 bytes", N, N);
	save();
	expect_refused(2, -EBADMSG, "is damaged: section 2 has another secret than section 1, of the same port");
}

/* Two ports may have the same tuple, because each port is a network of its own. Entries are redistributed among the
 * shards of their port. */
Test(deal, ports)
{
	struct la_snapshot *st;
	struct la_conn_info info;
	unsigned on[2] = {0};

	make_old_shards(2);
	from[nfrom++] = make(AT, (const uint8_t *)"the secret of another port, 32 bytes", N, N);
	for (unsigned i = 0; i < N; i += 2)
		enter(from[2], &entries[i]);
	addrs[2].port = 1;
	save();
	for (unsigned k = 1; k < 4; k++) /* one shard on the first port, three on the second */
		addrs[k].port = 1;
	cr_assert_eq(open_for(4, &st), 0, "%s", err);
	for (nto = 0; nto < 4; nto++)
		to[nto] = make(la_snapshot_now(st), la_snapshot_secret(st, nto), N, N);
	cr_assert_eq(la_snapshot_load(st, to, err, sizeof(err)), 0, "%s", err);
	la_snapshot_close(st);
	for (unsigned k = 0; k < 4; k++)
		cr_assert_eq(memcmp(to[k]->secret, from[k ? 2 : 0]->secret, 32), 0);
	for (unsigned i = 0; i < N; i++) {
		bool over = entries[i].left <= AWAY;

		cr_assert_eq(la_shard_find(to[0], &entries[i].t, &info) == 0, !over);
		on[0] += !over && i % 2 == 0;
		for (unsigned k = 1; k < 4; k++)
			on[1] += la_shard_find(to[k], &entries[i].t, &info) == 0;
	}
	cr_assert_eq(on[1], on[0]);
	addrs[1].port = 0;
	expect_refused(2, -EINVAL, "has a section of port 1, which this run does not have");
	for (unsigned k = 0; k < 3; k++)
		addrs[k].port = k;
	expect_refused(3, -EINVAL, "has no section of port 2, which this run has");
}

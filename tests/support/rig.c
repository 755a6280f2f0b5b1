/* SPDX-License-Identifier: BSD-3-Clause */

#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "coverage.h"
#include "eal.h"
#include "peer.h"
#include "resolve.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/print.h"

enum { BURST = 32, RECORD_LINES = 80, RECORD_WIDTH = 200 };

static struct rte_mempool *pool;
static char record[RECORD_LINES][RECORD_WIDTH];
static unsigned nrecord;

struct rte_mempool *
rig_pool(void)
{
	if (pool == NULL) {
		if (test_eal_start() < 0)
			cr_assert_fail("EAL does not start: %s", rte_strerror(rte_errno));
		pool = test_pool_make("test", RIG_MBUFS);
		cr_assert(pool != NULL, "no mbuf pool: %s", rte_strerror(rte_errno));
	}
	return pool;
}

unsigned
rig_mbufs_free(void)
{
	return rte_mempool_avail_count(rig_pool());
}

void
rig_note(struct rig *r, const char *fmt, ...)
{
	char *line = record[nrecord++ % RECORD_LINES];
	int n = snprintf(line, RECORD_WIDTH, "%12llu  ", (unsigned long long)r->now);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + n, (size_t)(RECORD_WIDTH - n), fmt, ap);
	va_end(ap);
	if (r->verbose)
		fprintf(stderr, "%s\n", line);
}

_Noreturn void
rig_fail(struct rig *r, const char *file, int line, const char *fmt, ...)
{
	unsigned from = nrecord > RECORD_LINES ? nrecord - RECORD_LINES : 0;
	const char *base = strrchr(file, '/');
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "FAIL %s (%s:%d, at %llu): %s\n", r->name ? r->name : "", base ? base + 1 : file, line,
		(unsigned long long)r->now, text);
	if (getenv("RIG_QUIET") == NULL && !r->verbose)
		for (; from < nrecord; from++)
			fprintf(stderr, "    %s\n", record[from % RECORD_LINES]);
	if (r->bail) {
		if (!r->plain)
			cr_expect(false, "%s: %s", r->name ? r->name : "", text);
		longjmp(*r->bail, 1);
	}
	cr_assert_fail("%s: %s", r->name ? r->name : "", text);
	abort();
}

static void
note_frame(struct rig *r, const char *way, const uint8_t *p, size_t len)
{
	char text[RECORD_WIDTH];

	rig_note(r, "%s %s", way, la_frame_format(p, len, text, sizeof(text)));
}

static void
addresses(struct rig *r)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, peer[6] = {2, 0, 0, 0, 0, 2};

	memcpy(r->mac, mac, 6);
	memcpy(r->peer_mac, peer, 6);
	la_addr_parse("10.1.0.1", &r->addr4);
	la_addr_parse("10.1.0.3", &r->other4);
	la_addr_parse("10.1.0.2", &r->peer4);
	la_addr_parse("fd00::1", &r->addr6);
	la_addr_parse("fd00::3", &r->other6);
	la_addr_parse("fd00::2", &r->peer6);
}

void
rig_config(const struct rig *r, struct la_shard_config *cfg, struct la_prefix addrs[4])
{
	static const uint8_t secret[32] = "a test's secret is not a secret";

	addrs[0] = (struct la_prefix){r->addr4, 24};
	addrs[1] = (struct la_prefix){r->other4, 24};
	addrs[2] = (struct la_prefix){r->addr6, 64};
	addrs[3] = (struct la_prefix){r->other6, 64};
	*cfg = (struct la_shard_config){.addrs = addrs, .naddrs = 4, .no_dad = true};
	cfg->mbufs = rig_pool();
	cfg->now = r->now;
	cfg->mtu = r->opts.mtu;
	cfg->vlan = r->opts.vlan ? 7 : 0;
	cfg->offloads = r->opts.offloads;
	cfg->msl_ms = r->opts.msl_ms;
	cfg->rto_min_ms = r->opts.rto_min_ms;
	cfg->max_conns = r->opts.max_conns ? r->opts.max_conns : 64;
	cfg->max_time_wait4 = r->opts.max_time_wait4 ? r->opts.max_time_wait4 : 64;
	cfg->max_time_wait6 = r->opts.max_time_wait6 ? r->opts.max_time_wait6 : 64;
	cfg->max_neighbours = r->opts.max_neighbours ? r->opts.max_neighbours : 512;
	cfg->quiet_ms = r->opts.quiet_ms;
	cfg->tw_full_reset = r->opts.tw_full_reset;
	cfg->syn_cookies_at = r->opts.syn_cookies_at;
	cfg->rst_rate = r->opts.rst_rate;
	cfg->tw_share_percent = r->opts.tw_share_percent;
	if (r->opts.gateway) {
		cfg->gateway4 = r->peer4;
		cfg->gateway6 = r->peer6;
	}
	cfg->max_held = r->opts.max_held;
	cfg->low_mbufs = r->opts.low_mbufs;
	cfg->max_orphans = r->opts.max_orphans;
	cfg->orphan_ms = r->opts.orphan_ms;
	cfg->control = r->opts.control;
	memcpy(cfg->secret, secret, sizeof(secret));
	memcpy(cfg->mac, r->mac, 6);
}

struct rig *
rig_open(const struct rig_opts *opts)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct la_prefix addrs[4];
	struct la_shard_config cfg;
	int err;

	cr_assert(r != NULL);
	nrecord = 0;
	if (opts)
		r->opts = *opts;
	addresses(r);
	r->now = r->opts.now ? r->opts.now : 1000000;
	r->mbufs = rig_mbufs_free();
	rig_config(r, &cfg, addrs);
	err = la_shard_create(&cfg, &r->s);
	cr_assert(err == 0, "la_shard_create: %s", strerror(-err));
	coverage_open(r);
	return r;
}

void
rig_discard(struct rig *r)
{
	if (r->s)
		la_shard_destroy(r->s);
	for (unsigned i = 0; i < r->npeers; i++)
		peer_free(r->peers[i]);
	free(r);
}

void
rig_close(struct rig *r)
{
	unsigned left;

	CHECK(r, rig_counter(r, LA_C_early_recycles) == 0, "a TIME_WAIT entry ended before its time");
	CHECK(r, r->strays == 0 || r->quiet_strays, "%u segments belong to no peer's tuple", r->strays);
	for (unsigned i = 0; i < r->npeers; i++)
		peer_check_end(r->peers[i]);
	coverage_close(r);
	la_shard_destroy(r->s);
	r->s = NULL;
	left = rig_mbufs_free();
	CHECK(r, left == r->mbufs, "%d mbufs leaked", (int)(r->mbufs - left));
	for (unsigned i = 0; i < r->npeers; i++)
		peer_free(r->peers[i]);
	free(r);
}

uint64_t
rig_counter(const struct rig *r, enum la_counter c)
{
	return la_shard_counters(r->s)->v[c];
}

/* Address resolution. */

static bool
is_ours(const struct rig *r, const struct la_addr *a)
{
	return la_addr_eq(a, &r->addr4) || la_addr_eq(a, &r->other4) || la_addr_eq(a, &r->addr6) ||
	       la_addr_eq(a, &r->other6);
}

/* Sets *tcp to whether the frame is TCP. If it is not TCP but asks for a peer's address, writes a reply to `out`.
 * Returns the length of the reply; 0: no reply. */
static size_t
resolve(struct rig *r, const uint8_t *p, size_t len, uint8_t *out, bool *tcp)
{
	struct la_eth e;
	struct la_addr asked;
	size_t ip_proto, n;

	CHECK(r, la_eth_parse(p, len, &e) == LA_WIRE_OK, "a frame without an Ethernet header");
	ip_proto = e.len + (e.type == LA_ETH_IP6 ? 6u : 9u);
	*tcp = e.type != LA_ETH_ARP && len > ip_proto && p[ip_proto] == LA_IPPROTO_TCP;
	if (*tcp || r->mute)
		return 0;
	n = resolve_answer(p, len, r->peer_mac, out, &asked);
	return n && !is_ours(r, &asked) ? n : 0;
}

/* Output. */

static void
capture_tcp(struct rig *r, const uint8_t *frame, size_t len)
{
	struct frame_in f;
	struct peer *p;
	const char *bad = frame_read(frame, len, &f);

	r->tcp_frames++;
	CHECK(r, bad == NULL, "the shard sent an invalid segment: %s", bad);
	CHECK(r, f.df || r->small_path, "DF is not set");
	CHECK(r, memcmp(f.eth_dst, r->peer_mac, 6) == 0 && memcmp(f.eth_src, r->mac, 6) == 0,
	      "wrong Ethernet addresses");
	CHECK(r, f.vlan == (r->opts.vlan ? 7 : 0), "VLAN %u on output", f.vlan);
	p = peer_of(r, &(struct la_tuple){f.src, f.dst, f.sport, f.dport});
	if (p) {
		peer_capture(p, &f);
		return;
	}
	r->strays++;
	r->stray = f;
}

static void
inject(struct rig *r, const uint8_t *frame, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->from ? r->from : rig_pool());
	char *room;

	CHECK(r, m != NULL, "the pool is empty");
	room = rte_pktmbuf_append(m, (uint16_t)len);
	CHECK(r, room != NULL, "a frame of %zu bytes does not fit an mbuf", len);
	memcpy(room, frame, len);
	note_frame(r, "<", frame, len);
	coverage_frame(r, frame, len);
	la_shard_rx(r->s, r->now, &m, 1);
}

static void
fill_in(uint8_t *field, const uint8_t *from, size_t n)
{
	uint16_t v = (uint16_t)~frame_sum(0, from, n);

	field[0] = (uint8_t)(v >> 8);
	field[1] = (uint8_t)v;
}

/* Models a port with checksum offload: fills in the requested checksums at the offsets of the mbuf. */
static void
make_checksums(struct rig *r, const struct rte_mbuf *m, uint8_t *frame)
{
	uint8_t *ip = frame + m->l2_len, *tcp = ip + m->l3_len;
	bool is4 = ip[0] >> 4 == 4;

	if ((m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM)) == 0)
		return;
	CHECK(r, m->l2_len == (r->opts.vlan ? 18 : 14), "l2_len is %u", (unsigned)m->l2_len);
	CHECK(r, m->l3_len == (is4 ? 20 : 40), "l3_len is %u", (unsigned)m->l3_len);
	CHECK(r, m->l4_len == (tcp[12] >> 4) * 4, "l4_len is %u", (unsigned)m->l4_len);
	CHECK(r, m->ol_flags & (is4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6), "the family flag is missing");
	if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) {
		CHECK(r, is4 && ip[10] == 0 && ip[11] == 0, "IPv4's checksum field is not 0");
		fill_in(ip + 10, ip, 20);
	}
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM)
		fill_in(tcp + 16, tcp, m->pkt_len - m->l2_len - m->l3_len);
}

/* Handles one emitted frame: copies it first, so that the mbuf is freed even when a check fails. */
static void
take(struct rig *r, struct rte_mbuf *m)
{
	uint8_t flat[16384], answer[256];
	size_t len = m->pkt_len, n;
	const void *p;
	bool tcp;

	CHECK(r, len <= sizeof(flat), "a frame of %zu bytes is too long", len);
	p = rte_pktmbuf_read(m, 0, (uint32_t)len, flat);
	CHECK(r, p != NULL, "mbuf chain shorter than its pkt_len");
	if (p != flat)
		memcpy(flat, p, len);
	make_checksums(r, m, flat);
	rte_pktmbuf_free(m);
	r->tx_frames++;
	note_frame(r, ">", flat, len);
	n = resolve(r, flat, len, answer, &tcp);
	if (tcp)
		capture_tcp(r, flat, len);
	else if (n)
		inject(r, answer, n);
}

static void
drain(struct rig *r)
{
	struct rte_mbuf *burst[BURST];
	unsigned n;

	while ((n = la_shard_tx(r->s, burst, BURST)) > 0)
		for (unsigned i = 0; i < n; i++)
			take(r, burst[i]);
}

void
rig_pump(struct rig *r)
{
	bool more;
	unsigned rounds = 0;

	do {
		drain(r);
		more = la_shard_poll(r->s, r->now);
		CHECK(r, ++rounds < 1000000, "la_shard_poll() always reports that more is due");
	} while (more);
	drain(r);
}

void
rig_inject(struct rig *r, const uint8_t *frame, size_t len)
{
	inject(r, frame, len);
	rig_pump(r);
}

void
rig_run(struct rig *r, uint64_t ms)
{
	uint64_t until = r->now + ms, next, sent;
	unsigned stuck = 0;

	rig_pump(r);
	coverage_time(r, ms);
	while ((next = la_shard_next(r->s)) <= until) {
		stuck = next > r->now ? 0 : stuck + 1;
		CHECK(r, stuck < 10000, "la_shard_next() does not advance at %llu", (unsigned long long)next);
		if (next > r->now)
			r->now = next;
		rig_pump(r);
		coverage_acted(r);
	}
	r->now = until;
	sent = r->tx_frames;
	rig_pump(r);
	CHECK(r, r->tx_frames == sent, "la_shard_next() was %llu, but the shard sent before that time",
	      (unsigned long long)next);
}

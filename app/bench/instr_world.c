/* SPDX-License-Identifier: BSD-3-Clause */

/* The two shards of bench_instructions, and the frames between them. (Theory: instr.h) */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "bench/instr.h"
#include "fault/seg.h"

enum {
	POOL = 3 * QUEUE,
	CACHE = RTE_MEMPOOL_CACHE_MAX_SIZE,
	ROOM = RTE_PKTMBUF_HEADROOM + 1600,
	CONNS = 16384,
	ENTRIES = 16384,
	SOURCE_PORTS = 60000,
	SOURCES = 1 << 17, /* addresses of the client's range */
	EXPIRE_MS = 100,   /* further time in which no timer of a life cycle is left */
};

static struct rte_mempool *pool[2]; /* of the measured shard, of the peer */

void
instr_fail(const struct instr_world *w, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "bench_instructions: %s: ", w->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

/* ------------------------------------------------------------------ what callgrind watches */

void instr_row_end(void);
unsigned instr_counted(struct instr_host *h, uint64_t now, struct rte_mbuf **in, unsigned n, struct rte_mbuf **out);

/* callgrind writes and clears its counts when this is called. */
__attribute__((noinline)) void
instr_row_end(void)
{
	__asm__ volatile("" ::: "memory");
}

/* A round, as run/worker.c runs it for a station. out has room for what the shard transmits. */
static inline __attribute__((always_inline)) unsigned
round_of(struct instr_host *h, uint64_t now, struct rte_mbuf **in, unsigned n, struct rte_mbuf **out)
{
	unsigned sent = 0, k;

	if (n > 0)
		la_shard_rx(h->shard, now, in, n);
	la_shard_poll(h->shard, now);
	if (h->poll)
		h->poll(h, now);
	while ((k = la_shard_tx(h->shard, out + sent, BURST)) > 0)
		sent += k;
	return sent;
}

__attribute__((noinline)) unsigned
instr_counted(struct instr_host *h, uint64_t now, struct rte_mbuf **in, unsigned n, struct rte_mbuf **out)
{
	return round_of(h, now, in, n, out);
}

static __attribute__((noinline)) unsigned
instr_uncounted(struct instr_host *h, uint64_t now, struct rte_mbuf **in, unsigned n, struct rte_mbuf **out)
{
	return round_of(h, now, in, n, out);
}

void
instr_row(const struct instr_world *w, const char *row, uint64_t units)
{
	printf("row %s/%s %" PRIu64 "\n", w->name, row, units);
	fflush(stdout);
	instr_row_end();
}

/* ------------------------------------------------------------------ frames */

void
instr_round(struct instr_world *w, struct instr_host *h, struct instr_host *to, unsigned n, bool count)
{
	struct rte_mbuf *in[BURST];

	n = RTE_MIN(RTE_MIN(n, h->n), (unsigned)BURST);
	memcpy(in, h->in, n * sizeof(in[0]));
	memmove(h->in, h->in + n, (h->n - n) * sizeof(in[0]));
	h->n -= n;
	if (to->n + QUEUE / 8 > QUEUE)
		instr_fail(w, "more than %d frames wait", QUEUE - QUEUE / 8);
	to->n += (count ? instr_counted : instr_uncounted)(h, instr_now(w), in, n, to->in + to->n);
}

void
instr_feed(struct instr_world *w, struct instr_host *h, struct instr_host *to, bool count)
{
	while (h->n > 0)
		instr_round(w, h, to, BURST, count);
}

void
instr_shuffle(struct instr_world *w, struct instr_host *h)
{
	for (unsigned i = h->n; i > 1; i--) {
		unsigned j = la_rng_below(&w->rng, i);
		struct rte_mbuf *m = h->in[j];

		h->in[j] = h->in[i - 1];
		h->in[i - 1] = m;
	}
}

void
instr_settle(struct instr_world *w, uint64_t ms)
{
	for (uint64_t i = 0; i <= ms; i++) {
		do {
			instr_round(w, &w->peer, &w->measured, BURST, false);
			instr_round(w, &w->measured, &w->peer, BURST, false);
		} while (w->peer.n + w->measured.n > 0);
		w->ns += 1000000;
	}
}

void
instr_expect(const struct instr_world *w, const struct instr_host *h, unsigned n, uint8_t flags)
{
	if (h->n != n)
		instr_fail(w, "%u frames instead of %u", h->n, n);
	for (unsigned i = 0; i < n; i++) {
		struct la_fault_seg s;

		if (!la_fault_seg_read(rte_pktmbuf_mtod(h->in[i], const uint8_t *), h->in[i]->pkt_len, &s) ||
		    (s.flags & ~LA_PSH) != flags)
			instr_fail(w, "frame %u of %u is not a segment with flags %#x", i, n, flags);
	}
}

unsigned
instr_copy(const struct instr_world *w, const struct instr_host *h, struct rte_mbuf **copies)
{
	for (unsigned i = 0; i < h->n; i++) {
		copies[i] = rte_pktmbuf_copy(h->in[i], pool[1], 0, UINT32_MAX);
		if (copies[i] == NULL)
			instr_fail(w, "no packet buffers");
	}
	return h->n;
}

void
instr_discard(struct instr_host *h)
{
	rte_pktmbuf_free_bulk(h->in, h->n);
	h->n = 0;
}

/* ------------------------------------------------------------------ the world */

void
instr_tuple(const struct instr_world *w, uint64_t i, struct la_tuple *t)
{
	uint32_t host = (uint32_t)((la_rng_mix(i % SOURCE_PORTS) >> 47) + i / SOURCE_PORTS) % SOURCES;

	*t = (struct la_tuple){.lport = (uint16_t)(1024 + i % SOURCE_PORTS), .rport = PORT};
	if (!w->kind.ip6) {
		t->laddr = la_addr_from4(rte_cpu_to_be_32(0x0a800000 + host)); /* 10.128.0.0/15 */
		t->raddr = la_addr_from4(RTE_BE32(0x0a4d0002));
		return;
	}
	la_addr_parse("fd80::", &t->laddr);
	t->laddr.w[3] = rte_cpu_to_be_32(host);
	la_addr_parse("fd77::2", &t->raddr);
}

static void
host_create(struct instr_world *w, struct instr_host *h, const struct instr_options *o)
{
	bool is_client = h == w->client;
	struct la_prefix own[2], range[2];
	struct la_shard_config cfg;

	la_shard_config_init(&cfg);
	cfg.mbufs = pool[h == &w->peer];
	cfg.mac[0] = 2;
	cfg.mac[5] = is_client ? 1 : 2;
	memset(cfg.secret, 0x5a + is_client, sizeof(cfg.secret));
	cfg.now = instr_now(w);
	cfg.addrs = own;
	cfg.naddrs = 2;
	cfg.no_dad = true;
	cfg.msl_ms = MSL_MS;
	cfg.max_conns = CONNS + o->population;
	cfg.max_time_wait4 = cfg.max_time_wait6 = ENTRIES + cfg.max_conns;
	cfg.offloads = LA_OFF_TX_MULTI_SEG;
	la_prefix_parse(is_client ? "10.77.0.1/24" : "10.77.0.2/24", &own[0]);
	la_prefix_parse(is_client ? "fd77::1/64" : "fd77::2/64", &own[1]);
	if (is_client) {
		la_prefix_parse("10.128.0.0/15", &range[0]);
		la_prefix_parse("fd80::/64", &range[1]);
		cfg.ranges = range;
		cfg.nranges = 2;
	} else {
		cfg.syn_cookies_at = o->syn_cookies_at;
		cfg.rst_rate = o->rst_rate ? o->rst_rate : cfg.rst_rate;
		la_addr_parse("10.77.0.1", &cfg.gateway4);
		la_addr_parse("fd77::1", &cfg.gateway6);
	}
	if (la_shard_create(&cfg, &h->shard) != 0)
		instr_fail(w, "no memory for a shard");
}

static void
make_pools(const struct instr_world *w)
{
	static const char *const name[2] = {"instr_measured", "instr_peer"};

	for (unsigned i = 0; i < 2; i++) {
		pool[i] = rte_pktmbuf_pool_create(name[i], POOL, CACHE, 0, ROOM, SOCKET_ID_ANY);
		if (pool[i] == NULL)
			instr_fail(w, "no memory for packet buffers");
	}
}

/* New pools for each group: the order of free buffers is that of the start. */
void
instr_open(struct instr_world *w, const char *name, const struct instr_kind *kind, const struct instr_options *o)
{
	memset(w, 0, sizeof(*w));
	w->name = name;
	w->kind = *kind;
	w->client = o->client_is_measured ? &w->measured : &w->peer;
	w->server = o->client_is_measured ? &w->peer : &w->measured;
	make_pools(w);
	host_create(w, &w->client[0], o);
	host_create(w, &w->server[0], o);
	instr_settle(w, EXPIRE_MS); /* announcements, and the MAC addresses of the gateways */
	w->measured.before = *la_shard_counters(w->measured.shard);
	w->peer.before = *la_shard_counters(w->peer.shard);
}

void
instr_close(struct instr_world *w)
{
	instr_discard(&w->measured);
	instr_discard(&w->peer);
	la_shard_destroy(w->measured.shard);
	la_shard_destroy(w->peer.shard);
	for (unsigned i = 0; i < 2; i++) {
		if (rte_mempool_in_use_count(pool[i]) != 0)
			instr_fail(w, "%u packet buffers are missing", rte_mempool_in_use_count(pool[i]));
		rte_mempool_free(pool[i]);
	}
}

/* ------------------------------------------------------------------ checks */

void
instr_check(const struct instr_world *w, const struct instr_host *h, enum la_counter c, uint64_t want)
{
	uint64_t n = la_shard_counters(h->shard)->v[c] - h->before.v[c];

	if (n != want)
		instr_fail(w, "%s is %" PRIu64 ", not %" PRIu64, la_counter_name(c), n, want);
}

void
instr_check_clean(const struct instr_world *w, const struct instr_host *h)
{
	static const enum la_counter zero[] = {LA_C_rst_out,	   LA_C_retransmits,   LA_C_challenge_acks,
					       LA_C_ended_reset,   LA_C_ended_aborted, LA_C_ended_timeout,
					       LA_C_early_recycles};

	for (unsigned i = 0; i < RTE_DIM(zero); i++)
		instr_check(w, h, zero[i], 0);
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		if (la_counter_kind((enum la_counter)i) == LA_KIND_DROP)
			instr_check(w, h, (enum la_counter)i, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include "world.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include "../support/resolve.h"
#include "core/log.h"
#include "pool.h"
#include "wire/print.h"

enum { BURST = 32, ROUNDS = 100000, JUMPS = 400, BIG = 1 << 18 };

static struct rte_mempool *pool, *control_pool;

bool
world_traced(void)
{
	static int on = -1;

	if (on < 0)
		on = getenv("FUZZ_TRACE") != NULL;
	return on;
}

/* Replaces the library's la_log(): its messages about address conflicts are not needed here. */
void
la_log_set_level(enum la_log_level level)
{
	(void)level;
}

void
la_log(enum la_log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!world_traced())
		return;
	va_start(ap, fmt);
	fprintf(stderr, "log %d: ", (int)level);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
}

/* Tables of the shard are on the heap, so that a sanitizer reports overruns. Large tables (wheels) are mapped instead,
 * because most of their pages are never used. */

static void *
mem_alloc(void *ctx, size_t size, size_t align)
{
	void *p;

	(void)ctx;
	if (size >= BIG) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
	if (posix_memalign(&p, align < 64 ? 64 : align, size) != 0)
		return NULL;
	return memset(p, 0, size);
}

static void
mem_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	if (size >= BIG)
		munmap(p, size);
	else
		free(p);
}

static const struct la_mem_ops mem = {.alloc = mem_alloc, .free = mem_free};

/* --- creation
 * ---------------------------------------------------------------------------------------------- */

static struct la_addr
addr(const char *text)
{
	struct la_addr a;

	CHECK(la_addr_parse(text, &a) == 0);
	return a;
}

static void
config(struct world *w, struct bytes *b)
{
	static const uint32_t tables[] = {1, 2, 4, 16}, msl[] = {1000, 30000, 50, 120000};
	static const uint32_t cookies[] = {0, 1, 2, UINT32_MAX};
	static const uint16_t mtus[] = {1500, 1280, 1500, 1492};
	struct la_shard_config *c = &w->cfg;
	uint8_t a = get8(b), d = get8(b), e = get8(b);

	memcpy(w->mac, "\2\0\0\0\0\1", 6);
	memcpy(w->peer_mac, "\2\0\0\0\0\2", 6);
	w->addrs[0] = (struct la_prefix){addr("10.1.0.1"), 24};
	w->addrs[1] = (struct la_prefix){addr("fd00::1"), 64};
	w->ranges[0] = (struct la_prefix){addr("10.9.0.0"), 16};
	w->ranges[1] = (struct la_prefix){addr("fd09::"), 112};
	w->peer[0] = addr("10.1.0.2");
	w->peer[1] = addr("fd00::2");
	*c = (struct la_shard_config){.mbufs = pool,
				      .mem = &mem,
				      .addrs = w->addrs,
				      .naddrs = 2,
				      .ranges = w->ranges,
				      .nranges = a & 1 ? 2 : 0,
				      .no_dad = !(a & 2),
				      .tw_full_reset = a & 4,
				      .vlan = a & 8 ? 7 : 0,
				      .mtu = mtus[a >> 4 & 3],
				      .quiet_ms = a & 64 ? 500 : 0,
				      .rto_min_ms = a & 128 ? 1 : 0,
				      .max_conns = tables[3 - (d & 3)],
				      .max_time_wait4 = tables[3 - (d >> 2 & 3)],
				      .max_time_wait6 = tables[3 - (d >> 2 & 3)],
				      .msl_ms = msl[d >> 4 & 3],
				      .max_neighbours = d & 64 ? 2 : 256,
				      .offloads = (e & 15) | (e & LA_OFF_RX_IP_CKSUM ? LA_OFF_RX_CKSUM : 0)};
	memcpy(c->mac, w->mac, 6);
	memcpy(c->secret, "no secret to whoever has the file", 32);
	if (d & 128) {
		c->gateway4 = addr("10.1.0.254");
		c->gateway6 = addr("fd00::fe");
	}
	c->syn_cookies_at = cookies[e >> 6];
	c->rst_rate = e >> 6 == 3 ? 1 : 0;
	w->now = e & 16 ? UINT32_MAX - 5000ull : e & 32 ? (1ull << 31) - 3000 : 1000000;
	c->now = w->now;
}

static void
lines(struct world *w, uint8_t how)
{
	for (unsigned i = 0; i < TUPLES; i++) {
		struct line *l = &w->lines[i];
		bool six = how & 1 ? i % 2 : i >= TUPLES / 2;

		l->t = (struct la_tuple){w->addrs[six].addr, w->peer[six], (uint16_t)(i == 4 ? 81 : 80),
					 (uint16_t)(4000 + i)};
		if (i == 2 && w->cfg.nranges) { /* an address of a range, behind the gateway */
			l->t.laddr = addr("10.9.1.2");
			if (!la_addr_is_any(&w->cfg.gateway4))
				l->t.raddr = addr("192.0.2.7");
		}
		l->R = l->N = l->U = 0x10000000u * (i + 1) - 5000;
		l->tsr = 0xffffff00u;
		l->opts = (uint8_t)(how >> 1 ^ i);
	}
}

void
world_open(struct world *w, struct bytes *b, bool control)
{
	memset(w, 0, sizeof(*w));
	pool = fuzz_pool(MBUFS);
	control_pool = fuzz_control_pool(CONTROL);
	config(w, b);
	w->cfg.control = control ? control_pool : NULL;
	lines(w, get8(b));
	CHECK(la_shard_create(&w->cfg, &w->s) == 0);
	world_pump(w);
}

/* --- frames in
 * ------------------------------------------------------------------------------------------ */

static void
ext_free(void *p, void *info)
{
	free(p);
	free(info);
}

/* Returns an mbuf whose data is a heap block of exact size, so that a sanitizer reports a read past its end. */
static struct rte_mbuf *
exact(const uint8_t *p, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct rte_mbuf_ext_shared_info *info = malloc(sizeof(*info));
	uint8_t *block = malloc(len ? len : 1);

	CHECK(info && block);
	if (!m) {
		ext_free(block, info);
		return NULL;
	}
	memcpy(block, p, len);
	info->free_cb = ext_free;
	info->fcb_opaque = info;
	rte_mbuf_ext_refcnt_set(info, 1);
	rte_pktmbuf_attach_extbuf(m, block, 0, (uint16_t)(len ? len : 1), info);
	m->data_off = 0;
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	return m;
}

static struct rte_mbuf *
chain(const uint8_t *p, size_t len, size_t first, size_t piece)
{
	struct rte_mbuf *head = NULL;

	do {
		size_t n = head ? piece : first;
		struct rte_mbuf *m;

		if (n > len)
			n = len;
		m = exact(p, n);
		if (!m || (head && rte_pktmbuf_chain(head, m) < 0)) {
			rte_pktmbuf_free(head);
			rte_pktmbuf_free(m);
			return NULL;
		}
		head = head ? head : m;
		p += n;
		len -= n;
	} while (len);
	return head;
}

struct rte_mbuf *
world_mbuf(struct world *w, const uint8_t *p, size_t len, enum lie lie)
{
	uint8_t bare[FRAME_MAX];
	struct rte_mbuf *m;

	if (lie == LIE_STRIPPED && len >= 18 && p[12] == 0x81) {
		memcpy(bare, p, 12);
		memcpy(bare + 12, p + 16, len - 16);
		m = exact(bare, len - 4);
		if (m) {
			m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
			m->vlan_tci = (uint16_t)(p[14] << 8 | p[15]);
		}
		return m;
	}
	switch (lie) {
	case LIE_EXACT:
		return exact(p, len);
	case LIE_CHAIN:
		return chain(p, len, 150, 200);
	case LIE_CRUMBS:
		return chain(p, len, 9, 21);
	default:
		break;
	}
	m = rte_pktmbuf_alloc(w->cfg.mbufs);
	if (!m)
		return NULL;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	if (lie == LIE_GOOD)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	else if (lie == LIE_BAD)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_BAD;
	return m;
}

static void
trace_frame(const char *way, const uint8_t *p, size_t len)
{
	char text[300];

	if (world_traced())
		fprintf(stderr, "%s %s\n", way, la_frame_format(p, len, text, sizeof(text)));
}

static void
flush(struct world *w)
{
	unsigned n = w->nheld;

	w->nheld = 0;
	la_shard_rx(w->s, w->now, w->held, n);
	world_pump(w);
}

void
world_in(struct world *w, struct rte_mbuf *m, bool hold)
{
	if (m) {
		trace_frame("  <", rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		w->held[w->nheld++] = m;
	}
	if (!hold || w->nheld == BURST_MAX)
		flush(w);
}

/* --- frames out
 * ----------------------------------------------------------------------------------------- */

static void
taken(struct world *w, struct rte_mbuf *m)
{
	uint8_t flat[4096], answer[128];
	size_t len = m->pkt_len, n;
	struct la_addr asked;
	const void *p;

	CHECK(len <= sizeof(flat));
	CHECK(m->nb_segs == 1 || (w->cfg.offloads & LA_OFF_TX_MULTI_SEG));
	p = rte_pktmbuf_read(m, 0, (uint32_t)len, flat);
	CHECK(p != NULL);
	if (p != flat)
		memcpy(flat, p, len);
	rte_pktmbuf_free(m);
	trace_frame("  >", flat, len);
	check_frame(w, flat, len);
	n = w->mute ? 0 : resolve_answer(flat, len, w->peer_mac, answer, &asked);
	if (n && (m = world_mbuf(w, answer, n, LIE_FLAT)) != NULL)
		la_shard_rx(w->s, w->now, &m, 1);
}

void
world_pump(struct world *w)
{
	struct rte_mbuf *out[BURST];
	unsigned rounds = 0, n;
	bool more;

	do {
		while ((n = la_shard_tx(w->s, out, BURST)) > 0)
			for (unsigned i = 0; i < n; i++)
				taken(w, out[i]);
		more = la_shard_poll(w->s, w->now);
		CHECK(++rounds < ROUNDS);
	} while (more);
	while ((n = la_shard_tx(w->s, out, BURST)) > 0)
		for (unsigned i = 0; i < n; i++)
			taken(w, out[i]);
}

/* --- time
 * -----------------------------------------------------------------------------------------------
 */

void
world_run(struct world *w, uint64_t ms, bool late)
{
	uint64_t until = w->now + ms, next;
	unsigned stuck = 0;

	for (unsigned i = 0; i < JUMPS && !late && (next = la_shard_next(w->s)) <= until; i++) {
		stuck = next > w->now ? 0 : stuck + 1;
		CHECK(stuck < 50);
		if (next > w->now)
			w->now = next;
		world_pump(w);
	}
	/* JUMPS are used up: the time stays at the last timer. With a timer every minute 24 days would take too many
	 * steps, and one jump over 24 days would run the wheel through its whole length many times. */
	if (!late && la_shard_next(w->s) <= until)
		return;
	w->now = until;
	world_pump(w);
}

void
world_starve(struct world *w, unsigned left)
{
	unsigned avail = rte_mempool_avail_count(pool), n;

	if (avail < left) {
		n = RTE_MIN(w->nhoard, left - avail);
		w->nhoard -= n;
		rte_mempool_put_bulk(pool, w->hoard + w->nhoard, n);
	} else {
		n = avail - left;
		if (rte_mempool_get_bulk(pool, w->hoard + w->nhoard, n) == 0)
			w->nhoard += n;
	}
}

/* Limits may change at run time: no rule of the shard depends on earlier limits. */
void
world_limits(struct world *w, uint8_t which)
{
	static const uint32_t most[] = {MBUFS - MBUFS / 4, 0, 3, 24}, low[] = {MBUFS / 32, MBUFS};
	static const uint32_t orphans[] = {UINT32_MAX, 1};
	struct la_tcp *t = &w->s->tcp;
	uint32_t max = RTE_MAX(most[which & 3], RTE_MAX(t->hold.held, 1u));

	t->hold.max = max;
	t->hold.extra = max - RTE_MIN(t->tcb_capacity, max - max / 8);
	t->hold.low = low[which >> 2 & 1];
	t->hold.max_orphans = orphans[which >> 3 & 1];
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include "fast_path_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <lastack/lastack.h>
#include <rte_mbuf.h>

#include "fast_path.h"
#include "frame.h"
#include "net/shard.h"
#include "wire/print.h"

enum {
	SHARDS = 16,
	BEFORE = 12,
	AFTER = 4,
	TEXT = 300,
	FEW_BUFFERS = 256, /* free buffers below which one call may use all */
};

enum kind { GOT, SENT, COUNTED, NOTED };

/* An event of a shard. Its bytes are a frame, or an array of struct change. */
struct event {
	uint64_t clock, now;
	size_t at;	     /* offset of its bytes */
	uint32_t len;	     /* number of its bytes */
	uint64_t value;	     /* notes */
	const char *what;    /* notes */
	uint8_t kind, shard; /* shard: number in the order of the first events */
};

/* A counter that has changed; i: its place in struct la_counters, as an array of numbers. */
struct change {
	uint64_t i, value;
};

struct run {
	struct event *event;
	uint8_t *bytes;
	size_t n, max, len, room;
	size_t cut; /* number of the events before the first call that ran out of buffers */
};

static struct run runs[2], *now; /* general, fast; the run that is recorded, or NULL */
static struct {
	const struct la_shard *s; /* NULL: free */
	uint8_t number;
	struct la_counters last;
} shards[SHARDS];
static uint8_t numbers; /* number of the next shard */
static size_t call;	/* number of the events before the present call of a shard */
static uint64_t (*clock_now)(const void *ctx);
static const void *clock_ctx;

static void *
grow(void *p, size_t size)
{
	p = realloc(p, size);
	if (!p) {
		fprintf(stderr, "fast_path: no memory for a record\n");
		abort();
	}
	return p;
}

/* ------------------------------------------------------------------ recording */

static struct event *
event_add(enum kind kind, unsigned shard, const void *bytes, size_t len)
{
	struct event *e;

	if (now->n == now->max) {
		now->max = now->max ? 2 * now->max : 4096;
		now->event = grow(now->event, now->max * sizeof(*e));
	}
	if (now->len + len > now->room) {
		now->room = 2 * (now->room + len);
		now->bytes = grow(now->bytes, now->room);
	}
	e = &now->event[now->n++];
	*e = (struct event){.kind = (uint8_t)kind, .at = now->len, .len = (uint32_t)len};
	e->clock = clock_now ? clock_now(clock_ctx) : 0;
	if (kind != NOTED) {
		e->shard = shards[shard].number;
		e->now = la_shard_now(shards[shard].s);
	}
	if (len > 0)
		memcpy(now->bytes + now->len, bytes, len);
	now->len += len;
	return e;
}

static unsigned
shard_find(const struct la_shard *s)
{
	unsigned i = 0;

	while (i < SHARDS && shards[i].s != s)
		i++;
	return i;
}

/* Returns the place of the shard in shards[]. */
static unsigned
shard_place(const struct la_shard *s)
{
	unsigned i = shard_find(s);

	if (i < SHARDS)
		return i;
	i = shard_find(NULL);
	if (i == SHARDS) {
		fprintf(stderr, "fast_path: more than %d shards in a record\n", SHARDS);
		abort();
	}
	shards[i].s = s;
	shards[i].number = numbers++;
	memset(&shards[i].last, 0, sizeof(shards[i].last));
	return i;
}

static void
counters_add(unsigned shard)
{
	enum { N = sizeof(struct la_counters) / sizeof(uint64_t) };
	const struct la_counters *c = la_shard_counters(shards[shard].s);
	const uint64_t *v = (const uint64_t *)c;
	uint64_t *last = (uint64_t *)&shards[shard].last;
	struct change change[N];
	size_t n = 0;

	if (memcmp(v, last, sizeof(*c)) == 0)
		return;
	if (c->v[LA_C_mbuf_exhausted] != shards[shard].last.v[LA_C_mbuf_exhausted])
		now->cut = RTE_MIN(now->cut, call);
	for (unsigned i = 0; i < N; i++)
		if (v[i] != last[i]) {
			change[n++] = (struct change){i, v[i]};
			last[i] = v[i];
		}
	event_add(COUNTED, shard, change, n * sizeof(*change));
}

/* Adds a frame as it is on the wire: the checksums that are left to the port are filled in. */
static struct event *
frame_add(enum kind kind, unsigned shard, const struct rte_mbuf *m)
{
	static uint8_t flat[UINT16_MAX];
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)sizeof(flat));
	const void *p = rte_pktmbuf_read(m, 0, len, flat);

	if (kind == SENT && m->ol_flags & (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM)) {
		if (p != flat)
			memcpy(flat, p, len);
		p = flat;
		(void)frame_fill_cksums(flat, len);
	}
	return event_add(kind, shard, p, len);
}

/* A call of a shard begins, or has ended. */
static void
call_mark(const struct la_shard *s)
{
	call = now->n;
	if (rte_mempool_avail_count(s->mbufs) < FEW_BUFFERS)
		now->cut = RTE_MIN(now->cut, call);
}

void __real_la_shard_destroy(struct la_shard *s);
void __wrap_la_shard_destroy(struct la_shard *s);
void
__wrap_la_shard_destroy(struct la_shard *s)
{
	unsigned shard = s && now ? shard_find(s) : SHARDS;

	if (shard < SHARDS) {
		counters_add(shard);
		shards[shard].s = NULL;
	}
	__real_la_shard_destroy(s);
}

void __real_la_shard_rx(struct la_shard *s, uint64_t ms, struct rte_mbuf **pkts, unsigned n);
void __wrap_la_shard_rx(struct la_shard *s, uint64_t ms, struct rte_mbuf **pkts, unsigned n);
void
__wrap_la_shard_rx(struct la_shard *s, uint64_t ms, struct rte_mbuf **pkts, unsigned n)
{
	unsigned shard;

	if (!now) {
		__real_la_shard_rx(s, ms, pkts, n);
		return;
	}
	shard = shard_place(s);
	call_mark(s);
	for (unsigned i = 0; i < n; i++)
		frame_add(GOT, shard, pkts[i])->now = ms;
	__real_la_shard_rx(s, ms, pkts, n);
	counters_add(shard);
	call_mark(s);
}

unsigned __real_la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max);
unsigned __wrap_la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max);
unsigned
__wrap_la_shard_tx(struct la_shard *s, struct rte_mbuf **pkts, unsigned max)
{
	unsigned shard, n;

	if (!now)
		return __real_la_shard_tx(s, pkts, max);
	shard = shard_place(s);
	counters_add(shard);
	call_mark(s);
	n = __real_la_shard_tx(s, pkts, max);
	for (unsigned i = 0; i < n; i++)
		frame_add(SENT, shard, pkts[i]);
	return n;
}

void
fast_path_begin(bool fast)
{
	fast_path_allow(fast);
	now = &runs[fast];
	now->n = now->len = 0;
	now->cut = SIZE_MAX;
	call = 0;
	numbers = 0;
	for (unsigned i = 0; i < SHARDS; i++)
		shards[i].s = NULL;
}

void
fast_path_end(void)
{
	fast_path_allow(true);
	now = NULL;
}

void
fast_path_clock(uint64_t (*us)(const void *ctx), const void *ctx)
{
	clock_now = us;
	clock_ctx = ctx;
}

void
fast_path_note(const char *what, uint64_t value)
{
	struct event *e;

	if (!now)
		return;
	e = event_add(NOTED, 0, NULL, 0);
	e->what = what;
	e->value = value;
}

void
fast_path_counters(const struct la_shard *s)
{
	if (now)
		counters_add(shard_place(s));
}

/* ------------------------------------------------------------------ comparison */

static bool
event_same(const struct event *a, const struct event *b)
{
	return a->clock == b->clock && a->now == b->now && a->len == b->len && a->value == b->value &&
	       a->what == b->what && a->kind == b->kind && a->shard == b->shard &&
	       (a->len == 0 || memcmp(runs[0].bytes + a->at, runs[1].bytes + b->at, a->len) == 0);
}

static void
print_change(FILE *out, const struct change *c)
{
	uint64_t i = c->i;

	if (i < LA_NCOUNTERS)
		fprintf(out, " %s=%" PRIu64, la_counter_name((enum la_counter)i), c->value);
	else if ((i -= LA_NCOUNTERS) < LA_NSTATES)
		fprintf(out, " in(%s)=%" PRIu64, la_state_name((enum la_state)i), c->value);
	else if ((i -= LA_NSTATES) < LA_NSTATES)
		fprintf(out, " entered(%s)=%" PRIu64, la_state_name((enum la_state)i), c->value);
	else
		fprintf(out, " %s->%s=%" PRIu64, la_state_name((enum la_state)((i - LA_NSTATES) / LA_NSTATES)),
			la_state_name((enum la_state)(i % LA_NSTATES)), c->value);
}

static void
print_event(FILE *out, const char *who, const struct run *r, size_t i)
{
	static const char *const kinds[] = {[GOT] = "<", [SENT] = ">", [COUNTED] = "counters:", [NOTED] = "note:"};
	const struct event *e = &r->event[i];
	const uint8_t *p = r->bytes + e->at;
	char text[TEXT];

	if (i >= r->n) {
		fprintf(out, "%-8s the run has ended\n", who);
		return;
	}
	fprintf(out, "%-8s", who);
	if (clock_now)
		fprintf(out, " %" PRIu64 " us", e->clock);
	if (e->kind == NOTED) {
		fprintf(out, " %s %s %" PRIu64 "\n", kinds[e->kind], e->what, e->value);
		return;
	}
	fprintf(out, " shard %u at %" PRIu64 " ms %s", e->shard, e->now, kinds[e->kind]);
	if (e->kind == COUNTED) {
		for (size_t k = 0; k < e->len / sizeof(struct change); k++) {
			struct change c;

			memcpy(&c, p + k * sizeof(c), sizeof(c));
			print_change(out, &c);
		}
	} else {
		fprintf(out, " %s", la_frame_format(p, e->len, text, sizeof(text)));
	}
	fputc('\n', out);
}

/* Two frames may have the same text. */
static void
print_bytes(FILE *out, const struct event *a, const struct event *b)
{
	const uint8_t *p = runs[1].bytes + a->at, *q = runs[0].bytes + b->at;

	if (a->kind > SENT || b->kind > SENT)
		return;
	if (a->len != b->len)
		fprintf(out, "lengths of the frames: %u fast, %u general\n", a->len, b->len);
	for (uint32_t i = 0; i < a->len && i < b->len; i++)
		if (p[i] != q[i])
			fprintf(out, "byte %u of the frame: %02x fast, %02x general\n", i, p[i], q[i]);
}

bool
fast_path_compare(FILE *out)
{
	const struct run *fast = &runs[1], *slow = &runs[0];
	size_t i = 0, cut = RTE_MIN(fast->cut, slow->cut);

	while (i < cut && i < fast->n && i < slow->n && event_same(&slow->event[i], &fast->event[i]))
		i++;
	if (i == cut || (i == fast->n && i == slow->n))
		return true;
	if (!out)
		return false;
	fprintf(out, "The fast path and the general path differ in event %zu of %zu and %zu:\n", i, fast->n, slow->n);
	for (size_t k = i > BEFORE ? i - BEFORE : 0; k < i; k++)
		print_event(out, "both", fast, k);
	for (size_t k = i; k < i + AFTER && k <= fast->n; k++)
		print_event(out, "fast", fast, k);
	for (size_t k = i; k < i + AFTER && k <= slow->n; k++)
		print_event(out, "general", slow, k);
	if (i < fast->n && i < slow->n)
		print_bytes(out, &fast->event[i], &slow->event[i]);
	return false;
}

uint64_t
fast_path_compared(void)
{
	return RTE_MIN(RTE_MIN(runs[0].cut, runs[1].cut), RTE_MIN(runs[0].n, runs[1].n));
}

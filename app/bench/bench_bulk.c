/* SPDX-License-Identifier: BSD-3-Clause */

/* Large payloads, to and from the server, over one connection and over many, with the
 * segments of Ethernet (MSS 1460) and of jumbo frames (8960). The time is per data segment, with its
 * share of acknowledgements; the limit is an echo of frames of the same size.
 *
 * The generator is a peer without losses: it acknowledges every second segment, and sends up to
 * the server's window. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/internal.h"
#include "core/seq.h"
#include "wire/tcp.h"

enum {
	MANY = 64,
	BUFFER = 1 << 20, /* bytes of buffer, divided among all connections; each gets at least 4 segments */
	WSCALE = 7,
	PAYLOAD = 1 << 20,
	JUMBO = 9014,
};

struct stream {
	uint32_t raddr, snd, edge, rcv, acked; /* edge: right edge of the server's window */
	uint16_t rport;
	uint8_t shift; /* shift of the advertised windows */
	bool open;
};

struct bulk {
	struct server sv;
	struct gen g;
	struct stream *s;
	unsigned n, frame;
	uint32_t mss;
	bool out;		  /* the server sends; otherwise the generator */
	uint64_t segments, bytes; /* data that was sent */
	uint64_t read;		  /* bytes that the server's user has read */
};

static char payload[PAYLOAD];

static void
bulk_take(struct la_conn *c, void *user)
{
	struct bulk *k = user;
	size_t n = la_unread(c);

	k->read += n;
	la_consume(c, n);
}

static void
bulk_give(struct la_conn *c, void *user)
{
	(void)user;
	while (la_send_const(c, payload, PAYLOAD) == PAYLOAD)
		;
}

static const struct la_conn_ops receives = {.data = bulk_take};
static const struct la_conn_ops sends = {.opened = bulk_give, .writable = bulk_give};

/* ------------------------------------------------------------------ the peer */

/* Streams differ in their ports, which begin at 1024. All have the same ISN. */
static void
bulk_answer(struct gen *g, const struct gen_answer *a)
{
	struct bulk *k = g->ctx;
	unsigned i = a->rport - 1024u;
	struct stream *s = i < k->n ? &k->s[i] : NULL;

	if (s == NULL || s->raddr != a->raddr) {
		bench_fault(g->b, "bulk: an answer to an unknown connection");
		return;
	}
	if (a->flags & LA_SYN) {
		s->rcv = s->acked = a->seq + 1;
		s->snd = a->ack;
		s->edge = a->ack + a->wnd;
		s->shift = WSCALE; /* open_all() sets the server's shift after the SYN,ACK */
		s->open = true;
		return;
	}
	if (a->seq != s->rcv || seq_gt(a->ack, s->snd) || (a->flags & (LA_RST | LA_FIN))) {
		bench_fault(g->b, "bulk: flags %#x, seq %u, ack %u; expected: seq %u, ack up to %u", a->flags, a->seq,
			    a->ack, s->rcv, s->snd);
		return;
	}
	if (seq_gt(a->ack + (a->wnd << s->shift), s->edge))
		s->edge = a->ack + (a->wnd << s->shift);
	if (a->len == 0)
		return;
	s->rcv += a->len;
	k->segments++;
	k->bytes += a->len;
	if (s->rcv - s->acked >= 2 * k->mss) {
		gen_segment(g, s->raddr, s->rport, s->snd, s->rcv, LA_ACK, 0);
		s->acked = s->rcv;
	}
}

/* Returns the server's window shift, which la_listen() derives from rcvbuf. */
static uint8_t
shift_of(uint32_t rcvbuf)
{
	uint8_t shift = 0;

	while (shift < 14 && rcvbuf >> shift > UINT16_MAX)
		shift++;
	return shift;
}

static void
open_all(struct bulk *k, uint32_t rcvbuf)
{
	for (unsigned i = 0; i < k->n; i++) {
		struct stream *s = &k->s[i];

		s->raddr = RTE_BE32(0x0a800001);
		s->rport = (uint16_t)(1024 + i);
		gen_segment(&k->g, s->raddr, s->rport, 0, 0, LA_SYN, 0);
	}
	gen_run(&k->g, false);
	for (unsigned i = 0; i < k->n; i++) {
		struct stream *s = &k->s[i];

		if (!s->open) {
			bench_fault(k->g.b, "bulk: a SYN was not answered");
			return;
		}
		s->shift = shift_of(rcvbuf);
		gen_segment(&k->g, s->raddr, s->rport, s->snd, s->rcv, LA_ACK, 0);
	}
	gen_run(&k->g, false);
}

/* In: sends data up to the server's windows. Out: sends the acknowledgements that bulk_answer() added to the batch, or,
 * when it added none, one on every connection. */
static void
bulk_batch(struct bulk *k, bool timed)
{
	struct gen *g = &k->g;
	bool moved = !k->out;

	while (!k->out && g->n < BENCH_BATCH && moved && g->b->faults == 0) {
		moved = false;
		for (unsigned i = 0; i < k->n && g->n < BENCH_BATCH; i++) {
			struct stream *s = &k->s[i];

			if (seq_gt(s->snd + k->mss, s->edge))
				continue;
			gen_segment(g, s->raddr, s->rport, s->snd, s->rcv, LA_ACK, k->mss);
			s->snd += k->mss;
			k->segments++;
			k->bytes += k->mss;
			moved = true;
		}
	}
	for (unsigned i = 0; k->out && g->n == 0 && i < k->n; i++) {
		struct stream *s = &k->s[i];

		gen_segment(g, s->raddr, s->rport, s->snd, s->rcv, LA_ACK, 0);
		s->acked = s->rcv;
	}
	if (g->n == 0) { /* every window of the server is closed */
		bench_fault(g->b, "bulk: the server opens no window");
		return;
	}
	gen_run(g, timed);
}

/* ------------------------------------------------------------------ rounds */

static int
bulk_open(struct bulk *k, struct bench *b, struct server_options *o)
{
	bool jumbo = k->frame > 1514;

	*o = (struct server_options){
		.ops = k->out ? &sends : &receives,
		.user = k,
		.mtu = jumbo ? JUMBO - 14 : 1500,
		.pool = jumbo ? b->big[1] : NULL,
		.max_conns = 4 * MANY, /* each reserves a buffer; reserved buffers are not offered as a window */
		.conn = {.nodelay = true},
	};
	/* the generator acknowledges after two segments */
	o->conn.sndbuf = RTE_MAX(BUFFER / 2 / k->n, 4 * k->mss);
	o->conn.rcvbuf = RTE_MAX(BUFFER / k->n, 4 * k->mss);
	k->s = calloc(k->n, sizeof(*k->s));
	if (k->s == NULL || server_open(&k->sv, b, o) != 0) {
		free(k->s);
		return -1;
	}
	if (gen_open(&k->g, &k->sv, 0, NULL, 0) != 0) {
		server_close(&k->sv);
		free(k->s);
		return -1;
	}
	if (jumbo)
		k->g.pool = b->big[0];
	k->g.mss = (uint16_t)k->mss;
	k->g.wscale = WSCALE;
	k->g.wnd = BUFFER >> WSCALE;
	k->g.answer = bulk_answer;
	k->g.ctx = k;
	open_all(k, o->conn.rcvbuf);
	return 0;
}

static void
bulk_check(struct bulk *k, const struct bench_row *r)
{
	struct bench *b = k->sv.b;

	if (b->faults != 0)
		return;
	server_check(&k->sv, r->name, NULL);
	if (!k->out && k->read != k->bytes)
		bench_fault(b, "%s: %" PRIu64 " bytes sent, %" PRIu64 " read", r->name, k->bytes, k->read);
}

static void
bulk_rounds(struct bulk *k, struct bench_row *r)
{
	struct bench *b = k->sv.b;
	struct bench_series gbit = {0};

	for (unsigned i = 0; i <= b->opt.rounds && b->faults == 0; i++) {
		double limit = bench_limit(b, k->frame);
		uint64_t segments, bytes;

		for (unsigned w = 0; w < 8 && b->faults == 0; w++)
			bulk_batch(k, false);
		k->sv.cost = (struct bench_cost){0};
		segments = k->segments;
		bytes = k->bytes;
		while (k->sv.cost.cpu < b->opt.seconds * 1e9 && b->faults == 0)
			bulk_batch(k, true);
		if (i == 0 || b->faults != 0)
			continue;
		bench_note(b, r, &k->sv.cost, (double)(k->segments - segments), limit);
		bench_add(&gbit, (double)(k->bytes - bytes) * 8 / k->sv.cost.cpu);
	}
	snprintf(r->note, sizeof(r->note), "%.2f Gbit/s of payload", bench_rank(&gbit, 0.5));
}

static void
bulk_one(struct bench *b, unsigned n, bool out, unsigned frame)
{
	struct bulk k = {.n = n, .frame = frame, .mss = frame - 54, .out = out};
	struct server_options o;
	struct bench_row *r = bench_row(b, "bulk", "packet", 1, "bulk %s, MSS %u, %u connection%s", out ? "out" : "in",
					k.mss, n, n == 1 ? "" : "s");

	if (r == NULL || bulk_open(&k, b, &o) != 0)
		return;
	bulk_rounds(&k, r);
	bulk_check(&k, r);
	bench_print_row(b, r);
	for (unsigned i = 0; i < k.g.n; i++)
		rte_pktmbuf_free(k.g.batch[i]);
	server_close(&k.sv);
	gen_close(&k.g);
	free(k.s);
}

static void
bulk_run(struct bench *b)
{
	static const unsigned frames[] = {1514, JUMBO};

	for (unsigned f = 0; f < RTE_DIM(frames); f++)
		for (unsigned n = 1; n <= MANY; n += MANY - 1)
			for (unsigned out = 0; out < 2 && b->faults == 0; out++)
				bulk_one(b, n, out, frames[f]);
}

const struct bench_kind bench_bulk_kind = {
	"bulk", "large payloads in and out, one connection and many, MSS 1460 and 8960", bulk_run};

/* SPDX-License-Identifier: BSD-3-Clause */

/* Segments: built from a line, and compared with a line. */

#include "seg.h"

#include <stdio.h>
#include <string.h>

#include "core/seq.h"
#include "pattern.h"
#include "wire/print.h"

/* Returns the first TSval of the shard on this connection, or 0. */
static uint32_t
ts_first(const struct play *p)
{
	const struct peer *q = p->c->p;

	for (unsigned i = 0; i < q->nrx; i++)
		if (q->rx[i].f.has_ts)
			return q->rx[i].f.tsval;
	return 0;
}

/* Returns the peer's clock at the start of the take. */
static uint32_t
ts_zero(const struct play *p)
{
	return p->c->p->o.tsbase + (uint32_t)p->t0;
}

/* --- in ------------------------------------------------------------------------------------- */

static void
put32(uint8_t *o, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		o[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Writes the options that a line gives, and the agreed timestamp unless the line excludes it. Returns their length. */
static size_t
options(struct play *p, const struct spec *s, const struct peer_tx *t, uint8_t *o)
{
	struct peer *q = p->c->p;
	bool agreed = s->flags & LA_SYN ? q->o.ts && !(s->has & (HAS_MSS | HAS_WS | HAS_SACKOK)) : q->ts_on;
	size_t n = 0;

	if (s->has & HAS_MSS) {
		o[n++] = 2;
		o[n++] = 4;
		o[n++] = (uint8_t)(s->mss >> 8);
		o[n++] = (uint8_t)s->mss;
	}
	if (s->has & HAS_SACKOK) {
		o[n++] = 4;
		o[n++] = 2;
	}
	if (s->has & HAS_WS) {
		o[n++] = 3;
		o[n++] = 3;
		o[n++] = (uint8_t)s->ws;
	}
	if (s->ts == SPEC_TS_VALUE || s->ts == SPEC_TS_ANY || (s->ts == SPEC_TS_AUTO && agreed)) {
		q->ts_now = t->ts == TS_SET ? t->tsval : q->o.tsbase + (uint32_t)p->r->now;
		o[n++] = 8;
		o[n++] = 10;
		put32(o + n, q->ts_now);
		put32(o + n + 4, s->has & HAS_ECR ? t->tsecr : s->flags & LA_ACK ? q->ts_dut : 0);
		n += 8;
	}
	if (s->nsack) {
		o[n++] = 5;
		o[n++] = (uint8_t)(2 + 8 * s->nsack);
	}
	for (unsigned i = 0; i < s->nsack; i++, n += 8) {
		put32(o + n, play_expr_from(p, &s->sack[i][0], p->c->ISS));
		put32(o + n + 4, play_expr_from(p, &s->sack[i][1], p->c->ISS));
	}
	if (n > FRAME_OPTS_MAX)
		play_fail(p, "more than %d bytes of options", FRAME_OPTS_MAX);
	return n;
}

static uint32_t
get32(const uint8_t *o)
{
	return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
}

/* The options that a line gives to a SYN become the peer's offer. */
static void
offer(struct peer *q, const uint8_t *o, size_t len)
{
	q->o.ts = q->o.sack = false;
	q->o.no_mss = true;
	q->o.wscale = 0;
	q->o.mss = 0;
	for (size_t i = 0; i < len && o[i] != 0; i += o[i] == 1 ? 1 : o[i + 1] ? o[i + 1] : len) {
		if (o[i] == 2 && i + 4 <= len) {
			q->o.mss = (uint16_t)(o[i + 2] << 8 | o[i + 3]);
			q->o.no_mss = false;
		} else if (o[i] == 3 && i + 3 <= len) {
			q->o.wscale = (uint8_t)(o[i + 2] + 1);
		} else if (o[i] == 4) {
			q->o.sack = true;
		} else if (o[i] == 8 && i + 10 <= len) {
			q->o.ts = true;
			q->ts_now = get32(o + i + 2);
		}
	}
}

void
segment_in(struct play *p)
{
	const struct spec *s = p->ev->specs;
	static uint8_t body[1600], opts[80];
	struct peer_tx t = {.flags = s->flags,
			    .seq = play_expr_from(p, &s->seq, p->c->IRS),
			    .len = s->len,
			    .resv = (uint8_t)s->resv,
			    .urg = (uint16_t)s->urg,
			    .doff = s->doff,
			    .bad_cksum = s->has & HAS_BADSUM,
			    .pad = s->has & HAS_PAD,
			    .iplen_delta = s->iplen,
			    .dport = (uint16_t)s->dport};

	if (s->has & HAS_PSH)
		t.flags |= LA_PSH;
	if (s->has & HAS_ACK)
		t.ack = play_expr_from(p, &s->ack, p->c->ISS);
	if (s->has & HAS_WIN)
		t.win = s->win ? (int32_t)s->win : WIN_ZERO;
	if (s->ts == SPEC_TS_NONE)
		t.ts = TS_NONE;
	if (s->ts == SPEC_TS_VALUE) {
		t.ts = TS_SET;
		t.tsval = play_expr_from(p, &s->tsval, ts_zero(p));
		if (s->has & HAS_ECR)
			t.tsecr = play_expr_from(p, &s->tsecr, ts_first(p));
	}
	if (s->has & HAS_DATA) {
		for (uint32_t i = 0; i < s->len; i++)
			body[i] = pattern(PATTERN_IN, s->data + i);
		t.data = body;
	}
	if (s->has & HAS_OPTS) {
		t.opts = s->opts;
		t.optlen = s->optlen;
	} else if ((s->has & (HAS_MSS | HAS_WS | HAS_SACKOK | HAS_SACK | HAS_ECR)) || s->ts == SPEC_TS_ANY) {
		t.opts = opts;
		t.optlen = options(p, s, &t, opts);
	}
	if ((s->flags & LA_SYN) && t.opts)
		offer(p->c->p, t.opts, t.optlen);
	else if ((s->flags & LA_SYN) && s->ts != SPEC_TS_AUTO)
		p->c->p->o.ts = s->ts != SPEC_TS_NONE;
	play_in(p, &t);
}

void
play_in(struct play *p, const struct peer_tx *t)
{
	struct conn *c = p->c;

	play_settled(p);
	c->used = true;
	c->in_at = p->r->now;
	c->seg_syn = t->flags & LA_SYN;
	c->seg_seq = t->seq;
	c->seg_ack = t->ack;
	c->seg_end = t->seq + t->len + !!(t->flags & LA_SYN) + !!(t->flags & LA_FIN);
	peer_tx(c->p, t);
	if (peer_waiting(c->p) == 0) /* else U changes now, the other variables with the next '>' lines */
		play_sync(c);
	else
		c->U = c->p->U;
}

/* --- out ------------------------------------------------------------------------------------ */

const char *
play_describe(struct play *p, const struct peer_rx *x, char *buf, size_t size)
{
	const struct conn *c = p->c;
	char fl[16];
	int n;

	n = snprintf(buf, size, "%s seq N%+d (ISS+%u)", la_tcp_flags_format(x->flags, fl, sizeof(fl)),
		     (int)(x->seq - c->N), x->seq - c->ISS);
	if (x->flags & LA_ACK)
		n += snprintf(buf + n, size - (size_t)n, " ack R%+d (IRS+%u)", (int)(x->ack - c->R), x->ack - c->IRS);
	n += snprintf(buf + n, size - (size_t)n, " len %u win %u at %llu ms", x->len, x->win,
		      (unsigned long long)(x->at - p->t0));
	if (x->f.has_ts)
		snprintf(buf + n, size - (size_t)n, " ts %u %u", x->f.tsval - ts_first(p), x->f.tsecr - ts_zero(p));
	return buf;
}

static bool
ts_matches(struct play *p, const struct spec *s, const struct peer_rx *x)
{
	if (s->ts == SPEC_TS_AUTO)
		return true;
	if (s->ts == SPEC_TS_NONE || s->ts == SPEC_TS_ANY)
		return x->f.has_ts == (s->ts == SPEC_TS_ANY);
	return x->f.has_ts && x->f.tsval == play_expr_from(p, &s->tsval, ts_first(p)) &&
	       (!(s->has & HAS_ECR) || x->f.tsecr == play_expr_from(p, &s->tsecr, ts_zero(p)));
}

static bool
options_match(struct play *p, const struct spec *s, const struct peer_rx *x)
{
	const struct frame_in *f = &x->f;

	if ((s->has & HAS_MSS) && !(f->has_mss && f->mss == s->mss))
		return false;
	if ((s->has & HAS_WS) && !(f->has_ws && f->ws == s->ws))
		return false;
	if (((s->has & HAS_NO_WS) && f->has_ws) || ((s->has & HAS_SACKOK) && !f->sack_ok))
		return false;
	if ((s->has & HAS_SACK) && f->nsack != s->nsack)
		return false;
	for (unsigned i = 0; i < s->nsack; i++)
		if (f->sack[i][0] != play_expr_from(p, &s->sack[i][0], p->c->IRS) ||
		    f->sack[i][1] != play_expr_from(p, &s->sack[i][1], p->c->IRS))
			return false;
	return ts_matches(p, s, x);
}

static bool
matches(struct play *p, const struct spec *s, const struct peer_rx *x)
{
	uint8_t flags = x->flags & (uint8_t)~LA_PSH;

	if (s->none || flags != (s->flags & (uint8_t)~LA_PSH) || x->len != s->len)
		return false;
	if ((s->has & HAS_PSH) && !(x->flags & LA_PSH))
		return false;
	if (x->seq != play_expr_from(p, &s->seq, p->c->ISS))
		return false;
	if ((s->has & HAS_ACK) && x->ack != play_expr_from(p, &s->ack, p->c->IRS))
		return false;
	if ((s->has & HAS_WIN) && x->win != s->win)
		return false;
	if ((s->has & HAS_WND) && x->wnd != s->wnd)
		return false;
	return options_match(p, s, x);
}

/* Waits for the next segment until `to` and returns it without taking it; NULL: no segment. */
static struct peer_rx *
await(struct play *p, uint64_t to)
{
	struct peer *q = p->c->p;

	if (peer_waiting(q) == 0 && to >= p->r->now && peer_wait(q, to - p->r->now))
		q->next--;
	return peer_waiting(q) ? &q->rx[q->next] : NULL;
}

void
segment_out(struct play *p)
{
	const struct event *e = p->ev;
	uint64_t base = e->when == WHEN_AT ? p->t0 : p->r->now;
	struct peer_rx *x = await(p, base + e->to);
	char got[160];

	for (unsigned i = 0; x == NULL; i++) {
		if (i == e->nspecs)
			play_fail(p, "expected '%s', got no segment", e->text);
		if (e->specs[i].none)
			return;
	}
	if ((x->flags & LA_SYN) && !p->c->iss_known) { /* the SYN gives the ISN */
		p->c->ISS = x->seq;
		p->c->N = x->seq;
	}
	for (unsigned i = 0; !matches(p, &e->specs[i], x);)
		if (++i == e->nspecs)
			play_fail(p, "expected '%s', got %s", e->text, play_describe(p, x, got, sizeof(got)));
	if (x->at < base + e->from || x->at > base + e->to)
		play_fail(p, "expected '%s' at %llu to %llu ms, it came at %llu", e->text,
			  (unsigned long long)(base + e->from - p->t0), (unsigned long long)(base + e->to - p->t0),
			  (unsigned long long)(x->at - p->t0));
	play_take(p);
}

/* --- retransmissions ------------------------------------------------------------------------ */

/* A retransmitted SYN has the same options as the first. */
static void
same_offer(struct play *p, const struct peer_rx *x)
{
	const struct peer *q = p->c->p;

	for (unsigned i = 0; i < q->nrx && (x->flags & LA_SYN); i++) {
		const struct peer_rx *o = &q->rx[i];

		if (o->flags == x->flags && o->seq == x->seq &&
		    (o->f.mss != x->f.mss || o->f.has_ws != x->f.has_ws || o->f.ws != x->f.ws ||
		     o->f.has_ts != x->f.has_ts || o->f.sack_ok != x->f.sack_ok))
			play_fail(p, "the options of a retransmitted SYN differ from the first SYN");
	}
}

/* Checks gap number n; `before` is the gap before it, both in ms. */
static void
gap(struct play *p, uint64_t n, uint64_t before, uint64_t now)
{
	const struct event *e = p->ev;
	unsigned long long a = before, b = now;

	if (n == 0 && (now < e->first[0] || now > e->first[1]))
		play_fail(p, "'%s': the first segment came after %llu ms", e->text, b);
	if (n && now + 1 < 2 * before && now < 60000) /* RFC 6298 5.5; 2.5 allows a maximum of 60 s */
		play_fail(p, "X-03: gap of %llu ms after a gap of %llu ms, less than twice as long", b, a);
	if (n && now > 2 * before + 2)
		play_fail(p, "gap of %llu ms after a gap of %llu ms, more than twice as long", b, a);
}

void
segment_again(struct play *p)
{
	const struct event *e = p->ev;
	uint64_t last = p->r->now, until = last + (uint64_t)e->result, before = 0, n = 0;
	struct peer *q = p->c->p;
	struct peer_rx *x;
	char got[160];

	play_settled(p);
	while (p->r->now < until && (x = await(p, until)) != NULL) {
		if (x->flags & LA_RST) { /* a time-out may send a RST */
			play_take(p);
			continue;
		}
		if (!matches(p, e->specs, x))
			play_fail(p, "expected '%s', got %s", e->text, play_describe(p, x, got, sizeof(got)));
		same_offer(p, x);
		gap(p, n, before, x->at - last);
		before = x->at - last;
		last = x->at;
		n++;
		play_take(p);
	}
	if (peer_waiting(q))
		play_fail(p, "'%s': a segment came at the end of the duration", e->text);
	if (n < e->n || n > e->n2)
		play_fail(p, "'%s': the segment came %llu times", e->text, (unsigned long long)n);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The peer's segments: sending, capturing, and the rules every captured segment must keep. */

#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "core/seq.h"
#include "pattern.h"
#include "wire/print.h"

struct peer *
peer_new(struct rig *r, const struct peer_opts *opts)
{
	struct peer *p = calloc(1, sizeof(*p));

	CHECK(r, p != NULL && r->npeers < RIG_PEERS, "too many peers");
	if (opts)
		p->o = *opts;
	if (p->o.win == 0)
		p->o.win = 65535;
	if (p->o.isn == 0)
		p->o.isn = 0x10000000;
	if (p->o.tsbase == 0)
		p->o.tsbase = 0x20000000;
	p->r = r;
	p->t.lport = p->o.lport ? p->o.lport : 80;
	p->t.rport = p->o.rport ? p->o.rport : (uint16_t)(40000 + r->npeers);
	if (p->o.ip6) {
		p->t.laddr = p->o.other ? r->other6 : r->addr6;
		p->t.raddr = r->peer6;
	} else {
		p->t.laddr = p->o.other ? r->other4 : r->addr4;
		p->t.raddr = r->peer4;
	}
	peer_renew(p, p->o.isn);
	r->peers[r->npeers++] = p;
	return p;
}

void
peer_renew(struct peer *p, uint32_t isn)
{
	p->IRS = isn;
	p->R = isn + 1;
	p->snd = isn + 1;
	p->got = 0;
	p->win = p->o.win;
	p->max_wnd = p->o.win;
	p->ISS = p->U = p->N = p->W = 0;
	p->ts_on = p->ws_on = p->sack_on = false;
	p->syn_seen = p->edge_on = false;
	memset(&p->u, 0, sizeof(p->u));
}

void
peer_free(struct peer *p)
{
	free(p->rx);
	free(p);
}

/* A user that was given a pointer is told of the end once; at the end of a test it may still be
 * open. */
void
peer_check_end(struct peer *p)
{
	CHECK(p->r, p->u.closed <= 1 && p->u.opened <= 1, "opened %u times, closed %u times",
	      p->u.opened, p->u.closed);
}

bool
peer_match(const struct peer *p, const struct frame_in *f)
{
	return f->sport == p->t.lport && f->dport == p->t.rport &&
	       la_addr_eq(&f->src, &p->t.laddr) && la_addr_eq(&f->dst, &p->t.raddr);
}

/* What the peer allows in one segment, options included (RFC 9293 3.7.1: MUST-15, MUST-16). */
static uint16_t
peer_mss(const struct peer *p)
{
	if (p->o.no_mss)
		return p->o.ip6 ? 1220 : 536;
	return p->o.mss ? p->o.mss : p->o.ip6 ? 1440 : 1460;
}

/* Capture. */

static void
check_timestamp(struct peer *p, const struct frame_in *f)
{
	bool first = !p->syn_seen || f->seq != p->ISS;

	if ((f->flags & LA_SYN) && f->has_ts) /* O-10: answers an offer, and echoes it */
		CHECK(p->r, !(f->flags & LA_ACK) || (p->o.ts && (!first || f->tsecr == p->ts_now)),
		      "O-10: SYN,ACK with a timestamp nobody offered, or a wrong echo");
	else if (!(f->flags & (LA_SYN | LA_RST))) /* O-11 */
		CHECK(p->r, f->has_ts == p->ts_on, "O-11: timestamps %s, but %s on a segment",
		      p->ts_on ? "agreed" : "not agreed", f->has_ts ? "there" : "missing");
	if (f->has_ts && p->ts_on && p->ts_dut && !(f->flags & LA_RST))
		CHECK(p->r, seq_ge(f->tsval, p->ts_dut), "O-15: TSval went back");
	if (f->has_ts && !(f->flags & LA_RST))
		p->ts_dut = f->tsval;
}

static void
check_window(struct peer *p, const struct frame_in *f, uint32_t wnd)
{
	uint32_t edge = f->ack + wnd;

	if (!(f->flags & LA_ACK))
		return;
	if (p->edge_on && (f->flags & LA_SYN))
		return; /* sent again, it cannot offer more than 65535 (RFC 7323 2.2) */
	if (p->edge_on) {
		CHECK(p->r, seq_ge(f->ack, p->R), "acknowledgement went back");
		/* less than a unit of the scale is not shrinking, it is rounding (RFC 7323 2.4) */
		CHECK(p->r, seq_gt(edge + (1u << p->ws), p->edge) || p->lax_edge,
		      "D-07: right window edge moved left by %u", p->edge - edge);
		if (!p->lax_edge)
			edge = seq_max(edge, p->edge);
	}
	p->R = f->ack;
	p->W = edge - f->ack;
	p->edge = edge;
	p->edge_on = true;
}

static void
check_data(struct peer *p, const struct frame_in *f, uint32_t end)
{
	uint16_t mss = peer_mss(p);

	for (size_t i = 0; i < f->len && !p->lax_data; i++)
		CHECK(p->r, f->data[i] == pattern(PATTERN_OUT, f->seq - (p->ISS + 1) + i),
		      "X-15: wrong byte sent at offset %u", (unsigned)(f->seq - (p->ISS + 1) + i));
	if (f->len)
		CHECK(p->r, seq_le(f->seq + (uint32_t)f->len, p->offered) || f->len == 1,
		      "data %u bytes beyond the window offered",
		      f->seq + (uint32_t)f->len - p->offered);
	CHECK(p->r, f->len == 0 || mss < 64 || f->len + f->optlen <= mss,
	      "O-04: %zu bytes of payload and %zu of options, MSS %u", f->len, f->optlen, mss);
	if (seq_gt(end, p->N))
		p->N = end;
	if (seq_le(f->seq, p->got) && seq_gt(end, p->got))
		p->got = end;
}

static void
capture_syn(struct peer *p, const struct frame_in *f)
{
	if (!p->syn_seen || f->seq != p->ISS) {
		p->ISS = p->U = f->seq;
		p->N = p->got = f->seq + 1;
		p->edge_on = false;
	}
	p->syn_seen = true;
	p->mss_dut = f->mss;
	p->ws = f->has_ws ? f->ws : 0;
	p->offered = f->seq + 1;
	/* with an ACK both ends have spoken; without, the peer's SYN will decide */
	p->ts_on = f->has_ts && p->o.ts;
	p->ws_on = f->has_ws && p->o.wscale;
	p->sack_on = f->sack_ok && p->o.sack;
	CHECK(p->r, f->has_mss, "O-01: SYN without MSS option");
	if (f->flags & LA_ACK) {
		CHECK(p->r, !f->has_ws || p->o.wscale, "O-06: SYN,ACK scales, the SYN did not");
		CHECK(p->r, !f->sack_ok || p->o.sack, "O-16: SYN,ACK with SACK, the SYN had none");
		p->offered += p->win;
	}
}

static void
record(struct peer *p, const struct frame_in *f, uint32_t wnd, uint32_t end)
{
	struct peer_rx *x;

	if (p->nrx == p->room) {
		p->room = p->room ? p->room * 2 : 64;
		p->rx = realloc(p->rx, p->room * sizeof(*p->rx));
		CHECK(p->r, p->rx != NULL, "no memory");
	}
	x = &p->rx[p->nrx++];
	*x = (struct peer_rx){.at = p->r->now,
			      .flags = f->flags,
			      .seq = f->seq,
			      .ack = f->ack,
			      .len = (uint32_t)f->len,
			      .end = end,
			      .win = f->win,
			      .wnd = wnd,
			      .f = *f};
}

void
peer_capture(struct peer *p, const struct frame_in *f)
{
	uint32_t end = f->seq + (uint32_t)f->len + !!(f->flags & LA_SYN) + !!(f->flags & LA_FIN);
	bool scaled = p->ws_on && !(f->flags & LA_SYN);
	uint32_t wnd = (uint32_t)f->win << (scaled ? p->ws : 0);

	CHECK(p->r, !f->nsack || p->sack_on, "O-16: SACK blocks without agreement");
	if (f->flags & LA_RST) { /* says nothing about the connection's variables */
		CHECK(p->r, f->len == 0 && !(f->flags & (LA_SYN | LA_FIN)),
		      "a RST with more on it");
		check_timestamp(p, f);
	} else {
		CHECK(p->r, (f->flags & LA_ACK) || f->flags == LA_SYN, "a segment without ACK bit");
		check_timestamp(p, f);
		if (f->flags & LA_SYN)
			capture_syn(p, f);
		check_window(p, f, wnd);
		check_data(p, f, end);
	}
	record(p, f, wnd, end);
}

/* Sending. */

static size_t
syn_options(const struct peer *p, uint8_t *o)
{
	uint16_t mss = peer_mss(p);
	size_t n = 0;

	if (!p->o.no_mss) {
		o[n++] = 2;
		o[n++] = 4;
		o[n++] = (uint8_t)(mss >> 8);
		o[n++] = (uint8_t)mss;
	}
	if (p->o.sack) {
		o[n++] = 4;
		o[n++] = 2;
	}
	if (p->o.wscale) {
		o[n++] = 3;
		o[n++] = 3;
		o[n++] = (uint8_t)(p->o.wscale - 1);
	}
	return n;
}

static size_t
timestamp_option(struct peer *p, const struct peer_tx *t, uint8_t *o)
{
	uint32_t val = p->o.tsbase + (uint32_t)p->r->now, ecr = t->flags & LA_ACK ? p->ts_dut : 0;
	bool on = t->flags & LA_SYN ? p->o.ts : p->ts_on;

	if (t->ts == TS_SET) {
		val = t->tsval;
		ecr = t->tsecr ? t->tsecr : ecr;
		on = true;
	}
	if (!on || t->ts == TS_NONE)
		return 0;
	p->ts_now = val;
	o[0] = 8;
	o[1] = 10;
	for (unsigned i = 0; i < 4; i++) {
		o[2 + i] = (uint8_t)(val >> (24 - 8 * i));
		o[6 + i] = (uint8_t)(ecr >> (24 - 8 * i));
	}
	return 10;
}

static void
options(struct peer *p, const struct peer_tx *t, struct frame *f)
{
	if (t->opts) {
		memcpy(f->opts, t->opts, t->optlen);
		f->optlen = t->optlen;
		return;
	}
	if (t->flags & LA_SYN)
		f->optlen = syn_options(p, f->opts);
	f->optlen += timestamp_option(p, t, f->opts + f->optlen);
}

/* What the shard will learn from an acceptable segment of this kind. */
static void
follow(struct peer *p, const struct peer_tx *t, uint32_t raw)
{
	unsigned shift = p->o.wscale > 15 ? 14 : p->o.wscale - 1u; /* RFC 7323 2.3 */
	uint32_t wnd = raw << (p->ws_on && !(t->flags & LA_SYN) ? shift : 0);

	if (t->flags & LA_RST || t->bad_cksum || t->dst || t->dport)
		return;
	if (!(t->flags & LA_ACK)) {
		p->max_wnd = wnd > p->max_wnd ? wnd : p->max_wnd;
		return;
	}
	if (!p->syn_seen || seq_lt(t->ack, p->U) || seq_gt(t->ack, p->N) ||
	    seq_gt(t->seq, p->edge_on ? p->edge : t->seq) ||
	    (p->edge_on && seq_lt(t->seq, p->R) && seq_le(t->seq + t->len, p->R)))
		return;
	p->U = t->ack;
	p->max_wnd = wnd > p->max_wnd ? wnd : p->max_wnd;
	if (seq_gt(t->ack + wnd, p->offered))
		p->offered = t->ack + wnd;
}

void
peer_tx(struct peer *p, const struct peer_tx *t)
{
	struct frame f = {.vlan = p->r->opts.vlan ? 7 : 0,
			  .src = p->t.raddr,
			  .dst = p->t.laddr,
			  .sport = p->t.rport,
			  .dport = t->dport ? t->dport : p->t.lport,
			  .seq = t->seq,
			  .ack = t->ack,
			  .flags = t->flags,
			  .resv = t->resv,
			  .urg = t->urg,
			  .len = t->len,
			  .doff = t->doff,
			  .pad = t->pad,
			  .bad_cksum = t->bad_cksum,
			  .iplen_delta = t->iplen_delta};
	uint8_t buf[FRAME_MAX], body[1600];

	CHECK(p->r, t->len <= sizeof(body), "a segment of %u bytes", t->len);
	memcpy(f.eth_dst, p->r->mac, 6);
	memcpy(f.eth_src, p->r->peer_mac, 6);
	if (t->src)
		f.src = *t->src;
	if (t->dst)
		f.dst = *t->dst;
	f.win = (uint16_t)(t->win == 0 ? p->win : t->win == WIN_ZERO ? 0 : (uint32_t)t->win);
	options(p, t, &f);
	for (uint32_t i = 0; i < t->len; i++)
		body[i] = pattern(PATTERN_IN,
				  (uint32_t)(t->seq + !!(t->flags & LA_SYN) + i - (p->IRS + 1)));
	f.data = t->data ? t->data : body;
	follow(p, t, f.win);
	rig_inject(p->r, buf, frame_write(buf, &f));
}

void
peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	PEER_TX(p, .flags = flags, .seq = seq, .ack = ack, .len = len);
}

void
peer_syn(struct peer *p)
{
	peer_send(p, LA_SYN, p->IRS, 0, 0);
}

void
peer_ack(struct peer *p)
{
	peer_send(p, LA_ACK, p->snd, p->got, 0);
}

void
peer_data(struct peer *p, uint32_t len)
{
	uint32_t at = p->snd;

	p->snd += len;
	peer_send(p, LA_ACK | LA_PSH, at, p->got, len);
}

void
peer_fin(struct peer *p)
{
	uint32_t at = p->snd++;

	peer_send(p, LA_FIN | LA_ACK, at, p->got, 0);
}

/* Receiving. */

unsigned
peer_waiting(const struct peer *p)
{
	return p->nrx - p->next;
}

struct peer_rx *
peer_next(struct peer *p)
{
	return p->next < p->nrx ? &p->rx[p->next++] : NULL;
}

void
peer_skip(struct peer *p)
{
	p->next = p->nrx;
}

struct peer_rx *
peer_wait(struct peer *p, uint64_t ms)
{
	uint64_t until = p->r->now + ms;

	rig_pump(p->r);
	for (unsigned n = 0; peer_waiting(p) == 0 && p->r->now < until; n++) {
		uint64_t next = la_shard_next(p->r->s);

		CHECK(p->r, n < 1000000, "la_shard_next() stands still");
		if (next > until)
			next = until;
		rig_run(p->r, next > p->r->now ? next - p->r->now : 0);
	}
	return peer_next(p);
}

struct peer_rx *
peer_expect_at(const char *file, int line, struct peer *p, uint8_t flags, uint32_t seq,
	       uint32_t ack, uint32_t len)
{
	struct peer_rx *x = peer_next(p);
	char is[12], want[12];

	la_tcp_flags_format(flags, want, sizeof(want));
	if (x == NULL)
		rig_fail(p->r, file, line, "no segment; expected %s seq ISS+%u ack IRS+%u len %u",
			 want, seq - p->ISS, ack - p->IRS, len);
	la_tcp_flags_format(x->flags, is, sizeof(is));
	if ((x->flags & ~LA_PSH) != flags || x->seq != seq || x->len != len ||
	    ((flags & LA_ACK) && x->ack != ack))
		rig_fail(p->r, file, line,
			 "expected %s seq ISS+%u ack IRS+%u len %u, got %s seq ISS+%u ack IRS+%u "
			 "len %u",
			 want, seq - p->ISS, ack - p->IRS, len, is, x->seq - p->ISS,
			 x->ack - p->IRS, x->len);
	return x;
}

void
peer_expect_chk_at(const char *file, int line, struct peer *p)
{
	peer_expect_at(file, line, p, LA_ACK, p->N, p->R, 0);
}

void
peer_expect_none_at(const char *file, int line, struct peer *p, uint64_t ms)
{
	struct peer_rx *x;
	char is[12];

	rig_run(p->r, ms);
	x = peer_next(p);
	if (x)
		rig_fail(p->r, file, line, "expected nothing, got %s seq ISS+%u ack IRS+%u len %u",
			 la_tcp_flags_format(x->flags, is, sizeof(is)), x->seq - p->ISS,
			 x->ack - p->IRS, x->len);
}

/* State. */

enum la_state
peer_state(const struct peer *p)
{
	struct la_conn_info info;

	return la_shard_find(p->r->s, &p->t, &info) == 0 ? info.state : LA_CLOSED;
}

struct la_conn_info
peer_info(const struct peer *p)
{
	struct la_conn_info info;
	int err = la_shard_find(p->r->s, &p->t, &info);

	CHECK(p->r, err == 0, "la_shard_find does not know the connection");
	return info;
}

void
peer_expect_state_at(const char *file, int line, struct peer *p, enum la_state s)
{
	enum la_state is = peer_state(p);

	if (is != s)
		rig_fail(p->r, file, line, "state is %s, not %s", la_state_name(is),
			 la_state_name(s));
}

void
peer_agree(struct peer *p)
{
	struct la_conn_info i = peer_info(p);

	CHECK(p->r, i.rcv_nxt == p->R, "RCV.NXT: wire IRS+%u, shard IRS+%u", p->R - p->IRS,
	      i.rcv_nxt - p->IRS);
	CHECK(p->r, i.snd_nxt == p->N, "SND.NXT: wire ISS+%u, shard ISS+%u", p->N - p->ISS,
	      i.snd_nxt - p->ISS);
	CHECK(p->r, i.snd_una == p->U, "SND.UNA: wire ISS+%u, shard ISS+%u", p->U - p->ISS,
	      i.snd_una - p->ISS);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks the rules for every segment of the shard, and derives the shard's variables from the segments. */

#include <stdlib.h>

#include "core/seq.h"
#include "pattern.h"
#include "peer.h"

/* The largest segment that the peer allows, options included (RFC 9293 3.7.1: MUST-15, MUST-16). */
uint16_t
peer_mss(const struct peer *p)
{
	if (p->o.no_mss)
		return p->o.ip6 ? 1220 : 536;
	return p->o.mss ? p->o.mss : p->o.ip6 ? 1440 : 1460;
}

static void
check_timestamp(struct peer *p, const struct frame_in *f)
{
	bool first = !p->syn_seen || f->seq != p->ISS;

	if ((f->flags & LA_SYN) && f->has_ts) /* O-10: a SYN,ACK echoes the TSval of the SYN, if the SYN has one */
		CHECK(p->r, !(f->flags & LA_ACK) || (p->o.ts && (!first || f->tsecr == p->ts_now)),
		      "O-10: SYN,ACK with a timestamp, but the SYN had none or another TSval");
	else if (!(f->flags & (LA_SYN | LA_RST))) /* O-11 */
		CHECK(p->r, f->has_ts == p->ts_on, "O-11: timestamps %s, but %s on a segment",
		      p->ts_on ? "negotiated" : "not negotiated", f->has_ts ? "present" : "missing");
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
		return; /* a retransmitted SYN cannot offer more than 65535 (RFC 7323 2.2) */
	if (p->edge_on) {
		CHECK(p->r, seq_ge(f->ack, p->R) || p->lax_edge, "SEG.ACK went back");
		/* a change below one unit of the scale is rounding, not shrinking (RFC 7323 2.4) */
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
	/* a FIN occupies one sequence number of the window; a segment of one byte may be a window probe */
	if (end != f->seq && !(f->flags & LA_SYN) && !p->lax_data)
		CHECK(p->r, seq_le(end, p->offered) || f->len == 1, "sent %u beyond the window offered",
		      end - p->offered);
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
	/* an option is negotiated if the shard's SYN or SYN,ACK has it and the peer offers it */
	p->ts_on = f->has_ts && p->o.ts;
	p->ws_on = f->has_ws && p->o.wscale;
	p->sack_on = f->sack_ok && p->o.sack;
	CHECK(p->r, f->has_mss, "O-01: SYN without MSS option");
	if (f->flags & LA_ACK) {
		CHECK(p->r, !f->has_ws || p->o.wscale, "O-06: SYN,ACK with window scale, the SYN had none");
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

	CHECK(p->r, !f->nsack || p->sack_on, "O-16: SACK blocks, but SACK was not negotiated");
	if (f->flags & LA_RST) { /* a RST does not change the peer's copy of the variables */
		CHECK(p->r, f->len == 0 && !(f->flags & (LA_SYN | LA_FIN)), "a RST with payload, SYN or FIN");
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

/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN cookies (RFC 4987 3.6): theory of operation.
 *
 * A SYN costs its sender nothing, and us a TCB and a TIME_WAIT reservation. Beyond a number of
 * connections in SYN_RCVD (la_shard_config.syn_cookies_at) a SYN is therefore answered without
 * remembering anything: what would have been remembered is in the SYN,ACK, and comes back with the
 * ACK of a peer that really is there. Cookies switch themselves on at that number and off at three quarters
 * of it; an ACK may come a little later, so they are accepted for as long as they are valid.
 *
 *	ISS:	hash (27 bits) | slot (2) | MSS (3)
 *
 * The hash is SipHash of tuple, peer's ISN, slot and MSS under a key of its own. A slot is 65.5 s; a cookie
 * is good in the slot it was made in and the next. Somebody who guesses opens a connection with every
 * 2^26th segment, to an address that he could as well have used openly.
 *
 *	TSval:	what we would have sent | window scale (4 bits, 15: none) | SACK permitted (1)
 *
 * when the SYN had a timestamp, and never newer than the true value, so that TSvals do not go back afterwards. Without
 * timestamps a connection opened by a cookie has neither window scaling nor SACK.
 *
 * What it costs while it lasts: a SYN,ACK is never sent again, so a peer whose final ACK is lost and who
 * says nothing has to find out by itself; and a segment that belongs to no connection on a listening port
 * is not answered by RST, since it may be the second one of a peer whose first was lost: he sends that
 * again, and it opens the connection. */

#include "tcp/internal.h"

enum {
	SLOT_SHIFT = 16, /* ticks */
	SLOT_MASK = 3,
	MSS_BITS = 3,
	LOW_BITS = 5, /* slot and MSS */
	TS_BITS = 5,
	NO_WSCALE = 15,
	LIFE = 2 << SLOT_SHIFT,
};

/* The largest that is not above what was offered. The first is what smaller offers are raised to anyway. */
static const uint16_t mss_table[1 << MSS_BITS] = {LA_MSS_MIN, 256, 536, 1220, 1360, 1440, 1460, 8940};

static uint32_t
make(const struct la_tcp *t, const struct la_tuple *tuple, uint32_t irs, uint32_t slot, uint32_t mss)
{
	uint32_t low = (slot & SLOT_MASK) << MSS_BITS | mss;
	uint64_t h = la_siphash_tuple_with(t->key.cookie, tuple,
					   (uint64_t)irs << 32 | slot << MSS_BITS | mss);

	return (uint32_t)h << LOW_BITS | low;
}

bool
la_cookie_on(struct la_tcp *t)
{
	uint64_t embryos = t->counters->state[LA_SYN_RCVD];

	if (t->cookies_on) {
		if (embryos < t->cookies_at - t->cookies_at / 4)
			t->cookies_on = false;
	} else if (embryos >= t->cookies_at) {
		t->cookies_on = true;
		la_count(t, LA_C_syn_cookies_on);
	}
	return t->cookies_on;
}

bool
la_cookie_valid_now(const struct la_tcp *t)
{
	return t->counters->v[LA_C_syn_cookies_sent] && t->tick - t->cookies_last < LIFE;
}

void
la_cookie_answer(struct la_tcp *t, const struct la_seg *s, const struct la_profile *p)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	struct la_tcp_hdr h = {
		.ack = s->seq + 1,
		.sport = s->dport,
		.dport = s->sport,
		.wnd = la_syn_window(&p->o),
		.flags = LA_SYN | LA_ACK,
		.opts = LA_OPT_MSS,
		.mss = la_mss_offered(t, &p->o, s->is4),
		.wscale = p->rcv_wscale,
	};
	uint32_t mss = 0;

	while (mss + 1 < RTE_DIM(mss_table) && mss_table[mss + 1] <= la_seg_mss(s))
		mss++;
	h.seq = make(t, &tuple, s->seq, t->tick >> SLOT_SHIFT, mss);
	if ((s->opts & LA_OPT_TS) && !p->o.no_timestamps) {
		uint32_t tsval = t->tick + la_isn(t, &tuple).ts_offset;
		bool ws = (s->opts & LA_OPT_WSCALE) && !p->o.no_wscale;
		uint32_t bits = (ws ? s->wscale : NO_WSCALE) << 1 |
				((s->opts & LA_OPT_SACK_PERM) != 0);

		h.tsval = (tsval & ~((1u << TS_BITS) - 1)) | bits;
		if (seq_gt(h.tsval, tsval))
			h.tsval -= 1u << TS_BITS;
		h.tsecr = s->tsval;
		h.opts |= LA_OPT_TS | (ws ? LA_OPT_WSCALE : 0);
	}
	if (la_emit_stateless(t, &s->dst, &s->src, &h)) {
		la_count(t, LA_C_syn_cookies_sent);
		t->cookies_last = t->tick;
	}
}

/* The SYN that this ACK goes back to, as far as the cookie tells. The window is the ACK's own. */
static void
recall(const struct la_seg *s, uint32_t mss, struct la_seg *syn)
{
	*syn = *s;
	syn->seq = s->seq - 1;
	syn->flags = LA_SYN;
	syn->opts = LA_OPT_MSS | (s->opts & LA_OPT_TS);
	syn->mss = mss_table[mss];
	if (s->opts & LA_OPT_TS) {
		uint32_t bits = s->tsecr & ((1u << TS_BITS) - 1);

		syn->wscale = (uint8_t)(bits >> 1);
		if (syn->wscale != NO_WSCALE)
			syn->opts |= LA_OPT_WSCALE;
		if (bits & 1)
			syn->opts |= LA_OPT_SACK_PERM;
	}
}

bool
la_cookie_check(const struct la_tcp *t, const struct la_seg *s, struct la_seg *syn)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	uint32_t cookie = s->ack - 1, mss = cookie & ((1u << MSS_BITS) - 1);
	uint32_t now = t->tick >> SLOT_SHIFT;
	uint32_t age = (now - (cookie >> MSS_BITS)) & SLOT_MASK;

	if (age > 1 || cookie != make(t, &tuple, s->seq - 1, now - age, mss))
		return false;
	recall(s, mss, syn);
	return true;
}

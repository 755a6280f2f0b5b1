/* SPDX-License-Identifier: BSD-3-Clause */

/* SYN cookies (RFC 4987 3.6): theory of operation.
 *
 * A SYN costs its sender nothing, and us a TCB, a TIME_WAIT reservation and packet buffers. When half-open connections
 * could use up one of these resources, a SYN is answered without a TCB: the ISN of the SYN,ACK encodes the values of
 * the SYN, and the ACK of a real peer returns them. The ACK then takes the resources. Without free resources the ACK is
 * dropped, and the peer retransmits.
 *
 * When cookies are on. Let H be the number of connections in SYN_RCVD. Cookies are on for a family
 *
 *   - from H = la_shard_config.syn_cookies_at until H is below three quarters of that; or
 *   - while 3 H + 4 > F for the free part F of a resource (tables_are_short()).
 *
 * F + H is the part of the resource that established connections and TIME_WAIT do not use. By the second rule H + 1 is
 * at most a quarter of F + H when a SYN takes a TCB: three quarters stay for completed handshakes, at any table size
 * and any load. The resources are TCBs, TIME_WAIT reservations and, since every connection must find one buffer
 * (hold.c), packet buffers. With F + H < 4 every SYN gets a cookie, except in a table of fewer than four places.
 * Without a free TCB or TIME_WAIT entry a SYN is refused and counted, as without cookies: the ACK of its cookie could
 * not open a connection. H counts both families, so the rule sends cookies slightly too early.
 *
 * The ISS. An ISS must be above all sequence numbers of an old incarnation of the tuple (RFC 9293 3.4.1, RFC 6528). So
 * a cookie is made of the ISN clock M and the tuple's secret offset F(tuple), like the ISNs of la_isn() (isn.c):
 *
 *	ISS = F(tuple) + D,	D =  slot (12 bits) | MAC (14) | SACK permitted (1) | window scale (2) | MSS (3)
 *
 * A slot is 2^20 steps of M, 4.194 s, and `slot` is the one after the current slot. So M < D <= M + 2^21: a cookie
 * is above all ISNs that la_isn() has returned for the tuple, and at most 8.4 s ahead of the clock. When the
 * connection ends, la_isn_passed() moves the tuple's clock past its last sequence number. Over a TIME_WAIT entry whose
 * snd_nxt is ahead of the clock, `slot` is the one after the slot of snd_nxt. The MAC is the sum of the peer's ISN and
 * SipHash of F(tuple), G(tuple) (isn.c), slot and options, with a key that has no other use. F and G stand for the
 * tuple: they are its keyed hash of 64 bits.
 *
 * Later segments. When the first segment after the handshake is lost or late, the next one arrives first. It also
 * acknowledges the cookie, and its sequence number is above the first one's. If it opened the connection, the text
 * before it would be missing. A hash of the peer's ISN would let one of 2^14 such segments pass. The sum lets none
 * pass: the numbers differ by less than 2^14, because the SYN,ACK offers a window below 2^14 (la_cookie_window()), and
 * the peer may send no more until the first segment has opened the connection.
 *
 * Strength. A cookie is valid for 17 slots, 67.1 to 71.3 s. At any moment 17 * 2^6 = 1 088 of 2^32 values are valid
 * for a tuple and a peer's ISN. They depend on the secrets: a blind segment opens a connection with a chance of
 * 2^-21.9. A segment with the timestamps option must also echo a TSval of the last 71 s: 2^-37. A correct guess opens
 * an idle connection of the spoofed address; the attacker could also have opened one from its own address. A stray
 * segment of the tuple's last connection acknowledges a number near M, and needs only the right MAC: 2^-14. Such
 * numbers are below the last sequence number of that connection, and are refused when its end is recorded
 * (la_isn_used()) or has a TIME_WAIT entry.
 *
 * TSval is the connection's own clock, unchanged: it does not go back, neither after an old incarnation nor within the
 * new one. The MSS is rounded down to one of eight values, the window scale to one of four. An ACK with a
 * timestamp shows that timestamps were negotiated.
 *
 * Over a TIME_WAIT entry a newer SYN is answered by a cookie while cookies are on; otherwise a flood of such SYNs would
 * take TCBs and second reservations. The entry is unchanged until the ACK arrives.
 *
 * The cost while cookies are valid: a SYN,ACK is not retransmitted, so a peer whose final ACK is lost and that
 * sends no data gets no answer. A segment without a connection to a listening port draws no RST. It may
 * follow a lost first segment: the peer retransmits the first segment, which opens the connection.
 *
 * An old duplicate of a handshake's ACK opens no connection: the connection that the ACK opened still exists, or has an
 * entry whose snd_nxt is above the cookie, or its end is recorded (la_isn_used()). */

#include "tcp/isn.h"

enum {
	SLOT_SHIFT = 20, /* steps of the ISN clock */
	SLOT_MASK = (1 << (32 - SLOT_SHIFT)) - 1,
	SLOTS = 17, /* lifetime of a cookie */
	MSS_BITS = 3,
	WS_BITS = 2,
	OPT_BITS = MSS_BITS + WS_BITS + 1,
	OPT_MASK = (1 << OPT_BITS) - 1,
	SACK_BIT = 1 << (MSS_BITS + WS_BITS),
	MAC_BITS = SLOT_SHIFT - OPT_BITS,
	MAC_MASK = (1 << MAC_BITS) - 1,
	LIFE_MS = SLOTS * ((1 << SLOT_SHIFT) / LA_ISN_STEPS) + SLOTS, /* rounded up: a slot is 4 194.304 ms */
	NO_WSCALE = 15,
};
_Static_assert(LA_COOKIE_WINDOW_MAX < 1 << MAC_BITS, "the MAC tells the segments of a first window apart");

/* A cookie has the largest value that is not above the offer. An offer below the first value is raised to it. */
static const uint16_t mss_table[1 << MSS_BITS] = {LA_MSS_MIN, 256, 536, 1220, 1360, 1440, 1460, 8940};
/* A cookie has the largest scale that is not above the offer. A smaller scale only makes the peer's window smaller. */
static const uint8_t ws_table[1 << WS_BITS] = {NO_WSCALE, 0, 4, 7};

/* The cookie minus the tuple's offset. */
static uint32_t
cookie_make(const struct la_tcp *t, const struct la_isn *isn, uint32_t irs, uint32_t slot, uint32_t opts)
{
	uint64_t f = (uint64_t)isn->ts_offset << 32 | isn->offset;
	uint32_t d = slot << SLOT_SHIFT | opts;
	uint32_t mac = (uint32_t)la_siphash_12(t->key.cookie, f, d) + irs;

	return d | (mac & MAC_MASK) << OPT_BITS;
}

static bool
is_short(const struct la_tcp *t, uint32_t nfree, uint32_t capacity)
{
	return capacity >= 4 && nfree < 3 * t->counters->state[LA_SYN_RCVD] + 4;
}

static inline bool
tables_are_short(const struct la_tcp *t, bool is4)
{
	const struct la_tw_pool *p = &t->tw.pool[!is4];

	if (likely(la_cookie_has_places(t, is4)))
		return false;
	return is_short(t, t->tcb_capacity - t->tcb_live, t->tcb_capacity) ||
	       is_short(t, p->nfree - p->reserved, p->capacity) || is_short(t, t->hold.max - t->hold.held, t->hold.max);
}

bool
la_cookie_on(struct la_tcp *t, bool is4)
{
	uint64_t half_open = t->counters->state[LA_SYN_RCVD];
	bool *on = &t->cookies_on[!is4];
	uint32_t at = t->cookies_at;

	if (at == UINT32_MAX) /* never */
		return false;
	if (*on)
		at -= at / 4;
	if (half_open >= at || tables_are_short(t, is4)) {
		t->counters->v[LA_C_syn_cookies_on] += !*on;
		*on = true;
		return true;
	}
	*on = false;
	return false;
}

bool
la_cookie_valid_now(const struct la_tcp *t)
{
	return t->counters->v[LA_C_syn_cookies_sent] && t->tick - t->cookies_last < LIFE_MS;
}

static uint32_t
slot_now(const struct la_tcp *t, const struct la_isn *isn)
{
	return (uint32_t)(la_isn_clock(t, isn->offset, isn->ts_offset) >> SLOT_SHIFT) + 1;
}

/* The slot after the slot of the entry's snd_nxt. */
static uint32_t
slot_over(const struct la_isn *isn, const struct la_tw_core *tw)
{
	return ((tw->snd_nxt - isn->offset) >> SLOT_SHIFT) + 1;
}

static uint32_t
iss_for(const struct la_tcp *t, const struct la_seg *s, const struct la_profile *p, const struct la_isn *isn,
	const struct la_tw_core *tw)
{
	bool ws = (s->opts & LA_OPT_WSCALE) && !p->o.no_wscale;
	uint32_t mss = 0, scale = ws, opts, iss;

	while (mss + 1 < RTE_DIM(mss_table) && mss_table[mss + 1] <= la_seg_mss(s))
		mss++;
	while (ws && scale + 1 < RTE_DIM(ws_table) && ws_table[scale + 1] <= s->wscale)
		scale++;
	opts = (la_seg_agrees_sack(s, &p->o) ? SACK_BIT : 0) | scale << MSS_BITS | mss;
	iss = isn->offset + cookie_make(t, isn, s->seq, slot_now(t, isn), opts);
	if (tw && !seq_gt(iss, tw->snd_nxt))
		iss = isn->offset + cookie_make(t, isn, s->seq, slot_over(isn, tw), opts);
	return iss;
}

void
la_cookie_answer(struct la_tcp *t, const struct la_seg *s, const struct la_profile *p, const struct la_tw_core *tw)
{
	struct la_tuple tuple = {s->dst, s->src, s->dport, s->sport};
	struct la_isn isn = la_isn(t, &tuple);
	struct la_tcp_hdr h = {
		.seq = iss_for(t, s, p, &isn, tw),
		.ack = s->seq + 1,
		.sport = s->dport,
		.dport = s->sport,
		.wnd = la_cookie_window(&p->o),
		.flags = LA_SYN | LA_ACK,
		.opts = LA_OPT_MSS,
		.mss = la_mss_offered(t, &p->o, s->is4),
		.wscale = p->rcv_wscale,
	};

	if ((s->opts & LA_OPT_WSCALE) && !p->o.no_wscale)
		h.opts |= LA_OPT_WSCALE;
	if (la_seg_agrees_sack(s, &p->o))
		h.opts |= LA_OPT_SACK_PERM;
	if ((s->opts & LA_OPT_TS) && !p->o.no_timestamps) {
		h.tsval = t->tick + isn.ts_offset;
		h.tsecr = s->tsval;
		h.opts |= LA_OPT_TS;
	}
	if (la_emit_stateless(t, &s->dst, &s->src, &h)) {
		la_count(t, LA_C_syn_cookies_sent);
		t->cookies_last = t->tick;
	}
}

/* Stores in *syn the SYN that the cookie answered, as decoded from the ACK s. The window is that of the ACK. */
static void
cookie_rebuild_syn(const struct la_seg *s, uint32_t opts, struct la_seg *syn)
{
	*syn = *s;
	syn->seq = s->seq - 1;
	syn->flags = LA_SYN;
	syn->opts = LA_OPT_MSS | (s->opts & LA_OPT_TS);
	syn->mss = mss_table[opts & ((1u << MSS_BITS) - 1)];
	syn->wscale = ws_table[opts >> MSS_BITS & ((1u << WS_BITS) - 1)];
	if (syn->wscale != NO_WSCALE)
		syn->opts |= LA_OPT_WSCALE;
	if (opts & SACK_BIT)
		syn->opts |= LA_OPT_SACK_PERM;
}

bool
la_cookie_check(const struct la_tcp *t, const struct la_seg *s, const struct la_isn *isn, const struct la_tw_core *tw,
		struct la_seg *syn)
{
	uint32_t iss = s->ack - 1, d = iss - isn->offset, slot = d >> SLOT_SHIFT;
	bool in_time = ((slot_now(t, isn) - slot) & SLOT_MASK) < SLOTS;

	if (tw && !seq_gt(iss, tw->snd_nxt))
		return false;
	if (!in_time && !(tw && slot == (slot_over(isn, tw) & SLOT_MASK)))
		return false;
	if ((s->opts & LA_OPT_TS) && t->tick + isn->ts_offset - s->tsecr >= LIFE_MS)
		return false;
	if (d != cookie_make(t, isn, s->seq - 1, slot, d & OPT_MASK) || la_isn_used(t, isn, iss))
		return false;
	cookie_rebuild_syn(s, d & OPT_MASK, syn);
	return !tw || la_tw_syn_is_newer(tw, syn); /* otherwise an ACK of a connection before that of the entry */
}

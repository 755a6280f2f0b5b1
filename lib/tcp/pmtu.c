/* SPDX-License-Identifier: BSD-3-Clause */
/* Path MTU discovery (RFC 1191, RFC 8201).
 *
 * la_tcb.mss is the limit of the path; mss_peer is the upper limit of mss, from the peer's SYN and our interface. A
 * router's error lowers mss, but packets stay as large as LA_PMTU_MIN4. On an IPv4 path with a smaller MTU routers
 * fragment: our packets of LA_PMTU_MIN4 bytes then have no DF (LA_F_NO_DF), but an identification. An IPv6 path is
 * never below LA_PMTU_MIN6. Ten minutes after the last decrease (RFC 1191 6.3, RFC 8201 4) mss is mss_peer again and DF
 * is set. If a segment is then too big, the cost is one error and one retransmission. */

#include "tcp/internal.h"

enum {
	UNIT_SHIFT = 10,			  /* unit of pmtu_at: 1.024 s */
	RAISE_AFTER = (600000 >> UNIT_SHIFT) + 3, /* units: ten minutes or up to 2.1 s more */
};

static uint32_t
pmtu_header_len(const struct la_tcb *c)
{
	return c->is4 ? 40 : 60;
}

static uint16_t
pmtu_time_unit(const struct la_tcb *c)
{
	return (uint16_t)(c->tcp->tick >> UNIT_SHIFT);
}

/* RFC 1191 7.1: the plateaus, for errors without an MTU. */
static uint32_t
pmtu_plateau(uint32_t mtu)
{
	static const uint16_t table[] = {8166, 4352, 2002, 1492, 1006, 508, 296, 68};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i] < mtu)
			return table[i];
	return 68;
}

/* Applies the router's MTU; 0: unknown. Returns whether mss or DF has changed. */
static bool
pmtu_lower_mss(struct la_tcb *c, uint32_t mtu)
{
	uint32_t least = c->is4 ? LA_PMTU_MIN4 : LA_PMTU_MIN6, now = c->mss + pmtu_header_len(c);

	if (!c->is4 && mtu < least) /* RFC 8201 4: must be discarded */
		return false;
	if (mtu == 0)
		mtu = pmtu_plateau(now);
	if (mtu >= now || (c->flags & LA_F_NO_DF)) /* an error about a packet sent before the last decrease */
		return false;
	if (mtu < least) {
		c->flags |= LA_F_NO_DF;
		mtu = least;
	}
	if (mtu < now)
		c->mss = (uint16_t)(mtu - pmtu_header_len(c));
	return true;
}

void
la_pmtu_lower(struct la_tcb *c, uint32_t mtu)
{
	if (!pmtu_lower_mss(c, mtu)) {
		la_count(c->tcp, LA_C_icmp_soft);
		return;
	}
	la_count(c->tcp, LA_C_icmp_pmtu);
	c->pmtu_at = pmtu_time_unit(c) ? pmtu_time_unit(c) : UINT16_MAX; /* 0 means never */
	if (c->state != LA_SYN_SENT && c->state != LA_SYN_RCVD) {
		c->snd_nxt = c->snd_una; /* retransmits at once in smaller segments */
		la_output_send(c);
	}
}

/* Raises mss if the last decrease was ten minutes ago; pmtu_at is set. cwnd becomes at least one of the larger segments
 * (RFC 5681 3.1), because the sender's silly window avoidance would delay a smaller segment. */
void
la_pmtu_age(struct la_tcb *c)
{
	if ((uint16_t)(pmtu_time_unit(c) - c->pmtu_at) < RAISE_AFTER)
		return;
	la_count(c->tcp, LA_C_pmtu_raised);
	c->pmtu_at = 0;
	c->mss = c->mss_peer;
	c->flags &= ~(uint32_t)LA_F_NO_DF;
	if (c->cwnd < la_tcb_smss(c))
		c->cwnd = la_tcb_smss(c);
}

/* RFC 6864 4.3: a packet that may be fragmented has a unique identification. One counter serves all connections of a
 * shard. Its first value depends on the secret and on the shard's first connection without DF, so that the counters of
 * two shards with the same address differ. */
uint16_t
la_pmtu_ip_id(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;

	if (!t->ip_id_set) {
		t->ip_id = (uint16_t)(la_tcb_hash(c) >> 16);
		t->ip_id_set = true;
	}
	if (++t->ip_id == 0)
		t->ip_id = 1;
	return t->ip_id;
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "fault/seg.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip.h"

bool
la_fault_seg_read(const uint8_t *frame, size_t len, struct la_fault_seg *s)
{
	struct la_eth eth;
	struct la_ip ip;
	struct la_seg seg;
	size_t hlen;
	enum la_counter bad;

	if (la_eth_parse(frame, len, &eth) != LA_WIRE_OK)
		return false;
	if (eth.type == LA_ETH_IP4)
		bad = la_ip4_parse(frame + eth.len, len - eth.len, true, &ip);
	else if (eth.type == LA_ETH_IP6)
		bad = la_ip6_parse(frame + eth.len, len - eth.len, &ip);
	else
		return false;
	if (bad != LA_WIRE_OK || ip.proto != LA_IPPROTO_TCP)
		return false;
	s->at = (uint16_t)(eth.len + ip.hlen);
	memset(&seg, 0, sizeof(seg));
	if (la_tcp_parse(frame + s->at, ip.plen, ip.plen, &seg, &hlen) != LA_WIRE_OK)
		return false;
	s->t = (struct la_tuple){.laddr = ip.src, .raddr = ip.dst, .lport = seg.sport, .rport = seg.dport};
	s->seq = seg.seq;
	s->ack = seg.ack;
	s->tsval = seg.tsval;
	s->tsecr = seg.tsecr;
	s->len = (uint16_t)(ip.plen - hlen);
	s->wnd = seg.wnd;
	s->flags = seg.flags;
	s->opts = seg.opts;
	s->mss = seg.mss;
	s->wscale = seg.wscale;
	s->text = (uint16_t)(s->at + hlen);
	return true;
}

static void
seg_put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

/* RFC 1624: the checksum is updated by the change of the words, so that a wrong checksum stays wrong. */
void
la_fault_seg_shift(uint8_t *frame, const struct la_fault_seg *s, uint32_t seq, uint32_t ack)
{
	enum { NUMBERS = 4, NUMBERS_LEN = 8 }; /* offset and length of SEQ and ACK in the header */
	uint8_t *tcp = frame + s->at;
	uint16_t sum;
	uint32_t new;

	memcpy(&sum, tcp + LA_TCP_CKSUM_OFF, sizeof(sum));
	new = (uint16_t)~sum;
	new += (uint16_t)~la_cksum_fold(la_cksum_add(0, tcp + NUMBERS, NUMBERS_LEN));
	seg_put32(tcp + 4, s->seq + seq);
	if (s->flags & LA_ACK)
		seg_put32(tcp + 8, s->ack + ack);
	new += la_cksum_fold(la_cksum_add(0, tcp + NUMBERS, NUMBERS_LEN));
	sum = la_cksum_finish(new);
	memcpy(tcp + LA_TCP_CKSUM_OFF, &sum, sizeof(sum));
}

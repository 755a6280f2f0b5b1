/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The TCP header. Nearly every segment of a live connection has no options, or NOP NOP timestamps
 * (RFC 7323 appendix A): both are read and written without a walk. */

#include "wire/bytes.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/tcp.h"

enum { OPT_EOL = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACK_PERM = 4, OPT_TS = 8 };
enum { LEN_MSS = 4, LEN_WSCALE = 3, LEN_SACK_PERM = 2, LEN_TS = 10 };
enum { LEN_TS_PADDED = 12, WSCALE_MAX = 14 };

#define NOP_NOP_TS 0x0101080au
#define SACK_PERM_TS 0x0402080au
#define NOP_NOP_SACK_PERM 0x01010402u

static const uint8_t known_len[] = {
	[OPT_MSS] = LEN_MSS,
	[OPT_WSCALE] = LEN_WSCALE,
	[OPT_SACK_PERM] = LEN_SACK_PERM,
	[OPT_TS] = LEN_TS,
};

/* Takes one well-formed option. The first of a kind counts. */
static void
take_option(const uint8_t *p, struct la_seg *s)
{
	bool syn = s->flags & LA_SYN;

	switch (p[0]) {
	case OPT_MSS:
		if (syn && !(s->opts & LA_OPT_MSS)) {
			s->opts |= LA_OPT_MSS;
			s->mss = la_get16(p + 2);
		}
		break;
	case OPT_WSCALE:
		if (syn && !(s->opts & LA_OPT_WSCALE)) {
			s->opts |= LA_OPT_WSCALE;
			/* RFC 7323 2.3: a larger shift is used as 14 */
			s->wscale = p[2] < WSCALE_MAX ? p[2] : WSCALE_MAX;
		}
		break;
	case OPT_SACK_PERM:
		if (syn)
			s->opts |= LA_OPT_SACK_PERM;
		break;
	case OPT_TS:
		if (!(s->opts & LA_OPT_TS)) {
			s->opts |= LA_OPT_TS;
			s->tsval = la_get32(p + 2);
			s->tsecr = la_get32(p + 6);
		}
		break;
	default: /* RFC 9293 MUST-6: unknown kinds are skipped */
		break;
	}
}

/* RFC 9293 MUST-5 to MUST-7, MUST-64: any kind, any alignment, any nonsense. An option that says it
 * is 0 or 1 bytes long, is cut off, or has not the length its kind has, ends the walk: where the
 * next one starts can no longer be told. */
static void
walk_options(const uint8_t *p, size_t len, struct la_seg *s)
{
	while (len > 0 && p[0] != OPT_EOL) {
		size_t n = 1;

		if (p[0] != OPT_NOP) {
			n = len < 2 ? 0 : p[1];
			if (n < 2 || n > len ||
			    (p[0] < sizeof(known_len) && known_len[p[0]] && known_len[p[0]] != n)) {
				s->opts |= LA_OPT_BAD;
				return;
			}
			take_option(p, s);
		}
		p += n;
		len -= n;
	}
}

enum la_counter
la_tcp_parse(const uint8_t *p, size_t len, size_t total, struct la_seg *s, size_t *hlen)
{
	size_t n;

	if (len < LA_TCP_LEN)
		return LA_C_drop_tcp_short;
	n = (size_t)(p[12] >> 4) * 4;
	if (n < LA_TCP_LEN || n > total || n > len)
		return LA_C_drop_tcp_short;

	s->sport = la_get16(p);
	s->dport = la_get16(p + 2);
	s->seq = la_get32(p + 4);
	s->ack = la_get32(p + 8);
	s->flags = p[13];
	s->wnd = la_get16(p + 14);
	s->urg = la_get16(p + 18);
	s->len = (uint16_t)(total - n);
	s->opts = 0;
	s->tsval = 0;
	s->tsecr = 0;
	s->mss = 0;
	s->wscale = 0;
	*hlen = n;

	if (n == LA_TCP_LEN)
		return LA_WIRE_OK;
	if (n == LA_TCP_LEN + LEN_TS_PADDED && la_get32(p + 20) == NOP_NOP_TS) {
		s->opts = LA_OPT_TS;
		s->tsval = la_get32(p + 24);
		s->tsecr = la_get32(p + 28);
		return LA_WIRE_OK;
	}
	walk_options(p + LA_TCP_LEN, n - LA_TCP_LEN, s);
	if ((s->opts & LA_OPT_BAD) && (s->flags & LA_SYN))
		return LA_C_drop_tcp_options;
	return LA_WIRE_OK;
}

size_t
la_tcp_hdr_len(uint8_t opts)
{
	size_t n = LA_TCP_LEN;

	if (opts & LA_OPT_MSS)
		n += LEN_MSS;
	if (opts & LA_OPT_TS)
		n += LEN_TS_PADDED; /* SACK-permitted takes the place of the two NOPs */
	else if (opts & LA_OPT_SACK_PERM)
		n += 4;
	if (opts & LA_OPT_WSCALE)
		n += 4;
	return n;
}

/* A header being written, and the sum of its words as they lie in memory (RFC 1071): summed from registers,
 * since a wide load of what narrow stores have just written has to wait for all of them. */
struct put {
	uint8_t *p;
	uint64_t sum;
};

static inline void
put_word(struct put *o, uint32_t v)
{
	v = htobe32(v);
	memcpy(o->p, &v, sizeof(v));
	o->p += sizeof(v);
	o->sum += v;
}

static inline void
put_ts(struct put *o, uint32_t lead, const struct la_tcp_hdr *h)
{
	put_word(o, lead);
	put_word(o, h->tsval);
	put_word(o, h->tsecr);
}

static inline void
put_syn_options(struct put *o, const struct la_tcp_hdr *h)
{
	bool sack = h->opts & LA_OPT_SACK_PERM;

	if (h->opts & LA_OPT_MSS)
		put_word(o, (uint32_t)OPT_MSS << 24 | LEN_MSS << 16 | h->mss);
	if (h->opts & LA_OPT_TS)
		put_ts(o, sack ? SACK_PERM_TS : NOP_NOP_TS, h);
	else if (sack)
		put_word(o, NOP_NOP_SACK_PERM);
	if (h->opts & LA_OPT_WSCALE)
		put_word(o, (uint32_t)OPT_NOP << 24 | OPT_WSCALE << 16 | LEN_WSCALE << 8 |
				    h->wscale);
}

size_t
la_tcp_write_sum(uint8_t *p, const struct la_tcp_hdr *h, uint32_t *sum)
{
	struct put o = {.p = p + LA_TCP_LEN};
	uint32_t n;

	/* MUST-65 and RFC 7323 2.2: but for timestamps, only a SYN carries options */
	if (h->flags & LA_SYN)
		put_syn_options(&o, h);
	else if (h->opts & LA_OPT_TS)
		put_ts(&o, NOP_NOP_TS, h);
	n = (uint32_t)(o.p - p);
	o.p = p;
	put_word(&o, (uint32_t)h->sport << 16 | h->dport);
	put_word(&o, h->seq);
	put_word(&o, h->ack);
	/* data offset in words, high nibble; reserved bits 0 */
	put_word(&o, n << 26 | (uint32_t)h->flags << 16 | h->wnd);
	put_word(&o, 0); /* checksum, and no urgent pointer */
	*sum = la_cksum_fold64(o.sum);
	return n;
}

size_t
la_tcp_write(uint8_t *p, const struct la_tcp_hdr *h)
{
	uint32_t sum;

	return la_tcp_write_sum(p, h, &sum);
}

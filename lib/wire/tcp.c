/* SPDX-License-Identifier: BSD-3-Clause
 *
 * TCP options other than the two forms that tcp.h parses and writes inline. */

#include "core/bytes.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/tcp.h"

enum { OPT_EOL = 0, OPT_NOP = 1, OPT_MSS = 2, OPT_WSCALE = 3, OPT_SACK_PERM = 4, OPT_SACK = 5, OPT_TS = 8 };
enum { LEN_MSS = 4, LEN_WSCALE = 3, LEN_SACK_PERM = 2, LEN_TS = 10 };
enum { WSCALE_MAX = 14 };

static const uint8_t known_len[] = {
	[OPT_MSS] = LEN_MSS,
	[OPT_WSCALE] = LEN_WSCALE,
	[OPT_SACK_PERM] = LEN_SACK_PERM,
	[OPT_TS] = LEN_TS,
};

/* Stores a well-formed option in s, unless an option of this kind is already there. */
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
	case OPT_SACK:
		if (!syn && !(s->opts & LA_OPT_SACK)) {
			s->opts |= LA_OPT_SACK;
			s->sack = p + 2;
			s->nsack = (uint8_t)((p[1] - 2u) / sizeof(struct la_sack));
		}
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

/* Returns whether n is a length of an option of this kind. */
static bool
has_length(uint8_t kind, size_t n)
{
	if (kind == OPT_SACK)
		return n > 2 && (n - 2) % sizeof(struct la_sack) == 0;
	return kind >= sizeof(known_len) || !known_len[kind] || known_len[kind] == n;
}

/* RFC 9293 MUST-5 to MUST-7, MUST-64: accepts any kind, any alignment and any malformed list. An option with a length
 * of 0 or 1, a truncated option, or an option with a wrong length for its kind ends the walk, because the start of
 * the next option is then unknown. */
static __attribute__((noinline)) void
walk_options(const uint8_t *p, size_t len, struct la_seg *s)
{
	while (len > 0 && p[0] != OPT_EOL) {
		size_t n = 1;

		if (p[0] != OPT_NOP) {
			n = len < 2 ? 0 : p[1];
			if (n < 2 || n > len || !has_length(p[0], n)) {
				s->opts |= LA_OPT_BAD;
				return;
			}
			take_option(p, s);
		}
		p += n;
		len -= n;
	}
}

/* The options of nearly every SYN are aligned to words, each kind occurs once, and NOPs come first. Returns whether the
 * list has this form; then *s has all options. Otherwise *s is unchanged. */
static inline bool
syn_options_are_plain(const uint8_t *p, size_t len, struct la_seg *s)
{
	struct {
		uint32_t tsval, tsecr;
		uint16_t mss;
		uint8_t opts, wscale;
	} o = {.opts = 0};

	for (uint8_t kind; len > 0; len -= 4, p += 4, o.opts |= kind) {
		uint32_t w = la_get32(p);

		if ((w & 0xffff0000) == LA_TCP_WORD_MSS) {
			kind = LA_OPT_MSS;
			o.mss = (uint16_t)w;
		} else if ((w & 0xffffff00) == LA_TCP_WORD_WSCALE) {
			kind = LA_OPT_WSCALE;
			o.wscale = (uint8_t)((w & 0xff) < WSCALE_MAX ? w & 0xff : WSCALE_MAX);
		} else if (w == LA_NOP_NOP_SACK) {
			kind = LA_OPT_SACK_PERM;
		} else if ((w == LA_NOP_NOP_TS || w == LA_SACK_PERM_TS) && len >= LA_TCP_TS_LEN) {
			kind = w == LA_SACK_PERM_TS ? LA_OPT_TS | LA_OPT_SACK_PERM : LA_OPT_TS;
			o.tsval = la_get32(p + 4);
			o.tsecr = la_get32(p + 8);
			len -= 8;
			p += 8;
		} else {
			return false;
		}
		if (o.opts & kind)
			return false;
	}
	s->opts = o.opts;
	s->mss = o.mss;
	s->wscale = o.wscale;
	s->tsval = o.tsval;
	s->tsecr = o.tsecr;
	return true;
}

enum la_counter
la_tcp_options(const uint8_t *p, size_t len, struct la_seg *s)
{
	if ((s->flags & LA_SYN) && syn_options_are_plain(p, len, s))
		return LA_WIRE_OK;
	walk_options(p, len, s);
	if ((s->opts & LA_OPT_BAD) && (s->flags & LA_SYN))
		return LA_C_drop_tcp_options;
	return LA_WIRE_OK;
}

size_t
la_tcp_hdr_len(uint8_t opts, unsigned nsack)
{
	size_t n = LA_TCP_LEN;

	if (opts & LA_OPT_MSS)
		n += LEN_MSS;
	if (opts & LA_OPT_TS)
		n += LA_TCP_TS_LEN; /* SACK-permitted replaces the two NOPs */
	else if (opts & LA_OPT_SACK_PERM)
		n += 4;
	if (opts & LA_OPT_WSCALE)
		n += 4;
	if (opts & LA_OPT_SACK)
		n += la_tcp_sack_len(nsack);
	return n;
}

uint64_t
la_tcp_write_sack(uint8_t *p, const struct la_sack *blocks, unsigned n)
{
	uint64_t sum = 0;
	size_t at = 0;

	la_tcp_put_word(p, &at, &sum, (uint32_t)LA_TCP_WORD_SACK | (uint32_t)(la_tcp_sack_len(n) - 2));
	for (unsigned i = 0; i < n; i++) {
		la_tcp_put_word(p, &at, &sum, blocks[i].from);
		la_tcp_put_word(p, &at, &sum, blocks[i].to);
	}
	return sum;
}

size_t
la_tcp_write(uint8_t *p, const struct la_tcp_hdr *h)
{
	uint64_t sum;

	return la_tcp_write_sum(p, h, &sum);
}

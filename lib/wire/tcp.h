/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_TCP_H
#define LA_WIRE_TCP_H

/* Parses and writes the TCP header and its options (RFC 9293 3.1, RFC 7323, RFC 2018). Nearly every segment of a live
 * connection has no options, or NOP, NOP, timestamps: inline functions parse and write these two forms. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

#include <lastack/addr.h>
#include <lastack/counters.h>

#include "core/bytes.h"
#include "wire/eth.h"

struct rte_mbuf;

enum { LA_TCP_LEN = 20, LA_TCP_MAXLEN = 60, LA_TCP_TS_LEN = 12 };

/** Words of options. */
enum {
	LA_NOP_NOP_TS = 0x0101080a,	 /* in front of TSval and TSecr (RFC 7323 appendix A) */
	LA_SACK_PERM_TS = 0x0402080a,	 /* the same, with SACK-permitted */
	LA_NOP_NOP_SACK = 0x01010402,	 /* SACK-permitted alone */
	LA_TCP_WORD_MSS = 0x02040000,	 /* with the MSS in the lower 16 bits */
	LA_TCP_WORD_WSCALE = 0x01030300, /* NOP, window scale, with the shift in the lower 8 bits */
	LA_TCP_WORD_SACK = 0x01010500,	 /* NOP, NOP, SACK, with the option's length in the lower 8 bits */
};

enum {
	LA_SACK_MAX = 4,    /* blocks of a SACK option; three beside timestamps */
	LA_SACK_MAX_TS = 3, /* the same, beside timestamps */
};

/** A block of a SACK option (RFC 2018 3): the sequence numbers from `from` to `to` - 1. */
struct la_sack {
	uint32_t from, to;
};

enum la_tcp_flag {
	LA_FIN = 0x01,
	LA_SYN = 0x02,
	LA_RST = 0x04,
	LA_PSH = 0x08,
	LA_ACK = 0x10,
	LA_URG = 0x20,
	LA_ECE = 0x40,
	LA_CWR = 0x80,
};

/** The well-formed options of a segment. If an option occurs twice, the first one is used. */
enum la_tcp_opt {
	LA_OPT_MSS = 1 << 0,	   /* used on a SYN; otherwise ignored */
	LA_OPT_WSCALE = 1 << 1,	   /* used on a SYN; otherwise ignored; the shift is limited to 14 */
	LA_OPT_SACK_PERM = 1 << 2, /* used on a SYN; otherwise ignored */
	LA_OPT_TS = 1 << 3,
	LA_OPT_SACK = 1 << 4, /* not used on a SYN */
	LA_OPT_BAD = 1 << 7,  /* the list is malformed; the options in front of the bad one are used */
};

/** One received segment. Numbers are in host byte order, addresses in network byte order. The mbuf holds exactly the
 * payload, without headers and padding. */
struct la_seg {
	struct la_addr src, dst;
	/* 16 bytes that la_tcp_parse() stores at once */
	uint32_t seq, ack;
	uint16_t sport, dport;
	uint16_t wnd;	/* as in the header, not scaled */
	uint8_t flags;	/* enum la_tcp_flag */
	uint8_t offset; /* the header's byte with the data offset */

	uint32_t tsval, tsecr;
	uint16_t urg;
	uint16_t len; /* bytes of payload */
	uint16_t mss;
	uint8_t opts; /* enum la_tcp_opt */
	uint8_t wscale;
	const uint8_t *sack; /* with LA_OPT_SACK: the blocks, in network byte order; valid until the buffer is reused */
	struct rte_mbuf *m;
	uint8_t nsack; /* with LA_OPT_SACK: number of blocks */
	bool is4;
	bool usual_hop; /* set by lib/net: an answer to src has the next hop of the previous answers */

	/* set by lib/tcp */
	uint32_t ref;	 /* the first reference with the tuple's tag; 0: none */
	uint64_t hash;	 /* hash of the tuple with dst as our address */
	uint32_t *place; /* the place of `ref` in the index */
};

/** SEG.LEN: payload, SYN and FIN. */
static inline uint32_t
la_seg_len(const struct la_seg *s)
{
	return (uint32_t)s->len + ((s->flags & LA_SYN) != 0) + ((s->flags & LA_FIN) != 0);
}

/** Parses options other than the common ones, for la_tcp_parse(): len bytes at p. */
enum la_counter la_tcp_options(const uint8_t *p, size_t len, struct la_seg *s);

/* Parses the first 16 bytes of the header. */
static inline void
la_tcp_parse_words(const uint8_t *p, struct la_seg *s)
{
#ifdef __SSSE3__
	const __m128i order = _mm_setr_epi8(7, 6, 5, 4, 11, 10, 9, 8, 1, 0, 3, 2, 15, 14, 13, 12);
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	_Static_assert(offsetof(struct la_seg, offset) - offsetof(struct la_seg, seq) == 15, "16 bytes in this order");
	_mm_storeu_si128((__m128i *)(void *)&s->seq, _mm_shuffle_epi8(v, order));
#else
	s->sport = la_get16(p);
	s->dport = la_get16(p + 2);
	s->seq = la_get32(p + 4);
	s->ack = la_get32(p + 8);
	s->offset = p[12];
	s->flags = p[13];
	s->wnd = la_get16(p + 14);
#endif
}

/** Parses the header and options at p. len: contiguous bytes. total: bytes of header and payload. Fills all fields of
 * *s except src, dst, is4, usual_hop, hash, place, ref and m; *hlen is the header's length. Does not verify the
 * checksum. Returns LA_WIRE_OK, drop_tcp_short, or drop_tcp_options (the option list of a SYN is malformed). */
static inline enum la_counter
la_tcp_parse(const uint8_t *p, size_t len, size_t total, struct la_seg *s, size_t *hlen)
{
	size_t n;

	if (len < LA_TCP_LEN)
		return LA_C_drop_tcp_short;
	n = (size_t)(p[12] >> 4) * 4;
	if (n < LA_TCP_LEN || n > total || n > len)
		return LA_C_drop_tcp_short;

	la_tcp_parse_words(p, s);
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
	if (n == LA_TCP_LEN + LA_TCP_TS_LEN && la_get32(p + LA_TCP_LEN) == LA_NOP_NOP_TS) {
		s->opts = LA_OPT_TS;
		s->tsval = la_get32(p + LA_TCP_LEN + 4);
		s->tsecr = la_get32(p + LA_TCP_LEN + 8);
		return LA_WIRE_OK;
	}
	return la_tcp_options(p + LA_TCP_LEN, n - LA_TCP_LEN, s);
}

/** The fields to write. The order of options is that of other large stacks, which middleboxes accept. In a
 * SYN: MSS, SACK-permitted, timestamps, NOP, window scale. In other segments: NOP, NOP, timestamps; NOP, NOP, SACK. */
struct la_tcp_hdr {
	uint32_t seq, ack;
	uint32_t tsval, tsecr;
	uint16_t sport, dport;
	uint16_t wnd;
	uint16_t mss;
	uint8_t flags;
	uint8_t opts; /* enum la_tcp_opt */
	uint8_t wscale;
	uint8_t nsack;		    /* with LA_OPT_SACK: number of blocks */
	const struct la_sack *sack; /* with LA_OPT_SACK: the blocks */
};

/** Bytes of a SACK option with n blocks, after two NOPs. */
static inline size_t
la_tcp_sack_len(unsigned n)
{
	return 4 + (size_t)n * sizeof(struct la_sack);
}

/** The number of bytes that la_tcp_write() writes with these options and nsack SACK blocks: a multiple of 4. */
size_t la_tcp_hdr_len(uint8_t opts, unsigned nsack);

/* Writes the word `lead`, TSval and TSecr. Returns their unfolded sum (RFC 1071), computed in registers: a wide load
 * directly after narrow stores stalls. */
static inline uint64_t
la_tcp_put_ts(uint8_t *p, uint32_t lead, const struct la_tcp_hdr *h)
{
	uint32_t w[3] = {htobe32(lead), htobe32(h->tsval), htobe32(h->tsecr)};

	memcpy(p, w, sizeof(w));
	return (uint64_t)w[0] + w[1] + w[2];
}

/* Appends a word of options, and adds it to *sum. */
static inline void
la_tcp_put_word(uint8_t *p, size_t *n, uint64_t *sum, uint32_t v)
{
	v = htobe32(v);
	memcpy(p + *n, &v, sizeof(v));
	*n += sizeof(v);
	*sum += v;
}

/** Writes a SACK option with n blocks after two NOPs: la_tcp_sack_len(n) bytes. Returns the sum of its words. */
uint64_t la_tcp_write_sack(uint8_t *p, const struct la_sack *blocks, unsigned n);

/** Writes the options of a SYN, for la_tcp_write_sum(), and adds their words to *sum. Returns their length. */
static inline __attribute__((always_inline)) size_t
la_tcp_write_syn(uint8_t *p, const struct la_tcp_hdr *h, uint64_t *sum)
{
	bool sack = h->opts & LA_OPT_SACK_PERM;
	size_t n = 0;

	if (h->opts & LA_OPT_MSS)
		la_tcp_put_word(p, &n, sum, (uint32_t)LA_TCP_WORD_MSS | h->mss);
	if (h->opts & LA_OPT_TS) {
		*sum += la_tcp_put_ts(p + n, sack ? LA_SACK_PERM_TS : LA_NOP_NOP_TS, h);
		n += LA_TCP_TS_LEN;
	} else if (sack) {
		la_tcp_put_word(p, &n, sum, LA_NOP_NOP_SACK);
	}
	if (h->opts & LA_OPT_WSCALE)
		la_tcp_put_word(p, &n, sum, (uint32_t)LA_TCP_WORD_WSCALE | h->wscale);
	return n;
}

/** Writes the header with checksum field 0. Returns its length. Padding is zero (RFC 9293 MUST-69). */
size_t la_tcp_write(uint8_t *p, const struct la_tcp_hdr *h);
/** Like la_tcp_write(). *sum: the unfolded sum of the header (la_cksum_fold64()). */
static inline __attribute__((always_inline)) size_t
la_tcp_write_sum(uint8_t *p, const struct la_tcp_hdr *h, uint64_t *sum)
{
	size_t n = LA_TCP_LEN;
	uint64_t options = 0;
	uint32_t w[4];

	/* MUST-65 and RFC 7323 2.2: only a SYN has options other than timestamps and SACK */
	if (h->flags & LA_SYN) {
		n += la_tcp_write_syn(p + LA_TCP_LEN, h, &options);
	} else {
		if (h->opts & LA_OPT_TS) {
			options = la_tcp_put_ts(p + LA_TCP_LEN, LA_NOP_NOP_TS, h);
			n += LA_TCP_TS_LEN;
		}
		if (h->opts & LA_OPT_SACK) {
			options += la_tcp_write_sack(p + n, h->sack, h->nsack);
			n += la_tcp_sack_len(h->nsack);
		}
	}
	w[0] = htobe32((uint32_t)h->sport << 16 | h->dport);
	w[1] = htobe32(h->seq);
	w[2] = htobe32(h->ack);
	/* n << 26: the data offset, n / 4 words, in the upper four bits; reserved bits 0 */
	w[3] = htobe32((uint32_t)n << 26 | (uint32_t)h->flags << 16 | h->wnd);
	memcpy(p, w, sizeof(w));
	memset(p + sizeof(w), 0, 4); /* checksum and urgent pointer */
	*sum = options + w[0] + w[1] + w[2] + w[3];
	return n;
}

/** Offset of the checksum field in the header. */
enum { LA_TCP_CKSUM_OFF = 16 };

#endif

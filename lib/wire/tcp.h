/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_TCP_H
#define LA_WIRE_TCP_H

/* The TCP header and its options (RFC 9293 3.1, RFC 7323, RFC 2018): bytes <-> struct. Nearly every segment of a live
 * connection has no options, or NOP NOP timestamps: both are read and written here, without a call. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

#include "wire/bytes.h"
#include "wire/eth.h"

struct rte_mbuf;

enum { LA_TCP_LEN = 20, LA_TCP_MAXLEN = 60, LA_TCP_TS_LEN = 12 };
enum { LA_NOP_NOP_TS = 0x0101080a }; /* the word before the two words of timestamps (RFC 7323 appendix A) */

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

/** The options of a segment (well formed; of a repeated option the first counts). */
enum la_tcp_opt {
	LA_OPT_MSS = 1 << 0,	   /* SYN only; ignored elsewhere */
	LA_OPT_WSCALE = 1 << 1,	   /* SYN only; ignored elsewhere; shift limited to 14 */
	LA_OPT_SACK_PERM = 1 << 2, /* SYN only */
	LA_OPT_TS = 1 << 3,
	LA_OPT_BAD = 1 << 7, /* the list is malformed; options before the fault count */
};

/** One received segment, all in host order except the addresses. The mbuf holds exactly the payload,
 * without headers and padding. */
struct la_seg {
	struct la_addr src, dst;
	uint32_t seq, ack;
	uint32_t tsval, tsecr;
	uint16_t sport, dport;
	uint16_t wnd; /* as in the header, unscaled */
	uint16_t urg;
	uint16_t len; /* bytes of payload */
	uint16_t mss;
	uint8_t flags; /* enum la_tcp_flag */
	uint8_t opts;  /* enum la_tcp_opt */
	uint8_t wscale;
	bool is4;
	uint64_t hash; /* of the tuple as seen from us: filled by lib/tcp */
	struct rte_mbuf *m;
};

/** Sequence space a segment occupies (SEG.LEN). */
static inline uint32_t
la_seg_len(const struct la_seg *s)
{
	return (uint32_t)s->len + ((s->flags & LA_SYN) != 0) + ((s->flags & LA_FIN) != 0);
}

/** Parses options other than the common ones, for la_tcp_parse(): len bytes at p. */
enum la_counter la_tcp_options(const uint8_t *p, size_t len, struct la_seg *s);

/** Parses the header and options at p; len bytes are contiguous, total is the length of
 * header plus payload. Fills all fields of *s except src, dst, is4, hash and m; *hlen is the header's
 * length. Does not verify the checksum. Drops: drop_tcp_short; drop_tcp_options only when a SYN's
 * list is malformed. */
static inline enum la_counter
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
	if (n == LA_TCP_LEN + LA_TCP_TS_LEN && la_get32(p + LA_TCP_LEN) == LA_NOP_NOP_TS) {
		s->opts = LA_OPT_TS;
		s->tsval = la_get32(p + LA_TCP_LEN + 4);
		s->tsecr = la_get32(p + LA_TCP_LEN + 8);
		return LA_WIRE_OK;
	}
	return la_tcp_options(p + LA_TCP_LEN, n - LA_TCP_LEN, s);
}

/** The fields to write. Options have the layout of all large stacks, which middleboxes accept:
 * SYN: MSS, SACK-permitted, timestamps, NOP, window scale; otherwise NOP, NOP, timestamps. */
struct la_tcp_hdr {
	uint32_t seq, ack;
	uint32_t tsval, tsecr;
	uint16_t sport, dport;
	uint16_t wnd;
	uint16_t mss;
	uint8_t flags;
	uint8_t opts; /* enum la_tcp_opt */
	uint8_t wscale;
};

/** Bytes of header that la_tcp_write() writes for these options: a multiple of 4. */
size_t la_tcp_hdr_len(uint8_t opts);

/* A header is summed from registers while it is written (RFC 1071): a wide load directly after narrow stores
 * stalls. */
static inline uint64_t
la_tcp_put_ts(uint8_t *p, uint32_t lead, const struct la_tcp_hdr *h)
{
	uint32_t w[3] = {htobe32(lead), htobe32(h->tsval), htobe32(h->tsecr)};

	memcpy(p, w, sizeof(w));
	return (uint64_t)w[0] + w[1] + w[2];
}

/** A SYN's options, for la_tcp_write_sum(): their length; adds their words to *sum. */
size_t la_tcp_write_syn(uint8_t *p, const struct la_tcp_hdr *h, uint64_t *sum);

/** Writes the header with checksum field 0 and returns its length. Padding is zero (RFC 9293 MUST-69). */
size_t la_tcp_write(uint8_t *p, const struct la_tcp_hdr *h);
/** Like la_tcp_write(), and returns the unfolded sum of the header (la_cksum_fold64()) without reading it back. */
static inline size_t
la_tcp_write_sum(uint8_t *p, const struct la_tcp_hdr *h, uint64_t *sum)
{
	size_t n = LA_TCP_LEN;
	uint64_t options = 0;
	uint32_t w[4];

	/* MUST-65 and RFC 7323 2.2: only a SYN has options other than timestamps */
	if (h->flags & LA_SYN) {
		n += la_tcp_write_syn(p + LA_TCP_LEN, h, &options);
	} else if (h->opts & LA_OPT_TS) {
		options = la_tcp_put_ts(p + LA_TCP_LEN, LA_NOP_NOP_TS, h);
		n += LA_TCP_TS_LEN;
	}
	w[0] = htobe32((uint32_t)h->sport << 16 | h->dport);
	w[1] = htobe32(h->seq);
	w[2] = htobe32(h->ack);
	/* data offset in words, high nibble; reserved bits 0 */
	w[3] = htobe32((uint32_t)n << 26 | (uint32_t)h->flags << 16 | h->wnd);
	memcpy(p, w, sizeof(w));
	memset(p + sizeof(w), 0, 4); /* checksum, and no urgent pointer */
	*sum = options + w[0] + w[1] + w[2] + w[3];
	return n;
}

/** Offset of the checksum field in the header. */
enum { LA_TCP_CKSUM_OFF = 16 };

#endif

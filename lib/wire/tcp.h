/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_TCP_H
#define LA_WIRE_TCP_H

/* The TCP header and its options (RFC 9293 3.1, RFC 7323, RFC 2018): bytes <-> struct. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

struct rte_mbuf;

enum { LA_TCP_LEN = 20, LA_TCP_MAXLEN = 60 };

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

/** Which options a segment carries (well formed; a repeated option: the first counts). */
enum la_tcp_opt {
	LA_OPT_MSS = 1 << 0,	/* SYN only; ignored elsewhere */
	LA_OPT_WSCALE = 1 << 1, /* SYN only; ignored elsewhere; shift already cut to 14 */
	LA_OPT_SACK_PERM = 1 << 2, /* SYN only */
	LA_OPT_TS = 1 << 3,
	LA_OPT_BAD = 1 << 7, /* the list was malformed from some point on; what stood before counts */
};

/** One received segment, all in host order but the addresses. The mbuf holds exactly the payload: the
 * headers before it and any padding behind it have been cut off. */
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

/** Parses the header and options at p; len bytes are there and contiguous, total is the length of
 * header plus payload. Fills everything of *s but src, dst, is4, hash and m; *hlen is the header's
 * length. Does not look at the checksum. Drops: drop_tcp_short; drop_tcp_options only when a SYN's
 * list is malformed. */
enum la_counter la_tcp_parse(const uint8_t *p, size_t len, size_t total, struct la_seg *s,
			     size_t *hlen);

/** What to write. Options are laid out as every large stack does, so that middleboxes have seen them:
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

/** Bytes of header la_tcp_write() will write for these options: a multiple of 4. */
size_t la_tcp_hdr_len(uint8_t opts);

/** Writes the header with checksum field 0 and returns its length. Padding is zero (RFC 9293 MUST-69). */
size_t la_tcp_write(uint8_t *p, const struct la_tcp_hdr *h);
/** The same, and gives the header's partial checksum (cksum.h) without reading it back. */
size_t la_tcp_write_sum(uint8_t *p, const struct la_tcp_hdr *h, uint32_t *sum);

/** Offset of the checksum field in the header. */
enum { LA_TCP_CKSUM_OFF = 16 };

#endif

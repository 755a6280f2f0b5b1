/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_FAULT_SEG_H
#define LA_FAULT_SEG_H

/* The TCP fields of a frame, for fault rules, traces and ladders. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

#include "wire/tcp.h"

struct la_fault_seg {
	struct la_tuple t; /* the tuple as the sender sees it: laddr is the source */
	uint32_t seq, ack; /* as in the header, host byte order */
	uint32_t tsval, tsecr;
	uint16_t len;  /* payload, bytes */
	uint16_t wnd;  /* as in the header, not scaled */
	uint8_t flags; /* enum la_tcp_flag */
	uint8_t opts;  /* enum la_tcp_opt */
	uint16_t mss;
	uint8_t wscale;
	uint16_t at;   /* offset of the TCP header in the frame */
	uint16_t text; /* offset of the payload in the frame */
};

/** Parses a whole frame. False: not a valid TCP segment. Checksums are not verified. */
bool la_fault_seg_read(const uint8_t *frame, size_t len, struct la_fault_seg *s);

/** SEG.LEN: payload, SYN and FIN. */
static inline uint32_t
la_fault_seg_space(const struct la_fault_seg *s)
{
	return s->len + ((s->flags & LA_SYN) != 0) + ((s->flags & LA_FIN) != 0);
}

/** Adds seq to the header's SEQ and ack to its ACK. The checksum stays valid, or wrong, as it was. */
void la_fault_seg_shift(uint8_t *frame, const struct la_fault_seg *s, uint32_t seq, uint32_t ack);

#endif

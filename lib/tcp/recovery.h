/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_RECOVERY_H
#define LA_TCP_RECOVERY_H

/* Loss recovery with the peer's SACK blocks (RFC 6675, RFC 6937). (Theory at the top of recovery.c.) */

#include "tcp/board.h"

/** An ACK before it is processed. */
struct la_recovery_ack {
	struct la_board *board; /* NULL: NewReno */
	uint32_t una, sacked;	/* snd_una, and the bytes in the ranges of the board, before the ACK */
};

/** Records the SACK blocks of a valid ACK. Called before snd_una moves. */
struct la_recovery_ack la_recovery_begin(struct la_tcb *c, const struct la_seg *s);
/** The ACK was processed, and the connection is live: moves the phase and cwnd. c may lose its board. */
void la_recovery_end(struct la_tcb *c, const struct la_recovery_ack *a);
/** The retransmission timer has expired. */
void la_recovery_timeout(struct la_tcb *c, struct la_board *b);
/** snd_nxt was set back: all data that the peer has not reported must be sent again. */
void la_recovery_rewind(struct la_tcb *c, struct la_board *b);

/** Returns how many bytes the congestion window still allows: cwnd - pipe (RFC 6675 5 (C)). */
uint32_t la_recovery_room(const struct la_tcb *c, const struct la_board *b);
/** NextSeg() rule (1) of RFC 6675 4. Returns the number of sequence numbers to send again from *seq on; 0: none. */
uint32_t la_recovery_lost(const struct la_tcb *c, const struct la_board *b, uint32_t *seq);
/** NextSeg() rules (3) and (4), when there is no new data to send. smss: payload bytes of a full-sized segment. */
uint32_t la_recovery_idle(const struct la_tcb *c, const struct la_board *b, uint32_t smss, uint32_t *seq);
/** `len` sequence numbers from seq on were sent. */
void la_recovery_sent(struct la_tcb *c, struct la_board *b, uint32_t seq, uint32_t len);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_BOARD_H
#define LA_TCP_BOARD_H

/* The scoreboard: which part of our data in flight the peer has reported by SACK blocks (RFC 2018, RFC 6675 3), and the
 * state of the recovery of the rest. (Theory at the top of recovery.c.) */

#include "tcp/internal.h"

enum {
	LA_BOARD_RANGES = 32,	/* ranges that a board records */
	LA_BOARD_DUPACKS = 255, /* la_tcb.dupacks of a connection with a board */
	LA_BOARDS_MIN = 16,	/* least boards of a shard */
	LA_BOARDS_MAX = 4096,	/* most boards of a shard */
};

enum la_board_phase {
	LA_BOARD_DISORDER, /* data was reported above a hole, and no loss is found yet */
	LA_BOARD_FAST,	   /* fast recovery (RFC 6675 5) until snd_una reaches `recover` */
	LA_BOARD_LOSS,	   /* after a time-out, until snd_una reaches `recover` */
};

struct la_board {
	uint32_t next;		/* place of the next free board + 1; 0: none */
	uint32_t owner;		/* slot of the TCB; 0: the board is free */
	uint8_t phase;		/* enum la_board_phase */
	uint8_t n;		/* ranges */
	bool rescued;		/* the rescue retransmission of this recovery was sent */
	uint32_t recover;	/* RecoveryPoint (RFC 6675 2): snd_max when the phase began */
	uint32_t high_rxt;	/* the sequence number after HighRxt: data below was retransmitted in this phase */
	uint32_t lost;		/* IsLost() holds for unreported data below this sequence number */
	uint32_t sacked;	/* bytes in the ranges */
	uint32_t prr_delivered; /* RFC 6937: bytes delivered in this recovery */
	uint32_t prr_out;	/* RFC 6937: bytes sent in this recovery */
	uint32_t recover_fs;	/* RFC 6937: bytes in flight when the recovery began */
	struct la_sack range[LA_BOARD_RANGES]; /* reported data, ascending; between two ranges is a hole */
};

/** Returns the number of boards of a shard with this many connections. */
static inline uint32_t
la_boards_of(uint32_t conns)
{
	return RTE_MIN(RTE_MAX(conns / 8, (uint32_t)LA_BOARDS_MIN), (uint32_t)LA_BOARDS_MAX);
}

/** Returns the board of c, or NULL. */
static inline struct la_board *
la_board_of(const struct la_tcb *c)
{
	return unlikely(c->flags & LA_F_RECOVERY) && c->dupacks == LA_BOARD_DUPACKS ? &c->tcp->boards[c->board] : NULL;
}

/** Gives c a board without ranges. NULL: c is in a recovery without a board, or no board is free, which is counted. */
struct la_board *la_board_take(struct la_tcb *c);
/** Returns the board of c to the shard. c continues with NewReno. */
void la_board_give_back(struct la_tcb *c);
/** Records the blocks of s above snd_una, at most LA_BOARD_RANGES ranges; counts blocks outside of the data in flight,
 * and duplicate SACKs. */
void la_board_record(struct la_tcb *c, struct la_board *b, const struct la_seg *s);
/** Returns whether s reports data in flight, so that a board would have a range. */
bool la_board_has_news(const struct la_tcb *c, const struct la_seg *s);
/** snd_una has moved: removes ranges below it. */
void la_board_trim(struct la_board *b, uint32_t una);
/** Removes all ranges. */
void la_board_clear(struct la_board *b);
/** Returns the first sequence number from seq on that is in no range. *end: the start of the next range, or `max`. */
uint32_t la_board_hole(const struct la_board *b, uint32_t seq, uint32_t max, uint32_t *end);
/** Checks the board of c. Prints each fault to f. Returns the number of faults. */
unsigned la_board_check(const struct la_tcb *c, FILE *f);

#endif

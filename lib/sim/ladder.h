/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_LADDER_H
#define LA_SIM_LADDER_H

/* The ladder: two hosts of a world and their segments on one tuple, drawn as in the TCP
 * literature (RFC 9293 3.5 and 3.6, RFC 1337).
 *
 *	    time  A            10.0.0.1:1024 <-> 10.0.0.2:80           B
 *	   0.000  SYN_SENT     ---<SEQ=0><CTL=SYN>------------------>  SYN_RCVD
 *
 * A segment has one row when its receiver has no event between sending and arrival, except arrivals
 * of earlier segments. Otherwise sending and arrival have a row each, with "..." for the flight, as in
 * RFC 9293's figures. The time is that of the row's first event. A row shows the state of a host after
 * the event. Calls and callbacks of a user are below the row, on the user's side.
 *
 * Sequence numbers count from the ISS of the segment's own incarnation. When the tuple has more than
 * one incarnation, every segment shows the number of its incarnation: #1, #2 ... The PSH flag is left
 * out, as in the RFC's figures.
 *
 * la_ladder_item() returns the recorded events in order, for other forms of output.
 * la_sim_load() does not restore a ladder: to draw one, run the same events again with a new ladder. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/user.h"
#include "sim/world.h"

enum la_ladder_what {
	LA_LADDER_SENT,
	LA_LADDER_ARRIVED,
	LA_LADDER_LOST,
	LA_LADDER_HELD,
	LA_LADDER_COPIED,
	LA_LADDER_CORRUPTED,
	LA_LADDER_STATE,
	LA_LADDER_USER, /* text: a call or callback of the user */
	LA_LADDER_NOTE, /* text */
};

enum { LA_LADDER_TEXT = 96, LA_LADDER_BYTES = 16 };

struct la_ladder_item {
	enum la_ladder_what what;
	uint64_t us;	 /* time since the creation of the ladder */
	uint8_t side;	 /* 0 left, 1 right: the host of the event; of LOST to CORRUPTED: the segment's sender */
	bool copy, late; /* as in struct la_sim_event */
	bool end;	 /* LA_LADDER_USER: the event is the callback `closed` */
	uint8_t flags;	 /* enum la_tcp_flag */
	uint16_t len;
	uint32_t packet;
	unsigned incarnation;		/* number of the incarnation, from 1 */
	uint32_t seq, ack;		/* counted from the ISS of the incarnation */
	uint32_t abs_seq, abs_ack;	/* as on the wire */
	uint8_t bytes[LA_LADDER_BYTES]; /* first bytes of the payload */
	enum la_state from, to;
	char text[LA_LADDER_TEXT];
};

struct la_ladder_style {
	unsigned width;	     /* columns [96]; at least 80 */
	bool colour;	     /* ANSI */
	bool utf8;	     /* arrows of box-drawing characters */
	bool absolute;	     /* sequence numbers as on the wire */
	uint32_t silence_ms; /* this time or more without an event has its own row [1500] */
};

struct la_ladder;

/** Records the tuple t, as host `left` has it, at both ends. listens: the right host has a
 * listener, so its first state is LISTEN. Returns NULL when no memory or no watch of the world is left. */
struct la_ladder *la_ladder_create(struct la_sim *w, unsigned left, unsigned right, const struct la_tuple *t,
				   bool listens);
void la_ladder_destroy(struct la_ladder *l);

/** Recording hooks, for la_sim_hooks() or for calls from the caller's own hooks. */
struct la_sim_hooks la_ladder_hooks(struct la_ladder *l);

/** Returns recorded item number i, from 0; NULL after the last item. */
const struct la_ladder_item *la_ladder_item(const struct la_ladder *l, unsigned i);
/** Returns the number of incarnations. */
unsigned la_ladder_incarnations(const struct la_ladder *l);
/** Returns whether events are missing for lack of memory. */
bool la_ladder_is_cut(const struct la_ladder *l);
/** Returns the name of a side's host (0 left, 1 right). */
const char *la_ladder_name(const struct la_ladder *l, unsigned side);
/** Writes a side's address and port to buf. Returns buf. */
const char *la_ladder_endpoint(const struct la_ladder *l, unsigned side, char *buf, size_t size);
bool la_ladder_listens(const struct la_ladder *l);

/** Returns the longest continuous time of an end in that state, us; a state that still lasts is included. */
uint64_t la_ladder_longest(const struct la_ladder *l, unsigned side, enum la_state s);

void la_ladder_print(const struct la_ladder *l, FILE *f, const struct la_ladder_style *style);

#endif

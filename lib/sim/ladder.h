/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_LADDER_H
#define LA_SIM_LADDER_H

/* The ladder: two hosts of a world and their segments on one tuple, drawn as in the TCP
 * literature (RFC 9293 3.5 and 3.6, RFC 1337).
 *
 *	    time  A            10.0.0.1:1024 <-> 10.0.0.2:80           B
 *	   0.000  SYN_SENT     ---<SEQ=0><CTL=SYN>------------------>  SYN_RCVD
 *
 * One row for a segment, if the receiver has no event between its sending and its arrival; else
 * one row for each, with "..." while it is in flight, as in RFC 9293's figures. The time is
 * that of the row's first event. A state is the one after the event. Calls and callbacks of a
 * user are below, on the user's side.
 *
 * Sequence numbers count from the ISS of the segment's own incarnation. When there was more than
 * one on the tuple, every segment has its number: #1, #2 ... The PSH flag is left out, as in
 * the RFC's figures.
 *
 * The record is in order (la_ladder_item()), so that it can be written in other forms.
 * A world that goes back (la_sim_load()) does not restore its ladder: record a replay. */

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
	uint64_t us;	 /* since the creation of the ladder */
	uint8_t side;	 /* 0 left, 1 right: the end of the event; for a segment's fate: its sender */
	bool copy, late; /* a copy; a router held it */
	bool end;	 /* LA_LADDER_USER: the connection is closed for its user */
	uint8_t flags;	 /* enum la_tcp_flag */
	uint16_t len;
	uint32_t packet;
	unsigned incarnation;		/* 1 ... */
	uint32_t seq, ack;		/* from the ISS of its incarnation */
	uint32_t abs_seq, abs_ack;	/* as on the wire */
	uint8_t bytes[LA_LADDER_BYTES]; /* of the payload, the first */
	enum la_state from, to;
	char text[LA_LADDER_TEXT];
};

struct la_ladder_style {
	unsigned width;	     /* columns [96]; at least 80 */
	bool colour;	     /* ANSI */
	bool utf8;	     /* arrows of box-drawing characters */
	bool absolute;	     /* sequence numbers as on the wire */
	uint32_t silence_ms; /* a longer silence has its own row [1500] */
};

struct la_ladder;

/** Watches t, from the view of host `left`, at both ends. listens: the right host has a
 * listener, and its first state is LISTEN. NULL: no memory, or no watch left in the world. */
struct la_ladder *la_ladder_create(struct la_sim *w, unsigned left, unsigned right, const struct la_tuple *t,
				   bool listens);
void la_ladder_destroy(struct la_ladder *l);

/** Recording hooks, for la_sim_hooks() or for calls from the caller's own hooks. */
struct la_sim_hooks la_ladder_hooks(struct la_ladder *l);

/** The recorded items, in order; NULL after the last. */
const struct la_ladder_item *la_ladder_item(const struct la_ladder *l, unsigned i);
unsigned la_ladder_incarnations(const struct la_ladder *l);
/** Returns whether events are missing for lack of memory. */
bool la_ladder_is_cut(const struct la_ladder *l);
/** Returns the world's name of an end (0 left, 1 right); and its address and port as text. */
const char *la_ladder_name(const struct la_ladder *l, unsigned side);
const char *la_ladder_endpoint(const struct la_ladder *l, unsigned side, char *buf, size_t size);
bool la_ladder_listens(const struct la_ladder *l);

/** Returns the longest continuous time of an end in that state, us; a state that still lasts is included. */
uint64_t la_ladder_longest(const struct la_ladder *l, unsigned side, enum la_state s);

void la_ladder_print(const struct la_ladder *l, FILE *f, const struct la_ladder_style *style);

#endif

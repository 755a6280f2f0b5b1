/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SEARCH_SEG_WRITER_H
#define LA_SEARCH_SEG_WRITER_H

/* Writes a run of a simulated world as a row in the language of tests/scenario, from the view of one host: received
 * segments with their times, calls and callbacks of the user, sent segments. A replay of the row shows whether a
 * single shard does the same. The run must have one tuple, and its user must make no call in a callback. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/user.h"
#include "sim/world.h"

enum { SEG_LINES = 1024, SEG_TEXT = 48 };

struct seg_line {
	char what; /* '<': received, '>': sent, '!': callback, 'u': call of the user */
	uint64_t us;
	struct la_fault_seg seg;
	char text[SEG_TEXT]; /* text of '!' and 'u' */
};

struct seg_writer {
	struct la_sim *w;
	unsigned host;
	struct seg_line line[SEG_LINES];
	unsigned n;
	/* callbacks already written, of each connection: index is its tag % 8 */
	struct {
		uint32_t tag, got;
		bool opened, peer_fin, closed;
	} seen[8];
};

void seg_writer_begin(struct seg_writer *s, struct la_sim *w, unsigned host);
/** Call from la_sim_hooks.event. */
void seg_writer_event(struct seg_writer *s, const struct la_sim_event *e);
/** Records a call of `host`'s user: "send 64", "close", "connect" ... Use it before the call itself. */
void seg_writer_call(struct seg_writer *s, unsigned host, const char *text);
/** Writes the row. head: the lines between `row` and `new`, each with its newline. */
void seg_writer_write(struct seg_writer *s, const char *row, const char *title, const char *head, FILE *f);

#endif

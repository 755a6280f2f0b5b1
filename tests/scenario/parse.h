/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_PARSE_H
#define TEST_PARSE_H

/* Shared by parse.c (files, rows, scripts) and parse_event.c (the events of a row). */

#include "seg.h"

/* One line of a script. */
struct line {
	const char *file;
	char *text;
	int no;
	struct line *next;
};

struct script {
	char *name;
	struct line *lines, **end;
	struct script *next;
};

/* A file being read. `each`, `from` and `with` apply to the file or to one row. */
struct parser {
	struct place at;
	const char *text; /* text of the present line */
	struct script *scripts, *script;
	struct row *row, **rows;
	unsigned each;
	struct target from, row_from;
	bool has_from;
	struct seg_opts opts, row_opts;
	const struct seg_opts *opts_now; /* copy of row_opts for events; NULL after each change of row_opts */
	unsigned depth;			 /* number of nested `play` and `use` lines */
};

/** Parses an event without its guard and time; tok[0] is its first word. */
void parse_event(struct parser *ps, struct event *e, char *const *tok, unsigned n);
struct target parse_target(const struct place *at, char *const *tok, unsigned n);
void parse_with(struct parser *ps, struct seg_opts *o, char *const *tok, unsigned n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_EXPLAIN_H
#define LA_APP_EXPLAIN_H

/* Stories that `lastack explain` tells: each one runs a simulated world with the real stack in
 * it, and claims things that are then looked up in the run.
 *
 * Some worlds have a host that is told to behave badly (enum la_sim_weak). These are switches of
 * the simulator, which works on the host's shard from outside: the stack has none, and no other
 * subcommand can reach them.
 *
 * A story is a function: it makes the world, acts at its moments, says what happened with the
 * values of the run, and claims. What does not hold is shown, and explain's exit status is 1. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/ladder.h"
#include "sim/pcapng.h"
#include "sim/user.h"
#include "sim/world.h"

enum { EX_A = 0, EX_B = 1, EX_PORT_A = 1024, EX_PORT_B = 80 };
enum { EX_CLAIMS = 24, EX_LINES = 40, EX_TEXT = 64 };

struct explain;

struct scenario {
	const char *name;
	const char *title;
	const char *weak; /* how a host behaves badly, NULL: none does */
	const char *see;  /* stories that belong to it, or NULL */
	bool absolute;    /* sequence numbers as on the wire */
	void (*run)(struct explain *x);
};

/* By theme, ended by a NULL name: explain_THEME.c. */
extern const struct scenario explain_closing[], explain_lingering[], explain_duplicates[],
	explain_reopening[], explain_budget[];

struct claim {
	char what[EX_TEXT];
	char got[EX_TEXT], want[EX_TEXT];
	bool ok;
};

struct explain {
	const struct scenario *sc;
	struct la_sim *w;
	struct la_ladder *ladder;
	struct la_pcapng *pcap; /* or NULL */
	uint64_t pcap_us;       /* when this world begins in it */
	unsigned nhosts;
	uint64_t start; /* us of the world when the story begins */
	struct la_counters before[LA_SIM_HOSTS];
	struct claim claims[EX_CLAIMS];
	unsigned nclaims;
	char happened[3000], verdict[600];
	char lines[EX_LINES][128]; /* a table, below the ladder */
	unsigned nlines;
	bool failed;     /* a claim does not hold */
	char error[256]; /* the run could not be made */
};

/* ---- the world ---- */

/** Makes it: two hosts 20 ms apart unless cfg says otherwise, B listening on its port with that
 * plan, neighbours known to each other. False: x->error. */
bool ex_world(struct explain *x, const struct la_sim_config *cfg, const struct la_sim_plan *server);
/** Every connection of the hosts begins at these sequence numbers. */
void ex_fixed_isn(struct la_sim_config *cfg, uint32_t a, uint32_t b);
/** A opens the ladder's tuple to B. NULL, with a note in the ladder, when it may not. */
struct la_sim_conn *ex_open(struct explain *x, const struct la_sim_plan *plan);
/** B's youngest connection. Never NULL: x->error and a blank one when there was none. */
struct la_sim_conn *ex_server(struct explain *x);
/** Lets time pass until so many ms after the story's beginning, or for so many. */
void ex_until(struct explain *x, uint64_t ms);
void ex_pass(struct explain *x, uint64_t ms);
/** Until nothing is left: no connection, no TIME_WAIT, nothing on its way. */
void ex_quiet(struct explain *x);

/** Two incarnations of the tuple, both ends of each. */
struct ex_two {
	struct la_sim_conn *a, *b, *a2, *b2;
	bool refused; /* the first try to open it again */
};
/** A opens the tuple again; where that is refused, once more so many ms after the story's
 * beginning. B's end is looked up pass_ms later, then all goes on to its end. Sets a2, b2 and
 * refused. False: x->error. */
bool ex_open_again(struct explain *x, const struct la_sim_plan *plan, uint64_t again_ms,
		   uint64_t pass_ms, struct ex_two *t);

/* ---- values of the run ---- */

/** A host's counter, from the beginning of the story. */
uint64_t ex_count(struct explain *x, unsigned host, enum la_counter c);
/** When the user of c was told that it is open, s; 0: never. */
double ex_opened(const struct explain *x, const struct la_sim_conn *c);
/** Longest time in a state, s. */
double ex_longest(const struct explain *x, unsigned side, enum la_state s);
/** How many segments with all these flags and at least so much payload were sent by a side. */
unsigned ex_sent(const struct explain *x, unsigned side, uint8_t flags, uint16_t len);
/** The n-th (from 0) such segment; NULL: none. */
const struct la_ladder_item *ex_nth(const struct explain *x, unsigned side, uint8_t flags,
				    uint16_t len, unsigned n);
/** It was ever in this state. */
bool ex_seen(const struct explain *x, unsigned side, enum la_state s);

/* ---- told (explain_tell.c) ---- */

struct json_t;
/** Everything about it, on standard output. */
void ex_print(const struct explain *x, const struct la_ladder_style *st);
/** The same as an object; the caller's. */
struct json_t *ex_json(const struct explain *x);

/* ---- what is said ---- */

__attribute__((format(printf, 2, 3))) void ex_say(struct explain *x, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ex_verdict(struct explain *x, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ex_line(struct explain *x, const char *fmt, ...);

/** Lines of the table: the first bytes that one end of the second incarnation sends, and those that
 * the other reads, where what its partner did not send there is marked below. */
void ex_bytes(struct explain *x, const struct la_sim_conn *sender,
	      const struct la_sim_conn *reader);

void ex_is(struct explain *x, const char *what, uint64_t got, uint64_t want);
void ex_is_true(struct explain *x, const char *what, bool got);
void ex_between(struct explain *x, const char *what, double got, double lo, double hi,
		const char *unit);
/** The user of c was told this end. */
void ex_told(struct explain *x, const char *who, const struct la_sim_conn *c, enum la_end end);

#endif

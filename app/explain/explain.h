/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_EXPLAIN_H
#define LA_APP_EXPLAIN_H

/* The stories of `lastack explain`. Each story runs the real stack in a simulated world, and its claims are
 * checked against the run.
 *
 * In some worlds a host breaks a rule on purpose (enum la_sim_weak). The simulator then changes the host's shard
 * from outside. The stack has no switch that breaks a rule, and no other subcommand can break one.
 *
 * A story is a function. It creates the world, acts at given times, describes the events with the values of
 * the run, and makes claims. A claim that does not hold is printed, and explain's exit status is 1. */

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
	const char *weak; /* text: how a host breaks a rule; NULL: no host does */
	const char *see;  /* names of related stories; NULL: none */
	bool absolute;	  /* sequence numbers as on the wire */
	void (*run)(struct explain *x);
};

/* The stories of each theme, in explain_THEME.c. A story with a NULL name ends a table. */
extern const struct scenario explain_closing[], explain_lingering[], explain_duplicates[], explain_reopening[],
	explain_budget[];

struct claim {
	char what[EX_TEXT];
	char got[EX_TEXT], want[EX_TEXT];
	bool ok;
};

struct explain {
	const struct scenario *sc;
	struct la_sim *w;
	struct la_ladder *ladder;
	struct la_pcapng *pcap; /* NULL: no capture */
	uint64_t pcap_us;	/* time in the capture at which this story begins, us */
	unsigned nhosts;
	uint64_t start;				 /* time in the world at which the story begins, us */
	struct la_counters before[LA_SIM_HOSTS]; /* counters of the hosts at `start` */
	struct claim claims[EX_CLAIMS];
	unsigned nclaims;
	char happened[3000], verdict[600];
	char lines[EX_LINES][128]; /* the table below the ladder */
	unsigned nlines;
	bool failed;	 /* a claim does not hold */
	char error[256]; /* why the run failed; empty: it did not fail */
};

/* ---- the world ---- */

/** Creates the world: two hosts 20 ms apart unless cfg differs, B listening on its port with the plan `server`, MAC
 * addresses resolved. Returns false with the reason in x->error. */
bool ex_world(struct explain *x, const struct la_sim_config *cfg, const struct la_sim_plan *server);
/** Sets the sequence numbers at which every connection of A and of B begins. */
void ex_fixed_isn(struct la_sim_config *cfg, uint32_t a, uint32_t b);
/** A opens the ladder's tuple to B. Returns NULL, with a note in the ladder, when the open is refused. */
struct la_sim_conn *ex_open(struct explain *x, const struct la_sim_plan *plan);
/** Returns B's newest connection. If B has none, returns an empty record and sets x->error. */
struct la_sim_conn *ex_server(struct explain *x);
/** Runs the world until `ms` ms after the start of the story. */
void ex_until(struct explain *x, uint64_t ms);
/** Runs the world for `ms` ms. */
void ex_pass(struct explain *x, uint64_t ms);
/** Runs the world until no connection, no TIME_WAIT and no frame in transit is left. */
void ex_quiet(struct explain *x);

/** Both ends of two incarnations of the tuple: a and b of #1, a2 and b2 of #2. */
struct ex_two {
	struct la_sim_conn *a, *b, *a2, *b2;
	bool refused; /* the first try to open the tuple again was refused */
};
/** A opens the tuple again. When the open is refused, A tries once more again_ms after the start of the story. pass_ms
 * later B's connection is looked up; then the world runs until ex_quiet() ends. Sets a2, b2 and refused. Returns false
 * with the reason in x->error. */
bool ex_open_again(struct explain *x, const struct la_sim_plan *plan, uint64_t again_ms, uint64_t pass_ms,
		   struct ex_two *t);

/* ---- values of the run ---- */

/** Returns a host's counter, counted from the beginning of the story. */
uint64_t ex_count(struct explain *x, unsigned host, enum la_counter c);
/** Returns the time of c's `opened` event, s; 0: none fired. */
double ex_opened(const struct explain *x, const struct la_sim_conn *c);
/** Returns the longest time of an end (0 A, 1 B) in a state, s. */
double ex_longest(const struct explain *x, unsigned side, enum la_state s);
/** Returns the number of segments that an end (0 A, 1 B) sent with all these flags and at least `len` payload bytes. */
unsigned ex_sent(const struct explain *x, unsigned side, uint8_t flags, uint16_t len);
/** Returns the n-th (from 0) of the segments that ex_sent() counts; NULL: there is none. */
const struct la_ladder_item *ex_nth(const struct explain *x, unsigned side, uint8_t flags, uint16_t len, unsigned n);
/** Returns whether an end (0 A, 1 B) was ever in this state. */
bool ex_seen(const struct explain *x, unsigned side, enum la_state s);

/* ---- output of a story (explain_tell.c) ---- */

struct json_t;
/** Prints the story on standard output. */
void ex_print(const struct explain *x, const struct la_ladder_style *st);
/** Returns the story as a JSON object, owned by the caller. */
struct json_t *ex_json(const struct explain *x);

/* ---- text ---- */

/** Appends to the text below the ladder. */
__attribute__((format(printf, 2, 3))) void ex_say(struct explain *x, const char *fmt, ...);
/** Appends to the verdict. */
__attribute__((format(printf, 2, 3))) void ex_verdict(struct explain *x, const char *fmt, ...);
/** Adds a line to the table. */
__attribute__((format(printf, 2, 3))) void ex_line(struct explain *x, const char *fmt, ...);

/** Adds lines to the table: the first bytes that `sender` sends in incarnation #2, and the first bytes that `reader`
 * reads there. Read bytes that the reader's partner did not send are marked below. */
void ex_bytes(struct explain *x, const struct la_sim_conn *sender, const struct la_sim_conn *reader);

/** Claims that `got` equals `want`, is true, or is in lo to hi. */
void ex_is(struct explain *x, const char *what, uint64_t got, uint64_t want);
void ex_is_true(struct explain *x, const char *what, bool got);
void ex_between(struct explain *x, const char *what, double got, double lo, double hi, const char *unit);
/** Claims that the end of c was reported to its user as this kind. who: the user's host. */
void ex_told(struct explain *x, const char *who, const struct la_sim_conn *c, enum la_end end);

#endif

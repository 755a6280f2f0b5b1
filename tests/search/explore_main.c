/* SPDX-License-Identifier: BSD-3-Clause */

/* explore: searches small worlds exhaustively, and prints the extent of the search. */

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "../support/eal.h"
#include "explore.h"

static const char usage[] =
	"usage: explore [OPTION...]\n"
	"  --faults N          at most N network faults in one path [1]; every bound from 0 to N is searched\n"
	"  --bytes K           segments of text in each direction, 0 to 2 [all]\n"
	"  --close HOW         a, b, both, half, abort-a, abort-b [all]\n"
	"  --no-timestamps     connections without RFC 7323 timestamps [both with and without]\n"
	"  --timestamps        connections with RFC 7323 timestamps [both with and without]\n"
	"  --reuse             A opens anew over its own TIME_WAIT [both with and without]\n"
	"  --no-reuse          A opens anew only after its TIME_WAIT\n"
	"  --ip6               IPv6 [IPv4]\n"
	"  --budget SECONDS    time limit for each world and bound of faults [no limit]\n"
	"  --delay US          delay of every segment [1000]\n"
	"  --whole             snapshots of all memory, not only of the memory that can differ\n"
	"  --no-prune          follows every path to its end, prunes no state\n"
	"  --beyond-law        segments live longer than MSL, hosts have no TIME_WAIT and a fixed ISN: a stale byte\n"
	"                      must be found\n"
	"  --assassin          a RST ends TIME_WAIT (RFC 1337): a violation must be found\n"
	"  --paths WHICH       fast, general: hosts with or without a fast path; both: the search runs both ways, and every\n"
	"                      frame, counter and state must be the same [both]\n"
	"  --differ            with --paths both: in the second search a RST ends TIME_WAIT; a difference must be found\n"
	"  --seg FILE          writes the path of a violation to FILE, as .seg rows\n"
	"  --ordinary          stops at the end of the first path and writes it to the FILE of --seg\n";

struct choice { /* the worlds to search: each field is a set */
	unsigned closes, segments, timestamps, reuse;
	bool both;   /* search with the fast path and with the general path */
	bool differ; /* the second search must differ */
};

static int
parse_close(const char *text)
{
	if (strcmp(text, "all") == 0)
		return (1 << EX_NCLOSES) - 1;
	if (strcmp(text, "abort") == 0)
		return 1 << EX_ABORT_A | 1 << EX_ABORT_B;
	for (int i = 0; i < EX_NCLOSES; i++)
		if (strcmp(text, ex_close_name[i]) == 0)
			return 1 << i;
	return 0;
}

enum {
	FAULTS,
	BYTES,
	CLOSE,
	NO_TS,
	TS,
	REUSE,
	NO_REUSE,
	IP6,
	BUDGET,
	NO_PRUNE,
	BEYOND,
	ASSASSIN,
	SEG,
	WHOLE,
	DELAY,
	ORDINARY,
	PATHS,
	DIFFER,
	HELP
};

static bool
parse(int argc, char **argv, struct ex_setup *s, struct choice *c)
{
	static const struct option options[] = {{"faults", 1, NULL, FAULTS},	 {"bytes", 1, NULL, BYTES},
						{"close", 1, NULL, CLOSE},	 {"no-timestamps", 0, NULL, NO_TS},
						{"timestamps", 0, NULL, TS},	 {"reuse", 0, NULL, REUSE},
						{"no-reuse", 0, NULL, NO_REUSE}, {"ip6", 0, NULL, IP6},
						{"budget", 1, NULL, BUDGET},	 {"no-prune", 0, NULL, NO_PRUNE},
						{"beyond-law", 0, NULL, BEYOND}, {"assassin", 0, NULL, ASSASSIN},
						{"seg", 1, NULL, SEG},		 {"whole", 0, NULL, WHOLE},
						{"delay", 1, NULL, DELAY},	 {"ordinary", 0, NULL, ORDINARY},
						{"paths", 1, NULL, PATHS},	 {"differ", 0, NULL, DIFFER},
						{"help", 0, NULL, HELP},	 {NULL, 0, NULL, 0}};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long n = optarg ? strtoul(optarg, NULL, 10) : 0;

		switch (o) {
		case FAULTS:
			s->faults = (unsigned)n;
			break;
		case BYTES:
			c->segments = n <= 2 ? 1u << n : 0;
			break;
		case CLOSE:
			c->closes = (unsigned)parse_close(optarg);
			break;
		case NO_TS:
			c->timestamps = 1 << 1;
			break;
		case TS:
			c->timestamps = 1 << 0;
			break;
		case REUSE:
			c->reuse = 1 << 1;
			break;
		case NO_REUSE:
			c->reuse = 1 << 0;
			break;
		case IP6:
			s->ip6 = true;
			break;
		case BUDGET:
			s->budget_s = strtod(optarg, NULL);
			break;
		case NO_PRUNE:
			s->no_prune = true;
			break;
		case BEYOND:
			s->beyond_law = true;
			s->weak = LA_SIM_FIXED_ISN | LA_SIM_NO_TIME_WAIT;
			c->timestamps = 1 << 1;
			c->reuse = 1 << 0;
			break;
		case ASSASSIN:
			s->weak = LA_SIM_ASSASSIN;
			break;
		case WHOLE:
			s->whole = true;
			break;
		case ORDINARY:
			s->ordinary = true;
			break;
		case PATHS:
			c->both = strcmp(optarg, "both") == 0;
			s->general = strcmp(optarg, "general") == 0;
			if (!c->both && !s->general && strcmp(optarg, "fast") != 0)
				return false;
			break;
		case DIFFER:
			c->differ = true;
			break;
		case DELAY:
			s->delay_us = n;
			break;
		case SEG:
			s->seg_file = optarg;
			break;
		default:
			return false;
		}
	}
	return optind == argc && c->closes && c->segments && s->faults <= EX_FAULTS_MAX;
}

static unsigned seen[EX_ERROR + 1];

/* Searches with 0, 1, ... setup->faults faults, so that a violation is reported with the fewest faults. */
static enum ex_result
search_world(struct ex *x, const struct ex_setup *setup, const struct choice *c)
{
	struct ex_setup s = *setup;
	unsigned weak = c->differ ? LA_SIM_ASSASSIN : s.weak;
	enum ex_result r = EX_EXHAUSTED;

	for (s.faults = 0; s.faults <= setup->faults && r == EX_EXHAUSTED; s.faults++)
		seen[r = c->both ? ex_search_both(x, &s, weak, stdout) : ex_search(x, &s, stdout)]++;
	return r;
}

static bool
has(unsigned set, unsigned i)
{
	return set >> i & 1;
}

int
main(int argc, char **argv)
{
	struct choice c = {(1 << EX_NCLOSES) - 1, 7, 3, 3, .both = true};
	struct ex_setup s = {.faults = 1, .delay_us = 1000};
	struct ex *x = malloc(sizeof(*x));
	double t0 = ex_now();
	unsigned worlds = 0;

	if (!x || !parse(argc, argv, &s, &c)) {
		fputs(usage, stderr);
		free(x);
		return 2;
	}
	if (test_eal_start() < 0) {
		fputs("explore: EAL does not start\n", stderr);
		free(x);
		return 2;
	}
	for (unsigned i = 0; i < EX_NCLOSES * 12u; i++) {
		s.close = (enum ex_close)(i / 12);
		s.segments = i / 4 % 3;
		s.no_timestamps = i / 2 % 2;
		s.reuse = i % 2;
		if (has(c.closes, s.close) && has(c.segments, s.segments) && has(c.timestamps, s.no_timestamps) &&
		    has(c.reuse, s.reuse)) {
			worlds++;
			(void)search_world(x, &s, &c);
		}
	}
	printf("%u searches exhausted, %u cut, %u violations, %.1f s\n", seen[EX_EXHAUSTED], seen[EX_CUT],
	       seen[EX_VIOLATION], ex_now() - t0);
	free(x);
	if (seen[EX_DIFFERENT])
		printf("%u searches differ between the fast path and the general path\n", seen[EX_DIFFERENT]);
	if (seen[EX_ERROR])
		return 2;
	if (c.differ || seen[EX_DIFFERENT])
		return c.differ != (seen[EX_DIFFERENT] > 0);
	/* a violation must be found in every world of weakened hosts */
	if (s.weak)
		return seen[EX_VIOLATION] != worlds;
	return seen[EX_VIOLATION] != 0;
}

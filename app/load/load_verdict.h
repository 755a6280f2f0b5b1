/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_VERDICT_H
#define LA_APP_LOAD_VERDICT_H

/* The offered and the carried load, the limit of the run, and whether the run succeeded. */

#include "load/load_totals.h"

enum load_limit { LIMIT_NONE, LIMIT_TARGET, LIMIT_PORT, LIMIT_GENERATOR };
/** "none", "target", ... */
extern const char *const load_limit_name[LIMIT_GENERATOR + 1];

struct load_verdict {
	double offered, carried; /* a second; NaN: no samples */
	enum load_limit limit;	 /* the party that limited the run */
	char reason[320];	 /* every cause that was found, with its figures */
	char generator[200];	 /* the causes in this generator; empty: none */
};

/** Sets *v from the totals of the run. */
void load_judge(const struct load_totals *t, struct load_verdict *v);

struct load_rules {
	const struct expect *expects;
	unsigned nexpects;
	double allow;	/* share of all connects that may fail; negative: only failures that an --expect bounds */
	bool signalled; /* the user ended the run: connections open at that time have not failed */
};

/** Returns whether at least one connection ended as planned, and the rules allow all failures. If not, `why` has the
 * reason. A run that a signal ended may have no connections. */
bool load_worked(const struct load_totals *t, const struct load_rules *rules, char *why, size_t size);

/** Writes the causes of failures: "7 refused, 3 resets". Returns buf. */
const char *load_failures(const struct load_counts *n, char *buf, size_t size);

#endif

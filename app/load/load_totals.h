/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_TOTALS_H
#define LA_APP_LOAD_TOTALS_H

/* The measurements of a load over all stations, each figure by name; and conditions on figures.
 *
 * All rates have one denominator, `seconds`: the time in which connections were due. This time begins with the
 * schedule. It ends with the ramp, with --duration, or at the due time of the connection after the last of
 * --connections (when the last one was begun, if that is later). In a closed loop it ends when no more connections are
 * opened. */

#include <stddef.h>

#include "load/internal.h"

struct load_totals {
	struct load_counts n;
	struct la_histogram latency[LATENCIES];
	struct la_counters c;
	struct la_port_stats port;
	struct la_faulty_counts faults;
	uint64_t unexplained; /* drops */
	bool open;	      /* open loop */
	double seconds;	      /* in which connections were due, until now */
	uint64_t offered;     /* open loop: connections due in that time */
	uint64_t carried;     /* orderly closes; closed loop: only closes within `seconds` */
	double busy;	      /* largest share of CPU time that a worker was busy, 0 to 1; NaN: not known */
};

/** Adds a station's counts and histograms; `scratch` holds a copy while it is read. */
void load_totals_add(struct load_totals *t, const struct load_station *st, struct la_histogram *scratch);

/** own = all - before: the counts between the two readings; gauges and seconds are those of `all`. */
void load_totals_since(struct load_totals *own, const struct load_totals *all, const struct load_totals *before);

uint64_t load_kind_total(const struct load_counts *n, enum load_kind kind);
uint64_t load_closes(const struct load_counts *n);
/** Returns the number of orderly ends. */
uint64_t load_orderly(const struct load_counts *n);
uint64_t load_failed(const struct load_counts *n);
/** Returns the name of a cause (enum load_kind, enum load_cause): "refused", "unplanned", ... */
const char *load_cause_name(unsigned cause);
uint64_t load_port_drops(const struct load_totals *t);
/** Returns orderly closes a second. NaN: no samples. */
double load_carried(const struct load_totals *t);
/** Returns connections due a second. NaN: no samples, or a closed loop. */
double load_offered(const struct load_totals *t);

enum load_unit {
	UNIT_CONNECTIONS, /* a count that may be compared with all connects */
	UNIT_NUMBER,
	UNIT_RATE, /* closes a second */
	UNIT_TIME, /* ns */
};

/** Looks a figure up by name: a count, one of counters.def, or LATENCY_min, _mean, _max, _pNN[.N].
 * Returns 0 with *value and *unit; -ENODATA: the figure has no samples; -ERANGE: a percentile above 100; -ENOENT: no
 * figure has the name. */
int load_metric(const struct load_totals *t, const char *name, double *value, enum load_unit *unit);

/** Writes the figure's name that has the fewest edits from `name`. Returns buf. */
const char *load_metric_nearest(const char *name, char *buf, size_t size);

/** Writes all names, except those of counters.def, separated by commas. Returns buf. */
const char *load_metric_names(char *buf, size_t size);

enum expect_op { EXPECT_EQ, EXPECT_NE, EXPECT_LE, EXPECT_GE, EXPECT_LT, EXPECT_GT };

struct expect {
	const char *text; /* as given */
	char name[40];
	enum expect_op op;
	enum load_unit unit;
	bool share; /* value and got are shares of all connects, 0 to 1 */
	double value;
	/* after expect_judge() */
	double got;
	bool no_samples, ok;
};

/** Reads "resets==0", "close_p99<5ms", "closes_per_s>=10k" or "failed<0.01%". Returns 0, or -1 with the allowed form in
 * why. A condition that can never hold is refused. */
int expect_parse(const char *text, struct expect *e, char *why, size_t size);

/** Writes the figure that expect_judge() found. Returns buf; 32 bytes are enough. */
const char *expect_value(const struct expect *e, char *buf, size_t size);

/** Sets e->got, e->no_samples and e->ok. Returns e->ok, which is false when the figure has no samples. */
bool expect_judge(struct expect *e, const struct load_totals *t);

/** Returns whether the condition limits the failures of this cause (enum load_kind, enum load_cause). */
bool expect_bounds(const struct expect *e, unsigned cause);

/** Writes 1234567 ns as "1.23ms". Returns buf; 16 bytes are enough. */
const char *load_format_ns(double ns, char *buf, size_t size);

#endif

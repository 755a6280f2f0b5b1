/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_TOTALS_H
#define LA_APP_LOAD_TOTALS_H

/* The measurements of a load, over all stations, each figure by name; conditions on them.
 *
 * All rates have one denominator, `seconds`: the time in which connections were due. It begins and ends with the
 * schedule: at the end of the ramp, of --duration, or at the due time of a connection after the last of --connections
 * (at the begin of the last one, if that is later). For a closed loop it ends with the last open. */

#include <stddef.h>

#include "load/internal.h"

struct load_totals {
	struct load_counts n;
	struct la_histogram latency[LATENCIES];
	struct la_counters c;
	struct la_port_stats port;
	struct la_faulty_counts faults;
	uint64_t unexplained;
	bool open;	  /* loop */
	double seconds;	  /* in which connections were due, until now */
	uint64_t offered; /* open loop: connections due in that time */
	uint64_t carried; /* orderly closes: of an open loop's connections all, of a closed loop's those in that time */
	double busy;	  /* largest share of CPU time that a worker was busy, 0 to 1; NaN: not known */
};

/** Adds a station's counts and histograms; `scratch` holds a copy while it is read. */
void load_totals_add(struct load_totals *t, const struct load_station *st, struct la_histogram *scratch);

/** own = all - before: the counts between the two readings; gauges and seconds are those of `all`. */
void load_totals_since(struct load_totals *own, const struct load_totals *all, const struct load_totals *before);

uint64_t load_kind_total(const struct load_counts *n, enum load_kind kind);
uint64_t load_closes(const struct load_counts *n);
/** Orderly ends. */
uint64_t load_orderly(const struct load_counts *n);
uint64_t load_failed(const struct load_counts *n);
/** "refused", "unplanned", ... */
const char *load_cause_name(unsigned cause);
uint64_t load_port_drops(const struct load_totals *t);
/** Orderly closes a second, and connections due a second (open loop). NaN: no samples. */
double load_carried(const struct load_totals *t);
double load_offered(const struct load_totals *t);

enum load_unit {
	UNIT_CONNECTIONS, /* a count that may be compared with all connects */
	UNIT_NUMBER,
	UNIT_RATE, /* a second */
	UNIT_TIME, /* ns */
};

/** Looks a figure up by name: a count, one of counters.def, or LATENCY_min, _mean, _max, _pNN[.N].
 * 0 and *value, *unit; -ENODATA: it has no samples; -ERANGE: a percentile above 100; -ENOENT. */
int load_metric(const struct load_totals *t, const char *name, double *value, enum load_unit *unit);

/** The name with the fewest edits from this one. Returns buf. */
const char *load_metric_nearest(const char *name, char *buf, size_t size);

/** All names, comma-separated, counters.def left out. Returns buf. */
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

/** "resets==0", "close_p99<5ms", "closes_per_s>=10k", "failed<0.01%". 0, or -1 with the allowed form in why. A
 * condition that can never hold is refused. */
int expect_parse(const char *text, struct expect *e, char *why, size_t size);

/** The result of expect_judge(), as text. Returns buf; 32 bytes are enough. */
const char *expect_value(const struct expect *e, char *buf, size_t size);

/** False also when the figure has no samples. */
bool expect_judge(struct expect *e, const struct load_totals *t);

/** Returns whether the condition limits the failures of this cause (enum load_kind, enum load_cause). */
bool expect_bounds(const struct expect *e, unsigned cause);

/** 1234567 ns -> "1.23ms". Returns buf; 16 bytes are enough. */
const char *load_format_ns(double ns, char *buf, size_t size);

#endif

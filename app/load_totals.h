/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_LOAD_TOTALS_H
#define LA_APP_LOAD_TOTALS_H

/* What a load has measured, all stations together, and every figure of it by name; conditions on them. */

#include <stddef.h>

#include "load.h"

struct load_totals {
	struct load_counts n;
	struct la_histogram latency[LATENCIES];
	struct la_counters c;
	struct la_port_stats port;
	struct la_faulty_counts faults;
	uint64_t unexplained;
	double seconds; /* from the start of the schedule to now, or to the last close */
};

/** Adds a station's counts and histograms; `scratch` holds a copy while it is read. */
void load_totals_add(struct load_totals *t, const struct load_station *st, struct la_histogram *scratch);

uint64_t load_kind_total(const struct load_counts *n, enum load_kind kind);
uint64_t load_closes(const struct load_counts *n);
uint64_t load_port_drops(const struct load_totals *t);

/** Looks a figure up by name: a count, one of counters.def, or LATENCY_min, _mean, _max, _pNN[.N].
 * 0 and *value (latencies in ns), *is_time; -ENOENT. */
int load_metric(const struct load_totals *t, const char *name, double *value, bool *is_time);

/** All names, comma-separated, counters.def left out. Returns buf. */
const char *load_metric_names(char *buf, size_t size);

enum expect_op { EXPECT_EQ, EXPECT_NE, EXPECT_LE, EXPECT_GE, EXPECT_LT, EXPECT_GT };

struct expect {
	const char *text; /* as given */
	char name[40];
	enum expect_op op;
	bool is_time; /* a latency: value and got are ns */
	double value;
	/* after expect_judge() */
	double got;
	bool ok;
};

/** "resets==0", "close_p99<5ms", "closes_per_s>=10k". 0, or -1 with what is allowed in why. */
int expect_parse(const char *text, struct expect *e, char *why, size_t size);

bool expect_judge(struct expect *e, const struct load_totals *t);

/** 1234567 ns -> "1.23ms". Returns buf; 16 bytes are enough. */
const char *load_format_ns(double ns, char *buf, size_t size);

#endif

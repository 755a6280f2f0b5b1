/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/nearest.h"
#include "load/load_totals.h"

const char *const load_kind_name[KINDS] = {
	[KIND_CLIENT_FIRST] = "client_first",
	[KIND_SERVER_FIRST] = "server_first",
	[KIND_SIMULTANEOUS] = "simultaneous",
	[KIND_ABORTED] = "aborts",
	[KIND_RESET] = "resets",
	[KIND_TIMEOUT] = "timeouts",
	[KIND_REFUSED] = "refused",
	[KIND_FIN_WAIT_2] = "fin_wait_2",
	[KIND_GAVE_UP] = "gave_up",
	[KIND_BAD_ANSWER] = "bad_answers",
	[KIND_UNFINISHED] = "unfinished",
};

const char *const load_latency_name[LATENCIES] = {
	[LAT_HANDSHAKE] = "handshake",
	[LAT_FIRST_BYTE] = "first_byte",
	[LAT_ANSWER] = "answer",
	[LAT_CLOSE] = "close",
	[LAT_LAG] = "lag",
	[LAT_UNFINISHED] = "unfinished",
};

/* Counts that are members of struct load_counts. */
#define COUNT_AT(member)                                      \
	{                                                     \
#member, offsetof(struct load_counts, member) \
	}
static const struct {
	const char *name;
	size_t at;
} counts[] = {
	COUNT_AT(connects),   COUNT_AT(established), COUNT_AT(requests),  COUNT_AT(answers),	COUNT_AT(complete),
	COUNT_AT(incomplete), COUNT_AT(wrong),	     COUNT_AT(unacked),	  COUNT_AT(no_tuple),	COUNT_AT(no_room),
	COUNT_AT(skipped),    COUNT_AT(late),	     COUNT_AT(unstarted), COUNT_AT(reconnects),
};

enum sum { SUM_CLOSES, SUM_ORDERLY, SUM_FAILED, SUM_UNPLANNED, SUM_PORT_DROPS, SUM_UNEXPLAINED, SUM_RATE, SUMS };
static const char *const sums[SUMS] = {"closes",     "orderly",		  "failed",	 "unplanned",
				       "port_drops", "unexplained_drops", "closes_per_s"};
static const char *const statistics[] = {"min", "mean", "max"};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

_Static_assert(sizeof(struct load_counts) % sizeof(uint64_t) == 0, "an array of counts");

void
load_totals_add(struct load_totals *t, const struct load_station *st, struct la_histogram *scratch)
{
	const uint64_t *from = (const uint64_t *)&st->n;
	uint64_t *to = (uint64_t *)&t->n;

	for (unsigned i = 0; i < sizeof(t->n) / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	for (unsigned i = 0; i < LATENCIES; i++) {
		la_histogram_read(scratch, &st->latency[i]);
		la_histogram_add(&t->latency[i], scratch);
	}
}

void
load_totals_since(struct load_totals *own, const struct load_totals *all, const struct load_totals *before)
{
	const uint64_t *a = (const uint64_t *)&all->n, *b = (const uint64_t *)&before->n;
	uint64_t *to = (uint64_t *)&own->n;

	*own = *all;
	for (unsigned i = 0; i < sizeof(own->n) / sizeof(*to); i++)
		to[i] = a[i] - b[i];
	for (unsigned i = 0; i < LATENCIES; i++)
		la_histogram_since(&own->latency[i], &all->latency[i], &before->latency[i]);
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		if (la_counter_kind((enum la_counter)i) == LA_KIND_COUNT ||
		    la_counter_kind((enum la_counter)i) == LA_KIND_DROP)
			own->c.v[i] -= before->c.v[i];
	own->unexplained -= before->unexplained;
}

uint64_t
load_kind_total(const struct load_counts *n, enum load_kind kind)
{
	uint64_t sum = 0;

	for (unsigned m = 0; m < CLOSE_MODES; m++)
		sum += n->ended[m][kind];
	return sum;
}

uint64_t
load_closes(const struct load_counts *n)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < KINDS; k++)
		sum += load_kind_total(n, (enum load_kind)k);
	return sum;
}

uint64_t
load_orderly(const struct load_counts *n)
{
	uint64_t sum = 0;

	for (enum load_kind k = 0; load_is_orderly(k); k++)
		sum += load_kind_total(n, k);
	return sum;
}

uint64_t
load_failed(const struct load_counts *n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CAUSES; i++)
		sum += n->failed[i];
	return sum;
}

const char *
load_cause_name(unsigned cause)
{
	static const char *const names[] = {"wrong", "incomplete", "unplanned"};

	return cause < KINDS ? load_kind_name[cause] : names[cause - KINDS];
}

/* Returns whether the mode allows this end. FINs that cross are allowed in every mode that sends a FIN. */
static bool
is_planned(enum close_mode mode, enum load_kind kind)
{
	switch (mode) {
	case CLOSE_CLIENT:
	case CLOSE_HALF:
		return kind == KIND_CLIENT_FIRST || kind == KIND_SIMULTANEOUS;
	case CLOSE_SERVER:
		return kind == KIND_SERVER_FIRST || kind == KIND_SIMULTANEOUS;
	case CLOSE_BOTH:
		return load_is_orderly(kind);
	case CLOSE_ABORT:
	case CLOSE_MODES:
		break;
	}
	return kind == KIND_ABORTED;
}

enum load_cause
load_cause(enum close_mode mode, enum load_kind kind, bool complete, bool wrong)
{
	if (!load_is_orderly(kind) && !is_planned(mode, kind))
		return (enum load_cause)kind;
	if (wrong)
		return CAUSE_WRONG;
	if (!complete)
		return CAUSE_INCOMPLETE;
	return is_planned(mode, kind) ? CAUSES : CAUSE_UNPLANNED;
}

uint64_t
load_port_drops(const struct load_totals *t)
{
	return t->port.rx_missed + t->port.rx_errors + t->port.rx_nombuf + t->port.tx_errors + t->port.tx_full +
	       t->port.tx_no_buffer + t->port.tx_unfit;
}

static double
sum_of(const struct load_totals *t, enum sum which)
{
	switch (which) {
	case SUM_CLOSES:
		return (double)load_closes(&t->n);
	case SUM_ORDERLY:
		return (double)load_orderly(&t->n);
	case SUM_FAILED:
		return (double)load_failed(&t->n);
	case SUM_UNPLANNED:
		return (double)t->n.failed[CAUSE_UNPLANNED];
	case SUM_PORT_DROPS:
		return (double)load_port_drops(t);
	case SUM_UNEXPLAINED:
		return (double)t->unexplained;
	case SUM_RATE:
	case SUMS:
		break;
	}
	return load_carried(t);
}

double
load_carried(const struct load_totals *t)
{
	return t->seconds > 0 ? (double)t->carried / t->seconds : NAN;
}

double
load_offered(const struct load_totals *t)
{
	return t->open && t->seconds > 0 ? (double)t->offered / t->seconds : NAN;
}

/* Looks up "p99.9", "mean", ... of a latency. Returns as load_metric(). */
static int
metric_statistic(const struct la_histogram *h, const char *name, double *value)
{
	char *end;
	double percent;

	if (name[0] == 'p' && name[1] >= '0' && name[1] <= '9') {
		percent = strtod(name + 1, &end);
		if (*end != '\0' || strpbrk(name + 1, "eExX"))
			return -ENOENT;
		if (percent > 100)
			return -ERANGE;
		*value = (double)la_histogram_percentile(h, percent);
	} else if (strcmp(name, "min") == 0) {
		*value = (double)h->min;
	} else if (strcmp(name, "max") == 0) {
		*value = (double)h->max;
	} else if (strcmp(name, "mean") == 0) {
		*value = la_histogram_mean(h);
	} else {
		return -ENOENT;
	}
	return h->total != 0 ? 0 : -ENODATA;
}

int
load_metric(const struct load_totals *t, const char *name, double *value, enum load_unit *unit)
{
	*unit = UNIT_CONNECTIONS;
	for (unsigned i = 0; i < LEN(counts); i++) {
		if (strcmp(name, counts[i].name) != 0)
			continue;
		*value = (double)*(const uint64_t *)((const char *)&t->n + counts[i].at);
		return 0;
	}
	for (unsigned i = 0; i < KINDS; i++) {
		if (strcmp(name, load_kind_name[i]) != 0)
			continue;
		*value = (double)load_kind_total(&t->n, (enum load_kind)i);
		return 0;
	}
	for (unsigned i = REPLY_GOOD + 1; i < BAD_ANSWERS; i++) {
		if (strcmp(name, load_bad_name(i)) != 0)
			continue;
		*value = (double)t->n.bad[i];
		return 0;
	}
	for (enum sum i = 0; i < SUMS; i++) {
		if (strcmp(name, sums[i]) != 0)
			continue;
		*unit = i == SUM_RATE ? UNIT_RATE : i >= SUM_PORT_DROPS ? UNIT_NUMBER : UNIT_CONNECTIONS;
		*value = sum_of(t, i);
		return isnan(*value) ? -ENODATA : 0;
	}
	for (unsigned i = 0; i < LATENCIES; i++) {
		size_t n = strlen(load_latency_name[i]);

		if (strncmp(name, load_latency_name[i], n) != 0 || name[n] != '_')
			continue;
		*unit = UNIT_TIME;
		return metric_statistic(&t->latency[i], name + n + 1, value);
	}
	*unit = UNIT_NUMBER;
	for (unsigned i = 0; i < LA_NCOUNTERS; i++) {
		if (strcmp(name, la_counter_name((enum la_counter)i)) != 0)
			continue;
		*value = (double)t->c.v[i];
		return 0;
	}
	return -ENOENT;
}

const char *
load_metric_names(char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
#define NAME(...)                                                              \
	do {                                                                   \
		if (n < size)                                                  \
			n += (size_t)snprintf(buf + n, size - n, __VA_ARGS__); \
	} while (0)
	for (unsigned i = 0; i < LEN(counts); i++)
		NAME("%s, ", counts[i].name);
	for (unsigned i = 0; i < KINDS; i++)
		NAME("%s, ", load_kind_name[i]);
	for (unsigned i = REPLY_GOOD + 1; i < BAD_ANSWERS; i++)
		NAME("%s, ", load_bad_name(i));
	for (unsigned i = 0; i < SUMS; i++)
		NAME("%s, ", sums[i]);
	for (unsigned i = 0; i < LATENCIES; i++)
		NAME("%s_pNN, ", load_latency_name[i]);
	NAME("and _min, _mean, _max for _pNN");
#undef NAME
	return buf;
}

static void
metric_nearer(const char *name, const char *candidate, unsigned *least, char *best, size_t size)
{
	unsigned d = name_distance(name, candidate);

	if (d >= *least)
		return;
	*least = d;
	snprintf(best, size, "%s", candidate);
}

const char *
load_metric_nearest(const char *name, char *buf, size_t size)
{
	const char *tail = strrchr(name, '_');
	unsigned least = UINT_MAX;
	char text[80];

	buf[0] = '\0';
	for (unsigned i = 0; i < LEN(counts); i++)
		metric_nearer(name, counts[i].name, &least, buf, size);
	for (unsigned i = 0; i < KINDS; i++)
		metric_nearer(name, load_kind_name[i], &least, buf, size);
	for (unsigned i = 0; i < SUMS; i++)
		metric_nearer(name, sums[i], &least, buf, size);
	for (unsigned i = 0; i < LATENCIES; i++) {
		for (unsigned k = 0; k < LEN(statistics); k++) {
			snprintf(text, sizeof(text), "%s_%s", load_latency_name[i], statistics[k]);
			metric_nearer(name, text, &least, buf, size);
		}
		/* the candidate has the percentile of `name`, if there is one */
		if (tail && tail[1] == 'p' && tail[1 + 1 + strspn(tail + 2, "0123456789.")] == '\0' && tail[2] != '\0')
			snprintf(text, sizeof(text), "%s%.16s", load_latency_name[i], tail);
		else
			snprintf(text, sizeof(text), "%s_p99", load_latency_name[i]);
		metric_nearer(name, text, &least, buf, size);
	}
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		metric_nearer(name, la_counter_name((enum la_counter)i), &least, buf, size);
	return buf;
}

const char *
load_format_ns(double ns, char *buf, size_t size)
{
	if (ns < 1e3)
		snprintf(buf, size, "%.0fns", ns);
	else if (ns < 1e6)
		snprintf(buf, size, "%.*fus", ns < 1e5 ? 1 : 0, ns / 1e3);
	else if (ns < 1e9)
		snprintf(buf, size, "%.*fms", ns < 1e7 ? 2 : ns < 1e8 ? 1 : 0, ns / 1e6);
	else
		snprintf(buf, size, "%.2fs", ns / 1e9);
	return buf;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_totals.h"

const char *const load_kind_name[KINDS] = {
	[KIND_CLIENT_FIRST] = "client_first", [KIND_SERVER_FIRST] = "server_first",
	[KIND_SIMULTANEOUS] = "simultaneous", [KIND_ABORTED] = "aborts",
	[KIND_RESET] = "resets",	      [KIND_TIMEOUT] = "timeouts",
	[KIND_REFUSED] = "refused",	      [KIND_FIN_WAIT_2] = "fin_wait_2",
	[KIND_GAVE_UP] = "gave_up",	      [KIND_BAD_ANSWER] = "bad_answers",
};

const char *const load_latency_name[LATENCIES] = {
	[LAT_HANDSHAKE] = "handshake", [LAT_FIRST_BYTE] = "first_byte", [LAT_ANSWER] = "answer",
	[LAT_CLOSE] = "close",	       [LAT_LAG] = "lag",
};

/* Counts that stand in struct load_counts as they are. */
#define COUNT_AT(member) {#member, offsetof(struct load_counts, member)}
static const struct {
	const char *name;
	size_t at;
} counts[] = {
	COUNT_AT(connects),   COUNT_AT(established), COUNT_AT(requests), COUNT_AT(answers),
	COUNT_AT(complete),   COUNT_AT(incomplete),  COUNT_AT(wrong),	 COUNT_AT(unacked),
	COUNT_AT(no_tuple),   COUNT_AT(no_room),     COUNT_AT(skipped),	 COUNT_AT(late),
	COUNT_AT(unstarted),  COUNT_AT(reconnects),
};

static const char *const sums[] = {"closes", "orderly", "port_drops", "unexplained_drops", "closes_per_s"};

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
load_port_drops(const struct load_totals *t)
{
	return t->port.rx_missed + t->port.rx_errors + t->port.rx_nombuf + t->port.tx_errors +
	       t->port.tx_full + t->port.tx_no_buffer + t->port.tx_unfit;
}

static double
sum_of(const struct load_totals *t, unsigned which)
{
	uint64_t orderly = 0;

	switch (which) {
	case 0:
		return (double)load_closes(&t->n);
	case 1:
		for (unsigned k = 0; k < KINDS_ORDERLY; k++)
			orderly += load_kind_total(&t->n, (enum load_kind)k);
		return (double)orderly;
	case 2:
		return (double)load_port_drops(t);
	case 3:
		return (double)t->unexplained;
	default:
		return t->seconds > 0 ? (double)load_closes(&t->n) / t->seconds : 0;
	}
}

/* "p99.9" of a latency, "mean", ... */
static int
statistic(const struct la_histogram *h, const char *name, double *value)
{
	char *end;
	double percent;

	if (strcmp(name, "min") == 0)
		*value = (double)h->min;
	else if (strcmp(name, "max") == 0)
		*value = (double)h->max;
	else if (strcmp(name, "mean") == 0)
		*value = la_histogram_mean(h);
	else if (name[0] == 'p' && name[1] >= '0' && name[1] <= '9') {
		percent = strtod(name + 1, &end);
		if (*end != '\0' || percent > 100)
			return -ENOENT;
		*value = (double)la_histogram_percentile(h, percent);
	} else {
		return -ENOENT;
	}
	return 0;
}

int
load_metric(const struct load_totals *t, const char *name, double *value, bool *is_time)
{
	*is_time = false;
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
	for (unsigned i = 0; i < LEN(sums); i++) {
		if (strcmp(name, sums[i]) != 0)
			continue;
		*value = sum_of(t, i);
		return 0;
	}
	for (unsigned i = 0; i < LATENCIES; i++) {
		size_t n = strlen(load_latency_name[i]);

		if (strncmp(name, load_latency_name[i], n) != 0 || name[n] != '_')
			continue;
		*is_time = true;
		return statistic(&t->latency[i], name + n + 1, value);
	}
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
	for (unsigned i = 0; i < LEN(sums); i++)
		NAME("%s, ", sums[i]);
	for (unsigned i = 0; i < LATENCIES; i++)
		NAME("%s_pNN, ", load_latency_name[i]);
	NAME("and _min, _mean, _max for _pNN");
#undef NAME
	return buf;
}

/* ---- conditions ---- */

static const struct {
	const char *text;
	enum expect_op op;
} ops[] = {{"==", EXPECT_EQ}, {"!=", EXPECT_NE}, {"<=", EXPECT_LE},
	   {">=", EXPECT_GE}, {"<", EXPECT_LT},	 {">", EXPECT_GT}};

/* A number with the unit that its figure has. */
static int
value_of(const char *text, bool is_time, double *value)
{
	static const struct {
		const char *text;
		bool time;
		double factor;
	} units[] = {{"ns", true, 1},  {"us", true, 1e3},  {"ms", true, 1e6},  {"s", true, 1e9},
		     {"", false, 1},   {"k", false, 1e3},  {"M", false, 1e6},  {"G", false, 1e9}};
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0 && v < 1e18) || strpbrk(text, "xXpP"))
		return -1;
	end += strspn(end, " ");
	for (unsigned i = 0; i < LEN(units); i++) {
		if (strcmp(end, units[i].text) != 0 || units[i].time != is_time)
			continue;
		*value = v * units[i].factor;
		return 0;
	}
	return -1;
}

int
expect_parse(const char *text, struct expect *e, char *why, size_t size)
{
	static const struct load_totals nothing;
	size_t n = strcspn(text, "=!<>"), name = n;
	double unused;
	unsigned op;
	char names[1400];

	memset(e, 0, sizeof(*e));
	e->text = text;
	while (name > 0 && text[name - 1] == ' ')
		name--;
	for (op = 0; op < LEN(ops); op++)
		if (strncmp(text + n, ops[op].text, strlen(ops[op].text)) == 0)
			break;
	if (name == 0 || op == LEN(ops)) {
		snprintf(why, size,
			 "NAME, one of == != <= >= < >, and a value: 'resets==0', 'close_p99<5ms'");
		return -1;
	}
	e->op = ops[op].op;
	snprintf(e->name, sizeof(e->name), "%.*s", (int)name, text);
	if (name >= sizeof(e->name) || load_metric(&nothing, e->name, &unused, &e->is_time) != 0) {
		snprintf(why, size, "a figure called %s; or a counter that --json lists",
			 load_metric_names(names, sizeof(names)));
		return -1;
	}
	if (value_of(text + n + strlen(ops[op].text), e->is_time, &e->value) == 0)
		return 0;
	snprintf(why, size, e->is_time ? "a time with its unit (ns, us, ms, s) for %s"
				       : "a number, also in k, M or G, for %s", e->name);
	return -1;
}

bool
expect_judge(struct expect *e, const struct load_totals *t)
{
	if (load_metric(t, e->name, &e->got, &e->is_time) != 0)
		return e->ok = false;
	switch (e->op) {
	case EXPECT_EQ:
		return e->ok = e->got == e->value;
	case EXPECT_NE:
		return e->ok = e->got != e->value;
	case EXPECT_LE:
		return e->ok = e->got <= e->value;
	case EXPECT_GE:
		return e->ok = e->got >= e->value;
	case EXPECT_LT:
		return e->ok = e->got < e->value;
	case EXPECT_GT:
		return e->ok = e->got > e->value;
	}
	return false;
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

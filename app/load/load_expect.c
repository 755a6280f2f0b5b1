/* SPDX-License-Identifier: BSD-3-Clause */

/* Conditions of --expect. A condition that can never hold is refused when it is read. A condition whose figure has no
 * samples at the end fails. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/load_totals.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	enum expect_op op;
} ops[] = {{"==", EXPECT_EQ}, {"!=", EXPECT_NE}, {"<=", EXPECT_LE},
	   {">=", EXPECT_GE}, {"<", EXPECT_LT},	 {">", EXPECT_GT}};

/* Reads a number whose unit fits the figure. Returns 0, or -1 for any other text. */
static int
value_of(const char *text, struct expect *e)
{
	static const struct {
		const char *text;
		bool time;
		double factor;
	} units[] = {{"ns", true, 1}, {"us", true, 1e3}, {"ms", true, 1e6}, {"s", true, 1e9},
		     {"", false, 1},  {"k", false, 1e3}, {"M", false, 1e6}, {"G", false, 1e9}};
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0 && v < 1e18) || strpbrk(text, "xXpP"))
		return -1;
	end += strspn(end, " ");
	if (strcmp(end, "%") == 0 && e->unit == UNIT_CONNECTIONS) {
		e->share = true;
		e->value = v / 100;
		return 0;
	}
	for (unsigned i = 0; i < LEN(units); i++) {
		if (strcmp(end, units[i].text) != 0 || units[i].time != (e->unit == UNIT_TIME))
			continue;
		e->value = v * units[i].factor;
		return 0;
	}
	return -1;
}

static const char *
allowed_value(const struct expect *e)
{
	switch (e->unit) {
	case UNIT_TIME:
		return "a time with its unit (ns, us, ms, s)";
	case UNIT_CONNECTIONS:
		return "a number, also in k, M or G, or a share of all connects, 0.1%,";
	case UNIT_RATE:
	case UNIT_NUMBER:
		break;
	}
	return "a number, also in k, M or G,";
}

/* No figure is less than 0, no share is greater than 1, and counts are whole numbers. */
static bool
never_holds(const struct expect *e)
{
	bool whole = !e->share && (e->unit == UNIT_CONNECTIONS || e->unit == UNIT_NUMBER);

	if (e->op == EXPECT_LT)
		return e->value <= 0;
	if (e->op == EXPECT_EQ && whole && e->value != (double)(uint64_t)e->value)
		return true;
	if (!e->share)
		return false;
	return e->op == EXPECT_GT ? e->value >= 1 : (e->op == EXPECT_GE || e->op == EXPECT_EQ) && e->value > 1;
}

/* Finds the figure named e->name and sets e->unit. Returns 0, or -1 with the allowed names in why. */
static int
name_of(struct expect *e, char *why, size_t size)
{
	static const struct load_totals nothing;
	char names[1024], near[64];
	double unused;
	int rc = load_metric(&nothing, e->name, &unused, &e->unit);

	if (rc == 0 || rc == -ENODATA)
		return 0;
	if (rc == -ERANGE)
		snprintf(why, size, "a percentile from 0 to 100 in %s", e->name);
	else
		snprintf(why, size, "the nearest figure is %s; all: %s; or a counter that --json lists",
			 load_metric_nearest(e->name, near, sizeof(near)), load_metric_names(names, sizeof(names)));
	return -1;
}

int
expect_parse(const char *text, struct expect *e, char *why, size_t size)
{
	size_t n = strcspn(text, "=!<>"), name = n;
	unsigned op;

	memset(e, 0, sizeof(*e));
	e->text = text;
	while (name > 0 && text[name - 1] == ' ')
		name--;
	for (op = 0; op < LEN(ops); op++)
		if (strncmp(text + n, ops[op].text, strlen(ops[op].text)) == 0)
			break;
	if (name == 0 || op == LEN(ops)) {
		snprintf(why, size,
			 "NAME, one of == != <= >= < >, and a value: 'resets==0', 'close_p99<5ms', 'failed<0.01%%'");
		return -1;
	}
	e->op = ops[op].op;
	snprintf(e->name, sizeof(e->name), "%.*s", (int)name, text);
	if (name_of(e, why, size) != 0)
		return -1;
	if (value_of(text + n + strlen(ops[op].text), e) != 0) {
		snprintf(why, size, "%s for %s", allowed_value(e), e->name);
		return -1;
	}
	if (never_holds(e)) {
		snprintf(why, size, "a condition that can hold: %s is never %s", e->name, text + n);
		return -1;
	}
	return 0;
}

const char *
expect_value(const struct expect *e, char *buf, size_t size)
{
	if (e->no_samples)
		snprintf(buf, size, "without samples");
	else if (e->unit == UNIT_TIME)
		load_format_ns(e->got, buf, size);
	else if (e->share)
		snprintf(buf, size, "%.4g %%", 100 * e->got);
	else
		snprintf(buf, size, "%.*f", e->got == (double)(uint64_t)e->got ? 0 : 1, e->got);
	return buf;
}

bool
expect_judge(struct expect *e, const struct load_totals *t)
{
	int rc = load_metric(t, e->name, &e->got, &e->unit);

	if (rc == 0 && e->share) {
		rc = t->n.connects == 0 ? -ENODATA : 0;
		e->got = rc ? 0 : e->got / (double)t->n.connects;
	}
	e->no_samples = rc != 0;
	if (rc != 0)
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

bool
expect_bounds(const struct expect *e, unsigned cause)
{
	bool least = e->op == EXPECT_GE || e->op == EXPECT_GT || e->op == EXPECT_EQ;
	bool most = e->op == EXPECT_LE || e->op == EXPECT_LT || e->op == EXPECT_EQ;

	if (strcmp(e->name, "complete") == 0)
		return least && cause != CAUSE_WRONG && cause != CAUSE_UNPLANNED;
	if (strcmp(e->name, "incomplete") == 0)
		return most && cause != CAUSE_WRONG && cause != CAUSE_UNPLANNED;
	return most && (strcmp(e->name, "failed") == 0 || strcmp(e->name, load_cause_name(cause)) == 0);
}

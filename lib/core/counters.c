/* SPDX-License-Identifier: BSD-3-Clause */

#include <stddef.h>

#include <lastack/counters.h>

static const struct {
	const char *name;
	const char *text;
	enum la_counter_kind kind;
} counters[] = {
#define LA_COUNTER(n, k, t) [LA_C_##n] = {.name = #n, .text = t, .kind = LA_KIND_##k},
#include <lastack/counters.def>
#undef LA_COUNTER
};
_Static_assert(sizeof(counters) / sizeof(counters[0]) == LA_NCOUNTERS, "every counter has a row");

const char *
la_counter_name(enum la_counter c)
{
	return c < LA_NCOUNTERS ? counters[c].name : NULL;
}

enum la_counter_kind
la_counter_kind(enum la_counter c)
{
	return c < LA_NCOUNTERS ? counters[c].kind : LA_KIND_COUNT;
}

const char *
la_counter_text(enum la_counter c)
{
	return c < LA_NCOUNTERS ? counters[c].text : NULL;
}

void
la_counters_add(struct la_counters *sum, const struct la_counters *part)
{
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		sum->v[i] += part->v[i];
	for (unsigned i = 0; i < LA_NSTATES; i++) {
		sum->state[i] += part->state[i];
		sum->entered[i] += part->entered[i];
		for (unsigned j = 0; j < LA_NSTATES; j++)
			sum->transition[i][j] += part->transition[i][j];
	}
}

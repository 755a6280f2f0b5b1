/* SPDX-License-Identifier: BSD-3-Clause */
#include <jansson.h>

#include "load_report.h"

static const struct {
	double percent;
	const char *key;
} percents[] = {{50, "p50"},	   {75, "p75"},	      {90, "p90"},	   {99, "p99"},
		{99.9, "p99.9"},   {99.99, "p99.99"}, {99.999, "p99.999"}};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void
put(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *
latency(const struct la_histogram *h)
{
	json_t *o = json_object();

	put(o, "count", h->total);
	put(o, "min", h->min);
	json_object_set_new(o, "mean", json_real(la_histogram_mean(h)));
	for (unsigned i = 0; i < LEN(percents); i++)
		put(o, percents[i].key, la_histogram_percentile(h, percents[i].percent));
	put(o, "max", h->max);
	return o;
}

static json_t *
modes(const struct load_counts *n)
{
	json_t *o = json_object();

	for (unsigned m = 0; m < CLOSE_MODES; m++) {
		json_t *mode;

		if (n->planned[m] == 0)
			continue;
		mode = json_object();
		put(mode, "planned", n->planned[m]);
		for (unsigned k = 0; k < KINDS; k++)
			put(mode, load_kind_name[k], n->ended[m][k]);
		json_object_set_new(o, close_mode_name[m], mode);
	}
	return o;
}

static json_t *
faults(const struct la_faulty_counts *n)
{
	json_t *o = json_object();

	put(o, "dropped", n->dropped);
	put(o, "held", n->held);
	put(o, "duplicated", n->duplicated);
	put(o, "corrupted", n->corrupted);
	put(o, "reordered", n->reordered);
	put(o, "no_room", n->no_room);
	put(o, "frames_lost", n->lost);
	put(o, "frames_added", n->added);
	return o;
}

static json_t *
expects(const struct load_report *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->nexpects; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "expect", json_string(r->expects[i].text));
		json_object_set_new(o, "value", json_real(r->expects[i].got));
		json_object_set_new(o, "ok", json_boolean(r->expects[i].ok));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *
answers_bad(const struct load_counts *n)
{
	json_t *o = json_object();

	for (unsigned i = REPLY_GOOD + 1; i < BAD_ANSWERS; i++)
		put(o, load_bad_name(i), n->bad[i]);
	return o;
}

struct json_t *
load_json(const struct load_report *r)
{
	static const char *const counts[] = {"connects",   "established", "requests",	"answers",
					     "complete",   "incomplete",  "wrong",	"unacked",
					     "no_tuple",   "no_room",	  "skipped",	"late",
					     "unstarted",  "closes",	  "orderly",	"port_drops",
					     "reconnects"};
	json_t *load = json_object(), *kinds = json_object(), *lat = json_object();
	json_t *all = json_object();
	const struct load_totals *t = r->now;
	double value;
	bool is_time;

	json_object_set_new(load, "loop", json_string(r->cfg->pace.nsteps > 0 ? "open" : "closed"));
	for (unsigned i = 0; i < LEN(counts); i++)
		if (load_metric(t, counts[i], &value, &is_time) == 0)
			put(load, counts[i], (uint64_t)value);
	put(load, "warmup", t->n.warmup);
	for (unsigned k = 0; k < KINDS; k++)
		put(kinds, load_kind_name[k], load_kind_total(&t->n, (enum load_kind)k));
	for (unsigned i = 0; i < LATENCIES; i++)
		json_object_set_new(lat, load_latency_name[i], latency(&t->latency[i]));
	json_object_set_new(load, "ended", kinds);
	json_object_set_new(load, "modes", modes(&t->n));
	json_object_set_new(load, "answers_bad", answers_bad(&t->n));
	json_object_set_new(load, "latency_ns", lat);
	json_object_set_new(load, "faults", faults(&t->faults));
	json_object_set_new(load, "slowest_closes_per_s", json_real(r->slowest));
	json_object_set_new(load, "expects", expects(r));
	json_object_set_new(all, "load", load);
	return all;
}

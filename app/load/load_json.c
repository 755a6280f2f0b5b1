/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "load/load_report.h"

static const struct {
	double percent;
	const char *key;
} percents[] = {{50, "p50"},	 {75, "p75"},	    {90, "p90"},	{99, "p99"},
		{99.9, "p99.9"}, {99.99, "p99.99"}, {99.999, "p99.999"}};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void
json_put(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

/* Returns a number, or null for NaN: no samples. */
static json_t *
json_number_or_null(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

static void
put_sample(json_t *o, const char *key, const struct la_histogram *h, uint64_t v)
{
	json_object_set_new(o, key, h->total != 0 ? json_integer((json_int_t)v) : json_null());
}

static json_t *
json_latency(const struct la_histogram *h)
{
	json_t *o = json_object();

	json_put(o, "count", h->total);
	put_sample(o, "min", h, h->min);
	json_object_set_new(o, "mean", json_number_or_null(h->total != 0 ? la_histogram_mean(h) : NAN));
	for (unsigned i = 0; i < LEN(percents); i++)
		put_sample(o, percents[i].key, h, la_histogram_percentile(h, percents[i].percent));
	put_sample(o, "max", h, h->max);
	return o;
}

static json_t *
json_modes(const struct load_counts *n)
{
	json_t *o = json_object();

	for (unsigned m = 0; m < CLOSE_MODES; m++) {
		json_t *mode;

		if (n->planned[m] == 0)
			continue;
		mode = json_object();
		json_put(mode, "planned", n->planned[m]);
		for (unsigned k = 0; k < KINDS; k++)
			json_put(mode, load_kind_name[k], n->ended[m][k]);
		json_object_set_new(o, close_mode_name[m], mode);
	}
	return o;
}

static json_t *
json_faults(const struct la_faulty_counts *n)
{
	json_t *o = json_object();

	json_put(o, "dropped", n->dropped);
	json_put(o, "held", n->held);
	json_put(o, "duplicated", n->duplicated);
	json_put(o, "corrupted", n->corrupted);
	json_put(o, "reordered", n->reordered);
	json_put(o, "no_room", n->no_room);
	json_put(o, "frames_lost", n->lost);
	json_put(o, "frames_added", n->added);
	return o;
}

static json_t *
json_expects(const struct load_report *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->nexpects; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "expect", json_string(r->expects[i].text));
		json_object_set_new(o, "value",
				    json_number_or_null(r->expects[i].no_samples ? NAN : r->expects[i].got));
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
		json_put(o, load_bad_name(i), n->bad[i]);
	return o;
}

/* A ramp: one object per step. */
static json_t *
json_steps(const struct load_report *r)
{
	static const enum load_latency of[] = {LAT_HANDSHAKE, LAT_FIRST_BYTE, LAT_CLOSE, LAT_LAG};
	struct la_histogram *h = calloc(1, sizeof(*h));
	json_t *a = json_array();

	for (unsigned i = 0; h && i < r->cfg->pace.nsteps; i++) {
		json_t *o = json_object(), *lat = json_object();
		struct load_step_counts n;

		load_step_read(r, i, &n);
		json_put(o, "rate", r->cfg->pace.step[i].rate);
		json_object_set_new(o, "seconds", json_real(n.seconds));
		json_put(o, "offered", n.offered);
		json_put(o, "begun", n.begun);
		json_put(o, "complete", n.complete);
		json_put(o, "failed", n.failed);
		for (unsigned k = 0; k < LEN(of); k++) {
			load_step_latency(r, i, of[k], h);
			json_object_set_new(lat, load_latency_name[of[k]], json_latency(h));
		}
		json_object_set_new(o, "latency_ns", lat);
		json_array_append_new(a, o);
	}
	free(h);
	return a;
}

static json_t *
json_targets(const struct load_report *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->cfg->ntargets; i++) {
		char name[LA_ADDR_STRLEN + 8];
		struct load_target_counts n;
		json_t *o = json_object();

		load_target_read(r, i, &n);
		json_object_set_new(o, "to", json_string(load_target_name(&r->cfg->target[i], name, sizeof(name))));
		if (r->nports > 1)
			json_put(o, "port", r->cfg->target[i].via);
		json_put(o, "connects", n.connects);
		json_put(o, "established", n.established);
		json_put(o, "orderly", n.orderly);
		json_put(o, "failed", n.failed);
		json_array_append_new(a, o);
	}
	return a;
}

/* One object per worker. */
static json_t *
json_workers(const struct load_report *r)
{
	json_t *a = json_array();
	struct la_histogram *h = calloc(1, sizeof(*h));

	for (unsigned i = 0; h && i < r->nstations; i++) {
		struct load_use u;

		load_look_use(&r->worker[i].first, &r->worker[i].last, h, &u);
		la_histogram_read(h, &r->stations[i].latency[LAT_LAG]);
		json_array_append_new(a, json_pack("{s:o, s:o, s:o}", "busy_share", json_number_or_null(u.busy),
						   "cycles_per_connection", json_number_or_null(u.cycles), "lag_ns",
						   json_latency(h)));
	}
	free(h);
	return a;
}

static json_t *
json_failures(const struct load_counts *n)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < CAUSES; i++)
		json_put(o, load_cause_name(i), n->failed[i]);
	return o;
}

static json_t *
json_verdict(const struct load_report *r)
{
	const struct load_verdict *v = &r->verdict;
	bool ramp = load_is_ramp(r) || r->trials;
	json_t *o = json_object();

	json_object_set_new(o, "offered_per_s", json_number_or_null(ramp ? NAN : v->offered));
	json_object_set_new(o, "carried_per_s", json_number_or_null(ramp ? NAN : v->carried));
	json_object_set_new(o, "limit", json_string(load_limit_name[v->limit]));
	json_object_set_new(o, "reason", json_string(v->reason));
	json_object_set_new(o, "generator", v->generator[0] ? json_string(v->generator) : json_null());
	json_object_set_new(o, "busy_share", json_number_or_null(r->now->busy));
	return o;
}

struct json_t *
load_json(const struct load_report *r)
{
	static const char *const counts[] = {"connects",   "established", "requests",  "answers",  "complete",
					     "incomplete", "wrong",	  "unacked",   "no_tuple", "no_room",
					     "skipped",	   "late",	  "unstarted", "closes",   "orderly",
					     "port_drops", "reconnects",  "failed",    "unplanned"};
	json_t *load = json_object(), *kinds = json_object(), *lat = json_object();
	json_t *all = json_object();
	const struct load_totals *t = r->now;
	double value;
	enum load_unit unit;

	json_object_set_new(load, "loop", json_string(r->cfg->pace.nsteps > 0 ? "open" : "closed"));
	for (unsigned i = 0; i < LEN(counts); i++)
		if (load_metric(t, counts[i], &value, &unit) == 0)
			json_put(load, counts[i], (uint64_t)value);
	json_put(load, "warmup", t->n.warmup);
	for (unsigned k = 0; k < KINDS; k++)
		json_put(kinds, load_kind_name[k], load_kind_total(&t->n, (enum load_kind)k));
	for (unsigned i = 0; i < LATENCIES; i++)
		json_object_set_new(lat, load_latency_name[i], json_latency(&t->latency[i]));
	json_object_set_new(load, "ended", kinds);
	json_object_set_new(load, "modes", json_modes(&t->n));
	json_object_set_new(load, "answers_bad", answers_bad(&t->n));
	json_object_set_new(load, "latency_ns", lat);
	json_object_set_new(load, "faults", json_faults(&t->faults));
	json_object_set_new(load, "slowest_closes_per_s", json_number_or_null(r->intervals > 0 ? r->slowest : NAN));
	json_object_set_new(load, "closes_per_s", json_number_or_null(load_carried(t)));
	json_object_set_new(load, "failed_by", json_failures(&t->n));
	json_object_set_new(load, "survivors_only", json_boolean(load_failed(&t->n) != 0));
	json_object_set_new(load, "verdict", json_verdict(r));
	json_object_set_new(load, "targets", json_targets(r));
	json_object_set_new(load, "workers", json_workers(r));
	if (load_is_ramp(r))
		json_object_set_new(load, "steps", json_steps(r));
	json_object_set_new(load, "expects", json_expects(r));
	if (r->trials)
		json_object_set_new(load, "find", trials_json(r->trials));
	json_object_set_new(all, "load", load);
	return all;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The summary as JSON; its keys are listed in summary.h. */

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "run/summary_parts.h"

static const struct {
	const char *key;
	enum la_counter counter;
} time_wait_keys[] = {
	{"now", LA_C_time_wait},
	{"peak", LA_C_time_wait_peak},
	{"entered", LA_C_time_wait_entered},
	{"expired", LA_C_time_wait_expired},
	{"reopened", LA_C_time_wait_reopened},
	{"given_back", LA_C_time_wait_given_back},
	{"fin_acked", LA_C_time_wait_fin_acked},
};

static void
json_put(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *
json_port(const struct la_summary_end *end)
{
	const struct la_port_stats *p = &end->stats.port;
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(end->name));
	json_object_set_new(o, "port", json_string(end->port));
	json_put(o, "frames_in", end->stats.frames_in);
	json_put(o, "frames_out", end->stats.frames_out);
	json_put(o, "rx_missed", p->rx_missed);
	json_put(o, "rx_errors", p->rx_errors);
	json_put(o, "rx_nombuf", p->rx_nombuf);
	json_put(o, "tx_errors", p->tx_errors);
	json_put(o, "tx_full", p->tx_full);
	json_put(o, "tx_no_peer", p->tx_no_peer);
	json_put(o, "tx_no_buffer", p->tx_no_buffer);
	json_put(o, "tx_unfit", p->tx_unfit);
	json_put(o, "tx_waiting", end->stats.c.v[LA_C_tx_waiting]);
	json_put(o, "mbufs_before", end->stats.mbufs_before);
	json_put(o, "mbufs_out", end->stats.mbufs_out);
	json_put(o, "buffers_max", end->stats.buffers_max);
	json_object_set_new(o, "link",
			    json_string(!end->link.now.known ? "unknown"
					: end->link.now.up   ? "up"
							     : "down"));
	json_put(o, "link_mbps", end->link.now.mbps);
	json_put(o, "link_changes", end->link.changes);
	json_put(o, "link_losses", end->link.losses);
	return o;
}

/* a / b; null if b is 0. */
static json_t *
json_ratio(uint64_t a, uint64_t b)
{
	return b != 0 ? json_real((double)a / (double)b) : json_null();
}

static json_t *
json_cpu(const struct la_cpu_use *u)
{
	json_t *o = json_object();

	json_object_set_new(o, "busy", json_ratio(u->busy, u->total));
	json_put(o, "busy_cycles", u->busy);
	json_put(o, "total_cycles", u->total);
	json_object_set_new(o, "cycles_per_packet", json_ratio(u->busy, u->packets));
	json_object_set_new(o, "cycles_per_connection", json_ratio(u->busy, u->connections));
	return o;
}

static json_t *
json_first_fin(const struct la_counters *c)
{
	struct la_first_fin n = la_first_fin(c);
	json_t *o = json_object();

	json_put(o, "ours", n.ours);
	json_put(o, "peer", n.peer);
	json_put(o, "crossing", n.crossing);
	return o;
}

/* Adds the common keys of the whole run, of an end and of a shard. once: the counters of opens, closes and first FINs;
 * sum: all other counters. */
static void
json_counts(json_t *o, const struct la_counters *sum, const struct la_counters *once, double seconds,
	    uint64_t unexplained)
{
	json_t *closes = json_object(), *states = json_object(), *tw = json_object();
	json_t *drops = json_object(), *counters = json_object();

	json_put(o, "opens", la_summary_opens(once));
	json_object_set_new(o, "opens_per_s", json_real(la_per_second(la_summary_opens(once), seconds)));
	json_object_set_new(o, "closes_per_s", json_real(la_per_second(once->v[LA_C_ended_orderly], seconds)));
	json_put(closes, "total", la_summary_closes(once));
	for (unsigned i = 0; i < LA_NENDS; i++)
		json_put(closes, la_end_name((enum la_end)i), once->v[la_end_counter[i]]);
	for (unsigned i = 0; i < LA_NSTATES; i++)
		json_put(states, la_state_name((enum la_state)i), sum->state[i]);
	for (unsigned i = 0; i < COUNT(time_wait_keys); i++)
		json_put(tw, time_wait_keys[i].key, sum->v[time_wait_keys[i].counter]);
	for (unsigned i = 0; i < LA_NCOUNTERS; i++) {
		enum la_counter k = (enum la_counter)i;

		if (la_counter_kind(k) == LA_KIND_DROP && sum->v[i] != 0)
			json_put(drops, la_counter_name(k), sum->v[i]);
		json_put(counters, la_counter_name(k), sum->v[i]);
	}
	json_object_set_new(o, "closes", closes);
	json_object_set_new(o, "first_fin", json_first_fin(once));
	json_object_set_new(o, "states", states);
	json_object_set_new(o, "time_wait", tw);
	json_put(o, "early_recycles", sum->v[LA_C_early_recycles]);
	json_put(o, "unexplained_drops", unexplained);
	json_object_set_new(o, "drops", drops);
	json_object_set_new(o, "counters", counters);
}

static json_t *
json_shards(const struct la_summary *s)
{
	json_t *shards = json_array();
	unsigned next[LA_ENGINE_MAX_STATIONS] = {0};

	for (unsigned i = 0; i < s->nshards; i++) {
		const struct la_station_stats *st = &s->shard[i].stats;
		unsigned end = s->shard[i].end;
		struct la_cpu_use cpu;
		json_t *o = json_object();

		json_object_set_new(o, "name", json_string(s->end[end].name));
		if (s->nends > 1)
			json_put(o, "port", end);
		json_put(o, "shard", next[end]++);
		json_put(o, "frames_in", st->frames_in);
		json_put(o, "frames_out", st->frames_out);
		json_put(o, "frames_away", st->frames_away);
		json_put(o, "worker", s->shard[i].worker);
		cpu = la_cpu_of_shard(s, i);
		json_object_set_new(o, "cpu", json_cpu(&cpu));
		json_counts(o, &st->c, &st->c, s->seconds, la_summary_unexplained(st));
		json_array_append_new(shards, o);
	}
	return shards;
}

static json_t *
json_summary(const struct la_summary *s)
{
	json_t *o = json_object(), *ports = json_array();
	struct la_counters sum, once;
	struct la_cpu_use cpu = la_cpu_of_all(s);
	uint64_t unexplained;

	la_summary_add_up(s, &sum, &once, &unexplained);
	json_object_set_new(o, "program", json_string(s->program));
	json_object_set_new(o, "version", json_string(s->version));
	json_object_set_new(o, "seconds", json_real(s->seconds));
	json_put(o, "msl_ms", s->msl_ms);
	json_object_set_new(o, "cpu", json_cpu(&cpu));
	json_counts(o, &sum, &once, s->seconds, unexplained);
	for (unsigned i = 0; i < s->nextras; i++)
		json_put(o, s->extra[i].key, s->extra[i].value);
	for (unsigned i = 0; i < s->nends; i++)
		json_array_append_new(ports, json_port(&s->end[i]));
	json_object_set_new(o, "ports", ports);
	if (s->more)
		json_object_update(o, s->more);
	if (s->nends > 1) {
		json_t *ends = json_array();

		for (unsigned i = 0; i < s->nends; i++) {
			const struct la_station_stats *st = &s->end[i].stats;
			json_t *end = json_object();

			json_object_set_new(end, "name", json_string(s->end[i].name));
			json_counts(end, &st->c, &st->c, s->seconds, la_summary_unexplained(st));
			json_array_append_new(ends, end);
		}
		json_object_set_new(o, "ends", ends);
	}
	if (s->nshards > s->nends)
		json_object_set_new(o, "shards", json_shards(s));
	return o;
}

int
la_summary_json(const struct la_summary *s, const char *path)
{
	json_t *o = json_summary(s);
	FILE *f;
	int rc = 0;

	if (o == NULL)
		return -ENOMEM;
	f = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	if (f == NULL) {
		json_decref(o);
		return -errno;
	}
	if (json_dumpf(o, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0 || fputc('\n', f) == EOF)
		rc = -EIO;
	if (f == stdout ? fflush(f) != 0 : fclose(f) != 0)
		rc = -errno;
	json_decref(o);
	return rc;
}

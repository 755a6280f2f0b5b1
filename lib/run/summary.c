/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_common.h>

#include "run/summary_parts.h"
#include "run/units.h"

const enum la_counter la_end_counter[LA_NENDS] = {
	[LA_END_ORDERLY] = LA_C_ended_orderly, [LA_END_RESET] = LA_C_ended_reset,
	[LA_END_ABORTED] = LA_C_ended_aborted, [LA_END_TIMEOUT] = LA_C_ended_timeout,
	[LA_END_REFUSED] = LA_C_ended_refused, [LA_END_FIN_WAIT_2] = LA_C_ended_fin_wait_2,
};

static void
add_stats(struct la_station_stats *to, const struct la_station_stats *s)
{
	la_counters_add(&to->c, &s->c);
	/* the first shard of a port has the port's statistics, the other shards have zeros */
	la_port_stats_add(&to->port, &s->port);
	to->frames_in += s->frames_in;
	to->frames_out += s->frames_out;
	to->frames_refused += s->frames_refused;
	to->frames_waiting += s->frames_waiting;
	to->frames_away += s->frames_away;
	to->faults_lost += s->faults_lost;
	to->faults_added += s->faults_added;
	to->mbufs_before += s->mbufs_before;
	to->mbufs_out += s->mbufs_out;
	to->buffers_max += s->buffers_max;
}

/* Returns the index of the end of station i. Creates the end for its first station. */
static unsigned
end_of(struct la_summary *s, const struct la_engine *e, const struct la_engine_config *cfg, unsigned i)
{
	const struct la_station *st = &cfg->stations[i];

	for (unsigned k = 0; k < i; k++)
		if (cfg->stations[k].port == st->port && strcmp(cfg->stations[k].name, st->name) == 0)
			return s->shard[k].end;
	s->end[s->nends] = (struct la_summary_end){.name = st->name,
						   .port = la_engine_port_text(e, i),
						   .veth = la_engine_veth(e, i),
						   .link = *la_engine_link(e, i)};
	return s->nends++;
}

/* Returns whether an earlier shard of the end runs on the worker of shard i. */
static bool
has_worker(const struct la_summary *s, unsigned end, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (s->shard[k].end == end && s->shard[k].worker == s->shard[i].worker)
			return true;
	return false;
}

void
la_summary_take(struct la_summary *s, const struct la_engine *e, const struct la_engine_config *cfg)
{
	s->seconds = la_engine_seconds(e);
	s->nends = 0;
	s->nshards = cfg->nstations;
	for (unsigned i = 0; i < cfg->nstations; i++) {
		unsigned end = end_of(s, e, cfg, i);

		s->shard[i].end = end;
		s->shard[i].worker = la_engine_worker_of(e, i);
		la_engine_stats(e, i, &s->shard[i].stats);
		add_stats(&s->end[end].stats, &s->shard[i].stats);
		if (!has_worker(s, end, i)) {
			s->end[end].stats.busy_cycles += s->shard[i].stats.busy_cycles;
			s->end[end].stats.total_cycles += s->shard[i].stats.total_cycles;
		}
		s->end[end].shards++;
	}
}

const char *
la_summary_cksum_note(const struct la_summary *s, char *buf, size_t size)
{
	for (unsigned i = 0; i < s->nends; i++) {
		const struct la_summary_end *end = &s->end[i];

		if (end->veth == NULL || end->stats.c.v[LA_C_drop_tcp_cksum] == 0)
			continue;
		snprintf(buf, size,
			 "note: %s is a veth: the kernel at its other end leaves TCP checksums undone "
			 "(drop_tcp_cksum); on that end: ethtool -K PEER tx off",
			 end->veth);
		return buf;
	}
	return NULL;
}

void
la_summary_extra(struct la_summary *s, const char *key, const char *text, uint64_t value)
{
	if (s->nextras == LA_SUMMARY_EXTRAS)
		return;
	s->extra[s->nextras].key = key;
	s->extra[s->nextras].text = text;
	s->extra[s->nextras++].value = value;
}

uint64_t
la_summary_opens(const struct la_counters *c)
{
	return c->v[LA_C_opens_passive] + c->v[LA_C_opens_active];
}

uint64_t
la_summary_closes(const struct la_counters *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < LA_NENDS; i++)
		n += c->v[la_end_counter[i]];
	return n;
}

uint64_t
la_summary_drops(const struct la_counters *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		if (la_counter_kind((enum la_counter)i) == LA_KIND_DROP)
			n += c->v[i];
	return n;
}

struct la_first_fin
la_first_fin(const struct la_counters *c)
{
	uint64_t crossing = c->transition[LA_FIN_WAIT_1][LA_CLOSING];

	return (struct la_first_fin){
		.ours = c->transition[LA_ESTABLISHED][LA_FIN_WAIT_1] - crossing,
		.peer = c->transition[LA_ESTABLISHED][LA_CLOSE_WAIT],
		.crossing = crossing,
	};
}

static uint64_t
summary_difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

uint64_t
la_summary_unexplained(const struct la_station_stats *s)
{
	uint64_t given = s->frames_in - s->frames_away + s->c.v[LA_C_handed_in];

	return summary_difference(given, s->c.v[LA_C_rx_packets]) +
	       summary_difference(s->frames_out + s->frames_refused + s->frames_waiting + s->faults_lost,
				  s->c.v[LA_C_tx_packets] + s->faults_added);
}

void
la_summary_add_up(const struct la_summary *s, struct la_counters *sum, struct la_counters *once, uint64_t *unexplained)
{
	memset(sum, 0, sizeof(*sum));
	*unexplained = 0;
	for (unsigned i = 0; i < s->nends; i++) {
		la_counters_add(sum, &s->end[i].stats.c);
		if (s->end[i].shards <= 1)
			*unexplained += la_summary_unexplained(&s->end[i].stats);
	}
	/* a surplus of one shard must not hide a deficit of another shard */
	for (unsigned i = 0; i < s->nshards; i++)
		if (s->end[s->shard[i].end].shards > 1)
			*unexplained += la_summary_unexplained(&s->shard[i].stats);
	*once = s->opens_of >= 0 ? s->end[s->opens_of].stats.c : *sum;
}

/* ---- text ---- */

static void
print_states(const struct la_counters *c, FILE *f)
{
	bool any = false;

	fprintf(f, "  states now      ");
	for (unsigned i = LA_LISTEN + 1; i < LA_NSTATES; i++) {
		if (c->state[i] == 0)
			continue;
		fprintf(f, "%s%s %lu", any ? ", " : "", la_state_name((enum la_state)i), c->state[i]);
		any = true;
	}
	fprintf(f, "%s\n", any ? "" : "no connection");
}

static void
print_drops(const struct la_counters *c, FILE *f)
{
	for (unsigned i = 0; i < LA_NCOUNTERS; i++) {
		enum la_counter k = (enum la_counter)i;

		if (la_counter_kind(k) == LA_KIND_DROP && c->v[i] != 0)
			fprintf(f, "  drop %-24s %12lu  %s\n", la_counter_name(k), c->v[i], la_counter_text(k));
	}
}

static void
print_port(const struct la_summary_end *end, FILE *f)
{
	const struct la_port_stats *p = &end->stats.port;
	const struct {
		const char *name, *text;
		uint64_t n;
	} losses[] = {
		{"rx_missed", "frames the port had no room for: the worker was too slow", p->rx_missed},
		{"rx_errors", "frames the port found faulty", p->rx_errors},
		{"rx_nombuf", "frames the port had no packet buffer for (--mbufs)", p->rx_nombuf},
		{"tx_errors", "frames the port failed to send", p->tx_errors},
		{"tx_full", "frames the port did not take in time (TCP sends them again)", p->tx_full},
		{"tx_no_peer", "frames dropped while the memif peer was away", p->tx_no_peer},
		{"tx_no_buffer", "frames that had to be copied for the port, with no packet buffer left (--mbufs)",
		 p->tx_no_buffer},
		{"tx_unfit", "frames that the port's driver refuses to send", p->tx_unfit},
	};

	fprintf(f, "  frames          in %lu, out %lu\n", end->stats.frames_in, end->stats.frames_out);
	if (end->stats.c.v[LA_C_tx_waiting_peak] != 0)
		fprintf(f, "  waiting         now %lu, peak %lu frames; reception held back in %lu ms\n",
			end->stats.c.v[LA_C_tx_waiting], end->stats.c.v[LA_C_tx_waiting_peak],
			end->stats.c.v[LA_C_rx_held]);
	for (unsigned i = 0; i < COUNT(losses); i++)
		if (losses[i].n != 0)
			fprintf(f, "  port %-24s %12lu  %s\n", losses[i].name, losses[i].n, losses[i].text);
}

static void
print_first_fin(const struct la_counters *c, FILE *f)
{
	struct la_first_fin n = la_first_fin(c);

	if (n.ours + n.peer + n.crossing == 0)
		fprintf(f, "  first FIN       -\n");
	else
		fprintf(f, "  first FIN       ours %lu, the peer's %lu, crossing %lu\n", n.ours, n.peer, n.crossing);
}

/* Writes the busy cycles a packet or a connection; "-": there was none. */
static const char *
summary_per_text(uint64_t cycles, uint64_t n, char *buf, size_t size)
{
	if (n == 0)
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.0f", (double)cycles / (double)n);
	return buf;
}

static void
print_cpu(const struct la_cpu_use *u, FILE *f)
{
	char a[24], b[24];

	fprintf(f, "busy %.1f %%, %s cycles a packet, %s cycles a connection\n",
		u->total != 0 ? 100.0 * (double)u->busy / (double)u->total : 0,
		summary_per_text(u->busy, u->packets, a, sizeof(a)),
		summary_per_text(u->busy, u->connections, b, sizeof(b)));
}

static void
print_workers(const struct la_summary *s, FILE *f)
{
	struct la_cpu_use u = la_cpu_of_all(s);
	unsigned workers = 0;

	if (u.total == 0) /* no worker ran */
		return;
	for (unsigned i = 0; i < s->nshards; i++)
		workers += la_cpu_is_first(s, i);
	fprintf(f, "CPU: ");
	print_cpu(&u, f);
	for (unsigned i = 0; workers > 1 && i < s->nshards; i++) {
		if (!la_cpu_is_first(s, i))
			continue;
		u = la_cpu_of_shard(s, i);
		fprintf(f, "  worker %-8u ", s->shard[i].worker);
		print_cpu(&u, f);
	}
}

/* Prints a line for each shard of an end: connections, TIME_WAIT peak, frames, and frames handed over. */
static void
print_shards(const struct la_summary *s, unsigned end, FILE *f)
{
	unsigned k = 0;

	for (unsigned i = 0; i < s->nshards; i++) {
		const struct la_station_stats *st = &s->shard[i].stats;

		if (s->shard[i].end == end)
			fprintf(f,
				"  shard %-9u opens %lu, closes %lu, TIME_WAIT peak %lu; frames in %lu, handed "
				"over %lu, got %lu\n",
				k++, la_summary_opens(&st->c), la_summary_closes(&st->c), st->c.v[LA_C_time_wait_peak],
				st->frames_in, st->c.v[LA_C_handed_over], st->c.v[LA_C_handed_in]);
	}
}

/* Prints the name of an end, with its port if another end has the same name: "server, port 0 net_tap la0". */
static void
print_end_name(const struct la_summary *s, unsigned which, FILE *f)
{
	const struct la_summary_end *end = &s->end[which];
	const char *colon = strstr(end->port, ": ");
	unsigned same = 0;

	for (unsigned i = 0; i < s->nends; i++)
		same += strcmp(s->end[i].name, end->name) == 0;
	fprintf(f, "%s", end->name);
	if (same > 1)
		fprintf(f, ", %.*s", colon ? (int)(colon - end->port) : (int)strlen(end->port), end->port);
}

static void
print_end(const struct la_summary *s, unsigned which, FILE *f)
{
	const struct la_summary_end *end = &s->end[which];
	double seconds = s->seconds;
	const struct la_counters *c = &end->stats.c;
	uint64_t closes = la_summary_closes(c);

	print_end_name(s, which, f);
	fprintf(f, end->shards > 1 ? ", %u shards\n" : "\n", end->shards);
	fprintf(f, "  opens           %lu (%lu passive, %lu active)\n", la_summary_opens(c), c->v[LA_C_opens_passive],
		c->v[LA_C_opens_active]);
	fprintf(f, "  closes          %lu", closes);
	if (!s->own_rates)
		fprintf(f, " (%.0f/s)", la_per_second(closes, seconds));
	fprintf(f, ":");
	for (unsigned i = 0; i < LA_NENDS; i++)
		if (i == LA_END_ORDERLY || c->v[la_end_counter[i]] != 0)
			fprintf(f, "%s %s %lu", i == LA_END_ORDERLY ? "" : ",", la_end_name((enum la_end)i),
				c->v[la_end_counter[i]]);
	fprintf(f, "\n");
	print_first_fin(c, f);
	if (c->v[LA_C_bytes_unacked_at_end] != 0)
		fprintf(f, "  unacknowledged  %lu bytes, when their connections ended\n",
			c->v[LA_C_bytes_unacked_at_end]);
	print_states(c, f);
	fprintf(f, "  TIME_WAIT       now %lu, peak %lu, entered %lu, expired %lu, reopened %lu\n",
		c->v[LA_C_time_wait], c->v[LA_C_time_wait_peak], c->v[LA_C_time_wait_entered],
		c->v[LA_C_time_wait_expired], c->v[LA_C_time_wait_reopened]);
	fprintf(f, "  data            in %lu, out %lu bytes; %lu retransmissions\n", c->v[LA_C_tcp_data_in],
		c->v[LA_C_tcp_data_out], c->v[LA_C_retransmits]);
	print_port(end, f);
	print_drops(c, f);
	if (end->shards > 1)
		print_shards(s, which, f);
}

void
la_summary_print(const struct la_summary *s, FILE *f)
{
	struct la_counters sum, once;
	uint64_t unexplained, closes;
	char msl[16], note[160];

	la_summary_add_up(s, &sum, &once, &unexplained);
	closes = la_summary_closes(&once);
	fprintf(f, "\nsummary of lastack %s, %.1f s\n", s->program, s->seconds);
	for (unsigned i = 0; i < s->nends; i++)
		print_end(s, i, f);
	print_workers(s, f);
	if (la_summary_cksum_note(s, note, sizeof(note)))
		fprintf(f, "%s\n", note);
	if (s->print_more)
		s->print_more(f);
	for (unsigned i = 0; i < s->nextras; i++)
		fprintf(f, "%s %lu\n", s->extra[i].text, s->extra[i].value);
	if (!s->own_rates)
		fprintf(f,
			"closes %lu in %.1f s, %lu orderly: %.0f orderly closes/s with MSL %s and a TIME_WAIT peak of %lu\n",
			closes, s->seconds, once.v[LA_C_ended_orderly],
			la_per_second(once.v[LA_C_ended_orderly], s->seconds),
			la_format_duration(s->msl_ms, msl, sizeof(msl)), sum.v[LA_C_time_wait_peak]);
	fprintf(f, "unexplained drops %lu\n", unexplained);
	fprintf(f, "early recycles %lu\n", sum.v[LA_C_early_recycles]);
	fflush(f);
}

/* The packet buffers held by connections, percent of the limit, at the end with the highest percentage. */
static double
fill_percent(const struct la_summary *s)
{
	double fill = 0;

	for (unsigned i = 0; i < s->nends; i++) {
		const struct la_station_stats *st = &s->end[i].stats;

		if (st->buffers_max)
			fill = RTE_MAX(fill, 100.0 * (double)st->c.v[LA_C_buffers_held] / (double)st->buffers_max);
	}
	return fill;
}

/* The busy time in percent: "37", or with several workers "12-93" for the least and the most busy worker. */
static const char *
busy_text(const struct la_summary *before, const struct la_summary *now, char *buf, size_t size)
{
	struct la_busy_range r = la_busy_range(before, now);

	if (r.workers > 1)
		snprintf(buf, size, "%.0f-%.0f", 100 * r.low, 100 * r.high);
	else
		snprintf(buf, size, "%3.0f", 100 * r.high);
	return buf;
}

const char *
la_summary_live_line(const struct la_summary *before, const struct la_summary *now, double dt, char *buf, size_t size)
{
	struct la_counters a, b, a1, b1;
	uint64_t u, packets;
	char pps[16], tw[16], busy[24];

	la_summary_add_up(before, &a, &a1, &u);
	la_summary_add_up(now, &b, &b1, &u);
	packets = b.v[LA_C_rx_packets] + b.v[LA_C_tx_packets] - a.v[LA_C_rx_packets] - a.v[LA_C_tx_packets];
	snprintf(buf, size,
		 "%6.1fs  opens/s %-8.0f closes/s %-8.0f live %-7lu TIME_WAIT %-7s pps %-6s busy %s %%  "
		 "buffers %3.0f %%  drops %lu",
		 now->seconds, la_per_second(la_summary_opens(&b1) - la_summary_opens(&a1), dt),
		 la_per_second(la_summary_closes(&b1) - la_summary_closes(&a1), dt), b1.v[LA_C_live],
		 la_format_short((double)b.v[LA_C_time_wait], tw, sizeof(tw)),
		 la_format_short(la_per_second(packets, dt), pps, sizeof(pps)),
		 busy_text(before, now, busy, sizeof(busy)), fill_percent(now), la_summary_drops(&b));
	return buf;
}

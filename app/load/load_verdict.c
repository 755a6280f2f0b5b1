/* SPDX-License-Identifier: BSD-3-Clause */

/* The verdict.
 *
 * Three parties can limit a run:
 *
 *	target		connections failed
 *	port		frames were lost
 *	generator	a worker was busy or late, or lacked a tuple, a TCB, a TIME_WAIT entry or time
 *
 * The reason lists every cause found. The limit names one party: the target when 0.1 % of the connections or more
 * failed; else the generator, the port, or the target, the first of them that has a cause. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "load/load_verdict.h"

#define BUSY_LIMIT 0.95	   /* share of a worker's time */
#define FAILED_LIMIT 0.001 /* share of all connects */
enum {
	LAG_SHARE = 10,	   /* the generator is late when lag p99 is above a tenth of the median latency */
	LAG_SAMPLES = 100, /* fewer samples have no p99 */
};

const char *const load_limit_name[] = {
	[LIMIT_NONE] = "none", [LIMIT_TARGET] = "target", [LIMIT_PORT] = "port", [LIMIT_GENERATOR] = "generator"};

static __attribute__((format(printf, 4, 5))) void
verdict_add(char *buf, size_t size, const char *between, const char *format, ...)
{
	size_t n = strlen(buf);
	va_list args;

	if (n + 1 >= size)
		return;
	if (n > 0)
		n += (size_t)snprintf(buf + n, size - n, "%s", between);
	if (n >= size)
		return;
	va_start(args, format);
	vsnprintf(buf + n, size - n, format, args);
	va_end(args);
}

const char *
load_failures(const struct load_counts *n, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned i = 0; i < CAUSES; i++)
		if (n->failed[i] != 0)
			verdict_add(buf, size, ", ", "%lu %s", n->failed[i], load_cause_name(i));
	return buf;
}

/* Returns the latency with which the lag is compared: it includes the lag. */
static const struct la_histogram *
target_latency(const struct load_totals *t)
{
	return t->latency[LAT_FIRST_BYTE].total != 0 ? &t->latency[LAT_FIRST_BYTE] : &t->latency[LAT_HANDSHAKE];
}

static void
judge_generator(const struct load_totals *t, char *buf, size_t size)
{
	const struct la_histogram *lag = &t->latency[LAT_LAG], *lat = target_latency(t);
	uint64_t p99 = la_histogram_percentile(lag, 99), median = la_histogram_percentile(lat, 50);
	char a[16], b[16];

	if (t->busy > BUSY_LIMIT)
		verdict_add(buf, size, ", ", "a worker was busy %.0f %% of the time", 100 * t->busy);
	if (t->open && lag->total >= LAG_SAMPLES && lat->total > 0 && p99 > median / LAG_SHARE)
		verdict_add(buf, size, ", ", "lag p99 %s, above a tenth of the median latency %s",
			    load_format_ns((double)p99, a, sizeof(a)), load_format_ns((double)median, b, sizeof(b)));
	if (t->n.no_tuple != 0)
		verdict_add(buf, size, ", ", t->open ? "%lu connections had no tuple" : "%lu waits for a tuple",
			    t->n.no_tuple);
	if (t->n.no_room != 0)
		verdict_add(buf, size, ", ", "%lu waits for a TCB or a TIME_WAIT entry", t->n.no_room);
	if (t->n.unstarted != 0)
		verdict_add(buf, size, ", ", "%lu connections were due and not begun", t->n.unstarted);
}

void
load_judge(const struct load_totals *t, struct load_verdict *v)
{
	uint64_t failed = load_failed(&t->n), drops = load_port_drops(t);
	char causes[160];

	*v = (struct load_verdict){.offered = load_offered(t), .carried = load_carried(t)};
	judge_generator(t, v->generator, sizeof(v->generator));
	if (failed != 0)
		verdict_add(v->reason, sizeof(v->reason), "; ", "%lu of %lu connections failed: %s", failed,
			    t->n.connects, load_failures(&t->n, causes, sizeof(causes)));
	if (v->generator[0] != '\0')
		verdict_add(v->reason, sizeof(v->reason), "; ", "%s%s", failed != 0 ? "generator: " : "", v->generator);
	if (drops != 0)
		verdict_add(v->reason, sizeof(v->reason), "; ", "the port lost %lu frames", drops);
	if (failed != 0 && (double)failed >= FAILED_LIMIT * (double)t->n.connects)
		v->limit = LIMIT_TARGET;
	else if (v->generator[0] != '\0')
		v->limit = LIMIT_GENERATOR;
	else if (drops != 0)
		v->limit = LIMIT_PORT;
	else if (failed != 0)
		v->limit = LIMIT_TARGET;
	else
		verdict_add(v->reason, sizeof(v->reason), "", "%s",
			    t->open ? "every connection that was due ended as planned"
				    : "closed loop: --concurrency and the target's latency");
}

/* ---- exit status ---- */

static bool
is_bounded(const struct load_rules *rules, unsigned cause)
{
	for (unsigned i = 0; i < rules->nexpects; i++)
		if (expect_bounds(&rules->expects[i], cause))
			return true;
	return false;
}

bool
load_worked(const struct load_totals *t, const struct load_rules *rules, char *why, size_t size)
{
	uint64_t failed = load_failed(&t->n), worked = load_closes(&t->n) - failed, n = failed;
	char causes[160];
	bool bounded = true;

	load_failures(&t->n, causes, sizeof(causes));
	if (worked == 0 && (t->n.connects != 0 || !rules->signalled)) {
		snprintf(why, size, "no connection ended as planned%s%s", failed ? ": " : "", causes);
		return false;
	}
	if (rules->signalled)
		n -= t->n.failed[KIND_UNFINISHED];
	if (n == 0 || (rules->allow >= 0 && (double)n <= rules->allow * (double)t->n.connects))
		return true;
	for (unsigned i = 0; i < CAUSES; i++)
		if (t->n.failed[i] != 0 && !is_bounded(rules, i) && !(rules->signalled && i == KIND_UNFINISHED))
			bounded = false;
	if (bounded && rules->allow < 0)
		return true;
	snprintf(why, size, "%lu of %lu connections failed: %s; allow them with --allow-failures[=SHARE] or --expect",
		 n, t->n.connects, causes);
	return false;
}

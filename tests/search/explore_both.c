/* SPDX-License-Identifier: BSD-3-Clause */

/* The same search with the fast path and with the general path of the hosts. A search is a sequence of transitions,
 * and its trail is a digest of everything that the transitions did: each sent segment with its time, the counters and
 * transitions of both hosts after each move, and the state after each move. Two searches with equal trails sent the
 * same frames and met the same states in the same order. If the trails differ, the first transition that differs is
 * found by bisection: both searches run again, up to a number of transitions. */

#include <string.h>

#include "explore.h"
#include "net/shard.h"

enum { WORDS = sizeof(struct la_counters) / sizeof(uint64_t) };

/* ------------------------------------------------------------------ the trail */

void
ex_trail_event(struct ex *x, const struct la_sim_event *e)
{
	uint32_t i = 0;
	uint64_t v;

	if (e->what != LA_SIM_SENT)
		return;
	x->trail = digest_mix(x->trail, e->us + ((uint64_t)e->frame_len << 32) + ((uint64_t)e->host << 60));
	for (; i + sizeof(v) <= e->frame_len; i += sizeof(v)) {
		memcpy(&v, e->frame + i, sizeof(v));
		x->trail = digest_mix(x->trail, v);
	}
	v = 0;
	memcpy(&v, e->frame + i, e->frame_len - i);
	x->trail = digest_mix(x->trail, v);
}

void
ex_trail_move(struct ex *x, uint64_t state)
{
	x->trail = digest_mix(x->trail, state);
	for (unsigned host = 0; host < 2; host++) {
		const uint64_t *v = la_shard_counters(la_sim_shard(x->w, host))->v;
		uint64_t sum = 0;

		for (uint64_t i = 0; i < WORDS; i++) /* one multiplication a word: the compiler uses SIMD */
			sum += v[i] * ((2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15));
		x->trail = digest_mix(x->trail, sum);
	}
}

/* ------------------------------------------------------------------ two searches */

/* Returns the trail after n transitions. */
static uint64_t
trail_at(struct ex *x, const struct ex_setup *setup, uint64_t n)
{
	struct ex_setup s = *setup;
	uint64_t trail;

	s.stop_at = n;
	if (ex_search(x, &s, NULL) != EX_CUT)
		return 0;
	trail = x->transitions == n ? x->trail : 0;
	ex_search_end(x);
	return trail;
}

/* Returns the first transition after which the trails differ. They differ after n transitions. */
static uint64_t
first_difference(struct ex *x, const struct ex_setup *fast, const struct ex_setup *general, uint64_t n)
{
	uint64_t same = 0;

	while (n - same > 1) {
		uint64_t mid = same + (n - same) / 2;

		if (trail_at(x, fast, mid) == trail_at(x, general, mid))
			same = mid;
		else
			n = mid;
	}
	return n;
}

static void
print_counters(const struct la_counters fast[2], const struct la_counters general[2], FILE *out)
{
	for (unsigned host = 0; host < 2; host++) {
		for (unsigned i = 0; i < LA_NCOUNTERS; i++)
			if (fast[host].v[i] != general[host].v[i])
				fprintf(out, "%c: counter %s: %llu fast, %llu general\n", 'A' + host,
					la_counter_name((enum la_counter)i), (unsigned long long)fast[host].v[i],
					(unsigned long long)general[host].v[i]);
		for (unsigned i = 0; i < LA_NSTATES * LA_NSTATES; i++) {
			uint64_t a = fast[host].transition[i / LA_NSTATES][i % LA_NSTATES];
			uint64_t b = general[host].transition[i / LA_NSTATES][i % LA_NSTATES];

			if (a != b)
				fprintf(out, "%c: %s to %s: %llu fast, %llu general\n", 'A' + host,
					la_state_name((enum la_state)(i / LA_NSTATES)),
					la_state_name((enum la_state)(i % LA_NSTATES)), (unsigned long long)a,
					(unsigned long long)b);
		}
	}
}

static void
report_way(struct ex *x, const struct ex_setup *setup, uint64_t n, struct la_counters counters[2], FILE *out)
{
	struct ex_setup s = *setup;

	s.stop_at = n;
	if (ex_search(x, &s, NULL) != EX_CUT)
		return;
	for (unsigned host = 0; host < 2; host++)
		counters[host] = *la_shard_counters(la_sim_shard(x->w, host));
	snprintf(x->why, sizeof(x->why), "the last move on the %s path (transition %llu)",
		 s.general ? "general" : "fast", (unsigned long long)n);
	ex_report(x, out);
	ex_search_end(x);
}

enum ex_result
ex_search_both(struct ex *x, const struct ex_setup *setup, unsigned weak, FILE *out)
{
	struct ex_setup fast = *setup, general = *setup;
	struct la_counters counters[2][2] = {0};
	enum ex_result r, other;
	uint64_t trail, n;

	fast.general = false;
	general.general = true;
	general.seg_file = NULL;
	general.weak = weak;
	r = ex_search(x, &fast, out);
	if (r == EX_ERROR || r == EX_CUT) /* a search that a time limit has cut cannot be compared */
		return r;
	trail = x->trail;
	n = x->transitions;
	other = ex_search(x, &general, NULL);
	if (other == r && x->transitions == n && x->trail == trail)
		return r;
	n = first_difference(x, &fast, &general, x->transitions < n ? x->transitions : n);
	fprintf(out, "the fast path and the general path differ after %llu transitions\n", (unsigned long long)n);
	report_way(x, &fast, n, counters[0], out);
	report_way(x, &general, n, counters[1], out);
	print_counters(counters[0], counters[1], out);
	return EX_DIFFERENT;
}

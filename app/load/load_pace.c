/* SPDX-License-Identifier: BSD-3-Clause */

/* The schedule of an open loop.
 *
 * Connection n of a step is due at  start + (n - first) * 10^9 / rate,  computed from n every time. Rounding errors do
 * not accumulate, so there is no drift at any length and rate of a run: an average interval of
 * 333.3 ns stays exact. When connection n begins late, n + 1 is still due at its own time: a delay does
 * not accumulate and no connection is skipped. Latencies count from the due time and not from the
 * actual start (no coordinated omission).
 *
 * A step of rate r and length t holds the connections that are due before its end: ceil(r * t). */

#include <stdio.h>
#include <string.h>

#include "load/load_pace.h"
#include "run/units.h"

#define NS UINT64_C(1000000000)

/* Returns a * b / c. */
static inline uint64_t
pace_muldiv(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t product;

	if (!__builtin_mul_overflow(a, b, &product))
		return product / c;
	return (uint64_t)((unsigned __int128)a * b / c);
}

/* Returns the number of connections due in the first ns of a step. */
static uint64_t
pace_within(const struct pace_step *s, uint64_t ns)
{
	return (uint64_t)(((unsigned __int128)ns * s->rate + NS - 1) / NS);
}

static const struct pace_step *
pace_last_step(const struct pace *p)
{
	return &p->step[p->nsteps - 1];
}

static void
pace_append(struct pace *p, uint64_t rate, uint64_t ns)
{
	struct pace_step *s = &p->step[p->nsteps++];

	*s = (struct pace_step){.rate = rate, .ns = ns};
	if (p->nsteps > 1) {
		s->at = s[-1].at + s[-1].ns;
		s->first = s[-1].first + pace_within(&s[-1], s[-1].ns);
	}
}

static int
rate_of(const char *text, uint64_t *rate)
{
	return la_parse_number(text, rate) == 0 && *rate >= 1 && *rate <= PACE_RATE_MAX ? 0 : -1;
}

static int
pace_ramp(char *from, struct pace *p, char *why, size_t size)
{
	char *to = strchr(from, ','), *step = to ? strchr(to + 1, ',') : NULL;
	char *hold = step ? strchr(step + 1, ',') : NULL;
	uint64_t lo, hi, by;
	uint32_t ms;

	if (hold == NULL) {
		snprintf(why, size, "a rate, or a ramp FROM,TO,STEP,HOLD such as 1k,10k,1k,5s");
		return -1;
	}
	*to++ = *step++ = *hold++ = '\0';
	if (rate_of(from, &lo) || rate_of(to, &hi) || rate_of(step, &by)) {
		snprintf(why, size, "FROM, TO and STEP from 1 to %d connections a second", PACE_RATE_MAX);
		return -1;
	}
	if (la_parse_duration(hold, &ms) || ms == 0) {
		snprintf(why, size, "HOLD with its unit: 500ms, 5s");
		return -1;
	}
	if ((lo < hi ? hi - lo : lo - hi) / by + 2 > PACE_STEPS) {
		snprintf(why, size, "at most %d steps", PACE_STEPS - 1);
		return -1;
	}
	for (uint64_t r = lo;; r = lo < hi ? r + by : r - by) {
		pace_append(p, r, ms * UINT64_C(1000000));
		if (lo < hi ? r + by > hi : r < hi + by)
			break;
	}
	/* when STEP does not divide the range, TO is an additional last step */
	if (pace_last_step(p)->rate != hi)
		pace_append(p, hi, ms * UINT64_C(1000000));
	return 0;
}

int
pace_parse(const char *text, struct pace *p, char *why, size_t size)
{
	char copy[80];
	uint64_t rate;

	memset(p, 0, sizeof(*p));
	if (strchr(text, ',') && strlen(text) < sizeof(copy))
		return pace_ramp(strcpy(copy, text), p, why, size);
	if (rate_of(text, &rate)) {
		snprintf(why, size, "1 to %d connections a second, or a ramp FROM,TO,STEP,HOLD such as 1k,10k,1k,5s",
			 PACE_RATE_MAX);
		return -1;
	}
	pace_append(p, rate, PACE_NEVER);
	return 0;
}

void
pace_pause(struct pace *p)
{
	memset(p, 0, sizeof(*p));
	pace_append(p, 0, PACE_NEVER);
}

/* Of the steps that other threads read, only the length of the last changes; it is written atomically. New steps are
 * written before nsteps. */
int
pace_grow(struct pace *p, uint64_t at, uint64_t rate, uint64_t ns)
{
	struct pace_step *s = &p->step[p->nsteps - 1];

	if (p->nsteps + 2 > PACE_STEPS || at < s->at)
		return -1;
	s[1] = (struct pace_step){.rate = rate, .ns = ns, .at = at, .first = s->first};
	s[2] = (struct pace_step){.ns = PACE_NEVER, .at = at + ns, .first = s->first + pace_within(&s[1], ns)};
	__atomic_store_n(&p->nsteps, p->nsteps + 2, __ATOMIC_RELEASE);
	__atomic_store_n(&s->ns, at - s->at, __ATOMIC_RELAXED);
	return 0;
}

void
pace_finish(struct pace *p, uint64_t at)
{
	struct pace_step *s = &p->step[p->nsteps - 1];

	__atomic_store_n(&s->ns, at > s->at ? at - s->at : 0, __ATOMIC_RELAXED);
}

unsigned
pace_step_of(const struct pace *p, uint64_t n)
{
	unsigned lo = 0, hi = __atomic_load_n(&p->nsteps, __ATOMIC_ACQUIRE);

	while (hi - lo > 1) { /* finds the last step whose first connection is at most n */
		unsigned mid = (lo + hi) / 2;

		if (p->step[mid].first <= n)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

uint64_t
pace_due(const struct pace *p, uint64_t n)
{
	const struct pace_step *s = &p->step[pace_step_of(p, n)];
	uint64_t after;

	if (s->rate == 0)
		return PACE_NEVER;
	after = pace_muldiv(n - s->first, NS, s->rate);
	return after < s->ns ? s->at + after : PACE_NEVER;
}

uint64_t
pace_count(const struct pace *p, uint64_t ns)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < p->nsteps && p->step[i].at < ns; i++) {
		uint64_t in = ns - p->step[i].at;

		n += pace_within(&p->step[i], in < p->step[i].ns ? in : p->step[i].ns);
	}
	return n;
}

uint64_t
pace_end(const struct pace *p)
{
	const struct pace_step *s = &p->step[__atomic_load_n(&p->nsteps, __ATOMIC_ACQUIRE) - 1];
	uint64_t ns = __atomic_load_n(&s->ns, __ATOMIC_RELAXED);

	return ns == PACE_NEVER ? PACE_NEVER : s->at + ns;
}

uint64_t
pace_most(const struct pace *p, uint64_t window, uint64_t length)
{
	uint64_t most = 0;

	/* rates are constant within a step, so the window with the most connections starts or ends with a step */
	for (unsigned i = 0; i < p->nsteps; i++) {
		const struct pace_step *s = &p->step[i];
		uint64_t ends[2] = {s->ns == PACE_NEVER ? s->at + window : s->at + s->ns, s->at + window};

		for (unsigned k = 0; k < 2; k++) {
			uint64_t end = ends[k] < length ? ends[k] : length;
			uint64_t n = pace_count(p, end) - pace_count(p, end > window ? end - window : 0);

			if (n > most)
				most = n;
		}
	}
	return most;
}

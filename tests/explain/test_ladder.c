/* SPDX-License-Identifier: BSD-3-Clause */

/* Ladders that no story of `lastack explain` shows: segments that are damaged, copied at once or held until released,
 * a simultaneous open, and labels that are longer than their place. */

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../support/eal.h"
#include "sim/ladder.h"

static struct la_sim *w;
static struct la_ladder *l;
static char *text;

static void
start_eal(void)
{
	cr_assert(test_eal_start() >= 0);
}

static const struct la_sim_plan idle;

static void
make(const char *fault, bool listens)
{
	struct la_sim_config cfg = {
		.seed = 1, .nhosts = 2, .link = {.delay_us = 20000}, .faults = &fault, .nfaults = fault != NULL};
	struct la_tuple t;
	struct la_sim_hooks hooks;
	char err[200];

	cr_assert(la_sim_create(&cfg, &w, err, sizeof(err)) == 0, "%s", err);
	t = (struct la_tuple){la_sim_addr(w, 0, false), la_sim_addr(w, 1, false), 1024, 80};
	/* another connection first, so that neighbours are resolved before the tuple's first segment */
	cr_assert(la_sim_connect(w, 0, 1, false, 1023, 9, &idle, NULL) == 0);
	la_sim_run(w, 200000);
	l = la_ladder_create(w, 0, 1, &t, listens);
	cr_assert(l);
	hooks = la_ladder_hooks(l);
	la_sim_hooks(w, &hooks);
	if (listens)
		cr_assert(la_sim_listen(w, 1, 80, &idle) == 0);
}

static const char *
drawn(unsigned width)
{
	size_t size;
	FILE *f;

	free(text);
	f = open_memstream(&text, &size);
	la_ladder_print(l, f, &(struct la_ladder_style){.width = width});
	fclose(f);
	return text;
}

static void
after(unsigned ms)
{
	la_sim_run(w, la_sim_now(w) + ms * 1000ull);
}

static void
has(const char *what)
{
	cr_expect(strstr(text, what), "no '%s' in\n%s", what, text);
}

static unsigned
count(const char *what)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

TestSuite(ladder, .init = start_eal);

Test(ladder, a_damaged_segment_arrives_and_changes_nothing)
{
	make("corrupt 1st data from A", true);
	static const struct la_sim_plan says = {.send = 4, .text = "data"};

	la_sim_connect(w, 0, 1, false, 1024, 80, &says, NULL);
	after(2000);
	drawn(0);
	has("(one bit of it is wrong)");
	cr_expect(count("<DATA=\"data\">") == 2, "transmission and retransmission are not drawn once each\n%s", text);
	cr_expect(count("data \"data\"") == 1, "%s", text);
}

Test(ladder, a_copy_without_delay_is_a_second_arrival)
{
	make("dup 1st data from A", true);
	static const struct la_sim_plan says = {.send = 4, .text = "data"};

	la_sim_connect(w, 0, 1, false, 1024, 80, &says, NULL);
	after(2000);
	drawn(0);
	has("(a router keeps a copy)");
	has("... ---<SEQ=1><ACK=1><CTL=ACK><DATA=\"data\">");
	cr_expect(count("[router]") == 0, "%s", text);
	cr_expect(count("data \"data\"") == 1, "the data is not delivered exactly once\n%s", text);
}

static struct la_fate
shelve_data(void *ctx, unsigned from, unsigned to, const struct la_fault_seg *s)
{
	unsigned *left = ctx;

	(void)from;
	(void)to;
	if (s->len == 0 || *left == 0)
		return (struct la_fate){LA_FAULT_NONE, 0};
	--*left;
	return (struct la_fate){LA_FAULT_HOLD, UINT64_MAX};
}

/* All hooks of a world have one context. The event hook therefore calls the ladder's hook with the ladder's context. */
static struct {
	unsigned left;
	struct la_sim_hooks ladder;
} both;

static void
event(void *ctx, const struct la_sim_event *e)
{
	(void)ctx;
	both.ladder.event(both.ladder.ctx, e);
}

static struct la_fate
fate(void *ctx, unsigned from, unsigned to, const struct la_fault_seg *s)
{
	(void)ctx;
	return shelve_data(&both.left, from, to, s);
}

Test(ladder, a_released_segment_comes_from_the_router)
{
	static const struct la_sim_plan says = {.send = 4, .text = "data"};

	make(NULL, true);
	both.left = 1;
	both.ladder = la_ladder_hooks(l);
	la_sim_hooks(w, &(struct la_sim_hooks){.event = event, .fate = fate});
	la_sim_connect(w, 0, 1, false, 1024, 80, &says, NULL);
	after(3000);
	cr_assert(la_sim_shelf(w) == 1);
	drawn(0);
	has("<DATA=\"data\">");
	cr_expect(count("---[router]") == 1 && count("[router]---") == 0, "%s", text);
	la_sim_release(w, 0);
	after(1);
	drawn(0);
	cr_expect(count("---[router]") == 1 && count("[router]---") == 1, "%s", text);
}

Test(ladder, a_simultaneous_open_is_one_incarnation)
{
	static const struct la_sim_plan closes = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_TIME, .amount = 500};

	make(NULL, false);
	cr_assert(la_sim_connect(w, 0, 1, false, 1024, 80, &closes, NULL) == 0);
	cr_assert(la_sim_connect(w, 1, 0, false, 80, 1024, &idle, NULL) == 0);
	after(400);
	cr_expect(la_ladder_incarnations(l) == 1, "%u", la_ladder_incarnations(l));
	drawn(0);
	has("SYN_RCVD");
	has("ESTABLISHED");
	cr_expect(count("#1") == 0, "%s", text);
	cr_expect(count("CLOSED") == 2, "CLOSED is not drawn twice, once for each end of the first row\n%s", text);
}

Test(ladder, a_label_that_does_not_fit_is_cut_and_no_line_is_longer)
{
	static const struct la_sim_plan says = {.send = 16, .text = "sixteen letters."};
	const char *end;

	make("hold every data from A for 100ms", true);
	la_sim_connect(w, 0, 1, false, 1024, 80, &says, NULL);
	after(5000);
	for (unsigned width = 80; width <= 200; width++) {
		drawn(width);
		for (const char *p = text; (end = strchr(p, '\n')); p = end + 1)
			cr_assert((size_t)(end - p) <= width, "%zu of %u: %.*s", (size_t)(end - p), width,
				  (int)(end - p), p);
		has("<SEQ=1>");
	}
}

Test(ladder, segments_of_another_tuple_are_not_drawn)
{
	make(NULL, true);
	la_sim_connect(w, 0, 1, false, 1025, 80, &idle, NULL);
	after(1000);
	drawn(0);
	cr_expect(la_ladder_item(l, 0) == NULL && count("<SEQ") == 0, "%s", text);
}

Test(ladder, longest_time_in_a_state)
{
	static const struct la_sim_plan closes = {.ending = LA_SIM_CLOSE},
					follows = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};

	make(NULL, false);
	cr_assert(la_sim_listen(w, 1, 80, &follows) == 0);
	la_sim_connect(w, 0, 1, false, 1024, 80, &closes, NULL);
	after(30000);
	cr_expect(la_ladder_longest(l, 0, LA_TIME_WAIT) > 29000000, "the present state does not count up to now");
	cr_expect(la_ladder_longest(l, 0, LA_TIME_WAIT) < 30000000);
	cr_assert(la_sim_quiet(w, UINT64_MAX));
	cr_expect(la_ladder_longest(l, 0, LA_TIME_WAIT) >= 60000000);
	cr_expect(la_ladder_longest(l, 0, LA_TIME_WAIT) < 60002000);
	cr_expect(la_ladder_longest(l, 1, LA_TIME_WAIT) == 0);
}

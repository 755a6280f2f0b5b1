/* SPDX-License-Identifier: BSD-3-Clause */

/* A weakened host breaks the rule that enum la_sim_weak names. Without the flag it follows the rule. */

#include "fixture.h"

static const struct la_sim_plan server = {.send = 5000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
static const struct la_sim_plan client = {
	.send = 5000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_GOT, .amount = 5000};

static struct la_sim *
make_weak(unsigned weak, const char *rule, const struct la_sim_plan *listener)
{
	struct la_sim_config cfg = {.seed = 9,
				    .nhosts = 2,
				    .link.delay_us = 1000,
				    .host[0] = {.weak = weak, .fixed_isn = 0xfffff000},
				    .faults = &rule,
				    .nfaults = rule != NULL};
	struct la_sim *w = sim_make(&cfg);

	cr_assert_eq(la_sim_listen(w, 1, 80, listener), 0);
	return w;
}

/* Without TIME_WAIT the repeated FIN draws a RST. */
Test(weak, no_time_wait)
{
	for (unsigned weak = 0; weak <= 1; weak++) {
		struct la_sim *w = make_weak(weak ? LA_SIM_NO_TIME_WAIT : 0, "drop 1st lastack from A", &server);
		struct la_sim_conn *c = sim_open(w, weak, &client);

		la_sim_run(w, 10 * SIM_S);
		cr_expect_eq(sim_count(w, 0, LA_C_time_wait), !weak);
		cr_expect_eq(c->why.end, LA_END_ORDERLY);
		cr_expect_eq(c->partner->why.end, weak ? LA_END_RESET : LA_END_ORDERLY);
		sim_over(w);
	}
}

/* RFC 1337: a RST ends the TIME_WAIT entry of the weakened host A. B has no connection any more, and answers an old
 * segment of A by this RST. */
Test(weak, time_wait_assassination)
{
	for (unsigned weak = 0; weak <= 1; weak++) {
		struct la_sim *w = make_weak(weak ? LA_SIM_ASSASSIN : 0, "dup every lastack from A for 5s", &server);

		sim_open(w, false, &client);
		la_sim_run(w, 3 * SIM_S);
		cr_assert_eq(sim_count(w, 0, LA_C_time_wait), 1);
		la_sim_run(w, 10 * SIM_S);
		cr_assert_not_null(sim_event(LA_SIM_SENT, 1, LA_RST, 1), "the late ACK drew no RST from B");
		cr_expect_eq(sim_count(w, 0, LA_C_time_wait), !weak);
		sim_over(w);
	}
}

Test(weak, fixed_isn)
{
	struct la_sim *w = make_weak(LA_SIM_FIXED_ISN, NULL, &server);

	for (unsigned i = 1; i <= 5; i++) {
		struct la_sim_conn *c = sim_open(w, i & 1, &client);

		sim_over(w);
		sim_whole(c); /* 5000 bytes: the sequence numbers wrap */
		cr_expect_eq(sim_event(LA_SIM_SENT, 0, LA_SYN, i)->seg.seq, 0xfffff000);
		cr_expect_neq(sim_event(LA_SIM_SENT, 1, LA_SYN, i)->seg.seq, 0xfffff000);
	}
}

/* Regression test: when weak.c changes the sequence number of a corrupt segment, the checksum must stay wrong. The bug:
 * weak.c corrected it. */
Test(weak, fixed_isn_and_corruption)
{
	static const struct la_sim_plan plan = {
		.send = 200000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_GOT, .amount = 5000};
	struct la_sim *w = make_weak(LA_SIM_FIXED_ISN, "corrupt 10% segment", &server);
	struct la_sim_conn *c = sim_open(w, false, &plan);

	sim_over(w);
	sim_whole(c);
	cr_expect_gt(rec.count[LA_SIM_CORRUPTED], 10);
	cr_expect_eq(rec.count[LA_SIM_CORRUPTED],
		     sim_count(w, 0, LA_C_drop_tcp_cksum) + sim_count(w, 1, LA_C_drop_tcp_cksum) +
			     sim_count(w, 0, LA_C_drop_tcp_short) + sim_count(w, 1, LA_C_drop_tcp_short));
}

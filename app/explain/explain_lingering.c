/* SPDX-License-Identifier: BSD-3-Clause */

/* Why the end that sends the last ACK has to wait, and what happens with SO_LINGER 0, which avoids the wait. */

#include "explain/explain.h"

static const struct la_sim_plan idle;
static const struct la_sim_plan server_plan = {.send = 6, .text = "answer"};

/* A sends no request, B answers and both close; the first transmission of the last ACK is lost. */
static bool
lose_last_ack(struct explain *x, unsigned weak, struct la_sim_conn **a, struct la_sim_conn **b)
{
	static const char *const faults[] = {"drop the 1st lastack from A"};
	struct la_sim_config cfg = {.faults = faults, .nfaults = 1};

	cfg.host[EX_A].weak = weak;
	if (!ex_world(x, &cfg, &server_plan))
		return false;
	*a = ex_open(x, &idle);
	ex_until(x, 200);
	la_sim_close(*a);
	*b = ex_server(x);
	ex_until(x, 300);
	la_sim_close(*b);
	ex_quiet(x);
	return true;
}

static void
lost_last_ack(struct explain *x)
{
	struct la_sim_conn *a, *b;
	const struct la_ladder_item *again;
	double restarted;

	if (!lose_last_ack(x, 0, &a, &b))
		return;
	again = ex_nth(x, 1, LA_FIN, 0, 1);
	restarted = ex_longest(x, 0, LA_TIME_WAIT);

	ex_say(x,
	       "Both ends have closed. The last ACK tells B that A received everything, and this ACK "
	       "is lost. B sends its FIN again, at %.3f s. A's TIME_WAIT entry has all values for an "
	       "ACK: A acknowledges the FIN again, and the entry's 2*MSL restarts. A has been in "
	       "TIME_WAIT for %.3f s when the entry ends.",
	       again ? (double)again->us / 1e6 : 0, restarted);
	ex_told(x, "A", a, LA_END_ORDERLY);
	ex_told(x, "B", b, LA_END_ORDERLY);
	ex_is(x, "bytes A reads", a->got, server_plan.send);
	ex_is(x, "FINs B sends", ex_sent(x, 1, LA_FIN, 0), 2);
	ex_is(x, "FINs A answers from TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_fin_acked), 1);
	ex_is(x, "RSTs A sends", ex_count(x, EX_A, LA_C_rst_out), 0);
	ex_between(x, "A is in TIME_WAIT, more than one 2*MSL", restarted, 60.1, 62, "s");
	ex_verdict(x,
		   "the repeated FIN was acknowledged from TIME_WAIT, and '%s' is reported to B: the close "
		   "stayed orderly.",
		   la_end_name(b->why.end));
}

static void
lost_last_ack_without(struct explain *x)
{
	struct la_sim_conn *a, *b;

	if (!lose_last_ack(x, LA_SIM_NO_TIME_WAIT, &a, &b))
		return;

	ex_say(x,
	       "The last ACK is lost as in lost-last-ack, but A has no TIME_WAIT and is CLOSED. A has no "
	       "connection for B's repeated FIN, and answers it with a RST. A RST means to B that data "
	       "may be lost. No data is lost: A's user read all %u bytes, and A closed %.3f s before the "
	       "RST arrived.",
	       a->got, (double)b->closed_us / 1e6 - (double)a->closed_us / 1e6);
	ex_told(x, "A", a, LA_END_ORDERLY);
	ex_told(x, "B", b, LA_END_RESET);
	ex_is(x, "bytes A reads, all of B's", a->got, server_plan.send);
	ex_is(x, "wrong bytes", a->wrong, 0);
	ex_is(x, "RSTs A sends", ex_count(x, EX_A, LA_C_rst_out), 1);
	ex_is(x, "FINs A answers from TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_fin_acked), 0);
	ex_between(x, "A is in TIME_WAIT", ex_longest(x, 0, LA_TIME_WAIT), 0, 0, "s");
	ex_verdict(x,
		   "'%s' is reported to B, which means that data may be lost, but A has read %u of %u bytes: "
		   "without TIME_WAIT one lost ACK turns an orderly close into a reset.",
		   la_end_name(b->why.end), a->got, server_plan.send);
}

/* ------------------------------------------------------------------ SO_LINGER 0 */

static void
linger_reset(struct explain *x)
{
	static const char *const faults[] = {"hold the 2nd data from A for 3s"};
	static const struct la_sim_plan old = {.send = 12,
					       .chunk = 4,
					       .every_ms = 10,
					       .text = "OLD-",
					       .opts = {.no_timestamps = true, .nodelay = true}};
	static const struct la_sim_plan new = {.send = 12,
					       .chunk = 4,
					       .every_ms = 2500,
					       .text = "new.",
					       .ending = LA_SIM_CLOSE,
					       .opts = {.no_timestamps = true, .nodelay = true}};
	static const struct la_sim_plan server = {
		.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN, .opts = {.no_timestamps = true}};
	struct la_sim_config cfg = {.faults = faults, .nfaults = 1};
	struct la_sim_conn *a, *b, *a2, *b2;

	ex_fixed_isn(&cfg, 1000, 5000);
	if (!ex_world(x, &cfg, &server))
		return;
	a = ex_open(x, &old);
	ex_until(x, 105);
	b = ex_server(x);
	la_sim_abort(a); /* as close() with SO_LINGER and a time of 0 */
	ex_until(x, 1000);
	a2 = ex_open(x, &new);
	ex_until(x, 2000);
	b2 = ex_server(x);
	ex_quiet(x);
	if (!a2)
		return;

	ex_bytes(x, a2, b2);
	ex_say(x,
	       "close() with SO_LINGER 0 aborts: A sends RST, and the tuple is free immediately. This "
	       "has two effects. First, '%s' is reported to B, which has read %u of the %u bytes that "
	       "A's user had sent; the other bytes are discarded. Second, no TIME_WAIT protects the "
	       "tuple: A opens it again %.1f s later. The segment that a router held arrives in the "
	       "new incarnation, is in its window, and is delivered: %u bytes that A did not send in "
	       "this incarnation. B acknowledges their sequence numbers before A has sent its own bytes "
	       "with these numbers. When A's bytes arrive, B drops them as duplicates.",
	       la_end_name(b->why.end), b->got, old.send, ((double)a2->opened_us - (double)a->closed_us) / 1e6,
	       b2->wrong);
	ex_told(x, "A of #1", a, LA_END_ABORTED);
	ex_told(x, "B of #1", b, LA_END_RESET);
	ex_is(x, "bytes of #1 that B never reads", old.send - b->got, 8);
	ex_is(x, "unacknowledged bytes reported to A of #1", a->why.unacked, 8);
	ex_is(x, "TIME_WAIT entries made by A for #1",
	      ex_count(x, EX_A, LA_C_time_wait_entered) - (a2->why.end == LA_END_ORDERLY), 0);
	ex_is(x, "bytes of #1 that B reads in #2", b2->wrong, 4);
	ex_verdict(x,
		   "the RST that avoided TIME_WAIT lost %u bytes of its connection, and %u old bytes were "
		   "delivered in the next incarnation.",
		   old.send - b->got, b2->wrong);
}

const struct scenario explain_lingering[] = {
	{.name = "lost-last-ack",
	 .title = "the last ACK is lost, and TIME_WAIT acknowledges the repeated FIN",
	 .see = "lost-last-ack-without-time-wait",
	 .run = lost_last_ack},
	{.name = "lost-last-ack-without-time-wait",
	 .title = "a RST reports a loss that did not happen",
	 .weak = "A ends TIME_WAIT immediately.",
	 .see = "lost-last-ack",
	 .run = lost_last_ack_without},
	{.name = "linger-reset",
	 .title = "why SO_LINGER 0 does not replace TIME_WAIT",
	 .weak = "both hosts begin every connection at the same sequence number, so that the two "
		 "incarnations' numbers overlap.",
	 .see = "wandering-duplicate-without-time-wait",
	 .run = linger_reset},
	{.name = NULL},
};

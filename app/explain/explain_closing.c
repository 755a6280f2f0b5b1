/* SPDX-License-Identifier: BSD-3-Clause */

/* The normal closes of a connection: RFC 9293 3.6. */

#include "explain/explain.h"

static const struct la_sim_plan idle;

/* Claims that both ends report "orderly", no RST was sent, and every byte was acknowledged. */
static void
claim_orderly(struct explain *x, const struct la_sim_conn *a, const struct la_sim_conn *b)
{
	ex_told(x, "A", a, LA_END_ORDERLY);
	ex_told(x, "B", b, LA_END_ORDERLY);
	ex_is(x, "RSTs sent, both ends", ex_count(x, EX_A, LA_C_rst_out) + ex_count(x, EX_B, LA_C_rst_out), 0);
	ex_is(x, "bytes never acknowledged, both ends", a->why.unacked + b->why.unacked, 0);
}

/* Returns the time from A's first FIN to B's first FIN, s; 0: one of them is missing. */
static double
fin_gap(const struct explain *x)
{
	const struct la_ladder_item *a = ex_nth(x, 0, LA_FIN, 0, 0), *b = ex_nth(x, 1, LA_FIN, 0, 0);

	return a && b ? ((double)b->us - (double)a->us) / 1e6 : 0;
}

static void
orderly_close(struct explain *x)
{
	struct la_sim_conn *a, *b;

	if (!ex_world(x, &(struct la_sim_config){0}, &idle))
		return;
	a = ex_open(x, &idle);
	ex_until(x, 100);
	la_sim_close(a);
	b = ex_server(x);
	ex_until(x, 200);
	la_sim_close(b);
	ex_quiet(x);

	ex_say(x,
	       "A closes first: its FIN takes one sequence number and says that A sends nothing "
	       "more. B acknowledges the FIN, and sends its own FIN when its user closes, "
	       "%.3f s after A. The ACK of that FIN is the last segment of the connection, and "
	       "no segment acknowledges an ACK. A cannot know whether its ACK arrived, and stays in "
	       "TIME_WAIT for %.3f s, which is 2*MSL with an MSL of 30 s.",
	       fin_gap(x), ex_longest(x, 0, LA_TIME_WAIT));
	claim_orderly(x, a, b);
	ex_is(x, "FINs sent by A", ex_sent(x, 0, LA_FIN, 0), 1);
	ex_is(x, "FINs sent by B", ex_sent(x, 1, LA_FIN, 0), 1);
	ex_is_true(x, "A goes through FIN_WAIT_1 and FIN_WAIT_2",
		   ex_seen(x, 0, LA_FIN_WAIT_1) && ex_seen(x, 0, LA_FIN_WAIT_2));
	ex_is_true(x, "B goes through CLOSE_WAIT and LAST_ACK",
		   ex_seen(x, 1, LA_CLOSE_WAIT) && ex_seen(x, 1, LA_LAST_ACK));
	ex_between(x, "A is in TIME_WAIT", ex_longest(x, 0, LA_TIME_WAIT), 60, 60.002, "s");
	ex_is(x, "TIME_WAIT entries made by B", ex_count(x, EX_B, LA_C_time_wait_entered), 0);
	ex_verdict(x,
		   "'%s' is reported to both users; the end that closed first is in TIME_WAIT for %.0f s, "
		   "the other end has no TIME_WAIT.",
		   la_end_name(a->why.end), ex_longest(x, 0, LA_TIME_WAIT));
}

static void
simultaneous_close(struct explain *x)
{
	struct la_sim_conn *a, *b;

	if (!ex_world(x, &(struct la_sim_config){0}, &idle))
		return;
	a = ex_open(x, &idle);
	ex_until(x, 100);
	b = ex_server(x);
	la_sim_close(a);
	la_sim_close(b);
	ex_quiet(x);

	ex_say(x,
	       "Each user closes before the FIN of the other end has arrived, so the FINs cross. Each "
	       "end receives the other's FIN before its own FIN is acknowledged, and enters CLOSING. "
	       "Each end sends a last ACK and cannot know whether this ACK arrives, so both ends stay in "
	       "TIME_WAIT, A for %.3f s and B for %.3f s.",
	       ex_longest(x, 0, LA_TIME_WAIT), ex_longest(x, 1, LA_TIME_WAIT));
	claim_orderly(x, a, b);
	ex_is_true(x, "A goes through CLOSING", ex_seen(x, 0, LA_CLOSING));
	ex_is_true(x, "B goes through CLOSING", ex_seen(x, 1, LA_CLOSING));
	ex_is(x, "FINs sent by A", ex_sent(x, 0, LA_FIN, 0), 1);
	ex_is(x, "FINs sent by B", ex_sent(x, 1, LA_FIN, 0), 1);
	ex_between(x, "A is in TIME_WAIT", ex_longest(x, 0, LA_TIME_WAIT), 60, 60.002, "s");
	ex_between(x, "B is in TIME_WAIT", ex_longest(x, 1, LA_TIME_WAIT), 60, 60.002, "s");
	ex_verdict(x, "two active closes make %lu TIME_WAIT entries: each end that sends a last ACK waits.",
		   ex_count(x, EX_A, LA_C_time_wait_entered) + ex_count(x, EX_B, LA_C_time_wait_entered));
}

static void
half_close(struct explain *x)
{
	static const struct la_sim_plan request = {.send = 7, .text = "request", .ending = LA_SIM_SHUTDOWN};
	static const struct la_sim_plan answer = {.send = 15,
						  .chunk = 5,
						  .every_ms = 100,
						  .text = "part.",
						  .ending = LA_SIM_CLOSE,
						  .when = LA_SIM_WHEN_PEER_FIN};
	struct la_sim_conn *a, *b;

	if (!ex_world(x, &(struct la_sim_config){0}, &answer))
		return;
	a = ex_open(x, &request);
	ex_until(x, 1000);
	b = ex_server(x);
	la_sim_close(a);
	ex_quiet(x);

	ex_say(x,
	       "A sends the request, shuts down sending, and continues to read: a FIN closes one "
	       "direction, not the connection. B reads %u bytes and the FIN. It sends the answer in "
	       "parts while A is in FIN_WAIT_2. A receives %u bytes after its own FIN.",
	       b->got, a->got);
	claim_orderly(x, a, b);
	ex_is(x, "bytes B reads", b->got, request.send);
	ex_is(x, "bytes A reads", a->got, answer.send);
	ex_is(x, "wrong bytes", a->wrong + b->wrong, 0);
	ex_is_true(x, "A goes through FIN_WAIT_2", ex_seen(x, 0, LA_FIN_WAIT_2));
	ex_is_true(x, "B goes through CLOSE_WAIT", ex_seen(x, 1, LA_CLOSE_WAIT));
	ex_verdict(x, "a half-closed connection carried %u bytes from B to A, and ended '%s' for both ends.", a->got,
		   la_end_name(b->why.end));
}

/* "Bear in mind that the server's FIN segment may, additionally, contain data." (Andrew Gierth) */
static void
fin_with_data(struct explain *x)
{
	static const char *const faults[] = {"drop the 1st lastack from A"};
	static const struct la_sim_plan client = {.send = 4, .text = "ping", .ending = LA_SIM_SHUTDOWN};
	static const struct la_sim_plan server = {
		.send = 4, .text = "pong", .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
	const struct la_ladder_item *fin, *first, *again;
	struct la_sim_conn *a, *b;

	if (!ex_world(x, &(struct la_sim_config){.faults = faults, .nfaults = 1}, &server))
		return;
	a = ex_open(x, &client);
	ex_until(x, 60);
	b = ex_server(x);
	ex_quiet(x);
	fin = ex_nth(x, 0, LA_FIN, 1, 0);
	first = ex_nth(x, 1, LA_FIN, 1, 0);
	again = ex_nth(x, 1, LA_FIN, 1, 1);

	ex_say(x,
	       "A FIN is a flag of a segment. A's FIN is on the segment with A's %u bytes, so this "
	       "segment takes %u sequence numbers. B's FIN is on the segment with the answer. The last "
	       "ACK is lost, so B sends the answer again, with the bytes that A's user has already "
	       "read. A is in TIME_WAIT: A acknowledges the segment and delivers no byte of it.",
	       fin ? fin->len : 0, fin ? fin->len + 1 : 0);
	claim_orderly(x, a, b);
	ex_is(x, "bytes on A's FIN segment", fin ? fin->len : 0, client.send);
	ex_is(x, "bytes on B's FIN segment", first ? first->len : 0, server.send);
	ex_is(x, "bytes on B's FIN segment, the second time", again ? again->len : 0, server.send);
	ex_is(x, "bytes B reads", b->got, client.send);
	ex_is(x, "bytes A reads", a->got, server.send);
	ex_is(x, "wrong bytes", a->wrong + b->wrong, 0);
	ex_is(x, "FINs A answers from TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_fin_acked), 1);
	ex_verdict(x,
		   "B's FIN was sent %u times with its %u bytes, A's user read the bytes once, and '%s' is "
		   "reported to both ends.",
		   ex_sent(x, 1, LA_FIN, 1), a->got, la_end_name(b->why.end));
}

const struct scenario explain_closing[] = {
	{.name = "orderly-close", .title = "four segments, as in figure 12 of RFC 9293", .run = orderly_close},
	{.name = "simultaneous-close",
	 .title = "both ends close at the same time, and both wait",
	 .run = simultaneous_close},
	{.name = "half-close", .title = "one direction closes, and the other carries the answer", .run = half_close},
	{.name = "fin-with-data",
	 .title = "the FIN is on the last data segment, and is sent again with the data",
	 .run = fin_with_data},
	{.name = NULL},
};

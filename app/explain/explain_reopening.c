/* SPDX-License-Identifier: BSD-3-Clause */

/* Opening a tuple again: before 2*MSL is over, by an old duplicate SYN, and after a crash. */

#include <string.h>

#include "explain/explain.h"

/* ------------------------------------------------------------------ a provably newer SYN */

static void
reopen_newer(struct explain *x)
{
	static const struct la_sim_plan server = {.send = 5, .text = "hello", .ending = LA_SIM_CLOSE};
	static const struct la_sim_plan client = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
	const struct la_ladder_item *old, *new;
	struct la_sim_conn *a, *b, *a2, *b2;

	if (!ex_world(x, &(struct la_sim_config){0}, &server))
		return;
	a = ex_open(x, &client);
	ex_until(x, 2000);
	b = ex_server(x);
	a2 = ex_open(x, &client);
	if (!a2)
		return;
	ex_until(x, 3000);
	b2 = ex_server(x);
	ex_quiet(x);
	old = ex_nth(x, 0, LA_SYN, 0, 0);
	new = ex_nth(x, 0, LA_SYN, 0, 1);

	ex_say(x,
	       "B closes first, so B has TIME_WAIT. A opens the same tuple again after %.3f s. B "
	       "may accept: a SYN whose sequence number is above all numbers of the old connection, "
	       "and whose timestamp is newer than the last of that connection, cannot be an old "
	       "duplicate (RFC 9293 3.6.1, RFC 6191). Here the number is %u above that of the old SYN. "
	       "B ends its TIME_WAIT and opens. An old segment that is still in the network has an older "
	       "timestamp than the new incarnation, and PAWS drops it.",
	       old && new ? (double)(new->us - old->us) / 1e6 : 0, old && new ? new->abs_seq - old->abs_seq : 0);
	ex_told(x, "B of #1", b, LA_END_ORDERLY);
	ex_told(x, "A of #2", a2, LA_END_ORDERLY);
	ex_told(x, "B of #2", b2, LA_END_ORDERLY);
	ex_is_true(x, "the second SYN's number is above the first's",
		   old && new && (int32_t)(new->abs_seq - old->abs_seq) > 0);
	ex_is(x, "TIME_WAIT entries reopened by a newer SYN", ex_count(x, EX_B, LA_C_time_wait_reopened), 1);
	ex_is(x, "TIME_WAIT entries ended early", ex_count(x, EX_B, LA_C_early_recycles), 0);
	ex_is(x, "bytes A reads in both", a->got + a2->got, 10);
	ex_is(x, "wrong bytes", a->wrong + a2->wrong, 0);
	ex_between(x, "B is in TIME_WAIT after #2", ex_longest(x, 1, LA_TIME_WAIT), 60, 60.002, "s");
	ex_verdict(x,
		   "the tuple was open again %.3f s after the start, %lu TIME_WAIT reopened by rule, no "
		   "byte wrong, and #2 is followed by a TIME_WAIT of its own.",
		   ex_opened(x, a2), ex_count(x, EX_B, LA_C_time_wait_reopened));
}

/* ------------------------------------------------------------------ an old duplicate with a newer number */

/* Returns the time from the creation of the entry to its final end, s. */
static double
whole_time_wait(const struct explain *x)
{
	const struct la_ladder_item *it;
	double first = -1, last = 0;

	for (unsigned i = 0; (it = la_ladder_item(x->ladder, i)); i++) {
		if (it->what != LA_LADDER_STATE || it->side != 1)
			continue;
		if (it->to == LA_TIME_WAIT && first < 0)
			first = (double)it->us / 1e6;
		if (it->from == LA_TIME_WAIT)
			last = (double)it->us / 1e6;
	}
	return last - first;
}

static void
reopen_old_duplicate(struct explain *x)
{
	/* the 2nd SYN from A is the story's first: ex_introduce() has sent one */
	static const char *const faults[] = {"hold the 2nd syn from A for 8s"};
	static const struct la_sim_plan server = {
		.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_TIME, .amount = 200, .opts = {.no_timestamps = true}};
	static const struct la_sim_plan client = {
		.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN, .opts = {.no_timestamps = true}};
	/* with this seed A's second ISN is lower than its first */
	struct la_sim_config cfg = {.seed = 12, .faults = faults, .nfaults = 1};
	const struct la_ladder_item *old, *new;
	struct la_sim_conn *a2, *b;

	if (!ex_world(x, &cfg, &server))
		return;
	ex_open(x, &client);
	ex_until(x, 500);
	if (la_sim_restart(x->w, EX_A, false, 0)) {
		snprintf(x->error, sizeof(x->error), "A does not restart");
		return;
	}
	ex_until(x, 600);
	a2 = ex_open(x, &client);
	ex_until(x, 2000);
	b = ex_server(x);
	ex_quiet(x);
	if (!a2)
		return;
	old = ex_nth(x, 0, LA_SYN, 0, 0);
	new = ex_nth(x, 0, LA_SYN, 0, 1);

	ex_say(x,
	       "A router holds A's SYN. A crashes, and its next ISN, with a new secret, is %u below "
	       "that of the held SYN. The second connection opens and closes, and B is in TIME_WAIT "
	       "when the old SYN arrives. Its number is newer, so B opens a connection. A has no "
	       "such connection: A answers the SYN,ACK with a RST. A stack that removes its TIME_WAIT "
	       "entry at the SYN has no entry now. B kept the entry during the handshake and "
	       "gives it back (RFC 1122 4.2.2.13 (2)), with its old deadline: TIME_WAIT lasts %.3f "
	       "s from its start to its end.",
	       old && new ? old->abs_seq - new->abs_seq : 0, whole_time_wait(x));
	ex_is_true(x, "the old SYN's number is above the new one's",
		   old && new && (int32_t)(old->abs_seq - new->abs_seq) > 0);
	ex_told(x, "A of #2", a2, LA_END_ORDERLY);
	ex_told(x, "B of #2", b, LA_END_ORDERLY);
	ex_is(x, "TIME_WAIT entries given back", ex_count(x, EX_B, LA_C_time_wait_given_back), 1);
	ex_is(x, "connections B opened", ex_count(x, EX_B, LA_C_opens_passive), 1);
	ex_between(x, "TIME_WAIT from its start to its end", whole_time_wait(x), 60, 60.002, "s");
	ex_is(x, "TIME_WAIT entries ended early", ex_count(x, EX_B, LA_C_early_recycles), 0);
	ex_verdict(x,
		   "an old duplicate SYN was newer by its number, %lu entry was given back, and "
		   "TIME_WAIT lived its full %.0f s.",
		   ex_count(x, EX_B, LA_C_time_wait_given_back), whole_time_wait(x));
}

/* ------------------------------------------------------------------ quiet time */

static const struct la_sim_plan crash_old = {
	.send = 12, .chunk = 4, .every_ms = 10, .text = "OLD-", .opts = {.no_timestamps = true, .nodelay = true}};
static const struct la_sim_plan crash_new = {.send = 12,
					     .chunk = 4,
					     .every_ms = 20000,
					     .text = "new.",
					     .ending = LA_SIM_CLOSE,
					     .opts = {.no_timestamps = true, .nodelay = true}};
static const struct la_sim_plan crash_server = {
	.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN, .opts = {.no_timestamps = true}};

enum { CRASH_MS = 100, QUIET_MS = 30000, SLACK_MS = 1 };

static bool
crash_and_restart(struct explain *x, uint32_t quiet_ms, struct ex_two *c)
{
	static const char *const faults[] = {"hold the 2nd data from A for 10s"};
	struct la_sim_config cfg = {.faults = faults, .nfaults = 1};

	ex_fixed_isn(&cfg, 1000, 5000);
	if (!ex_world(x, &cfg, &crash_server))
		return false;
	c->a = ex_open(x, &crash_old);
	ex_until(x, CRASH_MS);
	c->b = ex_server(x);
	if (la_sim_restart(x->w, EX_A, false, quiet_ms)) {
		snprintf(x->error, sizeof(x->error), "A does not restart");
		return false;
	}
	ex_until(x, 1000);
	return ex_open_again(x, &crash_new, CRASH_MS + QUIET_MS + SLACK_MS, 5000, c);
}

static double
second_syn(const struct explain *x)
{
	const struct la_ladder_item *it = ex_nth(x, 0, LA_SYN, 0, 1);

	return it ? (double)it->us / 1e6 : 0;
}

static void
quiet_time(struct explain *x)
{
	struct ex_two c;

	if (!crash_and_restart(x, QUIET_MS, &c))
		return;
	ex_bytes(x, c.a2, c.b2);
	ex_say(x,
	       "A crashes, and does not know which sequence numbers are still in the network. It "
	       "keeps quiet time for one MSL (RFC 9293 3.4.3): its user's open is refused, and no "
	       "SYN is sent before %.3f s. In this time the segment that a router held arrives at "
	       "B, which still has the old connection, to which the segment belongs. A has no "
	       "connection for B's ACK and answers it with a RST, which ends B's old connection. "
	       "When A opens again, no old segment is left.",
	       second_syn(x));
	ex_is_true(x, "opening is refused in quiet time", c.refused);
	ex_between(x, "A's first SYN after the crash", second_syn(x), (CRASH_MS + QUIET_MS) / 1e3,
		   (CRASH_MS + QUIET_MS) / 1e3 + 1, "s");
	ex_told(x, "B of #1", c.b, LA_END_RESET);
	ex_is(x, "bytes B reads in #1, with the held segment", c.b->got, crash_old.send);
	ex_is(x, "bytes B reads in #2", c.b2->got, crash_new.send);
	ex_is(x, "wrong bytes", c.b2->wrong, 0);
	ex_told(x, "A of #2", c.a2, LA_END_ORDERLY);
	ex_verdict(x, "quiet for %.0f s after a crash, and %u wrong bytes afterwards.", QUIET_MS / 1e3, c.b2->wrong);
}

static void
quiet_time_without(struct explain *x)
{
	struct ex_two c;

	if (!crash_and_restart(x, 0, &c))
		return;
	ex_bytes(x, c.a2, c.b2);
	ex_say(x,
	       "A crashes and opens again immediately. B still has the old connection and answers "
	       "the SYN with an ACK from it (RFC 5961 4). A's RST ends the old connection, and A's "
	       "SYN, sent again at %.3f s, opens the tuple again. No table shows that a segment of the "
	       "old connection is in flight. This segment arrives when its SEG.SEQ is B's RCV.NXT in "
	       "the new incarnation, and is delivered.",
	       ex_nth(x, 0, LA_SYN, 0, 2) ? (double)ex_nth(x, 0, LA_SYN, 0, 2)->us / 1e6 : 0);
	ex_is_true(x, "opening is not refused", !c.refused);
	ex_told(x, "B of #1", c.b, LA_END_RESET);
	ex_is(x, "bytes B reads in #2", c.b2->got, crash_new.send);
	ex_is(x, "bytes of #1 among them", c.b2->wrong, 4);
	ex_told(x, "A of #2", c.a2, LA_END_ORDERLY);
	ex_verdict(x, "%u bytes from before the crash were delivered in a connection after the crash.", c.b2->wrong);
}

#define OVERLAP                                                                                \
	"both hosts begin every connection at the same sequence number, as hosts without RFC " \
	"6528 do after a boot"

const struct scenario explain_reopening[] = {
	{.name = "reopen-newer",
	 .title = "a provably newer SYN ends TIME_WAIT by rule",
	 .see = "reopen-old-duplicate",
	 .run = reopen_newer},
	{.name = "reopen-old-duplicate",
	 .title = "an old SYN with a newer number: TIME_WAIT is given back",
	 .see = "reopen-newer",
	 .run = reopen_old_duplicate},
	{.name = "restart-quiet-time",
	 .title = "a host that crashed sends no SYN for one MSL",
	 .weak = OVERLAP ".",
	 .see = "restart-without-quiet-time",
	 .run = quiet_time},
	{.name = "restart-without-quiet-time",
	 .title = "bytes from before a crash are delivered after it",
	 .weak = "A keeps no quiet time, and " OVERLAP ".",
	 .see = "restart-quiet-time",
	 .run = quiet_time_without},
	{.name = NULL},
};

/* SPDX-License-Identifier: BSD-3-Clause */

/* Old duplicates: Stevens' wandering duplicate, RFC 1337's assassination, and sequence numbers that wrap. */

#include "explain/explain.h"

/* ------------------------------------------------------------------ the wandering duplicate */

static const struct la_sim_plan wander_old = {.send = 12,
					      .chunk = 4,
					      .every_ms = 10,
					      .text = "OLD-",
					      .ending = LA_SIM_CLOSE,
					      .opts = {.no_timestamps = true, .nodelay = true}};
static const struct la_sim_plan wander_new = {.send = 12,
					      .chunk = 4,
					      .every_ms = 7000,
					      .text = "new.",
					      .ending = LA_SIM_CLOSE,
					      .opts = {.no_timestamps = true, .nodelay = true}};
static const struct la_sim_plan wander_server = {
	.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN, .opts = {.no_timestamps = true}};

/* Returns the time at which the n-th (from 0) segment that a router held or delayed arrives, s; 0: there is none. */
static double
late_arrival(const struct explain *x, unsigned n)
{
	const struct la_ladder_item *it;

	for (unsigned i = 0; (it = la_ladder_item(x->ladder, i)); i++)
		if (it->what == LA_LADDER_ARRIVED && it->late && n-- == 0)
			return (double)it->us / 1e6;
	return 0;
}

static bool
run_wandering(struct explain *x, unsigned weak, struct ex_two *t)
{
	static const char *const faults[] = {"hold the 2nd data from A for 10s"};
	struct la_sim_config cfg = {.faults = faults, .nfaults = 1};

	cfg.host[EX_A].weak = weak;
	ex_fixed_isn(&cfg, 1000, 5000);
	if (!ex_world(x, &cfg, &wander_server))
		return false;
	t->a = ex_open(x, &wander_old);
	ex_until(x, 5000);
	t->b = ex_server(x);
	return ex_open_again(x, &wander_new, 65000, 1000, t);
}

static void
wandering_duplicate(struct explain *x)
{
	struct ex_two t;

	if (!run_wandering(x, 0, &t))
		return;
	ex_bytes(x, t.a2, t.b2);
	ex_say(x,
	       "A router holds a segment. A sends it again, all data is delivered, and the "
	       "connection closes. A closed first and has the tuple in TIME_WAIT: when its user "
	       "opens the tuple again, the open is refused. The duplicate arrives at %.3f s at B, "
	       "which has no connection and answers with a RST. A ignores this RST in TIME_WAIT "
	       "(RFC 1337). The new incarnation opens at %.3f s. After 2*MSL no segment of the old "
	       "connection is left in the network.",
	       late_arrival(x, 0), ex_opened(x, t.a2));
	ex_told(x, "A of #1", t.a, LA_END_ORDERLY);
	ex_told(x, "B of #1", t.b, LA_END_ORDERLY);
	ex_is_true(x, "the tuple is refused while in TIME_WAIT", t.refused);
	ex_is(x, "RSTs A ignores in TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_rst_ignored), 1);
	ex_is_true(x, "the duplicate arrives before #2 opens",
		   late_arrival(x, 0) > 0 && late_arrival(x, 0) < ex_opened(x, t.a2));
	ex_is(x, "bytes B reads in #2", t.b2->got, wander_new.send);
	ex_is(x, "wrong bytes", t.b2->wrong, 0);
	ex_is(x, "TIME_WAIT entries ended early", ex_count(x, EX_A, LA_C_early_recycles), 0);
	ex_verdict(x,
		   "B read %u bytes of the new incarnation, %u of them wrong: the duplicate arrived "
		   "before TIME_WAIT ended.",
		   t.b2->got, t.b2->wrong);
}

static void
wandering_without(struct explain *x)
{
	struct ex_two t;

	if (!run_wandering(x, LA_SIM_NO_TIME_WAIT, &t))
		return;
	ex_bytes(x, t.a2, t.b2);
	ex_say(x,
	       "A router holds a segment; A sends it again and the connection closes. A keeps no "
	       "TIME_WAIT, so the tuple is free. Its second incarnation opens at %.3f s, and its "
	       "sequence numbers overlap those of the first. At %.3f s the duplicate arrives: <SEQ=5> "
	       "is exactly B's RCV.NXT. Its bytes are delivered to the new incarnation. The bytes "
	       "of the new incarnation with the same numbers arrive later and are dropped as "
	       "duplicates. B has acknowledged bytes that A has not sent, and the two ends answer "
	       "each other's ACKs until the limit on challenge ACKs (RFC 5961 7) stops this. The "
	       "checksums are right, both ends report an orderly close, and no counter shows the "
	       "fault.",
	       ex_opened(x, t.a2), late_arrival(x, 0));
	ex_told(x, "A of #1", t.a, LA_END_ORDERLY);
	ex_told(x, "B of #1", t.b, LA_END_ORDERLY);
	ex_told(x, "A of #2", t.a2, LA_END_ORDERLY);
	ex_told(x, "B of #2", t.b2, LA_END_ORDERLY);
	ex_is_true(x, "the duplicate arrives after #2 opened", late_arrival(x, 0) > ex_opened(x, t.a2));
	ex_is(x, "bytes B reads in #2", t.b2->got, wander_new.send);
	ex_is(x, "bytes of #1 among them", t.b2->wrong, 4);
	ex_is(x, "offset of the first wrong byte", t.b2->wrong_at, 4);
	ex_verdict(x,
		   "%u bytes of a closed connection were delivered in the next one, and '%s' is "
		   "reported to both ends.",
		   t.b2->wrong, la_end_name(t.b2->why.end));
}

/* ------------------------------------------------------------------ assassination */

static const struct la_sim_plan victim = {
	.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_GOT, .amount = 8, .opts = {.no_timestamps = true}};
/* A's plan for #2: A closes late, so that all old duplicates arrive before the close. */
static const struct la_sim_plan victim2 = {
	.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_TIME, .amount = 30000, .opts = {.no_timestamps = true}};
static const struct la_sim_plan says_old = {.send = 8,
					    .chunk = 4,
					    .every_ms = 10,
					    .text = "OLD-",
					    .ending = LA_SIM_CLOSE,
					    .when = LA_SIM_WHEN_PEER_FIN,
					    .opts = {.no_timestamps = true, .nodelay = true}};
static const struct la_sim_plan says_new = {.send = 8,
					    .chunk = 4,
					    .every_ms = 12000,
					    .text = "new.",
					    .ending = LA_SIM_CLOSE,
					    .when = LA_SIM_WHEN_PEER_FIN,
					    .opts = {.no_timestamps = true, .nodelay = true}};

static bool
run_assassination(struct explain *x, unsigned weak, struct ex_two *t)
{
	static const char *const faults[] = {"dup the 1st data from B for 10s", "dup the 2nd data from B for 20s"};
	struct la_sim_config cfg = {.faults = faults, .nfaults = 2};

	cfg.host[EX_A].weak = weak;
	ex_fixed_isn(&cfg, 1000, 5000);
	if (!ex_world(x, &cfg, &says_old))
		return false;
	t->a = ex_open(x, &victim);
	ex_until(x, 12000);
	t->b = ex_server(x);
	/* B's next connection sends other bytes, so that old and new bytes differ */
	if (la_unlisten(la_sim_shard(x->w, EX_B), NULL, EX_PORT_B) || la_sim_listen(x->w, EX_B, EX_PORT_B, &says_new)) {
		snprintf(x->error, sizeof(x->error), "B cannot listen again");
		return false;
	}
	return ex_open_again(x, &victim2, 65000, 1000, t);
}

/* Returns the time that A was in TIME_WAIT after #1, s. */
static double
first_time_wait(const struct explain *x)
{
	const struct la_ladder_item *it;
	double since = -1;

	for (unsigned i = 0; (it = la_ladder_item(x->ladder, i)); i++) {
		if (it->what != LA_LADDER_STATE || it->side != 0)
			continue;
		if (since >= 0)
			return (double)it->us / 1e6 - since;
		if (it->to == LA_TIME_WAIT)
			since = (double)it->us / 1e6;
	}
	return 0;
}

static void
time_wait_assassination(struct explain *x)
{
	struct ex_two t;

	if (!run_assassination(x, 0, &t))
		return;
	ex_bytes(x, t.b2, t.a2);
	ex_say(x,
	       "At %.3f s an old duplicate of B's data arrives at A in TIME_WAIT. A answers an "
	       "unacceptable segment with an ACK. B has no connection any more, and answers this "
	       "ACK with a RST, whose SEG.SEQ is A's RCV.NXT. RFC 1337 calls this TIME_WAIT "
	       "assassination, and its rule F1 is: ignore RSTs in TIME_WAIT. A stays in TIME_WAIT "
	       "for %.3f s, so the second duplicate, at %.3f s, also arrives in TIME_WAIT.",
	       late_arrival(x, 0), first_time_wait(x), late_arrival(x, 1));
	ex_is(x, "old duplicates A answers with an ACK", ex_count(x, EX_A, LA_C_time_wait_acked), 2);
	ex_is(x, "RSTs A ignores in TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_rst_ignored), 2);
	ex_between(x, "A is in TIME_WAIT after #1", first_time_wait(x), 60, 60.002, "s");
	ex_is_true(x, "the tuple is refused while in TIME_WAIT", t.refused);
	ex_is(x, "bytes A reads in #2", t.a2->got, says_new.send);
	ex_is(x, "wrong bytes", t.a2->wrong, 0);
	ex_told(x, "A of #2", t.a2, LA_END_ORDERLY);
	ex_verdict(x,
		   "%lu RSTs with SEG.SEQ = RCV.NXT did not end TIME_WAIT, and A read %u wrong "
		   "bytes in the next incarnation.",
		   ex_count(x, EX_A, LA_C_time_wait_rst_ignored), t.a2->wrong);
}

static void
assassination_without(struct explain *x)
{
	struct ex_two t;

	if (!run_assassination(x, LA_SIM_ASSASSIN, &t))
		return;
	ex_bytes(x, t.b2, t.a2);
	ex_say(x,
	       "The old duplicate at %.3f s draws an ACK from A, the ACK draws a RST from B, and "
	       "the RST ends A's TIME_WAIT after %.3f s instead of 60 s. Each end follows the rules "
	       "of RFC 793. The tuple is free, its second incarnation opens at %.3f s, and the next "
	       "old duplicate, at %.3f s, is delivered in it.",
	       late_arrival(x, 0), first_time_wait(x), ex_opened(x, t.a2), late_arrival(x, 1));
	ex_between(x, "A is in TIME_WAIT after #1", first_time_wait(x), 1, 11, "s");
	ex_is(x, "RSTs A ignores in TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_rst_ignored), 0);
	ex_is_true(x, "the tuple can be used before 2*MSL are over", !t.refused);
	ex_is(x, "bytes A reads in #2", t.a2->got, says_new.send);
	ex_is(x, "bytes of #1 among them", t.a2->wrong, 4);
	ex_told(x, "A of #2", t.a2, LA_END_ORDERLY);
	ex_verdict(x,
		   "one old duplicate ended TIME_WAIT after %.3f s, and the next one delivered %u old "
		   "bytes in the new incarnation.",
		   first_time_wait(x), t.a2->wrong);
}

/* ------------------------------------------------------------------ sequence numbers that wrap */

static void
sequence_wrap(struct explain *x)
{
	static const char *const faults[] = {"drop the 1st data from A", "drop the 1st lastack from A"};
	static const struct la_sim_plan client = {
		.send = 12, .chunk = 4, .every_ms = 10, .text = "abcdefghijkl", .opts = {.nodelay = true}};
	static const struct la_sim_plan server = {.ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
	struct la_sim_config cfg = {.faults = faults, .nfaults = 2};
	struct la_sim_conn *a, *b;
	const struct la_ladder_item *before, *after;

	ex_fixed_isn(&cfg, UINT32_MAX - 6, UINT32_MAX);
	if (!ex_world(x, &cfg, &server))
		return;
	a = ex_open(x, &client);
	ex_until(x, 1000);
	b = ex_server(x);
	la_sim_close(a);
	ex_quiet(x);
	before = ex_nth(x, 0, 0, 4, 0);
	after = ex_nth(x, 0, 0, 4, 2);

	ex_say(x,
	       "Sequence numbers are 32 bits: 0 follows 4294967295. Here they are shown as on the "
	       "wire. A's first byte is %u, its last segment begins at %u. Numbers are compared by "
	       "their difference, not by their size. The segment that is lost before the wrap is "
	       "sent again after the wrap. B's FIN has the number %u, and TIME_WAIT recognises the "
	       "repeated FIN by this number. A duplicate that is 2^32 bytes old would have the same "
	       "numbers; timestamps distinguish it (PAWS, RFC 7323), and MSL bounds its life.",
	       before ? before->abs_seq : 0, after ? after->abs_seq : 0,
	       ex_nth(x, 1, LA_FIN, 0, 0) ? ex_nth(x, 1, LA_FIN, 0, 0)->abs_seq : 0);
	ex_is_true(x, "the sequence numbers wrap in the data", before && after && after->abs_seq < before->abs_seq);
	ex_is(x, "bytes B reads", b->got, client.send);
	ex_is(x, "wrong bytes", b->wrong, 0);
	ex_is(x, "FINs A answers from TIME_WAIT", ex_count(x, EX_A, LA_C_time_wait_fin_acked), 1);
	ex_told(x, "A", a, LA_END_ORDERLY);
	ex_told(x, "B", b, LA_END_ORDERLY);
	ex_verdict(x, "%u bytes across the wrap, %u of them wrong, and '%s' is reported to both ends.", b->got,
		   b->wrong, la_end_name(b->why.end));
}

#define OVERLAP                                                                           \
	"both hosts begin every connection at the same sequence number, so that the two " \
	"incarnations' numbers overlap"

const struct scenario explain_duplicates[] = {
	{.name = "wandering-duplicate",
	 .title = "a held segment arrives late, but before TIME_WAIT ends",
	 .weak = OVERLAP ".",
	 .see = "wandering-duplicate-without-time-wait",
	 .run = wandering_duplicate},
	{.name = "wandering-duplicate-without-time-wait",
	 .title = "old bytes are delivered into the new incarnation",
	 .weak = "A ends TIME_WAIT immediately, and " OVERLAP ".",
	 .see = "wandering-duplicate, linger-reset",
	 .run = wandering_without},
	{.name = "assassination",
	 .title = "a RST arrives in TIME_WAIT, which ignores it (RFC 1337, F1)",
	 .weak = OVERLAP ".",
	 .see = "assassination-without-f1",
	 .run = time_wait_assassination},
	{.name = "assassination-without-f1",
	 .title = "a RST arrives in TIME_WAIT, and ends it",
	 .weak = "a RST ends A's TIME_WAIT, and " OVERLAP ".",
	 .see = "assassination",
	 .run = assassination_without},
	{.name = "sequence-wrap",
	 .title = "sequence numbers pass 2^32 during data and close",
	 .weak = "both ISNs are chosen, close to 2^32.",
	 .absolute = true,
	 .run = sequence_wrap},
	{.name = NULL},
};

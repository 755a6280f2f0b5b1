/* SPDX-License-Identifier: BSD-3-Clause */

/* Overload control alone: its start, its steady level, its end. */

#include <string.h>

#include <criterion/criterion.h>
#include <lastack/shard.h>

#include "run/shed.h"

static struct la_shed d;
static struct la_counters c;
static uint64_t now, missed;
static bool lossless;

/* Checks after LA_SHED_MS with `waiting` frames in the ring; one of `one_in` received frames is a SYN. Returns the
 * level. */
static unsigned
check(unsigned waiting, unsigned one_in)
{
	now += LA_SHED_MS;
	c.v[LA_C_rx_packets] += 4096;
	c.v[LA_C_syns_accepted] += 4096 / one_in;
	missed += waiting >= LA_SHED_LOOK && !lossless;
	cr_assert(la_shed_due(&d, now, waiting >= 32) || (d.level == 0 && waiting < 32));
	return la_shed_note(&d, now, waiting, missed, &c);
}

static unsigned
check_times(unsigned n, unsigned waiting, unsigned one_in)
{
	unsigned level = d.level;

	while (n-- > 0)
		level = check(waiting, one_in);
	return level;
}

Test(shed, begins_when_the_ring_stays_full)
{
	cr_assert_eq(check_times(LA_SHED_BEGIN - 1, LA_SHED_LOOK, 4), 0u);
	cr_assert_eq(check(LA_SHED_TARGET, 4), 0u, "the ring was not full at every check");
	cr_assert_eq(check_times(LA_SHED_BEGIN - 1, LA_SHED_LOOK, 4), 0u);
	cr_assert_gt(check(LA_SHED_LOOK, 4), 0u);
}

Test(shed, a_closed_loop_that_the_ring_holds_loses_no_syn)
{
	cr_assert_eq(check_times(1000, LA_SHED_FULL, 4), 0u);
}

Test(shed, reaches_all_and_ends_within_half_a_second)
{
	cr_assert_eq(check_times(100, LA_SHED_LOOK, 4), (unsigned)LA_SHED_ALL);
	cr_assert_eq(check_times(500 / LA_SHED_MS, 0, 4), 0u);
	cr_assert(!la_shed_due(&d, now + 1000, false), "a check is due without shedding and without frames");
}

/* Runs a queue that grows when too much is admitted, and shrinks otherwise. The load is `times` the capacity. Expects
 * that the share of shed SYNs is the excess. */
static void
expect_steady_level(double times)
{
	double level = 0, shed_sum = 0;
	int waiting = 0;

	for (unsigned i = 0; i < 4000; i++) {
		double in = times * (1 - d.level / 256.0);

		waiting += (int)((in - 1) * 2000);
		waiting = waiting < 0 ? 0 : waiting > LA_SHED_LOOK ? LA_SHED_LOOK : waiting;
		level = check((unsigned)waiting, 4);
		if (i >= 2000)
			shed_sum += level / 256;
	}
	cr_expect(shed_sum / 2000 > 1 - 1 / times - 0.05 && shed_sum / 2000 < 1 - 1 / times + 0.05,
		  "%g times the capacity: %.3f shed", times, shed_sum / 2000);
}

Test(shed, settles_where_the_admitted_load_can_be_carried)
{
	expect_steady_level(1.3);
	memset(&d, 0, sizeof(d));
	expect_steady_level(2);
	memset(&d, 0, sizeof(d));
	expect_steady_level(4);
}

/* Shedding SYNs does not help a server that is busy with uploads. */
Test(shed, does_not_begin_when_syns_are_few)
{
	cr_assert_eq(check_times(1000, LA_SHED_LOOK, 64), 0u);
	check_times(100, LA_SHED_LOOK, 4);
	cr_assert_eq(check_times(500 / LA_SHED_MS, LA_SHED_LOOK, 64), 0u);
}

/* A memif peer waits for room in the ring, so that no frame is lost. */
Test(shed, does_not_begin_while_nothing_is_lost)
{
	lossless = true;
	cr_assert_eq(check_times(1000, LA_SHED_LOOK, 4), 0u);
}

/* A port that does not count lost frames: retransmissions show the losses. */
Test(shed, begins_when_connections_time_out)
{
	lossless = true;
	check_times(1000, LA_SHED_LOOK, 4);
	for (unsigned i = 0; i < LA_SHED_LOSSY; i++) {
		cr_assert_eq(check_times(8, LA_SHED_LOOK, 4), 0u);
		c.v[LA_C_rto_expired] += 2;
		check(LA_SHED_LOOK, 4);
	}
	cr_assert_gt(d.level, 0u);
	check_times(LA_SHED_ALLOWED_MS / LA_SHED_MS - 2, LA_SHED_LOOK, 4);
	cr_assert_eq(d.level, (unsigned)LA_SHED_ALL);
	cr_assert_eq(check_times(500 / LA_SHED_MS, LA_SHED_LOOK, 4), 0u, "%u ms without a loss", LA_SHED_ALLOWED_MS);
}

/* Regression test. 507 SYN,ACKs without room in the queue of their next hop expired together a second later, while
 * waiting clients kept the ring full. Five seconds of shedding took a closed loop from 490 000 to 30 000 closes a
 * second. */
Test(shed, a_burst_of_losses_is_no_overload)
{
	lossless = true;
	for (unsigned burst = 0; burst < 20; burst++) {
		for (unsigned i = 0; i < 5; i++) {
			c.v[LA_C_rto_expired] += 100;
			cr_assert_eq(check(LA_SHED_LOOK, 4), 0u);
		}
		cr_assert_eq(check_times(LA_SHED_LOSSY_MS / LA_SHED_MS, LA_SHED_LOOK, 4), 0u);
	}
}

Test(shed, a_loss_now_and_then_is_no_overload)
{
	lossless = true;
	for (unsigned i = 0; i < 1000; i++) {
		c.v[LA_C_rto_expired] += i % 4 == 0;
		c.v[LA_C_rx_packets] += 4096;
		cr_assert_eq(check(LA_SHED_LOOK, 2), 0u);
	}
}

Test(shed, checks_are_rare)
{
	check(LA_SHED_LOOK, 4);
	cr_assert(!la_shed_due(&d, now, true));
	cr_assert(!la_shed_due(&d, now + LA_SHED_MS - 1, true));
	cr_assert(la_shed_due(&d, now + LA_SHED_MS, true));
	cr_assert(!la_shed_due(&d, now + LA_SHED_MS, false));
}

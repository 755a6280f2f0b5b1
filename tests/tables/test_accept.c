/* SPDX-License-Identifier: BSD-3-Clause */

/* The predicates of table/accept.h, compared with the text of their RFCs for each sequence number near an edge. */

#include <criterion/criterion.h>

#include "table/accept.h"

/* Values of RCV.NXT or TS.Recent, most of them near a wrap. */
static const uint32_t at[] = {0, 1, 1000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffffd, 0xfffffffe, 0xffffffff};

#define NAT (sizeof(at) / sizeof(at[0]))

/* RFC 9293 3.4: returns whether n is one of the expected numbers, RCV.NXT to RCV.NXT+RCV.WND-1. */
static bool
expected(uint32_t n, uint32_t rcv_nxt, uint32_t wnd)
{
	for (uint32_t k = 0; k < wnd; k++)
		if (n == rcv_nxt + k)
			return true;
	return false;
}

Test(accept, window)
{
	for (unsigned i = 0; i < NAT; i++) {
		for (uint32_t w = 0; w < 5; w++)
			cr_assert_eq(la_rcv_window(at[i] + w, at[i]), w);
		cr_assert_eq(la_rcv_window(at[i] + INT32_MAX, at[i]), INT32_MAX);
		cr_assert_eq(la_rcv_window(at[i] - 1, at[i]), 0, "the window is not 0 with its edge left of RCV.NXT");
	}
}

Test(accept, in_window)
{
	for (unsigned i = 0; i < NAT; i++)
		for (uint32_t w = 0; w < 5; w++)
			for (uint32_t d = -7u; d != 8; d++)
				cr_assert_eq(la_seq_in_window(at[i] + d, at[i], w), expected(at[i] + d, at[i], w),
					     "RCV.NXT %u, RCV.WND %u, SEG.SEQ RCV.NXT%+d", at[i], w, (int32_t)d);
}

/* The four rows of RFC 9293 table 6, and the special allowance for a valid ACK in the text below the table. */
static bool
table_6(uint32_t seq, uint32_t len, uint32_t rcv_nxt, uint32_t wnd)
{
	if (len == 0 && wnd == 0)
		return seq == rcv_nxt;
	if (len == 0)
		return expected(seq, rcv_nxt, wnd);
	if (wnd == 0)
		return seq == rcv_nxt; /* "not acceptable" in the table, but the ACK is processed */
	return expected(seq, rcv_nxt, wnd) || expected(seq + len - 1, rcv_nxt, wnd);
}

Test(accept, D_01_table_6)
{
	for (unsigned i = 0; i < NAT; i++)
		for (uint32_t w = 0; w < 5; w++)
			for (uint32_t d = -7u; d != 8; d++)
				for (uint32_t len = 0; len < 9; len++)
					cr_assert_eq(la_seg_acceptable(at[i] + d, len, at[i], w),
						     table_6(at[i] + d, len, at[i], w),
						     "RCV.NXT %u, RCV.WND %u, SEG.SEQ RCV.NXT%+d, SEG.LEN %u", at[i], w,
						     (int32_t)d, len);
}

Test(accept, T_04_paws)
{
	for (unsigned i = 0; i < NAT; i++) {
		cr_assert(!la_paws_is_older(at[i], at[i]), "an equal TSval counts as older");
		cr_assert(!la_paws_is_older(at[i] + 1, at[i]), "a newer TSval counts as older");
		cr_assert(!la_paws_is_older(at[i] + INT32_MAX, at[i]),
			  "a TSval newer by half the space counts as older");
		cr_assert(la_paws_is_older(at[i] - 1, at[i]), "an older TSval does not count as older");
		cr_assert(la_paws_is_older(at[i] - (1u << 31), at[i]),
			  "a TSval older by half the space does not count as older");
	}
}

Test(accept, T_05_outdated)
{
	const uint32_t days_24 = 24u * 24 * 3600 * 1000;

	cr_assert(!la_ts_recent_is_outdated(0));
	cr_assert(!la_ts_recent_is_outdated(days_24));
	cr_assert(la_ts_recent_is_outdated(days_24 + 1));
	cr_assert(la_ts_recent_is_outdated(UINT32_MAX));
}

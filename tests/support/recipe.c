/* SPDX-License-Identifier: BSD-3-Clause */

/* Takes a connection from CLOSED to each state of RFC 9293 3.3.2. Every step is checked, so a test starts in the
 * state that it names. Virtual time does not advance. */

#include "peer.h"

void
peer_to_syn_sent(struct peer *p)
{
	int err = user_connect(p);
	struct peer_rx *x;

	CHECK(p->r, err == 0, "la_connect: %d", err);
	x = peer_next(p);
	CHECK(p->r, x && x->flags == LA_SYN && x->len == 0, "no SYN");
	CHECK(p->r, peer_next(p) == NULL, "a second segment after the SYN");
	peer_expect_state(p, LA_SYN_SENT);
}

void
peer_to_syn_rcvd_passive(struct peer *p)
{
	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	peer_expect_state(p, LA_SYN_RCVD);
	peer_agree(p);
	CHECK(p->r, p->u.opened == 0, "`opened` was called in SYN_RCVD");
}

void
peer_to_syn_rcvd_active(struct peer *p)
{
	peer_to_syn_sent(p);
	peer_syn(p);
	peer_expect(p, LA_SYN | LA_ACK, p->ISS, p->IRS + 1, 0);
	peer_expect_state(p, LA_SYN_RCVD);
	peer_agree(p);
	CHECK(p->r, p->u.opened == 0, "`opened` was called in SYN_RCVD");
}

void
peer_to_established(struct peer *p)
{
	peer_to_syn_rcvd_passive(p);
	peer_ack(p);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_ESTABLISHED);
	peer_agree(p);
	CHECK(p->r, p->u.opened == 1, "`opened` was called %u times, expected once", p->u.opened);
}

void
peer_to_established_active(struct peer *p)
{
	peer_to_syn_sent(p);
	peer_send(p, LA_SYN | LA_ACK, p->IRS, p->N, 0);
	peer_expect(p, LA_ACK, p->ISS + 1, p->IRS + 1, 0);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_ESTABLISHED);
	peer_agree(p);
	CHECK(p->r, p->u.opened == 1, "`opened` was called %u times, expected once", p->u.opened);
}

static void
user_ends(struct peer *p, bool full)
{
	int err = full ? user_close(p) : user_shutdown(p);

	CHECK(p->r, err == 0, "%s: %d", full ? "la_close" : "la_shutdown", err);
}

void
peer_to_fin_wait_1(struct peer *p, bool full)
{
	peer_to_established(p);
	user_ends(p, full);
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->R, 0);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_FIN_WAIT_1);
	peer_agree(p);
}

void
peer_to_fin_wait_2(struct peer *p, bool full)
{
	peer_to_fin_wait_1(p, full);
	peer_ack(p);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_FIN_WAIT_2);
	peer_agree(p);
}

void
peer_to_close_wait(struct peer *p)
{
	peer_to_established(p);
	peer_fin(p);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_CLOSE_WAIT);
	peer_agree(p);
	CHECK(p->r, p->u.peer_fin == 1, "`peer_fin` was not called");
}

void
peer_to_closing(struct peer *p, bool full)
{
	peer_to_fin_wait_1(p, full);
	p->snd++;
	peer_send(p, LA_FIN | LA_ACK, p->R, p->N - 1, 0);
	peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_CLOSING);
	peer_agree(p);
	CHECK(p->r, p->u.closed == 0, "`closed` was called in CLOSING");
}

void
peer_to_last_ack(struct peer *p, bool full)
{
	peer_to_close_wait(p);
	user_ends(p, full);
	peer_expect(p, LA_FIN | LA_ACK, p->ISS + 1, p->R, 0);
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_LAST_ACK);
	peer_agree(p);
	CHECK(p->r, p->u.closed == 0, "`closed` was called in LAST_ACK");
}

void
peer_to_time_wait(struct peer *p, bool full, char path)
{
	switch (path) {
	case 'a':
		peer_to_fin_wait_2(p, full);
		peer_fin(p);
		peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
		break;
	case 'b':
		peer_to_fin_wait_1(p, full);
		peer_fin(p);
		peer_expect(p, LA_ACK, p->N, p->IRS + 2, 0);
		break;
	default:
		peer_to_closing(p, full);
		peer_ack(p);
		break;
	}
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_TIME_WAIT);
	user_expect_closed(p, LA_END_ORDERLY);
	CHECK(p->r, p->u.why.unacked == 0, "%llu bytes unacknowledged at an orderly end",
	      (unsigned long long)p->u.why.unacked);
}

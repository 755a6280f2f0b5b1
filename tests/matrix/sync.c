/* SPDX-License-Identifier: BSD-3-Clause */

/* What the synchronized states have in common. The sequence check comes first (RFC 9293 3.10.7.4),
 * then RST and SYN as RFC 5961 has them, then the ACK field; so these rows are the same from
 * ESTABLISHED to LAST_ACK. */

#include "matrix.h"

/* a: SYN in the window: a challenge ACK, whatever else (RFC 5961 4.2). */
void
sync_a(struct cell *c)
{
	enter(c);
	send(c, S, R, 0, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, S, R + 100, 0, 0);
	want(c, CHK);
	stays(c);
}

void
sync_b(struct cell *c)
{
	const uint32_t off[] = {(uint32_t)-1, (uint32_t)-5000, 0x40000000, 0x90000000};

	for (unsigned i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		enter(c);
		send(c, S, R + off[i], 0, 0);
		want(c, CHK);
		stays(c);
	}
	enter(c);
	send(c, S, R + W, 0, 0);
	want(c, CHK);
	stays(c);
}

/* c: the SYN bit decides, the ACK field is not looked at. */
void
sync_c(struct cell *c)
{
	enter(c);
	send(c, S | A, R, N, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, S | A, IRS, N, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, S | A, R, N + 1000, 0);
	want(c, CHK);
	stays(c);
}

void
sync_e(struct cell *c)
{
	enter(c);
	send(c, A, R, U, 0);
	want(c, NONE);
	send(c, A, R, U, 0);
	want(c, NONE);
	stays(c);
}

/* f: an ACK of something never sent; data on it must not be delivered. */
void
sync_f(struct cell *c)
{
	enter(c);
	send(c, A, R, N + 1, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R, N + 1, 10);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R, N + 0x7fffff00, 0);
	want(c, CHK);
	stays(c);
}

/* g: RFC 5961 5.2 (MAY-12): an ACK older than the largest window the peer ever offered. */
void
sync_g(struct cell *c)
{
	enter(c);
	send(c, A, R, TOO_OLD, 10);
	want(c, CHK);
	stays(c);
}

void
sync_h(struct cell *c)
{
	enter(c);
	send(c, A, R - 1, U, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R + W, U, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R - 1000, U, 0);
	want(c, CHK);
	stays(c);
}

void
sync_k(struct cell *c)
{
	enter(c);
	send(c, F | A, R - 1, U, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, F | A, R + W, U, 0);
	want(c, CHK);
	stays(c);
}

/* l: RFC 5961 3.2 step 2. A RST is taken at its sequence number alone: the ACK field, data on it
 * (RFC 9293 SHLD-2) and a missing or old timestamp (RFC 7323 5.2) do not matter. */
void
sync_l(struct cell *c)
{
	enter(c);
	send(c, RS, R, 0, 0);
	want(c, NONE);
	gone(c, LA_END_RESET);

	enter(c);
	send(c, RS | A, R, N, 0);
	want(c, NONE);
	gone(c, LA_END_RESET);

	enter(c);
	SEND(c, .flags = RS, .seq = R, .len = 20, .ts = TS_NONE);
	want(c, NONE);
	undelivered(c);
	gone(c, LA_END_RESET);
}

void
sync_m(struct cell *c)
{
	enter(c);
	send(c, RS, R + 1, 0, 0);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, RS | A, R + W - 1, N, 0);
	want(c, CHK);
	stays(c);
}

/* n: outside is silence; R + W is outside (RFC 5961 erratum 4845). */
void
sync_n(struct cell *c)
{
	enter(c);
	send(c, RS, R - 1, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS, R + W, 0, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS | A, R - 1, N, 0);
	want(c, NONE);
	stays(c);

	enter(c);
	send(c, RS, R + 0x80000000u, 0, 0);
	want(c, NONE);
	stays(c);
}

void
sync_q(struct cell *c)
{
	enter(c);
	send(c, A, R - 10, U, 10);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R - 1, U, 1);
	want(c, CHK);
	stays(c);
}

void
sync_r(struct cell *c)
{
	enter(c);
	send(c, A, R + W, U, 10);
	want(c, CHK);
	stays(c);

	enter(c);
	send(c, A, R + W + 100000, U, 10);
	want(c, CHK);
	stays(c);
}

/* s: no ACK bit: nothing, by the first half of the fifth step. */
void
sync_s(struct cell *c)
{
	const uint8_t flags[] = {0, LA_PSH, LA_URG, LA_FIN, LA_FIN | LA_PSH | LA_URG};

	for (unsigned i = 0; i < sizeof(flags); i++) {
		enter(c);
		send(c, flags[i], R, 0, 0);
		want(c, NONE);
		stays(c);
	}
	enter(c);
	send(c, LA_PSH, R, 0, 10);
	want(c, NONE);
	stays(c);
}

/* i to p behind the peer's FIN (RFC 9293 3.10.7.4 seventh and eighth step): ignored, and whatever
 * is said acknowledges nothing beyond the FIN. */
void
after_fin_i(struct cell *c)
{
	enter(c);
	send(c, F | A, R, U, 0);
	want(c, CHK | NONE);
	stays(c);
}

void
after_fin_j(struct cell *c)
{
	enter(c);
	send(c, F | A, R + 10, U, 0);
	want(c, CHK | NONE);
	stays(c);
}

void
after_fin_o(struct cell *c)
{
	enter(c);
	send(c, A, R, U, 10);
	want(c, CHK | NONE);
	stays(c);
}

void
after_fin_p(struct cell *c)
{
	enter(c);
	send(c, A, R + 10, U, 10);
	want(c, CHK | NONE);
	stays(c);
}

void
abort_resets(struct cell *c)
{
	enter(c);
	CHECK(c->r, user_abort(c->p) == 0, "la_abort");
	want(c, RST_NXT);
	gone(c, LA_END_ABORTED);
}

unsigned
retransmits(struct cell *c, uint32_t seq, uint64_t limit)
{
	uint64_t last = c->r->now, gap = 0, until = c->r->now + limit;
	struct peer_rx *x;
	unsigned n = 0;

	while (c->r->now < until && (x = peer_wait(c->p, until - c->r->now)) != NULL) {
		uint64_t now_gap = x->at - last;

		if (x->flags & LA_RST) /* giving up may say so; it is not a retransmission */
			continue;
		CHECK(c->r, x->seq == seq && x->end != x->seq,
		      "not a retransmission: seq ISS+%u len %u", x->seq - ISS, x->len);
		CHECK(c->r, n == 0 || now_gap + 1 >= 2 * gap || now_gap >= 60000,
		      "X-03: gap of %llu ms after one of %llu", (unsigned long long)now_gap,
		      (unsigned long long)gap);
		CHECK(c->r, n == 0 || now_gap <= 2 * gap + 2, "gap of %llu ms after one of %llu",
		      (unsigned long long)now_gap, (unsigned long long)gap);
		gap = now_gap;
		last = x->at;
		n++;
	}
	return n;
}

void
fin_timer(struct cell *c)
{
	uint64_t from;

	enter(c);
	from = c->r->now;
	CHECK(c->r, retransmits(c, N - 1, 400000) >= 3, "MUST-20: fewer than R1 retransmissions");
	CHECK(c->r, c->p->u.closed == 1 && c->p->u.closed_at >= from + 100000,
	      "SHLD-11: gave up before R2");
	gone(c, LA_END_TIMEOUT);
	CHECK(c->r, c->p->u.why.unacked == 0, "a FIN is not a byte");
}

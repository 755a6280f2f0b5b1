/* SPDX-License-Identifier: BSD-3-Clause */

/* The life of a TCB (lib/tcp/tcb.c): each step of the life, and the results of API calls before and after it. The
 * last scenario breaks each rule of a TCB and expects that la_tcb_check() reports the fault. */

#include <errno.h>
#include <stdio.h>

#include "net/shard.h"
#include "scenario.h"
#include "tcp/internal.h"

static struct la_tcb *
tcb_of(const struct peer *p)
{
	return (struct la_tcb *)p->u.c;
}

static void
expect_life(struct scene *s, const struct la_tcb *c, enum la_tcb_life life)
{
	CHECK(s->r, la_tcb_life(c) == life, "life %u, expected %u", la_tcb_life(c), life);
	CHECK(s->r, la_tcb_check(&s->r->s->tcp, stderr) == 0, "la_tcb_check() fails in life %u", life);
}

/* Returns a DETACHED connection: the peer's text and FIN arrived after the user's FIN was acknowledged, so the state is
 * TIME_WAIT and the text is unread. */
static struct peer *
detached(struct scene *s)
{
	struct peer *p = scene_another(s);

	p->u.hold = true;
	CHECK(s->r, user_shutdown(p) == 0, "la_shutdown failed");
	peer_ack(p);
	peer_send(p, LA_FIN | LA_ACK, p->R, p->got, 1000);
	expect_life(s, tcb_of(p), LA_TCB_DETACHED);
	return p;
}

SCENARIO(life, read_out, "a TCB is DETACHED until the last byte is read, then FREE")
{
	struct peer *p = detached(s);
	struct la_tcb *c = tcb_of(p);

	CHECK(s->r, la_send(p->u.c, "x", 1) == -EPIPE, "la_send did not fail with EPIPE");
	CHECK(s->r, la_send_room(p->u.c) == 0, "la_send_room is not 0");
	CHECK(s->r, la_shutdown(p->u.c) == -ENOTCONN, "la_shutdown did not fail with ENOTCONN");
	user_read(p, 999);
	expect_life(s, c, LA_TCB_DETACHED);
	user_read(p, 1);
	expect_life(s, c, LA_TCB_FREE);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(life, closed_unread, "la_close() ends a DETACHED TCB at once, and the end is orderly")
{
	struct peer *p = detached(s);
	struct la_tcb *c = tcb_of(p);

	CHECK(s->r, user_close(p) == 0, "la_close failed");
	expect_life(s, c, LA_TCB_FREE);
	user_expect_closed(p, LA_END_ORDERLY);
}

SCENARIO(life, aborted_unread, "la_abort() ends a DETACHED TCB at once, without a RST")
{
	struct peer *p = detached(s);
	struct la_tcb *c = tcb_of(p);
	uint64_t rsts = rig_counter(s->r, LA_C_rst_out);

	CHECK(s->r, user_abort(p) == 0, "la_abort failed");
	expect_life(s, c, LA_TCB_FREE);
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) == rsts, "a RST was sent");
	user_expect_closed(p, LA_END_ABORTED);
}

/* A `closed` callback that makes all API calls, which must have no effect. *user: 0 if they had none. */
static void
closed_calls(struct la_conn *conn, void *user, const struct la_closed *why)
{
	const struct la_tcb *c = (const struct la_tcb *)conn;
	unsigned *wrong = user;

	(void)why;
	*wrong = la_tcb_life(c) != LA_TCB_ENDED || la_send(conn, "x", 1) != -ENOTCONN || la_send_room(conn) != 0 ||
		 la_unread(conn) != 0 || la_shutdown(conn) != -ENOTCONN || la_close(conn) != -EALREADY ||
		 la_abort(conn) != -EALREADY;
	la_consume(conn, 1);
	la_set_timer(conn, 1);
	la_set_nodelay(conn, true);
	*wrong += c->flags & LA_F_USER_TIMER ? 1 : 0;
}

static const struct la_conn_ops closed_ops = {.closed = closed_calls};

SCENARIO(life, ended, "calls from `closed` have no effect, whether a call or a segment ended the connection")
{
	for (unsigned by_segment = 0; by_segment < 2; by_segment++) {
		struct peer *p = scene_another(s);
		struct la_tcb *c = tcb_of(p);
		unsigned wrong = 99;

		expect_life(s, c, LA_TCB_LIVE);
		la_set_ops(p->u.c, &closed_ops);
		la_set_user(p->u.c, &wrong);
		if (by_segment)
			peer_send(p, LA_RST, p->R, 0, 0);
		else
			la_abort(p->u.c);
		p->u.c = NULL;
		CHECK(s->r, wrong == 0, "a call had an effect, or `closed` was not called (%u)", wrong);
		expect_life(s, c, LA_TCB_FREE);
	}
}

SCENARIO(life, checker, "la_tcb_check() reports each broken rule")
{
	struct peer *dead = scene_another(s), *p, *q;
	struct la_tcb *gone = tcb_of(dead), *live, *kept, was;
	struct la_tcp *t = &s->r->s->tcp;
	FILE *null = fopen("/dev/null", "w");

	p = scene_another(s);
	q = detached(s);
	live = tcb_of(p);
	kept = tcb_of(q);
	CHECK(s->r, user_abort(dead) == 0, "la_abort failed");
	expect_life(s, gone, LA_TCB_FREE);

#define BREAKS(c, change)                                                                    \
	do {                                                                                 \
		was = *(c);                                                                  \
		change;                                                                      \
		CHECK(s->r, la_tcb_check(t, null) > 0, #change);                             \
		*(c) = was;                                                                  \
		CHECK(s->r, la_tcb_check(t, stderr) == 0, "a restored TCB fails the check"); \
	} while (0)

	BREAKS(gone, gone->flags |= LA_F_REXMT_ON);
	BREAKS(gone, gone->state = LA_TIME_WAIT);
	BREAKS(gone, gone->bufs++);
	BREAKS(gone, gone->next = la_tcb_slot(gone));
	BREAKS(gone, la_tcb_set_life(gone, LA_TCB_LIVE));
	BREAKS(live, live->flags |= LA_F_BUSY);
	BREAKS(live, live->flags |= LA_F_PENDING);
	BREAKS(live, live->flags |= LA_F_USER_CLOSED);
	BREAKS(live, live->state = LA_CLOSED);
	BREAKS(live, live->rport++);
	BREAKS(live, live->snd_nxt++);
	BREAKS(live, (live->snd_nxt += 2, live->snd_max += 2));
	BREAKS(live, live->cwnd = 0);
	BREAKS(live, live->mss = LA_MSS_MIN - 1);
	BREAKS(live, live->rcv_queued++);
	BREAKS(live, live->shadow = la_ref_make(LA_POOL_TW4, 1));
	BREAKS(live, la_tcb_set_life(live, LA_TCB_DETACHED));
	BREAKS(live, la_tcb_set_life(live, LA_TCB_ENDED));
	BREAKS(kept, kept->state = LA_FIN_WAIT_2);
	BREAKS(kept, kept->flags |= LA_F_USER_CLOSED);
	BREAKS(kept, kept->flags |= LA_F_REXMT_ON);
	BREAKS(kept, kept->rcv_queued--);
	BREAKS(kept, kept->rcv_tail = NULL);
	BREAKS(kept, la_tcb_set_life(kept, LA_TCB_ENDED));
#undef BREAKS
	t->tcb_live++;
	CHECK(s->r, la_tcb_check(t, null) > 0, "a wrong tcb_live was not reported");
	t->tcb_live--;
	fclose(null);
}

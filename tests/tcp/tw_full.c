/* SPDX-License-Identifier: BSD-3-Clause */

/* A TIME_WAIT table without a free entry: newer SYNs are refused, and the entries continue. */

#include "scenario.h"

/* Opens a connection from the peer, whether or not the SYN is answered by a cookie. */
static struct peer *
open_next(struct scene *s)
{
	struct peer *p = peer_new(s->r, &s->o);

	if (s->r->npeers == 1)
		peer_listen(p);
	peer_syn(p);
	peer_skip(p);
	p->snd = p->IRS + 1;
	p->got = p->ISS + 1;
	peer_ack(p);
	peer_expect_state(p, LA_ESTABLISHED);
	return p;
}

static void
check_reopens(struct scene *s, uint32_t cookies_at)
{
	enum { N = 8 };
	struct peer *p[N];

	scene_rig(s, &(struct rig_opts){
			     .max_time_wait4 = N, .max_time_wait6 = N, .msl_ms = 10000, .syn_cookies_at = cookies_at});
	for (unsigned i = 0; i < N; i++) {
		p[i] = open_next(s);
		CHECK(s->r, user_close(p[i]) == 0, "la_close failed");
		peer_skip(p[i]);
		p[i]->got = p[i]->ISS + 2;
		peer_ack(p[i]);
		peer_fin(p[i]);
		peer_skip(p[i]);
		peer_expect_state(p[i], LA_TIME_WAIT);
	}
	rig_run(s->r, 1000);
	for (unsigned i = 0; i < N; i++) {
		peer_send(p[i], LA_SYN, p[i]->R + 1000, 0, 0);
		peer_expect_none(p[i], 0);
		peer_expect_state(p[i], LA_TIME_WAIT);
	}
	CHECK(s->r, rig_counter(s->r, LA_C_tw_reserve_exhausted) >= N,
	      "tw_reserve_exhausted is %lu, expected at least 8", rig_counter(s->r, LA_C_tw_reserve_exhausted));
	rig_run(s->r, 1000);
	for (unsigned i = 0; i < N; i++) {
		peer_send(p[i], LA_ACK, p[i]->R - 1, p[i]->N, 0); /* an old duplicate */
		peer_expect(p[i], LA_ACK, p[i]->N, p[i]->R, 0);
		peer_send(p[i], LA_FIN | LA_ACK, p[i]->R - 1, p[i]->N, 0);
		peer_expect(p[i], LA_ACK, p[i]->N, p[i]->R, 0);
	}
}

SCENARIO(tw_full, reopen_refused, "without a free entry a newer SYN is refused, and the old entry still answers")
{
	check_reopens(s, UINT32_MAX);
	check_reopens(s, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Whole lives of connections with a correct peer. Each stage is one burst, in which the connections are interleaved.
 * The numbers of a segment follow from the segments before it in the burst. */

#include "world.h"

enum {
	TEXT_WITH_ACK = 8, /* the ACK of the handshake has data */
	FIN_WITH_TEXT = 16,
	USER_FIRST = 32, /* the shard's user closes before the peer's FIN arrives */
	TWICE = 64,	 /* each segment arrives twice */
	AT_ONCE = 128,	 /* ACK, data and FIN are one burst */
};

struct life {
	struct line *l[TUPLES];
	uint32_t seq[TUPLES];
	unsigned n;
	uint8_t how;
};

static void
life_send(struct world *w, struct life *f, unsigned i, uint8_t flags, uint32_t len)
{
	for (unsigned k = 0; k <= (f->how & TWICE ? 1 : 0); k++)
		line_hold(w, f->l[i], flags, f->seq[i], f->l[i]->N, len);
	f->seq[i] += len + ((flags & (LA_SYN | LA_FIN)) != 0);
}

/* The shard receives the burst and answers it. */
static void
life_burst(struct world *w, struct life *f, bool last)
{
	if (!last && f->how & AT_ONCE)
		return;
	world_in(w, NULL, false);
	for (unsigned i = 0; i < f->n; i++) {
		uint32_t R = f->l[i]->R;

		line_look(w, f->l[i]);
		if (!line_tcb(w, f->l[i]))
			f->l[i]->R = R; /* of an earlier connection */
	}
}

static void
life_open(struct world *w, struct life *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct line *l = f->l[i];

		if (!la_listener_find(&w->s->tcp, &l->t.laddr, l->t.lport))
			user_listen(w, l->t.lport == 81);
		line_look(w, l);
		f->seq[i] = l->R + 70000;
		if (!line_tcb(w, l))
			life_send(w, f, i, LA_SYN, 0);
		else
			f->seq[i] = l->R;
	}
	life_burst(w, f, true);
}

static void
life_close(struct world *w, struct life *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct user *u = line_user(w, f->l[i]);

		if (u && u->c)
			la_close(u->c);
	}
	world_pump(w);
	life_burst(w, f, true);
}

void
life_action(struct world *w, unsigned first, struct bytes *b)
{
	struct life f = {0};
	uint8_t len;

	f.how = get8(b);
	len = get8(b);
	f.n = 1 + (f.how & 7) % TUPLES;
	for (unsigned i = 0; i < f.n; i++)
		f.l[i] = &w->lines[(first + i) % TUPLES];
	TRACE("lives of %u connections, %02x, %u bytes\n", f.n, f.how, len);
	life_open(w, &f);
	for (unsigned i = 0; i < f.n; i++)
		life_send(w, &f, i, LA_ACK, f.how & TEXT_WITH_ACK ? len : 0);
	life_burst(w, &f, false);
	if (f.how & USER_FIRST)
		life_close(w, &f);
	for (unsigned i = 0; i < f.n; i++)
		life_send(w, &f, i, LA_ACK | LA_PSH | (f.how & FIN_WITH_TEXT ? LA_FIN : 0), len);
	life_burst(w, &f, false);
	for (unsigned i = 0; i < f.n && !(f.how & FIN_WITH_TEXT); i++)
		life_send(w, &f, i, LA_FIN | LA_ACK, 0);
	life_burst(w, &f, true);
	if (!(f.how & USER_FIRST))
		life_close(w, &f);
	for (unsigned i = 0; i < f.n; i++) /* acknowledges the shard's FIN */
		life_send(w, &f, i, LA_ACK, 0);
	life_burst(w, &f, true);
	for (unsigned i = 0; i < f.n && f.how & TWICE; i++) /* the FIN again, in TIME_WAIT or for no connection */
		line_hold(w, f.l[i], LA_FIN | LA_ACK, f.seq[i] - 1, f.l[i]->N, 0);
	life_burst(w, &f, true);
}

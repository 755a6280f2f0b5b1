/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>
#include <string.h>

#include "seg_writer.h"

enum { ISNS = 8, NEAR = 1 << 20 };

/* ------------------------------------------------------------------ recording */

static struct seg_line *
add(struct seg_writer *s, char what)
{
	struct seg_line *l;

	if (s->n == SEG_LINES)
		return NULL;
	l = &s->line[s->n++];
	*l = (struct seg_line){.what = what, .us = la_sim_now(s->w)};
	return l;
}

static void
add_callback(struct seg_writer *s, const char *text)
{
	struct seg_line *l = add(s, '!');

	if (l)
		snprintf(l->text, sizeof(l->text), "%s", text);
}

/* Records the callbacks since the previous use of this function: opened, data, fin, closed of each connection. */
static void
add_callbacks(struct seg_writer *s)
{
	const struct la_sim_conn *c;
	char text[SEG_TEXT];

	for (unsigned i = 0, k; (c = la_sim_conn_next(s->w, &i));) {
		k = c->tag % 8;
		if (c->host != s->host)
			continue;
		if (s->seen[k].tag != c->tag) {
			memset(&s->seen[k], 0, sizeof(s->seen[k]));
			s->seen[k].tag = c->tag;
		}
		if (c->opened && !s->seen[k].opened)
			add_callback(s, "opened");
		if (c->got > s->seen[k].got) {
			snprintf(text, sizeof(text), "data %u", c->got - s->seen[k].got);
			add_callback(s, text);
		}
		if (c->peer_fin && !s->seen[k].peer_fin)
			add_callback(s, "fin");
		if (c->closed && !s->seen[k].closed) {
			if (c->why.unacked)
				snprintf(text, sizeof(text), "closed %s unacked %u", la_end_name(c->why.end),
					 (unsigned)c->why.unacked);
			else
				snprintf(text, sizeof(text), "closed %s", la_end_name(c->why.end));
			add_callback(s, text);
		}
		s->seen[k].got = c->got;
		s->seen[k].opened = c->opened;
		s->seen[k].peer_fin = c->peer_fin;
		s->seen[k].closed = c->closed;
	}
}

void
seg_writer_begin(struct seg_writer *s, struct la_sim *w, unsigned host)
{
	memset(s, 0, sizeof(*s));
	s->w = w;
	s->host = host;
}

void
seg_writer_event(struct seg_writer *s, const struct la_sim_event *e)
{
	struct seg_line *l;

	if (e->host != s->host || (e->what != LA_SIM_SENT && e->what != LA_SIM_ARRIVED))
		return;
	add_callbacks(s);
	l = add(s, e->what == LA_SIM_SENT ? '>' : '<');
	if (l)
		l->seg = e->seg;
}

void
seg_writer_call(struct seg_writer *s, unsigned host, const char *text)
{
	struct seg_line *l;

	if (host != s->host)
		return;
	add_callbacks(s);
	l = add(s, 'u');
	if (l)
		snprintf(l->text, sizeof(l->text), "%s", text);
}

/* ------------------------------------------------------------------ writing */

/* The ISNs of one end so far, oldest first. */
struct isns {
	uint32_t isn[ISNS];
	unsigned n;
	const char *name; /* name of the last ISN: ISS or IRS; earlier ISNs have a number after the name */
};

struct out {
	const struct seg_writer *s;
	FILE *f;
	struct isns own, peer;
	bool clocks;		  /* not used */
	uint32_t ts_own, ts_peer; /* first TSval of each end */
	bool has_ts_own, has_ts_peer;
	uint64_t t0_ms;
};

static void
put_number(struct out *o, const struct isns *k, uint32_t n)
{
	for (unsigned i = k->n; i > 0; i--) {
		int32_t d = (int32_t)(n - k->isn[i - 1]);

		if (d < -NEAR || d > NEAR)
			continue;
		fprintf(o->f, " %s", k->name);
		if (i < k->n)
			fprintf(o->f, "%u", i);
		if (d)
			fprintf(o->f, "%+d", d);
		return;
	}
	fprintf(o->f, " =%u", n);
}

static uint64_t
ms_of(const struct out *o, const struct seg_line *l)
{
	return l->us / 1000 - o->t0_ms;
}

static void
put_flags(FILE *f, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		char c;
	} names[] = {{LA_SYN, 'S'}, {LA_FIN, 'F'}, {LA_RST, 'R'}, {LA_ACK, '.'}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].flag)
			fputc(names[i].c, f);
	if (!(flags & (LA_SYN | LA_FIN | LA_RST | LA_ACK)))
		fputc('-', f);
}

static void
put_stamps(struct out *o, const struct la_fault_seg *g, bool in)
{
	uint32_t val = in ? o->ts_peer : o->ts_own, ecr = in ? o->ts_own : o->ts_peer;

	if (g->flags & LA_RST)
		return;
	if (!(g->opts & LA_OPT_TS)) {
		fputs(" ts none", o->f);
		return;
	}
	fprintf(o->f, " ts %d", (int32_t)(g->tsval - val));
	if (!(g->flags & LA_ACK))
		fputs(" =0", o->f);
	else
		fprintf(o->f, " %d", (int32_t)(g->tsecr - ecr));
}

static void
put_segment(struct out *o, const struct seg_line *l)
{
	const struct la_fault_seg *g = &l->seg;
	bool in = l->what == '<';

	fprintf(o->f, "%llu %c ", (unsigned long long)ms_of(o, l), l->what);
	put_flags(o->f, g->flags);
	put_number(o, in ? &o->peer : &o->own, g->seq);
	if (g->flags & LA_ACK)
		put_number(o, in ? &o->own : &o->peer, g->ack);
	if (g->len)
		fprintf(o->f, " len %u", g->len);
	if (!(g->flags & LA_RST) || in)
		fprintf(o->f, " win %u", g->wnd);
	if (g->flags & LA_SYN) {
		fprintf(o->f, " mss %u", g->mss);
		if (g->opts & LA_OPT_WSCALE)
			fprintf(o->f, " wscale %u", g->wscale);
	}
	put_stamps(o, g, in);
	fputc('\n', o->f);
}

static void
new_isn(struct isns *k, uint32_t isn)
{
	if (k->n && k->isn[k->n - 1] == isn)
		return;
	if (k->n < ISNS)
		k->isn[k->n++] = isn;
}

/* Finds the peer's first SYN with a new ISN, from line i on. Returns false when there is none. */
static bool
next_peer_isn(const struct out *o, unsigned i, uint32_t *isn)
{
	for (; i < o->s->n; i++) {
		const struct seg_line *l = &o->s->line[i];
		bool old = false;

		if (l->what != '<' || !(l->seg.flags & LA_SYN))
			continue;
		for (unsigned k = 0; k < o->peer.n; k++)
			old = old || o->peer.isn[k] == l->seg.seq;
		if (!old) {
			*isn = l->seg.seq;
			return true;
		}
	}
	return false;
}

/* The peer begins a new incarnation: the old ISNs get names (ISS1, IRS1), and `renew` gives the new ISN. */
static void
put_renewal(struct out *o, unsigned i)
{
	uint32_t isn;

	if (o->own.n == 0 || o->peer.n == 0 || !next_peer_isn(o, i, &isn))
		return;
	fprintf(o->f, "let ISS%u = ISS\nlet IRS%u = IRS\n", o->own.n, o->peer.n);
	fprintf(o->f, "%llu renew IRS%+d\n", (unsigned long long)ms_of(o, &o->s->line[i]),
		(int32_t)(isn - o->peer.isn[o->peer.n - 1]));
	new_isn(&o->peer, isn);
}

static bool
is_new_peer_syn(const struct out *o, const struct seg_line *l)
{
	if (l->what != '<' || !(l->seg.flags & LA_SYN) || (l->seg.flags & LA_ACK))
		return false;
	for (unsigned k = 0; k < o->peer.n; k++)
		if (o->peer.isn[k] == l->seg.seq)
			return false;
	return true;
}

static void
put_line(struct out *o, unsigned i)
{
	const struct seg_line *l = &o->s->line[i];

	switch (l->what) {
	case 'u':
		if (strcmp(l->text, "connect") == 0)
			put_renewal(o, i);
		fprintf(o->f, "%llu %s\n", (unsigned long long)ms_of(o, l), l->text);
		return;
	case '!':
		fprintf(o->f, "! %s\n", l->text);
		return;
	case '<':
		if (is_new_peer_syn(o, l))
			put_renewal(o, i);
		if (l->seg.flags & LA_SYN && (o->peer.n == 0 || is_new_peer_syn(o, l)))
			new_isn(&o->peer, l->seg.seq);
		break;
	default:
		if (l->seg.flags & LA_SYN)
			new_isn(&o->own, l->seg.seq);
		break;
	}
	put_segment(o, l);
}

/* Finds the first TSval of each end. The TSvals of the row are relative to it. */
static void
find_first_tsvals(struct out *o)
{
	for (unsigned i = 0; i < o->s->n; i++) {
		const struct seg_line *l = &o->s->line[i];
		bool *has = l->what == '<' ? &o->has_ts_peer : &o->has_ts_own;

		if ((l->what != '<' && l->what != '>') || !(l->seg.opts & LA_OPT_TS) || *has)
			continue;
		*has = true;
		if (l->what == '<')
			o->ts_peer = l->seg.tsval;
		else
			o->ts_own = l->seg.tsval;
	}
}

static uint32_t
first_isn(const struct seg_writer *s, char what)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->line[i].what == what && (s->line[i].seg.flags & LA_SYN))
			return s->line[i].seg.seq;
	return 0;
}

void
seg_writer_write(struct seg_writer *s, const char *row, const char *title, const char *head, FILE *f)
{
	struct out o = {.s = s, .f = f, .own.name = "ISS", .peer.name = "IRS"};
	bool active = s->n && s->line[0].what == 'u';

	add_callbacks(s);
	if (s->n == 0)
		return;
	o.t0_ms = s->line[0].us / 1000;
	find_first_tsvals(&o);
	fprintf(f, "row %s \"%s\"\n%s", row, title, head);
	fprintf(f, "new\n");
	if (!active)
		fprintf(f, "listen\n");
	else
		new_isn(&o.peer, first_isn(s, '<'));
	for (unsigned i = 0; i < s->n; i++)
		put_line(&o, i);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Recording a ladder.
 *
 * A segment gets its incarnation when it is sent; copies and late segments keep this incarnation. An active
 * open starts a new incarnation. A passive end takes the incarnation of the SYN that it answers. An end that gives
 * a TIME_WAIT entry back (RFC 1122 4.2.2.13 (2)) returns to its previous incarnation. A segment that a CLOSED end
 * sends, and a RST in SYN_SENT or SYN_RCVD, have the incarnation of the last segment that arrived there. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"
#include "sim/ladder.h"

enum { INCARNATIONS = 16, STEP = 256 };

struct la_ladder {
	struct la_sim *w;
	uint64_t start;	      /* us */
	struct la_tuple t[2]; /* the tuple as each end has it */
	unsigned host[2];
	int watch[2];
	bool listens, cut;
	struct la_ladder_item *items;
	unsigned n, cap;
	enum la_state state[2];
	unsigned now_in[2];  /* incarnation of each end */
	unsigned before[2];  /* incarnation of each end before its last SYN_RCVD */
	unsigned arrived[2]; /* incarnation of the last arrival at each end */
	unsigned count;	     /* incarnations */
	/* by incarnation: the ISS of each end, if it is known */
	struct {
		uint32_t iss[2];
		bool known[2];
	} inc[INCARNATIONS + 1];
};

struct la_ladder *
la_ladder_create(struct la_sim *w, unsigned left, unsigned right, const struct la_tuple *t, bool listens)
{
	struct la_ladder *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->w = w;
	l->start = la_sim_now(w);
	l->host[0] = left;
	l->host[1] = right;
	l->t[0] = *t;
	l->t[1] = la_sim_mirrored(t);
	l->listens = listens;
	for (unsigned s = 0; s < 2; s++) {
		l->watch[s] = la_sim_watch(w, l->host[s], &l->t[s]);
		if (l->watch[s] < 0) {
			free(l);
			return NULL;
		}
	}
	return l;
}

void
la_ladder_destroy(struct la_ladder *l)
{
	if (l)
		free(l->items);
	free(l);
}

static struct la_ladder_item *
ladder_add(struct la_ladder *l, enum la_ladder_what what, unsigned side)
{
	struct la_ladder_item *it;

	if (l->n == l->cap) {
		it = realloc(l->items, (l->cap + STEP) * sizeof(*it));
		if (!it) {
			l->cut = true;
			return NULL;
		}
		l->items = it;
		l->cap += STEP;
	}
	it = &l->items[l->n++];
	memset(it, 0, sizeof(*it));
	it->what = what;
	it->us = la_sim_now(l->w) - l->start;
	it->side = (uint8_t)side;
	return it;
}

/* ------------------------------------------------------------------ incarnations */

static unsigned
ladder_begin(struct la_ladder *l)
{
	if (l->count < INCARNATIONS)
		l->count++;
	memset(&l->inc[l->count], 0, sizeof(l->inc[l->count]));
	return l->count;
}

static void
ladder_state_changed(struct la_ladder *l, unsigned side, enum la_state from, enum la_state to)
{
	unsigned peer = !side;

	if (to == LA_SYN_SENT) /* both ends open: a simultaneous open is one incarnation */
		l->now_in[side] = l->state[peer] == LA_SYN_SENT ? l->now_in[peer] : ladder_begin(l);
	if (to == LA_SYN_RCVD && from != LA_SYN_SENT) {
		l->before[side] = l->now_in[side];
		l->now_in[side] = l->arrived[side];
	}
	if (from == LA_SYN_RCVD && to == LA_TIME_WAIT)
		l->now_in[side] = l->before[side];
	l->state[side] = to;
}

static unsigned
ladder_incarnation_of(struct la_ladder *l, unsigned side, uint32_t packet, uint8_t flags)
{
	enum la_state s = l->state[side];
	bool answers = s == LA_CLOSED || ((flags & LA_RST) && (s == LA_SYN_SENT || s == LA_SYN_RCVD));
	unsigned inc;

	for (unsigned i = l->n; i > 0; i--)
		if (l->items[i - 1].what == LA_LADDER_SENT && l->items[i - 1].packet == packet)
			return l->items[i - 1].incarnation;
	inc = answers && l->arrived[side] ? l->arrived[side] : l->now_in[side];
	return inc ? inc : ladder_begin(l);
}

/* ------------------------------------------------------------------ events */

static void
ladder_number(struct la_ladder *l, struct la_ladder_item *it, const struct la_fault_seg *s, unsigned from)
{
	unsigned inc = it->incarnation;

	if (it->what == LA_LADDER_SENT && (s->flags & LA_SYN)) {
		l->inc[inc].iss[from] = s->seq;
		l->inc[inc].known[from] = true;
	}
	it->abs_seq = it->seq = s->seq;
	it->abs_ack = it->ack = s->ack;
	/* SEG.SEQ is 0 in a RST that answers a segment without ACK (RFC 9293 3.10.7.1): no ISS is subtracted */
	if (l->inc[inc].known[from] && !((s->flags & LA_RST) && s->seq == 0))
		it->seq -= l->inc[inc].iss[from];
	if (l->inc[inc].known[!from])
		it->ack -= l->inc[inc].iss[!from];
}

static void
ladder_segment(struct la_ladder *l, const struct la_sim_event *e, enum la_ladder_what what)
{
	/* the tuple shows the side of the sender; e->host is the receiver in an arrival */
	unsigned from = la_sim_same(&e->seg.t, &l->t[0]) ? 0 : 1;
	unsigned inc, n = e->seg.len < LA_LADDER_BYTES ? e->seg.len : LA_LADDER_BYTES;
	struct la_ladder_item *it;

	if (!la_sim_same(&e->seg.t, &l->t[from]))
		return;
	inc = ladder_incarnation_of(l, from, e->packet, e->seg.flags);
	it = ladder_add(l, what, what == LA_LADDER_ARRIVED ? !from : from);
	if (!it)
		return;
	it->packet = e->packet;
	it->copy = e->copy;
	it->late = e->late;
	it->flags = e->seg.flags;
	it->len = e->seg.len;
	it->incarnation = inc;
	if (e->frame && e->frame_len >= (uint32_t)e->seg.text + n)
		memcpy(it->bytes, e->frame + e->seg.text, n);
	ladder_number(l, it, &e->seg, from);
	if (e->text)
		snprintf(it->text, sizeof(it->text), "%s", e->text);
	if (what == LA_LADDER_ARRIVED)
		l->arrived[!from] = inc;
}

static void
ladder_state(struct la_ladder *l, const struct la_sim_event *e)
{
	for (unsigned s = 0; s < 2; s++) {
		struct la_ladder_item *it;

		if ((int)e->watch != l->watch[s])
			continue;
		it = ladder_add(l, LA_LADDER_STATE, s);
		ladder_state_changed(l, s, e->from, e->to);
		if (!it)
			return;
		it->from = e->from;
		it->to = e->to;
		it->incarnation = l->now_in[s];
	}
}

static void
ladder_note(struct la_ladder *l, const struct la_sim_event *e)
{
	struct la_ladder_item *it;

	if (e->host != l->host[0] && e->host != l->host[1])
		return;
	it = ladder_add(l, LA_LADDER_NOTE, e->host == l->host[1]);
	if (it)
		snprintf(it->text, sizeof(it->text), "%s%s%s",
			 e->what == LA_SIM_RESTART ? la_sim_host_name(l->w, e->host) : "",
			 e->what == LA_SIM_RESTART ? " " : "", e->text ? e->text : "");
}

static void
ladder_on_event(void *ctx, const struct la_sim_event *e)
{
	static const enum la_ladder_what what[] = {
		[LA_SIM_SENT] = LA_LADDER_SENT,	    [LA_SIM_ARRIVED] = LA_LADDER_ARRIVED,
		[LA_SIM_LOST] = LA_LADDER_LOST,	    [LA_SIM_HELD] = LA_LADDER_HELD,
		[LA_SIM_COPIED] = LA_LADDER_COPIED, [LA_SIM_CORRUPTED] = LA_LADDER_CORRUPTED,
	};

	switch (e->what) {
	case LA_SIM_STATE:
		ladder_state(ctx, e);
		break;
	case LA_SIM_RESTART:
	case LA_SIM_NOTE:
		ladder_note(ctx, e);
		break;
	default:
		ladder_segment(ctx, e, what[e->what]);
		break;
	}
}

/* ------------------------------------------------------------------ users */

static struct la_ladder_item *
ladder_user(struct la_ladder *l, const struct la_sim_conn *c, const char *text)
{
	unsigned side = c->host == l->host[0] && la_sim_same(&c->t, &l->t[0]) ? 0 : 1;
	struct la_ladder_item *it;

	if (c->host != l->host[side] || !la_sim_same(&c->t, &l->t[side]))
		return NULL;
	it = ladder_add(l, LA_LADDER_USER, side);
	if (it)
		snprintf(it->text, sizeof(it->text), "%s", text);
	return it;
}

static void
ladder_on_opened(void *ctx, struct la_sim_conn *c)
{
	ladder_user(ctx, c, "opened");
}

static void
ladder_on_closed(void *ctx, struct la_sim_conn *c)
{
	char text[LA_LADDER_TEXT];
	struct la_ladder_item *it;

	if (c->why.unacked)
		snprintf(text, sizeof(text), "closed: %s, %lu bytes never acknowledged", la_end_name(c->why.end),
			 c->why.unacked);
	else
		snprintf(text, sizeof(text), "closed: %s", la_end_name(c->why.end));
	it = ladder_user(ctx, c, text);
	if (it)
		it->end = true;
}

static void
ladder_on_used(void *ctx, struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes, uint32_t n)
{
	static const char *const texts[] = {
		[LA_SIM_CONNECTS] = "connect()",    [LA_SIM_SENDS] = "send",	   [LA_SIM_READS] = "data",
		[LA_SIM_HEARS_FIN] = "peer closed", [LA_SIM_SHUTS] = "shutdown()", [LA_SIM_CLOSES] = "close()",
		[LA_SIM_ABORTS] = "abort()",
	};
	char text[LA_LADDER_TEXT];
	bool plain = n > 0 && n <= LA_LADDER_BYTES;

	for (uint32_t i = 0; plain && i < n; i++)
		plain = isprint(bytes[i]);
	if (use != LA_SIM_SENDS && use != LA_SIM_READS)
		snprintf(text, sizeof(text), "%s", texts[use]);
	else if (plain)
		snprintf(text, sizeof(text), "%s \"%.*s\"", texts[use], (int)n, (const char *)bytes);
	else
		snprintf(text, sizeof(text), "%s %u bytes", texts[use], n);
	ladder_user(ctx, c, text);
}

struct la_sim_hooks
la_ladder_hooks(struct la_ladder *l)
{
	return (struct la_sim_hooks){.event = ladder_on_event,
				     .opened = ladder_on_opened,
				     .closed = ladder_on_closed,
				     .used = ladder_on_used,
				     .ctx = l};
}

/* ------------------------------------------------------------------ the record */

const struct la_ladder_item *
la_ladder_item(const struct la_ladder *l, unsigned i)
{
	return i < l->n ? &l->items[i] : NULL;
}

unsigned
la_ladder_incarnations(const struct la_ladder *l)
{
	return l->count;
}

bool
la_ladder_is_cut(const struct la_ladder *l)
{
	return l->cut;
}

const char *
la_ladder_name(const struct la_ladder *l, unsigned side)
{
	return la_sim_host_name(l->w, l->host[side]);
}

const char *
la_ladder_endpoint(const struct la_ladder *l, unsigned side, char *buf, size_t size)
{
	const struct la_tuple *t = &l->t[side];
	char text[LA_ADDR_STRLEN];

	la_addr_format(&t->laddr, text, sizeof(text));
	snprintf(buf, size, la_addr_is4(&t->laddr) ? "%s:%u" : "[%s]:%u", text, t->lport);
	return buf;
}

bool
la_ladder_listens(const struct la_ladder *l)
{
	return l->listens;
}

uint64_t
la_ladder_longest(const struct la_ladder *l, unsigned side, enum la_state s)
{
	uint64_t since = UINT64_MAX, longest = 0;

	for (unsigned i = 0; i <= l->n; i++) {
		const struct la_ladder_item *it = i < l->n ? &l->items[i] : NULL;
		uint64_t now = it ? it->us : la_sim_now(l->w) - l->start;

		if (it && (it->what != LA_LADDER_STATE || it->side != side))
			continue;
		if (since != UINT64_MAX && now - since > longest)
			longest = now - since;
		since = it && it->to == s ? now : UINT64_MAX;
	}
	return longest;
}

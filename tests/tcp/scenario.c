/* SPDX-License-Identifier: BSD-3-Clause */

#include "scenario.h"

#include <stdio.h>

static void
run_variant(const char *id, const char *text, scene_body *body, unsigned v)
{
	static struct scene s;
	static char name[160];
	jmp_buf bail;

	memset(&s, 0, sizeof(s));
	snprintf(name, sizeof(name), "%s [%s %s] %s", id, v & 1 ? "ip6" : "ip4", v & 2 ? "options" : "plain", text);
	s.o = (struct peer_opts){.ip6 = v & 1, .ts = v & 2, .sack = v & 2, .wscale = v & 2 ? 3 : 0};
	s.name = name;
	s.bail = &bail;
	if (setjmp(bail)) {
		rig_discard(s.r);
		return;
	}
	scene_rig(&s, NULL);
	body(&s);
	rig_close(s.r);
}

void
scene_run(const char *id, const char *text, scene_body *body)
{
	for (unsigned v = 0; v < 4; v++)
		run_variant(id, text, body, v);
}

void
scene_rig(struct scene *s, const struct rig_opts *opts)
{
	if (s->r)
		rig_close(s->r);
	s->r = rig_open(opts);
	s->r->name = s->name;
	s->r->bail = s->bail;
}

struct peer *
scene_listen(struct scene *s)
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_listen(p);
	return p;
}

struct peer *
scene_open(struct scene *s)
{
	struct peer *p = scene_listen(s);

	peer_to_established(p);
	return p;
}

struct peer *
scene_another(struct scene *s)
{
	struct peer *p = peer_new(s->r, &s->o);

	if (s->r->npeers == 1)
		peer_listen(p);
	peer_to_established(p);
	return p;
}

struct peer *
scene_connect(struct scene *s)
{
	struct peer *p = peer_new(s->r, &s->o);

	peer_to_established_active(p);
	return p;
}

unsigned
drain(struct peer *p, uint64_t quiet)
{
	struct peer_rx *x;
	unsigned n = 0;

	while ((x = peer_wait(p, quiet)) != NULL) {
		CHECK(p->r, ++n < 100000, "the shard does not stop sending");
		if (x->end != x->seq && !(x->flags & LA_RST))
			peer_ack(p);
	}
	return n;
}

void
feed(struct peer *p, uint32_t len, uint32_t mss)
{
	for (unsigned tries = 0; len > 0; tries++) {
		uint32_t n = len < mss ? len : mss, room = p->edge - p->snd;

		CHECK(p->r, tries < 100000, "the window does not open");
		if (seq_ge(p->snd, p->edge)) {
			rig_run(p->r, 100);
			continue;
		}
		if (n > room)
			n = room;
		peer_data(p, n);
		len -= n;
	}
	rig_run(p->r, 500);
	peer_skip(p);
}

const struct peer_rx *
last_rx(const struct peer *p)
{
	CHECK(p->r, p->nrx > 0, "the shard has sent nothing");
	return &p->rx[p->nrx - 1];
}

unsigned
flight(struct peer *p, uint32_t *bytes)
{
	struct peer_rx *x;
	unsigned n = 0;

	*bytes = 0;
	while ((x = peer_next(p)) != NULL) {
		n += x->len > 0;
		*bytes += x->len;
	}
	return n;
}

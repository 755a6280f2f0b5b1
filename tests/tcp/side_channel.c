/* SPDX-License-Identifier: BSD-3-Clause */

/* The rate limit of RSTs gives an off-path attacker no information about the tuples of other peers (compare
 * CVE-2016-5696). The attacker spoofs segments of a victim's tuple, then provokes RSTs to its own address. The
 * number of these RSTs must not depend on the state of the victim's tuple. */

#include <stdlib.h>

#include "scenario.h"

enum { RATE = 100, SPOOFED = 50, PROBES = 100 };

typedef void victim(struct scene *s, struct peer *p);

static void
established(struct scene *s, struct peer *p)
{
	(void)s;
	peer_to_established(p);
}

static void
time_wait(struct scene *s, struct peer *p)
{
	peer_to_time_wait(p, true, 'a');
	rig_run(s->r, 1000);
}

static void
half_open(struct scene *s, struct peer *p)
{
	(void)s;
	peer_to_syn_rcvd_passive(p);
}

static void
last_ack(struct scene *s, struct peer *p)
{
	(void)s;
	peer_to_last_ack(p, true);
}

/* Returns the number of RSTs to the attacker. `to` takes the victim's tuple to its state; NULL: the tuple is unused. */
static unsigned
attack(struct scene *s, victim *to, uint8_t flags, uint32_t len, bool stamped, bool listener, unsigned seed)
{
	struct peer *p, *own;
	unsigned rsts = 0;
	struct peer_rx *x;

	scene_rig(s, &(struct rig_opts){.rst_rate = RATE});
	p = peer_new(s->r, &s->o);
	peer_listen(p);
	own = peer_new(s->r, &(struct peer_opts){.ip6 = s->o.ip6, .lport = 9});
	if (to)
		to(s, p);
	if (!listener)
		CHECK(s->r, la_unlisten(s->r->s, NULL, p->t.lport) == 0, "la_unlisten failed");
	peer_skip(p);
	p->lax_edge = true;
	for (unsigned i = 0; i < SPOOFED; i++) {
		uint32_t seq = (uint32_t)rand_r(&seed) * 2654435761u, ack = (uint32_t)rand_r(&seed) * 2654435761u;

		PEER_TX(p, .flags = flags, .seq = seq, .ack = ack, .len = len, .ts = stamped ? TS_SET : TS_NONE,
			.tsval = (uint32_t)rand_r(&seed) * 2654435761u);
		peer_skip(p);
	}
	for (unsigned i = 0; i < PROBES; i++)
		peer_send(own, LA_ACK, 1, 1, 0);
	while ((x = peer_next(own)) != NULL)
		rsts += (x->flags & LA_RST) != 0;
	CHECK(s->r, rig_counter(s->r, LA_C_rst_out) <= RATE, "more RSTs than rst_rate");
	return rsts;
}

SCENARIO(side_channel, rsts, "the attacker gets the same number of RSTs whether the victim's tuple is in use or not")
{
	static const uint8_t flags[] = {LA_ACK, LA_ACK | LA_PSH, LA_FIN | LA_ACK, LA_SYN | LA_ACK,
					LA_RST, LA_RST | LA_ACK, LA_FIN,	  LA_PSH};
	static victim *const victims[] = {established, time_wait, last_ack};
	unsigned trials = 0;

	for (unsigned v = 0; v < 3; v++)
		for (unsigned f = 0; f < sizeof(flags); f++)
			for (unsigned listener = 0; listener < 2; listener++) {
				bool stamped = s->o.ts && f % 2;
				uint32_t len = flags[f] & LA_PSH ? 10 : 0;
				unsigned live = attack(s, victims[v], flags[f], len, stamped, listener, 100 + f);
				unsigned dead = attack(s, NULL, flags[f], len, stamped, listener, 100 + f);

				CHECK(s->r, live == dead,
				      "victim %u, flags %02x, listener %u: %u RSTs if in use, %u if not", v, flags[f],
				      listener, live, dead);
				trials++;
			}
	CHECK(s->r, trials == 48, "%u trials, expected 48", trials);
}

SCENARIO(side_channel, half_open_rsts, "the attacker gets the same number of RSTs when the victim's tuple is half-open")
{
	static const uint8_t flags[] = {LA_ACK, LA_ACK | LA_PSH, LA_FIN | LA_ACK, LA_RST};

	for (unsigned f = 0; f < sizeof(flags); f++) {
		uint32_t len = flags[f] & LA_PSH ? 10 : 0;
		unsigned live = attack(s, half_open, flags[f], len, s->o.ts, true, f);
		unsigned dead = attack(s, NULL, flags[f], len, s->o.ts, true, f);

		CHECK(s->r, live == dead, "flags %02x: %u RSTs if in use, %u if not", flags[f], live, dead);
	}
}

SCENARIO(side_channel, accepted_is_free, "segments that a connection accepts do not count in the rate limit of RSTs")
{
	struct peer *p, *own;
	struct peer_rx *x;
	unsigned rsts = 0;

	scene_rig(s, &(struct rig_opts){.rst_rate = RATE});
	p = scene_open(s);
	own = peer_new(s->r, &(struct peer_opts){.ip6 = s->o.ip6, .lport = 9});
	for (unsigned i = 0; i < 200; i++)
		peer_data(p, 10);
	for (unsigned i = 0; i < PROBES; i++)
		peer_send(own, LA_ACK, 1, 1, 0);
	while ((x = peer_next(own)) != NULL)
		rsts += (x->flags & LA_RST) != 0;
	CHECK(s->r, rsts == RATE, "%u RSTs, expected the full rate", rsts);
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include "fixture.h"

#include <string.h>

#include "../support/eal.h"
#include "net/shard.h"

struct sim_record rec;

static void
hash(const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		rec.hash = (rec.hash ^ b[i]) * UINT64_C(0x100000001b3);
}

static void
on_event(void *ctx, const struct la_sim_event *e)
{
	(void)ctx;
	rec.count[e->what]++;
	if (e->what == LA_SIM_SENT) {
		for (unsigned i = 0; i < 8; i++)
			hash(&(uint8_t){(uint8_t)(e->us >> 8 * i)}, 1);
		hash(e->frame, e->frame_len);
	}
	if (rec.n < SIM_EVENTS)
		rec.e[rec.n++] = (struct sim_seen){.what = e->what,
						   .us = e->us,
						   .due_us = e->due_us,
						   .packet = e->packet,
						   .host = e->host,
						   .copy = e->copy,
						   .late = e->late,
						   .seg = e->seg,
						   .frame_len = e->frame_len,
						   .text = e->text,
						   .from = e->from,
						   .to = e->to};
}

struct la_sim *
sim_make(const struct la_sim_config *cfg)
{
	static struct la_sim *w; /* one world at a time: sim_make() frees the previous world */
	static bool up;
	char err[200] = "";
	int rc;

	if (!up)
		cr_assert(test_eal_start() >= 0, "EAL does not start");
	up = true;
	if (w)
		la_sim_destroy(w);
	memset(&rec, 0, sizeof(rec));
	rec.hash = UINT64_C(0xcbf29ce484222325);
	rc = la_sim_create(cfg, &w, err, sizeof(err));
	cr_assert_eq(rc, 0, "%d: %s", rc, err);
	la_sim_hooks(w, &(struct la_sim_hooks){.event = on_event});
	return w;
}

struct la_sim *
sim_pair(const struct la_sim_link *link, const char *const *faults, unsigned nfaults, const struct la_sim_plan *server)
{
	struct la_sim_config cfg = {.seed = 7,
				    .nhosts = 2,
				    .link = *link,
				    .faults = faults,
				    .nfaults = nfaults,
				    .mbufs = 2000,
				    .flights = 1000};
	struct la_sim *w = sim_make(&cfg);

	cr_assert_eq(la_sim_listen(w, 1, 80, server), 0);
	return w;
}

struct la_sim_conn *
sim_open(struct la_sim *w, bool ip6, const struct la_sim_plan *plan)
{
	static uint16_t port = 2000;
	struct la_sim_conn *c;

	cr_assert_eq(la_sim_connect(w, 0, 1, ip6, port++, 80, plan, &c), 0);
	return c;
}

const struct sim_seen *
sim_event(enum la_sim_what what, int host, uint8_t flags, unsigned n)
{
	for (unsigned i = 0; i < rec.n; i++)
		if (rec.e[i].what == what && (host < 0 || rec.e[i].host == host) &&
		    (rec.e[i].seg.flags & flags) == flags && --n == 0)
			return &rec.e[i];
	return NULL;
}

const struct sim_seen *
sim_arrival(uint32_t packet, unsigned n)
{
	for (unsigned i = 0; i < rec.n; i++)
		if (rec.e[i].what == LA_SIM_ARRIVED && rec.e[i].packet == packet && --n == 0)
			return &rec.e[i];
	return NULL;
}

uint64_t
sim_count(struct la_sim *w, unsigned host, enum la_counter c)
{
	return la_shard_counters(la_sim_shard(w, host))->v[c];
}

void
sim_over(struct la_sim *w)
{
	unsigned before = la_arena_mbufs_free(la_sim_mbufs(w)), all = la_sim_mbufs(w)->size;

	cr_assert(la_sim_quiet(w, la_sim_now(w) + UINT64_C(3600) * SIM_S), "events are pending after an hour");
	cr_assert_eq(la_arena_mbufs_free(la_sim_mbufs(w)), all,
		     "mbufs were not freed (%u were free at the start of sim_over)", before);
	cr_assert_eq(la_sim_no_mbufs(w), 0);
}

void
sim_whole(const struct la_sim_conn *c)
{
	const struct la_sim_conn *p = c->partner;

	cr_assert(c->paired && p && p->paired, "not paired");
	cr_assert(c->closed && p->closed, "not closed");
	cr_assert_eq(c->why.end, LA_END_ORDERLY, "%s", la_end_name(c->why.end));
	cr_assert_eq(p->why.end, LA_END_ORDERLY, "%s", la_end_name(p->why.end));
	cr_assert_eq(c->wrong + p->wrong, 0);
	cr_assert_eq(c->got, p->sent, "%u of %u", c->got, p->sent);
	cr_assert_eq(p->got, c->sent, "%u of %u", p->got, c->sent);
	cr_assert_eq(c->sent, c->plan->send);
	cr_assert_eq(p->sent, p->plan->send);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Redistributes a snapshot file's entries to the shards that steering selects. (Theory in snapshot.c.) */

#include <errno.h>
#include <string.h>

#include "io/steer.h"
#include "snapshot/snapshot_file.h"

/* The shards of one port, and the steering that selects the shard of a tuple. */
struct port {
	struct la_shard *shards[LA_SNAPSHOT_SECTIONS_MAX];
	struct la_steer steer;
	struct la_shard_deal deal;
};

static unsigned
deal_owner(const void *ctx, const struct la_tuple *t)
{
	return la_steer_tuple(ctx, t);
}

static void
deal_gather_port(const struct la_snapshot *st, unsigned port, struct la_shard *const *all, struct port *p)
{
	unsigned n = 0;

	for (unsigned j = 0; j < st->ntargets; j++)
		if (st->targets[j].port == port)
			p->shards[n++] = all[j];
	la_steer_init(&p->steer, n);
	p->deal = (struct la_shard_deal){.shards = p->shards, .n = n, .owner = deal_owner, .ctx = &p->steer};
}

/* Reports that a shard has no room for its entries, and the size that the fullest shard needs. Returns -ENOBUFS. */
static int
refuse_full(const struct la_snapshot_why *w, const struct port *p)
{
	for (unsigned f = 0; f < 2; f++) {
		const char *option = f ? "--time-wait6" : "--time-wait";
		unsigned n = p->deal.n, most = 0;
		uint64_t sum = 0, dealt;
		uint32_t room;

		for (unsigned k = 0; k < n; k++) {
			sum += p->deal.dealt[k][f];
			if (p->deal.dealt[k][f] > p->deal.dealt[most][f])
				most = k;
		}
		dealt = p->deal.dealt[most][f];
		room = p->shards[most]->tcp.tw.pool[f].capacity;
		if (dealt > room)
			return la_snapshot_refuse(
				w, -ENOBUFS,
				"has %lu TIME_WAIT entries for IPv%u that have not expired, %lu of them for "
				"shard %u of %u, which has room for %u; %u times %lu is %s %lu",
				sum, f ? 6 : 4, dealt, most + 1, n, room, n, dealt, option, n * dealt);
	}
	return la_snapshot_refuse(w, -ENOBUFS, "has an entry for which the index has no room");
}

/* Writes the error of la_shard_deal() for a user of the program. Returns rc. i: index of the section. */
static int
refuse_load(const struct la_snapshot_why *w, const struct port *p, unsigned i, int rc)
{
	if (rc == -ENOBUFS)
		return refuse_full(w, p);
	if (rc == -ENOSPC)
		return la_snapshot_refuse(w, rc, "has entries of too many different MSLs");
	if (rc == -EEXIST)
		return la_snapshot_refuse(w, rc, "is damaged: it has a tuple twice");
	if (rc == -EBADMSG || rc == -ENODATA)
		return la_snapshot_refuse(w, rc, "is damaged: section %u has an impossible entry", i + 1);
	return la_snapshot_refuse(w, rc, "cannot be read: %s", strerror(-rc));
}

/* Loads all sections of a port. After the first entry without room, entries are only counted. */
static int
load_port(struct la_snapshot *st, const struct la_snapshot_why *w, unsigned port, struct port *p)
{
	int full = 0;

	for (unsigned i = 0; i < st->nsections; i++) {
		int rc;

		if (st->sections[i].port != port)
			continue;
		la_snapshot_seek(st, st->sections[i].at, st->sections[i].length);
		rc = la_shard_deal(&p->deal, la_snapshot_take, st);
		if ((rc == 0 || rc == -ENOBUFS) && (st->left > 0 || st->buf_head != st->buf_tail))
			rc = -EBADMSG;
		if (rc && rc != -ENOBUFS)
			return refuse_load(w, p, i, rc);
		full = rc ? rc : full;
	}
	return full ? refuse_load(w, p, 0, full) : 0;
}

int
la_snapshot_load(struct la_snapshot *st, struct la_shard *const *shards, char *err, size_t size)
{
	const struct la_snapshot_why w = {st->path, err, size};
	int rc = 0;

	for (unsigned i = 0; i < st->nsections && rc == 0; i++) {
		unsigned number = st->sections[i].port;
		struct port p;

		if (la_snapshot_part_of(st, number) != &st->sections[i])
			continue; /* load_port() loaded this section with the first one of the port */
		deal_gather_port(st, number, shards, &p);
		rc = load_port(st, &w, number, &p);
	}
	return rc;
}

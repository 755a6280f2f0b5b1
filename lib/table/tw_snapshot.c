/* SPDX-License-Identifier: BSD-3-Clause */

/* Saving and loading a TIME_WAIT table: theory of operation.
 *
 * 2*MSL must not end with the process: the peer in LAST_ACK retransmits its FIN to the next process
 * with the address, and old duplicates remain in the network (the reason for quiet time, RFC 9293
 * 3.4.3). So a table can be saved and loaded. Its entries continue unchanged: tuple, sequence
 * numbers, TS.Recent, window, time of the last answer and lifetime class.
 *
 * The stream: struct la_tw_saved, then the entries of IPv4, then those of IPv6. Each entry has the contents of
 * its slot, with the remaining milliseconds instead of the deadline. Index and wheel are not written: they depend on
 * capacities, which may change, and a stream is not trusted for them. The calls that create entries build both again.
 *
 *	LIVE     written, also in FIN_WAIT_2, with the rest of its limit
 *	SHADOW   written as a LIVE entry: its reopen ends with the process
 *	ZOMBIE   not written: its slot only waits for the wheel of this process
 *
 * Memory is bounded: the stack holds CHUNK entries at a time, for any table size. Saving walks the pool
 * in the order of its slots, so it reads memory in order. Loading accesses a random place in the index
 * for each entry; the places of a chunk are prefetched together.
 *
 * la_tw_enter() creates a loaded entry as it creates the entry of a connection: it replaces a reference in the index,
 * here a reference that no TCB has. The argument `tick` is the start of the entry's current lifetime, which gives the
 * old deadline. la_tw_enter_fin_wait_2() creates an entry in FIN_WAIT_2, with the remaining time as its limit.
 *
 * Redistribution. The tables of a process may load the entries of other tables, for example after
 * a change of the number of workers: a callback gives the new table of each entry. The answers of an entry depend
 * on its own sequence numbers and on the keyed offset of its tuple, not on its table. So all tables
 * must have one key, the key of the tables that wrote the streams. If a table is too small for its
 * entries, the whole load fails. The remaining entries are then counted, so that the error can report the
 * needed size.
 *
 * Time. Ticks continue (like the shard's `now`), and so do TSvals and ISNs. The time of an entry's last answer stays
 * valid. Entries that expired between the runs are dropped, and all others keep their exact remaining
 * time. */

#include <errno.h>

#include "core/seq.h"
#include "table/tw_snapshot.h"

enum {
	CHUNK = 64,
	LEFT_MAX = 1 << 30, /* ticks: the longest remaining time of an entry */
};

/* Records have the same layout in memory and in the stream: no padding, host byte order. */
struct record {
	uint32_t snd_nxt, rcv_nxt, ts_recent;
	uint32_t left; /* ticks until the deadline; 0: the deadline has passed */
	uint16_t wnd;
	uint16_t flags; /* enum la_tw_flag without life and wheel bit */
};

struct record4 {
	uint32_t laddr, raddr; /* network order */
	uint16_t lport, rport;
	struct record r;
};

struct record6 {
	struct la_addr laddr, raddr;
	uint16_t lport, rport;
	struct record r;
};
_Static_assert(sizeof(struct record4) == 32 && sizeof(struct record6) == 56, "no padding");

union chunk {
	struct record4 v4[CHUNK];
	struct record6 v6[CHUNK];
};

static const size_t record_size[2] = {sizeof(struct record4), sizeof(struct record6)};

/* ------------------------------------------------------------------ writing */

static struct record
record_of(const struct la_tw_core *e, uint32_t tick)
{
	return (struct record){
		.snd_nxt = e->snd_nxt,
		.rcv_nxt = e->rcv_nxt,
		.ts_recent = e->ts_recent,
		.left = seq_gt(e->deadline, tick) ? e->deadline - tick : 0,
		.wnd = e->wnd,
		.flags = (uint16_t)(e->flags & ~(LA_TW_LIFE | LA_TW_WHEEL)),
	};
}

static void
put_record(const struct la_tw *t, la_ref ref, uint32_t tick, union chunk *c, unsigned n)
{
	struct record r = record_of(la_tw_core(t, ref), tick);
	struct la_tuple tuple;

	la_tw_tuple(t, ref, &tuple);
	if (la_ref_pool(ref) == LA_POOL_TW4)
		c->v4[n] = (struct record4){tuple.laddr.w[3], tuple.raddr.w[3], tuple.lport, tuple.rport, r};
	else
		c->v6[n] = (struct record6){tuple.laddr, tuple.raddr, tuple.lport, tuple.rport, r};
}

static int
export_pool(const struct la_tw *t, unsigned i, uint32_t tick, la_tw_write *write, void *ctx)
{
	enum la_pool which = i ? LA_POOL_TW6 : LA_POOL_TW4;
	union chunk c;
	unsigned n = 0;
	int rc = 0;

	for (uint32_t slot = 1; slot < t->pool[i].fresh && rc == 0; slot++) {
		la_ref ref = la_ref_make(which, slot);
		enum la_tw_life life = la_tw_life(la_tw_core(t, ref));

		if (life != LA_TW_LIVE && life != LA_TW_SHADOW)
			continue;
		put_record(t, ref, tick, &c, n++);
		if (n == CHUNK) {
			rc = write(ctx, &c, n * record_size[i]);
			n = 0;
		}
	}
	return rc == 0 && n > 0 ? write(ctx, &c, n * record_size[i]) : rc;
}

int
la_tw_export(const struct la_tw *t, uint32_t tick, la_tw_write *write, void *ctx)
{
	struct la_tw_saved saved = {
		.count = {t->pool[0].live, t->pool[1].live},
		.nclasses = t->nclasses,
	};
	int rc;

	memcpy(saved.lifetime, t->lifetime, t->nclasses * sizeof(saved.lifetime[0]));
	rc = write(ctx, &saved, sizeof(saved));
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		rc = export_pool(t, i, tick, write, ctx);
	return rc;
}

/* ------------------------------------------------------------------ reading */

int
la_tw_saved_read(struct la_tw_saved *saved, la_tw_read *read, void *ctx)
{
	int rc = read(ctx, saved, sizeof(*saved));

	if (rc)
		return rc;
	return saved->nclasses > LA_TW_CLASSES ? -EBADMSG : 0;
}

struct key {
	struct la_tuple tuple;
	uint64_t hash;
	struct la_tw_place *to;
};

static bool
same_tuple(const void *ctx, la_ref ref, const void *key)
{
	const struct la_tw *t = ctx;
	const struct la_tuple *k = key;

	switch (la_ref_pool(ref)) {
	case LA_POOL_TW4:
		return la_addr_is4(&k->laddr) && la_tw_match4(t, ref, k->laddr.w[3], k->raddr.w[3], k->lport, k->rport);
	case LA_POOL_TW6:
		return la_tw_match6(t, ref, &k->laddr, &k->raddr, k->lport, k->rport);
	default:
		return false;
	}
}

/* Maps a class of the stream to a class of the table, or returns a negative errno. The class is added when the first
 * loaded entry needs it, because the number of classes is limited. */
static int
class_of(struct la_tw_place *to, const struct la_tw_saved *saved, unsigned theirs)
{
	int class;

	if (to->class[theirs] >= 0)
		return to->class[theirs];
	class = la_tw_class(to->tw, saved->lifetime[theirs]);
	if (class >= 0)
		to->class[theirs] = (int8_t) class;
	return class == -EINVAL ? -EBADMSG : class;
}

/* Returns whether la_tw_export() could have written this record. */
static bool
record_is_valid(const struct record *r, const struct la_tw_saved *saved)
{
	unsigned class = r->flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK;
	bool fw2 = (r->flags & LA_TW_FW2) != 0;

	return class < saved->nclasses && !(r->flags & (LA_TW_LIFE | LA_TW_WHEEL)) &&
	       r->left <= (fw2 ? LEFT_MAX : saved->lifetime[class]);
}

/* Creates an entry whose deadline has not passed. */
static int
import_entry(const struct key *k, const struct record *r, int class)
{
	/* capacities are below LA_REF_SLOT_MASK, so no TCB has this reference */
	const la_ref unowned = la_ref_make(LA_POOL_TCB, LA_REF_SLOT_MASK);
	const struct la_tw_core state = {.snd_nxt = r->snd_nxt,
					 .rcv_nxt = r->rcv_nxt,
					 .ts_recent = r->ts_recent,
					 .wnd = r->wnd,
					 .flags = r->flags};
	struct la_tw *t = k->to->tw;
	uint32_t left = r->left - (uint32_t)k->to->elapsed;
	la_ref ref;

	if (la_index_find(t->index, k->hash, same_tuple, t, &k->tuple))
		return -EEXIST;
	if (!la_tw_reserve(t, &k->tuple.raddr))
		return -ENOBUFS;
	if (la_index_insert(t->index, k->hash, unowned) != 0) {
		la_tw_unreserve(t, &k->tuple.raddr);
		la_counters_one(t->counters, LA_C_index_full);
		return -ENOBUFS;
	}
	if (r->flags & LA_TW_FW2) {
		ref = la_tw_enter_fin_wait_2(t, &k->tuple, k->hash, unowned, &state, k->to->tick, class, left);
		t->counters->state[LA_FIN_WAIT_2]++; /* no TCB of this process was in this state */
	} else {
		ref = la_tw_enter(t, &k->tuple, k->hash, unowned, &state, k->to->tick + left - t->lifetime[class],
				  class);
	}
	la_tw_core(t, ref)->flags |= r->flags & LA_TW_THROTTLE_MASK << LA_TW_THROTTLE_SHIFT;
	la_counters_one(t->counters, LA_C_time_wait_loaded);
	return 0;
}

static int
import_one(struct la_tw_deal *d, const struct la_tw_saved *saved, const struct key *k, const struct record *r)
{
	struct la_tw_place *to = k->to;
	int class, rc;

	if (!record_is_valid(r, saved))
		return -EBADMSG;
	if (r->left <= to->elapsed) {
		la_counters_one(to->tw->counters, LA_C_time_wait_lapsed);
		return 0;
	}
	to->dealt[la_addr_is4(&k->tuple.laddr) ? 0 : 1]++;
	if (d->full)
		return 0;
	class = class_of(to, saved, r->flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK);
	rc = class < 0 ? class : import_entry(k, r, class);
	d->full = rc == -ENOBUFS;
	return d->full ? 0 : rc;
}

/* Fills k with the tuples of a chunk, their tables and hashes; prefetches their index buckets. */
static int
take_keys(const struct la_tw_deal *d, unsigned i, const union chunk *c, struct key *k, unsigned n)
{
	for (unsigned j = 0; j < n; j++) {
		const struct record4 *r4 = &c->v4[j];
		const struct record6 *r6 = &c->v6[j];

		if (i == 0)
			k[j].tuple = (struct la_tuple){la_addr_from4(r4->laddr), la_addr_from4(r4->raddr), r4->lport,
						       r4->rport};
		else
			k[j].tuple = (struct la_tuple){r6->laddr, r6->raddr, r6->lport, r6->rport};
		if (i == 1 && (la_addr_is4(&r6->laddr) || la_addr_is4(&r6->raddr)))
			return -EBADMSG; /* an IPv4 tuple among the entries of IPv6 */
		k[j].to = &d->place[d->owner ? d->owner(d->ctx, &k[j].tuple) : 0];
		k[j].hash = la_hash_tuple(k[j].to->tw->key, &k[j].tuple);
		la_index_prefetch(k[j].to->tw->index, k[j].hash);
	}
	return 0;
}

static int
import_pool(struct la_tw_deal *d, const struct la_tw_saved *saved, unsigned i, la_tw_read *read, void *ctx)
{
	struct key keys[CHUNK];
	union chunk c;

	for (uint32_t left = saved->count[i]; left > 0;) {
		unsigned n = left < CHUNK ? left : CHUNK;
		int rc = read(ctx, &c, n * record_size[i]);

		if (rc == 0)
			rc = take_keys(d, i, &c, keys, n);
		for (unsigned j = 0; j < n && rc == 0; j++)
			rc = import_one(d, saved, &keys[j], i ? &c.v6[j].r : &c.v4[j].r);
		if (rc)
			return rc;
		left -= n;
	}
	return 0;
}

int
la_tw_deal(struct la_tw_deal *d, const struct la_tw_saved *saved, la_tw_read *read, void *ctx)
{
	int rc = 0;

	if (saved->nclasses > LA_TW_CLASSES)
		return -EBADMSG;
	for (unsigned i = 0; i < d->n; i++)
		memset(d->place[i].class, -1, sizeof(d->place[i].class));
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		rc = import_pool(d, saved, i, read, ctx);
	return rc == 0 && d->full ? -ENOBUFS : rc;
}

int
la_tw_import(struct la_tw *t, const struct la_tw_saved *saved, uint32_t tick, uint64_t elapsed, la_tw_read *read,
	     void *ctx)
{
	struct la_tw_place place = {.tw = t, .tick = tick, .elapsed = elapsed};
	struct la_tw_deal d = {.place = &place, .n = 1};

	return la_tw_deal(&d, saved, read, ctx);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The TIME_WAIT table: theory of operation.
 *
 * Why TIME_WAIT exists. There are two reasons, and each requires the full 2*MSL (RFC 9293 3.6.1):
 *
 * 1. The last ACK may be lost. The side that closes first sends this ACK, and an ACK is not acknowledged.
 *    The peer, in LAST_ACK, then retransmits its FIN. A host that still has the connection answers the
 *    FIN, and the close stays orderly. A host without the connection sends a RST, and the peer reports
 *    lost data although no data was lost.
 * 2. Old duplicates. A segment that was delayed in the network and retransmitted may
 *    arrive after the close. While the tuple is in TIME_WAIT the segment reaches only this entry. A
 *    new connection of the same tuple could accept the segment as new data. MSL is the longest life of a
 *    segment; 2*MSL covers the last segment and its answer.
 *
 * An entry has: the tuple, the two sequence numbers of the last ACK, TS.Recent, the last offered
 * window, and its deadline. Later timestamps and ISNs are computed by keyed hashes. An entry takes 32
 * bytes for IPv4, 64 for IPv6, and does not cross a cache line.
 *
 * Reservation. A connection opens only with a reserved entry, so entering TIME_WAIT
 * cannot fail, and no entry is evicted for another one: no line of code increments
 * early_recycles. The invariant is reserved <= nfree: la_tw_reserve() checks reserved < nfree, and a free slot is
 * used only for a reservation.
 *
 * The life of a slot. The wheel (core/wheel.c) has no removal. An entry that
 * a reopen ends before its deadline leaves its reference in the wheel. If the slot were reused at
 * once, the old reference would fire for the new entry, and the slot would be in the wheel
 * twice. So a slot has at most one reference, LA_TW_WHEEL is set while that reference is in the wheel, and the
 * slot becomes free only without a reference.
 *
 *	                 enter                        wheel: due
 *	    FREE -----------------------> LIVE ----------------------------> FREE
 *	                                  |  ^   wheel: not due, added again
 *	                           shadow |  | give_back: not due
 *	                                  v  |
 *	                                 SHADOW  wheel: not due, added again;
 *	                                  |      due: WHEEL cleared
 *	        forget, or give_back: due |
 *	                                  +-- WHEEL clear -----------------> FREE
 *	                                  +-- WHEEL set ---> ZOMBIE -------> FREE
 *	                                                            wheel
 *
 *	life     in the index  in the wheel   counted live
 *	FREE     no            no             no
 *	LIVE     yes           yes            yes
 *	SHADOW   no (its TCB)  until due      yes
 *	ZOMBIE   no            yes            no
 *
 * An entry with LA_TW_FW2 is LIVE and waits for the peer's FIN (tw_fin_wait_2.c). Its reference is added
 * for at most 2*MSL at a time. So the reference fires no later than the new deadline when the FIN starts
 * TIME_WAIT.
 *
 * An entry uses its slot until its 2*MSL ends, even after a reopen. The needed capacity is
 * closes per second times 2*MSL, reopened tuples included.
 *
 * A repeated FIN restarts 2*MSL by moving only the deadline. The reference fires at the old
 * deadline, and is added again for the new deadline. This is one more visit in each lifetime, for any number of FINs.
 * The tick of a reference is never after the deadline, because in TIME_WAIT deadlines only move to later ticks. So an
 * entry expires at the first pop at or after its deadline. Expiry handles only the references that the
 * caller pops: the caller bounds the work, and other due references stay in the wheel.
 *
 * tw_expire.c handles the references that fire. tw_input.c has the rules for segments. */

#include <errno.h>
#include <stdlib.h>

#include "table/tw_entry.h"

/* ------------------------------------------------------------------ creation and end */

static const uint32_t entry_size[2] = {sizeof(struct la_tw4), sizeof(struct la_tw6)};

static size_t
pool_size(uint32_t capacity, uint32_t size)
{
	return ((size_t)capacity + 1) * size;
}

size_t
la_tw_memory(uint32_t capacity4, uint32_t capacity6)
{
	return pool_size(capacity4, entry_size[0]) + pool_size(capacity6, entry_size[1]);
}

int
la_tw_init(struct la_tw *t, const struct la_mem_ops *mem, struct la_index *index, struct la_wheel *wheel,
	   const struct la_hash_key *key, struct la_counters *counters, uint32_t capacity4, uint32_t capacity6)
{
	const uint32_t capacity[2] = {capacity4, capacity6};

	if (capacity4 >= LA_REF_SLOT_MASK || capacity6 >= LA_REF_SLOT_MASK)
		return -EINVAL;
	*t = (struct la_tw){.index = index, .wheel = wheel, .key = key, .counters = counters, .mem = mem};
	for (unsigned i = 0; i < 2; i++) {
		t->pool[i] = (struct la_tw_pool){
			.slots = la_mem_alloc(mem, pool_size(capacity[i], entry_size[i]), 64),
			.size = entry_size[i],
			.capacity = capacity[i],
			.fresh = 1,
			.nfree = capacity[i],
		};
		if (!t->pool[i].slots) {
			la_tw_fini(t);
			return -ENOMEM;
		}
	}
	la_tw_share_set(t, 100);
	return 0;
}

void
la_tw_fini(struct la_tw *t)
{
	for (unsigned i = 0; i < 2; i++)
		la_mem_free(t->mem, t->pool[i].slots, pool_size(t->pool[i].capacity, entry_size[i]));
	*t = (struct la_tw){0};
}

int
la_tw_class(struct la_tw *t, uint32_t lifetime)
{
	if (lifetime == 0 || lifetime > 1u << 30)
		return -EINVAL;
	for (unsigned i = 0; i < t->nclasses; i++)
		if (t->lifetime[i] == lifetime)
			return (int)i;
	if (t->nclasses == LA_TW_CLASSES)
		return -ENOSPC;
	t->lifetime[t->nclasses] = lifetime;
	return (int)t->nclasses++;
}

/* ------------------------------------------------------------------ slots */

bool
la_tw_reserve(struct la_tw *t, const struct la_addr *raddr)
{
	bool is4 = la_addr_is4(raddr);

	return la_tw_take(t, &t->pool[!is4], &t->held[!is4][la_tw_prefix(t->key, raddr)]);
}

void
la_tw_unreserve(struct la_tw *t, const struct la_addr *raddr)
{
	bool is4 = la_addr_is4(raddr);
	struct la_tw_pool *p = &t->pool[!is4];

	assert(p->reserved > 0);
	p->reserved--;
	t->held[!is4][la_tw_prefix(t->key, raddr)]--;
}

void
la_tw_tuple(const struct la_tw *t, la_ref ref, struct la_tuple *tuple)
{
	uint32_t slot = la_ref_slot(ref);

	if (la_ref_pool(ref) == LA_POOL_TW4) {
		const struct la_tw4 *e = &((const struct la_tw4 *)t->pool[0].slots)[slot];

		*tuple = (struct la_tuple){la_addr_from4(e->laddr), la_addr_from4(e->raddr), e->lport, e->rport};
	} else {
		const struct la_tw6 *e = &((const struct la_tw6 *)t->pool[1].slots)[slot];

		*tuple = (struct la_tuple){e->laddr, e->raddr, e->lport, e->rport};
	}
}

/* ------------------------------------------------------------------ the life of an entry */

/* Makes a reserved slot LIVE, with the tuple and the flags `more`, and replaces tcb_ref in the index. */
static la_ref
tw_place_entry(struct la_tw *t, const struct la_tuple *tuple, uint64_t hash, la_ref tcb_ref,
	       const struct la_tw_core *state, uint32_t deadline, uint32_t tick, unsigned more)
{
	uint32_t ports = (uint32_t)tuple->lport << 16 | tuple->rport;
	la_ref ref;
	bool replaced;

	more |= (state->flags & LA_TW_TS);
	ref = la_addr_is4(&tuple->laddr)
		      ? la_tw_entry_make(t, true, &tuple->laddr, &tuple->raddr, ports, state, deadline, tick, more)
		      : la_tw_entry_make(t, false, &tuple->laddr, &tuple->raddr, ports, state, deadline, tick, more);
	replaced = la_index_replace(t->index, hash, tcb_ref, ref);
	assert(replaced);
	(void)replaced;
	return ref;
}

la_ref
la_tw_enter(struct la_tw *t, const struct la_tuple *tuple, uint64_t hash, la_ref tcb_ref,
	    const struct la_tw_core *state, uint32_t tick, int class)
{
	assert(class >= 0 && (unsigned)class < t->nclasses);
	la_tw_count_entered(t);
	return tw_place_entry(t, tuple, hash, tcb_ref, state, tick + t->lifetime[class], tick,
			      (unsigned)class << LA_TW_CLASS_SHIFT);
}

la_ref
la_tw_enter_fin_wait_2(struct la_tw *t, const struct la_tuple *tuple, uint64_t hash, la_ref tcb_ref,
		       const struct la_tw_core *state, uint32_t tick, int class, uint32_t limit)
{
	assert(class >= 0 && (unsigned)class < t->nclasses);
	t->counters->v[LA_C_fin_wait_2_held]++;
	return tw_place_entry(t, tuple, hash, tcb_ref, state, tick + limit, tick,
			      LA_TW_FW2 | (unsigned)class << LA_TW_CLASS_SHIFT);
}

/* Counts the transition and the orderly end, because there is no TCB that counts them. */
void
la_tw_begin(struct la_tw *t, la_ref ref, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);

	assert(la_tw_life(e) == LA_TW_LIVE && (e->flags & LA_TW_FW2));
	e->flags = (uint16_t)(e->flags & ~LA_TW_FW2);
	e->deadline = tick + la_tw_lifetime_of(t, e->flags);
	t->counters->v[LA_C_fin_wait_2_held]--;
	la_counters_one(t->counters, LA_C_ended_orderly);
	t->counters->state[LA_FIN_WAIT_2]--;
	la_tw_moves(t, e, LA_FIN_WAIT_2, LA_TIME_WAIT);
	la_tw_count_entered(t);
}

void
la_tw_shadow(struct la_tw *t, la_ref ref)
{
	struct la_tw_core *e = la_tw_core(t, ref);

	assert(la_tw_life(e) == LA_TW_LIVE);
	la_tw_set_life(e, LA_TW_SHADOW);
}

/* RFC 9293 3.6.1 MAY-2 (2): the tuple returns to TIME_WAIT, with its old deadline. */
bool
la_tw_give_back(struct la_tw *t, la_ref ref, uint64_t hash, la_ref tcb_ref, uint32_t tick)
{
	struct la_tw_core *e = la_tw_core(t, ref);
	bool found, back = seq_lt(tick, e->deadline);

	assert(la_tw_life(e) == LA_TW_SHADOW);
	if (back) {
		/* the reference fires no later than the deadline, and is added again before the
		 * deadline: it is still in the wheel */
		assert(e->flags & LA_TW_WHEEL);
		found = la_index_replace(t->index, hash, tcb_ref, ref);
		la_tw_set_life(e, LA_TW_LIVE);
		la_counters_one(t->counters, LA_C_time_wait_given_back);
	} else {
		found = la_index_remove(t->index, hash, tcb_ref);
		la_counters_one(t->counters, LA_C_time_wait_expired);
		la_tw_slot_end(t, ref, e);
	}
	assert(found);
	(void)found;
	return back;
}

void
la_tw_forget(struct la_tw *t, la_ref ref)
{
	struct la_tw_core *e = la_tw_core(t, ref);

	assert(la_tw_life(e) == LA_TW_SHADOW);
	la_counters_one(t->counters, LA_C_time_wait_reopened);
	la_tw_slot_end(t, ref, e);
}

/* ------------------------------------------------------------------ the checker */

#define FAULT(c, ...)                                       \
	do {                                                \
		(c)->faults++;                              \
		fprintf((c)->f, "time_wait: " __VA_ARGS__); \
		fputc('\n', (c)->f);                        \
	} while (0)

struct check {
	const struct la_tw *t;
	FILE *f;
	uint8_t *in_wheel[2]; /* by family and slot: number of references in the wheel, up to 255 */
	uint8_t *on_list[2];  /* by family and slot: 1 if on the free list */
	unsigned faults;
	uint64_t fw2; /* entries in FIN_WAIT_2 */
};

static void
check_wheel_ref(void *ctx, uint32_t ref, uint32_t tick)
{
	struct check *c = ctx;
	enum la_pool which = la_ref_pool(ref);
	uint32_t slot = la_ref_slot(ref), i = which == LA_POOL_TW6;

	if (which != LA_POOL_TW4 && which != LA_POOL_TW6)
		return;
	if (slot == 0 || slot >= c->t->pool[i].fresh) {
		FAULT(c, "the wheel has a reference to slot %u; valid are 1 to %u", slot, c->t->pool[i].fresh - 1);
		return;
	}
	if (c->in_wheel[i][slot] < UINT8_MAX)
		c->in_wheel[i][slot]++;
	if (seq_gt(tick, la_tw_core(c->t, ref)->deadline))
		FAULT(c, "slot %u fires at %u, its deadline is %u", slot, tick, la_tw_core(c->t, ref)->deadline);
}

static bool
same_ref(const void *ctx, la_ref ref, const void *key)
{
	(void)ctx;
	return ref == *(const la_ref *)key;
}

static void
check_slot(struct check *c, unsigned i, la_ref ref)
{
	const struct la_tw_core *e = la_tw_core(c->t, ref);
	uint32_t slot = la_ref_slot(ref);
	enum la_tw_life life = la_tw_life(e);
	unsigned refs = c->in_wheel[i][slot];
	bool has = e->flags & LA_TW_WHEEL;

	if (refs != has)
		FAULT(c, "slot %u is in the wheel %u times, but its wheel bit is %d", slot, refs, has);
	if (life == LA_TW_SHADOW ? false : has != (life != LA_TW_FREE))
		FAULT(c, "slot %u of life %d must not have wheel bit %d", slot, (int)life, has);
	if ((life == LA_TW_FREE) != c->on_list[i][slot])
		FAULT(c, "slot %u of life %d: on free list %d", slot, (int)life, c->on_list[i][slot]);
	if (life == LA_TW_FREE)
		return;
	c->fw2 += life == LA_TW_LIVE && (e->flags & LA_TW_FW2);
	if ((unsigned)(e->flags >> LA_TW_CLASS_SHIFT & LA_TW_CLASS_MASK) >= c->t->nclasses)
		FAULT(c, "slot %u has a class without a lifetime", slot);
	if ((la_index_find(c->t->index, la_tw_hash(c->t, ref), same_ref, NULL, &ref) != NULL) != (life == LA_TW_LIVE))
		FAULT(c, "slot %u of life %d is%s in the index", slot, (int)life, life == LA_TW_LIVE ? " not" : "");
}

static void
check_pool(struct check *c, unsigned i)
{
	const struct la_tw_pool *p = &c->t->pool[i];
	enum la_pool which = i ? LA_POOL_TW6 : LA_POOL_TW4;
	uint32_t listed = 0, lives[4] = {0};

	for (uint32_t s = p->free_head; s; s = la_tw_core(c->t, la_ref_make(which, s))->snd_nxt) {
		if (s >= p->fresh || c->on_list[i][s]) {
			FAULT(c, "free list %u has slot %u twice, or the slot was never used", i, s);
			break;
		}
		c->on_list[i][s] = 1;
		listed++;
	}
	for (uint32_t s = 1; s < p->fresh; s++) {
		lives[la_tw_life(la_tw_core(c->t, la_ref_make(which, s)))]++;
		check_slot(c, i, la_ref_make(which, s));
	}
	if (p->nfree != listed + (p->capacity - (p->fresh - 1)))
		FAULT(c, "pool %u: nfree is %u, but %u slots are on the list, first unused slot %u", i, p->nfree,
		      listed, p->fresh);
	if (p->live != lives[LA_TW_LIVE] + lives[LA_TW_SHADOW])
		FAULT(c, "pool %u: live is %u, but %u slots are LIVE and %u SHADOW", i, p->live, lives[LA_TW_LIVE],
		      lives[LA_TW_SHADOW]);
	if (p->nfree + p->live + lives[LA_TW_ZOMBIE] != p->capacity)
		FAULT(c, "pool %u: free, live and zombies do not add up to %u", i, p->capacity);
	if (p->reserved > p->nfree)
		FAULT(c, "pool %u: %u reserved, but only %u free", i, p->reserved, p->nfree);
}

/* Checks that each counter is at least the number of its entries, and the sum. The table does not store the prefixes of
 * reservations. */
static void
check_share(struct check *c, unsigned i)
{
	const struct la_tw_pool *p = &c->t->pool[i];
	uint32_t entries[LA_TW_PREFIXES] = {0}, sum = 0, used = p->capacity - p->nfree + p->reserved;

	la_tw_share_entries(c->t, i, entries);
	for (unsigned b = 0; b < LA_TW_PREFIXES; b++) {
		sum += c->t->held[i][b];
		if (entries[b] > c->t->held[i][b])
			FAULT(c, "pool %u: prefix counter %u is %u for %u entries", i, b, c->t->held[i][b], entries[b]);
	}
	if (sum != used)
		FAULT(c, "pool %u: the prefix counters sum up to %u, but %u slots are in use", i, sum, used);
}

unsigned
la_tw_check(const struct la_tw *t, FILE *f)
{
	struct check c = {.t = t, .f = f};
	const uint64_t *v = t->counters->v;
	bool room = true;

	for (unsigned i = 0; i < 2; i++) {
		c.in_wheel[i] = calloc(t->pool[i].fresh, 1);
		c.on_list[i] = calloc(t->pool[i].fresh, 1);
		room = room && c.in_wheel[i] && c.on_list[i];
	}
	if (room) {
		la_wheel_each(t->wheel, check_wheel_ref, &c);
		check_pool(&c, 0);
		check_pool(&c, 1);
		check_share(&c, 0);
		check_share(&c, 1);
	} else {
		FAULT(&c, "no memory for the check");
	}
	if (v[LA_C_time_wait] + v[LA_C_fin_wait_2_held] != t->pool[0].live + t->pool[1].live ||
	    v[LA_C_fin_wait_2_held] != c.fw2)
		FAULT(&c, "time_wait and fin_wait_2_held are not the numbers of entries");
	if (v[LA_C_time_wait_entered] != v[LA_C_time_wait] + v[LA_C_time_wait_expired] + v[LA_C_time_wait_reopened])
		FAULT(&c, "time_wait_entered is not time_wait + time_wait_expired + time_wait_reopened");
	for (unsigned i = 0; i < 2; i++) {
		free(c.in_wheel[i]);
		free(c.on_list[i]);
	}
	return c.faults;
}

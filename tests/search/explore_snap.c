/* SPDX-License-Identifier: BSD-3-Clause */

/* Snapshots of a world that save only the memory that can differ.
 *
 * Of each shard's large wheel, only the slots in use are saved. The wheel's bitmap names them; all other slots
 * are zero.
 *
 * Most of a world's arena never changes: port tables, listeners, room for frames and bursts larger than any in a
 * small world. leave_out() names these ranges, which are not saved. All other memory is saved. ex_snap_strays()
 * compares the ranges that are not saved with the first image of the world. A search in which they differ is
 * invalid. */

#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "explore.h"
#include "net/shard.h"
#include "sim/internal.h"
#include "tcp/internal.h"

enum {
	MAX_SPANS = 256,
	MAX_SLOTS = 64,
	BURST = 32,   /* upper bound of the packets in a shard's queues */
	PROFILES = 8, /* upper bound of the sets of connection options */
	FRAME = 320,  /* upper bound of the bytes of a frame */
};

struct span {
	size_t at, len;
};

struct ex_snap {
	uint8_t *live, *first;
	struct la_sim *w;
	size_t size, saved;
	struct span out[MAX_SPANS];    /* ranges left out */
	struct span in[MAX_SPANS + 1]; /* ranges saved */
	unsigned nout, nin;
};

/* ------------------------------------------------------------------ wheels */

/* Writes the slots in use, first the slot base - 1, which may be half drained. Returns their number. */
static unsigned
used_slots(const struct la_wheel *w, uint32_t slot[MAX_SLOTS])
{
	unsigned n = 0;

	slot[n++] = (w->base - 1) & (w->nslots - 1);
	for (uint32_t i = 0; i < w->nslots / 64; i++)
		for (uint64_t b = w->bitmap[0][i]; b && n < MAX_SLOTS; b &= b - 1)
			slot[n++] = i * 64 + (uint32_t)__builtin_ctzll(b);
	return n;
}

static uint8_t *
save_wheel(const struct la_wheel *w, uint8_t *p)
{
	const uint64_t *slots = (const void *)w->slots;
	uint32_t slot[MAX_SLOTS], n = used_slots(w, slot);

	memcpy(p, &n, sizeof(n));
	p += sizeof(n);
	for (uint32_t i = 0; i < n; i++) {
		memcpy(p, &slot[i], 4);
		memcpy(p + 4, &slots[slot[i]], 8);
		p += 12;
	}
	return p;
}

static void
clear_wheel(const struct la_wheel *w)
{
	uint64_t *slots = (void *)w->slots;
	uint32_t slot[MAX_SLOTS], n = used_slots(w, slot);

	while (n > 0)
		slots[slot[--n]] = 0;
}

static const uint8_t *
load_wheel(const struct la_wheel *w, const uint8_t *p)
{
	uint64_t *slots = (void *)w->slots;
	uint32_t slot, n;

	memcpy(&n, p, sizeof(n));
	for (p += sizeof(n); n > 0; n--, p += 12) {
		memcpy(&slot, p, 4);
		memcpy(&slots[slot], p + 4, 8);
	}
	return p;
}

static struct la_wheel *
wheel(const struct ex_snap *s, unsigned host)
{
	return &la_sim_shard(s->w, host)->tcp.wheel;
}

/* ------------------------------------------------------------------ ranges left out, ranges saved */

static void
leave(struct ex_snap *s, const void *p, size_t len)
{
	size_t at = (size_t)((const uint8_t *)p - s->live);

	if (s->nout < MAX_SPANS)
		s->out[s->nout++] = (struct span){at, len};
}

static void
leave_mbuf(struct rte_mempool *mp, void *ctx, void *obj, unsigned i)
{
	const struct rte_mbuf *m = obj;
	size_t used = RTE_PKTMBUF_HEADROOM + FRAME;

	(void)mp;
	(void)i;
	leave(ctx, (const uint8_t *)m->buf_addr + used, m->buf_len - used);
}

static void
leave_out(struct ex_snap *s, struct la_sim *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct la_shard *sh = la_sim_shard(w, i);
		const struct la_tcp *t = &sh->tcp;

		leave(s, t->out + BURST, (LA_TCP_OUT_MAX - BURST) * sizeof(*t->out));
		leave(s, sh->tx + BURST, (LA_TX_MAX - BURST) * sizeof(*sh->tx));
		leave(s, t->wheel.slots, t->wheel.nslots * sizeof(uint64_t));
		leave(s, sh->flat, LA_FRAME_MAX);
		leave(s, t->listen_port, 65536 * sizeof(*t->listen_port));
		leave(s, t->listeners, LA_TCP_LISTENERS * sizeof(*t->listeners));
		leave(s, t->profiles + PROFILES, (LA_TCP_PROFILES - PROFILES) * sizeof(*t->profiles));
	}
	leave(s, &w->node[2], sizeof(w->node) - 2 * sizeof(w->node[0]));
	leave(s, &w->way[2], sizeof(w->way) - 2 * sizeof(w->way[0]));
	leave(s, w->fault, sizeof(w->fault));
	rte_mempool_obj_iter(la_sim_mbufs(w), leave_mbuf, s);
}

static int
by_place(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void
find_saved_ranges(struct ex_snap *s)
{
	size_t at = 0;

	qsort(s->out, s->nout, sizeof(s->out[0]), by_place);
	for (unsigned i = 0; i <= s->nout; i++) {
		size_t end = i < s->nout ? s->out[i].at : s->size;

		if (end > at) {
			s->in[s->nin++] = (struct span){at, end - at};
			s->saved += end - at;
		}
		if (i < s->nout)
			at = s->out[i].at + s->out[i].len;
	}
}

struct ex_snap *
ex_snap_create(struct la_sim *w, bool whole)
{
	struct ex_snap *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->w = w;
	s->live = (uint8_t *)la_sim_arena(w);
	s->size = la_sim_save_size(w);
	s->first = malloc(s->size);
	if (!s->first) {
		free(s);
		return NULL;
	}
	la_sim_save(w, s->first);
	if (!whole)
		leave_out(s, w);
	find_saved_ranges(s);
	return s;
}

void
ex_snap_destroy(struct ex_snap *s)
{
	if (!s)
		return;
	free(s->first);
	free(s);
}

size_t
ex_snap_size(const struct ex_snap *s)
{
	return s->saved + 2 * (4 + 12 * MAX_SLOTS);
}

void
ex_snap_save(const struct ex_snap *s, void *buf)
{
	uint8_t *p = buf;

	for (unsigned i = 0; i < s->nin; p += s->in[i++].len)
		memcpy(p, s->live + s->in[i].at, s->in[i].len);
	for (unsigned i = 0; i < 2 && s->nout; i++)
		p = save_wheel(wheel(s, i), p);
}

void
ex_snap_load(const struct ex_snap *s, const void *buf)
{
	const uint8_t *p = buf;

	for (unsigned i = 0; i < 2 && s->nout; i++)
		clear_wheel(wheel(s, i));
	for (unsigned i = 0; i < s->nin; p += s->in[i++].len)
		memcpy(s->live + s->in[i].at, p, s->in[i].len);
	for (unsigned i = 0; i < 2 && s->nout; i++)
		p = load_wheel(wheel(s, i), p);
}

void
ex_snap_reset(const struct ex_snap *s)
{
	memcpy(s->live, s->first, s->size);
}

static bool
is_wheel(const struct ex_snap *s, const struct span *p)
{
	return s->live + p->at == (const uint8_t *)wheel(s, 0)->slots ||
	       s->live + p->at == (const uint8_t *)wheel(s, 1)->slots;
}

bool
ex_snap_strays(const struct ex_snap *s)
{
	for (unsigned i = 0; i < s->nout; i++)
		if (!is_wheel(s, &s->out[i]) &&
		    memcmp(s->live + s->out[i].at, s->first + s->out[i].at, s->out[i].len) != 0)
			return true;
	return false;
}

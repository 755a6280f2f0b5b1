/* SPDX-License-Identifier: BSD-3-Clause */

/* Hosts that break a rule on purpose (enum la_sim_weak). The stack has no switch that breaks a rule. Between two
 * calls of a simulated host's shard, this file changes the shard's tables and the host's segments. */

#include "net/shard.h"
#include "sim/internal.h"
#include "tcp/internal.h"

/* ------------------------------------------------------------------ FIXED_ISN: sequence numbers are shifted */

static struct la_sim_isn *
weak_find_isn(struct la_sim_node *n, const struct la_tuple *t)
{
	for (unsigned i = 0; i < LA_SIM_ISNS; i++)
		if (n->isn[i].used && la_sim_same(&n->isn[i].t, t))
			return &n->isn[i];
	return NULL;
}

static struct la_sim_isn *
weak_make_isn(struct la_sim_node *n, const struct la_tuple *t)
{
	struct la_sim_isn *i = weak_find_isn(n, t);

	if (!i) {
		i = &n->isn[n->next_isn++ % LA_SIM_ISNS];
		i->t = *t;
		i->used = true;
	}
	return i;
}

void
la_sim_weak_out(struct la_sim_node *n, struct rte_mbuf *m, struct la_fault_seg *s)
{
	struct la_sim_isn *i;

	if (!(n->weak & LA_SIM_FIXED_ISN))
		return;
	if (s->flags & LA_SYN) {
		i = weak_make_isn(n, &s->t);
		i->shift = n->fixed_isn - s->seq;
	} else {
		i = weak_find_isn(n, &s->t);
	}
	if (!i)
		return;
	la_fault_seg_shift(rte_pktmbuf_mtod(m, uint8_t *), s, i->shift, 0);
	s->seq += i->shift;
}

/* ------------------------------------------------------------------ TIME_WAIT that ends early */

static void
weak_forget(struct la_tcp *t, la_ref ref)
{
	struct la_tuple tuple;
	bool removed;

	la_tw_tuple(&t->tw, ref, &tuple);
	la_tw_shadow(&t->tw, ref);
	removed = la_index_remove(&t->index, la_hash_tuple(&t->key, &tuple), ref);
	if (removed)
		la_tw_forget(&t->tw, ref);
}

static bool
in_time_wait(const struct la_tcp *t, la_ref ref)
{
	const struct la_tw_core *e = la_tw_core(&t->tw, ref);

	return la_tw_life(e) == LA_TW_LIVE && !(e->flags & LA_TW_FW2);
}

static void
weak_assassinate(struct la_sim_node *n, const struct la_fault_seg *s)
{
	struct la_tcp *t = &n->shard->tcp;
	struct la_tuple tuple = la_sim_mirrored(&s->t);
	la_ref ref = la_tcb_lookup_tuple(t, &tuple, la_hash_tuple(&t->key, &tuple));

	/* RFC 9293 3.10.7.4: a RST with SEG.SEQ = RCV.NXT ends TIME_WAIT; here the TIME_WAIT entry is deleted */
	if (ref && la_ref_pool(ref) != LA_POOL_TCB && in_time_wait(t, ref) &&
	    s->seq == la_tw_core(&t->tw, ref)->rcv_nxt)
		weak_forget(t, ref);
}

void
la_sim_weak_in(struct la_sim_node *n, struct rte_mbuf *m)
{
	struct la_fault_seg s;

	if (!n->weak || !la_fault_seg_read(rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, &s))
		return;
	if (n->weak & LA_SIM_FIXED_ISN) {
		struct la_tuple t = la_sim_mirrored(&s.t);
		struct la_sim_isn *i = weak_find_isn(n, &t);

		if (i && (s.flags & LA_ACK))
			la_fault_seg_shift(rte_pktmbuf_mtod(m, uint8_t *), &s, 0, -i->shift);
	}
	if ((n->weak & LA_SIM_ASSASSIN) && (s.flags & LA_RST))
		weak_assassinate(n, &s);
}

void
la_sim_weak_after(struct la_sim_node *n)
{
	struct la_tcp *t = &n->shard->tcp;

	if (!(n->weak & LA_SIM_NO_TIME_WAIT))
		return;
	for (int p = 0; p < 2; p++)
		for (uint32_t slot = 1; slot < t->tw.pool[p].fresh; slot++) {
			la_ref ref = la_ref_make(p ? LA_POOL_TW6 : LA_POOL_TW4, slot);

			if (in_time_wait(t, ref))
				weak_forget(t, ref);
		}
}

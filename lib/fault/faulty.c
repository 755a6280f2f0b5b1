/* SPDX-License-Identifier: BSD-3-Clause */

/* Fault injection at a port, in the fault language (fault/fault.h).
 *
 * Every frame of a shard passes the rules in order. Held frames and late copies wait in a heap,
 * with the next due frame on top. A reordered frame waits in `behind` until another frame has left. Rules apply
 * between the shard and the port (or a capture), so the transmitted frames can be compared exactly with the frames
 * that the peer receives.
 *
 *     frames of the shard + added - lost = frames handed to the port
 *
 * A last ACK is identified by the shard's state: the connection, or its TIME_WAIT entry, is in a state after the
 * peer's FIN, and a segment without SYN, FIN, RST and payload acknowledges this FIN. */

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "fault/faulty.h"

enum {
	WAITING_MAX = 8192,  /* most held frames */
	POOL_SHARE = 4,	     /* held frames use at most a fourth of the buffers of the shard's pool */
	A_FRAME_BECOMES = 3, /* most frames that leave for one: the frame, its copy, and a reordered frame */
};

struct waiting {
	uint64_t due; /* us */
	uint64_t nth; /* number of arrival: orders frames that are due at the same time */
	struct rte_mbuf *m;
	bool copy;
};

struct la_faulty {
	struct la_fault rule[LA_FAULTY_RULES];
	unsigned nrules;
	bool lastacks; /* a rule matches last ACKs */
	struct la_rng rng;
	struct rte_mbuf *behind; /* reordered frame: leaves after the next frame */
	uint64_t nth;		 /* frames added to the heap so far */
	unsigned nheap;
	unsigned buffers; /* packet buffers of the frames in the heap */
	struct la_faulty_counts n;
	struct waiting heap[WAITING_MAX];
};

static inline void
faulty_count(uint64_t *counter, int64_t n)
{
	__atomic_store_n(counter, *counter + (uint64_t)n, __ATOMIC_RELAXED);
}

/* ---- the heap ---- */

static bool
waiting_before(const struct waiting *a, const struct waiting *b)
{
	return a->due != b->due ? a->due < b->due : a->nth < b->nth;
}

static void
waiting_swap(struct waiting *a, struct waiting *b)
{
	struct waiting t = *a;

	*a = *b;
	*b = t;
}

/* Returns whether m may be held. Held frames must not take the buffers that reception needs. */
static bool
has_room(const struct la_faulty *f, const struct rte_mbuf *m, const struct rte_mempool *pool)
{
	return f->nheap < WAITING_MAX && f->buffers + m->nb_segs <= pool->size / POOL_SHARE;
}

/* Holds m until `due`. The caller has checked has_room(). */
static void
waiting_push(struct la_faulty *f, struct rte_mbuf *m, uint64_t due, bool copy)
{
	unsigned i = f->nheap++;

	f->buffers += m->nb_segs;
	f->heap[i] = (struct waiting){.due = due, .nth = f->nth++, .m = m, .copy = copy};
	for (; i > 0 && waiting_before(&f->heap[i], &f->heap[(i - 1) / 2]); i = (i - 1) / 2)
		waiting_swap(&f->heap[i], &f->heap[(i - 1) / 2]);
	if (!copy)
		faulty_count(&f->n.lost, 1);
}

static struct rte_mbuf *
waiting_pop(struct la_faulty *f)
{
	struct waiting top = f->heap[0];
	unsigned i = 0, child;

	f->buffers -= top.m->nb_segs;
	f->heap[0] = f->heap[--f->nheap];
	while ((child = 2 * i + 1) < f->nheap) {
		if (child + 1 < f->nheap && waiting_before(&f->heap[child + 1], &f->heap[child]))
			child++;
		if (!waiting_before(&f->heap[child], &f->heap[i]))
			break;
		waiting_swap(&f->heap[i], &f->heap[child]);
		i = child;
	}
	if (top.copy)
		faulty_count(&f->n.added, 1);
	else
		faulty_count(&f->n.lost, -1);
	return top.m;
}

/* ---- one frame ---- */

/* Flips the last bit of the first mbuf of the chain: in the TCP header, or in payload behind the header. (Later mbufs
 * of the chain may be shared.) Checksum offload is turned off, because the port would correct the
 * checksum. */
static void
faulty_corrupt(struct rte_mbuf *m)
{
	m->ol_flags &= ~(RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IP_CKSUM);
	*(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len) - 1) ^= 1;
}

static unsigned
faulty_duplicate(struct la_faulty *f, struct rte_mbuf *m, uint64_t us, uint64_t now_us, struct rte_mempool *pool,
		 struct rte_mbuf **out)
{
	struct rte_mbuf *copy = us > 0 && !has_room(f, m, pool) ? NULL : rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);

	out[0] = m;
	if (copy == NULL) {
		faulty_count(&f->n.no_room, 1);
		return 1;
	}
	faulty_count(&f->n.duplicated, 1);
	if (us > 0) {
		waiting_push(f, copy, now_us + us, true);
		return 1;
	}
	faulty_count(&f->n.added, 1);
	out[1] = copy;
	return 2;
}

static struct la_fate
fate_of(struct la_faulty *f, const struct rte_mbuf *m, const uint32_t *peer_fin)
{
	static const struct la_fate none = {.action = LA_FAULT_NONE};
	struct la_fault_seg seg;

	/* the headers are in the first mbuf; the length is that of the whole frame */
	if (!la_fault_seg_read(rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, &seg))
		return none;
	return la_fault_decide(f->rule, f->nrules, "", &seg, peer_fin, &f->rng);
}

unsigned
la_faulty_pass(struct la_faulty *f, struct rte_mbuf *m, const uint32_t *peer_fin, uint64_t now_us,
	       struct rte_mempool *pool, struct rte_mbuf **out)
{
	struct la_fate fate = fate_of(f, m, peer_fin);
	unsigned n = 0;

	switch (fate.action) {
	case LA_FAULT_DROP:
		rte_pktmbuf_free(m);
		faulty_count(&f->n.dropped, 1);
		faulty_count(&f->n.lost, 1);
		return 0;
	case LA_FAULT_HOLD:
		if (!has_room(f, m, pool)) {
			faulty_count(&f->n.no_room, 1);
			out[n++] = m;
			break;
		}
		faulty_count(&f->n.held, 1);
		waiting_push(f, m, now_us + fate.us, false);
		return 0;
	case LA_FAULT_REORDER:
		if (f->behind == NULL) {
			f->behind = m;
			faulty_count(&f->n.reordered, 1);
			faulty_count(&f->n.lost, 1);
			return 0;
		}
		out[n++] = m; /* the frame that the reordered one waits for */
		break;
	case LA_FAULT_DUP:
		n = faulty_duplicate(f, m, fate.us, now_us, pool, out);
		break;
	case LA_FAULT_CORRUPT:
		faulty_corrupt(m);
		faulty_count(&f->n.corrupted, 1);
		out[n++] = m;
		break;
	case LA_FAULT_NONE:
		out[n++] = m;
		break;
	}
	if (f->behind != NULL) {
		out[n++] = f->behind;
		f->behind = NULL;
		faulty_count(&f->n.lost, -1);
	}
	return n;
}

/* Sets *fin to the sequence number after the peer's FIN. False: the connection of this frame has received no FIN, or
 * the frame is not an ACK without payload, or no rule needs the number. */
static bool
peer_fin_of(const struct la_faulty *f, const struct la_shard *s, const struct rte_mbuf *m, uint32_t *fin)
{
	struct la_fault_seg seg;
	struct la_conn_info info;

	if (!f->lastacks || !la_fault_seg_read(rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, &seg) ||
	    !la_fault_is_kind(&seg, LA_FAULT_ON_ACK, NULL) || la_shard_find(s, &seg.t, &info) != 0)
		return false;
	*fin = info.rcv_nxt;
	return info.state == LA_CLOSE_WAIT || info.state == LA_CLOSING || info.state == LA_LAST_ACK ||
	       info.state == LA_TIME_WAIT;
}

unsigned
la_faulty_take(struct la_faulty *f, struct la_shard *s, uint64_t now_us, struct rte_mempool *pool,
	       struct rte_mbuf **pkts, unsigned max)
{
	struct rte_mbuf *m;
	unsigned n = 0;
	uint32_t fin;

	while (n < max && f->nheap > 0 && f->heap[0].due <= now_us)
		pkts[n++] = waiting_pop(f);
	while (n + A_FRAME_BECOMES <= max && la_shard_tx(s, &m, 1) == 1)
		n += la_faulty_pass(f, m, peer_fin_of(f, s, m, &fin) ? &fin : NULL, now_us, pool, pkts + n);
	return n;
}

/* ---- creation and end ---- */

struct la_faulty *
la_faulty_create(const struct la_fault *rules, unsigned n, uint64_t seed)
{
	struct la_faulty *f = n <= LA_FAULTY_RULES ? calloc(1, sizeof(*f)) : NULL;

	if (f == NULL)
		return NULL;
	memcpy(f->rule, rules, n * sizeof(*rules));
	f->nrules = n;
	f->rng.s = seed;
	for (unsigned i = 0; i < n; i++)
		f->lastacks |= rules[i].kind == LA_FAULT_ON_LASTACK;
	return f;
}

void
la_faulty_flush(struct la_faulty *f)
{
	rte_pktmbuf_free(f->behind);
	f->behind = NULL;
	while (f->nheap > 0)
		rte_pktmbuf_free(f->heap[--f->nheap].m);
	f->buffers = 0;
}

void
la_faulty_destroy(struct la_faulty *f)
{
	free(f);
}

void
la_faulty_read(const struct la_faulty *f, struct la_faulty_counts *out)
{
	const uint64_t *from = (const uint64_t *)&f->n;
	uint64_t *to = (uint64_t *)out;

	for (unsigned i = 0; i < sizeof(*out) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

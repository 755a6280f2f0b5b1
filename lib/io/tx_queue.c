/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that wait for a port. (The theory is in tx_queue.h.) */

#include <assert.h>

#include <rte_common.h>
#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "io/port.h"
#include "io/tx_queue.h"

_Static_assert((LA_TXQ_FRAMES & (LA_TXQ_FRAMES - 1)) == 0, "places are numbered modulo a power of two");

static uint32_t
txq_place(const struct la_txq *q, uint32_t i)
{
	return (q->head + i) & (LA_TXQ_FRAMES - 1);
}

/* Returns how many of the first n frames are contiguous in the array. */
static uint32_t
txq_piece(const struct la_txq *q, uint32_t n)
{
	return RTE_MIN(n, LA_TXQ_FRAMES - q->head);
}

/* Removes the first n frames. Returns how many of them are frames of the queue's own shard. */
static uint32_t
txq_leave(struct la_txq *q, uint32_t n)
{
	uint32_t own = 0;

	for (uint32_t i = 0; i < n; i++)
		own += q->is_own[txq_place(q, i)];
	q->head = txq_place(q, n);
	q->n -= n;
	q->own -= own;
	return own;
}

static void
txq_drop(struct la_txq *q, const struct la_port *port, uint16_t queue, uint32_t n)
{
	while (n > 0) {
		uint32_t k = txq_piece(q, n);

		la_port_tx_lost(port, queue, &q->m[q->head], k);
		q->own_lost += txq_leave(q, k);
		n -= k;
	}
}

void
la_txq_drop_all(struct la_txq *q, const struct la_port *port, uint16_t queue)
{
	txq_drop(q, port, queue, q->n);
}

unsigned
la_txq_retry(struct la_txq *q, const struct la_port *port, uint16_t queue, uint64_t now)
{
	unsigned sent = 0;

	while (q->n > 0) {
		uint32_t want = txq_piece(q, q->n), k = la_port_tx_offer(port, queue, &q->m[q->head], want);

		q->own_sent += txq_leave(q, k);
		sent += k;
		if (k < want)
			break;
	}
	if (sent > 0) {
		q->refused_ms = 0;
	} else if (q->n > 0 && now != q->refused_at) {
		q->refused_at = now;
		q->refused_ms++;
	}
	if (q->refused_ms > LA_TXQ_GIVE_UP_MS)
		la_txq_drop_all(q, port, queue);
	else if (q->refused_ms > LA_TXQ_STALL_MS && q->n > LA_TXQ_LOW)
		txq_drop(q, port, queue, q->n - LA_TXQ_LOW);
	return sent;
}

static void
txq_append(struct la_txq *q, struct rte_mbuf **pkts, uint32_t n, bool own)
{
	assert(n <= la_txq_room(q));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = txq_place(q, q->n + i);

		q->m[at] = pkts[i];
		q->is_own[at] = own;
	}
	q->n += n;
	q->own += own ? n : 0;
	q->peak = RTE_MAX(q->peak, q->n);
}

void
la_txq_send(struct la_txq *q, const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n, bool own,
	    struct rte_mempool *pool)
{
	unsigned left = la_port_tx_ready(port, queue, pkts, n, pool), sent = 0;

	if (likely(q->n == 0)) {
		sent = la_port_tx_offer(port, queue, pkts, left);
		if (likely(sent > 0))
			q->refused_ms = 0;
	}
	if (own) {
		q->own_sent += sent;
		q->own_lost += n - left;
	}
	if (unlikely(sent < left))
		txq_append(q, pkts + sent, left - sent, own);
}

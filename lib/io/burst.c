/* SPDX-License-Identifier: BSD-3-Clause */

/* Bursts in and out. For a port with all needed features the hot path is one call of ethdev. la_port_open() finds the
 * missing features of a port; replacing them costs time only on that port. */

#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <lastack/shard.h>

#include "io/burst.h"
#include "io/memif.h"
#include "io/port.h"

enum {
	TX_TRIES = 16 /* after so many tries in a row without progress the frames are dropped */
};

/* The frames that each queue has lost. Only the thread of a queue writes the queue's line. */
static struct lost {
	uint64_t full;	    /* the port did not take them in time */
	uint64_t no_buffer; /* no buffer for a needed copy */
	uint64_t unfit;	    /* the driver refuses to send them */
} __rte_cache_aligned tx_lost[RTE_MAX_ETHPORTS][LA_PORT_MAX_QUEUES];

void
la_burst_reset(uint16_t id)
{
	memset(tx_lost[id], 0, sizeof(tx_lost[id]));
}

static void
burst_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

unsigned
la_port_rx(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned max)
{
	uint16_t n = (uint16_t)RTE_MIN(max, (unsigned)UINT16_MAX);

	if (unlikely(port->memif != NULL)) {
		struct la_memif_queue *q = &port->memif->rx[queue];

		if (!la_memif_enter(port->memif, q))
			return 0;
		n = rte_eth_rx_burst(port->id, queue, pkts, n);
		la_memif_leave(q);
		return n;
	}
	return rte_eth_rx_burst(port->id, queue, pkts, n);
}

static bool
is_shared(const struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		if (rte_mbuf_refcnt_read(m) != 1)
			return true;
	}
	return false;
}

/* Replaces frames that the port cannot send by copies; a frame without a copy is freed and counted.
 * Returns the number of frames left, in order. */
static unsigned
make_sendable(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n, struct rte_mempool *pool)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i], *copy;

		if (m->nb_segs <= port->segs_max && !(port->by_pointer && is_shared(m))) {
			pkts[kept++] = m;
			continue;
		}
		copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
		rte_pktmbuf_free(m);
		if (copy != NULL && copy->nb_segs > port->segs_max) {
			rte_pktmbuf_free(copy);
			copy = NULL;
		}
		if (copy != NULL)
			pkts[kept++] = copy;
	}
	if (unlikely(kept < n))
		burst_count(&tx_lost[port->id][queue].no_buffer, n - kept);
	return kept;
}

/* Lets the driver prepare the frames for its hardware (a pseudo-header sum in the checksum field). Frames that the
 * driver refuses are freed and counted. Returns the number of frames left, in order. */
static unsigned
burst_tx_prepare(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		uint16_t ok = rte_eth_tx_prepare(port->id, queue, pkts + done, (uint16_t)(n - done));

		done += ok;
		if (done == n)
			break;
		rte_pktmbuf_free(pkts[done]);
		burst_count(&tx_lost[port->id][queue].unfit, 1);
		memmove(pkts + done, pkts + done + 1, (n - done - 1) * sizeof(*pkts));
		n--;
	}
	return n;
}

unsigned
la_port_tx_ready(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n,
		 struct rte_mempool *pool)
{
	if (port->segs_max != UINT16_MAX || port->by_pointer)
		n = make_sendable(port, queue, pkts, n, pool);
	if ((port->offloads & (LA_OFF_TX_IP_CKSUM | LA_OFF_TX_TCP_CKSUM)) != 0)
		n = burst_tx_prepare(port, queue, pkts, n);
	return n;
}

static unsigned
burst_tx_offer(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n)
{
	return rte_eth_tx_burst(port->id, queue, pkts, (uint16_t)RTE_MIN(n, (unsigned)UINT16_MAX));
}

/* Offers frames to a memif port. Without a peer the frames are dropped and counted, and count as taken. */
static unsigned
offer_to_memif(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n)
{
	struct la_memif_queue *q = &port->memif->tx[queue];

	if (!la_memif_enter(port->memif, q)) {
		rte_pktmbuf_free_bulk(pkts, n);
		__atomic_store_n(&q->dropped, q->dropped + n, __ATOMIC_RELAXED);
		return n;
	}
	n = burst_tx_offer(port, queue, pkts, n);
	la_memif_leave(q);
	return n;
}

unsigned
la_port_tx_offer(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n)
{
	return likely(port->memif == NULL) ? burst_tx_offer(port, queue, pkts, n)
					   : offer_to_memif(port, queue, pkts, n);
}

void
la_port_tx_lost(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n)
{
	rte_pktmbuf_free_bulk(pkts, n);
	burst_count(&tx_lost[port->id][queue].full, n);
}

unsigned
la_port_tx(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n, struct rte_mempool *pool)
{
	unsigned sent = 0, tries = 0, left = la_port_tx_ready(port, queue, pkts, n, pool);

	while (sent < left) {
		unsigned k = la_port_tx_offer(port, queue, pkts + sent, left - sent);

		sent += k;
		if (k > 0)
			tries = 0;
		else if (++tries == TX_TRIES)
			break;
		else
			rte_pause();
	}
	if (unlikely(sent < left))
		la_port_tx_lost(port, queue, pkts + sent, left - sent);
	return sent;
}

void
la_port_stats(const struct la_port *port, struct la_port_stats *stats)
{
	struct rte_eth_stats s = {0};

	memset(stats, 0, sizeof(*stats));
	if (rte_eth_stats_get(port->id, &s) == 0) {
		stats->rx_missed = s.imissed;
		stats->rx_errors = s.ierrors;
		stats->rx_nombuf = s.rx_nombuf;
		stats->tx_errors = s.oerrors;
	}
	for (unsigned q = 0; port->memif != NULL && q < port->queues; q++)
		stats->tx_no_peer += __atomic_load_n(&port->memif->tx[q].dropped, __ATOMIC_RELAXED);
	for (unsigned q = 0; q < port->queues; q++) {
		const struct lost *lost = &tx_lost[port->id][q];

		stats->tx_full += __atomic_load_n(&lost->full, __ATOMIC_RELAXED);
		stats->tx_no_buffer += __atomic_load_n(&lost->no_buffer, __ATOMIC_RELAXED);
		stats->tx_unfit += __atomic_load_n(&lost->unfit, __ATOMIC_RELAXED);
	}
}

void
la_port_stats_add(struct la_port_stats *sum, const struct la_port_stats *from)
{
	sum->rx_missed += from->rx_missed;
	sum->rx_errors += from->rx_errors;
	sum->rx_nombuf += from->rx_nombuf;
	sum->tx_errors += from->tx_errors;
	sum->tx_full += from->tx_full;
	sum->tx_no_buffer += from->tx_no_buffer;
	sum->tx_unfit += from->tx_unfit;
	sum->tx_no_peer += from->tx_no_peer;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The send queue: every byte that la_send() accepted and the peer has not acknowledged, as a list of mbufs
 * linked through `next`. The first byte of the head is at snd_una. A chunk is either a direct mbuf that holds a
 * copy, or an mbuf that points at the user's constant bytes (external buffer). A packet has a copy of a small payload,
 * and reaches a larger payload through indirect mbufs attached to ranges of chunks. mbuf reference counts keep a chunk
 * alive while the port still sends from it.
 *
 * The byte at snd_nxt is found without a walk. While a chunk is queued, hash.usr is the position of its first
 * byte, counted from the first byte ever queued, and tx_offload of the head names the chunk in which the last segment
 * ended (0: the head). A segment that begins before that chunk is a retransmission: its search begins at the head. */

#include <rte_lcore.h>
#include <rte_memory.h>

#include "tcp/hold.h"

enum { CONST_CHUNK = 32768 }; /* mbuf lengths are 16 bits */

/* Constant bytes are never freed, so all chunks that a core makes share one record, whose count has no effect. Each
 * core has its own record, because every packet with constant bytes changes the count. The records outlive all shards,
 * because a port may still hold packets after their shard is destroyed. */
static void
const_free(void *addr, void *opaque)
{
	(void)addr;
	(void)opaque;
}

enum { CORES = RTE_MAX_LCORE + 1 }; /* the last record is for threads without an lcore */

static struct {
	struct rte_mbuf_ext_shared_info info;
} __rte_cache_aligned const_of[CORES] = {
	[0 ... CORES - 1] = {.info = {.free_cb = const_free, .refcnt = 1}},
};

static struct rte_mbuf_ext_shared_info *
const_info(void)
{
	unsigned core = rte_lcore_id();

	return &const_of[core < RTE_MAX_LCORE ? core : RTE_MAX_LCORE].info;
}

static size_t
sendq_room(const struct la_tcb *c, size_t len)
{
	uint32_t limit = la_tcb_opts(c)->sndbuf;
	size_t left = c->snd_queued < limit ? limit - c->snd_queued : 0;

	return len < left ? len : left;
}

static void
sendq_push(struct la_tcb *c, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = c->snd_tail;

	m->next = NULL;
	m->hash.usr = tail ? tail->hash.usr + tail->data_len : 0;
	m->tx_offload = 0;
	if (tail)
		tail->next = m;
	else
		c->snd_head = m;
	c->snd_tail = m;
	la_hold_take(c, 1);
}

/* Allocates a buffer for another chunk. NULL: no room or no buffer, which is counted. */
static struct rte_mbuf *
new_chunk(struct la_tcb *c)
{
	return la_hold_admits_send(c) ? la_spare_get(c->tcp) : NULL;
}

/* Appends n bytes to the last chunk, which has room for them. */
static inline void
chunk_append(struct la_tcb *c, struct rte_mbuf *m, const void *buf, size_t n)
{
	memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len), buf, n);
	m->data_len = (uint16_t)(m->data_len + n);
	m->pkt_len = m->data_len;
	c->snd_queued += (uint32_t)n;
}

/* la_sendq_copy() into an empty queue, of bytes that fit one chunk. */
static size_t
sendq_copy_first(struct la_tcb *c, const void *buf, size_t len)
{
	struct rte_mbuf *m = new_chunk(c);

	if (!m)
		return 0;
	sendq_push(c, m);
	chunk_append(c, m, buf, len);
	return len;
}

/* la_sendq_copy() in general. */
static __attribute__((noinline)) size_t
sendq_copy_more(struct la_tcb *c, const void *buf, size_t len)
{
	size_t todo = sendq_room(c, len), done = 0;

	while (done < todo) {
		struct rte_mbuf *m = c->snd_tail;
		size_t n = todo - done;

		if (!m || !RTE_MBUF_DIRECT(m) || rte_pktmbuf_tailroom(m) == 0) {
			m = new_chunk(c);
			if (!m)
				break;
			sendq_push(c, m);
		}
		if (n > rte_pktmbuf_tailroom(m))
			n = rte_pktmbuf_tailroom(m);
		chunk_append(c, m, (const char *)buf + done, n);
		done += n;
	}
	return done;
}

size_t
la_sendq_copy(struct la_tcb *c, const void *buf, size_t len)
{
	if (likely(!c->snd_head && len - 1 < LA_COPY_MAX && len <= la_tcb_opts(c)->sndbuf))
		return sendq_copy_first(c, buf, len);
	return sendq_copy_more(c, buf, len);
}

static __attribute__((noinline)) size_t
sendq_attach_const(struct la_tcb *c, const void *buf, size_t len)
{
	size_t todo = sendq_room(c, len), done = 0;

	while (done < todo) {
		size_t n = todo - done > CONST_CHUNK ? CONST_CHUNK : todo - done;
		struct rte_mbuf *m = new_chunk(c);
		const char *p;

		if (!m)
			break;
		/* mbufs on the send queue are only read */
		p = (const char *)buf + done;
		rte_pktmbuf_attach_extbuf(m, (void *)(uintptr_t)p, rte_mem_virt2iova(p), (uint16_t)n, const_info());
		m->data_off = 0;
		m->data_len = (uint16_t)n;
		m->pkt_len = (uint32_t)n;
		sendq_push(c, m);
		c->snd_queued += (uint32_t)n;
		done += n;
	}
	return done;
}

size_t
la_sendq_const(struct la_tcb *c, const void *buf, size_t len)
{
	if (len <= LA_COPY_MAX) /* every transmission would copy it: a copy now is cheaper than a pointer */
		return la_sendq_copy(c, buf, len);
	return sendq_attach_const(c, buf, len);
}

/* Returns the chunk in which the last segment ended; NULL: it ended in the head. */
static struct rte_mbuf *
sendq_cursor(const struct rte_mbuf *head)
{
	return (struct rte_mbuf *)(uintptr_t)head->tx_offload;
}

/* Returns the chunk with the byte that is *off bytes after the head's first byte. Sets *off to its offset in the
 * chunk. */
static struct rte_mbuf *
chunk_at(struct rte_mbuf *head, uint32_t *off)
{
	uint32_t at = head->hash.usr + *off;
	struct rte_mbuf *m = sendq_cursor(head);

	if (!m || seq_gt(m->hash.usr, at))
		m = head;
	while (at - m->hash.usr >= m->data_len)
		m = m->next;
	*off = at - m->hash.usr;
	return m;
}

/* Removes n acknowledged bytes. */
void
la_sendq_trim(struct la_tcb *c, uint32_t n)
{
	c->snd_queued -= n;
	while (n) {
		struct rte_mbuf *m = c->snd_head;

		if (n < m->data_len) {
			m->data_off = (uint16_t)(m->data_off + n);
			m->data_len = (uint16_t)(m->data_len - n);
			m->pkt_len = m->data_len;
			m->hash.usr += n;
			return;
		}
		n -= m->data_len;
		c->snd_head = m->next;
		la_hold_release(c, 1);
		if (m->next && sendq_cursor(m) != m->next)
			m->next->tx_offload = m->tx_offload;
		m->tx_offload = 0;
		la_spare_put(c->tcp, m);
	}
	if (!c->snd_head)
		c->snd_tail = NULL;
}

static bool
sendq_attach(struct la_tcb *c, struct rte_mbuf *pkt, struct rte_mbuf **last, struct rte_mbuf *from, uint32_t off,
	     uint32_t n)
{
	struct rte_mbuf *mi = la_spare_get(c->tcp);

	if (!mi)
		return false;
	rte_pktmbuf_attach(mi, from);
	mi->tx_offload = 0; /* rte_pktmbuf_attach() copies the link, and the port would read it as offload lengths */
	mi->data_off = (uint16_t)(from->data_off + off);
	mi->data_len = (uint16_t)n;
	mi->next = NULL;
	(*last)->next = mi;
	*last = mi;
	pkt->nb_segs++;
	pkt->pkt_len += n;
	return true;
}

/* Adds len bytes, starting off bytes after snd_una, to a packet with headers: small payloads are
 * copied after the headers, other payloads are attached. False: no mbuf; the caller keeps the packet. */
bool
la_sendq_fill(struct la_tcb *c, struct rte_mbuf *pkt, uint32_t off, uint32_t len)
{
	bool again = off == 0 ||
		     off < c->snd_nxt - c->snd_una; /* a retransmission, or the first segment of the queue */
	struct rte_mbuf *m = chunk_at(c->snd_head, &off), *last = pkt;
	bool copy = len <= rte_pktmbuf_tailroom(pkt) &&
		    (len <= LA_COPY_MAX || !(c->tcp->offloads & LA_OFF_TX_MULTI_SEG));

	for (;; m = m->next, off = 0) {
		uint32_t n = m->data_len - off;

		if (n > len)
			n = len;
		if (copy)
			memcpy(rte_pktmbuf_append(pkt, (uint16_t)n), rte_pktmbuf_mtod_offset(m, char *, off), n);
		else if (!sendq_attach(c, pkt, &last, m, off, n))
			return false;
		len -= n;
		if (len == 0)
			break;
	}
	if (!again) /* a fast retransmit does not move the chunk at which the search for new data begins */
		c->snd_head->tx_offload = m == c->snd_head ? 0 : (uint64_t)(uintptr_t)m;
	return true;
}

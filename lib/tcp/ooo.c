/* SPDX-License-Identifier: BSD-3-Clause */

/* Reassembly, which is the work on data above a hole (RFC 9293 3.10.7.4, 3.4.1): theory of operation.
 *
 * The sequence space is cut into cells of a fixed size, a power of two that fits a packet buffer's data room
 * (2048 bytes, 1024 with small buffers). Data above a hole is copied to its position in the block of its cell:
 *
 *      rcv_nxt        base                    end of the cell
 *         |  hole      | ####   ##        ####### |            one buffer: a block
 *                        span 0  span 1    span 2
 *
 * The base of a block is the start of its cell. If rcv_nxt is inside the cell when the block is created, the base is
 * that rcv_nxt.
 *
 * The window bounds the memory of a connection, whatever segments the peer sends. A connection has at most one buffer
 * for each cell: window / cell, rounded up, plus 1, and never more than LA_OOO_MAX. A peer that sends one byte in two,
 * or one in 1400, takes no more memory than a peer that sends full segments. Bytes that are already stored are not
 * overwritten. Blocks are linked through tx_offload in ascending order. hash.usr is the base, a sequence number. The
 * spans are in the buffer's headroom.
 *
 * When the hole is filled, a block with one span and no FIN is delivered without a copy. From a block with several
 * spans or a FIN, the text in order is copied.
 *
 * A connection with n blocks is on list floor(log2 n) of the eight lists of its shard. la_ooo_prune() takes the largest
 * of the first EXAMINED connections on the highest list that is not empty. The first block of a connection has the
 * links of the list.
 *
 * Data in blocks is only acknowledged selectively (sack.c). It may be dropped at any time, because the peer must be
 * able to retransmit it (RFC 2018 8). */

#include "tcp/sack.h"

enum { EXAMINED = 32 };

static struct rte_mbuf **
link_of(struct rte_mbuf *m)
{
	return (struct rte_mbuf **)(void *)&m->tx_offload;
}

/* --- the shard's lists ----------------------------------------------------------------------------------- */

static uint32_t *
list_of(struct la_tcb *c)
{
	return &c->tcp->hold.ooo_list[31 - __builtin_clz(c->ooo_count)];
}

/* Takes c off its list, and keeps the order of its ranges in la_hold.recent. Call before c->ooo or c->ooo_count
 * changes. */
static void
ooo_unlist(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	struct la_ooo_block *b;

	if (!c->ooo) {
		memset(t->hold.recent, 0, sizeof(t->hold.recent));
		return;
	}
	b = la_ooo_block(c->ooo);
	memcpy(t->hold.recent, b->recent, sizeof(b->recent));
	if (b->prev)
		la_ooo_block(t->tcbs[b->prev].ooo)->next = b->next;
	else
		*list_of(c) = b->next;
	if (b->next)
		la_ooo_block(t->tcbs[b->next].ooo)->prev = b->prev;
}

static void
ooo_enlist(struct la_tcb *c)
{
	struct la_tcp *t = c->tcp;
	uint32_t *head;
	struct la_ooo_block *b;

	if (!c->ooo)
		return;
	head = list_of(c);
	b = la_ooo_block(c->ooo);
	memcpy(b->recent, t->hold.recent, sizeof(b->recent));
	b->prev = 0;
	b->next = *head;
	if (b->next)
		la_ooo_block(t->tcbs[b->next].ooo)->prev = la_tcb_slot(c);
	*head = la_tcb_slot(c);
}

static void
free_block(struct la_tcb *c, struct rte_mbuf **link)
{
	struct rte_mbuf *m = *link;

	*link = la_ooo_after(m);
	m->tx_offload = 0;
	c->ooo_count--;
	la_hold_release(c, 1);
	la_spare_put(c->tcp, m);
}

/* --- data into blocks ------------------------------------------------------------------------------------ */

/* Copies n bytes from offset `off` of a chain. */
static void
copy_from(const struct rte_mbuf *m, uint32_t off, uint8_t *to, uint32_t n)
{
	for (; off >= m->data_len; m = m->next)
		off -= m->data_len;
	for (; n; m = m->next, off = 0) {
		uint32_t k = RTE_MIN(n, (uint32_t)m->data_len - off);

		memcpy(to, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), k);
		to += k;
		n -= k;
	}
}

/* Copies bytes from offset `off` of chain m into bytes [from, to) of the block. Returns the number of new bytes, or
 * -1: the block has no room for another span. */
static int
add_span(struct rte_mbuf *block, uint32_t from, uint32_t to, const struct rte_mbuf *m, uint32_t off)
{
	struct la_ooo_block *b = la_ooo_block(block);
	unsigned i = 0, j;
	uint32_t pos = from, fresh = 0;

	while (i < b->nspans && b->span[i].to < from)
		i++;
	for (j = i; j < b->nspans && b->span[j].from <= to; j++)
		;
	if (i == j && b->nspans == LA_OOO_SPANS)
		return -1;
	for (unsigned k = i; k <= j; k++) { /* the gaps before, between and after spans i to j - 1 */
		uint32_t end = k < j ? RTE_MIN((uint32_t)b->span[k].from, to) : to;

		if (pos < end) {
			copy_from(m, off + pos - from, la_ooo_bytes(block) + pos, end - pos);
			fresh += end - pos;
		}
		if (k < j)
			pos = RTE_MAX(pos, (uint32_t)b->span[k].to);
	}
	if (i < j) {
		from = RTE_MIN(from, (uint32_t)b->span[i].from);
		to = RTE_MAX(to, (uint32_t)b->span[j - 1].to);
	}
	memmove(&b->span[i + 1], &b->span[j], (b->nspans - j) * sizeof(b->span[0]));
	b->nspans = (uint16_t)(b->nspans + 1 - (j - i));
	b->span[i].from = (uint16_t)from;
	b->span[i].to = (uint16_t)to;
	return (int)fresh;
}

/* Finds or creates the block of the cell that starts at sequence number `cell`. NULL: no block; the cause was
 * counted. */
static struct rte_mbuf *
get_block(struct la_tcb *c, uint32_t cell)
{
	struct rte_mbuf **link = &c->ooo, *m;
	struct la_ooo_block *b;

	while (*link && seq_lt((*link)->hash.usr, cell))
		link = link_of(*link);
	if (*link && (*link)->hash.usr - cell < c->tcp->hold.cell)
		return *link;
	if (c->ooo_count == LA_OOO_MAX) {
		la_count(c->tcp, LA_C_drop_ooo_full);
		return NULL;
	}
	if (!la_hold_admits_ooo(c))
		return NULL;
	m = la_spare_get(c->tcp);
	if (!m)
		return NULL;
	b = la_ooo_block(m);
	b->nspans = b->fin = 0;
	b->prev = b->next = 0;
	m->hash.usr = seq_max(cell, c->rcv_nxt);
	m->tx_offload = (uint64_t)(uintptr_t)*link;
	*link = m;
	c->ooo_count++;
	la_hold_take(c, 1);
	return m;
}

void
la_ooo_insert(struct la_tcb *c, const struct la_seg *s, bool fin)
{
	uint32_t cell = c->tcp->hold.cell, done = 0, fresh = 0;
	bool whole = false;

	ooo_unlist(c);
	while (!whole) {
		uint32_t seq = s->seq + done, from = seq & ~(cell - 1), off;
		uint32_t n = RTE_MIN(s->len - done, from + cell - seq);
		struct rte_mbuf *m = get_block(c, from);
		int added = 0;

		if (!m)
			break;
		off = seq - m->hash.usr;
		if (n)
			added = add_span(m, off, off + n, s->m, done);
		if (added < 0) {
			la_count(c->tcp, LA_C_drop_ooo_full);
			break;
		}
		fresh += (uint32_t)added;
		done += n;
		whole = done == s->len && (!fin || seq + n != from + cell);
		if (whole && fin && !la_ooo_block(m)->fin) {
			la_ooo_block(m)->fin = (uint16_t)(off + n + 1);
			fresh++;
		}
	}
	if (done || whole)
		la_sack_stored(c, c->tcp->hold.recent, s->seq);
	ooo_enlist(c);
	if (fresh) {
		la_count(c->tcp, LA_C_out_of_order);
	} else if (whole) {
		la_count(c->tcp, LA_C_drop_dup_data);
		la_sack_duplicate(c, s->seq, s->seq + s->len + fin);
	}
}

/* --- data out of blocks ---------------------------------------------------------------------------------- */

/* Frees blocks and removes spans that end at rcv_nxt or below. */
static void
remove_old(struct la_tcb *c)
{
	while (c->ooo) {
		struct la_ooo_block *b = la_ooo_block(c->ooo);
		uint32_t off = c->rcv_nxt - c->ooo->hash.usr;
		unsigned i = 0;

		if (seq_lt(c->rcv_nxt, c->ooo->hash.usr))
			return;
		while (i < b->nspans && b->span[i].to <= off)
			i++;
		memmove(&b->span[0], &b->span[i], (b->nspans - i) * sizeof(b->span[0]));
		b->nspans = (uint16_t)(b->nspans - i);
		if (b->nspans || b->fin > off)
			return;
		free_block(c, &c->ooo);
	}
}

/* Removes the text from rcv_nxt on from the first block, and returns its buffer. NULL: the first block has no text at
 * rcv_nxt, or there is no buffer for a copy. */
static struct rte_mbuf *
take_text(struct la_tcb *c)
{
	struct rte_mbuf *m = c->ooo, *out = m;
	struct la_ooo_block *b;
	uint32_t off, n;

	if (!m)
		return NULL;
	b = la_ooo_block(m);
	off = c->rcv_nxt - m->hash.usr;
	if (!b->nspans || seq_lt(c->rcv_nxt, m->hash.usr) || b->span[0].from > off)
		return NULL;
	n = b->span[0].to - off;
	if (b->nspans == 1 && !b->fin) { /* the block has no other data */
		c->ooo = la_ooo_after(m);
		m->tx_offload = 0;
		c->ooo_count--;
		la_hold_release(c, 1);
	} else {
		out = c->tcp->hold.held < c->tcp->hold.max ? la_spare_get(c->tcp) : NULL;
		if (!out) /* the peer retransmits these bytes */
			return NULL;
		memcpy(rte_pktmbuf_mtod(out, uint8_t *), la_ooo_bytes(m) + off, n);
		off = 0;
	}
	out->data_off = (uint16_t)(RTE_PKTMBUF_HEADROOM + off);
	out->data_len = (uint16_t)n;
	out->pkt_len = n;
	out->nb_segs = 1;
	out->next = NULL;
	return out;
}

struct rte_mbuf *
la_ooo_next(struct la_tcb *c)
{
	struct rte_mbuf *m;

	ooo_unlist(c);
	remove_old(c);
	m = take_text(c);
	ooo_enlist(c);
	return m;
}

bool
la_ooo_fin(const struct la_tcb *c)
{
	const struct rte_mbuf *m = c->ooo;

	return m && la_ooo_block(m)->fin && m->hash.usr + la_ooo_block(m)->fin - 1 == c->rcv_nxt;
}

void
la_ooo_drop(struct la_tcb *c)
{
	ooo_unlist(c);
	while (c->ooo)
		free_block(c, &c->ooo);
}

/* --- under pressure -------------------------------------------------------------------------------------- */

/* Returns the connection with the most blocks, of the first EXAMINED connections on the highest list that is not empty.
 * NULL: no connection has blocks. */
static struct la_tcb *
ooo_largest_holder(struct la_tcp *t)
{
	struct la_tcb *best = NULL;

	for (unsigned l = RTE_DIM(t->hold.ooo_list); l-- > 0 && !best;) {
		uint32_t slot = t->hold.ooo_list[l];

		for (unsigned i = 0; slot && i < EXAMINED; i++) {
			struct la_tcb *c = &t->tcbs[slot];

			if (!best || c->ooo_count > best->ooo_count)
				best = c;
			slot = la_ooo_block(c->ooo)->next;
		}
	}
	return best;
}

unsigned
la_ooo_prune(struct la_tcp *t)
{
	struct la_tcb *c = ooo_largest_holder(t);
	unsigned keep, freed = 0;
	struct rte_mbuf **link;

	if (!c)
		return 0;
	ooo_unlist(c);
	keep = c->ooo_count / 2u;
	link = &c->ooo;
	while (keep--)
		link = link_of(*link);
	for (; *link; freed++)
		free_block(c, link);
	ooo_enlist(c);
	la_counters_drop(t->counters, LA_C_drop_ooo_pruned, freed);
	return freed;
}

/* --- checks ---------------------------------------------------------------------------------------------- */

static unsigned
check_block(const struct la_tcb *c, const struct rte_mbuf *m, FILE *f)
{
	const struct la_ooo_block *b = la_ooo_block(m);
	uint32_t cell = c->tcp->hold.cell, room = cell - (m->hash.usr & (cell - 1)), end = 0;
	bool bad = b->nspans > LA_OOO_SPANS || (!b->nspans && !b->fin) || b->fin > room;

	for (unsigned i = 0; !bad && i < b->nspans; i++) {
		bad = b->span[i].from >= b->span[i].to || b->span[i].to > room || (i && b->span[i].from <= end);
		end = b->span[i].to;
	}
	if (bad)
		fprintf(f, "block at %u of connection %u: %u spans, FIN %u\n", m->hash.usr, la_tcb_slot(c), b->nspans,
			b->fin);
	return bad;
}

unsigned
la_ooo_check(const struct la_tcb *c, FILE *f)
{
	unsigned n = 0, faults = 0;
	const struct rte_mbuf *last = NULL;

	for (const struct rte_mbuf *m = c->ooo; m; last = m, m = la_ooo_after(m)) {
		faults += check_block(c, m, f);
		if (last && seq_ge(last->hash.usr, m->hash.usr)) {
			fprintf(f, "blocks of connection %u are not in order\n", la_tcb_slot(c));
			faults++;
		}
		n++;
	}
	if (n != c->ooo_count) {
		fprintf(f, "connection %u: %u blocks, %u counted\n", la_tcb_slot(c), n, c->ooo_count);
		faults++;
	}
	return faults;
}

unsigned
la_ooo_check_lists(const struct la_tcp *t, uint32_t n, FILE *f)
{
	uint32_t found = 0;

	for (unsigned l = 0; l < RTE_DIM(t->hold.ooo_list); l++) {
		uint32_t prev = 0;

		for (uint32_t slot = t->hold.ooo_list[l]; slot; found++) {
			const struct la_tcb *c = &t->tcbs[slot];

			if (!c->ooo || c->ooo_count >> l != 1 || la_ooo_block(c->ooo)->prev != prev) {
				fprintf(f, "connection %u, with %u blocks, is wrong on list %u\n", slot, c->ooo_count,
					l);
				return 1;
			}
			prev = slot;
			slot = la_ooo_block(c->ooo)->next;
		}
	}
	if (found == n)
		return 0;
	fprintf(f, "%u connections have blocks, %u are listed\n", n, found);
	return 1;
}

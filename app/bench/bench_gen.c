/* SPDX-License-Identifier: BSD-3-Clause */

/* The generator: writes the segments of flows as frames, and checks the answers. The tuple of a flow derives from a
 * number. (Theory: internal.h) */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "bench/internal.h"
#include "wire/cksum.h"
#include "wire/tcp.h"

enum {
	ETHER = 14,
	IP = 20,
	PORT_BITS = 15,
	ISN_SHIFT = 8,
};

static const uint32_t SERVER_IP = RTE_BE32(0x0a4d0002), GATEWAY_IP = RTE_BE32(0x0a4d0001);

/* ------------------------------------------------------------------ flows */

uint32_t
gen_tuple(uint32_t i, uint16_t *port)
{
	uint32_t x = bench_mix32(i);

	*port = (uint16_t)(1u << PORT_BITS | (x & ((1u << PORT_BITS) - 1)));
	return rte_cpu_to_be_32(0x0a800000 | x >> PORT_BITS); /* 10.128.0.0/15 */
}

bool
gen_is_flow(uint32_t raddr)
{
	return (rte_be_to_cpu_32(raddr) & 0xfffe0000) == 0x0a800000;
}

void
gen_new_flow(struct gen *g, uint32_t slot)
{
	struct gen_flow *f = &g->flow[slot];

	*f = (struct gen_flow){.snd = slot << ISN_SHIFT};
	f->raddr = gen_tuple((uint32_t)g->next++, &f->rport);
}

/* ------------------------------------------------------------------ frames */

static uint8_t *
new_frame(struct gen *g, unsigned len, uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g->pool);
	struct rte_ether_hdr *eth;

	if (m == NULL || g->n == RTE_DIM(g->batch)) {
		rte_pktmbuf_free(m);
		bench_fault(g->b, "generator: %s", m ? "the batch is full" : "no packet buffers");
		return NULL;
	}
	len = len < BENCH_FRAME ? BENCH_FRAME : len;
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(m, (uint16_t)len);
	if (eth == NULL) {
		rte_pktmbuf_free(m);
		bench_fault(g->b, "generator: a frame of %u bytes does not fit a buffer", len);
		return NULL;
	}
	memset(eth, 0, len);
	memcpy(&eth->dst_addr, g->sv->port->mac, 6);
	memcpy(&eth->src_addr, g->port->mac, 6);
	eth->ether_type = rte_cpu_to_be_16(type);
	g->batch[g->n++] = m;
	return (uint8_t *)(eth + 1);
}

static void
write_ip(struct rte_ipv4_hdr *ip, uint32_t src, size_t len)
{
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)len);
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_TCP;
	ip->src_addr = src;
	ip->dst_addr = SERVER_IP;
	ip->hdr_checksum = la_cksum_finish(la_cksum_add(0, ip, IP));
}

void
gen_segment(struct gen *g, uint32_t raddr, uint16_t rport, uint32_t seq, uint32_t ack, uint8_t flags, uint32_t len)
{
	struct la_tcp_hdr h = {.seq = seq,
			       .ack = flags & LA_ACK ? ack : 0,
			       .sport = rport,
			       .dport = BENCH_PORT,
			       .wnd = g->wnd,
			       .flags = flags};
	uint64_t sum = 0;
	size_t hlen;
	uint8_t *p;

	if (flags & LA_SYN) {
		h.opts = LA_OPT_MSS | (g->wscale ? LA_OPT_WSCALE : 0);
		h.mss = g->mss;
		h.wscale = g->wscale;
	}
	hlen = la_tcp_hdr_len(h.opts, 0);
	p = new_frame(g, (unsigned)(ETHER + IP + hlen + len), RTE_ETHER_TYPE_IPV4);
	if (p == NULL)
		return;
	write_ip((struct rte_ipv4_hdr *)p, raddr, IP + hlen + len);
	la_tcp_write_sum(p + IP, &h, &sum);
	if (len > 0) {
		p[IP + hlen] = 'x';
		sum += la_cksum_add(0, p + IP + hlen, 2 > len ? len : 2);
	}
	sum += la_cksum_add(0, p + 12, 8) + rte_cpu_to_be_16(IPPROTO_TCP) + rte_cpu_to_be_16((uint16_t)(hlen + len));
	((struct rte_tcp_hdr *)(p + IP))->cksum = la_cksum_finish64(sum);
	g->sent++;
}

void
gen_send(struct gen *g, uint32_t slot)
{
	struct gen_flow *f = &g->flow[slot];
	const struct gen_step *s = &g->script[f->step];

	gen_segment(g, f->raddr, f->rport, f->snd, f->rcv, s->flags, s->len);
	f->snd += s->len + ((s->flags & LA_SYN) != 0) + ((s->flags & LA_FIN) != 0);
	if (s->want) {
		f->waiting = true;
		g->due++;
	} else {
		f->step++;
	}
}

void
gen_attack(struct gen *g, uint8_t flags)
{
	uint64_t r = gen_random(g);
	uint32_t from = rte_cpu_to_be_32(0x0c000000 | (uint32_t)(r & 0xffffff)); /* 12.0.0.0/8 */

	gen_segment(g, from, (uint16_t)(1024 + (r >> 24) % 60000), (uint32_t)(r >> 32), (uint32_t)(r >> 17), flags, 0);
	g->attacks++;
}

void
gen_shuffle(struct gen *g)
{
	for (unsigned i = g->n; i > 1; i--) {
		unsigned j = (unsigned)(gen_random(g) % i);
		struct rte_mbuf *m = g->batch[j];

		g->batch[j] = g->batch[i - 1];
		g->batch[i - 1] = m;
	}
}

/* ------------------------------------------------------------------ neighbours */

static void
write_arp(struct gen *g, uint16_t opcode)
{
	struct rte_arp_hdr *a = (struct rte_arp_hdr *)new_frame(g, ETHER + sizeof(*a), RTE_ETHER_TYPE_ARP);

	if (a == NULL)
		return;
	a->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	a->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	a->arp_hlen = 6;
	a->arp_plen = 4;
	a->arp_opcode = rte_cpu_to_be_16(opcode);
	memcpy(&a->arp_data.arp_sha, g->port->mac, 6);
	a->arp_data.arp_sip = GATEWAY_IP;
	memcpy(&a->arp_data.arp_tha, g->sv->port->mac, 6);
	a->arp_data.arp_tip = SERVER_IP;
}

/* Answers an ARP request by which the server resolves or probes its gateway. */
static void
answer_arp(struct gen *g, const struct rte_arp_hdr *q)
{
	if (q->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) || q->arp_data.arp_tip != GATEWAY_IP)
		return;
	write_arp(g, RTE_ARP_OP_REPLY);
	g->asked = true;
}

/* ------------------------------------------------------------------ answers */

/* Parses an answer. Returns false for ARP, which it handles, and after a fault. */
static bool
gen_parse(struct gen *g, const struct rte_mbuf *m, struct gen_answer *a)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(eth + 1);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(ip + 1);
	uint32_t total, hlen, sum;

	if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP)) {
		answer_arp(g, (const struct rte_arp_hdr *)(eth + 1));
		return false;
	}
	total = rte_be_to_cpu_16(ip->total_length);
	hlen = (tcp->data_off >> 4) * 4u;
	if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || ip->next_proto_id != IPPROTO_TCP ||
	    ip->src_addr != SERVER_IP || tcp->src_port != rte_cpu_to_be_16(BENCH_PORT) || total < IP + hlen ||
	    ETHER + total > m->pkt_len) {
		bench_fault(g->b, "an unexpected frame from the server");
		return false;
	}
	sum = la_cksum_add(0, &ip->src_addr, 8) + rte_cpu_to_be_16(IPPROTO_TCP) +
	      rte_cpu_to_be_16((uint16_t)(total - IP));
	sum = la_cksum_add_mbuf(sum, m, ETHER + IP, total - IP);
	if (la_cksum_finish(la_cksum_add(0, ip, IP)) != 0 || la_cksum_finish(sum) != 0) {
		bench_fault(g->b, "an answer with a wrong checksum");
		return false;
	}
	*a = (struct gen_answer){.raddr = ip->dst_addr,
				 .seq = rte_be_to_cpu_32(tcp->sent_seq),
				 .ack = rte_be_to_cpu_32(tcp->recv_ack),
				 .len = total - IP - hlen,
				 .wnd = rte_be_to_cpu_16(tcp->rx_win),
				 .rport = rte_be_to_cpu_16(tcp->dst_port),
				 .flags = tcp->tcp_flags,
				 .m = m,
				 .off = ETHER + IP + hlen};
	return true;
}

/* Returns whether the answer goes to an address of gen_attack(). */
static bool
is_to_attacker(const struct gen_answer *a)
{
	return (rte_be_to_cpu_32(a->raddr) >> 24) == 12;
}

/* Checks an answer against the script. PSH is ignored. */
static void
script_answer(struct gen *g, const struct gen_answer *a)
{
	uint32_t slot = a->ack >> ISN_SHIFT;
	struct gen_flow *f = slot < g->nflows ? &g->flow[slot] : NULL;
	const struct gen_step *s;

	if (f == NULL || f->raddr != a->raddr || f->rport != a->rport || !f->waiting) {
		bench_fault(g->b, "an answer that no flow waits for: flags %#x", a->flags);
		return;
	}
	s = &g->script[f->step];
	if ((a->flags & ~LA_PSH) != s->want || a->len != s->want_len || a->ack != f->snd ||
	    (!(s->flags & LA_SYN) && a->seq != f->rcv)) {
		bench_fault(g->b,
			    "step %u: flags %#x, %u bytes, seq %u, ack %u; expected: flags %#x, %u bytes, "
			    "seq %u, ack %u",
			    f->step, a->flags, a->len, a->seq, a->ack, s->want, s->want_len, f->rcv, f->snd);
		return;
	}
	f->rcv = a->seq + a->len + ((a->flags & LA_SYN) != 0) + ((a->flags & LA_FIN) != 0);
	f->waiting = false;
	f->step++;
	g->answered++;
}

void
gen_take(struct gen *g, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct gen_answer a;

		if (!gen_parse(g, pkts[i], &a))
			continue;
		if (is_to_attacker(&a))
			g->attack_answers++;
		else if (g->answer)
			g->answer(g, &a);
		else
			script_answer(g, &a);
	}
}

static void
run_on_ring(struct gen *g, unsigned n, bool timed)
{
	struct rte_mbuf *pkts[BENCH_BURST];

	if (la_port_tx(g->port, g->queue, g->batch, n, g->pool) != n)
		bench_fault(g->b, "the ring is too short for a batch of %u", n);
	server_run(g->sv, timed);
	while ((n = la_port_rx(g->port, g->queue, pkts, BENCH_BURST)) > 0) {
		gen_take(g, pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

/* Copies the batch first: answers put new frames into the batch while the server still reads the old ones. */
static void
run_on_null(struct gen *g, unsigned n, bool timed)
{
	struct rte_mbuf *frames[RTE_DIM(g->batch)];

	memcpy(frames, g->batch, n * sizeof(frames[0]));
	bench_null_run(g, frames, n, timed);
}

void
gen_run(struct gen *g, bool timed)
{
	unsigned n = g->n;

	g->n = 0;
	if (g->sv->port == &g->b->null)
		run_on_null(g, n, timed);
	else
		run_on_ring(g, n, timed);
	if (g->asked) { /* answers of the server wait for our ARP reply, which is in the batch */
		g->asked = false;
		gen_run(g, false);
	}
	if (g->answer == NULL && g->answered != g->due)
		bench_fault(g->b, "%" PRIu64 " answers are missing", g->due - g->answered);
}

/* ------------------------------------------------------------------ beginning and end */

int
gen_open(struct gen *g, struct server *sv, uint32_t nflows, const struct gen_step *script, unsigned nsteps)
{
	*g = (struct gen){.b = sv->b,
			  .sv = sv,
			  .port = &sv->b->port[0],
			  .pool = sv->b->pool[sv->queue][0],
			  .queue = sv->queue,
			  .wnd = UINT16_MAX,
			  .mss = 1460,
			  .script = script,
			  .nsteps = nsteps,
			  .nflows = nflows,
			  .rng = {sv->queue}};
	if (nflows >= 1u << (32 - ISN_SHIFT)) {
		bench_fault(g->b, "%u flows are more than the generator can distinguish", nflows);
		return -1;
	}
	g->flow = calloc(nflows ? nflows : 1, sizeof(*g->flow));
	if (g->flow == NULL) {
		bench_fault(g->b, "no memory for %u flows", nflows);
		return -1;
	}
	for (uint32_t i = 0; i < nflows; i++)
		gen_new_flow(g, i);
	if (sv->shard) { /* resolves the gateway: the server can keep only a few answers for an unresolved address */
		write_arp(g, RTE_ARP_OP_REQUEST);
		gen_run(g, false);
	}
	return 0;
}

void
gen_close(struct gen *g)
{
	free(g->flow);
	g->flow = NULL;
}

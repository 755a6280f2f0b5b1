/* SPDX-License-Identifier: BSD-3-Clause */

/* The frames of `lastack bench abuse`, with one function for each attack. (Addresses and bots: bench_abuse.h.) */

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "bench/bench_abuse.h"
#include "wire/cksum.h"
#include "wire/tcp.h"

enum {
	FIRST_PORT = 1024,
	HOLE = 2,	 /* distance of segments above the hole, bytes: every second byte is missing */
	ABOVE = 1000,	 /* segments of a bot above its hole; then the bot begins again with the first */
	AHEAD = 32,	 /* most unacknowledged bytes; then a bot retransmits from the first unacknowledged byte */
	RST_NEAR = 1000, /* least distance of a blind RST from RCV.NXT, bytes */
	RST_FAR = 30000, /* largest additional distance, bytes: still inside the window */
	FINS = 300,	 /* FINs of a bot to one TIME_WAIT entry, in 150 ms: less than 2*MSL */
	ON_LINK = 60000, /* addresses of 10.77.0.0/16 that send SYNs */
};

/* ------------------------------------------------------------------ unknown peers */

static void
syn_flood(struct abuse *a)
{
	gen_attack(&a->c.g, LA_SYN);
}

static void
ack_garbage(struct abuse *a)
{
	gen_attack(&a->c.g, LA_ACK);
}

/* SYNs from absent hosts on the server's link: the server must resolve their addresses. */
static void
on_link_syn(struct abuse *a)
{
	struct gen *g = &a->c.g;
	uint64_t r = gen_random(g);
	uint32_t host = 256 + (uint32_t)(r >> 40) % ON_LINK;

	gen_segment(g, rte_cpu_to_be_32(0x0a4d0000 | host), (uint16_t)(FIRST_PORT + r % 60000), (uint32_t)(r >> 8), 0,
		    LA_SYN, 0);
}

/* Computes the header checksum again. */
static void
ip_checksum(struct rte_ipv4_hdr *ip)
{
	ip->hdr_checksum = 0;
	ip->hdr_checksum = la_cksum_finish(la_cksum_add(0, ip, sizeof(*ip)));
}

/* Malformed frames: fragments, wrong sums and lengths, flags, EtherTypes, random bytes, truncated frames. */
static void
garbage_frame(struct abuse *a)
{
	struct gen *g = &a->c.g;
	unsigned n = g->n;
	struct rte_ether_hdr *eth;
	struct rte_ipv4_hdr *ip;
	uint64_t r;

	gen_attack(g, a->turn % 7 == 0 ? LA_FIN | LA_PSH | LA_URG : LA_ACK);
	if (g->n != n + 1)
		return;
	eth = rte_pktmbuf_mtod(g->batch[n], struct rte_ether_hdr *);
	ip = (struct rte_ipv4_hdr *)(eth + 1);
	r = gen_random(g);
	switch (a->turn % 7) {
	case 1:
		ip->fragment_offset = rte_cpu_to_be_16((uint16_t)(RTE_IPV4_HDR_MF_FLAG | (r & 0x1fff)));
		ip_checksum(ip);
		break;
	case 2:
		((struct rte_tcp_hdr *)(ip + 1))->cksum ^= (uint16_t)(1 + r % 0xfffe);
		break;
	case 3:
		ip->total_length = rte_cpu_to_be_16((uint16_t)(41 + r % 1400));
		ip_checksum(ip);
		break;
	case 4:
		eth->ether_type = rte_cpu_to_be_16((uint16_t)(0x0900 | (r & 0xff)));
		break;
	case 5: /* 40 random bytes from the IP header on */
		for (unsigned i = 0; i < 5; i++, r = gen_random(g))
			memcpy((uint8_t *)ip + 8 * i, &r, 8);
		break;
	case 6:
		rte_pktmbuf_trim(g->batch[n], (uint16_t)(BENCH_FRAME - r % 54));
		break;
	default:
		break;
	}
}

/* Sends a RST inside the window and not at RCV.NXT: RFC 5961 3 requires a challenge ACK; the connection stays open. */
static void
blind_rst(struct abuse *a)
{
	struct gen *g = &a->c.g;
	uint64_t r = gen_random(g);
	const struct gen_flow *f = &g->flow[a->c.recent[r % CLIENTS_RECENT]];

	gen_segment(g, f->raddr, f->rport, f->snd + RST_NEAR + (uint32_t)(r >> 32) % RST_FAR, 0, LA_RST, 0);
}

/* ------------------------------------------------------------------ bots */

static void
bot_send(struct abuse *a, const struct abuse_bot *b, uint32_t seq, uint8_t flags, uint32_t len)
{
	uint32_t i = (uint32_t)(b - a->bot);

	gen_segment(&a->c.g, rte_cpu_to_be_32(0x0d000000 | i), b->port, seq, b->rcv, flags, len);
}

/* Returns the bot of this turn, or NULL after the bot has sent a SYN: the turn is used. */
static struct abuse_bot *
bot_turn(struct abuse *a)
{
	struct abuse_bot *b = &a->bot[a->turn % ABUSE_BOTS];

	if (b->open)
		return b;
	bot_send(a, b, b->snd - 1, LA_SYN, 0);
	return NULL;
}

static void
new_port(struct abuse *a, struct abuse_bot *b)
{
	uint32_t isn = (uint32_t)gen_random(&a->c.g);

	*b = (struct abuse_bot){
		.port = (uint16_t)(b->port < FIRST_PORT ? FIRST_PORT : b->port + 1), .snd = isn, .acked = isn};
}

void
abuse_bots_forget(struct abuse *a)
{
	for (unsigned i = 0; i < ABUSE_BOTS; i++)
		new_port(a, &a->bot[i]);
}

void
abuse_bots_reset(struct abuse *a)
{
	for (unsigned i = 0; i < ABUSE_BOTS; i++)
		if (a->bot[i].open)
			bot_send(a, &a->bot[i], a->bot[i].acked, LA_RST, 0);
}

void
abuse_bot_answer(struct abuse *a, const struct gen_answer *s)
{
	uint32_t i = rte_be_to_cpu_32(s->raddr) & 0xffffff;
	struct abuse_bot *b = i < ABUSE_BOTS && abuse_is_bot(s->raddr) ? &a->bot[i] : NULL;

	if (b == NULL || b->port != s->rport)
		return;
	if (s->flags & LA_RST) {
		new_port(a, b);
		return;
	}
	if ((s->flags & LA_SYN) && !b->open) {
		b->open = true;
		b->rcv = s->seq + 1;
		return;
	}
	if (!b->open || (s->flags & LA_SYN))
		return;
	if ((int32_t)(s->ack - b->acked) > 0)
		b->acked = s->ack;
	if ((int32_t)(b->acked - b->snd) > 0)
		b->snd = b->acked;
	if (s->seq == b->rcv && (s->flags & LA_FIN)) {
		b->rcv += s->len + 1;
		b->fin = true;
	}
}

/* Sends one byte in order. */
static void
next_byte(struct abuse *a, struct abuse_bot *b)
{
	if (b->snd - b->acked >= AHEAD)
		b->snd = b->acked;
	bot_send(a, b, b->snd, LA_ACK, 1);
	b->snd++;
}

static void
tiny_holes(struct abuse *a)
{
	struct abuse_bot *b = bot_turn(a);

	if (b)
		bot_send(a, b, b->snd + HOLE * (1 + b->above++ % ABOVE), LA_ACK, 1);
}

static void
tiny_inorder(struct abuse *a)
{
	struct abuse_bot *b = bot_turn(a);

	if (b)
		next_byte(a, b);
}

/* Sends requests with window 0 from the SYN on, so that no answer can be sent. */
static void
zero_window(struct abuse *a)
{
	uint16_t wnd = a->c.g.wnd;
	struct abuse_bot *b;

	a->c.g.wnd = 0;
	b = bot_turn(a);
	if (b)
		next_byte(a, b);
	a->c.g.wnd = wnd;
}

/* A connection that the server closes first, then many FINs of the bot. The first FIN is in order. The later FINs have
 * SEG.SEQ = RCV.NXT, one above the first, so that none is a repeated FIN (lib/table/tw_input.c, rule 6). Rule 8
 * throttles the answers, and 2*MSL does not restart. Before the end of 2*MSL the bot opens another connection. */
static void
time_wait_fin(struct abuse *a)
{
	struct abuse_bot *b = bot_turn(a);

	if (b == NULL)
		return;
	if (b->fin && b->above++ == FINS) {
		new_port(a, b);
		bot_turn(a);
	} else if (b->fin) {
		bot_send(a, b, b->snd, LA_FIN | LA_ACK, 0);
	} else {
		next_byte(a, b);
	}
}

const struct abuse_attack abuse_attacks[ABUSE_ATTACKS] = {
	{"syn-flood", "SYNs from 12.0.0.0/8", syn_flood, ABUSE_UNREAD, false},
	{"on-link-syn", "SYNs from absent neighbours", on_link_syn, ABUSE_UNREAD, false},
	{"ack-garbage", "ACKs of no connection", ack_garbage, ABUSE_UNREAD, false},
	{"garbage", "malformed frames", garbage_frame, ABUSE_UNREAD, false},
	{"blind-rst", "RSTs inside the honest clients' windows", blind_rst, ABUSE_UNREAD, false},
	{"time-wait-fin", "FINs at RCV.NXT to TIME_WAIT", time_wait_fin, ABUSE_CLOSE, true},
	{"tiny-holes", "one-byte segments above a hole", tiny_holes, ABUSE_UNREAD, true},
	{"tiny-inorder", "one-byte segments that stay unread", tiny_inorder, ABUSE_UNREAD, true},
	{"zero-window", "requests with window 0", zero_window, ABUSE_ANSWER, true},
};

/* SPDX-License-Identifier: BSD-3-Clause */

/* For tests/live/75-memif-overload: a load generator like dperf, as a memif client.
 *
 *	flood_memif --socket PATH --to ADDR:PORT --from ADDR --clients N --rate OPENS/S --seconds S [--bytes N] [--tail S]
 *		[--until-closed N]
 *
 * The flood: N consecutive client addresses with one MAC open connections at a fixed rate, for any number of open
 * connections. A connection sends SYN; GET /bytes/N; FIN with the ACK of the answer; ACK of the server's FIN. The flood
 * retransmits no segment. Frames without room in the ring are dropped, except ARP replies. A segment of an ended
 * connection draws a RST. A connection takes 12 bytes. After TIMEOUT_MS the tuple of an open connection may be reused.
 *
 * With --until-closed the flood continues after --seconds until the well-behaved client has closed N connections; it
 * ends at ten times --seconds in any case.
 *
 * At the same time a well-behaved client uses the address after the last one of the flood. It has HONEST connections
 * open, begins another one when one ends, retransmits (RTO 1 s for the SYN, otherwise 200 ms, doubled each time), and
 * sends a ping every 10 ms. It continues for --tail seconds after the last SYN of the flood. At the start of the tail
 * the open connections of the flood are reset.
 *
 * A line each second goes to standard error. Standard output gets one JSON object with all counts. Status 0: the run
 * is complete; 1: DPDK or memif failed; 2: wrong arguments. */

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum {
	BURST = 32,
	RING = 1024,
	MBUFS = 8191,
	SLOTS = 1 << 22,	/* most connections of the flood at once: addresses times ports */
	PORT_FIRST = 1024,	/* lowest port of the clients */
	TRIES = 64,		/* slots that are tried for a free one */
	BEHIND_MS = 2,		/* overdue SYNs of at most this time are kept; older ones are never sent */
	TIMEOUT_MS = 1000,	/* after this time an open connection may be replaced */
	HONEST = 8,		/* open connections of the well-behaved client */
	HONEST_PAUSE_US = 2000, /* from the end of such a connection to the next one */
	HONEST_SYN_RTO_US = 1000000,
	HONEST_RTO_US = 200000,
	PING_US = 10000,
	LATENCIES = 1 << 18,
	BYTES_MOST = 1000, /* most bytes of an answer, which is one segment */
	MOST_TIMES = 10,   /* longest flood with --until-closed, in --seconds */
	UP_S = 10,	   /* longest wait for link and ARP, s */
	ETH = 14,
	IP = 20,
	TCP = 20,
	MSS = 4,
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
};

enum state { FREE, SYN_SENT, REQUESTED, FIN_SENT };

struct slot {
	uint32_t snd, rcv; /* next sequence numbers */
	uint32_t at : 29;  /* ms of the last step */
	uint32_t state : 3;
};

/* A connection of the well-behaved client. */
struct honest {
	struct slot c;
	uint16_t port;
	uint64_t begun; /* us at which the connection began; state FREE: at which the next one begins */
	uint64_t sent;	/* us at which the last segment was sent */
	uint64_t rto;	/* us from the last segment to its retransmission */
};

/* Counts of the well-behaved client in one phase: during the flood, or after the flood. */
struct phase {
	uint64_t begun, closed, resets, retransmits, pings, pongs;
	uint32_t *us; /* us from SYN to the server's FIN, for each closed connection */
};

static struct {
	const char *socket;
	uint32_t from, to; /* host order */
	uint16_t port;
	unsigned clients, rate, seconds, bytes, tail, until_closed;
} opt = {.clients = 40, .rate = 100000, .seconds = 5, .bytes = 64, .tail = 2};

static struct {
	uint64_t offered, opened, answered, closed, resets, forgotten, no_slot, ring_full, unexpected, rx, tx;
} n, before;

static uint16_t dev;
static struct rte_mempool *pool;
static struct rte_mbuf *out[2 * BURST];
static unsigned nout;
static bool retry_full; /* after the flood: frames without room in the ring are offered again */
static uint8_t our_mac[6] = {2, 0xf1, 0, 0, 0, 1}, peer_mac[6];
static bool have_peer;
static char request[64];
static unsigned request_len;
static uint64_t request_sum; /* sum of the request's 16-bit words */
static struct slot *slots;
static uint32_t nslots, turn;
static struct honest honest[HONEST];
static uint16_t honest_port = PORT_FIRST;
static struct phase phases[2], *phase = &phases[0];
static uint64_t hz, t0;

static uint64_t
now_us(void)
{
	return (rte_rdtsc() - t0) * 1000 / (hz / 1000);
}

/* p is a frame that was not sent. If it is a SYN of the flood, frees the slot of its connection. */
static void
free_slot_of_syn(const uint8_t *p)
{
	const uint8_t *t = p + ETH + IP;
	uint32_t src = (uint32_t)(p[ETH + 12] << 24 | p[ETH + 13] << 16 | p[ETH + 14] << 8 | p[ETH + 15]);

	if (p[12] == 8 && p[13] == 0 && p[ETH + 9] == 6 && t[13] == SYN && src - opt.from < opt.clients)
		slots[(uint64_t)((t[0] << 8 | t[1]) - PORT_FIRST) * opt.clients + (src - opt.from)].state = FREE;
}

/* Sends the frames of `out`. Frames without room in the ring are dropped; again: offered for a second, then dropped. */
static void
flush_with(bool again)
{
	unsigned sent = 0;
	uint64_t end = rte_rdtsc() + hz;

	do {
		sent += nout > sent ? rte_eth_tx_burst(dev, 0, out + sent, (uint16_t)(nout - sent)) : 0;
	} while (again && sent < nout && rte_rdtsc() < end);
	n.tx += sent;
	n.ring_full += nout - sent;
	for (unsigned i = sent; i < nout; i++)
		free_slot_of_syn(rte_pktmbuf_mtod(out[i], uint8_t *));
	rte_pktmbuf_free_bulk(out + sent, nout - sent);
	nout = 0;
}

static void
flush(void)
{
	flush_with(retry_full);
}

/* Adds a frame of len bytes to the peer to `out`, and writes its Ethernet header. Returns the frame. */
static uint8_t *
frame(unsigned len, uint16_t type)
{
	struct rte_mbuf *m;
	uint8_t *p;

	if (nout == 2 * BURST)
		flush();
	m = rte_pktmbuf_alloc(pool);
	if (m == NULL)
		rte_exit(1, "flood_memif: no mbufs left\n");
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
	memcpy(p, have_peer ? peer_mac : (const uint8_t *)"\xff\xff\xff\xff\xff\xff", 6);
	memcpy(p + 6, our_mac, 6);
	p[12] = (uint8_t)(type >> 8);
	p[13] = (uint8_t)type;
	out[nout++] = m;
	return p;
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static uint64_t
sum16(const uint8_t *p, unsigned len)
{
	uint64_t s = 0;

	for (unsigned i = 0; i + 1 < len; i += 2)
		s += get16(p + i);
	return len & 1 ? s + ((uint64_t)p[len - 1] << 8) : s;
}

static uint16_t
fold(uint64_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void
put_ip(uint8_t *ip, unsigned len, uint8_t proto, uint32_t src)
{
	put32(ip, 0x45000000 | len);
	put32(ip + 4, 0x4000); /* DF */
	put32(ip + 8, 64u << 24 | (uint32_t)proto << 16);
	put32(ip + 12, src);
	put32(ip + 16, opt.to);
	put16(ip + 10, fold(sum16(ip, IP)));
}

static void
segment(uint32_t src, uint16_t sport, uint32_t seq, uint32_t ack, unsigned flags)
{
	unsigned hlen = flags & SYN ? TCP + MSS : TCP, text = flags & PSH ? request_len : 0;
	uint8_t *p = frame(ETH + IP + hlen + text, 0x0800), *t = p + ETH + IP;
	uint64_t s = (src >> 16) + (src & 0xffff) + (opt.to >> 16) + (opt.to & 0xffff) + 6 + hlen + text;

	put_ip(p + ETH, IP + hlen + text, 6, src);
	put16(t, sport);
	put16(t + 2, opt.port);
	put32(t + 4, seq);
	put32(t + 8, ack);
	put32(t + 12, hlen << 26 | flags << 16 | 65535);
	put32(t + 16, 0);
	if (flags & SYN)
		put32(t + TCP, 0x020405b4); /* MSS 1460 */
	if (text) {
		memcpy(t + TCP, request, request_len);
		s += request_sum;
	}
	put16(t + 16, fold(s + sum16(t, hlen)));
}

/* Sends the segment that belongs to the connection's state, which ends at snd: first transmission or retransmission. */
static void
send_segment_of_state(const struct slot *c, uint32_t src, uint16_t sport)
{
	if (c->state == SYN_SENT)
		segment(src, sport, c->snd - 1, 0, SYN);
	else if (c->state == REQUESTED)
		segment(src, sport, c->snd - request_len, c->rcv, ACK | PSH);
	else if (c->state == FIN_SENT)
		segment(src, sport, c->snd - 1, c->rcv, ACK | FIN);
}

enum news { NOTHING, OPENED, ANSWERED, CLOSED, RESET };

/* Processes a segment of a connection that is not FREE, and sends the answer. Returns the event. */
static enum news
step(struct slot *c, uint32_t src, uint16_t sport, const uint8_t *t, unsigned text, bool retransmits)
{
	unsigned flags = t[13];
	uint32_t seq = get32(t + 4), ack = get32(t + 8);

	if (flags & RST) {
		c->state = FREE;
		return RESET;
	}
	if (c->state == SYN_SENT) {
		if ((flags & (SYN | ACK)) != (SYN | ACK) || ack != c->snd) {
			segment(src, sport, ack, 0, RST); /* a segment of the tuple's previous connection */
			n.unexpected++;
			return NOTHING;
		}
		c->rcv = seq + 1;
		c->snd += request_len;
		c->state = REQUESTED;
		send_segment_of_state(c, src, sport);
		return OPENED;
	}
	if (c->state == REQUESTED && text > 0 && seq == c->rcv) {
		c->rcv += text;
		c->snd++;
		c->state = FIN_SENT;
		send_segment_of_state(c, src, sport);
		return ANSWERED;
	}
	if (c->state == FIN_SENT && flags & FIN && seq + text == c->rcv) {
		segment(src, sport, c->snd, ++c->rcv, ACK);
		c->state = FREE;
		return CLOSED;
	}
	if (flags & SYN || text > 0) /* a retransmission of the server: our ACK was lost */
		segment(src, sport, retransmits && c->state == REQUESTED ? c->snd - request_len : c->snd, c->rcv, ACK);
	return NOTHING;
}

static void
flood_input(uint32_t src, uint16_t sport, const uint8_t *t, unsigned text, uint32_t ms)
{
	uint64_t i = (uint64_t)(sport - PORT_FIRST) * opt.clients + (src - opt.from);
	struct slot *c = &slots[i];

	if (sport < PORT_FIRST || i >= nslots)
		return;
	if (c->state == FREE) {
		n.unexpected++;
		if (!(t[13] & RST))
			segment(src, sport, get32(t + 8), 0, RST);
		return;
	}
	switch (step(c, src, sport, t, text, false)) {
	case OPENED:
		n.opened++;
		break;
	case ANSWERED:
		n.answered++;
		break;
	case CLOSED:
		n.closed++;
		break;
	case RESET:
		n.resets++;
		break;
	case NOTHING:
		return;
	}
	c->at = ms & 0x1fffffff;
}

static void
honest_input(uint32_t src, uint16_t sport, const uint8_t *t, unsigned text, uint64_t now)
{
	struct honest *h = NULL;
	enum news news;

	for (unsigned i = 0; i < HONEST; i++)
		if (honest[i].port == sport && honest[i].c.state != FREE)
			h = &honest[i];
	if (h == NULL) {
		if (t[13] & FIN) /* our last ACK was lost: answer as in TIME_WAIT */
			segment(src, sport, get32(t + 8), get32(t + 4) + text + 1, ACK);
		return;
	}
	news = step(&h->c, src, sport, t, text, true);
	if (news == NOTHING)
		return;
	h->sent = now;
	h->rto = HONEST_RTO_US;
	if (news == CLOSED && phase->closed < LATENCIES)
		phase->us[phase->closed] = (uint32_t)(now - h->begun);
	phase->closed += news == CLOSED;
	phase->resets += news == RESET;
	if (h->c.state == FREE)
		h->begun = now + HONEST_PAUSE_US;
}

static void
arp(uint8_t op, uint32_t src, const uint8_t *dst_mac, uint32_t dst)
{
	uint8_t *p = frame(ETH + 28, 0x0806) + ETH;

	memcpy(p, "\0\1\10\0\6\4\0", 7);
	p[7] = op;
	memcpy(p + 8, our_mac, 6);
	put32(p + 14, src);
	memcpy(p + 18, dst_mac, 6);
	put32(p + 24, dst);
	flush_with(true); /* waits for room, as in a kernel's queue */
}

static void
arp_input(const uint8_t *p)
{
	uint32_t src = get32(p + 14), dst = get32(p + 24);

	if (src == opt.to) {
		memcpy(peer_mac, p + 8, 6);
		have_peer = true;
	}
	if (p[7] == 1 && dst - opt.from <= opt.clients)
		arp(2, dst, p + 8, src);
}

static void
ping(void)
{
	uint8_t *p = frame(ETH + IP + 8, 0x0800);

	put_ip(p + ETH, IP + 8, 1, opt.from + opt.clients);
	put32(p + ETH + IP, 0x08000000 | fold(0x0800));
	put32(p + ETH + IP + 4, 0);
	phase->pings++;
}

static void
input(struct rte_mbuf *m, uint64_t now)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *t = p + ETH + IP;
	uint32_t dst, hlen;

	if (m->data_len >= ETH + 28 && get16(p + 12) == 0x0806)
		arp_input(p + ETH);
	if (m->data_len < ETH + IP + 8 || get16(p + 12) != 0x0800 || p[ETH] != 0x45 || get32(p + ETH + 12) != opt.to)
		return;
	dst = get32(p + ETH + 16);
	if (p[ETH + 9] == 1 && t[0] == 0)
		phase->pongs++;
	if (p[ETH + 9] != 6 || m->data_len < ETH + IP + TCP || dst - opt.from > opt.clients)
		return;
	hlen = IP + (uint32_t)(t[12] >> 4) * 4;
	if (get16(p + ETH + 2) < hlen)
		return;
	if (dst - opt.from == opt.clients)
		honest_input(dst, (uint16_t)get16(t + 2), t, get16(p + ETH + 2) - hlen, now);
	else
		flood_input(dst, (uint16_t)get16(t + 2), t, get16(p + ETH + 2) - hlen, (uint32_t)(now / 1000));
}

/* Processes received frames: at most four bursts. */
static void
receive(uint64_t now)
{
	struct rte_mbuf *pkts[BURST];

	for (unsigned round = 0; round < 4; round++) {
		unsigned k = rte_eth_rx_burst(dev, 0, pkts, BURST);

		for (unsigned i = 0; i < k; i++)
			input(pkts[i], now);
		rte_pktmbuf_free_bulk(pkts, k);
		n.rx += k;
		flush();
		if (k < BURST)
			return;
	}
}

static void
open_one(uint32_t ms)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct slot *c = &slots[turn];
		uint32_t at = turn;

		turn = turn + 1 == nslots ? 0 : turn + 1;
		if (c->state != FREE && ((ms - c->at) & 0x1fffffff) < TIMEOUT_MS)
			continue;
		n.forgotten += c->state != FREE;
		c->snd += 1000001;
		c->at = ms & 0x1fffffff;
		c->state = SYN_SENT;
		send_segment_of_state(c, opt.from + at % opt.clients, (uint16_t)(PORT_FIRST + at / opt.clients));
		n.offered++;
		return;
	}
	n.no_slot++;
}

static void
honest_run(uint64_t now)
{
	uint32_t src = opt.from + opt.clients;

	for (unsigned i = 0; i < HONEST; i++) {
		struct honest *h = &honest[i];

		if (h->c.state == FREE && now >= h->begun) {
			h->port = honest_port++;
			if (honest_port < PORT_FIRST)
				honest_port = PORT_FIRST;
			h->c.snd += 1000001;
			h->c.state = SYN_SENT;
			h->begun = now;
			h->rto = HONEST_SYN_RTO_US;
			phase->begun++;
		} else if (h->c.state != FREE && now - h->sent >= h->rto) {
			h->rto *= 2;
			phase->retransmits++;
		} else {
			continue;
		}
		h->sent = now;
		send_segment_of_state(&h->c, src, h->port);
	}
}

/* Resets the open connections of the flood, as fast as the server reads from the ring. */
static void
reset_open(void)
{
	for (uint32_t i = 0; i < nslots; i++) {
		struct slot *c = &slots[i];

		if (c->state == FREE)
			continue;
		/* in SYN_SENT, too, snd is the server's RCV.NXT, at which its half-open connection accepts a RST */
		segment(opt.from + i % opt.clients, (uint16_t)(PORT_FIRST + i / opt.clients), c->snd, 0, RST);
		c->state = FREE;
		n.forgotten++;
		if (nout == BURST) {
			flush_with(true);
			receive(now_us());
		}
	}
	flush_with(true);
}

static void
line(unsigned second)
{
	fprintf(stderr,
		"%3u s  offered %7" PRIu64 "  opened %7" PRIu64 "  answered %7" PRIu64 "  closed %7" PRIu64
		"  resets %6" PRIu64 "  ring full %7" PRIu64 "  honest %" PRIu64 " of %" PRIu64 "  pings %" PRIu64
		" of %" PRIu64 "\n",
		second, n.offered - before.offered, n.opened - before.opened, n.answered - before.answered,
		n.closed - before.closed, n.resets - before.resets, n.ring_full - before.ring_full, phase->closed,
		phase->begun, phase->pongs, phase->pings);
	before = n;
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
print_phase(const char *name, struct phase *p)
{
	uint64_t k = RTE_MIN(p->closed, (uint64_t)LATENCIES);

	qsort(p->us, k, sizeof(p->us[0]), ascending);
	printf(", \"%s_begun\": %" PRIu64 ", \"%s_closed\": %" PRIu64 ", \"%s_resets\": %" PRIu64
	       ", \"%s_retransmits\": %" PRIu64 ", \"%s_pings\": %" PRIu64 ", \"%s_pongs\": %" PRIu64
	       ", \"%s_p50_us\": %u, \"%s_p99_us\": %u",
	       name, p->begun, name, p->closed, name, p->resets, name, p->retransmits, name, p->pings, name, p->pongs,
	       name, k ? p->us[k / 2] : 0, name, k ? p->us[k * 99 / 100] : 0);
}

static void
print_counts(void)
{
	printf("{\"offered\": %" PRIu64 ", \"opened\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"closed\": %" PRIu64
	       ", \"resets\": %" PRIu64 ", \"forgotten\": %" PRIu64 ", \"no_slot\": %" PRIu64
	       ", \"ring_full\": %" PRIu64 ", \"unexpected\": %" PRIu64 ", \"rx\": %" PRIu64 ", \"tx\": %" PRIu64,
	       n.offered, n.opened, n.answered, n.closed, n.resets, n.forgotten, n.no_slot, n.ring_full, n.unexpected,
	       n.rx, n.tx);
	print_phase("during", &phases[0]);
	print_phase("after", &phases[1]);
	printf("}\n");
}

static void
run(void)
{
	uint64_t start = now_us(), end = start + opt.seconds * 1000000ull, second = start + 1000000;
	uint64_t most_end = start + MOST_TIMES * (end - start), ping_at = start, last = UINT64_MAX;
	double due = 0, most = RTE_MAX(BEHIND_MS * opt.rate / 1e3, 1.0); /* number of SYNs */
	uint64_t due_at = start;

	for (uint64_t now = start; now < last; now = now_us()) {
		receive(now);
		if (phase == &phases[0] && now >= end && (phase->closed >= opt.until_closed || now >= most_end)) {
			phase = &phases[1];
			last = now + opt.tail * 1000000ull;
			retry_full = true;
			memset(honest, 0, sizeof(honest)); /* the server ends the old connections by RST or time-out */
			reset_open();
		}
		if (phase == &phases[0]) {
			due = RTE_MIN(due + (double)(now - due_at) * opt.rate / 1e6, most);
			due_at = now;
			for (unsigned i = 0; i < BURST && due >= 1; i++, due--)
				open_one((uint32_t)(now / 1000));
		}
		honest_run(now);
		if (now >= ping_at) {
			ping();
			ping_at = now + PING_US;
		}
		flush();
		if (now >= second) {
			line((unsigned)((second - start) / 1000000));
			second += 1000000;
		}
	}
}

/* Waits for link and the server's MAC. */
static void
find_peer(void)
{
	uint64_t end = now_us() + UP_S * 1000000ull;

	while (!have_peer) {
		struct rte_eth_link link;

		if (now_us() > end)
			rte_exit(1, "flood_memif: no server on %s\n", opt.socket);
		if (rte_eth_link_get_nowait(dev, &link) == 0 && link.link_status) {
			arp(1, opt.from, (const uint8_t *)"\0\0\0\0\0", opt.to);
			flush();
			rte_delay_us_sleep(10000);
			receive(now_us());
		}
		rte_delay_us_sleep(10000);
	}
}

static void
open_port(void)
{
	struct rte_eth_conf conf = {0};

	pool = rte_pktmbuf_pool_create("flood", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL || rte_eth_dev_configure(dev, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(dev, 0, RING, SOCKET_ID_ANY, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(dev, 0, RING, SOCKET_ID_ANY, NULL) != 0 || rte_eth_dev_start(dev) != 0)
		rte_exit(1, "flood_memif: cannot start memif on %s\n", opt.socket);
}

static void
start_eal(char *program)
{
	static char text[] = "--no-huge -m 128 --no-pci --no-telemetry --log-level 4 --file-prefix flood -l";
	char vdev[256], cpu[24], vdev_word[] = "--vdev", *args[24] = {program}, *rest = text;
	int k = 1;

	while ((args[k] = strsep(&rest, " ")) != NULL)
		k++;
	snprintf(cpu, sizeof(cpu), "%ld", sysconf(_SC_NPROCESSORS_ONLN) - 1);
	snprintf(vdev, sizeof(vdev), "net_memif0,role=client,socket=%s,socket-abstract=no", opt.socket);
	args[k++] = cpu;
	args[k++] = vdev_word;
	args[k++] = vdev;
	if (rte_eal_init(k, args) < 0 || rte_eth_dev_get_port_by_name("net_memif0", &dev) != 0)
		rte_exit(1, "flood_memif: EAL cannot start\n");
}

static unsigned
number(const char *text, unsigned least, unsigned most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || end == text || v < least || v > most) {
		fprintf(stderr, "flood_memif: '%s' was given; allowed: %u to %u\n", text, least, most);
		exit(2);
	}
	return (unsigned)v;
}

static uint32_t
address(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) == 1)
		return ntohl(a.s_addr);
	fprintf(stderr, "flood_memif: '%s' was given; allowed: an IPv4 address\n", text);
	exit(2);
}

static void
parse(int argc, char **argv)
{
	static const struct option words[] = {
		{"socket", 1, NULL, 's'},  {"to", 1, NULL, 't'},   {"from", 1, NULL, 'f'},
		{"clients", 1, NULL, 'c'}, {"rate", 1, NULL, 'r'}, {"seconds", 1, NULL, 'd'},
		{"bytes", 1, NULL, 'b'},   {"tail", 1, NULL, 'w'}, {"until-closed", 1, NULL, 'u'},
		{NULL, 0, NULL, 0},
	};
	char *colon;
	int c;

	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.socket = optarg;
			break;
		case 't':
			colon = strchr(optarg, ':');
			opt.port = (uint16_t)number(colon ? colon + 1 : "", 1, 65535);
			*colon = '\0';
			opt.to = address(optarg);
			break;
		case 'f':
			opt.from = address(optarg);
			break;
		case 'c':
			opt.clients = number(optarg, 1, 5000);
			break;
		case 'r':
			opt.rate = number(optarg, 1, 10000000);
			break;
		case 'd':
			opt.seconds = number(optarg, 1, 600);
			break;
		case 'b':
			opt.bytes = number(optarg, 1, BYTES_MOST);
			break;
		case 'w':
			opt.tail = number(optarg, 0, 600);
			break;
		case 'u':
			opt.until_closed = number(optarg, 0, 1000);
			break;
		default:
			exit(2);
		}
	}
	if (opt.socket == NULL || opt.to == 0 || opt.from == 0) {
		fprintf(stderr, "flood_memif: --socket, --to and --from must be given\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	parse(argc, argv);
	request_len = (unsigned)snprintf(request, sizeof(request), "GET /bytes/%u HTTP/1.1\r\nHost: a\r\n\r\n",
					 opt.bytes);
	request_sum = sum16((const uint8_t *)request, request_len);
	nslots = RTE_MIN((uint32_t)SLOTS / opt.clients, 65536u - PORT_FIRST) * opt.clients;
	slots = calloc(nslots, sizeof(slots[0]));
	for (unsigned i = 0; i < RTE_DIM(phases); i++)
		phases[i].us = calloc(LATENCIES, sizeof(uint32_t));
	if (slots == NULL || phases[0].us == NULL || phases[1].us == NULL)
		rte_exit(1, "flood_memif: no memory\n");
	start_eal(argv[0]);
	hz = rte_get_tsc_hz();
	t0 = rte_rdtsc();
	open_port();
	find_peer();
	run();
	print_counts();
	rte_eth_dev_stop(dev);
	rte_eal_cleanup();
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Neighbour exhaustion: floods from on-link addresses that do not exist, in virtual time, while two clients and the
 * gateways are in use and new clients arrive. Invariants: every packet for the clients and the gateways leaves within
 * its millisecond; new clients are served; the table passes its checker every 8 ms; one second after the flood no
 * unverified entry and no waiting packet is left. */

#include "net_test.h"

enum { LIFE_MS = 20, NEWCOMERS = 64 };

enum flood {
	SYNS,	    /* SYNs, each answered at once by a SYN,ACK */
	TIMERS,	    /* SYN,ACKs that a timer retransmits: no received frame */
	RSTS,	    /* RSTs that a timer sends */
	CHALLENGES, /* ACKs of connections in SYN_RCVD */
	REQUESTS,   /* ARP requests and neighbour solicitations for our addresses */
	BOTH,	    /* a request and a SYN from each address */
	MIXED,	    /* the kinds above in turn */
};

/** A host that exists: it answers requests after a millisecond. */
struct host {
	char text[64];
	struct la_addr addr;
	uint8_t mac[6];
	unsigned sent, got;
	unsigned requests; /* requests that are not answered yet */
};

static const uint8_t ATTACKER[6] = {2, 0xee, 0, 0, 0, 1};

static struct host gateway[2], client[2], newcomer[NEWCOMERS];
static unsigned broadcasts, to_attacker;

static struct la_prefix wide[2];

/* Makes a shard whose on-link prefixes are much larger than its table. */
static void
setup(uint32_t max_neighbours)
{
	net_open(NULL);
	la_shard_destroy(net.s);
	wide[0] = (struct la_prefix){A("10.0.0.2"), 8};
	wide[1] = (struct la_prefix){A("fd00::2"), 64};
	net.cfg.addrs = wide;
	net.cfg.nranges = 0;
	net.cfg.max_neighbours = max_neighbours;
	cr_assert_eq(la_shard_create(&net.cfg, &net.s), 0);
	broadcasts = to_attacker = 0;
}

TestSuite(flood, .fini = net_close);

static void
host_make(struct host *h, uint8_t id, const char *text)
{
	*h = (struct host){.addr = A(text), .mac = {2, 0xaa, 0, 0, 0, id}};
	snprintf(h->text, sizeof(h->text), "%s", text);
}

static struct host *
host_of(const struct la_addr *a)
{
	for (unsigned i = 0; i < 2; i++) {
		if (la_addr_eq(&gateway[i].addr, a))
			return &gateway[i];
		if (la_addr_eq(&client[i].addr, a))
			return &client[i];
	}
	for (unsigned i = 0; i < NEWCOMERS; i++)
		if (la_addr_eq(&newcomer[i].addr, a))
			return &newcomer[i];
	return NULL;
}

static void
packet_out(const struct fr *f)
{
	struct host *h = host_of(&f->ip.dst);
	struct la_addr hop;

	if (!h && la_netif_route(&net.s->nif, &f->ip.dst, &hop) && !la_addr_eq(&hop, &f->ip.dst))
		h = host_of(&hop);
	if (h) {
		assert_mac(f->eth.dst, h->mac);
		h->got++;
	} else {
		assert_mac(f->eth.dst, ATTACKER);
		to_attacker++;
	}
}

/* Takes all transmitted frames. The requests among the frames are answered by the next answer_all(). */
static void
take_out(void)
{
	struct fr f;

	while (net_tx(&f)) {
		bool arp = f.eth.type == LA_ETH_ARP && f.arp.op == LA_ARP_REQUEST;
		bool nd = f.eth.type == LA_ETH_IP6 && f.ip.proto == LA_IPPROTO_ICMP6 && f.icmp.kind == LA_ICMP_NS;
		struct la_addr target = arp ? la_addr_from4(f.arp.tpa) : f.icmp.target;

		if (f.ip.proto == LA_IPPROTO_TCP)
			packet_out(&f);
		if (!arp && !nd)
			continue;
		broadcasts += f.eth.dst[0] & 1;
		if (host_of(&target))
			host_of(&target)->requests++;
	}
}

static void
answer(struct host *h)
{
	bool four = la_addr_is4(&h->addr);
	struct fr f;

	for (; h->requests; h->requests--) {
		if (four)
			fr_arp(&f, LA_ARP_REPLY, h->mac, h->text, US, "10.0.0.2");
		else
			fr_na(&f, h->text, "fd00::2", h->text, h->mac, "so");
		net_rx(&f);
	}
}

static void
answer_all(void)
{
	for (unsigned i = 0; i < 2; i++)
		answer(&gateway[i]), answer(&client[i]);
	for (unsigned i = 0; i < NEWCOMERS; i++)
		answer(&newcomer[i]);
}

static void
spoofed(char text[64], bool six, unsigned i)
{
	if (six)
		snprintf(text, 64, "fd00::bad:%x:%x", i >> 16, i & 0xffff);
	else
		snprintf(text, 64, "10.%u.%u.%u", 100 + (i / 62500) % 100, (i / 250) % 250, 1 + i % 250);
}

static const char *
our(bool six)
{
	return six ? "fd00::2" : "10.0.0.2";
}

static struct rte_mbuf *
syn_from(const char *text, bool six, const uint8_t mac[6])
{
	struct fr f;

	fr_tcp(&f, text, our(six), "", 0);
	memcpy(f.b + 6, mac, 6);
	return fr_mbuf(&f);
}

static struct rte_mbuf *
request_from(const char *text, bool six)
{
	struct fr f;

	if (six) {
		fr_ns(&f, text, "ff02::1:ff00:2", "fd00::2", ATTACKER);
		memcpy(f.b + 6, ATTACKER, 6);
	} else {
		fr_arp(&f, LA_ARP_REQUEST, ATTACKER, text, NULL, "10.0.0.2");
	}
	return fr_mbuf(&f);
}

static void
tcp_sends(const char *text, uint8_t flags, int state)
{
	struct la_addr to = A(text), from = A(our(!la_addr_is4(&to)));

	fake.flags = flags, fake.state = state;
	fake_tcp_send(&net.s->tcp, &from, &to, 20);
	fake.flags = 0, fake.state = 0;
}

/* Adds the frames of one spoofed address to the burst m, or sends packets of ours to this address. */
static void
attack(enum flood kind, unsigned i, bool six, struct rte_mbuf **m, unsigned *n)
{
	char text[64];

	spoofed(text, six, i);
	switch (kind == MIXED ? (enum flood)(i % MIXED) : kind) {
	case SYNS:
		m[(*n)++] = syn_from(text, six, ATTACKER);
		break;
	case TIMERS:
		tcp_sends(text, LA_SYN | LA_ACK, LA_SYN_RCVD);
		break;
	case RSTS:
		tcp_sends(text, LA_RST | LA_ACK, -1);
		break;
	case CHALLENGES: /* la_tcp_find() of the fake reports SYN_RCVD while the packet is processed */
		tcp_sends(text, LA_ACK, LA_SYN_RCVD);
		fake.state = LA_SYN_RCVD;
		take_out();
		fake.state = 0;
		break;
	case REQUESTS:
		m[(*n)++] = request_from(text, six);
		break;
	default:
		m[(*n)++] = request_from(text, six);
		m[(*n)++] = syn_from(text, six, ATTACKER);
		break;
	}
}

static void
expect_delivered(struct host *h, const char *to)
{
	net_send(to), h->sent++;
	take_out();
	cr_assert_eq(h->got, h->sent, "a packet to %s waits or is lost", h->text);
}

struct load {
	enum flood kind;
	unsigned per_second, seconds, max_neighbours;
	bool six;
};

static unsigned served; /* new clients that got a SYN,ACK and a packet after it */

/* Runs a client that arrives in the flood: SYN, SYN,ACK, and a packet of ours after the SYN,ACK. */
static void
newcomers(unsigned ms, bool six)
{
	struct host *h = &newcomer[ms / LIFE_MS % NEWCOMERS];
	struct rte_mbuf *m;
	char text[64];

	switch (ms % LIFE_MS) {
	case 0:
		if (six)
			snprintf(text, sizeof(text), "fd00::aaaa:%x", ms + 1);
		else
			snprintf(text, sizeof(text), "10.50.%u.%u", ms / LIFE_MS / 250, ms / LIFE_MS % 250 + 1);
		host_make(h, (uint8_t)(20 + ms / LIFE_MS % NEWCOMERS), text);
		m = syn_from(text, six, h->mac);
		net_rx_mbuf(m);
		break;
	case 4:
		cr_assert_eq(h->got, 1, "no SYN,ACK for %s", h->text);
		net_send(h->text);
		break;
	case 8:
		cr_assert_eq(h->got, 2, "nothing after the handshake for %s", h->text);
		served++;
		break;
	}
}

/* Runs 3 ms in which all requests are answered. Returns the counters. */
static struct la_counters
settle(void)
{
	for (unsigned i = 0; i < 3; i++) {
		net.now++;
		while (la_shard_poll(net.s, net.now))
			;
		answer_all(), take_out();
	}
	return *la_shard_counters(net.s);
}

static void
run(const struct load *l)
{
	unsigned i = 0, per_ms = 0, gone = 0;
	struct la_counters before;

	setup(l->max_neighbours);
	host_make(&gateway[0], 1, "10.0.0.254"), host_make(&gateway[1], 2, "fd00::fe");
	host_make(&client[0], 3, "10.0.0.1"), host_make(&client[1], 4, "fd00::1");
	memset(newcomer, 0, sizeof(newcomer));
	fake.reply_syns = true, served = 0;
	settle();
	net_send("10.0.0.1"), net_send("fd00::1"), client[0].sent++, client[1].sent++;
	before = settle();
	cr_assert_eq(before.v[LA_C_neighbours], 4);
	for (unsigned ms = 0; ms < 1000 * l->seconds; ms++) {
		struct rte_mbuf *m[LA_RX_PARSE_BURST];
		unsigned n = 0;

		net.now++;
		while (la_shard_poll(net.s, net.now))
			;
		answer_all();
		for (per_ms += l->per_second; per_ms >= 1000; per_ms -= 1000)
			attack(l->kind, i++, l->six, m, &n);
		la_shard_rx(net.s, net.now, m, n);
		newcomers(ms, l->six);
		take_out();
		expect_delivered(&client[0], "10.0.0.1"), expect_delivered(&client[1], "fd00::1");
		expect_delivered(&gateway[0], "203.0.113.9"), expect_delivered(&gateway[1], "2001:db8::9");
		if (ms % 8 == 0)
			cr_assert_eq(la_neigh_check(&net.s->neigh, stderr), 0);
	}
	cr_assert_eq(served, l->seconds * 1000 / LIFE_MS);
	gone = net.s->neigh.max[LA_NC_UNVERIFIED];
	cr_assert(broadcasts <= (l->seconds + 1) * (gone + 1000 / LIFE_MS) + 20 || l->kind == TIMERS ||
			  l->kind == RSTS || l->kind == CHALLENGES || l->kind == MIXED,
		  "%u requests by broadcast", broadcasts);
	/* one second later no unverified entry and no waiting packet is left */
	for (unsigned ms = 0; ms < 1000; ms++)
		(void)settle(), net.now -= 2;
	take_out();
	for (unsigned k = 0; k < 2; k++)
		cr_assert_eq(la_neigh_find(&net.s->neigh, &gateway[k].addr)->class, LA_NC_GATEWAY);
	cr_assert_eq(net_count(LA_C_neighbours_unverified), 0);
	cr_assert_eq(net_count(LA_C_neigh_waiting), 0);
	cr_assert(net_count(LA_C_neighbours) <= before.v[LA_C_neighbours] + served, "%lu", net_count(LA_C_neighbours));
	cr_assert_eq(net_count(LA_C_drop_neigh_full), 0);
	if (l->kind == SYNS && l->per_second >= 600)
		cr_assert_gt(net_count(LA_C_neigh_by_frame), 0);
}

Test(flood, syns_5000_a_second_for_30_seconds)
{
	for (unsigned six = 0; six < 2; six++) {
		run(&(struct load){SYNS, 5000, 30, 1024, six});
		cr_assert_eq(net_count(LA_C_neigh_unverified_evicted), 0, "a reply by frame evicted an entry");
		if (!six)
			net_close();
	}
}

Test(flood, every_kind_at_every_rate)
{
	static const unsigned rates[] = {100, 600, 5000, 20000}, sizes[] = {1024, 64};

	for (unsigned i = 0; i < RTE_DIM(rates) * RTE_DIM(sizes) * (MIXED + 1) * 2; i++) {
		enum flood kind = i / 2 % (MIXED + 1);
		unsigned rate = i / 2 / (MIXED + 1) % RTE_DIM(rates), size = i / 2 / (MIXED + 1) / RTE_DIM(rates);

		if (i)
			net_close();
		run(&(struct load){kind, rates[rate], 2, sizes[size], i & 1});
	}
}

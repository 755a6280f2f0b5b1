/* SPDX-License-Identifier: BSD-3-Clause */

#include "fake_tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "wire/ip.h"

enum { JUNK = 0x5a };

struct fake_tcp fake;

size_t
la_tcp_memory(const struct la_shard_config *cfg)
{
	return cfg->max_conns;
}

int
la_tcp_init(struct la_tcp *t, const struct la_shard_config *cfg, struct la_counters *counters)
{
	int init = fake.init;

	memset(t, 0, sizeof(*t));
	fake = (struct fake_tcp){.next = UINT64_MAX};
	if (init)
		return init;
	t->counters = counters;
	t->mbufs = cfg->mbufs;
	t->out = calloc(LA_TCP_OUT_MAX, sizeof(struct rte_mbuf *));
	return t->out ? 0 : -1;
}

void
la_tcp_fini(struct la_tcp *t)
{
	for (unsigned i = t->out_head; i < t->out_n; i++)
		rte_pktmbuf_free(t->out[i]);
	free(t->out);
}

void
la_tcp_now(struct la_tcp *t, uint64_t now)
{
	t->now = now;
}

bool
la_tcp_input(struct la_tcp *t, struct la_seg *segs, unsigned n, const uint8_t *eth)
{
	assert(LA_TCP_OUT_MAX - (t->out_n - t->out_head) >= LA_TCP_OUT_BURST);
	fake.calls++;
	if (n > fake.largest)
		fake.largest = n;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = segs[i].m;
		struct fake_seg *f = &fake.segs[fake.nsegs % FAKE_SEGS];

		rte_mbuf_sanity_check(m, 1);
		assert(m->pkt_len == segs[i].len);
		if (fake.nsegs++ < FAKE_SEGS) {
			const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, f->data);

			f->seg = segs[i];
			f->seg.m = NULL;
			f->pkt_len = m->pkt_len;
			f->nb_segs = m->nb_segs;
			if (p && p != f->data && m->pkt_len <= FAKE_DATA)
				memcpy(f->data, p, m->pkt_len);
		}
		rte_pktmbuf_free(m);
		if (fake.reply_syns) {
			uint8_t flags = fake.flags;

			fake.flags = LA_SYN | LA_ACK;
			fake_tcp_send(t, &segs[i].dst, &segs[i].src, LA_TCP_LEN);
			fake.flags = flags;
		}
	}
	(void)eth;
	return false;
}

bool
la_tcp_poll(struct la_tcp *t)
{
	(void)t;
	return false;
}

unsigned
la_tcp_take(struct la_tcp *t, struct rte_mbuf **pkts, unsigned max)
{
	unsigned n = 0;

	while (n < max && t->out_head < t->out_n)
		pkts[n++] = t->out[t->out_head++];
	if (t->out_head == t->out_n)
		t->out_head = t->out_n = 0;
	return n;
}

uint64_t
la_tcp_next(const struct la_tcp *t)
{
	(void)t;
	return fake.next;
}

void
la_tcp_icmp(struct la_tcp *t, const struct la_tuple *tuple, uint32_t seq, enum la_tcp_icmp what, uint32_t mtu)
{
	(void)t;
	fake.nicmp++;
	fake.icmp_tuple = *tuple;
	fake.icmp_seq = seq;
	fake.icmp_what = what;
	fake.icmp_mtu = mtu;
}

int
la_tcp_listen(struct la_tcp *t, const struct la_addr *addr, uint16_t port, const struct la_conn_ops *ops, void *user,
	      const struct la_conn_opts *opts)
{
	(void)t, (void)port, (void)ops, (void)user, (void)opts;
	fake.nlisten++;
	fake.listen_addr = addr;
	return 0;
}

int
la_tcp_unlisten(struct la_tcp *t, const struct la_addr *addr, uint16_t port)
{
	(void)t, (void)port;
	fake.nunlisten++;
	fake.listen_addr = addr;
	return 0;
}

int
la_tcp_connect(struct la_tcp *t, const struct la_tuple *tuple, const struct la_conn_ops *ops, void *user,
	       const struct la_conn_opts *opts, struct la_conn **out)
{
	(void)t, (void)tuple, (void)ops, (void)user, (void)opts, (void)out;
	fake.nconnect++;
	return 0;
}

int
la_tcp_find(const struct la_tcp *t, const struct la_tuple *tuple, struct la_conn_info *info)
{
	(void)t;
	if (tuple->lport != JUNK * 0x101)
		return tuple->lport == 7 ? 0 : -2;
	info->state = fake.state ? (enum la_state)fake.state : LA_ESTABLISHED;
	return fake.state >= 0 ? 0 : -2;
}

uint32_t
la_tcp_abort_all(struct la_tcp *t, unsigned max)
{
	(void)t;
	return max;
}

void
fake_tcp_send(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst, uint16_t plen)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->mbufs);
	bool is4 = la_addr_is4(src);
	uint8_t *p;

	assert(m && t->out_n < LA_TCP_OUT_MAX);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)((is4 ? LA_IP4_LEN : LA_IP6_LEN) + plen));
	if (is4)
		p += la_ip4_write(p, src, dst, LA_IPPROTO_TCP, 64, plen, true);
	else
		p += la_ip6_write(p, src, dst, LA_IPPROTO_TCP, 64, plen);
	m->tx_offload = rte_mbuf_tx_offload(0, is4 ? LA_IP4_LEN : LA_IP6_LEN, LA_TCP_LEN, 0, 0, 0, 0);
	memset(p, JUNK, plen);
	if (plen >= LA_TCP_LEN)
		p[13] = fake.flags ? fake.flags : LA_ACK;
	t->out[t->out_n++] = m;
}

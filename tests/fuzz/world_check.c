/* SPDX-License-Identifier: BSD-3-Clause */

/* Invariants that hold for any behaviour of peer and user. */

#include "world.h"

#include <string.h>

#include "../support/tables.h"
#include "tcp/hold.h"
#include "wire/icmp.h"

void
check_tables(struct world *w)
{
	CHECK(tcp_check(&w->s->tcp, w->thorough, stderr) == 0);
	CHECK(la_neigh_check(&w->s->neigh, stderr) == 0);
}

/* Checks promise 2 with public calls: a tuple stays in TIME_WAIT until its reported deadline, unless a reopen is
 * pending or a newer SYN has opened a connection on the tuple. */
static void
check_promise(struct world *w, struct line *l, bool reopened)
{
	struct la_conn_info info;
	int rc = la_shard_find(w->s, &l->t, &info);
	const struct la_tcb *c = line_tcb(w, l);

	if (rc == 0 && info.state == LA_TIME_WAIT) {
		uint64_t until = w->now + info.time_wait_left_ms;

		CHECK(until >= l->tw_until || reopened);
		l->tw_until = until;
		return;
	}
	if (l->tw_until <= w->now || reopened || (c && !c->shadow)) {
		CHECK(!(c && !c->shadow && l->tw_until > w->now) || reopened);
		l->tw_until = 0;
		return;
	}
	CHECK(c && c->shadow);
}

void
check_step(struct world *w)
{
	const uint64_t *v = w->s->counters.v;
	bool reopened = v[LA_C_time_wait_reopened] != w->reopened;

	CHECK(v[LA_C_early_recycles] == 0);
	CHECK(v[LA_C_time_wait_entered] >= v[LA_C_time_wait_expired] + v[LA_C_time_wait_reopened]);
	CHECK(la_tcb_check(&w->s->tcp, stderr) == 0);
	for (unsigned i = 0; i < TUPLES; i++)
		check_promise(w, &w->lines[i], reopened);
	w->reopened = v[LA_C_time_wait_reopened];
	for (unsigned i = 0; i < USERS; i++) {
		const struct user *u = &w->users[i];

		CHECK(!u->c || !u->opened || la_unread(u->c) <= LA_BUF_MAX);
	}
}

/* Checks the text of a sent segment, first transmission or retransmission: each byte equals the byte that was given to
 * la_send(). */
static void
check_text(struct world *w, const struct frame_in *f)
{
	struct la_tcp *t = &w->s->tcp;
	struct la_tuple tuple = {f->src, f->dst, f->sport, f->dport};
	la_ref ref;
	const struct user *u;

	ref = la_tcb_lookup_tuple(t, &tuple, la_hash_tuple(&t->key, &tuple));
	if (la_ref_pool(ref) != LA_POOL_TCB)
		return; /* the connection has ended while the segment waited for its next hop */
	u = user_of(w, &t->tcbs[la_ref_slot(ref)]);
	if (!u || !u->opened || (uint32_t)(f->seq - u->iss - 1) + (uint64_t)f->len > u->sent)
		return; /* a segment of the tuple's previous connection */
	for (size_t i = 0; i < f->len; i++)
		CHECK(f->data[i] == pattern(PATTERN_OUT, (uint32_t)(f->seq - u->iss - 1) + i));
}

/* Checks one frame that the shard has sent. */
void
check_frame(struct world *w, const uint8_t *p, size_t len)
{
	uint8_t flat[4096];
	struct frame_in f;
	const char *bad;
	size_t n = w->cfg.vlan ? 18 : 14;
	uint8_t proto;

	CHECK(len >= n + LA_ARP_LEN && len <= n + w->cfg.mtu && len <= sizeof(flat));
	CHECK(memcmp(p + 6, w->mac, 6) == 0);
	if (p[n - 2] == 0x08 && p[n - 1] == 0x06)
		return;
	proto = p[n - 2] == 0x08 ? p[n + 9] : p[n + 6];
	if (proto != LA_IPPROTO_TCP) {
		struct la_ip ip;
		struct la_icmp m;
		bool is4 = p[n - 2] == 0x08;

		CHECK((is4 ? la_ip4_parse(p + n, len - n, false, &ip) : la_ip6_parse(p + n, len - n, &ip)) ==
		      LA_WIRE_OK);
		CHECK((is4 ? la_icmp4_parse(p + n + ip.hlen, ip.plen, &m)
			   : la_icmp6_parse(p + n + ip.hlen, ip.plen, &ip, &m)) == LA_WIRE_OK);
		return;
	}
	memcpy(flat, p, len);
	if (w->cfg.offloads & (LA_OFF_TX_IP_CKSUM | LA_OFF_TX_TCP_CKSUM))
		CHECK(frame_fill_cksums(flat, len));
	bad = frame_read(flat, len, &f);
	if (bad)
		fprintf(stderr, "a sent frame is wrong: %s\n", bad);
	CHECK(bad == NULL && f.vlan == w->cfg.vlan);
	CHECK(!(f.flags & LA_SYN) || f.len == 0);
	if ((f.flags & (LA_SYN | LA_ACK)) == (LA_SYN | LA_ACK))
		line_heard(w, &f);
	if (f.len)
		check_text(w, &f);
}

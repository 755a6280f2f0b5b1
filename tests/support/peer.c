/* SPDX-License-Identifier: BSD-3-Clause */

/* Sends the peer's segments, and checks the shard's. */

#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "core/seq.h"
#include "pattern.h"
#include "wire/print.h"

struct peer *
peer_new(struct rig *r, const struct peer_opts *opts)
{
	struct peer *p = calloc(1, sizeof(*p));

	CHECK(r, p != NULL && r->npeers < RIG_PEERS, "too many peers");
	if (opts)
		p->o = *opts;
	if (p->o.win == 0)
		p->o.win = 65535;
	if (p->o.isn == 0)
		p->o.isn = 0x10000000;
	if (p->o.tsbase == 0)
		p->o.tsbase = 0x20000000;
	p->r = r;
	p->t.lport = p->o.lport ? p->o.lport : 80;
	p->t.rport = p->o.rport ? p->o.rport : (uint16_t)(40000 + r->npeers);
	if (p->o.ip6) {
		p->t.laddr = p->o.other ? r->other6 : r->addr6;
		p->t.raddr = r->peer6;
	} else {
		p->t.laddr = p->o.other ? r->other4 : r->addr4;
		p->t.raddr = r->peer4;
	}
	peer_renew(p, p->o.isn);
	r->peers[r->npeers++] = p;
	return p;
}

void
peer_renew(struct peer *p, uint32_t isn)
{
	p->IRS = isn;
	p->R = isn + 1;
	p->snd = isn + 1;
	p->got = 0;
	p->win = p->o.win;
	p->max_wnd = p->o.win;
	p->ISS = p->U = p->N = p->W = 0;
	p->ts_on = p->ws_on = p->sack_on = false;
	p->syn_seen = p->edge_on = false;
	memset(&p->u, 0, sizeof(p->u));
}

void
peer_free(struct peer *p)
{
	free(p->rx);
	free(p);
}

/* A user gets `opened` and `closed` at most once. A connection may still be open at the end of a test. */
void
peer_check_end(struct peer *p)
{
	CHECK(p->r, p->u.closed <= 1 && p->u.opened <= 1, "opened %u times, closed %u times", p->u.opened, p->u.closed);
}

struct peer *
peer_of(const struct rig *r, const struct la_tuple *t)
{
	for (unsigned i = r->npeers; i-- > 0;) {
		struct peer *p = r->peers[i];

		if (p->t.lport == t->lport && p->t.rport == t->rport && la_addr_eq(&p->t.laddr, &t->laddr) &&
		    la_addr_eq(&p->t.raddr, &t->raddr))
			return p;
	}
	return NULL;
}

/* Sending. */

static size_t
syn_options(const struct peer *p, uint8_t *o)
{
	uint16_t mss = peer_mss(p);
	size_t n = 0;

	if (!p->o.no_mss) {
		o[n++] = 2;
		o[n++] = 4;
		o[n++] = (uint8_t)(mss >> 8);
		o[n++] = (uint8_t)mss;
	}
	if (p->o.sack) {
		o[n++] = 4;
		o[n++] = 2;
	}
	if (p->o.wscale) {
		o[n++] = 3;
		o[n++] = 3;
		o[n++] = (uint8_t)(p->o.wscale - 1);
	}
	return n;
}

static size_t
timestamp_option(struct peer *p, const struct peer_tx *t, uint8_t *o)
{
	uint32_t val = p->o.tsbase + (uint32_t)p->r->now, ecr = t->flags & LA_ACK ? p->ts_dut : 0;
	bool on = t->flags & LA_SYN ? p->o.ts : p->ts_on;

	if (t->ts == TS_SET) {
		val = t->tsval;
		ecr = t->tsecr ? t->tsecr : ecr;
		on = true;
	}
	if (!on || t->ts == TS_NONE)
		return 0;
	p->ts_now = val;
	o[0] = 8;
	o[1] = 10;
	for (unsigned i = 0; i < 4; i++) {
		o[2 + i] = (uint8_t)(val >> (24 - 8 * i));
		o[6 + i] = (uint8_t)(ecr >> (24 - 8 * i));
	}
	return 10;
}

static void
options(struct peer *p, const struct peer_tx *t, struct frame *f)
{
	if (t->opts) {
		memcpy(f->opts, t->opts, t->optlen);
		f->optlen = t->optlen;
		return;
	}
	if (t->flags & LA_SYN)
		f->optlen = syn_options(p, f->opts);
	f->optlen += timestamp_option(p, t, f->opts + f->optlen);
}

/* Records U, max_wnd and offered as the shard takes them from an acceptable segment. */
static void
follow(struct peer *p, const struct peer_tx *t, uint32_t raw)
{
	unsigned shift = p->o.wscale > 15 ? 14 : p->o.wscale - 1u; /* RFC 7323 2.3 */
	uint32_t wnd = raw << (p->ws_on && !(t->flags & LA_SYN) ? shift : 0);

	if (t->flags & LA_RST || t->bad_cksum || t->dst || t->dport)
		return;
	if (!(t->flags & LA_ACK)) {
		p->max_wnd = wnd > p->max_wnd ? wnd : p->max_wnd;
		return;
	}
	if (!p->syn_seen || seq_lt(t->ack, p->U) || seq_gt(t->ack, p->N) ||
	    seq_gt(t->seq, p->edge_on ? p->edge : t->seq) ||
	    (p->edge_on && seq_lt(t->seq, p->R) && seq_le(t->seq + t->len, p->R)))
		return;
	p->U = t->ack;
	p->max_wnd = wnd > p->max_wnd ? wnd : p->max_wnd;
	if (seq_gt(t->ack + wnd, p->offered))
		p->offered = t->ack + wnd;
}

void
peer_tx(struct peer *p, const struct peer_tx *t)
{
	struct frame f = {.vlan = p->r->opts.vlan ? 7 : 0,
			  .src = p->t.raddr,
			  .dst = p->t.laddr,
			  .sport = p->t.rport,
			  .dport = t->dport ? t->dport : p->t.lport,
			  .seq = t->seq,
			  .ack = t->ack,
			  .flags = t->flags,
			  .resv = t->resv,
			  .urg = t->urg,
			  .len = t->len,
			  .doff = t->doff,
			  .pad = t->pad,
			  .bad_cksum = t->bad_cksum,
			  .iplen_delta = t->iplen_delta};
	uint8_t buf[FRAME_MAX], body[1600];

	CHECK(p->r, t->len <= sizeof(body), "a segment of %u bytes is too long", t->len);
	memcpy(f.eth_dst, p->r->mac, 6);
	memcpy(f.eth_src, p->r->peer_mac, 6);
	if (t->src)
		f.src = *t->src;
	if (t->dst)
		f.dst = *t->dst;
	f.win = (uint16_t)(t->win == 0 ? p->win : t->win == WIN_ZERO ? 0 : (uint32_t)t->win);
	options(p, t, &f);
	for (uint32_t i = 0; i < t->len; i++)
		body[i] = pattern(PATTERN_IN, (uint32_t)(t->seq + !!(t->flags & LA_SYN) + i - (p->IRS + 1)));
	f.data = t->data ? t->data : body;
	follow(p, t, f.win);
	rig_inject(p->r, buf, frame_write(buf, &f));
}

void
peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	PEER_TX(p, .flags = flags, .seq = seq, .ack = ack, .len = len);
}

void
peer_syn(struct peer *p)
{
	peer_send(p, LA_SYN, p->IRS, 0, 0);
}

void
peer_ack(struct peer *p)
{
	peer_send(p, LA_ACK, p->snd, p->got, 0);
}

void
peer_data(struct peer *p, uint32_t len)
{
	uint32_t at = p->snd;

	p->snd += len;
	peer_send(p, LA_ACK | LA_PSH, at, p->got, len);
}

void
peer_fin(struct peer *p)
{
	uint32_t at = p->snd++;

	peer_send(p, LA_FIN | LA_ACK, at, p->got, 0);
}

/* Receiving. */

unsigned
peer_waiting(const struct peer *p)
{
	return p->nrx - p->next;
}

struct peer_rx *
peer_next(struct peer *p)
{
	return p->next < p->nrx ? &p->rx[p->next++] : NULL;
}

void
peer_skip(struct peer *p)
{
	p->next = p->nrx;
}

struct peer_rx *
peer_wait(struct peer *p, uint64_t ms)
{
	uint64_t until = p->r->now + ms;

	rig_pump(p->r);
	for (unsigned n = 0; peer_waiting(p) == 0 && p->r->now < until; n++) {
		uint64_t next = la_shard_next(p->r->s);

		CHECK(p->r, n < 1000000, "la_shard_next() does not advance");
		if (next > until)
			next = until;
		rig_run(p->r, next > p->r->now ? next - p->r->now : 0);
	}
	return peer_next(p);
}

struct peer_rx *
peer_expect_at(const char *file, int line, struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct peer_rx *x = peer_next(p);
	char is[12], want[12];

	la_tcp_flags_format(flags, want, sizeof(want));
	if (x == NULL)
		rig_fail(p->r, file, line, "no segment; expected %s seq ISS+%u ack IRS+%u len %u", want, seq - p->ISS,
			 ack - p->IRS, len);
	la_tcp_flags_format(x->flags, is, sizeof(is));
	if ((x->flags & ~LA_PSH) != flags || x->seq != seq || x->len != len || ((flags & LA_ACK) && x->ack != ack))
		rig_fail(p->r, file, line,
			 "expected %s seq ISS+%u ack IRS+%u len %u, got %s seq ISS+%u ack IRS+%u "
			 "len %u",
			 want, seq - p->ISS, ack - p->IRS, len, is, x->seq - p->ISS, x->ack - p->IRS, x->len);
	return x;
}

void
peer_expect_chk_at(const char *file, int line, struct peer *p)
{
	peer_expect_at(file, line, p, LA_ACK, p->N, p->R, 0);
}

void
peer_expect_none_at(const char *file, int line, struct peer *p, uint64_t ms)
{
	struct peer_rx *x;
	char is[12];

	rig_run(p->r, ms);
	x = peer_next(p);
	if (x)
		rig_fail(p->r, file, line, "expected nothing, got %s seq ISS+%u ack IRS+%u len %u",
			 la_tcp_flags_format(x->flags, is, sizeof(is)), x->seq - p->ISS, x->ack - p->IRS, x->len);
}

/* State. */

enum la_state
peer_state(const struct peer *p)
{
	struct la_conn_info info;

	return la_shard_find(p->r->s, &p->t, &info) == 0 ? info.state : LA_CLOSED;
}

struct la_conn_info
peer_info(const struct peer *p)
{
	struct la_conn_info info;
	int err = la_shard_find(p->r->s, &p->t, &info);

	CHECK(p->r, err == 0, "la_shard_find() does not find the connection");
	return info;
}

void
peer_expect_state_at(const char *file, int line, struct peer *p, enum la_state s)
{
	enum la_state is = peer_state(p);

	if (is != s)
		rig_fail(p->r, file, line, "state is %s, not %s", la_state_name(is), la_state_name(s));
}

void
peer_agree(struct peer *p)
{
	struct la_conn_info i = peer_info(p);

	CHECK(p->r, i.rcv_nxt == p->R, "RCV.NXT: peer has IRS+%u, shard IRS+%u", p->R - p->IRS, i.rcv_nxt - p->IRS);
	CHECK(p->r, i.snd_nxt == p->N, "SND.NXT: peer has ISS+%u, shard ISS+%u", p->N - p->ISS, i.snd_nxt - p->ISS);
	CHECK(p->r, i.snd_una == p->U, "SND.UNA: peer has ISS+%u, shard ISS+%u", p->U - p->ISS, i.snd_una - p->ISS);
}

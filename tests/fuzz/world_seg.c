/* SPDX-License-Identifier: BSD-3-Clause */

/* Received segments near the shard's variables: each sequence or ACK number is a variable plus an offset of a few bytes
 * or of a window. */

#include "world.h"

#include <string.h>

#include "tcp/hold.h"
#include "wire/cksum.h"
#include "wire/icmp.h"

static la_ref
line_ref(const struct world *w, const struct line *l)
{
	struct la_tcp *t = &w->s->tcp;

	return la_tcb_lookup_tuple(t, &l->t, la_hash_tuple(&t->key, &l->t));
}

struct la_tcb *
line_tcb(const struct world *w, const struct line *l)
{
	la_ref ref = line_ref(w, l);

	return la_ref_pool(ref) == LA_POOL_TCB ? &w->s->tcp.tcbs[la_ref_slot(ref)] : NULL;
}

/* For a tuple without a connection the values of the last connection stay. */
void
line_look(struct world *w, struct line *l)
{
	la_ref ref = line_ref(w, l);
	const struct la_tcb *c = line_tcb(w, l);

	l->W = 0;
	if (c) {
		if (c->state != LA_SYN_SENT) {
			l->R = c->rcv_nxt;
			l->W = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
			l->tsr = c->ts_recent;
		}
		l->ts = c->state == LA_SYN_SENT ? (l->opts & SYN_TS) != 0 : (c->flags & LA_F_TS) != 0;
		l->U = c->snd_una;
		l->N = c->snd_max;
		l->maxwnd = c->max_snd_wnd;
		l->mss = c->mss;
		l->tsval = la_tcb_tsval(c);
	} else if (ref) {
		const struct la_tw_core *e = la_tw_core(&w->s->tcp.tw, ref);

		l->R = e->rcv_nxt;
		l->N = l->U = e->snd_nxt;
		l->tsr = e->ts_recent;
		l->ts = e->flags & LA_TW_TS;
	}
}

void
line_heard(struct world *w, const struct frame_in *f)
{
	for (unsigned i = 0; i < TUPLES; i++) {
		struct line *l = &w->lines[i];

		if (l->t.lport != f->sport || l->t.rport != f->dport || !la_addr_eq(&l->t.laddr, &f->src) ||
		    !la_addr_eq(&l->t.raddr, &f->dst) || line_ref(w, l))
			continue;
		l->R = f->ack;
		l->U = l->N = f->seq + 1;
		l->ts = f->has_ts;
		l->tsval = f->tsval;
	}
}

/* --- segments
 * ------------------------------------------------------------------------------------------- */

static void
ether(const struct world *w, struct frame *f)
{
	memcpy(f->eth_dst, w->mac, 6);
	memcpy(f->eth_src, w->peer_mac, 6);
	f->vlan = w->cfg.vlan;
}

static void
put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void
opt_ts(struct frame *f, uint32_t tsval, uint32_t tsecr)
{
	uint8_t *o = f->opts + f->optlen;

	memcpy(o, "\1\1\10\12", 4);
	put32(o + 4, tsval);
	put32(o + 8, tsecr);
	f->optlen += 12;
}

static void
opt_syn(struct frame *f, uint8_t which)
{
	uint8_t *o = f->opts + f->optlen;

	if (which & SYN_MSS)
		memcpy(o, which & 32 ? "\2\4\0\144" : "\2\4\5\264", 4), o += 4;
	if (which & SYN_WS)
		memcpy(o, which & 32 ? "\3\3\17\1" : "\3\3\2\1", 4), o += 4;
	if (which & SYN_SACK)
		memcpy(o, "\4\2\1\1", 4), o += 4;
	f->optlen = (size_t)(o - f->opts);
}

static struct frame
honest(const struct world *w, const struct line *l, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	static uint8_t text[FRAME_MAX];
	struct frame f = {.src = l->t.raddr,
			  .dst = l->t.laddr,
			  .sport = l->t.rport,
			  .dport = l->t.lport,
			  .seq = seq,
			  .ack = flags & LA_ACK ? ack : 0,
			  .flags = flags,
			  .win = 65535,
			  .data = text,
			  .len = len};

	ether(w, &f);
	for (uint32_t i = 0; i < len; i++)
		text[i] = pattern(PATTERN_IN, seq + ((flags & LA_SYN) != 0) + i);
	return f;
}

static void
inject(struct world *w, const struct frame *f, enum lie lie, bool hold)
{
	uint8_t buf[FRAME_MAX];
	size_t n = frame_write(buf, f);

	world_in(w, world_mbuf(w, buf, n, lie), hold);
}

void
line_hold(struct world *w, struct line *l, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct frame f = honest(w, l, flags, seq, ack, len);

	if (flags & LA_SYN)
		opt_syn(&f, l->opts);
	if (flags & LA_SYN ? l->opts & SYN_TS : l->ts)
		opt_ts(&f, ++l->tsr, l->tsval);
	inject(w, &f, LIE_FLAT, true);
}

void
line_send(struct world *w, struct line *l, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	line_hold(w, l, flags, seq, ack, len);
	world_in(w, NULL, false);
}

/* Returns the sequence number at which the first data above a hole begins, or ends. */
static uint32_t
ooo_edge(const struct la_tcb *c, bool end)
{
	const struct la_ooo_block *b = la_ooo_block(c->ooo);

	if (b->nspans == 0)
		return c->ooo->hash.usr + b->fin - 1;
	return c->ooo->hash.usr + (end ? b->span[0].to : b->span[0].from);
}

/* Returns a sequence number, selected by `how`. */
static uint32_t
choose_seq(const struct world *w, const struct line *l, unsigned how, struct bytes *b)
{
	const struct la_tcb *c = line_tcb(w, l);

	switch (how) {
	case 2:
		return l->R - 1;
	case 3:
		return l->R + 1;
	case 4:
		return l->R + l->W - 1;
	case 5:
		return l->R + l->W;
	case 6:
		return l->R + get8(b);
	case 7:
		return l->R - get8(b);
	case 8:
		return l->R + get16(b);
	case 9:
		return l->R - get16(b);
	case 10:
		return get32(b);
	case 11: /* near the data above a hole */
		return c && c->ooo ? ooo_edge(c, false) + get8(b) - 100u : l->R + 100;
	case 12:
		return c && c->ooo ? ooo_edge(c, true) : l->R + 200;
	case 13:
		return l->R + 1400;
	case 14:
		return l->R + l->W - get8(b);
	default:
		return l->R;
	}
}

/* Returns an ACK number, selected by `how`. */
static uint32_t
choose_ack(const struct line *l, unsigned how, struct bytes *b)
{
	switch (how) {
	case 4:
		return l->U;
	case 5:
		return l->N + 1;
	case 6:
		return l->N - 1;
	case 7:
		return l->U + 1;
	case 8:
		return l->U - 1;
	case 9:
		return l->U - l->maxwnd;
	case 10:
		return l->U - l->maxwnd - 1;
	case 11:
		return l->U + l->mss;
	case 12:
		return l->U + get16(b) % (l->N - l->U + 1 ? l->N - l->U + 1 : 1);
	case 13:
		return 0;
	case 14:
		return get32(b);
	default:
		return l->N;
	}
}

static void
stamp(struct frame *f, struct line *l, unsigned how, struct bytes *b)
{
	switch (how) {
	case 0:
		if (f->flags & LA_SYN ? l->opts & SYN_TS : l->ts)
			opt_ts(f, l->tsr, l->tsval);
		break;
	case 1:
		break;
	case 2:
		opt_ts(f, l->tsr + 1, l->tsval);
		break;
	case 3:
		opt_ts(f, l->tsr - 1, l->tsval);
		break;
	case 4:
		opt_ts(f, l->tsr, 0);
		break;
	case 5:
		opt_ts(f, l->tsr + 0x80000000u, l->tsval);
		break;
	case 6:
		opt_ts(f, l->tsr + get16(b), l->tsval - get16(b));
		break;
	default:
		opt_ts(f, get32(b), get32(b));
		break;
	}
}

/* Headers that no correct sender makes. */
static void
odd(struct world *w, struct frame *f, struct bytes *b)
{
	bool six = !la_addr_is4(&f->dst);
	struct la_addr group = w->addrs[six].addr;
	uint8_t what = get8(b), x = get8(b);

	if (six)
		group = la_nd_solicited_node(&group);
	else
		group.b[12] = x & 1 ? 224 : 10, group.b[15] = 255;
	switch (what & 7) {
	case 0:
		f->dst = group;
		break;
	case 1:
		f->src = group;
		break;
	case 2:
		f->src = f->dst;
		break;
	case 3:
		f->eth_dst[0] |= 1;
		break;
	case 4:
		f->iplen_delta = (int8_t)x;
		w->lax = true; /* the payload has another length or start */
		break;
	case 5:
		f->doff = 1 + x % 15;
		w->lax = true;
		break;
	case 6:
		f->resv = x & 15;
		f->urg = x;
		break;
	default:
		f->dst.b[15] ^= x;
		break;
	}
}

static void
options(struct frame *f, struct line *l, unsigned how, struct bytes *b)
{
	switch (how) {
	case 1:
		f->optlen = 0;
		break;
	case 2: /* random bytes */
		f->optlen = get8(b) % (FRAME_OPTS_MAX + 1);
		for (size_t i = 0; i < f->optlen; i++)
			f->opts[i] = get8(b);
		break;
	case 3: /* SACK blocks */
		f->optlen = 20;
		memcpy(f->opts, "\1\1\5\22", 4);
		put32(f->opts + 4, l->U + get16(b));
		put32(f->opts + 8, l->U + get16(b));
		put32(f->opts + 12, l->U + get16(b));
		put32(f->opts + 16, l->N + get8(b));
		break;
	case 4: /* a length that runs past the header */
		if (f->optlen >= 2)
			f->opts[f->optlen - 1] = 0xff, f->opts[f->optlen - 2] = get8(b);
		break;
	case 5: /* a byte changed */
		if (f->optlen)
			f->opts[get8(b) % f->optlen] = get8(b);
		break;
	case 6: /* the list ends early */
		if (f->optlen)
			f->opts[get8(b) % f->optlen] = 0;
		break;
	default:
		break;
	}
}

/* Changes bytes of the frame and cuts it; may correct its checksums then. Returns the new length. */
static size_t
mutate_frame(struct world *w, uint8_t *p, size_t len, struct bytes *b)
{
	uint8_t how = get8(b);
	size_t n = w->cfg.vlan ? 18 : 14;
	bool is4 = p[n - 2] == 0x08;
	size_t hlen = is4 ? 20 : 40;
	uint16_t sum;

	for (unsigned i = how & 7; i > 0; i--) {
		size_t at = get8(b);

		p[at < len ? at : at % len] = get8(b);
	}
	if (how & 8)
		len -= get8(b) % len;
	if (how & 16 || len < n + hlen + 20)
		return len;
	/* the checksums are corrected; so the shard may deliver a payload that differs from the pattern */
	w->lax = true;
	if (is4) {
		p[n + 10] = p[n + 11] = 0;
		sum = la_cksum_finish(la_cksum_add(0, p + n, 20));
		memcpy(p + n + 10, &sum, 2);
	}
	if (p[is4 ? n + 9 : n + 6] == LA_IPPROTO_TCP) {
		struct la_addr src = la_addr_from4(0), dst = src;

		memcpy(is4 ? &src.b[12] : src.b, p + n + (is4 ? 12 : 8), is4 ? 4 : 16);
		memcpy(is4 ? &dst.b[12] : dst.b, p + n + (is4 ? 16 : 24), is4 ? 4 : 16);
		memset(p + n + hlen + 16, 0, 2);
		sum = la_cksum_finish(
			la_cksum_add(la_cksum_pseudo(&src, &dst, LA_IPPROTO_TCP, (uint32_t)(len - n - hlen)),
				     p + n + hlen, len - n - hlen));
		memcpy(p + n + hlen + 16, &sum, 2);
	}
	return len;
}

void
seg_action(struct world *w, struct bytes *b, bool mutate)
{
	static const uint8_t presets[] = {
		LA_ACK,		 LA_ACK,	  LA_ACK | LA_PSH, LA_FIN | LA_ACK, LA_SYN,
		LA_SYN | LA_ACK, LA_RST,	  LA_RST | LA_ACK, LA_FIN,	    0,
		LA_SYN | LA_FIN, LA_ACK | LA_URG, LA_SYN | LA_RST, LA_ACK,	    LA_SYN | LA_ECE | LA_CWR,
	};
	static const uint16_t lens[] = {0, 0, 0, 1, 10, 100, 1400};
	static const uint16_t wins[] = {65535, 0, 1, 536};
	uint8_t a = get8(b), numbers = get8(b), c = get8(b), d = get8(b);
	struct line *l = &w->lines[(a & 7) % TUPLES];
	uint8_t flags = a >> 4 == 15 ? get8(b) : presets[a >> 4];
	uint32_t len = (c & 7) == 7 ? get16(b) % 1401u : lens[c & 7], seq;
	uint8_t buf[FRAME_MAX];
	struct frame f;
	size_t n;

	line_look(w, l);
	seq = choose_seq(w, l, numbers & 15, b);
	f = honest(w, l, flags, seq, choose_ack(l, numbers >> 4, b), len);
	f.win = (c & 24) == 24 && (d & 128) ? get16(b) : wins[c >> 3 & 3];
	f.pad = !(d & 64);
	if (flags & LA_SYN)
		opt_syn(&f, l->opts);
	stamp(&f, l, c >> 5, b);
	if ((d & 7) == 7)
		odd(w, &f, b);
	else
		options(&f, l, d & 7, b);
	n = frame_write(buf, &f);
	if (mutate)
		n = mutate_frame(w, buf, n, b);
	if (d >> 3 & 7 && (enum lie)(d >> 3 & 7) == LIE_GOOD && mutate)
		w->lax = true;
	world_in(w, world_mbuf(w, buf, n, (enum lie)(d >> 3 & 7)), a & 8);
}

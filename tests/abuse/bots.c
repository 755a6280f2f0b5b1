/* SPDX-License-Identifier: BSD-3-Clause */

/* Bots: TCP peers on RAW's addresses, one a port. This file makes the handshake; the attack sends all other
 * segments. A bot that reads acknowledges in-order bytes at once. A bot that does not read answers each
 * segment with text by its old ACK number and window, as a kernel does for a process that does not read. A bot
 * that has left (BOT_GONE) answers by RST, as a kernel does without the socket. */

#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PORT = 2000, MSS = 1460 };

void
bots_init(struct abuse *w)
{
	for (unsigned i = 0; i < 2; i++) {
		w->bots[i] = calloc(BOTS, sizeof(struct bot));
		ABUSE_MUST(w->bots[i] != NULL);
	}
}

void
bots_fini(struct abuse *w)
{
	free(w->bots[0]);
	free(w->bots[1]);
}

struct bot *
bot_at(struct abuse *w, uint32_t i)
{
	ABUSE_MUST(i < BOTS);
	return &w->bots[w->row->ip6][i];
}

uint32_t
bot_room(const struct bot *b)
{
	return (int32_t)(b->edge - b->seq) > 0 ? b->edge - b->seq : 0;
}

/* The bots' address: 10.1.0.4 or fd00::4; in rows with `far`, an address behind the router. */
static struct la_addr
address(const struct abuse *w, bool ip6)
{
	struct la_addr a = abuse_addr(RAW, ip6);

	if (w->row->far)
		a.b[ip6 ? 1 : 13] = 3;
	return a;
}

static void
tx(struct abuse *w, const struct bot *b, struct frame *f)
{
	f->src = address(w, b->ip6);
	f->sport = b->port;
	f->dport = b->service;
	spoof_tcp(w, f);
}

void
bot_tx(struct abuse *w, struct bot *b, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, size_t len)
{
	struct frame f = {.flags = flags, .seq = seq, .ack = ack, .win = b->win, .data = data, .len = len};

	tx(w, b, &f);
}

struct bot *
bot_open(struct abuse *w, uint32_t i, uint16_t service, uint16_t win)
{
	struct bot *b = bot_at(w, i);
	uint16_t mss = b->mss ? b->mss : MSS;
	struct frame f = {
		.flags = SYN, .win = win, .opts = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 1, 3, 3, 0}, .optlen = 8};

	*b = (struct bot){.state = BOT_SYN,
			  .ip6 = w->row->ip6,
			  .port = (uint16_t)(FIRST_PORT + i),
			  .service = service,
			  .win = win,
			  .mss = mss,
			  .seq = abuse_random(w)};
	f.seq = b->seq++;
	tx(w, b, &f);
	if (w->nbots <= i)
		w->nbots = i + 1;
	return b;
}

void
bots_trickle(struct abuse *w, uint16_t service, uint16_t win, uint32_t rate)
{
	for (uint32_t k = abuse_due(w, rate); k > 0 && w->nbots < w->row->n; k--)
		bot_open(w, w->nbots, service, win);
}

void
bot_send(struct abuse *w, struct bot *b, const void *data, size_t len, size_t piece)
{
	const uint8_t *p = data;

	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		bot_tx(w, b, ACK | PSH, b->seq, b->ack, p + at, n);
		b->seq += (uint32_t)n;
	}
}

void
bot_fin(struct abuse *w, struct bot *b)
{
	bot_tx(w, b, FIN | ACK, b->seq++, b->ack, NULL, 0);
}

void
bot_reset(struct abuse *w, struct bot *b)
{
	if (b->state == BOT_OPEN || b->state == BOT_SYN)
		bot_tx(w, b, RST, b->seq, 0, NULL, 0);
	if (b->state == BOT_OPEN && b->una != b->seq)
		bot_tx(w, b, RST, b->una, 0, NULL, 0);
	b->state = BOT_GONE;
}

void
bots_leave(struct abuse *w)
{
	for (uint32_t i = 0; i < w->nbots; i++)
		bot_reset(w, bot_at(w, i));
}

unsigned
bots_in(const struct abuse *w, enum bot_state s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < w->nbots; i++)
		n += w->bots[w->row->ip6][i].state == s;
	return n;
}

/* Receives text and FIN if they are in order and the bot reads. Acknowledges unless the bot is mute. */
static void
take(struct abuse *w, struct bot *b, const struct frame_in *f)
{
	bool fin = f->flags & FIN;

	if (f->len == 0 && !fin)
		return;
	if (b->reads && f->seq == b->ack) {
		b->ack += (uint32_t)f->len + fin;
		b->got += f->len;
		b->fin |= fin;
	}
	if (!b->mute)
		bot_tx(w, b, ACK, b->seq, b->ack, NULL, 0);
}

static void
open_done(struct abuse *w, struct bot *b, const struct frame_in *f)
{
	b->state = BOT_OPEN;
	b->ack = f->seq + 1;
	b->ws = f->has_ws ? f->ws : 0;
	b->edge = f->ack + f->win;
	b->una = f->ack;
	bot_tx(w, b, ACK, b->seq, b->ack, NULL, 0);
	if (w->attacking && w->attack->open)
		w->attack->open(w, b);
}

bool
bots_frame(struct abuse *w, const struct frame_in *f)
{
	bool ip6 = !la_addr_is4(&f->dst);
	struct la_addr ours = address(w, ip6);
	struct bot *b;

	if (!la_addr_eq(&f->dst, &ours) || f->dport < FIRST_PORT || f->dport - FIRST_PORT >= BOTS)
		return false;
	b = &w->bots[ip6][f->dport - FIRST_PORT];
	if (b->state == BOT_FREE)
		return false;
	if (f->flags & RST) {
		b->reset = true;
		b->state = BOT_GONE;
	} else if (b->state == BOT_GONE) {
		if (f->flags & ACK)
			bot_tx(w, b, RST, f->ack, 0, NULL, 0);
		return true;
	} else if ((f->flags & (SYN | ACK)) == (SYN | ACK)) {
		if (b->state == BOT_SYN)
			open_done(w, b, f);
		return true;
	} else {
		uint32_t edge = f->ack + ((uint32_t)f->win << b->ws);

		if ((int32_t)(edge - b->edge) > 0)
			b->edge = edge;
		if ((int32_t)(f->ack - b->una) > 0)
			b->una = f->ack;
		take(w, b, f);
	}
	if (w->attacking && w->attack->segment)
		w->attack->segment(w, b, f);
	return true;
}

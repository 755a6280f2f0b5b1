/* SPDX-License-Identifier: BSD-3-Clause */

/* ACK division (Savage et al. 1999; RFC 3465): the receiver acknowledges each segment in `size`
 * parts. The receiver ignores one segment while 44 segments are in flight, which fill its window of 65 535 bytes.
 * The server then sets ssthresh to half of these segments. Its congestion window grows to ssthresh by slow start,
 * then by one segment a round trip. So after ten round trips the window is at most 22 + 10 segments, for any
 * number of ACKs. The window is measured as the bytes that arrive within the 10 ms of the tenth round trip. */

#include "abuse.h"

enum { MSS = 1460, WINDOW = 65535, RTT = 2 * DELAY_MS, TRIPS = 10, MOST = WINDOW / 2 + (TRIPS + 2) * MSS };

static struct measure {
	uint32_t lost;	   /* sequence number of the segment that the bot ignores once */
	uint32_t high;	   /* end of the highest segment received */
	uint64_t repaired; /* ms at which `lost` arrived again */
	uint32_t bytes;	   /* payload received in round trip TRIPS after the repair */
} of[200];

static void
begin(struct abuse *w)
{
	(void)w;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		of[i] = (struct measure){0};
}

static void
step(struct abuse *w)
{
	bots_trickle(w, HTTP, WINDOW, 500);
}

static void
opened(struct abuse *w, struct bot *b)
{
	char text[128];
	int n = request(text, 1 << 24, false);

	b->mute = true;
	bot_send(w, b, text, (size_t)n, (size_t)n);
}

static void
divide(struct abuse *w, struct bot *b, uint32_t to)
{
	uint32_t parts = abuse_params(w)->size, from = b->ack;

	for (uint32_t i = 1; i <= parts; i++) {
		b->ack = from + (uint32_t)((uint64_t)(to - from) * i / parts);
		bot_tx(w, b, ACK, b->seq, b->ack, NULL, 0);
	}
}

static void
segment(struct abuse *w, struct bot *b, const struct frame_in *f)
{
	struct measure *m = &of[(uint32_t)(b - bot_at(w, 0))];
	uint32_t end = f->seq + (uint32_t)f->len;
	uint64_t trip;

	if (f->len == 0)
		return;
	b->got += f->len;
	if (m->lost == 0 && b->got > 200000) {
		m->lost = f->seq;
		m->high = end;
		return;
	}
	if ((int32_t)(end - m->high) > 0)
		m->high = end;
	if (m->lost && !m->repaired) {
		if (f->seq != m->lost) { /* a duplicate ACK, as RFC 9293 requires */
			bot_tx(w, b, ACK, b->seq, b->ack, NULL, 0);
			return;
		}
		m->repaired = abuse_now(w);
		b->ack = m->high;
		bot_tx(w, b, ACK, b->seq, b->ack, NULL, 0);
		return;
	}
	if (f->seq == b->ack)
		divide(w, b, end);
	trip = m->repaired ? (abuse_now(w) - m->repaired) / RTT : 0;
	if (trip == TRIPS)
		m->bytes += (uint32_t)f->len;
}

static void
judge(struct abuse *w)
{
	const struct row *r = abuse_params(w);
	uint32_t measured = 0, most = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		measured += of[i].bytes > 0;
		if (of[i].bytes > most)
			most = of[i].bytes;
	}
	printf("    window %d round trips after a loss: %u bytes at most\n", TRIPS, most);
	if (measured < r->n / 2)
		abuse_fail(w, "%u of %u downloads were measured", measured, r->n);
	if (most > MOST)
		abuse_fail(w, "%d round trips after a loss a window has %u bytes; %d are allowed", TRIPS, most, MOST);
}

static const struct row rows[] = {
	{.n = 20, .size = 1, .ms = 1500},
	{.n = 10, .size = 20, .ms = 1500},
	{.n = 20, .size = 5, .ms = 1500, .ip6 = true},
};

const struct attack attack_ack_division = {
	.name = "ack_division",
	.kind = "ACK division, Savage et al. 1999, RFC 3465",
	ROWS(rows),
	.begin = begin,
	.step = step,
	.open = opened,
	.segment = segment,
	.judge = judge,
};

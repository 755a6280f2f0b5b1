/* SPDX-License-Identifier: BSD-3-Clause */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/ladder_arrow.h"

enum {
	LEAD = 3, /* dashes in front of a label */
	OFF = 6,  /* columns between a router and the host */
};

static void
number_text(char *buf, size_t size, uint32_t n, bool absolute)
{
	/* a number just below the ISS is printed as a negative number */
	if (!absolute && n > UINT32_MAX - 0xffff)
		snprintf(buf, size, "-%u", -n);
	else
		snprintf(buf, size, "%u", n);
}

static void
arrow_label(const struct la_arrow *a, char *buf, size_t size)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} flags[] = {{LA_SYN, "SYN"}, {LA_FIN, "FIN"}, {LA_RST, "RST"}, {LA_URG, "URG"}, {LA_ACK, "ACK"}};
	const struct la_ladder_item *it = a->it;
	bool plain = it->len > 0 && it->len <= LA_LADDER_BYTES, abs = a->absolute;
	char n[16];
	size_t at = 0;
	const char *sep = "<CTL=";

#define ADD(...) at += (size_t)snprintf(buf + at, at < size ? size - at : 0, __VA_ARGS__)
	if (a->tell_incarnation)
		ADD("#%u ", it->incarnation);
	number_text(n, sizeof(n), abs ? it->abs_seq : it->seq, abs);
	ADD("<SEQ=%s>", n);
	if (it->flags & LA_ACK) {
		number_text(n, sizeof(n), abs ? it->abs_ack : it->ack, abs);
		ADD("<ACK=%s>", n);
	}
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (!(it->flags & flags[i].flag))
			continue;
		ADD("%s%s", sep, flags[i].name);
		sep = ",";
	}
	ADD("%s", sep[0] == ',' ? ">" : "");
	for (unsigned i = 0; plain && i < it->len; i++)
		plain = isprint(it->bytes[i]);
	if (plain && at + it->len + 9 + 2 * LEAD <= a->columns)
		ADD("<DATA=\"%.*s\">", it->len, (const char *)it->bytes);
	else if (it->len)
		ADD("<DATA=%u>", it->len);
#undef ADD
}

/* From the sender to the receiver: the first tip, a line with the label, the last tip. */
void
la_ladder_arrow(const struct la_arrow *a, char *cells)
{
	static const char *const first[] = {"", "... ", "[router]", ""};
	char text[128];
	static const char *const last[] = {">", " ...", "[router]", "X"};
	const char *head = last[a->to];
	unsigned n = a->columns, len, lead = (unsigned)strlen(first[a->from]), tail = (unsigned)strlen(head);
	unsigned room, off, at, stop;
	bool left = a->leftwards;

	arrow_label(a, text, sizeof(text));
	len = (unsigned)strlen(text);
	/* a router is at most OFF cells from the host, fewer when the label leaves fewer cells */
	room = lead + 2 * LEAD + len + tail;
	room = room < n ? n - room : 0;
	off = a->from != LA_TIP_ROUTER ? 0 : room < OFF ? room : OFF;
	at = off + lead;
	stop = n - tail - (a->to != LA_TIP_ROUTER ? 0 : room < OFF ? room : OFF);
	if (a->to == LA_TIP_LOST && stop > n * 2 / 3) /* two thirds of the way, more for a long label */
		stop = at + 2 * LEAD + len > n * 2 / 3 ? at + 2 * LEAD + len : n * 2 / 3;
	if (stop > n - tail)
		stop = n - tail;
	if (at + LEAD + len > stop)
		text[len = stop > at + LEAD ? stop - at - LEAD : 0] = '\0';

		/* positions count from the sender; PLACE() mirrors them if the sender is on the right */
#define PLACE(i, s, k) memcpy(cells + (left ? n - (i) - (k) : (i)), s, k)
	memset(cells, ' ', n);
	memset(cells + (left ? n - stop : at), LA_CELL_DASH, stop - at);
	PLACE(off, first[a->from], lead);
	PLACE(at + LEAD, text, len);
	PLACE(stop, head, tail);
	if (a->to == LA_TIP_HOST)
		cells[left ? n - stop - 1 : stop] = left ? LA_CELL_LEFT : LA_CELL_RIGHT;
	if (a->to == LA_TIP_LOST && stop + 2 + strlen(a->why) < n)
		PLACE(stop + 2, a->why, strlen(a->why));
	/* "... " mirrored is " ..." */
	if (left && a->from == LA_TIP_NET)
		PLACE(off, " ...", lead);
	if (left && a->to == LA_TIP_NET)
		PLACE(stop, "... ", tail);
#undef PLACE
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The calls that users of clean worlds make. The result of each is a note in the record. */

#include "../support/fast_path_record.h"
#include "clean.h"

enum { TEXT = 1 << 17 };

void
cw_send(struct cw_user *u, uint32_t n, bool constant)
{
	static uint8_t text[TEXT];
	const uint8_t *p = text + u->sent % (TEXT / 2);
	ssize_t took;

	for (unsigned i = 0; text[TEXT - 1] == 0 && i < TEXT; i++)
		text[i] = (uint8_t)(1 + i % 251);
	if (n > TEXT / 2)
		n = TEXT / 2;
	took = constant ? la_send_const(u->c, p, n) : la_send(u->c, p, n);
	fast_path_note(constant ? "la_send_const" : "la_send", (uint64_t)took);
	if (took > 0)
		u->sent += (uint32_t)took;
}

void
cw_read(struct cw_user *u, uint32_t most)
{
	struct la_conn *c = u->c;
	const void *span;
	size_t n;

	while (most > 0 && u->c == c && (n = la_peek(c, &span)) > 0) {
		if (n > most)
			n = most;
		most -= (uint32_t)n;
		u->got += (uint32_t)n;
		la_consume(c, n);
	}
}

void
cw_close(struct cw_user *u)
{
	if (u->c)
		fast_path_note("la_close", (uint64_t)la_close(u->c));
}

void
cw_shutdown(struct cw_user *u)
{
	u->shut = true;
	fast_path_note("la_shutdown", (uint64_t)la_shutdown(u->c));
}

struct cw_user *
cw_other(struct cw *w)
{
	for (unsigned i = 0, k = cw_below(w, CW_USERS); i < CW_USERS; i++) {
		struct cw_user *u = &w->user[(k + i) % CW_USERS];

		if (u->c)
			return u;
	}
	return NULL;
}

/* Makes any call, for this connection or for another one. */
void
cw_wild(struct cw *w, struct cw_user *u)
{
	uint32_t what = cw_below(w, 24);

	if (cw_chance(w, 100000))
		u = cw_other(w);
	if (!u || !u->c || w->depth >= CW_DEPTH)
		return;
	w->depth++;
	switch (what) {
	case 0:
	case 1:
		cw_send(u, 1 + cw_below(w, 40), cw_below(w, 2));
		break;
	case 2:
	case 3:
		cw_send(u, 1 + cw_below(w, 5000), cw_below(w, 2));
		break;
	case 4:
		cw_send(u, 1 + cw_below(w, TEXT / 2), cw_below(w, 2));
		break;
	case 5:
	case 6:
		cw_shutdown(u);
		break;
	case 7:
	case 8:
	case 9:
		cw_close(u);
		break;
	case 10:
		fast_path_note("la_abort", (uint64_t)la_abort(u->c));
		break;
	case 11:
	case 12:
		la_set_timer(u->c, cw_below(w, 300));
		break;
	case 13:
	case 14:
		cw_read(u, 1 + cw_below(w, 2000));
		break;
	case 15:
	case 16:
		cw_read(u, UINT32_MAX);
		break;
	case 17:
		la_set_nodelay(u->c, cw_below(w, 2));
		break;
	case 18:
		fast_path_note("la_send_room", la_send_room(u->c));
		fast_path_note("la_unacked", la_unacked(u->c));
		fast_path_note("la_unsent", la_unsent(u->c));
		break;
	case 19:
		u->reads = (uint8_t)cw_below(w, 4);
		break;
	case 20:
		cw_connect(w);
		break;
	default:
		break;
	}
	w->depth--;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Queues HTTP answers. hc->pos is the next byte of the step, so a step for which there was no room can resume. */

#include <string.h>

#include "server/http_conn.h"
#include "server/payload.h"

enum { SMALL_BODY = 1024 }; /* bytes */

_Static_assert((int)HTTP_TEXT_MAX <= (int)SMALL_BODY, "a text is always sent with its head");

static const char *
date_text(struct http_conn *hc)
{
	struct http_own *own = hc->sc.s->own;

	if (own->date_at != hc->date) {
		http_date(hc->date, own->date, sizeof(own->date));
		own->date_at = hc->date;
	}
	return own->date;
}

bool
http_send_text(struct http_conn *hc, const char *text, size_t len)
{
	ssize_t n = la_send(hc->sc.c, text + hc->pos, len - (size_t)hc->pos);

	if (n > 0)
		hc->pos += (uint64_t)n;
	return hc->pos == len;
}

/* Returns whether the body is copied behind the head. A body that is not copied needs a packet buffer of its own. */
static bool
is_small(const struct http_answer *a)
{
	return !a->pattern || (a->length <= SMALL_BODY && !a->chunked);
}

bool
http_send_head(struct http_conn *hc)
{
	const struct http_answer *a = &hc->answer;
	char text[HTTP_ANSWER_MAX + SMALL_BODY];
	size_t n = http_answer_head(a, date_text(hc), text, HTTP_ANSWER_MAX);

	if (!a->head_only && is_small(a)) {
		const uint8_t *body = (const uint8_t *)a->text;

		if (a->pattern)
			pattern_at(0, a->length, &body);
		memcpy(text + n, body, (size_t)a->length);
		n += (size_t)a->length;
	}
	return http_send_text(hc, text, n);
}

static bool
send_chunks(struct http_conn *hc)
{
	char text[HTTP_CHUNK_TEXT];
	uint64_t from;
	size_t n;

	while ((n = http_chunked_at(hc->answer.length, hc->pos, text, &from)) > 0) {
		bool all;

		if (from == UINT64_MAX) {
			ssize_t sent = la_send(hc->sc.c, text, n);

			all = sent == (ssize_t)n;
			hc->pos += sent > 0 ? (uint64_t)sent : 0;
		} else {
			uint64_t at = from;

			all = pattern_send(hc->sc.c, &at, from + n);
			hc->pos += at - from;
		}
		if (!all)
			return false;
	}
	return true;
}

bool
http_send_body(struct http_conn *hc)
{
	if (hc->answer.head_only || is_small(&hc->answer))
		return true;
	if (hc->answer.chunked)
		return send_chunks(hc);
	return pattern_send(hc->sc.c, &hc->pos, hc->answer.length);
}

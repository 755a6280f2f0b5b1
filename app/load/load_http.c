/* SPDX-License-Identifier: BSD-3-Clause */

/* HTTP on a connection of a load: the next request, and its answer.
 *
 * After an answer whose end is known the connection goes on, even when status or bytes are wrong. An answer that cannot
 * be read further (its framing is wrong) aborts the connection at once. */

#include "load/internal.h"
#include "server/payload.h"

static const char *const bad_names[BAD_ANSWERS] = {
	[BAD_STATUS] = "bad_status",
	[BAD_SIZE] = "bad_size",
	[BAD_BODY] = "bad_body",
	[BAD_EXTRA_BYTES] = "extra_bytes",
	[BAD_RESET_WAITING] = "reset_before_answer",
	[BAD_RESET_HEAD] = "reset_in_head",
	[BAD_RESET_BODY] = "reset_in_body",
	[BAD_TIMED_OUT] = "timed_out",
};

const char *
load_bad_name(unsigned bad)
{
	return bad < BAD_FRAMING_END ? http_reply_error_name((enum http_reply_error)bad) : bad_names[bad];
}

void
load_bad(struct load_conn *lc, unsigned bad)
{
	if (!lc->wrong) {
		LOAD_ADD(lc->st->n.wrong, 1);
		LOAD_ADD(lc->st->n.bad[bad], 1);
	}
	lc->wrong = lc->spoilt = true;
}

/* ---- the request ---- */

/* Returns the path of the next request. Among path_total requests each path occurs as often as its weight says, as
 * evenly distributed as possible. */
static uint8_t
next_path(struct load_station *st)
{
	const struct load_config *cfg = st->cfg;
	unsigned best = 0;

	if (cfg->npaths < 2)
		return 0;
	for (unsigned i = 0; i < cfg->npaths; i++) {
		st->credit[i] += cfg->path[i].weight;
		if (st->credit[i] > st->credit[best])
			best = i;
	}
	st->credit[best] -= cfg->path_total;
	return (uint8_t)best;
}

void
load_http_ask(struct load_conn *lc)
{
	lc->path = next_path(lc->st);
	lc->reply = (struct http_reply){.no_body = lc->st->cfg->head_only};
}

bool
load_http_send(struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;
	bool final = lc->left == 1 && lc->mode != CLOSE_CLIENT && lc->mode != CLOSE_ABORT;
	const struct load_request *q = &cfg->target[lc->target].request[lc->path][final];
	uint64_t pos;
	ssize_t n;

	if (lc->sent < q->len) {
		n = la_send(lc->c, q->text + lc->sent, q->len - (size_t)lc->sent);
		if (n > 0)
			lc->sent += (uint64_t)n;
		if (lc->sent < q->len)
			return false;
	}
	if (cfg->body_len == 0)
		return true;
	pos = lc->sent - q->len;
	if (cfg->body == NULL) {
		pattern_send(lc->c, &pos, cfg->body_len);
	} else if (pos < cfg->body_len) {
		n = la_send(lc->c, cfg->body + pos, (size_t)(cfg->body_len - pos));
		if (n > 0)
			pos += (uint64_t)n;
	}
	lc->sent = q->len + pos;
	return pos == cfg->body_len;
}

/* ---- the answer to the request ---- */

static void
judge_head(struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;
	const struct http_reply *r = &lc->reply;

	if (cfg->any_answer ? r->status < 200 || r->status >= 400 : r->status != 200)
		load_bad(lc, BAD_STATUS);
	else if (!cfg->any_answer && !cfg->head_only && r->has_length && r->length != cfg->size)
		load_bad(lc, BAD_SIZE);
}

/* The answer has ended: it is complete, or cannot be read further. */
static void
judge_end(struct load_conn *lc)
{
	const struct load_config *cfg = lc->st->cfg;

	if (lc->reply.error != REPLY_GOOD)
		load_bad(lc, lc->reply.error);
	else if (!cfg->any_answer && !cfg->head_only && lc->got != cfg->size)
		load_bad(lc, BAD_SIZE);
	else if (!http_reply_persistent(&lc->reply))
		lc->peer_closes = true;
}

/* Answers to equal requests are likely to have equal heads. Requests may share a place. */
static struct http_reply_known *
known_head(struct load_conn *lc)
{
	unsigned request = lc->target + 2u * lc->path + (lc->left == 1);

	return &lc->st->known[request & (LOAD_KNOWN - 1)];
}

size_t
load_http_take(struct load_conn *lc, const uint8_t *b, size_t n)
{
	const struct load_config *cfg = lc->st->cfg;
	size_t at = 0;

	while (at < n && !lc->reply.done) {
		bool judged = lc->reply.head_done;
		size_t body;

		at += http_reply_read_known(known_head(lc), &lc->reply, b + at, n - at, &body);
		if (lc->reply.head_done && !judged)
			judge_head(lc);
		if (!cfg->any_answer && !lc->wrong && !pattern_matches(lc->got, b + at - body, body))
			load_bad(lc, BAD_BODY);
		lc->got += body;
	}
	if (lc->reply.done)
		judge_end(lc);
	return at;
}

bool
load_http_fin(struct load_conn *lc)
{
	http_reply_fin(&lc->reply);
	judge_end(lc);
	return lc->reply.error == REPLY_GOOD;
}

void
load_http_reset(struct load_conn *lc)
{
	load_bad(lc, lc->reply.head_done ? BAD_RESET_BODY : lc->reply.total > 0 ? BAD_RESET_HEAD : BAD_RESET_WAITING);
}

/* ---- answers of all protocols ---- */

/* Takes bytes of an echo, up to --size. */
static void
take_echo(struct load_conn *lc, const uint8_t *b, size_t n)
{
	if (n > lc->st->cfg->size - lc->got)
		n = (size_t)(lc->st->cfg->size - lc->got);
	if (!lc->wrong && !pattern_matches(lc->got, b, n))
		load_bad(lc, BAD_BODY);
	lc->got += n;
}

/* Bytes of the protocols close and plain are ignored, and those of a warm-up: a proxy may answer its FIN with status
 * 400. */
void
load_take_other(struct load_conn *lc, const uint8_t *b, size_t n)
{
	enum load_protocol protocol = lc->st->cfg->protocol;

	if (protocol == LOAD_CLOSE || protocol == LOAD_PLAIN || lc->warm)
		return;
	if (protocol == LOAD_HTTP)
		lc->extra |= n > 0;
	else if (lc->asking)
		take_echo(lc, b, n);
}

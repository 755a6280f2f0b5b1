/* SPDX-License-Identifier: BSD-3-Clause */

/* One honest connection: it sends, compares every received byte, and closes in order. */

#include <stdio.h>
#include <string.h>

#include "honest.h"

static void
wrong(struct client *k, const char *what)
{
	if (!k->bad)
		abuse_fail(k->h->w, "honest connection %u: %s", k->number, what);
	k->bad = true;
	k->h->wrong++;
}

/* ------------------------------------------------------------------ sending */

/* Closes at the first call. The caller has consumed all data: a close with unread data would be a reset. */
static void
finish(struct client *k)
{
	if (!k->closing)
		la_close(k->c);
	k->closing = true;
}

static void
ask(struct client *k)
{
	char text[128];
	int n = request(text, k->size, k->kind == HTTP_SERVER_CLOSES);

	if (la_send(k->c, text, (size_t)n) != n)
		wrong(k, "the client cannot send its request");
}

static void
push(struct client *k)
{
	while (k->sent < k->to_send) {
		ssize_t n = la_send_const(k->c, k->h->pattern + k->sent, k->to_send - k->sent);

		if (n <= 0)
			return;
		k->sent += (uint32_t)n;
	}
	if (k->kind == DISCARD_KIND)
		finish(k);
}

static void
opened(struct la_conn *c, void *user)
{
	struct client *k = user;

	(void)c;
	if (k->kind == ECHO_KIND || k->kind == DISCARD_KIND)
		push(k);
	else
		ask(k);
}

static void
writable(struct la_conn *c, void *user)
{
	(void)c;
	push(user);
}

/* ------------------------------------------------------------------ receiving */

/* Reads a byte of a response head. in_body is set when the head is complete. */
static void
head_byte(struct client *k, char byte)
{
	char want[32];

	if (k->head_len == HEAD_MAX - 1) {
		wrong(k, "a response head is too long");
		return;
	}
	k->head[k->head_len++] = byte;
	k->head[k->head_len] = '\0';
	if (k->head_len < 4 || memcmp(k->head + k->head_len - 4, "\r\n\r\n", 4) != 0)
		return;
	snprintf(want, sizeof(want), "Content-Length: %u\r\n", k->size);
	if (strncmp(k->head, "HTTP/1.1 200 ", 13) != 0 || strstr(k->head, want) == NULL)
		wrong(k, "the response does not match the request");
	k->in_body = true;
	k->head_len = 0;
}

static void
body_done(struct client *k)
{
	k->answered++;
	k->in_body = false;
	k->got = 0;
	if (k->answered < k->requests) {
		ask(k);
	} else {
		k->finished = k->kind == HTTP_CLIENT_CLOSES;
	}
}

static void
http_bytes(struct client *k, const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && !k->bad && k->answered < k->requests) {
		size_t m;

		if (!k->in_body) {
			head_byte(k, (char)p[i++]);
			continue;
		}
		m = k->size - k->got < n - i ? k->size - k->got : n - i;
		if (memcmp(p + i, k->h->pattern + k->got, m) != 0)
			wrong(k, "a wrong byte in an HTTP body");
		k->got += (uint32_t)m;
		i += m;
		if (k->got == k->size)
			body_done(k);
	}
	if (i < n && !k->bad)
		wrong(k, "bytes after the last answer");
}

static void
data(struct la_conn *c, void *user)
{
	struct client *k = user;
	const void *span;
	size_t n;

	while ((n = la_peek(c, &span)) > 0) {
		if (k->kind == ECHO_KIND) {
			if (k->got + n > k->to_send || memcmp(span, k->h->pattern + k->got, n) != 0)
				wrong(k, "a wrong byte in an echo");
			k->got += (uint32_t)n;
		} else if (k->kind == DISCARD_KIND) {
			wrong(k, "bytes from discard");
		} else {
			http_bytes(k, span, n);
		}
		la_consume(c, n);
	}
	if (k->finished || (k->kind == ECHO_KIND && k->got == k->to_send))
		finish(k);
}

static void
peer_fin(struct la_conn *c, void *user)
{
	struct client *k = user;

	if (k->kind != HTTP_SERVER_CLOSES || k->answered < k->requests)
		wrong(k, "the server closed too early");
	(void)c;
	finish(k);
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct client *k = user;
	struct past *p = &k->h->past[k->number];
	bool whole = k->kind == DISCARD_KIND || k->kind == ECHO_KIND
			     ? k->sent == k->to_send && (k->kind == DISCARD_KIND || k->got == k->to_send)
			     : k->answered == k->requests;

	(void)c;
	if (why->end == LA_END_ORDERLY && why->unacked == 0 && whole && !k->bad)
		p->took = (uint32_t)(k->h->w->now - p->began);
	k->c = NULL;
}

const struct la_conn_ops honest_ops = {
	.opened = opened, .data = data, .writable = writable, .peer_fin = peer_fin, .closed = closed};

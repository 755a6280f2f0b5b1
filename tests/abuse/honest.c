/* SPDX-License-Identifier: BSD-3-Clause */

/* Honest clients: every connection opens, transfers, compares every byte, and closes in order.
 * Kind, size and address change from connection to connection, so that every combination occurs: HTTP that the
 * server closes, HTTP with two requests that the client closes, echo, discard; IPv4 and IPv6, on the link and
 * through the router. */

#include "honest.h"

#include <stdlib.h>
#include <string.h>

enum { GIVE_UP_MS = 10000 };

static const uint16_t ports[KINDS] = {HTTP, ECHO_PORT, HTTP, DISCARD};
static const uint32_t sizes[] = {257, 1, 40000, 5000, 100000};

static struct client *
free_record(struct honest *h)
{
	for (unsigned i = 0; i < HONEST_RECORDS; i++)
		if (h->client[i].c == NULL)
			return &h->client[i];
	return NULL;
}

static void
begin(struct honest *h)
{
	static const char *const sources[] = {"10.1.0.2", "fd00::2", "10.2.0.2", "fd02::2"};
	struct client *k = free_record(h);
	struct la_conn_opts o = {.msl_ms = MSL_MS, .nodelay = true};
	uint32_t i = h->npast / KINDS;

	if (h->npast == h->cap) {
		h->cap = 2 * (h->cap + 512);
		h->past = realloc(h->past, h->cap * sizeof(*h->past));
		ABUSE_MUST(h->past != NULL);
	}
	h->past[h->npast] = (struct past){h->w->now, UINT32_MAX};
	h->npast++;
	if (!k)
		return; /* no record is free: the connection counts as failed */
	memset(k, 0, sizeof(*k));
	k->h = h;
	k->number = h->npast - 1;
	k->kind = (enum kind)(k->number % KINDS);
	k->size = sizes[i % 5];
	k->requests = k->kind == HTTP_CLIENT_CLOSES ? 2 : 1;
	k->to_send = k->kind == ECHO_KIND || k->kind == DISCARD_KIND ? k->size : 0;
	ABUSE_MUST(la_addr_parse(sources[(i + k->number) % 4], &k->t.laddr) == 0);
	k->t.raddr = abuse_addr(SERVER, !la_addr_is4(&k->t.laddr));
	k->t.rport = ports[k->kind];
	k->t.lport = h->port = h->port < 1024 ? 1024 : (uint16_t)(h->port + 1);
	ABUSE_MUST(la_connect(h->s, &k->t, &honest_ops, k, &o, &k->c) == 0);
}

struct honest *
honest_new(struct abuse *w, struct la_shard *s)
{
	struct honest *h = calloc(1, sizeof(*h));

	ABUSE_MUST(h != NULL);
	h->w = w;
	h->s = s;
	for (unsigned i = 0; i < PATTERN_MOST; i++)
		h->pattern[i] = (uint8_t)(i % 251);
	return h;
}

void
honest_free(struct honest *h)
{
	free(h->past);
	free(h);
}

void
honest_step(struct honest *h, bool opening, uint32_t every_ms)
{
	if (opening && h->w->now >= h->next) {
		begin(h);
		h->next = h->w->now + every_ms;
	}
	if (h->w->now % 100 != 0)
		return;
	for (unsigned i = 0; i < HONEST_RECORDS; i++) {
		struct client *k = &h->client[i];

		if (k->c && h->w->now - h->past[k->number].began > GIVE_UP_MS)
			la_abort(k->c);
	}
}

void
honest_abort(struct honest *h)
{
	for (unsigned i = 0; i < HONEST_RECORDS; i++)
		if (h->client[i].c)
			la_abort(h->client[i].c);
}

void
honest_mark(struct honest *h)
{
	h->mark = h->npast;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct honest_result
honest_result(const struct honest *h, uint32_t grace_ms)
{
	struct honest_result r = {.wrong = h->wrong};
	uint32_t *took = calloc(h->npast + 1, sizeof(*took));

	ABUSE_MUST(took != NULL);
	for (uint32_t i = h->mark; i < h->npast; i++) {
		if (h->past[i].took != UINT32_MAX)
			took[r.closed++] = h->past[i].took;
		else if (h->past[i].began + grace_ms > h->w->now)
			continue;
		r.begun++;
	}
	qsort(took, r.closed, sizeof(*took), by_number);
	if (r.closed > 0) {
		r.p50 = took[r.closed / 2];
		r.p99 = took[(r.closed * 99 - 1) / 100];
	}
	free(took);
	return r;
}

bool
honest_victim(const struct abuse *w, uint32_t i, struct la_tuple *t)
{
	const struct honest *h = w->honest;

	for (unsigned k = 0; k < HONEST_RECORDS; k++) {
		const struct client *c = &h->client[(i + k) % HONEST_RECORDS];

		if (c->c == NULL)
			continue;
		*t = (struct la_tuple){c->t.raddr, c->t.laddr, c->t.rport, c->t.lport};
		return true;
	}
	return false;
}

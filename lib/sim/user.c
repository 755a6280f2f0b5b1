/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <string.h>

#include "sim/internal.h"

/* ------------------------------------------------------------------ records */

int
la_sim_users(struct la_sim *w, unsigned max)
{
	unsigned n = 16;

	while (n < max)
		n *= 2;
	w->max_conns = max;
	w->nchains = n;
	w->conns = la_arena_alloc(w->arena, max * sizeof(*w->conns), 64);
	w->chain = la_arena_alloc(w->arena, n * sizeof(*w->chain), 64);
	w->chain_next = la_arena_alloc(w->arena, max * sizeof(*w->chain_next), 64);
	return w->conns && w->chain && w->chain_next ? 0 : -ENOMEM;
}

static uint32_t *
chain_of(struct la_sim *w, unsigned host, const struct la_tuple *t)
{
	return &w->chain[((la_sim_hash(t) >> 1) + host) & (w->nchains - 1)];
}

static struct la_sim_conn *
user_new_record(struct la_sim *w, unsigned host, const struct la_tuple *t, const struct la_sim_plan *plan)
{
	struct la_sim_conn *c;
	uint32_t *head, slot;

	if (w->free_conns) {
		slot = w->free_conns - 1;
		w->free_conns = w->chain_next[slot];
	} else if (w->fresh_conns < w->max_conns) {
		slot = w->fresh_conns++;
	} else {
		return NULL;
	}
	c = &w->conns[slot];
	memset(c, 0, sizeof(*c));
	c->w = w;
	c->host = (uint8_t)host;
	c->used = true;
	c->tag = ++w->tags;
	c->t = *t;
	c->plan = plan;
	head = chain_of(w, host, t);
	w->chain_next[slot] = *head;
	*head = slot + 1;
	return c;
}

void
la_sim_conn_free(struct la_sim_conn *c)
{
	struct la_sim *w = c->w;
	uint32_t slot = (uint32_t)(c - w->conns), *p = chain_of(w, c->host, &c->t);

	if (c->partner && c->partner->partner == c)
		c->partner->partner = NULL;
	while (*p != slot + 1)
		p = &w->chain_next[*p - 1];
	*p = w->chain_next[slot];
	c->used = false;
	w->chain_next[slot] = w->free_conns;
	w->free_conns = slot + 1;
}

struct la_sim_conn *
la_sim_conn_next(struct la_sim *w, unsigned *i)
{
	while (*i < w->fresh_conns) {
		struct la_sim_conn *c = &w->conns[(*i)++];

		if (c->used)
			return c;
	}
	return NULL;
}

void
la_sim_users_lost(struct la_sim *w, unsigned host)
{
	struct la_sim_conn *c;

	for (unsigned i = 0; (c = la_sim_conn_next(w, &i));)
		if (c->host == host && c->c) {
			c->c = NULL;
			c->closed = c->crashed = true;
			c->closed_us = w->us;
		}
}

/* ------------------------------------------------------------------ pairing
 *
 * The active end is opened first. The segment that ends the handshake then opens the passive end,
 * before this end sends a byte, and the two ends are paired. In a simultaneous open both ends are
 * active, and the later `opened` pairs them. Two ends are of one incarnation when the first RCV.NXT of
 * each is the other's ISS + 1. The SYN,ACK that opened the earlier end has no data. The segment that
 * opened the later end may have data, so RCV.NXT may be higher there, by less than FIRST_TEXT. */

enum { FIRST_TEXT = 2048 }; /* bytes: more than the data of a segment */

static bool
same_incarnation(const struct la_sim_conn *c, const struct la_sim_conn *p)
{
	const struct la_sim_node *n = c->w->node;

	if ((n[c->host].weak | n[p->host].weak) & LA_SIM_FIXED_ISN)
		return !c->active; /* equal ISNs prove nothing: a passive end takes the newest, an active end none */
	return p->rcv_nxt == c->iss + 1 && c->rcv_nxt - p->iss - 1 < FIRST_TEXT;
}

static void
user_pair(struct la_sim_conn *c)
{
	struct la_sim *w = c->w;
	struct la_tuple m = la_sim_mirrored(&c->t);
	struct la_sim_conn *best = NULL;

	for (unsigned host = 0; host < w->nhosts; host++) {
		if (!la_addr_eq(&w->node[host].addrs[0].addr, &m.laddr) &&
		    !la_addr_eq(&w->node[host].addrs[1].addr, &m.laddr))
			continue;
		for (uint32_t i = *chain_of(w, host, &m); i; i = w->chain_next[i - 1]) {
			struct la_sim_conn *p = &w->conns[i - 1];

			if (p->host == host && la_sim_same(&p->t, &m) && p->opened && !p->paired &&
			    same_incarnation(c, p) && (!best || p->tag > best->tag))
				best = p;
		}
	}
	if (!best)
		return;
	c->paired = best->paired = true;
	c->partner = best;
	best->partner = c;
	c->partner_tag = best->tag;
	best->partner_tag = c->tag;
	c->partner_text = best->plan->text;
	best->partner_text = c->plan->text;
}

/* ------------------------------------------------------------------ bytes */

uint8_t
la_sim_byte(uint32_t tag, const char *text, uint32_t offset)
{
	uint64_t h;

	if (text)
		return (uint8_t)text[offset % strlen(text)];
	h = ((uint64_t)tag << 32 | offset / 8) * UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint8_t)(h >> 32 >> offset % 8 * 4);
}

static void
tell_use(struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes, uint32_t n)
{
	const struct la_sim_hooks *h = &c->w->hooks;

	if (h->used)
		h->used(h->ctx, c, use, bytes, n);
}

static void
read_all(struct la_sim_conn *c)
{
	const void *span;
	size_t n;

	while (c->c && !c->plan->deaf && (n = la_peek(c->c, &span)) > 0) {
		const uint8_t *b = span;

		tell_use(c, LA_SIM_READS, b, (uint32_t)n);
		for (size_t i = 0; i < n; i++, c->got++) {
			if (c->got < sizeof(c->first))
				c->first[c->got] = b[i];
			if (c->paired && b[i] == la_sim_byte(c->partner_tag, c->partner_text, c->got))
				continue;
			if (c->wrong++ == 0)
				c->wrong_at = c->got;
		}
		la_consume(c->c, n);
	}
}

/* Sends n more bytes. Returns false when la_send() accepted fewer. */
static bool
user_push(struct la_sim_conn *c, uint32_t n)
{
	uint8_t buf[1024];

	while (n > 0) {
		uint32_t k = n < sizeof(buf) ? n : (uint32_t)sizeof(buf);
		ssize_t taken;

		for (uint32_t i = 0; i < k; i++)
			buf[i] = la_sim_byte(c->tag, c->plan->text, c->sent + i);
		taken = la_send(c->c, buf, k);
		if (taken < 0)
			return false;
		if (taken > 0)
			tell_use(c, LA_SIM_SENDS, buf, (uint32_t)taken);
		c->sent += (uint32_t)taken;
		n -= (uint32_t)taken;
		if (taken < (ssize_t)k)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ plans */

static bool
is_ending_due(const struct la_sim_conn *c)
{
	const struct la_sim_plan *p = c->plan;

	switch (p->when) {
	case LA_SIM_WHEN_SENT:
		return c->sent >= p->send;
	case LA_SIM_WHEN_PEER_FIN:
		return c->sent >= p->send && c->peer_fin;
	case LA_SIM_WHEN_GOT:
		return c->sent >= p->send && c->got >= p->amount;
	case LA_SIM_WHEN_TIME:
		return c->w->us >= c->opened_us + (uint64_t)p->amount * 1000;
	}
	return false;
}

static void
user_end(struct la_sim_conn *c)
{
	if (c->ended || !c->c)
		return;
	c->ended = true;
	switch (c->plan->ending) {
	case LA_SIM_STAYS:
		break;
	case LA_SIM_SHUTDOWN:
		tell_use(c, LA_SIM_SHUTS, NULL, 0);
		(void)la_shutdown(c->c);
		break;
	case LA_SIM_CLOSE:
		tell_use(c, LA_SIM_CLOSES, NULL, 0);
		(void)la_close(c->c);
		break;
	case LA_SIM_ABORT:
		tell_use(c, LA_SIM_ABORTS, NULL, 0);
		(void)la_abort(c->c);
		break;
	}
}

static void
set_timer(struct la_sim_conn *c)
{
	uint64_t at = UINT64_MAX, ms;

	if (c->plan->every_ms && c->sent < c->plan->send)
		at = c->next_chunk_us;
	if (c->plan->when == LA_SIM_WHEN_TIME) {
		uint64_t e = c->opened_us + (uint64_t)c->plan->amount * 1000;

		at = e < at ? e : at;
	}
	if (at == UINT64_MAX)
		return;
	ms = at > c->w->us ? (at - c->w->us + 999) / 1000 : 1;
	la_set_timer(c->c, ms ? (uint32_t)ms : 1);
}

/* Performs the actions of the plan that are due. */
static void
user_continue(struct la_sim_conn *c)
{
	const struct la_sim_plan *p = c->plan;

	if (!c->c || !c->opened || c->ended)
		return;
	if (p->every_ms == 0) {
		while (c->sent < p->send) {
			uint32_t left = p->send - c->sent;

			if (!user_push(c, p->chunk && p->chunk < left ? p->chunk : left))
				break;
		}
	} else if (c->sent < p->send && c->w->us >= c->next_chunk_us) {
		uint32_t left = p->send - c->sent;

		(void)user_push(c, p->chunk && p->chunk < left ? p->chunk : left);
		c->next_chunk_us = c->w->us + (uint64_t)p->every_ms * 1000;
	}
	if (is_ending_due(c))
		user_end(c);
	else
		set_timer(c);
}

/* ------------------------------------------------------------------ callbacks */

static const struct la_conn_ops ops;

static void
user_begin(struct la_sim_conn *c)
{
	struct la_sim *w = c->w;
	struct la_conn_info info;

	la_conn_info(c->c, &info);
	c->iss = info.snd_una - 1;
	c->rcv_nxt = info.rcv_nxt;
	c->opened = true;
	c->opened_us = c->next_chunk_us = w->us;
	user_pair(c);
	if (w->hooks.opened)
		w->hooks.opened(w->hooks.ctx, c);
	user_continue(c);
}

static void
user_on_opened(struct la_conn *lc, void *user)
{
	(void)lc;
	user_begin(user);
}

static void
user_on_accepted(struct la_conn *lc, void *user)
{
	struct la_sim_listen *l = user;
	struct la_conn_info info;
	struct la_sim_conn *c;

	la_conn_info(lc, &info);
	c = user_new_record(l->w, l->host, &info.tuple, l->plan);
	if (!c) { /* no record is free: the peer gets a RST */
		(void)la_abort(lc);
		return;
	}
	c->c = lc;
	la_set_ops(lc, &ops);
	la_set_user(lc, c);
	user_begin(c);
}

static void
user_on_data(struct la_conn *lc, void *user)
{
	(void)lc;
	read_all(user);
	user_continue(user);
}

static void
user_on_writable(struct la_conn *lc, void *user)
{
	(void)lc;
	user_continue(user);
}

static void
user_on_peer_fin(struct la_conn *lc, void *user)
{
	struct la_sim_conn *c = user;

	(void)lc;
	c->peer_fin = true;
	tell_use(c, LA_SIM_HEARS_FIN, NULL, 0);
	user_continue(c);
}

static void
user_on_closed(struct la_conn *lc, void *user, const struct la_closed *why)
{
	struct la_sim_conn *c = user;

	(void)lc;
	c->c = NULL;
	c->closed = true;
	c->closed_us = c->w->us;
	c->why = *why;
	if (c->w->hooks.closed)
		c->w->hooks.closed(c->w->hooks.ctx, c);
}

static const struct la_conn_ops ops = {.opened = user_on_opened,
				       .data = user_on_data,
				       .writable = user_on_writable,
				       .peer_fin = user_on_peer_fin,
				       .timer = user_on_writable,
				       .closed = user_on_closed};
static const struct la_conn_ops listen_ops = {.opened = user_on_accepted};

/* ------------------------------------------------------------------ calls */

int
la_sim_listen(struct la_sim *w, unsigned host, uint16_t port, const struct la_sim_plan *plan)
{
	struct la_sim_listen *l = w->listen;

	/* a listener that is made again after a restart takes its old slot, so the slots suffice for any restarts */
	while (l < w->listen + w->nlisten && (l->host != host || l->port != port))
		l++;
	if (l == w->listen + RTE_DIM(w->listen))
		return -ENOBUFS;
	if (l == w->listen + w->nlisten)
		w->nlisten++;
	*l = (struct la_sim_listen){w, (uint8_t)host, port, plan};
	return la_listen(w->node[host].shard, NULL, port, &listen_ops, l, &plan->opts);
}

int
la_sim_connect(struct la_sim *w, unsigned from, unsigned to, bool ip6, uint16_t lport, uint16_t rport,
	       const struct la_sim_plan *plan, struct la_sim_conn **out)
{
	struct la_tuple t = {w->node[from].addrs[ip6].addr, w->node[to].addrs[ip6].addr, lport, rport};
	struct la_sim_conn *c = user_new_record(w, from, &t, plan);
	int err;

	if (!c)
		return -ENOBUFS;
	c->active = true;
	la_sim_touch(w, from);
	err = la_connect(w->node[from].shard, &t, &ops, c, &plan->opts, &c->c);
	if (err) {
		la_sim_conn_free(c);
		return err;
	}
	tell_use(c, LA_SIM_CONNECTS, NULL, 0);
	if (out)
		*out = c;
	la_sim_settle(w);
	return 0;
}

static int
user_call(struct la_sim_conn *c, int (*call)(struct la_conn *), enum la_sim_use use)
{
	int err;

	if (!c->c)
		return -ENOTCONN;
	la_sim_touch(c->w, c->host);
	if (c->c)
		tell_use(c, use, NULL, 0);
	err = c->c ? call(c->c) : -ENOTCONN;
	la_sim_settle(c->w);
	return err;
}

int
la_sim_shutdown(struct la_sim_conn *c)
{
	return user_call(c, la_shutdown, LA_SIM_SHUTS);
}

int
la_sim_close(struct la_sim_conn *c)
{
	return user_call(c, la_close, LA_SIM_CLOSES);
}

int
la_sim_abort(struct la_sim_conn *c)
{
	return user_call(c, la_abort, LA_SIM_ABORTS);
}

void
la_sim_send(struct la_sim_conn *c, uint32_t bytes)
{
	if (!c->c)
		return;
	la_sim_touch(c->w, c->host);
	if (c->c)
		(void)user_push(c, bytes);
	la_sim_settle(c->w);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Load clients: many sockets of one ordinary host, on a shard of their own that keeps all rules of
 * TCP. Their access link has a rate, a queue of 500 frames as a TAP device has, and a loss of
 * 0.1 %, which makes holes in many streams at once. */

#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16, FRAMES_PER_MS = 80, QUEUE = 500, LOSS_PPM = 1000, SNDBUF = 65536 };

struct member {
	struct load *load;
	struct la_conn *c; /* NULL: closed, or refused */
	uint64_t sent;	   /* bytes that la_send_const() accepted */
};

struct load {
	struct abuse *w;
	struct load_plan plan;
	struct la_conn_opts opts;
	struct member *m; /* array of the row's n */
	uint32_t n;	  /* members whose connection was begun */
	uint16_t port;	  /* port of the last open */
	uint8_t text[TEXT_MAX];
	uint32_t text_len; /* bytes of whole repetitions of the plan's text */
};

static void
push(struct member *m)
{
	const struct load_plan *p = &m->load->plan;
	uint32_t turn = m->load->text_len;

	while (m->sent < p->send) {
		uint32_t at = (uint32_t)(m->sent % turn), len = turn - at;
		ssize_t n;

		if (len > p->send - m->sent)
			len = (uint32_t)(p->send - m->sent);
		n = la_send_const(m->c, m->load->text + at, len);
		if (n <= 0)
			return;
		m->sent += (uint64_t)n;
	}
}

static void
opened(struct la_conn *c, void *user)
{
	(void)c;
	push(user);
}

static void
data(struct la_conn *c, void *user)
{
	struct member *m = user;

	if (m->load->plan.reads)
		la_consume(c, la_unread(c));
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct member *m = user;

	(void)c;
	(void)why;
	m->c = NULL;
}

static const struct la_conn_ops ops = {.opened = opened, .data = data, .writable = opened, .closed = closed};

static void
connect_one(struct member *m)
{
	struct load *cr = m->load;
	bool ip6 = cr->w->row->ip6;
	struct la_tuple t = {
		.laddr = abuse_addr(LOAD, ip6), .raddr = abuse_addr(SERVER, ip6), .rport = cr->plan.service};

	m->sent = 0;
	t.lport = cr->port = cr->port < 1024 ? 1024 : (uint16_t)(cr->port + 1);
	if (la_connect(cr->w->stack[LOAD].s, &t, &ops, m, &cr->opts, &m->c) != 0)
		m->c = NULL; /* the tables of the clients' own shard are full */
}

void
load_open(struct abuse *w, const struct load_plan *p, uint32_t n)
{
	struct load *cr = w->load;

	if (cr == NULL) {
		struct stack *st = &w->stack[LOAD];

		cr = w->load = calloc(1, sizeof(*cr));
		ABUSE_MUST(cr != NULL);
		cr->m = calloc(w->row->n, sizeof(*cr->m));
		ABUSE_MUST(cr->m != NULL);
		cr->w = w;
		cr->plan = *p;
		cr->opts = (struct la_conn_opts){
			.msl_ms = MSL_MS, .rcvbuf = p->rcvbuf, .sndbuf = SNDBUF, .nodelay = true};
		cr->text_len = p->text ? TEXT_MAX / p->text_len * p->text_len : TEXT_MAX;
		for (uint32_t i = 0; i < cr->text_len; i++)
			cr->text[i] = p->text ? (uint8_t)p->text[i % p->text_len] : (uint8_t)(i % 251);
		st->frames_per_ms = FRAMES_PER_MS;
		st->queue = QUEUE;
		st->loss_ppm = LOSS_PPM;
	}
	for (; n > 0 && cr->n < w->row->n; n--) {
		cr->m[cr->n].load = cr;
		connect_one(&cr->m[cr->n++]);
		net_tx(w, LOAD);
	}
}

/* Resets a socket. The server may have dropped the last segments, which filled its window: then this RST is outside
 * the window. So a second RST follows at the number that the server has acknowledged. */
static void
leave(struct abuse *w, struct la_conn *c)
{
	struct la_conn_info info;
	struct frame f;

	la_conn_info(c, &info);
	f = (struct frame){.src = info.tuple.laddr,
			   .sport = info.tuple.lport,
			   .dport = info.tuple.rport,
			   .flags = RST,
			   .seq = info.snd_una};
	la_abort(c);
	net_tx(w, LOAD);
	spoof_tcp(w, &f);
}

/* Resets every socket, as a kernel does for a killed process. The link loses none of these RSTs: if the server still
 * holds memory one second later, that is a fault of the server. */
void
load_leave(struct abuse *w)
{
	struct load *cr = w->load;

	if (cr == NULL)
		return;
	w->stack[LOAD].frames_per_ms = 0;
	for (uint32_t i = 0; i < cr->n; i++)
		if (cr->m[i].c)
			leave(w, cr->m[i].c);
}

void
load_fini(struct abuse *w)
{
	if (w->load == NULL)
		return;
	free(w->load->m);
	free(w->load);
}

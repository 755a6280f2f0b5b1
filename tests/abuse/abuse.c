/* SPDX-License-Identifier: BSD-3-Clause */

/* One row of an attack, in virtual time:
 *
 *   before   Honest clients run for 600 ms, and the server resolves the MACs of all hosts. Then all
 *            connections close and TIME_WAIT ends. The values of the gauges are now the old values.
 *   during   The attack runs. Honest clients open a connection every 10 ms, and send a ping and an ARP request
 *            every 100 ms.
 *   leaving  The attacker's connections are reset, and honest clients open no more connections. After 300 ms
 *            honest connections that are still open are reset. After 1 s every gauge has its old value, except
 *            the gauges with a longer limit (`later`). At `later_ms` these have their old values, too.
 *   after    Honest clients run for 500 ms: every connection is closed within 2 s.
 *
 * During the attack, honest clients get at least 0.9 of the closes that they began a second or more
 * before its end, and 0.9 of the pings and ARP requests are answered. No honest client reads a wrong
 * byte. At the end the tables pass their checkers, no TIME_WAIT entry ended early, and every buffer is
 * back in its pool. */

#include "world.h"

#include <stdlib.h>
#include <string.h>

enum {
	ATTACK_MS = 4000,
	HONEST_MS = 10,
	BEFORE_MS = 600,
	AFTER_MS = 500,
	QUIET_MS = 1500, /* 2*MSL, and time for retransmissions */
	GRACE_MS = 1000,
	GAUGES_MS = 1000,
	STRAGGLERS_MS = 300, /* after the attack: honest connections that are still open are reset */
};

uint32_t abuse_pool;

const struct row *
abuse_params(const struct abuse *w)
{
	return w->row;
}

uint64_t
abuse_now(const struct abuse *w)
{
	return w->now;
}

uint32_t
abuse_since(const struct abuse *w)
{
	return w->began ? (uint32_t)(w->now - w->began) : 0;
}

uint32_t
abuse_due(const struct abuse *w, uint32_t rate)
{
	uint64_t ms = abuse_since(w);

	return (uint32_t)((ms + 1) * rate / 1000 - ms * rate / 1000);
}

uint32_t
abuse_random(struct abuse *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (uint32_t)(w->rng >> 32);
}

struct la_shard *
abuse_server(struct abuse *w)
{
	return w->stack[SERVER].s;
}

uint64_t
abuse_count(const struct abuse *w, enum la_counter c)
{
	return la_shard_counters(w->stack[SERVER].s)->v[c] - w->before.v[c];
}

/* ------------------------------------------------------------------ time */

static void
run(struct abuse *w, uint32_t ms, bool honest)
{
	const struct attack *a = w->attack;

	for (; ms > 0; ms--) {
		w->now++;
		if (w->attacking && a->step)
			a->step(w);
		honest_step(w->honest, honest, a->honest_ms ? a->honest_ms : HONEST_MS);
		if (w->attacking && w->now % 100 == 0)
			net_ping(w);
		net_tx(w, HONEST);
		if (w->load)
			net_tx(w, LOAD);
		net_step(w);
	}
}

/* ------------------------------------------------------------------ the parts of a run */

static const struct service_def *const defs[SERVICES] = {&service_http, &service_echo, &service_discard,
							 &service_chargen, &service_close};
static const uint16_t ports[SERVICES] = {HTTP, ECHO_PORT, DISCARD, CHARGEN, CLOSE};

/* The services of `lastack server`. */
static void
start_services(struct abuse *w)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		service_init(&w->services[i], defs[i], ports[i]);
		w->services[i].idle_ms = 60000;
		ABUSE_MUST(service_start(&w->services[i], w->stack[SERVER].s, w->row->conns ? w->row->conns : 65536) ==
			   0);
	}
}

/* Makes the server resolve the MACs of the bots and of the load clients, so that their neighbour entries exist before
 * the attack. */
static void
introduce(struct abuse *w)
{
	static const struct la_conn_ops silent;

	for (unsigned i = 0; i < 2; i++) {
		struct la_addr src = abuse_addr(RAW, i != 0);
		struct frame f = {.src = src, .sport = 999, .dport = 1, .flags = SYN};
		struct la_tuple t = {.laddr = abuse_addr(LOAD, i != 0),
				     .raddr = abuse_addr(SERVER, i != 0),
				     .lport = 1000,
				     .rport = 1};
		struct la_conn *c;

		spoof_tcp(w, &f); /* to a closed port: to send its RST the server resolves the MAC */
		if (w->attack->load)
			ABUSE_MUST(la_connect(w->stack[LOAD].s, &t, &silent, NULL, NULL, &c) == 0);
	}
	if (w->attack->load)
		net_tx(w, LOAD);
}

static void
before(struct abuse *w)
{
	net_open(w);
	start_services(w);
	bots_init(w);
	w->honest = honest_new(w, w->stack[HONEST].s);
	introduce(w);
	run(w, BEFORE_MS, true);
	run(w, QUIET_MS, false);
	for (enum gauge g = G_BUFFERS; g < GAUGES; g++)
		w->gauges[g] = abuse_gauge(w, g);
	w->before = *la_shard_counters(w->stack[SERVER].s);
}

static struct honest_result
during(struct abuse *w)
{
	struct honest_result r;

	honest_mark(w->honest);
	w->began = w->now + 1;
	w->attacking = true;
	w->frames_out = 0;
	if (w->attack->begin)
		w->attack->begin(w);
	run(w, w->row->ms ? w->row->ms : ATTACK_MS, true);
	r = honest_result(w->honest, GRACE_MS);
	judge_service(w, &r);
	w->attacking = false;
	return r;
}

static void
leaving(struct abuse *w)
{
	const struct attack *a = w->attack;
	char when[48];

	if (a->end) {
		a->end(w);
	} else {
		bots_leave(w);
		load_leave(w);
	}
	run(w, STRAGGLERS_MS, false);
	honest_abort(w->honest);
	run(w, GAUGES_MS - STRAGGLERS_MS, false);
	judge_gauges(w, ~a->later, false, "1 s after the attack");
	if (a->judge)
		a->judge(w);
	if (a->later == 0)
		return;
	run(w, a->later_ms - GAUGES_MS, false);
	snprintf(when, sizeof(when), "%u ms after the attack", a->later_ms);
	judge_gauges(w, ~0u, true, when);
}

static void
after(struct abuse *w)
{
	struct honest_result r;

	honest_mark(w->honest);
	run(w, AFTER_MS, true);
	run(w, 2000, false);
	r = honest_result(w->honest, 0);
	if (r.closed != r.begun)
		abuse_fail(w, "after the attack honest clients closed %u of %u connections", r.closed, r.begun);
}

static void
tell(const struct row *r)
{
	printf("  IPv%d", r->ip6 ? 6 : 4);
	if (r->n)
		printf(", n %u", r->n);
	if (r->rate)
		printf(", %u/s", r->rate);
	if (r->size)
		printf(", size %u", r->size);
	if (r->variant)
		printf(", variant %u", r->variant);
	if (r->conns)
		printf(", %u connections", r->conns);
	if (r->tw)
		printf(", %u TIME_WAIT entries", r->tw);
	printf(", pool %u\n", abuse_pool ? abuse_pool : r->pool ? r->pool : 32768);
}

bool
abuse_row(const struct attack *a, const struct row *r)
{
	struct abuse *w = calloc(1, sizeof(*w));
	struct honest_result before_attack, result;
	bool ok;

	ABUSE_MUST(w != NULL);
	*w = (struct abuse){.attack = a, .row = r, .now = 1000000, .rng = 0x9e3779b97f4a7c15u};
	tell(r);
	before(w);
	before_attack = honest_result(w->honest, 0);
	if (before_attack.closed != before_attack.begun)
		abuse_fail(w, "before the attack honest clients closed %u of %u connections", before_attack.closed,
			   before_attack.begun);
	result = during(w);
	leaving(w);
	after(w);
	judge_tables(w);
	printf("    %s: closes %u/%u, p50 %u ms, p99 %u ms (before %u, %u), pings %u/%u, rx_nombuf "
	       "%lu, "
	       "mbuf_exhausted %lu\n",
	       w->failed ? "failed" : "ok", result.closed, result.begun, result.p50, result.p99, before_attack.p50,
	       before_attack.p99, w->pongs, w->pings, w->stack[SERVER].rx_nombuf, abuse_count(w, LA_C_mbuf_exhausted));
	for (unsigned i = 0; i < SERVICES; i++)
		service_fini(&w->services[i]);
	net_close(w);
	honest_free(w->honest);
	bots_fini(w);
	load_fini(w);
	fflush(stdout);
	ok = !w->failed;
	free(w);
	return ok;
}

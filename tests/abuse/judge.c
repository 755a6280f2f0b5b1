/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks the invariants: the gauges, the service of the honest clients, the tables. */

#include "world.h"

#include <stdarg.h>

#include <rte_mempool.h>

#include "net/shard.h"
#include "tables.h"

static const char *const gauge_name[GAUGES] = {
	[G_BUFFERS] = "buffers",     [G_LIVE] = "live",
	[G_HALF_OPEN] = "half-open", [G_NEIGHBOURS] = "neighbours",
	[G_RESERVED4] = "reserved4", [G_RESERVED6] = "reserved6",
	[G_TIME_WAIT] = "time_wait", [G_FIN_WAIT_2] = "fin_wait_2",
	[G_PENDING] = "pending",
};

void
abuse_fail(struct abuse *w, const char *fmt, ...)
{
	va_list ap;

	printf("    BREACH at %u ms: ", abuse_since(w));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	w->failed = true;
}

uint64_t
abuse_gauge(const struct abuse *w, enum gauge g)
{
	const struct stack *st = &w->stack[SERVER];
	const struct la_shard *s = st->s;
	const struct la_counters *c = la_shard_counters(s);

	switch (g) {
	case G_BUFFERS:
		return rte_mempool_in_use_count(st->pool);
	case G_LIVE:
		return c->v[LA_C_live];
	case G_HALF_OPEN:
		return c->state[LA_SYN_RCVD];
	case G_NEIGHBOURS:
		return la_neigh_count(&s->neigh);
	case G_RESERVED4:
		return s->tcp.tw.pool[0].reserved;
	case G_RESERVED6:
		return s->tcp.tw.pool[1].reserved;
	case G_TIME_WAIT:
		return c->v[LA_C_time_wait];
	case G_FIN_WAIT_2:
		return c->v[LA_C_fin_wait_2_held];
	case G_PENDING:
		return s->tcp.pending_head != 0;
	case GAUGES:
		break;
	}
	return 0;
}

void
judge_gauges(struct abuse *w, unsigned which, bool late, const char *when)
{
	for (enum gauge g = G_BUFFERS; g < GAUGES; g++) {
		uint64_t now = abuse_gauge(w, g);

		/* idle neighbours may have expired */
		if (g == G_NEIGHBOURS && late && now < w->gauges[g])
			continue;
		if ((which & 1u << g) && now != w->gauges[g])
			abuse_fail(w, "%s %s: %lu, before the attack %lu", gauge_name[g], when, now, w->gauges[g]);
	}
}

void
judge_service(struct abuse *w, const struct honest_result *r)
{
	if (r->begun == 0 || r->closed * 10 < r->begun * 9)
		abuse_fail(w, "honest clients closed %u of %u connections", r->closed, r->begun);
	if (!w->attack->no_ping && w->pongs * 10 < w->pings * 9)
		abuse_fail(w, "%u of %u pings were answered", w->pongs, w->pings);
	if (w->arp_answers * 10 < w->arps * 9)
		abuse_fail(w, "%u of %u ARP requests were answered", w->arp_answers, w->arps);
}

void
judge_tables(struct abuse *w)
{
	const struct la_shard *s = w->stack[SERVER].s;

	if (tcp_check(&s->tcp, false, stdout) + la_neigh_check(&s->neigh, stdout) > 0)
		abuse_fail(w, "a table fails its checker");
	if (la_shard_counters(s)->v[LA_C_early_recycles] != 0)
		abuse_fail(w, "a TIME_WAIT entry ended before its time");
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Common functions of the stories of `lastack explain`. */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "explain/explain.h"

enum {
	DELAY_US = 20000,
	LONGEST_MS = 4 * 3600 * 1000, /* limit of a story */
	ROW_BYTES = 24,
};

/* ------------------------------------------------------------------ hooks of the ladder and the capture
 *
 * The capture has each segment, also a lost one, at the time of its transmission on the interface of its
 * sender. A copy, and a segment that a router held, are captured again on the router's interface.
 */

static void
ex_capture(struct explain *x, const struct la_sim_event *e)
{
	uint64_t us = x->pcap_us + e->us - x->start;

	if (!x->pcap || !e->frame)
		return;
	if (e->what == LA_SIM_SENT)
		la_pcapng_packet(x->pcap, e->host, us, e->frame, e->frame_len);
	else if (e->what == LA_SIM_ARRIVED && (e->late || e->copy))
		la_pcapng_packet(x->pcap, LA_SIM_HOSTS, us, e->frame, e->frame_len);
}

static void
ex_on_event(void *ctx, const struct la_sim_event *e)
{
	struct explain *x = ctx;
	struct la_sim_hooks h = la_ladder_hooks(x->ladder);

	ex_capture(x, e);
	h.event(h.ctx, e);
}

static void
ex_on_opened(void *ctx, struct la_sim_conn *c)
{
	struct la_sim_hooks h = la_ladder_hooks(((struct explain *)ctx)->ladder);

	h.opened(h.ctx, c);
}

static void
ex_on_closed(void *ctx, struct la_sim_conn *c)
{
	struct la_sim_hooks h = la_ladder_hooks(((struct explain *)ctx)->ladder);

	h.closed(h.ctx, c);
}

static void
ex_on_used(void *ctx, struct la_sim_conn *c, enum la_sim_use use, const uint8_t *bytes, uint32_t n)
{
	struct la_sim_hooks h = la_ladder_hooks(((struct explain *)ctx)->ladder);

	h.used(h.ctx, c, use, bytes, n);
}

/* ------------------------------------------------------------------ the world */

/* Every host connects to a closed port of every other host. This resolves all MAC addresses, so no story
 * begins with ARP. (A fault rule that counts SYNs or RSTs has then counted one SYN or RST in each direction.)
 */
static bool
ex_introduce(struct explain *x)
{
	static const struct la_sim_plan none;
	struct la_sim_conn *c;
	int err;

	for (unsigned from = 0; from < x->nhosts; from++)
		for (unsigned to = 0; to < x->nhosts; to++) {
			if (from == to)
				continue;
			err = la_sim_connect(x->w, from, to, false, 1023, 9, &none, &c);
			if (err) {
				snprintf(x->error, sizeof(x->error), "the hosts cannot resolve each other: %s",
					 strerror(-err));
				return false;
			}
			la_sim_run(x->w, la_sim_now(x->w) + 10 * DELAY_US);
			if (!c->closed) {
				snprintf(x->error, sizeof(x->error), "the hosts cannot resolve each other");
				return false;
			}
			la_sim_conn_free(c);
		}
	x->start = la_sim_now(x->w);
	return true;
}

bool
ex_world(struct explain *x, const struct la_sim_config *cfg, const struct la_sim_plan *server)
{
	struct la_sim_config c = *cfg;
	struct la_tuple t;
	int err;

	if (c.nhosts == 0)
		c.nhosts = 2;
	if (c.seed == 0)
		c.seed = 1;
	if (c.link.delay_us == 0)
		c.link.delay_us = DELAY_US;
	x->nhosts = c.nhosts;
	if (la_sim_create(&c, &x->w, x->error, sizeof(x->error)) != 0)
		return false;
	if (!ex_introduce(x))
		return false;
	t = (struct la_tuple){la_sim_addr(x->w, EX_A, false), la_sim_addr(x->w, EX_B, false), EX_PORT_A, EX_PORT_B};
	x->ladder = la_ladder_create(x->w, EX_A, EX_B, &t, true);
	err = x->ladder ? la_sim_listen(x->w, EX_B, EX_PORT_B, server) : -ENOMEM;
	if (err) {
		snprintf(x->error, sizeof(x->error), "B cannot listen: %s", strerror(-err));
		return false;
	}
	for (unsigned i = 0; i < x->nhosts; i++)
		x->before[i] = *la_shard_counters(la_sim_shard(x->w, i));
	la_sim_hooks(x->w, &(struct la_sim_hooks){.event = ex_on_event,
						  .opened = ex_on_opened,
						  .closed = ex_on_closed,
						  .used = ex_on_used,
						  .ctx = x});
	return true;
}

void
ex_fixed_isn(struct la_sim_config *cfg, uint32_t a, uint32_t b)
{
	cfg->host[EX_A].weak |= LA_SIM_FIXED_ISN;
	cfg->host[EX_B].weak |= LA_SIM_FIXED_ISN;
	cfg->host[EX_A].fixed_isn = a;
	cfg->host[EX_B].fixed_isn = b;
}

struct la_sim_conn *
ex_open(struct explain *x, const struct la_sim_plan *plan)
{
	struct la_sim_conn *c = NULL;
	int err = la_sim_connect(x->w, EX_A, EX_B, false, EX_PORT_A, EX_PORT_B, plan, &c);
	char text[LA_LADDER_TEXT];

	if (!err)
		return c;
	snprintf(text, sizeof(text), "connect(): %s",
		 err == -EADDRNOTAVAIL ? "refused, the tuple is in TIME_WAIT"
		 : err == -EADDRINUSE  ? "refused, the tuple is live"
		 : err == -EAGAIN      ? "not yet, this is quiet time"
				       : strerror(-err));
	la_sim_note(x->w, EX_A, text);
	return NULL;
}

struct la_sim_conn *
ex_server(struct explain *x)
{
	static struct la_sim_conn none;
	struct la_sim_conn *c, *best = NULL;

	for (unsigned i = 0; (c = la_sim_conn_next(x->w, &i));)
		if (c->host == EX_B && !c->active && (!best || c->tag > best->tag))
			best = c;
	if (best)
		return best;
	snprintf(x->error, sizeof(x->error), "B lacks the connection of the story");
	memset(&none, 0, sizeof(none));
	none.w = x->w;
	none.host = EX_B;
	return &none;
}

void
ex_until(struct explain *x, uint64_t ms)
{
	la_sim_run(x->w, x->start + ms * 1000);
}

void
ex_pass(struct explain *x, uint64_t ms)
{
	la_sim_run(x->w, la_sim_now(x->w) + ms * 1000);
}

void
ex_quiet(struct explain *x)
{
	if (!la_sim_quiet(x->w, x->start + LONGEST_MS * 1000ull))
		snprintf(x->error, sizeof(x->error), "events are pending at the time limit of a story");
}

bool
ex_open_again(struct explain *x, const struct la_sim_plan *plan, uint64_t again_ms, uint64_t pass_ms, struct ex_two *t)
{
	t->a2 = ex_open(x, plan);
	t->refused = !t->a2;
	if (t->refused) {
		ex_until(x, again_ms);
		t->a2 = ex_open(x, plan);
	}
	ex_pass(x, pass_ms);
	t->b2 = ex_server(x);
	ex_quiet(x);
	if (!t->a2)
		snprintf(x->error, sizeof(x->error), "A could not open the tuple again");
	return t->a2 != NULL;
}

/* ------------------------------------------------------------------ values of the run */

uint64_t
ex_count(struct explain *x, unsigned host, enum la_counter c)
{
	return la_shard_counters(la_sim_shard(x->w, host))->v[c] - x->before[host].v[c];
}

double
ex_opened(const struct explain *x, const struct la_sim_conn *c)
{
	return c->opened ? ((double)c->opened_us - (double)x->start) / 1e6 : 0;
}

double
ex_longest(const struct explain *x, unsigned side, enum la_state s)
{
	return (double)la_ladder_longest(x->ladder, side, s) / 1e6;
}

const struct la_ladder_item *
ex_nth(const struct explain *x, unsigned side, uint8_t flags, uint16_t len, unsigned n)
{
	const struct la_ladder_item *it;

	for (unsigned i = 0; (it = la_ladder_item(x->ladder, i)); i++)
		if (it->what == LA_LADDER_SENT && it->side == side && (it->flags & flags) == flags && it->len >= len &&
		    n-- == 0)
			return it;
	return NULL;
}

unsigned
ex_sent(const struct explain *x, unsigned side, uint8_t flags, uint16_t len)
{
	unsigned n = 0;

	while (ex_nth(x, side, flags, len, n))
		n++;
	return n;
}

bool
ex_seen(const struct explain *x, unsigned side, enum la_state s)
{
	const struct la_ladder_item *it;

	for (unsigned i = 0; (it = la_ladder_item(x->ladder, i)); i++)
		if (it->what == LA_LADDER_STATE && it->side == side && it->to == s)
			return true;
	return false;
}

/* ------------------------------------------------------------------ output */

static void
ex_append(char *buf, size_t size, const char *fmt, va_list ap)
{
	size_t at = strlen(buf);

	vsnprintf(buf + at, size - at, fmt, ap);
}

void
ex_say(struct explain *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ex_append(x->happened, sizeof(x->happened), fmt, ap);
	va_end(ap);
}

void
ex_verdict(struct explain *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ex_append(x->verdict, sizeof(x->verdict), fmt, ap);
	va_end(ap);
}

void
ex_line(struct explain *x, const char *fmt, ...)
{
	va_list ap;

	if (x->nlines == EX_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(x->lines[x->nlines++], sizeof(x->lines[0]), fmt, ap);
	va_end(ap);
}

static void
put_byte(char *row, uint32_t at, uint8_t byte)
{
	snprintf(row + 3 * at, 4, "  %c", isprint(byte) ? byte : '?');
}

void
ex_bytes(struct explain *x, const struct la_sim_conn *sender, const struct la_sim_conn *reader)
{
	char row[3 * ROW_BYTES + 1] = "", marks[sizeof(row)] = "";
	bool wrong = false;

	for (uint32_t i = 0; i < sender->sent && i < ROW_BYTES; i++)
		put_byte(row, i, la_sim_byte(0, sender->plan->text, i));
	ex_line(x, "%11s%c sends (#2)    %s", "", 'A' + (int)sender->host, row);
	row[0] = '\0';
	for (uint32_t i = 0; i < reader->got && i < ROW_BYTES; i++) {
		bool differs = reader->first[i] != la_sim_byte(reader->partner_tag, reader->partner_text, i);

		put_byte(row, i, reader->first[i]);
		put_byte(marks, i, differs ? '^' : ' ');
		wrong |= differs;
	}
	ex_line(x, "%11s%c reads (#2)    %s", "", 'A' + (int)reader->host, row);
	if (wrong) {
		for (size_t len = strlen(marks); len > 0 && marks[len - 1] == ' ';)
			marks[--len] = '\0';
		ex_line(x, "%*s%-16s%s  not of this incarnation", 11, "", "", marks);
	}
}

static struct claim *
ex_add_claim(struct explain *x, const char *what, bool ok)
{
	struct claim *c = &x->claims[x->nclaims < EX_CLAIMS ? x->nclaims++ : EX_CLAIMS - 1];

	snprintf(c->what, sizeof(c->what), "%s", what);
	c->ok = ok;
	if (!ok)
		x->failed = true;
	return c;
}

void
ex_is(struct explain *x, const char *what, uint64_t got, uint64_t want)
{
	struct claim *c = ex_add_claim(x, what, got == want);

	snprintf(c->got, sizeof(c->got), "%lu", got);
	snprintf(c->want, sizeof(c->want), "%lu", want);
}

void
ex_is_true(struct explain *x, const char *what, bool got)
{
	struct claim *c = ex_add_claim(x, what, got);

	snprintf(c->got, sizeof(c->got), "%s", got ? "yes" : "no");
	snprintf(c->want, sizeof(c->want), "yes");
}

void
ex_between(struct explain *x, const char *what, double got, double lo, double hi, const char *unit)
{
	struct claim *c = ex_add_claim(x, what, got >= lo && got <= hi);

	snprintf(c->got, sizeof(c->got), "%.6g %s", got, unit);
	snprintf(c->want, sizeof(c->want), "%.6g to %.6g %s", lo, hi, unit);
}

void
ex_told(struct explain *x, const char *who, const struct la_sim_conn *c, enum la_end end)
{
	char what[EX_TEXT];
	struct claim *cl;

	snprintf(what, sizeof(what), "end reported to %s", who);
	cl = ex_add_claim(x, what, c->closed && !c->crashed && c->why.end == end);
	snprintf(cl->got, sizeof(cl->got), "%s",
		 c->crashed  ? "nothing: it crashed"
		 : c->closed ? la_end_name(c->why.end)
			     : "nothing");
	snprintf(cl->want, sizeof(cl->want), "%s", la_end_name(end));
}

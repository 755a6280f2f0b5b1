/* SPDX-License-Identifier: BSD-3-Clause */

/* Parses the events of a row. The first word selects the event. */

#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- arguments ------------------------------------------------------------------------------ */

static enum la_state
state_named(const struct place *at, const char *s)
{
	for (unsigned i = 0; i < LA_NSTATES; i++)
		if (strcmp(la_state_name((enum la_state)i), s) == 0)
			return (enum la_state)i;
	parse_fail(at, "'%s' is no state of RFC 9293", s);
}

struct target
parse_target(const struct place *at, char *const *tok, unsigned n)
{
	struct target t = {.state = LA_CLOSED};

	if (n == 0)
		parse_fail(at, "a state of RFC 9293 is missing");
	t.state = state_named(at, tok[0]);
	for (unsigned i = 1; i < n; i++) {
		unsigned bit = variant_bit(tok[i]);

		if (strcmp(tok[i], "active") == 0)
			t.active = true;
		else if (bit & (V_HALF | V_FULL | V_A | V_B | V_C | V_PAST))
			t.variant |= bit;
		else if (strcmp(tok[i], "passive") != 0 && strcmp(tok[i], "path") != 0)
			parse_fail(at, "'%s' is not one of: passive, active, half, full, path a, b or c, past", tok[i]);
	}
	if (t.active && t.state != LA_SYN_RCVD && t.state != LA_ESTABLISHED)
		parse_fail(at, "'active' is for SYN_RCVD and ESTABLISHED, not for %s", tok[0]);
	return t;
}

static int64_t
errno_named(const struct place *at, const char *s)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {{"EPIPE", EPIPE},	     {"EALREADY", EALREADY},	 {"ENOENT", ENOENT},
		     {"ENOTCONN", ENOTCONN}, {"EINVAL", EINVAL},	 {"EADDRNOTAVAIL", EADDRNOTAVAIL},
		     {"EBUSY", EBUSY},	     {"EADDRINUSE", EADDRINUSE}, {"EAGAIN", EAGAIN},
		     {"ENOBUFS", ENOBUFS},   {"ENOMEM", ENOMEM},	 {"ENOSPC", ENOSPC}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, s) == 0)
			return -names[i].value;
	return (int64_t)parse_number(at, s);
}

static const char *const calls[] = {
	[CALL_LISTEN] = "listen", [CALL_UNLISTEN] = "unlisten", [CALL_CONNECT] = "connect",
	[CALL_SEND] = "send",	  [CALL_READ] = "read",		[CALL_SHUTDOWN] = "shutdown",
	[CALL_CLOSE] = "close",	  [CALL_ABORT] = "abort",	[CALL_ABORT_ALL] = "abort_all",
	[CALL_END] = "end",	  [CALL_HOLD] = "hold",
};

static bool
call(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	unsigned i, arg = 1;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i], tok[0]) == 0)
			break;
	if (i == sizeof(calls) / sizeof(calls[0]))
		return false;
	e->kind = EV_CALL;
	e->call = (enum call)i;
	if (e->call == CALL_SEND && n < 2)
		parse_fail(&ps->at, "send needs a number of bytes");
	e->n = UINT64_MAX;
	if ((e->call == CALL_SEND || e->call == CALL_READ) && n > 1)
		e->n = parse_number(&ps->at, tok[arg++]);
	e->result = e->call == CALL_SEND ? (int64_t)e->n : 0;
	if (n > arg && strcmp(tok[arg], "=") == 0 && n == arg + 2)
		e->result = errno_named(&ps->at, tok[arg + 1]);
	else if (n > arg)
		parse_fail(&ps->at, "unexpected '%s' after %s", tok[arg], tok[0]);
	return true;
}

static void
on(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	e->kind = EV_CALL;
	if (n == 3 && strcmp(tok[1], "open") == 0 && strcmp(tok[2], "close") == 0)
		e->call = CALL_CLOSE_ON_OPEN;
	else if (n == 3 && strcmp(tok[1], "fin") == 0 && strcmp(tok[2], "close") == 0)
		e->call = CALL_CLOSE_ON_FIN;
	else
		parse_fail(&ps->at, "expected 'on open close' or 'on fin close'");
}

static void
callback(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	const char *what = n > 1 ? tok[1] : "";
	unsigned i = 0;

	e->kind = EV_CALLBACK;
	if (strcmp(what, "none") == 0 && n == 2) {
		e->callback = CB_NONE;
	} else if (strcmp(what, "opened") == 0 && n == 2) {
		e->callback = CB_OPENED;
	} else if (strcmp(what, "fin") == 0 && n == 2) {
		e->callback = CB_FIN;
	} else if (strcmp(what, "data") == 0 && n == 3) {
		e->callback = CB_DATA;
		e->result = (int64_t)parse_number(&ps->at, tok[2]);
	} else if (strcmp(what, "closed") == 0 && (n == 3 || n == 5)) {
		e->callback = CB_CLOSED;
		while (i < LA_NENDS && strcmp(la_end_name((enum la_end)i), tok[2]) != 0)
			i++;
		if (i == LA_NENDS)
			parse_fail(&ps->at, "'%s' is no end of a connection: orderly, reset, aborted, ...", tok[2]);
		e->end = (enum la_end)i;
		if (n == 5 && strcmp(tok[3], "unacked") != 0)
			parse_fail(&ps->at, "expected 'unacked', got '%s'", tok[3]);
		if (n == 5)
			e->result = (int64_t)parse_number(&ps->at, tok[4]);
	} else {
		parse_fail(&ps->at, "'! %s': expected none, opened, data N, fin or closed WHY [unacked N]", what);
	}
}

static void
specs(struct parser *ps, struct event *e, char *const *tok, unsigned n, bool in)
{
	unsigned i = 1;

	e->kind = in ? EV_IN : EV_OUT;
	e->specs = seg_alloc(MAX_SPECS * sizeof(*e->specs));
	for (;;) {
		if (e->nspecs == (in ? 1 : MAX_SPECS))
			parse_fail(&ps->at, "too many segments on a line");
		i += parse_spec(&ps->at, ps->row, tok + i, n - i, in, &e->specs[e->nspecs++]);
		if (i == n)
			return;
		i++; /* the '|' */
	}
}

static void
range(struct parser *ps, const char *s, uint64_t *from, uint64_t *to)
{
	char buf[64], *dots;

	snprintf(buf, sizeof(buf), "%s", s);
	dots = strstr(buf, "..");
	if (dots)
		*dots = '\0';
	*from = parse_number(&ps->at, buf);
	*to = dots ? parse_number(&ps->at, dots + 2) : *from;
	if (*to < *from)
		parse_fail(&ps->at, "range '%s': the end is less than the start", s);
}

/* again FLAGS SEQ [ACK] [len N] [times A..B] [first A..B] [for MS] */
static void
again(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	unsigned own = 1, i;

	while (own < n && strcmp(tok[own], "times") != 0 && strcmp(tok[own], "first") != 0 &&
	       strcmp(tok[own], "for") != 0)
		own++;
	specs(ps, e, tok, own, false);
	e->kind = EV_AGAIN;
	e->n = 3; /* RFC 9293 MUST-20: R1 is three retransmissions at least */
	e->n2 = UINT32_MAX;
	e->first[1] = UINT32_MAX;
	e->result = 400000;
	for (i = own; i < n; i += 2) {
		uint64_t ms;

		if (i + 1 == n)
			parse_fail(&ps->at, "%s needs a value", tok[i]);
		if (strcmp(tok[i], "times") == 0) {
			range(ps, tok[i + 1], &e->n, &e->n2);
		} else if (strcmp(tok[i], "first") == 0) {
			range(ps, tok[i + 1], &e->first[0], &e->first[1]);
		} else {
			range(ps, tok[i + 1], &ms, &ms);
			e->result = (int64_t)ms;
		}
	}
}

static void
check(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	static const char *const ops[] = {"==", "!=", "<", "<=", ">", ">="};
	unsigned i = 0;

	e->kind = EV_CHECK;
	if (n != 4)
		parse_fail(&ps->at, "check needs a sum, a comparison and a sum");
	while (i < 6 && strcmp(ops[i], tok[2]) != 0)
		i++;
	if (i == 6)
		parse_fail(&ps->at, "'%s' is not one of == != < <= > >=", tok[2]);
	e->cmp = (enum cmp)i;
	e->a = parse_expr(&ps->at, ps->row, tok[1]);
	e->b = parse_expr(&ps->at, ps->row, tok[3]);
}

/* Returns whether s is a key of a segment. A `let` name equal to a key would be parsed as an ACK number instead. */
static bool
is_key(const char *s)
{
	static const char *const keys[] = {"len",    "data",  "win",	"wnd",	"ts",  "mss",  "wscale",
					   "sackok", "sack",  "noopts", "opts", "urg", "resv", "doff",
					   "iplen",  "dport", "badsum", "pad",	"none"};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], s) == 0)
			return true;
	return false;
}

static void
let(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	struct row *row = ps->row;

	e->kind = EV_LET;
	if (n != 4 || strcmp(tok[2], "=") != 0 || !isalpha((unsigned char)*tok[1]))
		parse_fail(&ps->at, "expected 'let NAME = SUM'");
	e->a = parse_expr(&ps->at, row, tok[3]);
	for (e->let = 0; e->let < row->nlets; e->let++)
		if (strcmp(row->lets[e->let], tok[1]) == 0)
			return;
	if (row->nlets == MAX_LETS || expr_begins(row, tok[1]) || is_key(tok[1]))
		parse_fail(&ps->at, "'%s' is taken, or the row has too many names", tok[1]);
	row->lets[row->nlets++] = seg_copy(tok[1]);
}

static void
deadline(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	e->kind = EV_DEADLINE;
	if (n != 2)
		parse_fail(&ps->at, "expected 'deadline kept', 'deadline new' or 'deadline MS'");
	if (strcmp(tok[1], "kept") == 0) {
		e->deadline = DEADLINE_KEPT;
	} else if (strcmp(tok[1], "new") == 0) {
		e->deadline = DEADLINE_NEW;
	} else {
		e->deadline = DEADLINE_IN;
		e->n = parse_number(&ps->at, tok[1]);
	}
}

void
parse_with(struct parser *ps, struct seg_opts *o, char *const *tok, unsigned n)
{
	const char *why;
	unsigned took;

	for (unsigned i = 0; i < n; i += took) {
		took = opts_parse(o, tok + i, n - i, &why);
		if (took == 0)
			parse_fail(&ps->at, "'%s' %s", tok[i], why);
	}
}

static void
peer_line(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	struct seg_opts *o = seg_alloc(sizeof(*o));

	e->kind = EV_PEER;
	if (n < 2 || strlen(tok[1]) >= sizeof(e->name))
		parse_fail(&ps->at, "expected 'peer NAME', a name of up to %zu letters", sizeof(e->name) - 1);
	strcpy(e->name, tok[1]);
	*o = ps->row_opts;
	parse_with(ps, o, tok + 2, n - 2);
	e->opts = o;
}

/* --- events --------------------------------------------------------------------------------- */

static void
need_words(struct parser *ps, char *const *tok, unsigned n, unsigned want)
{
	if (n != want)
		parse_fail(&ps->at, "%s needs %u words after it", tok[0], want - 1);
}

static bool
plain_line(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	static const struct {
		const char *word;
		enum event_kind kind;
		unsigned words;
	} plain[] = {{"skip", EV_SKIP, 1},   {"stays", EV_STAYS, 1}, {"agree", EV_AGREE, 1}, {"state", EV_STATE, 2},
		     {"probe", EV_PROBE, 2}, {"port", EV_PORT, 2},   {"renew", EV_RENEW, 2}};

	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strcmp(plain[i].word, tok[0]) != 0)
			continue;
		need_words(ps, tok, n, plain[i].words);
		e->kind = plain[i].kind;
		if (e->kind == EV_STATE || e->kind == EV_PROBE)
			e->target.state = state_named(&ps->at, tok[1]);
		if (e->kind == EV_RENEW)
			e->a = parse_expr(&ps->at, ps->row, tok[1]);
		if (e->kind == EV_PORT) {
			e->n = strcmp(tok[1], "open") == 0;
			if (!e->n && strcmp(tok[1], "closed") != 0)
				parse_fail(&ps->at, "expected 'port open' or 'port closed'");
		}
		return true;
	}
	return false;
}

static bool
take_line(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	if (strcmp(tok[0], "new") == 0) {
		need_words(ps, tok, n, 1);
		e->kind = EV_NEW;
	} else if (strcmp(tok[0], "to") == 0) {
		e->kind = EV_TO;
		e->target = parse_target(&ps->at, tok + 1, n - 1);
	} else if (strcmp(tok[0], "enter") == 0) {
		need_words(ps, tok, n, 1);
		if (!ps->has_from)
			parse_fail(&ps->at, "'enter' needs a 'from' line above");
		e->kind = EV_TO;
		e->target = ps->row_from;
	} else {
		return false;
	}
	if (ps->opts_now == NULL) {
		struct seg_opts *o = seg_alloc(sizeof(*o));

		*o = ps->row_opts;
		ps->opts_now = o;
	}
	e->opts = ps->opts_now;
	return true;
}

static void
pause_line(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	e->kind = strcmp(tok[0], "quiet") == 0 ? EV_QUIET : EV_SILENCE;
	e->n = n > 1 ? parse_number(&ps->at, tok[1]) : QUIET_MS;
	need_words(ps, tok, n, n > 1 ? 2 : 1);
}

void
parse_event(struct parser *ps, struct event *e, char *const *tok, unsigned n)
{
	const char *w = tok[0];

	if (strcmp(w, "<") == 0)
		specs(ps, e, tok, n, true);
	else if (strcmp(w, ">") == 0)
		specs(ps, e, tok, n, false);
	else if (strcmp(w, "!") == 0)
		callback(ps, e, tok, n);
	else if (strcmp(w, "quiet") == 0 || strcmp(w, "silence") == 0)
		pause_line(ps, e, tok, n);
	else if (strcmp(w, "again") == 0)
		again(ps, e, tok, n);
	else if (strcmp(w, "check") == 0)
		check(ps, e, tok, n);
	else if (strcmp(w, "let") == 0)
		let(ps, e, tok, n);
	else if (strcmp(w, "deadline") == 0)
		deadline(ps, e, tok, n);
	else if (strcmp(w, "peer") == 0)
		peer_line(ps, e, tok, n);
	else if (strcmp(w, "on") == 0)
		on(ps, e, tok, n);
	else if (!take_line(ps, e, tok, n) && !plain_line(ps, e, tok, n) && !call(ps, e, tok, n))
		parse_fail(&ps->at, "unknown word '%s'", w);
}

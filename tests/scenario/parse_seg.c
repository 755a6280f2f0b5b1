/* SPDX-License-Identifier: BSD-3-Clause */

/* Parses sums and segments. */

#include "seg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name_)                                                 \
	static uint32_t get_##name_(const struct la_conn_info *info) \
	{                                                            \
		return info->name_;                                  \
	}
FIELD(snd_una)
FIELD(snd_nxt)
FIELD(rcv_nxt)
FIELD(snd_wnd)
FIELD(rcv_wnd)
FIELD(cwnd)
FIELD(ssthresh)
FIELD(srtt_ms)
FIELD(rto_ms)
FIELD(snd_queued)
FIELD(rcv_queued)
FIELD(retransmits)
FIELD(mss)

const struct conn_field conn_fields[] = {
	{"snd_una", get_snd_una},
	{"snd_nxt", get_snd_nxt},
	{"rcv_nxt", get_rcv_nxt},
	{"snd_wnd", get_snd_wnd},
	{"rcv_wnd", get_rcv_wnd},
	{"cwnd", get_cwnd},
	{"ssthresh", get_ssthresh},
	{"srtt_ms", get_srtt_ms},
	{"rto_ms", get_rto_ms},
	{"snd_queued", get_snd_queued},
	{"rcv_queued", get_rcv_queued},
	{"retransmits", get_retransmits},
	{"mss", get_mss},
	{NULL, NULL},
};

static const struct {
	const char *name;
	enum term_kind kind;
} names[] = {
	{"R", T_R},
	{"W", T_W},
	{"U", T_U},
	{"N", T_N},
	{"ISS", T_ISS},
	{"IRS", T_IRS},
	{"MAXWND", T_MAXWND},
	{"SEG.SEQ", T_SEG_SEQ},
	{"SEG.ACK", T_SEG_ACK},
	{"SEG.END", T_SEG_END},
	{"TS", T_TS},
	{"TSDUT", T_TSDUT},
	{"now", T_NOW},
	{"left", T_LEFT},
	{"opened", T_OPENED},
	{"fins", T_FINS},
	{"closed", T_CLOSED},
	{"opened_at", T_OPENED_AT},
	{"fin_at", T_FIN_AT},
	{"closed_at", T_CLOSED_AT},
	{"bytes", T_BYTES},
	{"unacked", T_UNACKED},
};

uint64_t
parse_number(const struct place *at, const char *s)
{
	char *end;
	uint64_t v = strtoull(s, &end, 0);

	if (!isdigit((unsigned char)*s) || *end)
		parse_fail(at, "'%s' is not a number", s);
	return v;
}

/* Parses one name. False: unknown name. */
static bool
term(const struct row *row, const char *s, enum term_kind *kind, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; row && i < row->nlets; i++) {
		if (strcmp(row->lets[i], s) == 0) {
			*kind = T_LET;
			*value = i;
			return true;
		}
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, s) == 0) {
			*kind = names[i].kind;
			return true;
		}
	}
	for (unsigned i = 0; strncmp(s, "conn.", 5) == 0 && conn_fields[i].name; i++) {
		if (strcmp(conn_fields[i].name, s + 5) == 0) {
			*kind = T_CONN;
			*value = i;
			return true;
		}
	}
	for (unsigned i = 0; strncmp(s, "counter.", 8) == 0 && i < LA_NCOUNTERS; i++) {
		if (strcmp(la_counter_name((enum la_counter)i), s + 8) == 0) {
			*kind = T_COUNTER;
			*value = i;
			return true;
		}
	}
	return false;
}

/* Copies the next term of a sum, up to a sign or the end, to out. Returns its length. */
static size_t
piece(const struct place *at, const char *whole, const char *s, char out[64])
{
	size_t n = strcspn(s, "+-");

	if (n == 0 || n > 63)
		parse_fail(at, "'%s' is not a sum", whole);
	memcpy(out, s, n);
	out[n] = '\0';
	return n;
}

bool
expr_begins(const struct row *row, const char *tok)
{
	enum term_kind kind;
	uint32_t value;
	char name[64];
	size_t n = strcspn(tok, "+-");

	if (*tok == '=' || isdigit((unsigned char)*tok))
		return true;
	if (n == 0 || n > 63)
		return false;
	memcpy(name, tok, n);
	name[n] = '\0';
	return term(row, name, &kind, &value);
}

struct expr
parse_expr(const struct place *at, const struct row *row, const char *s)
{
	struct expr e = {.n = 0};
	const char *whole = s;
	bool minus = false, named = *s == '=';

	if (*s == '=')
		s++;
	do {
		char name[64];

		if (e.n == MAX_TERMS)
			parse_fail(at, "'%s' has more than %d terms", whole, MAX_TERMS);
		s += piece(at, whole, s, name);
		e.t[e.n].minus = minus;
		if (isdigit((unsigned char)*name)) {
			uint64_t v = parse_number(at, name);

			if (v > UINT32_MAX)
				parse_fail(at, "'%s' does not fit 32 bits", name);
			e.t[e.n].kind = T_NUMBER;
			e.t[e.n].value = (uint32_t)v;
		} else if (term(row, name, &e.t[e.n].kind, &e.t[e.n].value)) {
			named = true;
		} else {
			parse_fail(at, "'%s' is neither a number nor a known name", name);
		}
		e.n++;
		minus = *s == '-';
	} while (*s++);
	e.plain = !named;
	return e;
}

/* --- segments ------------------------------------------------------------------------------- */

static bool
flags(const char *s, uint8_t *out, bool *psh)
{
	static const char letters[] = "FSRP.U";
	uint8_t set = 0;

	*psh = strchr(s, 'P') != NULL;
	if (strcmp(s, "-") == 0) {
		*out = 0;
		return true;
	}
	for (const char *p = s; *p; p++) {
		const char *l = strchr(letters, *p);

		if (l == NULL || set & 1u << (l - letters))
			return false;
		set |= (uint8_t)(1u << (l - letters));
	}
	*out = set;
	return set != 0;
}

/* The tokens of a line, and the index of the next one. */
struct cursor {
	const struct place *at;
	const struct row *row;
	char *const *tok;
	unsigned n, i;
	bool in;
};

static const char *
next(struct cursor *c, const char *key)
{
	if (c->i == c->n || strcmp(c->tok[c->i], "|") == 0)
		parse_fail(c->at, "%s needs a value", key);
	return c->tok[c->i++];
}

static uint32_t
number(struct cursor *c, const char *key, uint32_t max)
{
	uint64_t v = parse_number(c->at, next(c, key));

	if (v > max)
		parse_fail(c->at, "%s %llu is more than %u", key, (unsigned long long)v, max);
	return (uint32_t)v;
}

/* Returns whether the next token begins a sum. A key does not: `let` refuses the names of keys. */
static bool
is_sum_next(const struct cursor *c)
{
	return c->i < c->n && expr_begins(c->row, c->tok[c->i]);
}

static void
key_ts(struct cursor *c, struct spec *s)
{
	if (c->i < c->n && strcmp(c->tok[c->i], "none") == 0) {
		c->i++;
		s->ts = SPEC_TS_NONE;
	} else if (is_sum_next(c)) {
		s->ts = SPEC_TS_VALUE;
		s->tsval = parse_expr(c->at, c->row, c->tok[c->i++]);
		if (is_sum_next(c)) {
			s->has |= HAS_ECR;
			s->tsecr = parse_expr(c->at, c->row, c->tok[c->i++]);
		}
	} else {
		s->ts = SPEC_TS_ANY;
	}
}

static void
key_sack(struct cursor *c, struct spec *s)
{
	s->has |= HAS_SACK;
	if (!c->in && c->i < c->n && strcmp(c->tok[c->i], "none") == 0) {
		c->i++;
		return;
	}
	while (is_sum_next(c)) {
		if (s->nsack == MAX_SACKS)
			parse_fail(c->at, "more than %d SACK blocks", MAX_SACKS);
		s->sack[s->nsack][0] = parse_expr(c->at, c->row, c->tok[c->i++]);
		s->sack[s->nsack++][1] = parse_expr(c->at, c->row, next(c, "a SACK block"));
	}
	if (s->nsack == 0)
		parse_fail(c->at, "sack needs two numbers for each block");
}

static void
key_opts(struct cursor *c, struct spec *s)
{
	const char *hex = next(c, "opts");
	size_t n = strlen(hex);

	if (n % 2 || n > 2 * sizeof(s->opts) || strspn(hex, "0123456789abcdefABCDEF") != n)
		parse_fail(c->at, "opts '%s': expected up to 40 bytes in hex", hex);
	for (size_t i = 0; i < n / 2; i++) {
		char byte[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		s->opts[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	s->optlen = n / 2;
	s->has |= HAS_OPTS;
}

static bool
key_in(struct cursor *c, struct spec *s, const char *key)
{
	if (strcmp(key, "data") == 0) {
		s->data = parse_number(c->at, next(c, key));
		s->has |= HAS_DATA;
	} else if (strcmp(key, "noopts") == 0) {
		s->has |= HAS_OPTS;
	} else if (strcmp(key, "opts") == 0) {
		key_opts(c, s);
	} else if (strcmp(key, "urg") == 0) {
		s->urg = number(c, key, UINT16_MAX);
	} else if (strcmp(key, "resv") == 0) {
		s->resv = number(c, key, 15);
	} else if (strcmp(key, "doff") == 0) {
		s->doff = number(c, key, 15);
	} else if (strcmp(key, "dport") == 0) {
		s->dport = number(c, key, UINT16_MAX);
	} else if (strcmp(key, "iplen") == 0) {
		s->iplen = (int32_t)strtol(next(c, key), NULL, 0);
	} else if (strcmp(key, "badsum") == 0) {
		s->has |= HAS_BADSUM;
	} else if (strcmp(key, "pad") == 0) {
		s->has |= HAS_PAD;
	} else {
		return false;
	}
	return true;
}

static void
key_any(struct cursor *c, struct spec *s)
{
	const char *key = c->tok[c->i++];

	if (strcmp(key, "len") == 0) {
		s->len = number(c, key, 65535);
	} else if (strcmp(key, "win") == 0) {
		s->win = number(c, key, UINT16_MAX);
		s->has |= HAS_WIN;
	} else if (strcmp(key, "ts") == 0) {
		key_ts(c, s);
	} else if (strcmp(key, "mss") == 0) {
		s->mss = number(c, key, UINT16_MAX);
		s->has |= HAS_MSS;
	} else if (strcmp(key, "wscale") == 0) {
		if (!c->in && c->i < c->n && strcmp(c->tok[c->i], "none") == 0) {
			c->i++;
			s->has |= HAS_NO_WS;
			return;
		}
		s->ws = number(c, key, 255);
		s->has |= HAS_WS;
	} else if (strcmp(key, "sackok") == 0) {
		s->has |= HAS_SACKOK;
	} else if (strcmp(key, "sack") == 0) {
		key_sack(c, s);
	} else if (!c->in && strcmp(key, "wnd") == 0) {
		s->wnd = number(c, key, UINT32_MAX);
		s->has |= HAS_WND;
	} else if (!c->in || !key_in(c, s, key)) {
		parse_fail(c->at, "'%s' is not a key of a '%s' line", key, c->in ? "<" : ">");
	}
}

unsigned
parse_spec(const struct place *at, const struct row *row, char *const *tok, unsigned n, bool in, struct spec *s)
{
	struct cursor c = {at, row, tok, n, 0, in};
	const char *letters = next(&c, in ? "<" : ">");
	bool psh;

	memset(s, 0, sizeof(*s));
	if (!in && strcmp(letters, "none") == 0) {
		s->none = true;
		return c.i;
	}
	if (!flags(letters, &s->flags, &psh))
		parse_fail(at, "'%s' are not flags: letters of SFRPU, '.' for ACK, '-' for none", letters);
	s->has |= psh ? HAS_PSH : 0;
	s->seq = parse_expr(at, row, next(&c, letters));
	if (is_sum_next(&c)) {
		s->ack = parse_expr(at, row, c.tok[c.i++]);
		s->has |= HAS_ACK;
	}
	if ((s->flags & LA_ACK) && !(s->has & HAS_ACK))
		parse_fail(at, "'%s' needs an ACK number", letters);
	while (c.i < c.n && strcmp(c.tok[c.i], "|") != 0)
		key_any(&c, s);
	if (s->len > 1600 && in)
		parse_fail(at, "len %u: a '<' segment has at most 1600 bytes", s->len);
	return c.i;
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fault/fault.h"

enum { WORDS = 12, WORD = 24 };

struct name {
	const char *text;
	int value;
};

static const struct name actions[] = {
	{"drop", LA_FAULT_DROP},       {"hold", LA_FAULT_HOLD},
	{"delay", LA_FAULT_HOLD},      {"dup", LA_FAULT_DUP},
	{"duplicate", LA_FAULT_DUP},   {"corrupt", LA_FAULT_CORRUPT},
	{"reorder", LA_FAULT_REORDER}, {NULL, 0},
};

static const struct name kinds[] = {
	{"syn", LA_FAULT_ON_SYN},    {"synack", LA_FAULT_ON_SYNACK},
	{"data", LA_FAULT_ON_DATA},  {"fin", LA_FAULT_ON_FIN},
	{"ack", LA_FAULT_ON_ACK},    {"lastack", LA_FAULT_ON_LASTACK},
	{"rst", LA_FAULT_ON_RST},    {"segment", LA_FAULT_ON_ANY},
	{"packet", LA_FAULT_ON_ANY}, {NULL, 0},
};

static bool
look_up(const struct name *n, const char *word, int *value)
{
	for (; n->text; n++)
		if (strcasecmp(n->text, word) == 0) {
			*value = n->value;
			return true;
		}
	return false;
}

/* Parses "2nd", "every" or "5%". False: none of them. */
static bool
fault_parse_which(const char *word, struct la_fault *f)
{
	char *end;
	double pct;
	unsigned long n;

	if (strcasecmp(word, "every") == 0 || strcasecmp(word, "all") == 0)
		return true;
	if (word[0] && word[strlen(word) - 1] == '%') {
		pct = strtod(word, &end);
		if (end == word || strcmp(end, "%") != 0 || !(pct > 0 && pct <= 100))
			return false;
		f->ppm = (uint32_t)(pct * 10000 + 0.5);
		return f->ppm > 0;
	}
	if (!isdigit((unsigned char)word[0]))
		return false;
	n = strtoul(word, &end, 10);
	if (n == 0 || n > UINT32_MAX)
		return false;
	f->nth = (uint32_t)n;
	return strcasecmp(end, "st") == 0 || strcasecmp(end, "nd") == 0 || strcasecmp(end, "rd") == 0 ||
	       strcasecmp(end, "th") == 0;
}

static bool
fault_parse_duration(const char *word, uint64_t *us)
{
	static const struct {
		const char *unit;
		double us;
	} units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"min", 60e6}, {"h", 3600e6}};
	char *end;
	double v = strtod(word, &end);

	if (end == word || !(v >= 0 && v < 1e9))
		return false;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcasecmp(end, units[i].unit) == 0) {
			*us = (uint64_t)(v * units[i].us + 0.5);
			return true;
		}
	return false;
}

static int
fault_fail(char *err, size_t size, const char *text, const char *what)
{
	snprintf(err, size, "fault '%s': %s", text, what);
	return -EINVAL;
}

/* Splits the text into words and leaves out "the". Returns the number of words. -1: too many words, or one too long. */
static int
fault_split_words(const char *text, char word[WORDS][WORD])
{
	int n = 0;

	while (*text) {
		size_t len;

		text += strspn(text, " \t");
		len = strcspn(text, " \t");
		if (len == 0)
			break;
		if (n == WORDS || len >= WORD)
			return -1;
		memcpy(word[n], text, len);
		word[n][len] = '\0';
		text += len;
		if (strcasecmp(word[n], "the") != 0)
			n++;
	}
	return n;
}

int
la_fault_parse(const char *text, struct la_fault *f, char *err, size_t size)
{
	char word[WORDS][WORD];
	int n = fault_split_words(text, word), i = 0, v;
	bool timed = false;

	memset(f, 0, sizeof(*f));
	if (n < 0)
		return fault_fail(err, size, text, "too long: ACTION WHICH KIND [from HOST] [for TIME]");
	if (i >= n || !look_up(actions, word[i++], &v))
		return fault_fail(err, size, text, "begins with drop, hold, dup, corrupt or reorder");
	f->action = (enum la_fault_action)v;
	if (i >= n || !fault_parse_which(word[i++], f))
		return fault_fail(err, size, text, "which one: 1st, 2nd, 3rd ..., every, or a share like 5%");
	if (i >= n || !look_up(kinds, word[i++], &v))
		return fault_fail(err, size, text, "of what: syn, synack, data, fin, ack, lastack, rst or segment");
	f->kind = (enum la_fault_on)v;
	if (i < n && f->kind != LA_FAULT_ON_ANY && strcasecmp(word[i], "segment") == 0)
		i++;
	for (; i + 1 < n; i += 2) {
		if (strcasecmp(word[i], "from") == 0) {
			if (strlen(word[i + 1]) >= sizeof(f->host))
				return fault_fail(err, size, text, "the host's name is too long");
			strcpy(f->host, word[i + 1]);
		} else if (strcasecmp(word[i], "for") == 0 || strcasecmp(word[i], "by") == 0 ||
			   strcasecmp(word[i], "after") == 0) {
			if (!fault_parse_duration(word[i + 1], &f->us))
				return fault_fail(err, size, text, "a time has a unit: 250us, 40ms, 70s, 4m");
			timed = true;
		} else {
			break;
		}
	}
	if (i < n)
		return fault_fail(err, size, text, "after the kind come 'from HOST' and 'for TIME' only");
	if (f->action == LA_FAULT_HOLD && !timed)
		return fault_fail(err, size, text, "how long? hold ... for 70s");
	if (timed && f->action != LA_FAULT_HOLD && f->action != LA_FAULT_DUP)
		return fault_fail(err, size, text, "only hold and dup take a time");
	return 0;
}

bool
la_fault_is_kind(const struct la_fault_seg *s, enum la_fault_on k, const uint32_t *peer_fin)
{
	bool pure = s->len == 0 && !(s->flags & (LA_SYN | LA_FIN | LA_RST)) && (s->flags & LA_ACK);

	switch (k) {
	case LA_FAULT_ON_ANY:
		return true;
	case LA_FAULT_ON_SYN:
		return (s->flags & LA_SYN) && !(s->flags & LA_ACK);
	case LA_FAULT_ON_SYNACK:
		return (s->flags & LA_SYN) && (s->flags & LA_ACK);
	case LA_FAULT_ON_DATA:
		return s->len > 0;
	case LA_FAULT_ON_FIN:
		return (s->flags & LA_FIN) != 0;
	case LA_FAULT_ON_ACK:
		return pure;
	case LA_FAULT_ON_LASTACK:
		return pure && peer_fin && s->ack == *peer_fin;
	case LA_FAULT_ON_RST:
		return (s->flags & LA_RST) != 0;
	}
	return false;
}

struct la_fate
la_fault_decide(struct la_fault *f, unsigned n, const char *host, const struct la_fault_seg *s,
		const uint32_t *peer_fin, struct la_rng *rng)
{
	struct la_fate fate = {LA_FAULT_NONE, 0};

	for (unsigned i = 0; i < n; i++) {
		if ((f[i].host[0] && strcasecmp(f[i].host, host) != 0) || !la_fault_is_kind(s, f[i].kind, peer_fin))
			continue;
		f[i].seen++;
		if (f[i].nth && f[i].seen != f[i].nth)
			continue;
		if (f[i].ppm && !la_rng_chance(rng, f[i].ppm))
			continue;
		if (fate.action == LA_FAULT_NONE)
			fate = (struct la_fate){f[i].action, f[i].us};
	}
	return fate;
}

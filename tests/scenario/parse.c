/* SPDX-License-Identifier: BSD-3-Clause */

/* Parses scenario files: rows, scripts and their settings. A script is kept as text and parsed at every
 * `play` line, because the row decides what `enter` and the `let` names in the script mean. */

#include "parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512, SCRIPTS_DEEP = 4 };

/* The memory of all parsed data. seg_free() frees it. */
static struct block {
	struct block *next;
	max_align_t data[];
} * blocks;

void *
seg_alloc(size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	if (b == NULL) {
		fprintf(stderr, "seg: no memory\n");
		exit(2);
	}
	b->next = blocks;
	blocks = b;
	return b->data;
}

void
seg_free(struct row *rows)
{
	for (; rows; rows = rows->next)
		free(rows->ev);
	for (struct block *next; blocks; blocks = next) {
		next = blocks->next;
		free(blocks);
	}
}

_Noreturn void
parse_fail(const struct place *at, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", at->file, at->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

char *
seg_copy(const char *s)
{
	return strcpy(seg_alloc(strlen(s) + 1), s);
}

/* --- one line ------------------------------------------------------------------------------- */

/* Splits into words; a quoted text is one word (with its quotes). '#' ends the line. */
static unsigned
split(const struct place *at, char *s, char *tok[MAX_TOKENS])
{
	unsigned n = 0;

	for (;;) {
		while (isspace((unsigned char)*s))
			*s++ = '\0';
		if (*s == '\0' || *s == '#') {
			*s = '\0';
			return n;
		}
		if (n == MAX_TOKENS)
			parse_fail(at, "more than %d words", MAX_TOKENS);
		tok[n++] = s;
		if (*s == '"') {
			s = strchr(s + 1, '"');
			if (s == NULL)
				parse_fail(at, "a text without its closing '\"'");
			s++;
		}
		while (*s && !isspace((unsigned char)*s))
			s++;
	}
}

static unsigned
variants(struct parser *ps, char *const *tok, unsigned n)
{
	unsigned set = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned bit = variant_bit(tok[i]);

		if (bit == 0)
			parse_fail(&ps->at, "'%s' is no variant", tok[i]);
		set |= bit;
	}
	return set;
}

/* Parses a guard, for example the two words "[full" and "ip6]". Returns its number of words. */
static unsigned
guard(struct parser *ps, char **tok, unsigned n, unsigned *set)
{
	unsigned used = 0;
	bool end = false;

	*set = 0;
	if (tok[0][0] != '[')
		return 0;
	tok[0]++;
	while (!end) {
		size_t len;

		if (used == n)
			parse_fail(&ps->at, "a guard without its closing ']'");
		len = strlen(tok[used]);
		end = len && tok[used][len - 1] == ']';
		if (end)
			tok[used][len - 1] = '\0';
		*set |= variants(ps, tok + used++, 1);
	}
	return used;
}

static bool
times(struct parser *ps, struct event *e, char *s)
{
	char *dots;

	if (!isdigit((unsigned char)*s) && !(*s == '+' && isdigit((unsigned char)s[1])))
		return false;
	e->when = *s == '+' ? WHEN_AFTER : WHEN_AT;
	s += *s == '+';
	dots = strstr(s, "..");
	if (dots)
		*dots = '\0';
	e->from = parse_number(&ps->at, s);
	e->to = dots ? parse_number(&ps->at, dots + 2) : e->from;
	if (e->to < e->from)
		parse_fail(&ps->at, "range of times: the end is less than the start");
	return true;
}

static struct event *
add(struct row *row)
{
	if (row->nev == row->room) {
		row->room = row->room ? row->room * 2 : 32;
		row->ev = realloc(row->ev, row->room * sizeof(*row->ev));
		if (row->ev == NULL)
			exit(2);
	}
	memset(&row->ev[row->nev], 0, sizeof(*row->ev));
	return &row->ev[row->nev++];
}

/* Returns a copy of a line without its comment, for messages. */
static char *
bare(const char *text)
{
	char *s = seg_copy(text);
	size_t n = strcspn(s, "#");

	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

static void
add_event(struct parser *ps, char **tok, unsigned n)
{
	struct event e = {.file = ps->at.file, .line = ps->at.line, .text = bare(ps->text)};
	unsigned i = guard(ps, tok, n, &e.guard);

	if (i < n && times(ps, &e, tok[i]))
		i++;
	if (i == n)
		parse_fail(&ps->at, "a guard or a time without an event");
	parse_event(ps, &e, tok + i, n - i);
	if (e.from != e.to && e.kind != EV_OUT)
		parse_fail(&ps->at, "only a '>' line may have a range of times");
	if (e.when != WHEN_NOW && (e.kind == EV_TO || e.kind == EV_NEW))
		parse_fail(&ps->at, "a take begins at time 0");
	if (ps->row->nev == 0 && e.kind != EV_TO && e.kind != EV_NEW)
		parse_fail(&ps->at, "a row begins with 'new', 'to' or 'enter'");
	*add(ps->row) = e;
}

/* --- rows and scripts ----------------------------------------------------------------------- */

static void line(struct parser *ps, const char *text);

static void
begin_row(struct parser *ps, char *const *tok, unsigned n)
{
	struct row *row = seg_alloc(sizeof(*row));

	if (n != 3 || tok[2][0] != '"')
		parse_fail(&ps->at, "expected 'row NAME \"text\"'");
	row->name = seg_copy(tok[1]);
	tok[2][strlen(tok[2]) - 1] = '\0';
	row->text = seg_copy(tok[2] + 1);
	row->file = ps->at.file;
	row->line = ps->at.line;
	row->each = ps->each;
	*ps->rows = row;
	ps->rows = &row->next;
	ps->row = row;
	ps->script = NULL;
	ps->row_from = ps->from;
	ps->row_opts = ps->opts;
	ps->opts_now = NULL;
}

static void
begin_script(struct parser *ps, char *const *tok, unsigned n)
{
	struct script *s = seg_alloc(sizeof(*s));

	if (n != 2)
		parse_fail(&ps->at, "expected 'script NAME'");
	s->name = seg_copy(tok[1]);
	s->end = &s->lines;
	s->next = ps->scripts;
	ps->scripts = ps->script = s;
	ps->row = NULL;
}

static void
keep(struct parser *ps)
{
	struct line *l = seg_alloc(sizeof(*l));

	l->file = ps->at.file;
	l->no = ps->at.line;
	l->text = seg_copy(ps->text);
	*ps->script->end = l;
	ps->script->end = &l->next;
}

static void
play(struct parser *ps, char *const *tok, unsigned n)
{
	struct place back = ps->at;
	struct script *s = ps->scripts;

	if (n != 2)
		parse_fail(&ps->at, "expected 'play NAME'");
	while (s && strcmp(s->name, tok[1]) != 0)
		s = s->next;
	if (s == NULL)
		parse_fail(&ps->at, "no script '%s'", tok[1]);
	if (++ps->depth > SCRIPTS_DEEP)
		parse_fail(&ps->at, "more than %d nested 'play' lines", SCRIPTS_DEEP);
	for (const struct line *l = s->lines; l; l = l->next) {
		ps->at = (struct place){l->file, l->no};
		line(ps, l->text);
	}
	ps->depth--;
	ps->at = back;
}

static void read_file(struct parser *ps, const char *path);

/* Reads the scripts of another file in the same folder. */
static void
use(struct parser *ps, char *const *tok, unsigned n)
{
	const char *slash = strrchr(ps->at.file, '/');
	struct place back = ps->at;
	char path[1024];

	if (n != 2)
		parse_fail(&ps->at, "expected 'use FILE'");
	snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - ps->at.file) : 0, ps->at.file, tok[1]);
	if (++ps->depth > SCRIPTS_DEEP)
		parse_fail(&ps->at, "too many nested 'use' lines");
	read_file(ps, path);
	ps->depth--;
	ps->at = back;
	ps->script = NULL;
}

/* Parses a setting of the row or, before the first row, of the file. Returns false for any other line. */
static bool
setting(struct parser *ps, char *const *tok, unsigned n)
{
	if (strcmp(tok[0], "each") == 0) {
		unsigned *each = ps->row ? &ps->row->each : &ps->each;

		*each = variant_replace(*each, variants(ps, tok + 1, n - 1));
	} else if (strcmp(tok[0], "from") == 0) {
		*(ps->row ? &ps->row_from : &ps->from) = parse_target(&ps->at, tok + 1, n - 1);
		ps->has_from = true;
	} else if (strcmp(tok[0], "with") == 0) {
		parse_with(ps, ps->row ? &ps->row_opts : &ps->opts, tok + 1, n - 1);
		ps->opts_now = NULL;
	} else if (strcmp(tok[0], "use") == 0) {
		use(ps, tok, n);
	} else {
		return false;
	}
	return true;
}

static void
line(struct parser *ps, const char *text)
{
	char buf[TEXT_MAX], *tok[MAX_TOKENS];
	unsigned n;

	ps->text = text;
	snprintf(buf, sizeof(buf), "%s", text);
	n = split(&ps->at, buf, tok);
	if (n == 0)
		return;
	if (ps->depth == 0 && strcmp(tok[0], "row") == 0)
		begin_row(ps, tok, n);
	else if (strcmp(tok[0], "script") == 0)
		begin_script(ps, tok, n);
	else if (ps->script)
		keep(ps);
	else if (setting(ps, tok, n))
		return;
	else if (ps->row == NULL)
		parse_fail(&ps->at, "'%s' outside of a row", tok[0]);
	else if (strcmp(tok[0], "play") == 0)
		play(ps, tok, n);
	else
		add_event(ps, tok, n);
}

static void
read_file(struct parser *ps, const char *path)
{
	char text[TEXT_MAX];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		parse_fail(&(struct place){path, 0}, "cannot be opened");
	ps->at = (struct place){seg_copy(path), 0};
	while (fgets(text, sizeof(text), f)) {
		char *end = strchr(text, '\n');

		ps->at.line++;
		if (end == NULL && !feof(f))
			parse_fail(&ps->at, "a line of more than %d characters", TEXT_MAX - 2);
		if (end)
			*end = '\0';
		line(ps, text);
	}
	fclose(f);
}

void
parse_file(const char *path, struct row **rows)
{
	struct parser ps = {.rows = rows};

	while (*ps.rows)
		ps.rows = &(*ps.rows)->next;
	read_file(&ps, path);
}

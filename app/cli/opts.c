/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "cli/nearest.h"
#include "cli/opts.h"
#include "run/units.h"

enum { BRIEF_COLUMNS = 120, HELP_MAX = 1024 };

static bool
is_end(const struct opt *o)
{
	return o->name == NULL && o->help == NULL;
}

static const struct opt *
opt_find(const struct opt *const *tables, const char *name, size_t len, char letter)
{
	for (; *tables; tables++) {
		for (const struct opt *o = *tables; !is_end(o); o++) {
			if (o->kind == OPT_HEADING)
				continue;
			if (letter ? o->letter == letter : strlen(o->name) == len && memcmp(o->name, name, len) == 0)
				return o;
		}
	}
	return NULL;
}

/* Writes the choices to why, and the choice nearest to text if at most half of the longer of the two differs. */
static void
choice_list(const struct opt *o, const char *text, char *why, size_t size)
{
	const char *nearest = NULL;
	unsigned least = UINT_MAX;
	size_t n = 0;

	why[0] = '\0';
	for (unsigned i = 0; o->choices[i] && n < size; i++) {
		size_t length = strlen(o->choices[i]), longer = length > strlen(text) ? length : strlen(text);
		unsigned d = name_distance(text, o->choices[i]);

		n += (size_t)snprintf(why + n, size - n, "%s%s", i ? ", " : "", o->choices[i]);
		if (d < least && d <= longer / 2) {
			least = d;
			nearest = o->choices[i];
		}
	}
	if (nearest && n < size)
		snprintf(why + n, size - n, "; the nearest is %s", nearest);
}

/* Returns 0; or -1, with the allowed values in why, when the form is wrong or the value is out of bounds. max 0: no
 * upper bound. */
static int
parse_duration(const char *text, uint64_t min, uint64_t max, uint32_t *ms, char *why, size_t size)
{
	char lo[16], hi[16];

	if (la_parse_duration(text, ms) == 0 && *ms >= min && (max == 0 || *ms <= max))
		return 0;
	if (max != 0)
		snprintf(why, size, "a duration with its unit (ms, s, m, h), %s to %s",
			 la_format_duration((uint32_t)min, lo, sizeof(lo)),
			 la_format_duration((uint32_t)max, hi, sizeof(hi)));
	else
		snprintf(why, size, "a duration with its unit, such as 500ms, 30s or 2m");
	return -1;
}

static int
parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *n, char *why, size_t size)
{
	if (la_parse_number(text, n) == 0 && *n >= min && *n <= max)
		return 0;
	snprintf(why, size, "a number from %lu to %lu, such as 500, 64k (thousands) or 1Mi (1048576)", min, max);
	return -1;
}

static int
set_duration(const struct opt *o, const char *text, char *why, size_t size)
{
	uint32_t ms;

	if (parse_duration(text, o->min, o->max, &ms, why, size))
		return -1;
	*(uint32_t *)o->dst = ms;
	return 0;
}

static int
set_number(const struct opt *o, const char *text, char *why, size_t size)
{
	uint64_t n;

	if (parse_number(text, o->min, o->max, &n, why, size))
		return -1;
	*(uint64_t *)o->dst = n;
	return 0;
}

static bool
is_duration(const struct la_config_row *r)
{
	return strcmp(r->unit, "ms") == 0;
}

static int
set_field(const struct opt *o, const char *text, char *why, size_t size)
{
	const struct la_config_row *r = o->row;
	uint32_t ms;
	uint64_t n;

	if (is_duration(r)) {
		if (parse_duration(text, r->min, r->max, &ms, why, size))
			return -1;
		n = ms;
	} else if (parse_number(text, r->min, r->max, &n, why, size)) {
		return -1;
	}
	la_config_set(r, o->dst, n);
	return 0;
}

static int
opt_set(const struct opt *row, const char *text, char *why, size_t size)
{
	struct opt now = *row, *o = &now;

	if (row->where)
		now.dst = row->where();
	switch (o->kind) {
	case OPT_HEADING:
		break;
	case OPT_FLAG:
		*(bool *)o->dst = true;
		return 0;
	case OPT_DURATION:
		return set_duration(o, text, why, size);
	case OPT_NUMBER:
		return set_number(o, text, why, size);
	case OPT_FIELD:
		return set_field(o, text, why, size);
	case OPT_PORT:
		if (la_parse_port(text, o->dst) == 0)
			return 0;
		snprintf(why, size, "a port, 1 to 65535");
		return -1;
	case OPT_TEXT:
		if (text[0] != '\0') {
			*(const char **)o->dst = text;
			return 0;
		}
		snprintf(why, size, "%s, not empty", o->arg);
		return -1;
	case OPT_CHOICE:
	case OPT_SWITCH:
		for (int i = 0; o->choices[i]; i++) {
			if (strcmp(o->choices[i], text) == 0) {
				*(int *)o->dst = i;
				return 0;
			}
		}
		choice_list(o, text, why, size);
		return -1;
	case OPT_CALL:
	case OPT_CALL_SWITCH:
		return o->call(o->dst, text, why, size);
	}
	return -1;
}

/* Returns the option of "--name", "--name=value", "-x" or "-xvalue"; NULL: there is none. *value: the attached value,
 * or NULL. */
static const struct opt *
opt_match(const char *arg, const struct opt *const *tables, const char **value)
{
	*value = NULL;
	if (arg[1] == '-') {
		const char *eq = strchr(arg, '=');
		size_t len = eq ? (size_t)(eq - arg - 2) : strlen(arg + 2);

		if (eq)
			*value = eq + 1;
		return opt_find(tables, arg + 2, len, 0);
	}
	if (arg[2] != '\0')
		*value = arg[2] == '=' ? arg + 3 : arg + 2;
	return opt_find(tables, NULL, 0, arg[1]);
}

enum opt_result
opt_parse(int argc, char **argv, const struct opt *const *tables, char *err, size_t size)
{
	char why[1300];

	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i], *value;
		const struct opt *o;

		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
			return OPT_HELP;
		if (arg[0] != '-' || arg[1] == '\0' || strcmp(arg, "--") == 0) {
			snprintf(err, size, "'%s': only options are allowed here; see --help", arg);
			return OPT_BAD;
		}
		o = opt_match(arg, tables, &value);
		if (o == NULL) {
			snprintf(err, size, "'%s': no such option; --help all lists the options", arg);
			return OPT_BAD;
		}
		if (o->kind == OPT_FLAG) {
			if (value) {
				snprintf(err, size, "'%s': --%s takes no value", arg, o->name);
				return OPT_BAD;
			}
		} else if (value == NULL && o->kind == OPT_SWITCH) {
			*(int *)o->dst = 0;
			continue;
		} else if (value == NULL && o->kind == OPT_CALL_SWITCH) {
			value = "";
		} else if (value == NULL) {
			if (i + 1 == argc) {
				snprintf(err, size, "--%s: a value is missing; allowed: %s", o->name, o->arg);
				return OPT_BAD;
			}
			value = argv[++i];
		}
		if (opt_set(o, value, why, sizeof(why)) != 0) {
			snprintf(err, size, "--%s: '%s' was given; allowed: %s", o->name, value, why);
			return OPT_BAD;
		}
	}
	return OPT_OK;
}

/* Writes the option as the help shows it: "-l LIST, --lcores LIST". */
static const char *
left_side(const struct opt *o, char *buf, size_t size)
{
	bool flag = o->kind == OPT_FLAG;
	char letter[48] = "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c%s%s, ", o->letter, flag ? "" : " ", flag ? "" : o->arg);
	snprintf(buf, size, "%s--%s%s%s", letter, o->name,
		 flag || o->kind == OPT_SWITCH || o->kind == OPT_CALL_SWITCH ? "" : " ", flag ? "" : o->arg);
	return buf;
}

/* Writes the default, such as " [30s]" or " [128Ki]". Writes nothing for 0: the row's help then has the default. */
static const char *
default_text(const struct la_config_row *r, char *buf, size_t size)
{
	enum { KI = 1 << 10, MI = 1 << 20, LONG = 100000, LONG_MS = 120000 };
	char ms[16];

	if (r->def == 0)
		buf[0] = '\0';
	else if (is_duration(r) && r->def % 1000 == 0 && r->def < LONG_MS)
		snprintf(buf, size, " [%lus]", r->def / 1000);
	else if (is_duration(r))
		snprintf(buf, size, " [%s]", la_format_duration((uint32_t)r->def, ms, sizeof(ms)));
	else if (r->def >= LONG && r->def % MI == 0)
		snprintf(buf, size, " [%luMi]", r->def / MI);
	else if (r->def >= LONG && r->def % KI == 0)
		snprintf(buf, size, " [%luKi]", r->def / KI);
	else
		snprintf(buf, size, " [%lu]", r->def);
	return buf;
}

static const char *
help_text(const struct opt *o, char *buf, size_t size)
{
	char def[32];

	if (o->kind != OPT_FIELD)
		return o->help ? o->help : "";
	snprintf(buf, size, "%s%s", o->row->help, default_text(o->row, def, sizeof(def)));
	return buf;
}

void
opt_help(const struct opt *const *tables, FILE *f)
{
	char left[96], text[HELP_MAX];

	for (; *tables; tables++) {
		for (const struct opt *o = *tables; !is_end(o); o++) {
			if (o->kind == OPT_HEADING) {
				fprintf(f, "\n   %s\n", o->help);
				continue;
			}
			fprintf(f, "       %s\n", left_side(o, left, sizeof(left)));
			for (const char *p = help_text(o, text, sizeof(text)); *p;) {
				const char *nl = strchr(p, '\n');
				int len = nl ? (int)(nl - p) : (int)strlen(p);

				fprintf(f, "              %.*s\n", len, p);
				p = nl ? nl + 1 : p + len;
			}
		}
	}
}

/* Returns whether the name is one of the words of the list. */
static bool
is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; *p != '\0'; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, name, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static int
count_words(const char *list)
{
	int n = 0;

	for (const char *p = list + strspn(list, " "); *p != '\0'; p += strspn(p, " ")) {
		p += strcspn(p, " ");
		n++;
	}
	return n;
}

/* Returns the length of a help's first line, cut at a space to fit into max. *more: text was left out. */
static int
first_line(const char *help, size_t max, bool *more)
{
	size_t n = strcspn(help, "\n");

	*more = help[n] != '\0' || n > max;
	if (n + (*more ? strlen(" ...") : 0) > max)
		for (n = max - strlen(" ..."); n > 0 && help[n] != ' '; n--)
			;
	return (int)n;
}

int
opt_brief(const struct opt *const *tables, const char *common, FILE *f)
{
	size_t width = 0;
	char left[96], buf[HELP_MAX];
	int found = 0;

	for (const struct opt *const *t = tables; *t; t++)
		for (const struct opt *o = *t; !is_end(o); o++)
			if (o->kind != OPT_HEADING && is_listed(common, o->name)) {
				size_t n = strlen(left_side(o, left, sizeof(left)));

				width = n > width ? n : width;
				found++;
			}
	for (; *tables; tables++) {
		const char *heading = NULL;

		for (const struct opt *o = *tables; !is_end(o); o++) {
			const char *text;
			bool more;
			int len;

			if (o->kind == OPT_HEADING)
				heading = o->help;
			if (o->kind == OPT_HEADING || !is_listed(common, o->name))
				continue;
			if (heading)
				fprintf(f, "%s\n", heading);
			heading = NULL;
			text = help_text(o, buf, sizeof(buf));
			len = first_line(text, BRIEF_COLUMNS - 4 - width, &more);
			fprintf(f, "  %-*s  %.*s%s\n", (int)width, left_side(o, left, sizeof(left)), len, text,
				more ? " ..." : "");
		}
	}
	return found == count_words(common) ? 0 : -1;
}

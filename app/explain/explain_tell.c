/* SPDX-License-Identifier: BSD-3-Clause */

/* The output of a story, as text and as JSON. */

#include <string.h>

#include <jansson.h>

#include "explain/explain.h"

/* ------------------------------------------------------------------ text */

enum { PROSE = 92 }; /* columns at most */

/* Prints a paragraph, broken at spaces. */
static void
print_paragraph(const char *head, const char *text, unsigned width)
{
	unsigned col = (unsigned)strlen(head);
	bool first = true;

	fputs(head, stdout);
	while (*text) {
		unsigned len = (unsigned)strcspn(text, " ");

		if (len && !first && col + 1 + len > width) {
			putchar('\n');
			col = 0;
			first = true;
		}
		if (len) {
			printf("%s%.*s", first ? "" : " ", (int)len, text);
			col += len + !first;
			first = false;
		}
		text += len + (text[len] == ' ');
	}
	putchar('\n');
}

static void
print_claims(const struct explain *x, bool colour)
{
	printf("Claims, checked in this run:\n");
	for (unsigned i = 0; i < x->nclaims; i++) {
		const struct claim *c = &x->claims[i];
		unsigned n = (unsigned)strlen(c->what);

		printf("  %s%-3s%s %s ", colour ? c->ok ? "\033[32m" : "\033[1;31m" : "", c->ok ? "yes" : "NO",
		       colour ? "\033[0m" : "", c->what);
		for (; n < 52; n++)
			putchar('.');
		printf(" %s", c->got);
		if (!c->ok)
			printf(", not %s", c->want);
		putchar('\n');
	}
}

void
ex_print(const struct explain *x, const struct la_ladder_style *st)
{
	const char *bold = st->colour ? "\033[1m" : "", *off = st->colour ? "\033[0m" : "";
	unsigned prose = st->width < PROSE ? st->width : PROSE;

	printf("%s%s%s: %s\n", bold, x->sc->name, off, x->sc->title);
	if (x->sc->weak)
		print_paragraph("Weakened by the simulator: ", x->sc->weak, prose);
	putchar('\n');
	la_ladder_print(x->ladder, stdout, st);
	putchar('\n');
	for (unsigned i = 0; i < x->nlines; i++)
		printf("%s\n", x->lines[i]);
	if (x->nlines)
		putchar('\n');
	print_paragraph("", x->happened, prose);
	putchar('\n');
	print_claims(x, st->colour);
	putchar('\n');
	fputs(bold, stdout);
	print_paragraph("Verdict: ",
			x->failed ? "this run does NOT show the claims of the story; see the lines marked NO."
				  : x->verdict,
			prose);
	fputs(off, stdout);
	if (x->sc->see)
		printf("See also: %s\n", x->sc->see);
}

/* ------------------------------------------------------------------ JSON */

static json_t *
flags_json(uint8_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	json_t *a = json_array();

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1u << i)
			json_array_append_new(a, json_string(names[i]));
	return a;
}

static json_t *
event_json(const struct explain *x, const struct la_ladder_item *it)
{
	static const char *const what[] = {"sent",	"arrived", "lost", "held", "copied",
					   "corrupted", "state",   "user", "note"};
	json_t *o = json_object();

	json_object_set_new(o, "time", json_real((double)it->us / 1e6));
	json_object_set_new(o, "what", json_string(what[it->what]));
	json_object_set_new(o, "host", json_string(la_ladder_name(x->ladder, it->side)));
	if (it->what == LA_LADDER_STATE) {
		json_object_set_new(o, "from", json_string(la_state_name(it->from)));
		json_object_set_new(o, "to", json_string(la_state_name(it->to)));
		return o;
	}
	if (it->text[0])
		json_object_set_new(o, "text", json_string(it->text));
	if (it->what == LA_LADDER_USER || it->what == LA_LADDER_NOTE)
		return o;
	json_object_set_new(o, "segment", json_integer(it->packet));
	json_object_set_new(o, "incarnation", json_integer(it->incarnation));
	json_object_set_new(o, "flags", flags_json(it->flags));
	json_object_set_new(o, "seq", json_integer(it->seq));
	if (it->flags & LA_ACK)
		json_object_set_new(o, "ack", json_integer(it->ack));
	json_object_set_new(o, "len", json_integer(it->len));
	json_object_set_new(o, "wire_seq", json_integer(it->abs_seq));
	json_object_set_new(o, "wire_ack", json_integer(it->abs_ack));
	if (it->copy)
		json_object_set_new(o, "copy", json_true());
	if (it->late)
		json_object_set_new(o, "late", json_true());
	return o;
}

json_t *
ex_json(const struct explain *x)
{
	json_t *o = json_object(), *events = json_array(), *claims = json_array(), *lines = json_array();
	const struct la_ladder_item *it;

	json_object_set_new(o, "scenario", json_string(x->sc->name));
	json_object_set_new(o, "title", json_string(x->sc->title));
	json_object_set_new(o, "weakened", x->sc->weak ? json_string(x->sc->weak) : json_null());
	for (unsigned i = 0; (it = la_ladder_item(x->ladder, i)); i++)
		json_array_append_new(events, event_json(x, it));
	json_object_set_new(o, "events", events);
	for (unsigned i = 0; i < x->nlines; i++)
		json_array_append_new(lines, json_string(x->lines[i]));
	json_object_set_new(o, "table", lines);
	for (unsigned i = 0; i < x->nclaims; i++) {
		const struct claim *c = &x->claims[i];

		json_array_append_new(claims, json_pack("{s:s,s:s,s:s,s:b}", "what", c->what, "value", c->got,
							"claimed", c->want, "ok", c->ok));
	}
	json_object_set_new(o, "claims", claims);
	json_object_set_new(o, "happened", json_string(x->happened));
	json_object_set_new(o, "verdict", x->failed ? json_null() : json_string(x->verdict));
	json_object_set_new(o, "ok", json_boolean(!x->failed));
	return o;
}

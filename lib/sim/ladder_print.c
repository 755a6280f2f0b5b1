/* SPDX-License-Identifier: BSD-3-Clause */

/* Drawing a ladder.
 *
 * The rows keep the order of the events of each host, and the time on the left never decreases. So the
 * sending and the arrival of a segment share a row only if the receiver's events between them are arrivals
 * that share rows too. Callbacks and states at the time of an arrival belong to the arrival, and are
 * printed with it. */

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/ladder_arrow.h"

enum {
	DEF_WIDTH = 96,
	MIN_WIDTH = 80,
	MAX_WIDTH = 200,
	DEF_SILENCE_MS = 1500,
	TIME_COLS = 9,
	LEFT = TIME_COLS + 2, /* column of the left host's states */
	STATE_COLS = 11,
	MIDDLE = LEFT + STATE_COLS + 2, /* column of the arrows */
};

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define BLUE "\033[34m"
#define CYAN "\033[36m"

struct page {
	const struct la_ladder *l;
	FILE *f;
	struct la_ladder_style st;
	unsigned col;	 /* next column of the present line */
	unsigned right;	 /* column of the right host's states */
	unsigned arrows; /* number of columns of an arrow */
	unsigned n;
	uint32_t *joined; /* by index of a sending: index of the arrival in the same row; 0: none */
	bool *done;	  /* the item was printed, in a row of its own or with another item */
	const char *state[2];
	bool fresh[2]; /* the state was not printed since it changed */
	uint64_t last; /* us of the last event printed */
};

static const struct la_ladder_item *
page_item(const struct page *p, unsigned i)
{
	return la_ladder_item(p->l, i);
}

/* ------------------------------------------------------------------ a line */

static void
to_column(struct page *p, unsigned col)
{
	for (; p->col < col; p->col++)
		fputc(' ', p->f);
}

__attribute__((format(printf, 3, 4))) static void
page_printf(struct page *p, const char *colour, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(p->f, "%s%s%s", p->st.colour ? colour : "", text, p->st.colour && colour[0] ? "\033[0m" : "");
	p->col += (unsigned)strlen(text);
}

static void
end_line(struct page *p)
{
	fputc('\n', p->f);
	p->col = 0;
}

static void
put_time(struct page *p, uint64_t us)
{
	if (us >= p->last + p->st.silence_ms * 1000ull) {
		char text[64];
		int len = snprintf(text, sizeof(text), "... %.3f s later ...", (double)(us - p->last) / 1e6);

		to_column(p, MIDDLE + (p->arrows - (unsigned)len) / 2);
		page_printf(p, DIM, "%s", text);
		end_line(p);
	}
	p->last = us;
	page_printf(p, DIM, "%*.3f", TIME_COLS, (double)us / 1e6);
}

static void
put_state(struct page *p, unsigned side)
{
	to_column(p, side ? p->right : LEFT);
	page_printf(p, p->fresh[side] ? BOLD GREEN : DIM, "%s", p->state[side]);
	p->fresh[side] = false;
}

/* Prints a text below the states of a host. */
static void
put_margin(struct page *p, unsigned side, const char *colour, const char *text)
{
	unsigned len = (unsigned)strlen(text), col = LEFT;

	if (side)
		col = len <= STATE_COLS ? p->right : p->st.width > LEFT + len ? p->st.width - len : LEFT;
	to_column(p, col);
	page_printf(p, colour, "%s", text);
	end_line(p);
}

/* ------------------------------------------------------------------ an arrow */

static const char *
arrow_colour(const struct la_ladder_item *it, enum la_tip from, enum la_tip to)
{
	if (to == LA_TIP_LOST || (it->flags & LA_RST))
		return RED;
	if (to == LA_TIP_ROUTER || from == LA_TIP_ROUTER)
		return YELLOW;
	return it->flags & (LA_SYN | LA_FIN) ? CYAN : "";
}

static void
put_cells(struct page *p, const char *cells, unsigned n, const char *colour)
{
	static const char *const plain[] = {"", "-", ">", "<"}, *const drawn[] = {"", "─", "▶", "◀"};

	while (n > 0 && cells[n - 1] == ' ')
		n--;
	fputs(p->st.colour ? colour : "", p->f);
	for (unsigned i = 0; i < n; i++) {
		if (cells[i] > LA_CELL_LEFT)
			fputc(cells[i], p->f);
		else
			fputs((p->st.utf8 ? drawn : plain)[(int)cells[i]], p->f);
	}
	fputs(p->st.colour && colour[0] ? "\033[0m" : "", p->f);
	p->col += n;
}

static void
put_arrow(struct page *p, const struct la_ladder_item *it, unsigned from_side, enum la_tip from, enum la_tip to,
	  const char *why)
{
	char cells[MAX_WIDTH + 1];
	struct la_arrow a = {it,  from_side == 1, from,		  to,
			     why, p->arrows,	  p->st.absolute, la_ladder_incarnations(p->l) > 1};

	la_ladder_arrow(&a, cells);
	to_column(p, MIDDLE);
	put_cells(p, cells, p->arrows, arrow_colour(it, from, to));
}

/* ------------------------------------------------------------------ groups */

static bool
is_margin(const struct la_ladder_item *it)
{
	return it && (it->what == LA_LADDER_USER || it->what == LA_LADDER_STATE);
}

/* Returns the index of the first item from i on that is not a call, callback or state of this side at time us. */
static unsigned
group_end(const struct page *p, unsigned i, unsigned side, uint64_t us)
{
	while (is_margin(page_item(p, i)) && page_item(p, i)->side == side && page_item(p, i)->us == us)
		i++;
	return i;
}

/* Takes the items from i up to end: stores their states, and joins their texts. Returns whether a state changed. */
static bool
take_group(struct page *p, unsigned i, unsigned end, char *text, size_t size)
{
	bool state = false;
	size_t at = 0;

	text[0] = '\0';
	for (; i < end; i++) {
		const struct la_ladder_item *it = page_item(p, i);

		p->done[i] = true;
		if (it->what == LA_LADDER_USER) {
			at += (size_t)snprintf(text + at, at < size ? size - at : 0, "%s%s", at ? ", " : "", it->text);
			continue;
		}
		p->state[it->side] = la_state_name(it->to);
		p->fresh[it->side] = state = true;
	}
	return state;
}

/* Returns the later item of this kind for the segment of item i; NULL: there is none. */
static const struct la_ladder_item *
page_fate_of(const struct page *p, unsigned i, enum la_ladder_what what, bool copy)
{
	uint32_t packet = page_item(p, i)->packet;

	for (i++; i < p->n; i++) {
		const struct la_ladder_item *it = page_item(p, i);

		if (it->what == what && it->packet == packet && it->copy == copy)
			return it;
	}
	return NULL;
}

/* Returns the index of the arrival of the segment of item i; 0: no arrival, or a router held the segment. */
static unsigned
page_arrival_of(const struct page *p, unsigned i)
{
	uint32_t packet = page_item(p, i)->packet;

	for (i++; i < p->n; i++)
		if (page_item(p, i)->what == LA_LADDER_ARRIVED && page_item(p, i)->packet == packet &&
		    !page_item(p, i)->copy)
			return page_item(p, i)->late ? 0 : i;
	return 0;
}

/* Returns whether the sending i and the arrival j can share a row. */
static bool
can_share_row(const struct page *p, unsigned i, unsigned j)
{
	unsigned other = !page_item(p, i)->side;

	for (unsigned m = i + 1; m < j; m++) {
		if (page_item(p, m)->side != other)
			continue;
		/* allowed: an arrival that shares a row, and the callbacks and states that belong to it */
		if (page_item(p, m)->what != LA_LADDER_ARRIVED || !p->done[m])
			return false;
		m = group_end(p, m + 1, other, page_item(p, m)->us) - 1;
	}
	return true;
}

/* ------------------------------------------------------------------ rows */

static void
row_sent(struct page *p, unsigned i)
{
	const struct la_ladder_item *it = page_item(p, i), *lost = page_fate_of(p, i, LA_LADDER_LOST, false);
	unsigned side = it->side, j = p->joined[i];
	enum la_tip to = j					     ? LA_TIP_HOST
			 : lost					     ? LA_TIP_LOST
			 : page_fate_of(p, i, LA_LADDER_HELD, false) ? LA_TIP_ROUTER
								     : LA_TIP_NET;
	char text[256] = "";

	put_time(p, it->us);
	if (j) {
		take_group(p, j + 1, group_end(p, j + 1, !side, page_item(p, j)->us), text, sizeof(text));
		p->last = page_item(p, j)->us;
	}
	if (side == 0 || j)
		put_state(p, 0);
	put_arrow(p, it, side, LA_TIP_HOST, to, lost ? lost->text : "");
	if (side == 1 || j)
		put_state(p, 1);
	end_line(p);
	if (text[0])
		put_margin(p, !side, BLUE, text);
	if (page_fate_of(p, i, LA_LADDER_COPIED, true)) {
		to_column(p, MIDDLE + p->arrows / 2 - 12);
		page_printf(p, YELLOW, "(a router keeps a copy)");
		end_line(p);
	}
	if (page_fate_of(p, i, LA_LADDER_CORRUPTED, false)) {
		to_column(p, MIDDLE + p->arrows / 2 - 12);
		page_printf(p, RED, "(one bit of it is wrong)");
		end_line(p);
	}
}

static void
row_arrived(struct page *p, unsigned i)
{
	const struct la_ladder_item *it = page_item(p, i);
	unsigned side = it->side;
	char text[256];

	put_time(p, it->us);
	take_group(p, i + 1, group_end(p, i + 1, side, it->us), text, sizeof(text));
	if (side == 0)
		put_state(p, 0);
	put_arrow(p, it, !side, it->late ? LA_TIP_ROUTER : LA_TIP_NET, LA_TIP_HOST, "");
	if (side == 1)
		put_state(p, 1);
	end_line(p);
	if (text[0])
		put_margin(p, side, BLUE, text);
}

static void
row_margin(struct page *p, unsigned i)
{
	const struct la_ladder_item *it = page_item(p, i), *next;
	unsigned end = group_end(p, i, it->side, it->us);
	char text[256];
	bool state = take_group(p, i, end, text, sizeof(text));

	next = page_item(p, end);
	/* the row of a segment sent at this time shows the state */
	if (next && next->what == LA_LADDER_SENT && next->side == it->side && next->us == it->us)
		state = false;
	if (!state && !text[0])
		return;
	put_time(p, it->us);
	if (text[0])
		put_margin(p, it->side, BLUE, text);
	if (state) {
		put_state(p, it->side);
		end_line(p);
	}
}

static void
row_note(struct page *p, unsigned i)
{
	const struct la_ladder_item *it = page_item(p, i);
	char text[LA_LADDER_TEXT + 4];

	snprintf(text, sizeof(text), "* %s", it->text);
	put_time(p, it->us);
	put_margin(p, it->side, BOLD, text);
}

static void
page_header(struct page *p)
{
	char a[LA_ADDR_STRLEN + 8], b[LA_ADDR_STRLEN + 8], both[2 * LA_ADDR_STRLEN + 24];
	int len;

	page_printf(p, BOLD, "%*s", TIME_COLS, "time, s");
	to_column(p, LEFT);
	page_printf(p, BOLD, "%s", la_ladder_name(p->l, 0));
	len = snprintf(both, sizeof(both), "%s <-> %s", la_ladder_endpoint(p->l, 0, a, sizeof(a)),
		       la_ladder_endpoint(p->l, 1, b, sizeof(b)));
	if ((unsigned)len < p->arrows) {
		to_column(p, MIDDLE + (p->arrows - (unsigned)len) / 2);
		page_printf(p, DIM, "%s", both);
	}
	to_column(p, p->right);
	page_printf(p, BOLD, "%s", la_ladder_name(p->l, 1));
	end_line(p);
	to_column(p, LEFT);
	put_state(p, 0);
	put_state(p, 1);
	end_line(p);
}

static void
page_rows(struct page *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		unsigned j;

		if (page_item(p, i)->what != LA_LADDER_SENT)
			continue;
		j = page_arrival_of(p, i);
		if (j && can_share_row(p, i, j)) {
			p->joined[i] = j;
			p->done[j] = true;
		}
	}
	for (unsigned i = 0; i < p->n; i++) {
		if (p->done[i])
			continue;
		switch (page_item(p, i)->what) {
		case LA_LADDER_SENT:
			row_sent(p, i);
			break;
		case LA_LADDER_ARRIVED:
			row_arrived(p, i);
			break;
		case LA_LADDER_STATE:
		case LA_LADDER_USER:
			row_margin(p, i);
			break;
		case LA_LADDER_NOTE:
			row_note(p, i);
			break;
		case LA_LADDER_LOST:
		case LA_LADDER_HELD:
		case LA_LADDER_COPIED:
		case LA_LADDER_CORRUPTED:
			break; /* printed with their segment */
		}
	}
}

void
la_ladder_print(const struct la_ladder *l, FILE *f, const struct la_ladder_style *style)
{
	struct page p = {.l = l, .f = f};

	if (style)
		p.st = *style;
	if (p.st.width == 0)
		p.st.width = DEF_WIDTH;
	if (p.st.width < MIN_WIDTH)
		p.st.width = MIN_WIDTH;
	if (p.st.width > MAX_WIDTH)
		p.st.width = MAX_WIDTH;
	if (p.st.silence_ms == 0)
		p.st.silence_ms = DEF_SILENCE_MS;
	p.right = p.st.width - STATE_COLS;
	p.arrows = p.right - 2 - MIDDLE;
	while (page_item(&p, p.n))
		p.n++;
	p.joined = calloc(p.n + 1, sizeof(*p.joined));
	p.done = calloc(p.n + 1, sizeof(*p.done));
	p.state[0] = la_state_name(LA_CLOSED);
	p.state[1] = la_state_name(la_ladder_listens(l) ? LA_LISTEN : LA_CLOSED);
	p.fresh[0] = p.fresh[1] = true;
	if (p.joined && p.done) {
		page_header(&p);
		page_rows(&p);
	}
	if (la_ladder_is_cut(l) || !p.joined || !p.done)
		fprintf(f, "(cut off: no memory)\n");
	free(p.joined);
	free(p.done);
}

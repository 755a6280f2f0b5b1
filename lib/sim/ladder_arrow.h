/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_LADDER_ARROW_H
#define LA_SIM_LADDER_ARROW_H

/* One arrow of a ladder, as a row of cells. */

#include "sim/ladder.h"

/** Cells of lines and arrowheads; the caller prints them in ASCII or UTF-8. All other cells are characters. */
enum { LA_CELL_DASH = 1, LA_CELL_RIGHT = 2, LA_CELL_LEFT = 3 };

/** What an end of an arrow shows: a host, a flight ("..."), a router, or a loss. */
enum la_tip { LA_TIP_HOST, LA_TIP_NET, LA_TIP_ROUTER, LA_TIP_LOST };

struct la_arrow {
	const struct la_ladder_item *it;
	bool leftwards;	      /* sent by the right host */
	enum la_tip from, to; /* start and end */
	const char *why;      /* LA_TIP_LOST: the reason */
	unsigned columns;
	bool absolute;	       /* sequence numbers as on the wire */
	bool tell_incarnation; /* the label begins with #1, #2 ... */
};

/** Fills a->columns cells. A label that does not fit is cut. */
void la_ladder_arrow(const struct la_arrow *a, char *cells);

#endif

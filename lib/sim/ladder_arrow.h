/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_LADDER_ARROW_H
#define LA_SIM_LADDER_ARROW_H

/* One arrow of a ladder, as a row of cells. */

#include "sim/ladder.h"

/** Cells that do not stand for themselves: the writer chooses how they look. */
enum { LA_CELL_DASH = 1, LA_CELL_RIGHT = 2, LA_CELL_LEFT = 3 };

/** What is at an end of an arrow. */
enum la_tip { LA_TIP_HOST, LA_TIP_NET, LA_TIP_ROUTER, LA_TIP_LOST };

struct la_arrow {
	const struct la_ladder_item *it;
	bool leftwards;       /* sent by the right one */
	enum la_tip from, to; /* where it comes from, and gets to */
	const char *why;      /* LA_TIP_LOST */
	unsigned columns;
	bool absolute;         /* sequence numbers as on the wire */
	bool tell_incarnation; /* #1, #2 */
};

/** Fills a->columns cells. A label that does not fit loses its end. */
void la_ladder_arrow(const struct la_arrow *a, char *cells);

#endif

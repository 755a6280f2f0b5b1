/* SPDX-License-Identifier: BSD-3-Clause */

/* The highest rate that meets the conditions. (Theory at the top of load_find.h.) */

#include <stdlib.h>
#include <string.h>

#include "load_find.h"

void
find_init(struct find *f, uint64_t start, uint64_t most)
{
	memset(f, 0, sizeof(*f));
	f->rate = start;
	f->most = most;
}

static void
end(struct find *f, enum find_phase how)
{
	f->phase = how;
	f->rate = 0;
}

static void
confirm(struct find *f, uint64_t rate)
{
	f->phase = FIND_CONFIRM;
	f->confirmed = 0;
	f->rate = rate;
}

/* The two bounds have moved: where next? */
static void
narrow(struct find *f)
{
	uint64_t gap = f->failed - f->passed;

	if (f->passed == 0 && f->failed <= 1)
		end(f, FIND_NOTHING);
	else if (gap <= 1 || (double)gap < FIND_PRECISION * (double)f->passed)
		confirm(f, f->passed);
	else
		f->rate = f->passed + gap / 2;
}

static void
up(struct find *f)
{
	if (f->failed != 0) {
		f->phase = FIND_BISECT;
		narrow(f);
	} else if (f->passed == f->most) {
		confirm(f, f->most);
	} else {
		f->rate = f->passed > f->most / 2 ? f->most : f->passed * 2;
	}
}

static void
confirmation(struct find *f, bool ok, double carried)
{
	if (ok) {
		f->carried[f->confirmed++] = carried;
		if (f->confirmed == FIND_CONFIRMATIONS)
			end(f, FIND_FOUND);
		return;
	}
	f->failed = f->rate;
	if (f->rate == 1 || ++f->restarts > FIND_RESTARTS)
		end(f, FIND_NOTHING);
	else
		confirm(f, f->rate - (f->rate + FIND_BACK - 1) / FIND_BACK);
}

void
find_note(struct find *f, bool ok, double carried)
{
	f->trials++;
	if (!ok && !f->again) {
		f->again = true;
		return;
	}
	f->again = false;
	if (f->phase == FIND_CONFIRM) {
		confirmation(f, ok, carried);
		return;
	}
	if (ok)
		f->passed = f->rate;
	else
		f->failed = f->rate;
	if (f->phase == FIND_UP)
		up(f);
	else
		narrow(f);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
find_result(const struct find *f, double *median, double *least, double *greatest)
{
	double v[FIND_CONFIRMATIONS];

	memcpy(v, f->carried, sizeof(v));
	qsort(v, FIND_CONFIRMATIONS, sizeof(v[0]), compare);
	*least = v[0];
	*median = v[FIND_CONFIRMATIONS / 2];
	*greatest = v[FIND_CONFIRMATIONS - 1];
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Prints a path as a ladder and as a .seg file. */

#include <stdlib.h>
#include <string.h>

#include "explore.h"
#include "sim/ladder.h"

/* Replays the path in x->level from its start. */
static void
play(struct ex *x)
{
	x->past = (struct ex_past){.faults_left = (uint8_t)x->setup.faults};
	for (unsigned i = 0; i < x->depth; i++) {
		const struct ex_choice *c = &x->level[i].choice;

		x->choice = *c;
		ex_make(x, c->move);
	}
}

static void
to_seg(void *ctx, const struct la_sim_event *e)
{
	seg_writer_event(ctx, e);
}

static void
write_seg(struct ex *x, const char *title, FILE *f)
{
	const struct ex_setup *c = &x->setup;
	char head[256];

	x->seg = malloc(sizeof(*x->seg));
	if (!x->seg)
		return;
	snprintf(head, sizeof(head), "with msl %d rcvbuf %d clamp %d nodelay %s %s%s\n", EX_MSL_MS, EX_RCVBUF,
		 EX_CHUNK + 12, c->no_timestamps ? "no_timestamps" : "ts", c->reuse ? "reuse_time_wait " : "",
		 c->ip6 ? "ip6" : "");
	x->also = (struct la_sim_hooks){.event = to_seg, .ctx = x->seg};
	for (unsigned host = 0; host < 2; host++) {
		char row[16];

		ex_snap_reset(x->snap); /* before the writer reads the user records */
		seg_writer_begin(x->seg, x->w, host);
		play(x);
		snprintf(row, sizeof(row), "seen-by-%c", host ? 'B' : 'A');
		seg_writer_write(x->seg, row, title, head, f);
		fputc('\n', f);
	}
	x->also = (struct la_sim_hooks){0};
	free(x->seg);
	x->seg = NULL;
}

void
ex_report(struct ex *x, FILE *out)
{
	struct la_ladder *l;

	fprintf(out, "VIOLATION: %s\n", x->why);
	ex_snap_reset(x->snap);
	l = la_ladder_create(x->w, EX_A, EX_B, &x->digest.t[0], true);
	if (!l)
		return;
	x->also = la_ladder_hooks(l);
	play(x);
	la_ladder_print(l, out, &(struct la_ladder_style){.width = 110});
	x->also = (struct la_sim_hooks){0};
	la_ladder_destroy(l);
}

bool
ex_report_seg(struct ex *x)
{
	FILE *f = fopen(x->setup.seg_file, "w");

	if (!f) {
		perror(x->setup.seg_file);
		return false;
	}
	write_seg(x, x->why[0] ? x->why : "an ordinary run", f);
	return fclose(f) == 0;
}

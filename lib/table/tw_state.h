/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TW_STATE_H
#define LA_TABLE_TW_STATE_H

/* A TIME_WAIT table as a stream of bytes, for a process that stops and one that goes on where it
 * stopped. (Theory at the top of tw_state.c.) */

#include "table/time_wait.h"

/** Takes exactly len bytes, or gives exactly len bytes. 0 or negative errno, which ends the stream.
 */
typedef int la_tw_write(void *ctx, const void *p, size_t len);
typedef int la_tw_read(void *ctx, void *p, size_t len);

/** What the stream begins with. In the byte order of the machine that wrote it. */
struct la_tw_saved {
	uint32_t count[2]; /* entries that follow, IPv4 and IPv6 */
	uint32_t nclasses;
	uint32_t lifetime[LA_TW_CLASSES]; /* 2*MSL in ticks, by class */
};

/** Writes every entry that is LIVE or SHADOW, with the time it has left at `tick`. 0 or what write
 * returned. */
int la_tw_export(const struct la_tw *t, uint32_t tick, la_tw_write *write, void *ctx);

/** The stream's beginning alone. 0, -EBADMSG, or what read returned. */
int la_tw_saved_read(struct la_tw_saved *saved, la_tw_read *read, void *ctx);

/** A table that entries go on in. */
struct la_tw_place {
	struct la_tw *tw;
	uint32_t tick;		     /* its present, */
	uint64_t elapsed;	     /* so many ms after the stream was written */
	uint64_t dealt[2];	     /* added to: entries of its own that are not over, IPv4 and IPv6 */
	int8_t class[LA_TW_CLASSES]; /* its classes by the stream's; la_tw_deal() sees to it */
};

/** Places, and who of them an entry belongs to. */
struct la_tw_deal {
	struct la_tw_place *place;
	unsigned n;
	unsigned (*owner)(const void *ctx, const struct la_tuple *t); /* below n; NULL: the first */
	const void *ctx;
	bool full; /* an entry found no room: from here on they are only counted */
};

/** Reads the rest into tables without connections in their indexes, each entry into its owner's, so
 * that it goes on with the time that is left of its own there; those whose time is over are counted
 * (time_wait_lapsed) and dropped.
 * 0; -EBADMSG (an entry that cannot be), -EEXIST (a tuple twice), -ENOBUFS (no entry left or no
 * room in an index: tw_reserve_exhausted or index_full was counted there; all others are then counted
 * in `dealt`, and in no table), -ENOSPC (more than LA_TW_CLASSES lifetimes), or what read returned.
 * After an error the entries before it are in the tables. */
int la_tw_deal(struct la_tw_deal *d, const struct la_tw_saved *saved, la_tw_read *read, void *ctx);

/** The same with one table, at `tick`, `elapsed` ms after it was written. */
int la_tw_import(struct la_tw *t, const struct la_tw_saved *saved, uint32_t tick, uint64_t elapsed,
		 la_tw_read *read, void *ctx);

#endif

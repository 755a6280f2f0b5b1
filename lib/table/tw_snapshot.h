/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TW_SNAPSHOT_H
#define LA_TABLE_TW_SNAPSHOT_H

/* A TIME_WAIT table as a stream of bytes, to save it and to load it into another process. (Theory at the
 * top of tw_snapshot.c.) */

#include "table/time_wait.h"

/** Writes, or reads, exactly len bytes. 0 or negative errno, which ends the stream. */
typedef int la_tw_write(void *ctx, const void *p, size_t len);
typedef int la_tw_read(void *ctx, void *p, size_t len);

/** The header of the stream, in the byte order of the writing machine. */
struct la_tw_saved {
	uint32_t count[2]; /* entries that follow, IPv4 and IPv6 */
	uint32_t nclasses;
	uint32_t lifetime[LA_TW_CLASSES]; /* 2*MSL in ticks, by class */
};

/** Writes every entry that is LIVE or SHADOW, with its remaining time at `tick`. 0 or the error of
 * write. */
int la_tw_export(const struct la_tw *t, uint32_t tick, la_tw_write *write, void *ctx);

/** Reads only the stream's header. 0, -EBADMSG, or the error of read. */
int la_tw_saved_read(struct la_tw_saved *saved, la_tw_read *read, void *ctx);

/** A table that entries are loaded into. */
struct la_tw_place {
	struct la_tw *tw;
	uint32_t tick;		     /* its current tick, */
	uint64_t elapsed;	     /* this many ms after the stream was written */
	uint64_t dealt[2];	     /* incremented: entries of its own that have not expired, IPv4 and IPv6 */
	int8_t class[LA_TW_CLASSES]; /* its classes by the stream's; set by la_tw_deal() */
};

/** The tables, and the function that selects the owner of an entry. */
struct la_tw_deal {
	struct la_tw_place *place;
	unsigned n;
	unsigned (*owner)(const void *ctx, const struct la_tuple *t); /* below n; NULL: the first */
	const void *ctx;
	bool full; /* a table had no room: further entries are only counted */
};

/** Reads the entries into tables whose indexes have no connections. Each entry goes to its owner's table with
 * its remaining time; expired entries are counted (time_wait_lapsed) and dropped.
 * 0; -EBADMSG (an impossible entry), -EEXIST (a tuple twice), -ENOBUFS (no free entry or no room in an
 * index: tw_reserve_exhausted or index_full was counted there; all further entries are only counted in
 * `dealt`), -ENOSPC (more than LA_TW_CLASSES lifetimes), or the error of read.
 * After an error the tables have the entries before it. */
int la_tw_deal(struct la_tw_deal *d, const struct la_tw_saved *saved, la_tw_read *read, void *ctx);

/** Like la_tw_deal(), with one table, at `tick`, `elapsed` ms after it was written. */
int la_tw_import(struct la_tw *t, const struct la_tw_saved *saved, uint32_t tick, uint64_t elapsed, la_tw_read *read,
		 void *ctx);

#endif

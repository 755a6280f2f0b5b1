/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TW_SNAPSHOT_H
#define LA_TABLE_TW_SNAPSHOT_H

/* A TIME_WAIT table as a stream of bytes, to save it and to load it into another process. (Theory at the
 * top of tw_snapshot.c.) */

#include "table/time_wait.h"

/** Writes or reads exactly len bytes. Returns 0, or a negative errno, which ends the transfer. */
typedef int la_tw_write(void *ctx, const void *p, size_t len);
typedef int la_tw_read(void *ctx, void *p, size_t len);

/** The header of the stream, in the byte order of the writing machine. */
struct la_tw_saved {
	uint32_t count[2]; /* entries of IPv4 and of IPv6 that follow */
	uint32_t nclasses;
	uint32_t lifetime[LA_TW_CLASSES]; /* 2*MSL in ticks, by class */
};

/** Writes every entry that is LIVE or SHADOW, with its remaining time at `tick`. Returns 0 or the error of
 * write. */
int la_tw_export(const struct la_tw *t, uint32_t tick, la_tw_write *write, void *ctx);

/** Reads only the header of the stream. Returns 0, -EBADMSG, or the error of read. */
int la_tw_saved_read(struct la_tw_saved *saved, la_tw_read *read, void *ctx);

/** A table that entries are loaded into. */
struct la_tw_place {
	struct la_tw *tw;
	uint32_t tick;		     /* current tick of the table */
	uint64_t elapsed;	     /* ms since the stream was written */
	uint64_t dealt[2];	     /* la_tw_deal() adds the number of unexpired IPv4 and IPv6 entries for this table,
				      * whether loaded or not */
	int8_t class[LA_TW_CLASSES]; /* class of the table, by class of the stream; -1: not needed so far; set by
				      * la_tw_deal() */
};

/** The tables, and the function that selects the table of an entry. */
struct la_tw_deal {
	struct la_tw_place *place;
	unsigned n;						      /* tables in place[] */
	unsigned (*owner)(const void *ctx, const struct la_tuple *t); /* returns the index of the table in place[];
								       * NULL: place[0] takes all entries */
	const void *ctx;
	bool full; /* a table had no room: la_tw_deal() only counts the remaining entries */
};

/** Reads the entries into tables whose indexes have no connections. Each entry goes to the table that `owner` selects,
 * with its remaining time. Expired entries are counted (time_wait_lapsed) and dropped. Returns 0, or
 *
 *	-EBADMSG	an impossible entry
 *	-EEXIST		a tuple occurs twice
 *	-ENOBUFS	no free entry, or no room in an index: the table has counted tw_reserve_exhausted or
 *			index_full. The remaining entries are read and counted in `dealt`, but not loaded
 *	-ENOSPC		more than LA_TW_CLASSES lifetimes
 *
 * or the error of read. After an error the tables have the entries that were read earlier. */
int la_tw_deal(struct la_tw_deal *d, const struct la_tw_saved *saved, la_tw_read *read, void *ctx);

/** la_tw_deal() with one table, whose tick is `tick`, `elapsed` ms after the stream was written. */
int la_tw_import(struct la_tw *t, const struct la_tw_saved *saved, uint32_t tick, uint64_t elapsed, la_tw_read *read,
		 void *ctx);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_TABLES_H
#define LA_RUN_TABLES_H

/* The memory of the shards' tables: size, availability, placement. */

#include <stdio.h>

#include "io/memory.h"
#include "run/engine.h"

/** Checks that the memory suffices for the largest size of all tables of the stations. Call before any table is
 * created; the defaults of the stations are filled in. If a table did not fit, the kernel would kill the process later.
 * 0, or -ENOMEM with the arithmetic and a hint in err. */
int la_tables_fit(const struct la_station *st, unsigned n, const struct la_mem_room *room, char *err, size_t size);

/** The memory of a shard's TIME_WAIT tables when they are full. An entry also takes a part of the index and of the
 * wheel, which connections share. [0]: IPv4, [1]: IPv6. */
struct la_tables_bound {
	uint32_t entries[2];
	double entry[2], index, wheel; /* bytes for each entry */
	uint32_t msl_ms;
	double closes; /* sustained rate a second, of IPv4, with that MSL */
};
void la_tables_bound(const struct la_shard *s, struct la_tables_bound *b);

/** The placement of the tables. Touches the first page of each table of the shard. */
struct la_tables_place {
	enum la_pages pages; /* the worst kind among the large tables */
	bool large;	     /* a table is large enough for a hugepage */
	int node;	     /* NUMA node of the large tables; -1: unknown; -2: the tables are on several nodes */
};
void la_tables_place(struct la_shard *s, struct la_tables_place *p);

/** Prints *b and *p as three lines that start with name. node: the wanted NUMA node; -1: any. */
void la_tables_say(const char *name, const struct la_tables_bound *b, const struct la_tables_place *p, int node,
		   FILE *f);

#endif

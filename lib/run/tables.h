/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_TABLES_H
#define LA_RUN_TABLES_H

/* What the tables of the shards cost, whether the machine has it, and where it is. */

#include <stdio.h>

#include "io/memory.h"
#include "run/engine.h"

/** Before any table is made: is there room for all that the tables of the stations may become? The stations have their
 * defaults filled in. TIME_WAIT is promised at the open, so a table that does not fit is a promise that the kernel
 * breaks later, by killing the process. 0, or -ENOMEM with the arithmetic and the way out in err. */
int la_tables_fit(const struct la_station *st, unsigned n, const struct la_mem_room *room, char *err,
		  size_t size);

/** What the TIME_WAIT bound of a shard costs, by its real sizes. An entry has its part of the index
 * and of the wheel, which connections share. [0]: IPv4, [1]: IPv6. */
struct la_tables_bound {
	uint32_t entries[2];
	double entry[2], index, wheel; /* bytes an entry */
	uint32_t msl_ms;
	double closes; /* a second, of IPv4, that can be kept up for ever with that MSL */
};
void la_tables_bound(const struct la_shard *s, struct la_tables_bound *b);

/** Where they are. Touches the first page of each table of the shard. */
struct la_tables_place {
	enum la_pages pages; /* of the large tables, the worst of them */
	bool large;	     /* there is one that a hugepage fits into */
	int node;	     /* on which all of them lie; -1: not known, -2: on several */
};
void la_tables_place(struct la_shard *s, struct la_tables_place *p);

/** Both, as two lines that start with name. node: the NUMA node that was asked for, -1: any. */
void la_tables_say(const char *name, const struct la_tables_bound *b,
		   const struct la_tables_place *p, int node, FILE *f);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_MEMORY_H
#define LA_IO_MEMORY_H

/* The available memory, and the kind of a table's pages. The available memory is checked before a table is created,
 * because the kernel allows any size and later kills the process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The available memory, and its derivation: "3072 MiB available (/proc/meminfo)", or
 * "512 MiB left (memory cgroup /lastack: limit 1024 MiB, 600 MiB used, 88 MiB of them reclaimable)". */
struct la_mem_room {
	uint64_t bytes; /* UINT64_MAX: unknown */
	char text[256];
};

/** Stores the least of MemAvailable and of what the limits of this process's memory cgroups leave (version 1 or 2,
 * every level up to the root). `root` is a prefix of /proc and /sys: "" except in tests. */
void la_mem_room(const char *root, struct la_mem_room *room);

enum la_pages {
	LA_PAGES_UNKNOWN,
	LA_PAGES_PLAIN,
	LA_PAGES_TRANSPARENT, /* plain pages that the kernel has merged into huge ones */
	LA_PAGES_HUGE,	      /* from the pool of reserved hugepages */
};

/** The kind of the pages around p, which must be touched: from /proc/self/smaps. */
enum la_pages la_pages_of(const void *p);
/** The name for messages: "transparent hugepages", for example. */
const char *la_pages_name(enum la_pages pages);
/** Returns the reason why there are no transparent hugepages; NULL: areas may have them. root: as in la_mem_room(). */
const char *la_pages_why_plain(const char *root);

#endif

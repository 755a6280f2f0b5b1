/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_MEMORY_H
#define LA_IO_MEMORY_H

/* How much memory there is for us, and on what kind of pages a table lies. Asked before a table is
 * made, since the kernel promises any size and kills the process that believes it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What may still be used, and the arithmetic behind it: "3072 MiB available (/proc/meminfo)", or
 * "512 MiB left (memory cgroup /lastack: limit 1024 MiB, 600 MiB used, 88 MiB of them reclaimable)". */
struct la_mem_room {
	uint64_t bytes; /* UINT64_MAX: not known */
	char text[256];
};

/** The tightest of MemAvailable and the limits of this process's memory cgroups (version 1 or 2,
 * every level up to the root). `root` goes before /proc and /sys: "" but in tests. */
void la_mem_room(const char *root, struct la_mem_room *room);

enum la_pages {
	LA_PAGES_UNKNOWN,
	LA_PAGES_PLAIN,
	LA_PAGES_TRANSPARENT, /* plain ones that the kernel has put together, huge for the TLB */
	LA_PAGES_HUGE,	      /* from the pool of reserved hugepages */
};

/** The pages around p, which has been touched: by the line of /proc/self/smaps. */
enum la_pages la_pages_of(const void *p);
/** "transparent hugepages" and so on. */
const char *la_pages_name(enum la_pages pages);
/** Why there are no transparent hugepages, or NULL when an area may ask for them. */
const char *la_pages_why_plain(const char *root);

#endif

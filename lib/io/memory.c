/* SPDX-License-Identifier: BSD-3-Clause */

/* Available memory: MemAvailable is the kernel's estimate of memory usable without swapping. A container's
 * limit is in its memory cgroup, and a process is in every cgroup from its own up to the root.
 * A cgroup's use includes page cache; the part that was used once (inactive_file) is
 * reclaimed on demand, so it counts as available. In a container the path in /proc/self/cgroup
 * may be outside of the mount: then the mount's root is the container's own cgroup. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/memory.h"

enum { PATH = 512 };

/* One of the two versions of cgroups: its mount and the names of its files. */
struct hierarchy {
	const char *mount, *limit, *used, *reclaimable;
};

static const struct hierarchy version1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
					  "total_inactive_file"};
static const struct hierarchy version2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

/* Reads the number after `name` at the start of a line; name "": the number at the start of the file. False:
 * no such file, line or number (the limit may be "max"). */
static bool
number_in(const char *path, const char *name, uint64_t *n)
{
	size_t len = strlen(name);
	char line[256], *end;
	bool found = false;
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) != 0 || (len > 0 && line[len] != ':' && line[len] != ' '))
			continue;
		*n = strtoull(line + len + (line[len] == ':'), &end, 10);
		found = end > line + len + (line[len] == ':');
	}
	fclose(f);
	return found;
}

static void
from_meminfo(const char *root, struct la_mem_room *room)
{
	char path[PATH];
	uint64_t kb;

	snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	if (!number_in(path, "MemAvailable", &kb))
		return;
	room->bytes = kb << 10;
	snprintf(room->text, sizeof(room->text), "%" PRIu64 " MiB available (MemAvailable in /proc/meminfo)", kb >> 10);
}

/* Applies the limit of one cgroup. False: the cgroup does not exist. */
static bool
from_cgroup(const char *root, const struct hierarchy *h, const char *group, struct la_mem_room *room)
{
	uint64_t limit, used, reclaimable = 0, left;
	char path[PATH];

	snprintf(path, sizeof(path), "%s%s%s/%s", root, h->mount, group, h->used);
	if (!number_in(path, "", &used))
		return false;
	snprintf(path, sizeof(path), "%s%s%s/%s", root, h->mount, group, h->limit);
	if (!number_in(path, "", &limit))
		return true;
	snprintf(path, sizeof(path), "%s%s%s/memory.stat", root, h->mount, group);
	(void)number_in(path, h->reclaimable, &reclaimable);
	if (reclaimable > used)
		reclaimable = used;
	left = limit > used - reclaimable ? limit - (used - reclaimable) : 0;
	if (left >= room->bytes)
		return true;
	room->bytes = left;
	snprintf(room->text, sizeof(room->text),
		 "%" PRIu64 " MiB left (memory cgroup %.100s: limit %" PRIu64 " MiB, %" PRIu64 " MiB used, %" PRIu64
		 " MiB of them reclaimable)",
		 left >> 20, group[0] ? group : "/", limit >> 20, used >> 20, reclaimable >> 20);
	return true;
}

/* Applies the limits of the process's own cgroup and of all cgroups above it. */
static void
from_cgroups(const char *root, const struct hierarchy *h, char *group, struct la_mem_room *room)
{
	bool found = false;

	for (;;) {
		char *slash = strrchr(group, '/');

		found |= from_cgroup(root, h, strcmp(group, "/") == 0 ? "" : group, room);
		if (slash == NULL || strcmp(group, "/") == 0)
			break;
		*slash = '\0';
		if (group[0] == '\0')
			strcpy(group, "/");
	}
	if (!found)
		(void)from_cgroup(root, h, "", room);
}

void
la_mem_room(const char *root, struct la_mem_room *room)
{
	char path[PATH], line[PATH];
	FILE *f;

	*room = (struct la_mem_room){.bytes = UINT64_MAX};
	snprintf(room->text, sizeof(room->text), "an unknown amount available");
	from_meminfo(root, room);
	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':'), *group;

		line[strcspn(line, "\n")] = '\0';
		group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (group == NULL)
			continue;
		*group++ = '\0';
		if (strcmp(controllers + 1, "memory") == 0)
			from_cgroups(root, &version1, group, room);
		else if (controllers[1] == '\0' && strncmp(line, "0:", 2) == 0)
			from_cgroups(root, &version2, group, room);
	}
	fclose(f);
}

/* ------------------------------------------------------------------ pages */

enum la_pages
la_pages_of(const void *p)
{
	uintptr_t at = (uintptr_t)p, from, to;
	enum la_pages pages = LA_PAGES_UNKNOWN;
	FILE *f = fopen("/proc/self/smaps", "r");
	bool here = false;
	uint64_t kb;
	char line[PATH];

	if (f == NULL)
		return LA_PAGES_UNKNOWN;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) {
			if (here)
				break;
			here = at >= from && at < to;
			if (here)
				pages = LA_PAGES_PLAIN;
		} else if (here && sscanf(line, "KernelPageSize: %" SCNu64 " kB", &kb) == 1) {
			if (kb > 4)
				pages = LA_PAGES_HUGE;
		} else if (here && sscanf(line, "AnonHugePages: %" SCNu64 " kB", &kb) == 1) {
			if (kb > 0)
				pages = LA_PAGES_TRANSPARENT;
		}
	}
	fclose(f);
	return pages;
}

const char *
la_pages_name(enum la_pages pages)
{
	static const char *const name[] = {
		[LA_PAGES_UNKNOWN] = "unknown pages",
		[LA_PAGES_PLAIN] = "plain pages",
		[LA_PAGES_TRANSPARENT] = "transparent hugepages",
		[LA_PAGES_HUGE] = "hugepages",
	};

	return name[pages];
}

const char *
la_pages_why_plain(const char *root)
{
	static const char off[] = "/sys/kernel/mm/transparent_hugepage/enabled says never";
	char path[PATH], line[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/kernel/mm/transparent_hugepage/enabled", root);
	f = fopen(path, "r");
	if (f == NULL)
		return "this kernel has no transparent hugepages";
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return strstr(line, "[never]") ? off : NULL;
}

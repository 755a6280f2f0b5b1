/* SPDX-License-Identifier: BSD-3-Clause */

/* Available memory, from /proc and /sys of different machines and containers. */

#include "../support/tree.h"
#include "core/mem.h"
#include "io/memory.h"

#define MIB (UINT64_C(1) << 20)

static char root[64];

static void
set_up(void)
{
	tree_make(root, sizeof(root));
}

static void
tear_down(void)
{
	tree_remove(root);
}

TestSuite(memory, .init = set_up, .fini = tear_down);

static void
put(const char *path, const char *text)
{
	tree_put(root, path, text);
}

static void
room_is(uint64_t bytes, const char *words)
{
	struct la_mem_room room;

	la_mem_room(root, &room);
	cr_assert_eq(room.bytes, bytes, "%lu: %s", room.bytes, room.text);
	cr_assert_not_null(strstr(room.text, words), "no '%s': %s", words, room.text);
}

static void
machine(void)
{
	put("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1048576 kB\n"
			     "MemAvailable:    8388608 kB\nBuffers:            3652 kB\n");
}

Test(memory, without_files_there_is_no_limit)
{
	room_is(UINT64_MAX, "unknown");
}

Test(memory, memavailable_counts_not_memfree)
{
	machine();
	room_is(8192 * MIB, "8192 MiB available (MemAvailable in /proc/meminfo)");
}

Test(memory, version_2_limit_minus_unreclaimable_use)
{
	machine();
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "1073741824\n");
	put("/sys/fs/cgroup/a/b/memory.current", "629145600\n");
	put("/sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 104857600\nactive_file 5\n");
	room_is(524 * MIB, "524 MiB left (memory cgroup /a/b: limit 1024 MiB, 600 MiB used, 100 MiB of");
}

Test(memory, version_2_every_level_counts)
{
	machine();
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	put("/sys/fs/cgroup/a/b/memory.current", "0\n");
	put("/sys/fs/cgroup/a/memory.max", "1073741824\n");
	put("/sys/fs/cgroup/a/memory.current", "1048576\n");
	room_is(1023 * MIB, "cgroup /a:");
}

Test(memory, version_2_max_is_no_limit)
{
	machine();
	put("/proc/self/cgroup", "0::/a\n");
	put("/sys/fs/cgroup/a/memory.max", "max\n");
	put("/sys/fs/cgroup/a/memory.current", "1\n");
	room_is(8192 * MIB, "MemAvailable");
}

Test(memory, version_1_beside_version_2)
{
	machine();
	put("/proc/self/cgroup", "4:memory:/x\n1:cpu,cpuacct:/\n0::/\n");
	put("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2147483648\n");
	put("/sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1073741824\n");
	put("/sys/fs/cgroup/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 536870912\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "4096\n");
	room_is(1536 * MIB, "cgroup /x: limit 2048 MiB");
}

/* A container: its cgroup is the root of the mount, but /proc/self/cgroup has the path on the host. */
Test(memory, a_missing_cgroup_path_is_the_root)
{
	machine();
	put("/proc/self/cgroup", "0::/system.slice/container-1\n");
	put("/sys/fs/cgroup/memory.max", "268435456\n");
	put("/sys/fs/cgroup/memory.current", "268435455\n");
	room_is(1, "0 MiB left");
}

Test(memory, more_used_than_allowed_leaves_0)
{
	machine();
	put("/proc/self/cgroup", "0::/a\n");
	put("/sys/fs/cgroup/a/memory.max", "1048576\n");
	put("/sys/fs/cgroup/a/memory.current", "2097152\n");
	room_is(0, "0 MiB left");
}

Test(memory, this_machine_has_memory)
{
	struct la_mem_room room;

	la_mem_room("", &room);
	cr_assert_gt(room.bytes, 0, "%s", room.text);
	cr_assert_lt(room.bytes, UINT64_MAX, "%s", room.text);
}

Test(memory, pages_of_a_table_are_known)
{
	enum { SIZE = 8 << 20 };
	uint8_t *p = la_mem_alloc(NULL, SIZE, 64);
	enum la_pages pages;

	cr_assert_not_null(p);
	p[0] = 1;
	pages = la_pages_of(p);
	cr_assert(pages == LA_PAGES_PLAIN || pages == LA_PAGES_TRANSPARENT, "%s", la_pages_name(pages));
	if (la_pages_why_plain(""))
		cr_assert_eq(pages, LA_PAGES_PLAIN);
	la_mem_free(NULL, p, SIZE);
	cr_assert_eq(la_pages_of(NULL), LA_PAGES_UNKNOWN);
}

Test(memory, thp_never_is_a_reason_for_plain_pages)
{
	cr_assert_not_null(la_pages_why_plain(root));
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	cr_assert_not_null(strstr(la_pages_why_plain(root), "never"));
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	cr_assert_null(la_pages_why_plain(root));
}

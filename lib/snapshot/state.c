/* SPDX-License-Identifier: BSD-3-Clause */

/* The state file.
 *
 *	head      magic, byte order, version; how long the file is; when it was written, by two
 *	          clocks; a checksum of everything else (BLAKE2b, libsodium's generic hash)
 *	section   one a shard, in order: a digest of the shard's addresses, its port, a length, and
 *	 ...      what la_shard_save() wrote: secret, now, ISN clock, and for each TIME_WAIT entry
 *	          how long it has left. With the head's time that is its deadline by the clock on
 *	          the wall
 *
 * Whole or not at all. It is written beside its place, synced, and renamed into it, and the
 * directory is synced too; the head, which alone makes it a state file, is written last. When read,
 * its length, checksum and every section's head are verified before the first entry is imported,
 * in a first pass over the file; the second pass reads what is then in the page cache.
 *
 * Once. After it was read and before the first packet, the file is removed, directory synced. If it
 * stayed, a crash would leave an old state that looks like a new one; without it, the next start
 * knows that there was a crash, and keeps quiet time.
 *
 * It holds the secret that ISNs and timestamp offsets are made with: mode 0600, and a file that
 * others can get at, or that is not ours, is refused: its secret may be none.
 *
 * Redistribution. The shards of a port share its connections by a hash of the tuple (lib/io/steer.c), and there may
 * be more of them than in the run before, or fewer. So it is not asked which shard an entry was in, only
 * whose its segments will be: every section of a port is read once, and each entry goes to the shard that
 * steering names, also when the number is the same. An entry's answers come from its own numbers, the
 * time and the secret: its TSval is tick + keyed offset of the tuple, a new ISN is clock + keyed hash.
 * Time is one for all shards of a process. The secret is one for all shards of a port (lib/run/restart.c), and
 * a file in which they differ is refused: in another shard, an entry of such a file would answer with a
 * TSval that its peer throws away. The ISN clock is the furthest ahead of all (lib/net/restart.c). Ports
 * cannot be redistributed: a run has those of the file, with their addresses.
 *
 * No entry is lost on the way. A shard that has no room for its own makes the whole file useless; the
 * rest of it is then counted, and the refusal says how many fell to the shard that had the most, how
 * many fit there, and what to ask for.
 *
 * What is not a state file, by its magic, is never overwritten, whatever --state says.
 *
 * The clock. How long nothing ran decides how much time an entry has left, and an entry must never
 * end early. Within one boot CLOCK_BOOTTIME decides, which cannot be set. After a boot there is
 * only real time; when that went backwards, nothing is subtracted. Both are rounded down, and were
 * looked at after `now` was: the new time of a shard is never ahead of what it would have been.
 *
 * Memory: one buffer of a mebibyte, whatever the table's size, and as many entries on the stack as
 * lib/table/tw_state.c reads at once: they are redistributed as they are read.
 *
 * This file has clocks, addresses and progress; state_read.c verifies, state_deal.c deals out, state_write.c
 * writes. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "snapshot/state_file.h"

#define LINE_NS 1000000000ull /* a progress line this often */

/* ------------------------------------------------------------------ time */

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	return clock_gettime(id, &ts) == 0
		       ? (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec
		       : 0;
}

/* The text of a UUID: 32 hexadecimal digits with dashes between. */
static void
read_boot_id(uint8_t id[16])
{
	char text[64];
	size_t len = 0;
	ssize_t n;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n <= 0 || sodium_hex2bin(id, 16, text, (size_t)n, "-\n", &len, NULL) != 0 || len != 16)
		memset(id, 0, 16);
}

void
la_wall_now(struct la_wall *w)
{
	memset(w, 0, sizeof(*w));
	w->real_ns = clock_ns(CLOCK_REALTIME);
	w->boot_ns = clock_ns(CLOCK_BOOTTIME);
	read_boot_id(w->boot_id);
}

uint64_t
la_wall_passed(const struct la_wall *then, const struct la_wall *now, bool *backwards)
{
	bool same_boot = !sodium_is_zero(then->boot_id, sizeof(then->boot_id)) &&
			 memcmp(then->boot_id, now->boot_id, sizeof(then->boot_id)) == 0;

	*backwards = false;
	if (same_boot && now->boot_ns >= then->boot_ns)
		return (now->boot_ns - then->boot_ns) / 1000000;
	if (now->real_ns >= then->real_ns)
		return (now->real_ns - then->real_ns) / 1000000;
	*backwards = true;
	return 0;
}

/* ------------------------------------------------------------------ addresses */

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct la_statefile_prefix));
}

int
la_statefile_digest(const struct la_statefile_addrs *a, uint8_t out[LA_STATEFILE_DIGEST])
{
	size_t n = (size_t)a->naddrs + a->nranges;
	struct la_statefile_prefix *p = calloc(n ? n : 1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bool range = i >= a->naddrs;
		const struct la_prefix *from = range ? &a->ranges[i - a->naddrs] : &a->addrs[i];

		memcpy(p[i].addr, from->addr.b, sizeof(p[i].addr));
		p[i].len = (uint8_t)from->len;
		p[i].range = range;
	}
	qsort(p, n, sizeof(*p), by_bytes);
	(void)crypto_generichash(out, LA_STATEFILE_DIGEST, (const uint8_t *)p, n * sizeof(*p), NULL,
				 0);
	free(p);
	return 0;
}

/* ------------------------------------------------------------------ progress */

void
la_statefile_progress_start(struct la_statefile_progress *p, const char *what, uint64_t total,
			    bool say)
{
	*p = (struct la_statefile_progress){.what = what,
					    .total = total,
					    .say = say,
					    .next_ns = clock_ns(CLOCK_MONOTONIC) + LINE_NS};
}

void
la_statefile_progress(struct la_statefile_progress *p, uint64_t n)
{
	uint64_t now;

	p->done += n;
	if (!p->say)
		return;
	now = clock_ns(CLOCK_MONOTONIC);
	if (now < p->next_ns)
		return;
	p->next_ns = now + LINE_NS;
	printf("state: %s, %lu of %lu MB, %u%%\n", p->what, p->done / 1000000, p->total / 1000000,
	       (unsigned)(p->total ? 100.0 * (double)p->done / (double)p->total : 100));
	fflush(stdout);
}

/* ------------------------------------------------------------------ the directory */

/* A name that came or went is on the disk only when its directory is. */
int
la_statefile_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL   ? strdup(".")
		    : slash == path ? strdup("/")
				    : strndup(path, (size_t)(slash - path));
	int fd, rc = 0;

	if (dir == NULL)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system that knows no such thing */
		rc = -errno;
	close(fd);
	return rc;
}

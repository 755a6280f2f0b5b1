/* SPDX-License-Identifier: BSD-3-Clause */

/* The snapshot file.
 *
 *	head      magic, byte order, version; length of the file; time of writing, by two
 *	          clocks; a checksum of all other bytes (BLAKE2b, libsodium's generic hash)
 *	section   one for each shard, in order: a digest of the shard's addresses, its port, a length, and
 *	 ...      the output of la_shard_save(): secret, now, ISN clock, and for each TIME_WAIT entry
 *	          its remaining time. The time in the head plus the remaining time is the deadline in real
 *	          time
 *
 * Atomicity. The file is written under a temporary name, synced, and renamed, and the
 * directory is synced, too. The head, with the magic, is written last. A first pass of reading
 * verifies length, checksum and every section's head before the first entry is loaded;
 * the second pass then reads from the page cache.
 *
 * Use once. After the load and before the first packet, the file is removed and the directory synced. A file that
 * stays would be loaded again after a crash, although it is old. Without the file, the next start
 * assumes a crash, and keeps quiet time.
 *
 * Secrecy. The file has the secret of ISNs and timestamp offsets: its mode is 0600. A file that
 * other users can access, or that belongs to another user, is refused, because its secret may be known.
 *
 * Redistribution. The shards of a port divide its connections by a hash of the tuple (lib/io/steer.c), and the
 * number of shards may differ from the previous run. An entry must go to the shard that receives its
 * segments, whatever its old shard: every section of a port is read once, and each entry goes to the shard that
 * steering selects, even if the number of shards is unchanged. An entry's answers depend on its sequence numbers, the
 * time and the secret: its TSval is tick + keyed offset of the tuple, a new ISN is clock + keyed hash.
 * All shards of a process have the same time. All shards of a port have the same secret (lib/run/restart.c). A
 * file in which they differ is refused: in another shard, an entry of such a file would answer with a
 * TSval that its peer drops. The ISN clock is the most advanced one of all shards (lib/net/restart.c). Entries are not
 * redistributed between ports: a run must have the ports of the file, with their addresses.
 *
 * No entry is lost. If a shard has no room for its entries, the whole load fails. The remaining entries are
 * then counted, and the error gives the number of entries of the fullest shard, its capacity, and the size
 * to configure.
 *
 * A file without the magic of a snapshot file is not overwritten, even if --state names it.
 *
 * The clock. The time between two runs is subtracted from an entry's remaining time, and an entry must not
 * end early. Within one boot CLOCK_BOOTTIME gives the time, because it cannot be set. After a reboot only
 * CLOCK_REALTIME is left; if that clock went backwards, no time is subtracted. Both differences are rounded down, and
 * the clocks are read after `now`: the new time of a shard is never ahead of the true time.
 *
 * Memory: one buffer of a mebibyte for any table size, and on the stack the entries that
 * lib/table/tw_snapshot.c reads at once. Entries are redistributed while they are read.
 *
 * This file has clocks, addresses and progress; snapshot_read.c verifies, snapshot_deal.c redistributes,
 * snapshot_write.c writes. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "snapshot/snapshot_file.h"

#define LINE_NS 1000000000ull /* time between two progress lines */

/* ------------------------------------------------------------------ time */

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	return clock_gettime(id, &ts) == 0 ? (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec : 0;
}

/* Reads a UUID: 32 hexadecimal digits and dashes. All zero: unknown. */
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
	return memcmp(a, b, sizeof(struct la_snapshot_prefix));
}

int
la_snapshot_digest(const struct la_snapshot_addrs *a, uint8_t out[LA_SNAPSHOT_DIGEST])
{
	size_t n = (size_t)a->naddrs + a->nranges;
	struct la_snapshot_prefix *p = calloc(n ? n : 1, sizeof(*p));

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
	(void)crypto_generichash(out, LA_SNAPSHOT_DIGEST, (const uint8_t *)p, n * sizeof(*p), NULL, 0);
	free(p);
	return 0;
}

/* ------------------------------------------------------------------ progress */

void
la_snapshot_progress_start(struct la_snapshot_progress *p, const char *what, uint64_t total, bool say)
{
	*p = (struct la_snapshot_progress){
		.what = what, .total = total, .say = say, .next_ns = clock_ns(CLOCK_MONOTONIC) + LINE_NS};
}

void
la_snapshot_progress(struct la_snapshot_progress *p, uint64_t n)
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

/* Syncs the directory of path: only then is a new or removed name on the disk. Returns 0 or a negative errno. */
int
la_snapshot_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	int fd, rc = 0;

	if (dir == NULL)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system without directory sync */
		rc = -errno;
	close(fd);
	return rc;
}

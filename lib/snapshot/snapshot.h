/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SNAPSHOT_SNAPSHOT_H
#define LA_SNAPSHOT_SNAPSHOT_H

/* The snapshot file: a process writes its shards at its end, and the next process loads them.
 * (Format and theory at the top of snapshot.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

/** Two clocks that are valid across processes. */
struct la_wall {
	uint64_t real_ns;    /* CLOCK_REALTIME: may be set */
	uint64_t boot_ns;    /* CLOCK_BOOTTIME: cannot be set, but is valid only until the next boot */
	uint8_t boot_id[16]; /* identifies the boot; all zero: unknown */
};
/** Reads the clocks. */
void la_wall_now(struct la_wall *w);

/** Milliseconds, rounded down, from `then` to `now`: by CLOCK_BOOTTIME if both are of one boot, otherwise by
 * CLOCK_REALTIME. *backwards: CLOCK_REALTIME went back; then the true time is unknown, and 0 is returned. */
uint64_t la_wall_passed(const struct la_wall *then, const struct la_wall *now, bool *backwards);

/** A shard as the file describes it: the addresses of its entries (NULL and 0: none), and its port, 0 to 63.
 * All shards of a port have the same addresses and secret. */
struct la_snapshot_addrs {
	const struct la_prefix *addrs, *ranges;
	unsigned naddrs, nranges;
	unsigned port;
};

struct la_snapshot;

/** Opens a file and verifies all of it. Returns 0 and *out; -ENOENT:
 * no file; any other negative errno: the file is refused, and err has its name and the reason. addrs: those of the n
 * shards of this run, in order; the file may have more or fewer shards of each port. say: print a progress line a
 * second on stdout. wall: the current time; NULL: read the clocks. */
int la_snapshot_open(const char *path, const struct la_snapshot_addrs *addrs, unsigned n, bool say,
		     const struct la_wall *wall, struct la_snapshot **out, char *err, size_t size);
/** Closes the file and frees st. NULL is allowed. */
void la_snapshot_close(struct la_snapshot *st);

/** The `now` for the loaded shards: the saved `now` plus la_snapshot_passed(). */
uint64_t la_snapshot_now(const struct la_snapshot *st);
/** The time from la_snapshot_save() to la_snapshot_open(), ms. */
uint64_t la_snapshot_passed(const struct la_snapshot *st);
/** Returns whether real time went back, so that entries keep all their remaining time. */
bool la_snapshot_backwards(const struct la_snapshot *st);
/** The secret for shard i of this run: the secret of its port in the file. */
const uint8_t *la_snapshot_secret(const struct la_snapshot *st, unsigned i);
/** The number of TIME_WAIT entries in the file. */
uint64_t la_snapshot_entries(const struct la_snapshot *st);
/** The number of shards in the file. */
unsigned la_snapshot_shards(const struct la_snapshot *st);

/** Loads all entries into the shards of this run: those of the addrs of la_snapshot_open(), created with
 * la_snapshot_secret() and a `now` of at least la_snapshot_now(). io/steer.h selects the shard of each entry among
 * the shards of its port. Returns 0, or a negative errno and err. After an error the shards must be destroyed. */
int la_snapshot_load(struct la_snapshot *st, struct la_shard *const *shards, char *err, size_t size);

/** Removes the file and syncs its directory, so that no later start loads it again.
 * Returns 0, or a negative errno and err. */
int la_snapshot_consume(struct la_snapshot *st, char *err, size_t size);

/** Checks whether la_snapshot_save() can write to path: path is a snapshot file, empty or absent, and
 * its directory is writable. Creates no file. Returns 0, or a negative errno and err. */
int la_snapshot_check(const char *path, char *err, size_t size);

/** Writes a snapshot of the shards at `now` to path, atomically, with mode 0600. say and wall: as for
 * la_snapshot_open(). Returns 0, or a negative errno and err. *bytes: the length of the file. */
int la_snapshot_save(const char *path, const struct la_snapshot_addrs *addrs, struct la_shard *const *shards,
		     unsigned n, uint64_t now, bool say, const struct la_wall *wall, uint64_t *bytes, char *err,
		     size_t size);

#endif

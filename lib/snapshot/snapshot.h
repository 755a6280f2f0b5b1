/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SNAPSHOT_SNAPSHOT_H
#define LA_SNAPSHOT_SNAPSHOT_H

/* The snapshot file: the shards of a process that was stopped in order, to be loaded by the next one.
 * (Format and theory at the top of snapshot.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

/** Two clocks that are valid across processes. */
struct la_wall {
	uint64_t real_ns;    /* CLOCK_REALTIME: may be set */
	uint64_t boot_ns;    /* CLOCK_BOOTTIME: cannot be set, but is valid only within a boot */
	uint8_t boot_id[16]; /* identifies the boot; zeros: unknown */
};
void la_wall_now(struct la_wall *w);

/** Milliseconds, rounded down, from `then` to `now`: by the boot clock within one boot, else by
 * real time. *backwards: real time went back; the true time is unknown, and 0 is returned. */
uint64_t la_wall_passed(const struct la_wall *then, const struct la_wall *now, bool *backwards);

/** A shard as described in the file: the addresses of its entries (NULL and 0 are allowed), and its port, 0 to 63.
 * All shards of a port have the same addresses and secret. */
struct la_snapshot_addrs {
	const struct la_prefix *addrs, *ranges;
	unsigned naddrs, nranges;
	unsigned port;
};

struct la_snapshot;

/** Opens a file and verifies all of it. 0 and *out; -ENOENT:
 * no file; any other negative errno: refused, and err has the file and the reason. addrs: of the shards of this
 * run, in order; the file may be of more or fewer on each port. say: a progress line a second on stdout.
 * wall: the current time; NULL: reads the clocks. */
int la_snapshot_open(const char *path, const struct la_snapshot_addrs *addrs, unsigned n, bool say,
		     const struct la_wall *wall, struct la_snapshot **out, char *err, size_t size);
/** NULL is allowed. */
void la_snapshot_close(struct la_snapshot *st);

/** The `now` for the loaded shards: the saved one plus the time until
 * la_snapshot_open() read the clocks. */
uint64_t la_snapshot_now(const struct la_snapshot *st);
/** The time between saving and opening, ms. */
uint64_t la_snapshot_passed(const struct la_snapshot *st);
/** Returns whether real time went back, so that entries keep all their remaining time. */
bool la_snapshot_backwards(const struct la_snapshot *st);
/** The secret for shard i of this run: that of its port. */
const uint8_t *la_snapshot_secret(const struct la_snapshot *st, unsigned i);
/** TIME_WAIT entries in the file, and shards that wrote it. */
uint64_t la_snapshot_entries(const struct la_snapshot *st);
unsigned la_snapshot_shards(const struct la_snapshot *st);

/** Loads all entries into the shards of this run: the shards for which the file was opened, created with
 * its secret and a `now` not before la_snapshot_now(). io/steer.h selects the shard of each entry among
 * those of its port. 0, or negative errno and err; the shards must then be destroyed. */
int la_snapshot_load(struct la_snapshot *st, struct la_shard *const *shards, char *err, size_t size);

/** Removes the file and syncs its directory: later events are not in it.
 * 0, or negative errno and err. */
int la_snapshot_consume(struct la_snapshot *st, char *err, size_t size);

/** Checks whether la_snapshot_save() can write to path: there is a snapshot file or none, and
 * its directory is writable. Creates no file. 0, or negative errno and err. */
int la_snapshot_check(const char *path, char *err, size_t size);

/** Writes a snapshot of the shards at `now` to path, mode 0600: atomically. 0, or negative errno
 * and err. *bytes: the file's length. */
int la_snapshot_save(const char *path, const struct la_snapshot_addrs *addrs, struct la_shard *const *shards,
		     unsigned n, uint64_t now, bool say, const struct la_wall *wall, uint64_t *bytes, char *err,
		     size_t size);

#endif

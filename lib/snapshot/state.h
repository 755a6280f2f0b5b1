/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SNAPSHOT_STATE_H
#define LA_SNAPSHOT_STATE_H

/* The state file: the shards of a process that was stopped in order, for the next one to go on
 * with. (Format and theory at the top of state.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

/** Two clocks that outlive a process. */
struct la_wall {
	uint64_t real_ns;    /* CLOCK_REALTIME: may be set */
	uint64_t boot_ns;    /* CLOCK_BOOTTIME: is never set, but means nothing after a boot */
	uint8_t boot_id[16]; /* which boot; zeros: not known */
};
void la_wall_now(struct la_wall *w);

/** Milliseconds, rounded down, from `then` to `now`: by the boot clock within one boot, else by
 * real time. *backwards: real time went back, and nothing is known but that it was not less than 0.
 */
uint64_t la_wall_passed(const struct la_wall *then, const struct la_wall *now, bool *backwards);

/** What a shard is to the file: the addresses whose entries it has, NULL and 0 are allowed; and the
 * port, 0 to 63, that it shares with all shards of the same number, their addresses and secret too. */
struct la_statefile_addrs {
	const struct la_prefix *addrs, *ranges;
	unsigned naddrs, nranges;
	unsigned port;
};

struct la_statefile;

/** Opens a file and verifies every byte of it before anything is believed. 0 and *out; -ENOENT:
 * there is none; any other negative errno: refused, and err says why, naming the file. addrs: of the shards of this
 * run, in order; the file may be of more or fewer on each port. say: a progress line a second on stdout.
 * wall: the present; NULL: asks for it. */
int la_statefile_open(const char *path, const struct la_statefile_addrs *addrs, unsigned n,
		      bool say, const struct la_wall *wall, struct la_statefile **out, char *err,
		      size_t size);
/** NULL is allowed. */
void la_statefile_close(struct la_statefile *st);

/** The `now` at which shards are to go on: the saved one and what has passed until
 * la_statefile_open() looked at the clocks. */
uint64_t la_statefile_now(const struct la_statefile *st);
/** How much has passed, ms. */
uint64_t la_statefile_passed(const struct la_statefile *st);
/** Real time was set back, or the boot is another and it was: everything has all the time left that
 * it had. */
bool la_statefile_backwards(const struct la_statefile *st);
/** The secret that shard i of this run is to have: its port's. */
const uint8_t *la_statefile_secret(const struct la_statefile *st, unsigned i);
/** TIME_WAIT entries in the file, and shards that wrote it. */
uint64_t la_statefile_entries(const struct la_statefile *st);
unsigned la_statefile_shards(const struct la_statefile *st);

/** Reads everything into the shards of this run, one for each that the file was opened for, made with
 * its secret and a `now` not before that one: every entry into the one that io/steer.h names among
 * those of its port. 0, or negative errno and err; the shards are then to be destroyed. */
int la_statefile_load(struct la_statefile *st, struct la_shard *const *shards, char *err,
		      size_t size);

/** Takes the file away for good, directory and all: what happens from now on is not in it.
 * 0, or negative errno and err. */
int la_statefile_consume(struct la_statefile *st, char *err, size_t size);

/** Whether la_statefile_save() will be able to write to path: what is there is a state file or nothing, and
 * its directory takes files. Creates nothing. 0, or negative errno and err. */
int la_statefile_check(const char *path, char *err, size_t size);

/** Writes the shards' state at `now` to path, mode 0600: whole or not at all. 0, or negative errno
 * and err. *bytes: the file's length. */
int la_statefile_save(const char *path, const struct la_statefile_addrs *addrs,
		      struct la_shard *const *shards, unsigned n, uint64_t now, bool say,
		      const struct la_wall *wall, uint64_t *bytes, char *err, size_t size);

#endif

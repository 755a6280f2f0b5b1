/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FAST_PATH_RECORD_H
#define TEST_FAST_PATH_RECORD_H

/* The fast path and the general path of a shard give the same results: a test runs the same events both ways, and
 * compares.
 *
 * The record of a run has, in their order: the frames that shards received and sent, with their time, as they are on
 * the wire (a port may fill in their checksums); the counters and transitions that changed; and the notes of the
 * test.
 *
 * The comparison ends where one of the runs is out of buffers: the fast path writes its answer into the received
 * buffer, and the general path into another one, which it may not get.
 *
 * The linker routes la_shard_rx(), la_shard_tx() and la_shard_destroy() of these tests through fast_path_record.c
 * (--wrap, in meson.build). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct la_shard;

/** Records the run from here on, in place of the last run of this kind. Shards that are created from now on have a fast
 * path if `fast` is true. */
void fast_path_begin(bool fast);
/** Ends the record. */
void fast_path_end(void);
/** Sets the clock of the records, in us; NULL: the records have only the shards' time. */
void fast_path_clock(uint64_t (*now)(const void *ctx), const void *ctx);
/** Adds a line to the record. `what` is constant. */
void fast_path_note(const char *what, uint64_t value);
/** Records the counters of a shard that changed since the last frame. la_shard_rx(), la_shard_tx() and
 * la_shard_destroy() record them, too. */
void fast_path_counters(const struct la_shard *s);

/** Compares the last run of each kind. Prints the events before the first difference, and the events of both runs from
 * there on (out NULL: nothing). Returns whether the runs are the same. */
bool fast_path_compare(FILE *out);
/** Returns the number of events of the last two runs that were compared. */
uint64_t fast_path_compared(void);

#endif

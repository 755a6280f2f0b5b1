/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FAST_PATH_H
#define TEST_FAST_PATH_H

/* Tests run with and without the fast path of a shard (la_shard_config.no_fast_path).
 *
 * With LA_TEST_NO_FAST_PATH=1 in the environment all shards of a test take the general path. `ways` in meson.build
 * makes both tests. fast_path_record.h compares two runs in one process.
 *
 * The linker routes la_shard_create() of these tests through fast_path.c (--wrap, in meson.build). */

#include <stdbool.h>

/** Shards that are created from now on take the general path (false), or have a fast path unless the environment or
 * their configuration forbids it (true, at first). */
void fast_path_allow(bool fast);

#endif

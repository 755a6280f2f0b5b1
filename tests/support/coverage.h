/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_COVERAGE_H
#define TEST_COVERAGE_H

/* Coverage of (state, event) cells and of transitions.
 *
 * With LASTACK_COVERAGE=DIR in the environment every rig records, for each segment that it injects,
 * each timer that fires and each close and abort of its users, the state of the connection and the event
 * of the matrix (coverage.c). At its end it appends these counts and the shard's counts of transitions to
 * DIR/counts, which tests/coverage/report reads. Without the variable it records nothing.
 *
 * The linker routes the user's calls of all tests through this file (--wrap, in meson.build). */

#include <stddef.h>
#include <stdint.h>

struct rig;

/** A rig starts; a rig ends, before its shard is destroyed. */
void coverage_open(struct rig *r);
void coverage_close(struct rig *r);
/** A frame is about to be injected. */
void coverage_frame(struct rig *r, const uint8_t *frame, size_t len);
/** Time is about to pass: ms in all, until the next call of coverage_acted(), which records the timers
 * that fired. */
void coverage_time(struct rig *r, uint64_t ms);
void coverage_acted(struct rig *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_COVERAGE_H
#define TEST_COVERAGE_H

/* Which states met which events, and which transitions were taken.
 *
 * With LASTACK_COVERAGE=DIR in the environment every rig notes, for each segment it injects, for
 * each timer that acts and for each close and abort of its users, the state of the connection at
 * that moment and the event of the matrix (coverage.c) it was; at its end it appends the counts,
 * and the shard's own of transitions, to DIR/counts. tests/coverage/report reads them. Without it
 * nothing is noted.
 *
 * The user's calls are noted wherever a test makes them: the linker leads them through here
 * (--wrap, in meson.build). */

#include <stddef.h>
#include <stdint.h>

struct rig;

/** A rig begins; ends, its shard still there. */
void coverage_open(struct rig *r);
void coverage_close(struct rig *r);
/** A frame is about to be injected. */
void coverage_frame(struct rig *r, const uint8_t *frame, size_t len);
/** Time is about to pass: ms in all, until the next call of coverage_acted(), in which something
 * the shard did by itself shows. */
void coverage_time(struct rig *r, uint64_t ms);
void coverage_acted(struct rig *r);

#endif

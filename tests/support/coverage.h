/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_COVERAGE_H
#define TEST_COVERAGE_H

/* Coverage of (state, event) cells and of transitions.
 *
 * With LASTACK_COVERAGE=DIR in the environment every rig counts pairs of state and event. Events are injected
 * segments, timers that fire, and calls of the user that close or abort (the list is in coverage.c). When the rig
 * ends, it appends these counts and the shard's counts of transitions to DIR/counts, which tests/coverage/report
 * reads. Without the variable nothing is counted.
 *
 * The linker routes these calls of all tests through coverage.c (--wrap, in meson.build). */

#include <stddef.h>
#include <stdint.h>

struct rig;

/** Call coverage_open() when a rig was created, coverage_close() before its shard is destroyed. */
void coverage_open(struct rig *r);
void coverage_close(struct rig *r);
/** Counts the event of a frame. Call it before the frame is injected. */
void coverage_frame(struct rig *r, const uint8_t *frame, size_t len);
/** Records the states before ms milliseconds pass. */
void coverage_time(struct rig *r, uint64_t ms);
/** Counts a timer event for each peer that received a segment, or whose connection changed its state, since the
 * previous call of coverage_time() or coverage_acted(). */
void coverage_acted(struct rig *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SCENARIO_H
#define TEST_SCENARIO_H

/* Scenarios: one requirement each, told as a trace between the scripted peer and one shard.
 *
 * SCENARIO(suite, id, text) { ... } is run for {IPv4, IPv6} x {plain, options}: `s->o` holds what
 * the peer offers (options: timestamps, SACK and window scale 2), s->r the rig. A scenario that
 * only makes sense for some of them returns at once for the others. */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "core/seq.h"
#include "peer.h"

struct scene {
	struct rig *r;
	struct peer_opts o;
	const char *name;
	jmp_buf *bail;
};

typedef void scene_body(struct scene *s);

void scene_run(const char *id, const char *text, scene_body *body);
/** Throws the rig away for one with these options. */
void scene_rig(struct scene *s, const struct rig_opts *opts);

#define SCENARIO(suite, id, text)                \
	static void body_##id(struct scene *s);  \
	Test(suite, id)                          \
	{                                        \
		scene_run(#id, text, body_##id); \
	}                                        \
	static void body_##id(struct scene *s)

/** A peer with the scene's offers, listened for, not yet connected. */
struct peer *scene_listen(struct scene *s);
/** The same, connected by the peer. */
struct peer *scene_open(struct scene *s);
/** The same; only the first of the rig listens, the others connect to the same port. */
struct peer *scene_another(struct scene *s);
/** The same, connected by the shard. */
struct peer *scene_connect(struct scene *s);

/** Acknowledges whatever comes, segment by segment, until nothing came for `quiet` ms. Returns how
 * many segments that was. */
unsigned drain(struct peer *p, uint64_t quiet);
/** Sends len bytes in segments of `mss`, keeping to the window, letting time pass for ACKs. */
void feed(struct peer *p, uint32_t len, uint32_t mss);
/** The last segment that came. */
const struct peer_rx *last_rx(const struct peer *p);
/** Segments with payload that wait to be looked at, and their bytes. */
unsigned flight(struct peer *p, uint32_t *bytes);

#endif

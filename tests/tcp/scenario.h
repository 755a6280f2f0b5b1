/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SCENARIO_H
#define TEST_SCENARIO_H

/* A scenario shows one requirement as a trace between the scripted peer and one shard.
 *
 * SCENARIO(suite, id, text) { ... } is run for {IPv4, IPv6} x {plain, options}: s->r is the rig,
 * and `s->o` holds the peer's offer (options: timestamps, SACK and window scale 2). A scenario that
 * applies to some variants returns at once for the others. */

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
/** Replaces the rig by one with these options. */
void scene_rig(struct scene *s, const struct rig_opts *opts);

#define SCENARIO(suite, id, text)                \
	static void body_##id(struct scene *s);  \
	Test(suite, id)                          \
	{                                        \
		scene_run(#id, text, body_##id); \
	}                                        \
	static void body_##id(struct scene *s)

/** A peer with the scene's offers and a listener for it, not yet connected. */
struct peer *scene_listen(struct scene *s);
/** A peer whose connection is open, opened by the peer. */
struct peer *scene_open(struct scene *s);
/** Like scene_open(), but all peers connect to the port of the rig's first peer. */
struct peer *scene_another(struct scene *s);
/** A peer whose connection is open, opened by the shard. */
struct peer *scene_connect(struct scene *s);

/** Acknowledges each segment that arrives, until none arrives for `quiet` ms. Returns the number of
 * segments. */
unsigned drain(struct peer *p, uint64_t quiet);
/** Sends len bytes in segments of `mss` within the window, and waits for ACKs. */
void feed(struct peer *p, uint32_t len, uint32_t mss);
/** The last segment received. */
const struct peer_rx *last_rx(const struct peer *p);
/** Received segments with payload that peer_next() has not returned yet, and their bytes. */
unsigned flight(struct peer *p, uint32_t *bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SCENARIO_H
#define TEST_SCENARIO_H

/* A scenario shows one requirement as a trace between the scripted peer and one shard.
 *
 * SCENARIO(suite, id, text) { ... } is run for {IPv4, IPv6} x {plain, options}: s->r is the rig,
 * and `s->o` holds the options that the peer offers: none but MSS, or timestamps, SACK and window scale 2. A
 * scenario returns at once for a variant that it does not apply to. */

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
/** Replaces the scene's rig by a rig with these options. */
void scene_rig(struct scene *s, const struct rig_opts *opts);

#define SCENARIO(suite, id, text)                \
	static void body_##id(struct scene *s);  \
	Test(suite, id)                          \
	{                                        \
		scene_run(#id, text, body_##id); \
	}                                        \
	static void body_##id(struct scene *s)

/** Returns a peer with the scene's options. The shard listens on its port; no connection is open. */
struct peer *scene_listen(struct scene *s);
/** Returns a peer with an open connection, opened by the peer. */
struct peer *scene_open(struct scene *s);
/** Like scene_open(), but only the rig's first peer makes the shard listen. */
struct peer *scene_another(struct scene *s);
/** Returns a peer with an open connection, opened by the shard. */
struct peer *scene_connect(struct scene *s);

/** Acknowledges each segment that arrives, until none arrives for `quiet` ms. Returns the number of
 * segments. */
unsigned drain(struct peer *p, uint64_t quiet);
/** Sends len bytes in segments of `mss` within the window. Skips the segments that the shard sent. */
void feed(struct peer *p, uint32_t len, uint32_t mss);
/** Returns the last segment that the peer received. */
const struct peer_rx *last_rx(const struct peer *p);
/** Takes all received segments that peer_next() has not returned yet. Returns the number of those with payload, and
 * writes the number of their bytes. */
unsigned flight(struct peer *p, uint32_t *bytes);

#endif

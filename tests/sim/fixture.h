/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SIM_FIXTURE_H
#define TEST_SIM_FIXTURE_H

/* Worlds for the tests of lib/sim, and a record of their events. */

#include <criterion/criterion.h>

#include "sim/user.h"
#include "sim/world.h"

enum { SIM_EVENTS = 8192, SIM_MS = 1000, SIM_S = 1000000 };

struct sim_seen {
	enum la_sim_what what;
	uint64_t us, due_us;
	uint32_t packet;
	uint8_t host;
	bool copy, late;
	struct la_fault_seg seg;
	uint32_t frame_len;
	const char *text;
	enum la_state from, to;
};

struct sim_record {
	uint64_t hash; /* hash of every frame sent and its time */
	unsigned count[LA_SIM_NOTE + 1];
	unsigned n;
	struct sim_seen e[SIM_EVENTS];
};
extern struct sim_record rec;

/** Creates a world whose events are recorded in `rec`. Starts EAL if necessary. The world exists until the next
 * sim_make(). */
struct la_sim *sim_make(const struct la_sim_config *cfg);
/** Creates a world of two hosts, A and B, with this link in each direction. B listens on port 80. */
struct la_sim *sim_pair(const struct la_sim_link *link, const char *const *faults, unsigned nfaults,
			const struct la_sim_plan *server);
/** Opens a connection from A to B's port 80, from a new local port. */
struct la_sim_conn *sim_open(struct la_sim *w, bool ip6, const struct la_sim_plan *plan);
/** Returns the n-th event (1: the first) of this kind whose segment has these flags (0: any) and whose host is this one
 * (-1: any); NULL: none. */
const struct sim_seen *sim_event(enum la_sim_what what, int host, uint8_t flags, unsigned n);
/** Returns the n-th arrival of a packet (1: the first); NULL: none. */
const struct sim_seen *sim_arrival(uint32_t packet, unsigned n);
uint64_t sim_count(struct la_sim *w, unsigned host, enum la_counter c);
/** Runs until only periodic timers are left, at most an hour, and checks that all mbufs are free. */
void sim_over(struct la_sim *w);
/** Asserts that both sides ended orderly and that each read all bytes that the other sent. */
void sim_whole(const struct la_sim_conn *c);

#endif

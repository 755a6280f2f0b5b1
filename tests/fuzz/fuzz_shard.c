/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: one shard and all its events. An input is a list of actions (world_act.c).
 *
 * world_check.c checks after every action, world_close() at the end; the sanitizers and the asserts of lib find other
 * faults. With FUZZ_TRACE set all events are printed. */

#include "world.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	static struct world w;

	world_input(&w, p, len);
	return 0;
}

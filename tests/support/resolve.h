/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RESOLVE_H
#define TEST_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

/** Address resolution for whoever the shard looks for: does the frame ask for an address, and not for one
 * that the asker is about to take? Then the answer, that it is mac's, to whom it came from and with the same
 * tag, and the address in *asked. Returns the answer's length (128 bytes hold any), 0: nothing to answer. */
size_t resolve_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *out,
		      struct la_addr *asked);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RESOLVE_H
#define TEST_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

/** Answers an ARP request or a neighbour solicitation, except a probe for a duplicate address. Writes to `out` a
 * reply that gives `mac` as the answer, with the VLAN tag of the frame. Writes the requested address to *asked.
 * Returns the length of the reply (at most 128 bytes); 0: no reply. */
size_t resolve_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *out, struct la_addr *asked);

#endif

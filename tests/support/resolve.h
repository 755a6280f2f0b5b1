/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RESOLVE_H
#define TEST_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

/** Answers address resolution. When the frame is an ARP request or a neighbour solicitation, but no probe for a
 * duplicate address, writes a reply with `mac` to its sender, with the same VLAN tag, and the address to *asked.
 * Returns the length of the reply (at most 128 bytes); 0: no reply. */
size_t resolve_answer(const uint8_t *frame, size_t len, const uint8_t mac[6], uint8_t *out, struct la_addr *asked);

#endif

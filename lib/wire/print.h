/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_PRINT_H
#define LA_WIRE_PRINT_H

/* The text of a frame, one line, for traces, ladders and test failures. */

#include <stddef.h>
#include <stdint.h>

#include "wire/tcp.h"

/** Writes "S", "S.", ".", "F.", "P.", "R", "R." ... into buf (10 bytes are enough). Returns buf. */
const char *la_tcp_flags_format(uint8_t flags, char *buf, size_t size);

/** Writes "10.0.0.1:1024 > 10.0.0.2:80 F. seq 1:1(0) ack 1 win 502 <TS val 5 ecr 7>", or the fields of ARP, ICMP or
 * ND, into buf. p: a frame of len bytes from its Ethernet header. For a malformed frame the text has the
 * reason. Returns buf. */
const char *la_frame_format(const uint8_t *p, size_t len, char *buf, size_t size);

#endif

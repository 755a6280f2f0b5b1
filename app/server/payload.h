/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_PAYLOAD_H
#define LA_APP_SERVER_PAYLOAD_H

/* Constant payload. The services and the clients send it without a copy, and compare received bytes with it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

/** Byte i of /bytes/N, and of the bytes that the client sends, is i mod 251. 251 is a prime, so a lost or repeated
 * segment changes the bytes at later offsets, unless its length is a multiple of 251. */
enum { PATTERN_PERIOD = 251, PATTERN_LEN = PATTERN_PERIOD * 1044 };

/** The RFC 864 pattern: 95 lines of 72 characters and CR LF. Each line begins one character after the previous one. */
enum { CHARGEN_PERIOD = 95 * 74, CHARGEN_LEN = CHARGEN_PERIOD * 32 };

/** Makes both payloads, in memory of la_engine_const_memory(). Call it once in a process. Returns 0 or -ENOMEM. */
int payload_init(void);
/** Makes both payloads in memory of the caller: PATTERN_LEN and CHARGEN_LEN bytes. For tests. */
void payload_fill(uint8_t *pattern, uint8_t *chargen);

/** Sets *p to the byte at offset pos of the pattern, or of the chargen stream. Returns how many bytes of the stream
 * follow each other in memory from there on; pattern_at(): at most max. */
size_t pattern_at(uint64_t pos, uint64_t max, const uint8_t **p);
size_t chargen_at(uint64_t pos, const uint8_t **p);

/** Queues the pattern from offset *pos up to end, and moves *pos. Returns true when all of it is queued; false:
 * `writable` follows. */
bool pattern_send(struct la_conn *c, uint64_t *pos, uint64_t end);

/** Returns whether the n bytes are those of the pattern from offset pos on. */
bool pattern_matches(uint64_t pos, const void *bytes, size_t n);

#endif

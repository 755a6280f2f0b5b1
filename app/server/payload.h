/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_SERVER_PAYLOAD_H
#define LA_APP_SERVER_PAYLOAD_H

/* Constant payload, sent without a copy: of the server's services, and of its clients, which compare with it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/lastack.h>

/** Byte i of /bytes/N, and of what the client sends, is i mod 251: a prime, so that a lost or
 * doubled segment never falls on the same byte. */
enum { PATTERN_PERIOD = 251, PATTERN_LEN = PATTERN_PERIOD * 1044 };

/** The RFC 864 pattern: 95 lines of 72 characters and CR LF, turning by one. */
enum { CHARGEN_PERIOD = 95 * 74, CHARGEN_LEN = CHARGEN_PERIOD * 32 };

/** Makes both in la_engine_const_memory(), once a process. 0 or -ENOMEM. */
int payload_init(void);
/** The same in memory of the caller's: PATTERN_LEN and CHARGEN_LEN bytes (tests). */
void payload_fill(uint8_t *pattern, uint8_t *chargen);

/** The longest piece of the stream at offset pos, at most max bytes. Sets *p, returns its length. */
size_t pattern_at(uint64_t pos, uint64_t max, const uint8_t **p);
size_t chargen_at(uint64_t pos, const uint8_t **p);

/** Queues the pattern from offset *pos up to end. True: all of it is; false: `writable` comes. */
bool pattern_send(struct la_conn *c, uint64_t *pos, uint64_t end);

/** True when these are the bytes of the pattern from offset pos on. */
bool pattern_matches(uint64_t pos, const void *bytes, size_t n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_RSS_H
#define LA_IO_RSS_H

/* The Toeplitz key of this process. (The theory is at the top of rss.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LA_RSS_KEY_MAX = 64 };

/** The key: one 16-bit word, big-endian, repeated over LA_RSS_KEY_MAX bytes. Drawn at random at the first
 * call unless chosen before. */
const uint8_t *la_rss_key(void);

/** Chooses the key by a secret: the same secret gives the same key. Call on the main thread, before the first
 * la_port_open() and the first la_steer_init(). */
void la_rss_seed(const void *secret, size_t len);

/** Returns whether a key was chosen. */
bool la_rss_chosen(void);

/** Makes the key of this word. 0, or -EINVAL: a key of this word does not spread flows evenly. */
int la_rss_set(uint16_t word);

/** Returns whether a key of this word spreads flows evenly. */
bool la_rss_spreads(uint16_t word);

#endif

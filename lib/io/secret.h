/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_SECRET_H
#define LA_IO_SECRET_H

/* The random values of a run: one secret for a process, from which the secrets of its ports are derived, and the RSS
 * key.
 *
 * The RSS key follows from the secret of port 0, which a snapshot file carries (lib/run/restart.c). A process that
 * loads a snapshot file has the key of the previous process, so that with the same number of workers each entry belongs
 * to its old shard, and a full table fits. Without the file a new key is used. */

#include <stddef.h>
#include <stdint.h>

enum { LA_SECRET_LEN = 32 };

/** The secret of a port's shards. Drawn at the first call, and again after la_secret_forget(). */
void la_secret_of_port(unsigned port, uint8_t out[LA_SECRET_LEN]);

/** Sets the RSS key by a secret of port 0, of a snapshot file. NULL: by this process's secret of port 0. */
void la_secret_set_rss(const uint8_t *port0);

/** Sets the RSS key by this process's secret of port 0, unless a key was already chosen. */
void la_secret_need_rss(void);

/** Erases the secret, so that the next engine of this process has other secrets. The RSS key stays. */
void la_secret_forget(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CLAIM_H
#define LA_IO_CLAIM_H

/* One lastack process a kernel interface, and one memif server a socket. (The theory is at the top of
 * claim.c.) */

#include <stddef.h>

struct la_eal_config;

/** Claims all interfaces and sockets of the configuration's ports and --vdev arguments. 0, or negative errno with the
 * interface and, if known, its process in err; then nothing is claimed. */
int la_claim_ports(const struct la_eal_config *cfg, char *err, size_t size);

/** Claims an interface that now exists also by its number. 0, or negative errno and err. */
int la_claim_number(const char *name, char *err, size_t size);

/** Releases all claims of this process. */
void la_claim_drop(void);

#endif

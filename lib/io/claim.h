/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CLAIM_H
#define LA_IO_CLAIM_H

/* At most one lastack process uses a kernel interface, and at most one memif server a socket. (The theory is at the top
 * of claim.c.) */

#include <stddef.h>

#include "io/eal.h"

/** Claims all interfaces and sockets of the configuration's ports and --vdev arguments. 0, or negative errno with the
 * interface and, if known, its process in err; then nothing is claimed. */
int la_claim_ports(const struct la_eal_config *cfg, char *err, size_t size);

/** Claims an interface by its number, if it exists. 0, or negative errno and err. */
int la_claim_number(const char *name, char *err, size_t size);

/** Claims what one device names, for `owner` to release: a short form, or with LA_PORT_EAL a DPDK device with its
 * arguments. 0, or negative errno and err. */
int la_claim_device(const void *owner, enum la_port_kind kind, const char *arg, char *err, size_t size);

/** Call after the creation of a TAP: claims it by its number. arg: as for la_claim_device(). 0, or negative errno and
 * err. */
int la_claim_tap(const void *owner, const char *arg, char *err, size_t size);

/** Releases the claims of one owner. */
void la_claim_release(const void *owner);

/** Releases all claims of this process. */
void la_claim_drop(void);

#endif

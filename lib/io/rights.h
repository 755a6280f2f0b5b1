/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_RIGHTS_H
#define LA_IO_RIGHTS_H

/* What a port on the kernel's side needs of this process and of the kernel. (The table is at the top of rights.c.) */

#include "io/eal.h"
#include "io/pci.h"

/** Writes everything that is missing for a TAP, an AF_PACKET or an AF_XDP port, and what helps; "": nothing is missing.
 * locked: bytes of packet buffers that AF_XDP locks; 0: unknown. Returns buf. */
const char *la_rights_lack(const struct la_pci_host *host, enum la_port_kind kind, uint64_t locked, char *buf,
			   size_t size);

#endif

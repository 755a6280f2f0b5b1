/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_PCAPNG_H
#define LA_SIM_PCAPNG_H

/* Captures of a simulated network with its own, virtual time: pcapng files for Wireshark. DPDK's
 * writer stamps packets of an ethdev with the machine's clock, and libpcap writes no pcapng. */

#include <stdint.h>
#include <stdio.h>

struct la_pcapng;

/** One interface for each name. NULL with errno. */
struct la_pcapng *la_pcapng_open(const char *path, const char *const *names, unsigned n);
/** One frame at interface i, at a time in us since 1970 (or since the start of the world). */
void la_pcapng_packet(struct la_pcapng *c, unsigned i, uint64_t us, const uint8_t *frame, uint32_t len);
/** 0, or -EIO after a write error. */
int la_pcapng_close(struct la_pcapng *c);

#endif

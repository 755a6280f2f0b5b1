/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_PCAPNG_H
#define LA_SIM_PCAPNG_H

/* Captures of a simulated network, with its virtual time: pcapng files for Wireshark. DPDK's writer stamps
 * the packets of an ethdev with the machine's clock. libpcap writes no pcapng. */

#include <stdint.h>
#include <stdio.h>

struct la_pcapng;

/** Opens a capture file with one interface for each name. Returns NULL, with errno set, on failure. */
struct la_pcapng *la_pcapng_open(const char *path, const char *const *names, unsigned n);
/** Writes one frame of interface i. us: its time, in us since 1970. */
void la_pcapng_packet(struct la_pcapng *c, unsigned i, uint64_t us, const uint8_t *frame, uint32_t len);
/** Closes the file. Returns 0, or -EIO after a write error. */
int la_pcapng_close(struct la_pcapng *c);

#endif

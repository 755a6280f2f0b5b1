/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_CAPTURE_H
#define LA_IO_CAPTURE_H

/* Writes every frame of one or more ports to a pcapng file, with nanosecond times and directions.
 *
 * For a capture the caller calls la_capture_burst() after la_port_rx() and before la_port_tx(). Without a capture
 * there is no cost. Frames are copied, so the burst
 * may be changed or forwarded afterwards. In transmitted frames, checksums of the hardware are not yet filled
 * in. (The theory is at the top of capture.c.) */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LA_CAPTURE_FRAMES = 8192 }; /* frames that may wait for the output */

struct la_capture;
struct la_port;
struct rte_mbuf;

/** Creates (or empties) the file, writes its header and starts the writer thread. Call after la_eal_start(): the
 * interfaces of the file are the ports that exist now. Waits at most two seconds for a pipe's first reader. 0, or
 * negative errno with the reason in err. */
int la_capture_open(const char *path, struct la_capture **out, char *err, size_t size);

/** Captures a burst. May be called by several threads. Frames that cannot be written (the output is slow,
 * stalled or full) are counted; the call does not wait. */
void la_capture_burst(struct la_capture *c, const struct la_port *port, uint16_t queue, bool outgoing,
		      struct rte_mbuf *const *pkts, unsigned n);

/** Frames lost so far; final after la_capture_settle(). */
uint64_t la_capture_lost(const struct la_capture *c);

/** Call after the last frame: waits until all frames are written, or until the output makes no progress for a
 * second. Later frames are lost. */
void la_capture_settle(struct la_capture *c);

/** Settles, closes the file and frees c (NULL is fine). 0, or -EIO when frames were lost. */
int la_capture_close(struct la_capture *c);

/** DPDK memory in bytes of a capture on ports with this MTU. */
uint64_t la_capture_memory(uint32_t mtu);

#endif

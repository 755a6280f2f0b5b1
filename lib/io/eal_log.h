/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_EAL_LOG_H
#define LA_IO_EAL_LOG_H

/* Captures DPDK's log. During the start, lines are only recorded, so that an error message can have
 * DPDK's own text. Afterwards DPDK's errors become our log lines. At LA_LOG_DEBUG every line
 * of DPDK becomes a log line, also during the start. */

#include <stdbool.h>
#include <stddef.h>

/** Captures DPDK's log. `verbose`: also print every line. Returns 0 or -ENOMEM. */
int la_eal_log_open(bool verbose);
/** Restores DPDK's log. */
void la_eal_log_close(void);

/** Sets the mark of la_eal_log_reason(): discards the errors recorded so far. */
void la_eal_log_mark(void);
/** From now on errors are printed (true) or only recorded (false). */
void la_eal_log_live(bool on);
/** Captures the logs of libbpf and libxdp, after net_af_xdp has loaded them. */
void la_eal_log_hush_bpf(void);

/** Writes the first and the last error since the mark, "first; last", to buf; "" without an error. Returns buf.
 * Each layer of DPDK adds a line for a failure: the first line has the reason, the last line the failed
 * operation. */
const char *la_eal_log_reason(char *buf, size_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_EAL_LOG_H
#define LA_IO_EAL_LOG_H

/* DPDK's log, kept quiet: during the start it is only remembered, so that a failure can be told
 * with DPDK's own words; afterwards its errors become log lines of ours. At LA_LOG_DEBUG every
 * line of DPDK is a log line, also during the start. */

#include <stdbool.h>
#include <stddef.h>

/** Takes DPDK's log over. `verbose`: print every line as well. Returns 0 or -ENOMEM. */
int la_eal_log_open(bool verbose);
/** Gives it back. */
void la_eal_log_close(void);

/** Forgets what was said so far. */
void la_eal_log_mark(void);
/** From now on errors are printed (true) or only remembered (false). */
void la_eal_log_live(bool on);
/** The same for libbpf and libxdp, once net_af_xdp has loaded them: they have logs of their own. */
void la_eal_log_hush_bpf(void);

/** The first and the last error since the mark, "first; last", into buf; "" when there was none.
 * DPDK's layers each add a line as a failure travels up: the first knows why, the last knows
 * what. */
const char *la_eal_log_reason(char *buf, size_t size);

#endif

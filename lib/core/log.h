/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_LOG_H
#define LA_CORE_LOG_H

/* Log lines for the start and for errors, not for the packet path. */

enum la_log_level { LA_LOG_ERROR, LA_LOG_WARN, LA_LOG_INFO, LA_LOG_DEBUG };

enum { LA_ERROR_LINE = 4096 }; /* bytes of the longest text of an error: a reason with the commands that repair it */

/** Sets the least important level that is printed; LA_LOG_INFO at first. */
void la_log_set_level(enum la_log_level level);

/** Prints one line to stderr. ERROR: "lastack: error: ...". WARN: "lastack: warning: ...". Other levels:
 * "lastack: ...". fmt has no newline. */
void la_log(enum la_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

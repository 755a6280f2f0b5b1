/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdio.h>

#include "core/log.h"

static enum la_log_level max_level = LA_LOG_INFO;

void
la_log_set_level(enum la_log_level level)
{
	max_level = level;
}

void
la_log(enum la_log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = {
		[LA_LOG_ERROR] = "error: ",
		[LA_LOG_WARN] = "warning: ",
		[LA_LOG_INFO] = "",
		[LA_LOG_DEBUG] = "",
	};
	char line[1024];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* one call for the line, so that the lines of two threads do not mix */
	(void)fprintf(stderr, "lastack: %s%s\n", prefix[level], line);
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>

#include "core/log.h"
#include "io/eal_log.h"

enum { LINE = 256 };

/* DPDK has one log for a process, so there is one such structure. The lock of the stream protects the other fields. */
static struct {
	FILE *stream;
	bool verbose, live;
	bool panics; /* rte_panic() has begun: abort() follows */
	size_t len;
	char line[LINE], first[LINE], last[LINE], panic[LINE];
} elog;

/* net_tap notifies secondary processes of every start, and logs an error when there are none;
 * libxdp logs a missing BPF file system that a single program does not need; drivers disable interrupts that vfio has
 * released with the device, when a port closes ("Error disabling MSI-X interrupts for fd 20"). */
static bool
is_harmless(const char *line)
{
	return strstr(line, "req to secondary") != NULL || strstr(line, "No bpffs found") != NULL ||
	       strstr(line, "Can't use dispatcher") != NULL || strstr(line, "Error disabling MSI") != NULL ||
	       strstr(line, "Error disabling INTx") != NULL;
}

static void
eal_log_remember(bool live)
{
	if (elog.first[0] == '\0')
		memcpy(elog.first, elog.line, LINE);
	memcpy(elog.last, elog.line, LINE);
	if (live && !elog.verbose)
		la_log(LA_LOG_WARN, "DPDK: %s", elog.line);
}

/* rte_panic() logs "PANIC in FUNCTION():", its reason, and the stack, and aborts. The reason must be printed now: no other
 * code of this program runs again. */
static bool
log_panic(int level)
{
	if (strncmp(elog.line, "PANIC in ", strlen("PANIC in ")) == 0) {
		memcpy(elog.panic, elog.line, LINE);
		elog.panics = true;
		return true;
	}
	if (!elog.panics)
		return false;
	if (elog.panic[0] != '\0' && level <= (int)RTE_LOG_CRIT)
		la_log(LA_LOG_ERROR, "DPDK stopped the program: %s %s", elog.panic, elog.line);
	elog.panic[0] = '\0';
	return true;
}

static void
end_line(int level)
{
	elog.line[elog.len] = '\0';
	elog.len = 0;
	if (elog.line[0] == '\0' || is_harmless(elog.line))
		return;
	if (!elog.verbose && log_panic(level))
		return;
	if (elog.verbose)
		fprintf(stderr, "%s\n", elog.line);
	if (level <= (int)RTE_LOG_ERR)
		eal_log_remember(elog.live);
	if (!elog.verbose && (level > (int)RTE_LOG_ERR || !elog.live))
		la_log(LA_LOG_DEBUG, "DPDK: %s", elog.line);
}

/* libbpf and libxdp, below net_af_xdp, print by themselves: their warnings are recorded like
 * DPDK's errors, other lines are dropped. */
static int
bpf_print(int level, const char *fmt, va_list ap)
{
	int n = 0;

	if (level != 0 || elog.stream == NULL)
		return 0;
	flockfile(elog.stream);
	n = vsnprintf(elog.line, LINE, fmt, ap);
	elog.line[strcspn(elog.line, "\n")] = '\0';
	if (!is_harmless(elog.line))
		eal_log_remember(false);
	elog.len = 0;
	funlockfile(elog.stream);
	return n;
}

static void
eal_log_hush(const char *library, const char *setter)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
	void (*set)(int (*)(int, const char *, va_list));

	if (lib == NULL)
		return;
	*(void **)&set = dlsym(lib, setter);
	if (set != NULL)
		set(bpf_print);
	dlclose(lib);
}

void
la_eal_log_hush_bpf(void)
{
	eal_log_hush("libbpf.so.1", "libbpf_set_print");
	eal_log_hush("libxdp.so.1", "libxdp_set_print");
}
static ssize_t
log_write(void *cookie, const char *text, size_t n)
{
	int level = rte_log_cur_msg_loglevel();

	(void)cookie;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			end_line(level);
		else if (elog.len < LINE - 1)
			elog.line[elog.len++] = text[i];
	}
	return (ssize_t)n;
}

int
la_eal_log_open(bool verbose)
{
	memset(&elog, 0, sizeof(elog));
	elog.verbose = verbose;
	elog.stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});
	if (elog.stream == NULL)
		return -ENOMEM;
	rte_openlog_stream(elog.stream);
	return 0;
}

void
la_eal_log_close(void)
{
	if (elog.stream == NULL)
		return;
	rte_openlog_stream(NULL);
	fclose(elog.stream);
	elog.stream = NULL;
}

void
la_eal_log_mark(void)
{
	if (elog.stream == NULL)
		return;
	flockfile(elog.stream);
	elog.first[0] = elog.last[0] = '\0';
	funlockfile(elog.stream);
}

void
la_eal_log_live(bool on)
{
	if (elog.stream == NULL)
		return;
	flockfile(elog.stream);
	elog.live = on;
	funlockfile(elog.stream);
}

const char *
la_eal_log_reason(char *buf, size_t size)
{
	buf[0] = '\0';
	if (elog.stream == NULL)
		return buf;
	flockfile(elog.stream);
	if (strcmp(elog.first, elog.last) == 0)
		snprintf(buf, size, "%s", elog.first);
	else
		snprintf(buf, size, "%s; %s", elog.first, elog.last);
	funlockfile(elog.stream);
	return buf;
}

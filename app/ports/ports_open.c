/* SPDX-License-Identifier: BSD-3-Clause */

/* --open: the same calls as a run, so that the line is the one of a run with --verbose. DPDK starts once in a process, and
 * a driver may end the process. So a child process opens each device, and sends the line through a pipe. Its status says
 * what the line is. A device that does not open has no effect on the others. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "io/eal.h"
#include "io/port.h"
#include "ports/ports.h"

enum { OPEN_MB = 128, MBUFS = 4096, QUEUES = 4 };

/* Opens every port of the device, one for most devices. Returns 0 with the line of the last port, or -1 with the
 * reason. */
static int
open_ports(const struct la_eal *eal, char *buf, size_t size)
{
	struct la_port_config cfg = {.queues = QUEUES};
	struct rte_mempool *pool;
	struct la_port port;
	int r = 0;

	pool = rte_pktmbuf_pool_create("la_ports", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL) {
		snprintf(buf, size, "no memory for packet buffers: %s", rte_strerror(rte_errno));
		return -1;
	}
	for (unsigned q = 0; q < LA_PORT_MAX_QUEUES; q++)
		cfg.pools[q] = pool;
	for (unsigned i = 0; i < eal->nports && r == 0; i++) {
		if (la_port_open(eal->port[i], &cfg, &port, buf, size) < 0) {
			r = -1;
			break;
		}
		la_port_describe(&port, buf, size);
		la_port_close(&port);
	}
	rte_mempool_free(pool);
	if (eal->nports == 0)
		snprintf(buf, size, "DPDK opens no port of it: --log-level=debug of --eal prints its lines");
	return eal->nports == 0 ? -1 : r;
}

static int
open_device(const char *device, char *buf, size_t size)
{
	struct la_eal_config cfg = {.lcores = 1, .memory_mb = OPEN_MB, .args = {"-a", device}, .nargs = 2};
	struct la_eal eal;
	int r;

	if (la_eal_start(&cfg, &eal, buf, size) < 0)
		return -1;
	r = open_ports(&eal, buf, size);
	la_eal_stop();
	return r;
}

static void __attribute__((noreturn)) open_in_child(const char *device, int fd)
{
	char line[sizeof(((struct ports_pci *)NULL)->opened)] = "";
	int status = EXIT_SUCCESS;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (open_device(device, line, sizeof(line)) < 0)
		status = EXIT_FAILURE;
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		status = EXIT_FAILURE;
	_exit(status);
}

static void
read_line(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n + 1 < size && ((r = read(fd, buf + n, size - 1 - n)) > 0 || (r < 0 && errno == EINTR)))
		n += r > 0 ? (size_t)r : 0;
	buf[n] = '\0';
}

static void
open_one(const char *device, struct ports_pci *pp)
{
	int fd[2] = {-1, -1}, status = 0;
	pid_t pid = pipe(fd) == 0 ? fork() : -1;

	if (pid == 0) {
		close(fd[0]);
		open_in_child(device, fd[1]);
	}
	if (pid < 0) {
		snprintf(pp->opened, sizeof(pp->opened), "no process for it: %s", strerror(errno));
	} else {
		close(fd[1]);
		fd[1] = -1;
		read_line(fd[0], pp->opened, sizeof(pp->opened));
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(status))
			snprintf(pp->opened, sizeof(pp->opened), "its driver ended the process: %s",
				 strsignal(WTERMSIG(status)));
	}
	for (unsigned i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	pp->open_failed = pid < 0 || status != 0;
}

unsigned
ports_open(struct ports *p)
{
	unsigned failed = 0;

	fflush(NULL); /* a child must not repeat buffered output */
	for (unsigned i = 0; i < p->npci; i++) {
		if (ports_may_open(&p->pci[i])) {
			open_one(p->dev[i].addr, &p->pci[i]);
			failed += p->pci[i].open_failed;
		} else if (p->pci[i].verdict.cause == LA_PCI_USABLE) {
			p->pci[i].open_failed = true;
			snprintf(p->pci[i].opened, sizeof(p->pci[i].opened),
				 "not opened, because the kernel uses its interface");
		}
	}
	return failed;
}

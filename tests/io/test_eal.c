/* SPDX-License-Identifier: BSD-3-Clause */

/* EAL's start: memory, cores, permissions, ports and their order, and error messages. */

#include "io_test.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "io/eal_log.h"

enum { NOBODY = 65534 };

static void
assert_says(const struct test_io *io, const char *what)
{
	cr_assert(strstr(io->err, what) != NULL, "no \"%s\" in: %s", what, io->err);
}

/* Becomes an ordinary user without a home and a runtime directory. */
static void
become_ordinary(void)
{
	setenv("HOME", "/nonexistent", 1);
	setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	if (geteuid() != 0)
		return;
	cr_assert_eq(setgroups(0, NULL), 0);
	cr_assert_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	cr_assert_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

Test(eal, starts_with_one_port)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1};
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.nports, 1u);
	cr_assert_eq(io.eal.lcores, 1u);
	cr_assert_eq(io.eal.hugepages, io.eal.why[0] == '\0', "why: %s", io.eal.why);
	cr_assert_str_eq(io.port[0].driver, "net_null");
	io_stop(&io);
}

Test(eal, starts_for_an_ordinary_user)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}, {LA_PORT_NULL, NULL}}, .nports = 2};
	struct test_io io;

	become_ordinary();
	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.nports, 3u);
	io_stop(&io);
}

Test(eal, removes_its_folder)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .nargs = 1};
	char prefix[64], dir[256];
	struct test_io io;

	snprintf(prefix, sizeof(prefix), "--file-prefix=la_test_%d", (int)getpid());
	cfg.args[0] = prefix;
	io_must_start(&io, &cfg, 1, 0);
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	cr_assert_not_null(strstr(dir, "la_test_"));
	io_stop(&io);
	cr_assert_neq(access(dir, F_OK), 0, "%s is still there", dir);
}

Test(eal, starts_once)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1};
	struct test_io io;
	struct la_eal again;

	io_must_start(&io, &cfg, 1, 0);
	io_stop(&io);
	cr_assert_eq(la_eal_start(&cfg, &again, io.err, sizeof(io.err)), -EALREADY);
	assert_says(&io, "once");
}

Test(eal, stop_without_start_does_nothing)
{
	la_eal_stop();
}

Test(eal, no_hugepages_when_asked_for_none)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .args = {"--no-huge"}, .nargs = 1};
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert(!io.eal.hugepages);
	cr_assert_str_eq(io.eal.why, "asked for by --no-huge");
	io_stop(&io);
}

Test(eal, plain_pages_are_as_many_as_asked_for)
{
	struct la_eal_config cfg = {
		.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .args = {"--no-huge"}, .nargs = 1, .memory_mb = 96};
	struct rte_malloc_socket_stats stats;
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(rte_malloc_get_socket_stats(0, &stats), 0);
	cr_assert_eq(stats.heap_totalsz_bytes, 96u << 20);
	io_stop(&io);
}

Test(eal, the_users_memory_option_takes_precedence)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}},
				    .nports = 1,
				    .nargs = 3,
				    .args = {"--no-huge", "-m", "80"},
				    .memory_mb = 96};
	struct rte_malloc_socket_stats stats;
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(rte_malloc_get_socket_stats(0, &stats), 0);
	cr_assert_eq(stats.heap_totalsz_bytes, 80u << 20);
	io_stop(&io);
}

Test(eal, takes_no_more_cores_than_it_may_run_on)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .lcores = 64};
	cpu_set_t set;
	int last = -1;
	struct test_io io;

	cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		last = CPU_ISSET(cpu, &set) ? cpu : last;
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.lcores, 1u);
	cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	cr_assert(CPU_ISSET(last, &set));
	io_stop(&io);
}

Test(eal, the_users_cores_option_takes_precedence)
{
	struct la_eal_config cfg = {
		.ports = {{LA_PORT_NULL, NULL}}, .nports = 1, .lcores = 2, .args = {"--lcores=5@0"}, .nargs = 1};
	struct test_io io;
	cpu_set_t set;

	cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	if (!CPU_ISSET(0, &set))
		cr_skip_test("this process may not run on CPU 0");
	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.lcores, 1u);
	cr_assert_eq(rte_get_main_lcore(), 5u);
	io_stop(&io);
}

Test(eal, ports_come_in_the_order_asked_for)
{
	struct la_eal_config cfg = {
		.ports = {{LA_PORT_NULL, NULL}, {LA_PORT_EAL, NULL}, {LA_PORT_RING, NULL}, {LA_PORT_EAL, NULL}},
		.nports = 4,
		.args = {"--vdev=net_null0", "--vdev=net_null1", "--vdev=net_null2"},
		.nargs = 3,
	};
	static const char *const names[] = {"net_null3",     "net_null0", "net_ring_la2a",
					    "net_ring_la2b", "net_null1", "net_null2"};
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.nports, RTE_DIM(names));
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		cr_assert_str_eq(io.port[i].name, names[i]);
	io_stop(&io);
}

/* EAL's own ports by the device that -a or --vdev names, in the order of the configuration, not of the probe. */
Test(eal, a_port_is_that_of_its_device)
{
	struct la_eal_config cfg = {
		.ports = {{LA_PORT_EAL, "net_null2"},
			  {LA_PORT_NULL, NULL},
			  {LA_PORT_EAL, NULL},
			  {LA_PORT_EAL, "net_null0,copy=1"}},
		.nports = 4,
		.args = {"--vdev=net_null0,copy=1", "--vdev=net_null1", "--vdev=net_null2"},
		.nargs = 3,
	};
	static const char *const names[] = {"net_null2", "net_null3", "net_null1", "net_null0"};
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.nports, RTE_DIM(names));
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		cr_assert_str_eq(io.port[i].name, names[i]);
	io_stop(&io);
}

Test(eal, takes_what_eal_probed_when_no_port_is_named)
{
	struct la_eal_config cfg = {.args = {"--vdev=net_null0", "--vdev=net_null1"}, .nargs = 2};
	struct test_io io;

	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.eal.nports, 2u);
	io_stop(&io);
}

Test(eal, failure_eal_has_no_port_of_its_own)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_EAL, NULL}}, .nports = 1, .args = {"--no-pci"}, .nargs = 1};
	struct test_io io;

	cr_assert_eq(io_start(&io, &cfg, 1, 0), -ENODEV);
	assert_says(&io, "-a PCI-ADDRESS");
	assert_says(&io, "--vdev");
}

/* rte_panic() during the start, when DPDK's lines are only recorded, and later. */
static void
panic_says(bool live)
{
	static const char line[] = "lastack: error: DPDK stopped the program: PANIC in panic_says(): no queue 7\n";
	char text[4096] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		(void)prctl(PR_SET_DUMPABLE, 0);
		signal(SIGABRT, SIG_DFL);
		(void)la_eal_log_open(false);
		la_eal_log_live(live);
		rte_panic("no queue %d\n", 7);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	cr_assert_gt(n, 0, "no line");
	/* DPDK prints the stack itself */
	cr_assert_eq(strncmp(text, line, strlen(line)), 0, "%s", text);
}

/* Interrupts that vfio released with the device: no line. Interrupts that cannot be enabled: a line. */
Test(eal, interrupts_that_are_gone_give_no_line)
{
	char text[1024] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		(void)la_eal_log_open(false);
		la_eal_log_live(true);
		RTE_LOG(ERR, EAL, "Error disabling MSI-X interrupts for fd %d\n", 20);
		RTE_LOG(ERR, EAL, "Error disabling INTx interrupts for fd %d\n", 20);
		RTE_LOG(ERR, EAL, "Error enabling MSI-X interrupts for fd %d\n", 21);
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	cr_assert_gt(n, 0, "no line");
	cr_assert_str_eq(text, "lastack: warning: DPDK: EAL: Error enabling MSI-X interrupts for fd 21\n");
}

Test(eal, a_panic_names_its_reason)
{
	panic_says(false);
	panic_says(true);
}

Test(eal, failure_no_device_at_the_address)
{
	struct la_eal_config cfg = {.args = {"-a", "ff:1f.7"}, .nargs = 2, .ports = {{LA_PORT_EAL, NULL}}, .nports = 1};
	struct test_io io;

	cr_assert_eq(io_start(&io, &cfg, 1, 0), -ENODEV);
	assert_says(&io, "-a ff:1f.7: there is no PCI device at this address");
}

/* One device is missing, another port exists: the run must not start with one port less. */
Test(eal, failure_one_of_two_devices_is_missing)
{
	struct la_eal_config cfg = {.args = {"--vdev", "net_null0", "--allow=0000:ff:1f.7"},
				    .nargs = 3,
				    .ports = {{LA_PORT_EAL, NULL}},
				    .nports = 1};
	struct test_io io;

	cr_assert_eq(io_start(&io, &cfg, 1, 0), -ENODEV);
	assert_says(&io, "-a 0000:ff:1f.7: there is no PCI device at this address");
}

Test(eal, failure_unknown_argument)
{
	struct la_eal_config cfg = {.args = {"--lastack-knows-better"}, .nargs = 1};
	struct stat before, after;
	struct test_io io;

	/* EAL must not print its usage. */
	fflush(stdout);
	cr_assert_not_null(freopen("/dev/null", "w", stderr));
	FILE *out = tmpfile();
	cr_assert_not_null(out);
	cr_assert_geq(dup2(fileno(out), STDOUT_FILENO), 0);
	cr_assert_eq(fstat(STDOUT_FILENO, &before), 0);
	cr_assert_lt(io_start(&io, &cfg, 1, 0), 0);
	cr_assert_eq(fstat(STDOUT_FILENO, &after), 0);
	assert_says(&io, "DPDK did not start");
	cr_assert_eq(before.st_size, after.st_size);
	cr_assert_eq(before.st_ino, after.st_ino);
}

Test(eal, failure_too_many_arguments)
{
	static char longest[5000];
	struct la_eal_config cfg = {.args = {longest}, .nargs = 1};
	struct test_io io;

	memset(longest, 'x', sizeof(longest) - 1);
	cr_assert_eq(io_start(&io, &cfg, 1, 0), -E2BIG);
}

Test(eal, failure_too_many_ports)
{
	struct la_eal_config cfg = {.nports = 5};
	struct test_io io;

	for (unsigned i = 0; i < 5; i++)
		cfg.ports[i].kind = LA_PORT_RING; /* each makes two ports */
	cr_assert_eq(io_start(&io, &cfg, 1, 0), -E2BIG);
	assert_says(&io, "more than 8 ports");
}

/* One wrong port: the expected result and error message. */
struct wrong {
	enum la_port_kind kind;
	const char *arg;
	int r;
	const char *says[2];
};

static void
check_wrong(const struct wrong *w)
{
	struct la_eal_config cfg = {.ports = {{w->kind, w->arg}}, .nports = 1};
	struct test_io io;

	cr_assert_eq(io_start(&io, &cfg, 1, 0), w->r, "%s", io.err);
	assert_says(&io, w->says[0]);
	assert_says(&io, w->says[1]);
}

Test(eal, failure_veth_interface_missing)
{
	check_wrong(&(struct wrong){
		LA_PORT_VETH, "la-none", -ENODEV, {"no interface la-none", "ip link add la-none type veth"}});
}

Test(eal, failure_xdp_interface_missing)
{
	check_wrong(&(struct wrong){LA_PORT_XDP, "la-none", -ENODEV, {"no interface la-none", "ip link"}});
}

Test(eal, failure_veth_without_a_name)
{
	check_wrong(&(struct wrong){LA_PORT_VETH, NULL, -EINVAL, {"interface name is needed", "veth:"}});
}

Test(eal, failure_tap_name_too_long)
{
	check_wrong(&(struct wrong){
		LA_PORT_TAP, "a-name-of-twenty-one", -EINVAL, {"a-name-of-twenty-one", "longer than 15"}});
}

Test(eal, failure_tap_name_of_an_interface_that_exists)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	check_wrong(&(struct wrong){LA_PORT_TAP, "lo", -EINVAL, {"Unable to create TAP", "ip link del"}});
}

Test(eal, failure_tap_for_an_ordinary_user)
{
	become_ordinary();
	if (access("/dev/net/tun", F_OK) < 0)
		cr_skip_test("no /dev/net/tun");
	check_wrong(&(struct wrong){LA_PORT_TAP, "la-none", -EINVAL, {"Unable to create TAP", "CAP_NET_ADMIN"}});
}

Test(eal, failure_veth_for_an_ordinary_user)
{
	become_ordinary();
	check_wrong(&(struct wrong){LA_PORT_VETH, "lo", -1, {"AF_PACKET socket", "CAP_NET_RAW"}});
}

Test(eal, failure_memif_directory_missing)
{
	check_wrong(
		&(struct wrong){LA_PORT_MEMIF, "/la-no-such-dir/a.sock", -ENOENT, {"/la-no-such-dir", "No such file"}});
}

Test(eal, failure_port_kind_unknown)
{
	check_wrong(&(struct wrong){(enum la_port_kind)99, NULL, -EINVAL, {"unknown kind", "99"}});
}

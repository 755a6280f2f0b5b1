/* SPDX-License-Identifier: BSD-3-Clause */

/* Builds EAL's arguments: memory, cores, devices to probe. Arguments of the user are passed on
 * unchanged and replace our own arguments.
 *
 * Memory: with available hugepages, --in-memory (no files, no mount point, no files after
 * a crash). Otherwise --no-huge --no-shconf -m N: plain pages, allocated when first touched; DPDK 22.11
 * refuses --no-huge with --in-memory. Both choices write nothing into the runtime directory. Telemetry would, so it is
 * off: an ordinary user without a writable home can start. EAL still creates the runtime directory where it can;
 * la_eal_stop() removes an empty one. */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "io/allow.h"
#include "io/claim.h"
#include "io/cpu_claim.h"
#include "io/eal.h"
#include "io/eal_log.h"
#include "io/eal_ports.h"
#include "io/memif.h"
#include "io/vdev.h"

enum {
	OWN_ARGS = 16,	     /* most arguments we add */
	OWN_TEXT = 4096,     /* bytes of text in our arguments */
	DEFAULT_MB = 512,    /* of plain pages; untouched pages use no memory */
	LEAST_HUGE_MB = 128, /* with less in free hugepages, plain pages are used */
};

/* EAL keeps pointers into its arguments, so they exist as long as the process. */
static struct {
	char *argv[OWN_ARGS + LA_EAL_MAX_ARGS + 1];
	int argc;
	char text[OWN_TEXT];
	size_t used;
	bool started; /* EAL starts once in a process */
	bool running;
	bool overflow;
} eal_args;

static void
add_arg(const char *arg)
{
	size_t len = strlen(arg) + 1;

	if (eal_args.used + len > sizeof(eal_args.text) || eal_args.argc + 1 >= (int)RTE_DIM(eal_args.argv)) {
		eal_args.overflow = true;
		return;
	}
	eal_args.argv[eal_args.argc++] = memcpy(eal_args.text + eal_args.used, arg, len);
	eal_args.used += len;
}

/* Returns whether the user gave one of these options. "-m" also matches "-m512", "--lcores" also
 * "--lcores=0". */
static bool
user_gave(const struct la_eal_config *cfg, const char *const *options)
{
	for (; *options != NULL; options++) {
		size_t n = strlen(*options);
		bool is_long = (*options)[1] == '-';

		for (unsigned i = 0; i < cfg->nargs; i++) {
			const char *a = cfg->args[i];

			if (strncmp(a, *options, n) == 0 && (!is_long || a[n] == '\0' || a[n] == '='))
				return true;
		}
	}
	return false;
}

#define USER_GAVE(cfg, ...) user_gave(cfg, (const char *const[]){__VA_ARGS__, NULL})

static unsigned long
read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long n = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* Tries to get a hugepage of that size, by memfd as EAL does. Returns 0, or negative errno: the process cannot get
 * one. */
static int
try_hugepage(unsigned long page_kb)
{
	unsigned shift = (unsigned)__builtin_ctzl(page_kb) + 10;
	size_t size = page_kb << 10;
	int fd = memfd_create("la-try", MFD_CLOEXEC | MFD_HUGETLB | shift << MAP_HUGE_SHIFT);
	int r = 0;
	void *p;

	if (fd < 0)
		return -errno;
	p = ftruncate(fd, (off_t)size) < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		r = -errno;
	else
		munmap(p, size);
	close(fd);
	return r;
}

/* Returns the megabytes in free hugepages of the sizes that this process may use. *refused: negative errno of a size
 * that it may not use; 0: none. */
static unsigned long
hugepages_mb(int *refused)
{
	static const char dirs[] = "/sys/kernel/mm/hugepages/hugepages-*kB";
	unsigned long kb = 0;
	glob_t g;

	*refused = 0;
	if (glob(dirs, 0, NULL, &g) != 0)
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		unsigned long page_kb = strtoul(strrchr(g.gl_pathv[i], '-') + 1, NULL, 10);
		char path[256];
		unsigned long pages;
		int r;

		snprintf(path, sizeof(path), "%s/free_hugepages", g.gl_pathv[i]);
		pages = read_number(path);
		if (pages == 0 || page_kb == 0)
			continue;
		r = try_hugepage(page_kb);
		if (r == 0)
			kb += pages * page_kb;
		else
			*refused = r;
	}
	globfree(&g);
	return kb >> 10;
}

static bool
want_hugepages(const struct la_eal_config *cfg, char *why, size_t size)
{
	unsigned long want = cfg->memory_mb != 0 ? cfg->memory_mb : LEAST_HUGE_MB;
	int refused;
	unsigned long have;

	why[0] = '\0';
	if (USER_GAVE(cfg, "--no-huge")) {
		snprintf(why, size, "asked for by --no-huge");
		return false;
	}
	/* Options about hugepages mean that the user wants hugepages. */
	if (USER_GAVE(cfg, "--in-memory", "--huge-dir", "--huge-unlink", "--legacy-mem", "--socket-mem",
		      "--socket-limit", "--single-file-segments", "--match-allocations", "--proc-type"))
		return true;

	have = hugepages_mb(&refused);
	if (have >= want)
		return true;
	if (refused != 0)
		snprintf(why, size, "hugepages may not be used: %s", strerror(-refused));
	else if (have == 0)
		snprintf(why, size, "no free hugepages (sysctl vm.nr_hugepages reserves some)");
	else
		snprintf(why, size, "only %lu MB of hugepages free, %lu MB wanted", have, want);
	return false;
}

static void
memory_args(const struct la_eal_config *cfg, bool hugepages)
{
	char mb[16];

	if (hugepages) {
		if (!USER_GAVE(cfg, "--in-memory", "--huge-dir", "--huge-unlink", "--legacy-mem", "--proc-type",
			       "--file-prefix", "--single-file-segments"))
			add_arg("--in-memory");
		return;
	}
	if (!USER_GAVE(cfg, "--no-huge"))
		add_arg("--no-huge");
	if (!USER_GAVE(cfg, "--no-shconf", "--proc-type"))
		add_arg("--no-shconf");
	if (!USER_GAVE(cfg, "-m")) {
		snprintf(mb, sizeof(mb), "%u", cfg->memory_mb != 0 ? cfg->memory_mb : DEFAULT_MB);
		add_arg("-m");
		add_arg(mb);
	}
}

/* The node of the first port with a known node; -1: none. */
static int
node_wanted(const struct la_eal_config *cfg)
{
	int node = -1;

	for (unsigned i = 0; i < cfg->nports && node < 0; i++)
		if (cfg->ports[i].kind == LA_PORT_VETH || cfg->ports[i].kind == LA_PORT_XDP)
			node = la_numa_node_of_device("/sys", cfg->ports[i].arg);
	for (unsigned i = 0; i + 1 < cfg->nargs && node < 0; i++)
		if (strcmp(cfg->args[i], "-a") == 0 || strcmp(cfg->args[i], "--allow") == 0)
			node = la_numa_node_of_device("/sys", cfg->args[i + 1]);
	return node;
}

static int
read_cpus(struct la_cpus *cpus, char *err, size_t size)
{
	size_t set_size = CPU_ALLOC_SIZE(4096);
	cpu_set_t *set = CPU_ALLOC(4096);

	if (set == NULL)
		return -ENOMEM;
	if (sched_getaffinity(0, set_size, set) < 0) {
		snprintf(err, size, "which CPUs may be used cannot be found out (%s): give EAL -l CPU,CPU",
			 strerror(errno));
		CPU_FREE(set);
		return -EIO;
	}
	la_cpus_read("/sys", set, set_size, cpus);
	CPU_FREE(set);
	return 0;
}

/* Claims all free CPUs. Another starting process may have claimed all CPUs for a short time: when no CPU is free, tries
 * once more after 5 ms. */
static void
claim_cpus(struct la_cpus *cpus)
{
	static const struct timespec moment = {.tv_nsec = 5000000};

	la_cpu_claim_all(cpus, NULL);
	if (la_cpus_untaken(cpus) == 0) {
		nanosleep(&moment, NULL);
		la_cpu_claim_all(cpus, NULL);
	}
}

/* Adds --lcores with the best `lcores` CPUs that this process may run on. An lcore has the number of its CPU (NUMA
 * look-ups depend on it) unless that number does not fit EAL's table. */
static int
lcore_args(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size)
{
	unsigned want = cfg->lcores != 0 ? cfg->lcores : 1, got = 0;
	bool given = USER_GAVE(cfg, "-l", "-c", "--lcores", "-s");
	int r = read_cpus(&eal->cpus, err, size);
	unsigned chosen[RTE_MAX_LCORE];
	char list[2048];
	size_t n = 0;

	if (r == 0)
		claim_cpus(&eal->cpus);
	if (given) {
		la_cpu_claim_keep(NULL, 0); /* the user chooses: claim_used() claims the CPUs after EAL's start */
		return 0;
	}
	if (r < 0)
		return r;
	la_cpus_rank(&eal->cpus, node_wanted(cfg));
	for (; got < want && got < eal->cpus.n && got < RTE_MAX_LCORE && n + 32 <= sizeof(list); got++) {
		unsigned cpu = eal->cpus.cpu[got].id;

		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%u@%u", got > 0 ? "," : "",
				      cpu < RTE_MAX_LCORE ? cpu : got, cpu);
		chosen[got] = cpu;
	}
	la_cpu_claim_keep(chosen, got);
	add_arg("--lcores");
	add_arg(list);
	return 0;
}

/* Claims the CPUs that EAL uses; the user may have chosen them with -l. */
static void
claim_used(void)
{
	struct la_cpus used = {0};
	unsigned lcore;

	RTE_LCORE_FOREACH(lcore) {
		int id = rte_lcore_to_cpu_id((int)lcore);

		if (id >= 0 && used.n < LA_CPUS_MAX)
			used.cpu[used.n++].id = (uint16_t)id;
	}
	la_cpu_claim_all(&used, NULL);
}

static bool
asks_for_eal_port(const struct la_eal_config *cfg)
{
	for (unsigned i = 0; i < cfg->nports; i++) {
		if (cfg->ports[i].kind == LA_PORT_EAL)
			return true;
	}
	return false;
}

static int
build_args(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size)
{
	int r;

	add_arg("lastack");
	eal->hugepages = want_hugepages(cfg, eal->why, sizeof(eal->why));
	memory_args(cfg, eal->hugepages);
	r = lcore_args(cfg, eal, err, size);
	if (r < 0)
		return r;
	/* EAL probes no NIC when no LA_PORT_EAL is configured, or when --vdev gives its device. */
	if (!USER_GAVE(cfg, "-a", "--allow", "-b", "--block", "-w", "--no-pci") &&
	    (!asks_for_eal_port(cfg) || USER_GAVE(cfg, "--vdev")))
		add_arg("--no-pci");
	if (!USER_GAVE(cfg, "--telemetry", "--no-telemetry"))
		add_arg("--no-telemetry");
	for (unsigned i = 0; i < cfg->nargs; i++)
		add_arg(cfg->args[i]);
	if (eal_args.overflow) {
		snprintf(err, size, "EAL arguments are too many or too long together");
		return -E2BIG;
	}
	eal_args.argv[eal_args.argc] = NULL;
	return 0;
}

/* Calls rte_eal_init() with stdout sent to /dev/null: for a wrong option EAL prints a hundred lines of usage there, and
 * its error message is enough. Returns 0 or negative errno. */
static int
init_without_usage(const struct la_eal_config *cfg)
{
	bool keep = USER_GAVE(cfg, "-h", "--help", "-v", "--version");
	int null = keep ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);
	int saved = null < 0 ? -1 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int r;

	fflush(stdout);
	if (saved >= 0)
		dup2(null, STDOUT_FILENO);
	r = rte_eal_init(eal_args.argc, eal_args.argv);
	fflush(stdout);
	if (saved >= 0) {
		dup2(saved, STDOUT_FILENO);
		close(saved);
	}
	if (null >= 0)
		close(null);
	return r < 0 ? (rte_errno != 0 ? -rte_errno : -EIO) : 0;
}

static int
eal_start(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size)
{
	char said[256];
	int r;

	memset(eal, 0, sizeof(*eal));
	err[0] = '\0';
	if (eal_args.started) {
		snprintf(err, size, "DPDK can be started once in a process only");
		return -EALREADY;
	}
	if (cfg->nports > LA_EAL_MAX_PORTS || cfg->nargs > LA_EAL_MAX_ARGS) {
		snprintf(err, size, "too many ports or EAL arguments");
		return -E2BIG;
	}
	r = la_allow_check("", cfg, err, size);
	if (r == 0)
		r = la_claim_ports(cfg, err, size);
	if (r < 0)
		return r;
	eal_args.started = true;

	r = build_args(cfg, eal, err, size);
	if (r == 0)
		r = la_eal_log_open(USER_GAVE(cfg, "--log-level"));
	if (r < 0) {
		la_claim_drop();
		return r;
	}
	r = init_without_usage(cfg);
	if (r < 0) {
		la_claim_drop();
		la_eal_log_reason(said, sizeof(said));
		if (!la_allow_failed("", cfg, said, err, size))
			snprintf(err, size, "DPDK did not start (%s): %s", rte_strerror(-r),
				 said[0] != '\0' ? said : "it refused an argument, named in the line above");
		la_eal_log_close();
		return r;
	}
	eal_args.running = true;
	eal->lcores = rte_lcore_count();
	claim_used();
	r = la_allow_missing(cfg, la_eal_log_reason(said, sizeof(said)), err, size);
	if (r == 0)
		r = la_eal_find_ports(cfg, eal, err, size);
	if (r < 0) {
		la_eal_stop();
		return r;
	}
	la_eal_log_live(true);
	return 0;
}

/* Blocks SIGINT and SIGTERM during the start. They would interrupt system calls that DPDK does not repeat, and DPDK's
 * threads, which inherit the mask, would receive them. A pending signal is delivered at the end. */
int
la_eal_start(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size)
{
	sigset_t both, old;
	int r;

	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &both, &old);
	r = eal_start(cfg, eal, err, size);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

bool
la_eal_is_running(void)
{
	return eal_args.running;
}

void
la_eal_stop(void)
{
	bool all_closed = true;

	if (!eal_args.running)
		return;
	eal_args.running = false;
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		struct rte_eth_dev_info info;

		if (!rte_eth_dev_is_valid_port(id) || rte_eth_dev_info_get(id, &info) != 0)
			continue;
		(void)rte_eth_dev_stop(id);
		if (la_vdev_may_close(info.driver_name))
			(void)rte_eth_dev_close(id);
		else
			all_closed = false;
	}
	la_memif_end();
	/* rte_eal_cleanup() would close ports that must stay open; it only frees memory of this process otherwise */
	if (all_closed) {
		la_memif_release();
		rte_eal_cleanup();
	}
	(void)rmdir(rte_eal_get_runtime_dir());
	la_vdev_clean_up();
	la_claim_drop();
	la_cpu_claim_keep(NULL, 0);
	la_eal_log_close();
}

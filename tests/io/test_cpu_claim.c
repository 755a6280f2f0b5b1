/* SPDX-License-Identifier: BSD-3-Clause */

/* CPUs of other lastack processes. A lock through a separately opened file stands for another process. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "io/cpu_claim.h"

static char dir[64];

static int
file_of(unsigned cpu)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/lastack.cpu%u", dir, cpu);
	return open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
}

/* Returns whether another process could claim this CPU. */
static bool
is_free(unsigned cpu)
{
	int fd = file_of(cpu);
	bool got = flock(fd, LOCK_EX | LOCK_NB) == 0;

	close(fd);
	return got;
}

static void
set_up(void)
{
	strcpy(dir, "/tmp/lastack-claim-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void
tear_down(void)
{
	char command[128];

	la_cpu_claim_keep(NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(cpu_claim, .init = set_up, .fini = tear_down);

static struct la_cpus
four(void)
{
	struct la_cpus c = {.n = 4};

	for (unsigned i = 0; i < 4; i++)
		c.cpu[i] = (struct la_cpu){.id = (uint16_t)i, .core = (uint16_t)i, .node = -1};
	return c;
}

Test(cpu_claim, cpus_of_another_process_come_last)
{
	struct la_cpus c = four();
	int other = file_of(0);

	cr_assert_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	la_cpu_claim_all(&c, dir);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(c.cpu[i].taken, i == 0);
	la_cpus_rank(&c, -1);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(c.cpu[i].id, (i + 1) % 4);
	close(other); /* the other process ended */
	la_cpu_claim_all(&c, dir);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_not(c.cpu[i].taken);
}

Test(cpu_claim, keeps_the_used_cpus_and_releases_the_others)
{
	static const unsigned used[] = {1, 3};
	struct la_cpus c = four();

	la_cpu_claim_all(&c, dir);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_not(is_free(i));
	la_cpu_claim_keep(used, 2);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(is_free(i), i % 2 == 0);
	la_cpu_claim_all(&c, dir); /* this process's own claims do not set `taken` */
	for (unsigned i = 0; i < 4; i++)
		cr_assert_not(c.cpu[i].taken);
	la_cpu_claim_keep(NULL, 0);
	for (unsigned i = 0; i < 4; i++)
		cr_assert(is_free(i));
}

Test(cpu_claim, without_a_lock_directory_no_cpu_is_taken)
{
	struct la_cpus c = four();

	la_cpu_claim_all(&c, "/nowhere");
	for (unsigned i = 0; i < 4; i++)
		cr_assert_not(c.cpu[i].taken);
}

/* SPDX-License-Identifier: BSD-3-Clause */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/cpu_claim.h"

static struct {
	struct claim {
		unsigned cpu;
		int fd;
	} held[LA_CPUS_MAX];
	unsigned n;
} claims;

static int
create_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_CREAT | O_EXCL, 0444);

	if (fd >= 0)
		(void)fchmod(fd, 0444); /* regardless of the umask */
	return fd;
}

/* Any user may lock a file that all users may read. In a sticky directory only the owner of a file may open it with
 * O_CREAT, so the first try is without. Returns the file descriptor, or -1. */
static int
open_file(const char *dir, unsigned cpu)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/lastack.cpu%u", dir, cpu);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = create_file(path);
	if (fd < 0) /* another process may have created it first */
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

static const char *
usual_dir(void)
{
	struct stat st;

	return stat("/run/lock", &st) == 0 && S_ISDIR(st.st_mode) && access("/run/lock", W_OK | X_OK) == 0 ? "/run/lock"
													   : "/tmp";
}

static bool
is_ours(unsigned cpu)
{
	for (unsigned i = 0; i < claims.n; i++)
		if (claims.held[i].cpu == cpu)
			return true;
	return false;
}

void
la_cpu_claim_all(struct la_cpus *c, const char *dir)
{
	if (dir == NULL)
		dir = usual_dir();
	for (unsigned i = 0; i < c->n; i++) {
		struct la_cpu *cpu = &c->cpu[i];
		int fd;

		cpu->taken = false;
		if (is_ours(cpu->id) || claims.n == LA_CPUS_MAX)
			continue;
		fd = open_file(dir, cpu->id);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			claims.held[claims.n++] = (struct claim){cpu->id, fd};
			continue;
		}
		cpu->taken = true;
		close(fd);
	}
}

void
la_cpu_claim_keep(const unsigned *cpu, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < claims.n; i++) {
		bool keep = false;

		for (unsigned k = 0; k < n; k++)
			keep |= cpu[k] == claims.held[i].cpu;
		if (keep)
			claims.held[kept++] = claims.held[i];
		else
			close(claims.held[i].fd);
	}
	claims.n = kept;
}

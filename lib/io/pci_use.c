/* SPDX-License-Identifier: BSD-3-Clause */

/* Who uses a device: a process that has its file open, another lastack, or the kernel's routes. */

#include <ctype.h>
#include <dirent.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/pci.h"
#include "io/sysfs.h"

enum { PATH = 512 };

/* Notes the process at each device whose file this link of its folder fd names. */
static void
note_user(struct la_pci_dev *devs, unsigned n, const char *file, pid_t pid)
{
	for (unsigned i = 0; i < n; i++)
		if (devs[i].user == 0 && devs[i].node_path[0] != '\0' && strcmp(file, devs[i].node_path) == 0)
			devs[i].user = pid;
}

static void
read_process(const char *root, const char *pid, struct la_pci_dev *devs, unsigned n)
{
	char path[PATH], fd_path[PATH], to[PATH];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%.200s/proc/%.16s/fd", root, pid);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		ssize_t len;

		snprintf(fd_path, sizeof(fd_path), "%.300s/%.64s", path, d->d_name);
		len = readlink(fd_path, to, sizeof(to) - 1);
		to[len < 0 ? 0 : len] = '\0';
		note_user(devs, n, to, atoi(pid));
	}
	if (dir != NULL)
		closedir(dir);
}

void
la_pci_find_users(const char *root, struct la_pci_dev *devs, unsigned n)
{
	char path[PATH], claim[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc", root);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (isdigit((unsigned char)d->d_name[0]) && atoi(d->d_name) != getpid())
			read_process(root, d->d_name, devs, n);
	if (dir != NULL)
		closedir(dir);
	for (unsigned i = 0; i < n; i++) {
		snprintf(claim, sizeof(claim), "pci/%s", devs[i].addr);
		devs[i].claimed = la_pci_is_claimed(root, claim);
		if (devs[i].user != 0)
			(void)la_sysfs_line(devs[i].user_name, sizeof(devs[i].user_name), "%s/proc/%d/comm", root,
					    (int)devs[i].user);
	}
}

bool
la_pci_is_claimed(const char *root, const char *name)
{
	char path[PATH], line[512], claim[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/net/unix", root);
	snprintf(claim, sizeof(claim), " @lastack/%.100s", name);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, claim);

		/* the kernel may show the zero bytes of a longer address as @ */
		found = at != NULL && strchr("\n@", at[strlen(claim)]) != NULL;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

/* An unreachable default route is no route: the kernel has one on lo. */
static bool
has_default_route6(const char *root, const char *kif)
{
	char path[PATH], line[256], name[32], to[40];
	unsigned len, flags;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/net/ipv6_route", root);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%39s %x %*s %*s %*s %*s %*s %*s %x %31s", to, &len, &flags, name) == 4 &&
			len == 0 && strspn(to, "0") == 32 && (flags & RTF_REJECT) == 0 && strcmp(name, kif) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

bool
la_pci_has_default_route(const char *root, const char *kif)
{
	char path[PATH], line[256], name[32], to[16];
	bool found = has_default_route6(root, kif);
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/net/route", root);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%31s %15s", name, to) == 2 && strcmp(name, kif) == 0 &&
			strcmp(to, "00000000") == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

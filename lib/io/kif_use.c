/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "io/kif.h"
#include "io/kif_use.h"
#include "io/pci.h"
#include "io/sysfs.h"

enum { PATH = 512, NAMES = 16 };

struct names {
	char name[NAMES][IF_NAMESIZE];
	unsigned n;
};

static void
add_name(struct names *all, const char *name)
{
	for (unsigned i = 0; i < all->n; i++)
		if (strcmp(all->name[i], name) == 0)
			return;
	if (all->n < NAMES && name[0] != '\0')
		snprintf(all->name[all->n++], IF_NAMESIZE, "%.15s", name);
}

/* /sys has a link upper_NAME for each interface above, and `master` for the one that takes the frames. */
static void
add_uppers(const char *root, const char *name, struct names *all)
{
	static const char upper[] = "upper_";
	char base[PATH], master[IF_NAMESIZE];
	struct dirent *d;
	DIR *dir;

	snprintf(base, sizeof(base), "%.200s/sys/class/net/%.15s", root, name);
	la_sysfs_link(master, sizeof(master), "%.300s/master", base);
	add_name(all, master);
	dir = opendir(base);
	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, upper, sizeof(upper) - 1) == 0)
			add_name(all, d->d_name + sizeof(upper) - 1);
	if (dir != NULL)
		closedir(dir);
}

static bool
is_elsewhere(const char *root, const char *name)
{
	unsigned here = if_nametoindex(name), there;
	char line[32];

	return here == 0 || (la_sysfs_line(line, sizeof(line), "%.200s/sys/class/net/%.15s/ifindex", root, name) &&
			     sscanf(line, "%9u", &there) == 1 && there != here);
}

void
la_kif_use_read(const char *root, const char *name, struct la_kif_use *use)
{
	struct names all = {.n = 0};
	size_t n = 0;

	memset(use, 0, sizeof(*use));
	use->elsewhere = is_elsewhere(root, name);
	if (use->elsewhere)
		return;
	add_name(&all, name);
	for (unsigned i = 0; i < all.n; i++) {
		char addrs[160];

		la_kif_addresses(all.name[i], addrs, sizeof(addrs));
		if (addrs[0] != '\0' && n < sizeof(use->addresses))
			n += (size_t)snprintf(use->addresses + n, sizeof(use->addresses) - n, "%s%s%s%s",
					      n > 0 ? ", " : "", addrs, i > 0 ? " on " : "", i > 0 ? all.name[i] : "");
		use->default_route |= la_pci_has_default_route(root, all.name[i]);
		add_uppers(root, all.name[i], &all);
	}
}

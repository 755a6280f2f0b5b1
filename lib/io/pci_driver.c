/* SPDX-License-Identifier: BSD-3-Clause */

/* The devices of DPDK's drivers. Each plugin (librte_net_*.so) has a text for each of its drivers (RTE_PMD_EXPORT_NAME
 * and pmdinfogen in DPDK), which is read from the file, without loading it:
 *
 *	PMD_INFO_STRING= {"name": "net_vmxnet3", "kmod": "* igb_uio | uio_pci_generic | vfio-pci",
 *			  "pci_ids": [[5549, 1968, 65535, 65535]]}
 *
 * The four numbers are vendor, device, subsystem vendor and subsystem device; 65535 is any. "|" in kmod separates
 * modules to which the device is bound, "&" modules that a bifurcated driver needs together. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_build_config.h>

#include "io/pci.h"

enum { ANY = 0xffff, PATH = 512 };

typedef void (*info_fn)(void *ctx, const char *info);

static const char mark[] = "PMD_INFO_STRING= ";

/* The value of a key of type text; "": there is none. */
static void
text_of(const char *info, const char *key, char *buf, size_t size)
{
	const char *p = strstr(info, key);

	buf[0] = '\0';
	if (p == NULL)
		return;
	p += strlen(key);
	snprintf(buf, size, "%.*s", (int)strcspn(p, "\""), p);
}

static bool
has_id(const char *info, const struct la_pci_dev *dev)
{
	const char *p = strstr(info, "\"pci_ids\": [");
	const uint16_t have[4] = {dev->vendor, dev->device, dev->sub_vendor, dev->sub_device};

	if (p == NULL)
		return false;
	for (p = strchr(p + strlen("\"pci_ids\": ["), '['); p != NULL; p = strchr(p + 1, '[')) {
		unsigned id[4], n = 0;

		if (sscanf(p, "[%u, %u, %u, %u]", &id[0], &id[1], &id[2], &id[3]) != 4)
			continue;
		while (n < 4 && (id[n] == ANY || id[n] == have[n]))
			n++;
		if (n == 4)
			return true;
	}
	return false;
}

/* Calls fn for each text of the file. A text ends with a zero byte inside the file. */
static bool
read_plugin(const char *path, info_fn fn, void *ctx)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *map, *p, *end;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || st.st_size <= 0) {
		close(fd);
		return false;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return false;
	end = map + st.st_size;
	for (p = map; (p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL; p++)
		if (memchr(p, '\0', (size_t)(end - p)) != NULL)
			fn(ctx, p);
	munmap((void *)(uintptr_t)map, (size_t)st.st_size);
	return true;
}

/* "librte_net_ice.so" may be a link to "librte_net_ice.so.23" in the same folder: such a file is read once. */
static bool
is_plugin(const char *path, const char *name)
{
	char to[PATH];
	ssize_t n;

	if (strncmp(name, "librte_net_", strlen("librte_net_")) != 0 || strstr(name, ".so") == NULL)
		return false;
	n = readlink(path, to, sizeof(to) - 1);
	to[n < 0 ? 0 : n] = '\0';
	return n < 0 || strchr(to, '/') != NULL;
}

static unsigned
read_folder(const char *path, info_fn fn, void *ctx)
{
	char file[PATH];
	struct dirent **list;
	unsigned read = 0;
	int n = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%.255s/%.255s", path, list[i]->d_name);
		if (is_plugin(file, list[i]->d_name))
			read += read_plugin(file, fn, ctx);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return read;
}

static unsigned
read_plugins(const char *root, info_fn fn, void *ctx)
{
	char path[PATH];

	snprintf(path, sizeof(path), "%s%s", root, RTE_EAL_PMD_PATH);
	return read_folder(path, fn, ctx);
}

struct wanted {
	struct la_pci_dev *devs;
	unsigned n;
};

static void
match(void *ctx, const char *info)
{
	struct wanted *w = ctx;

	for (unsigned i = 0; i < w->n; i++) {
		struct la_pci_dev *dev = &w->devs[i];

		if (dev->pmd[0] != '\0' || !has_id(info, dev))
			continue;
		text_of(info, "\"name\": \"", dev->pmd, sizeof(dev->pmd));
		text_of(info, "\"kmod\": \"", dev->kmod, sizeof(dev->kmod));
	}
}

unsigned
la_pci_find_drivers(const char *root, struct la_pci_dev *devs, unsigned n)
{
	struct wanted w = {.devs = devs, .n = n};

	return read_plugins(root, match, &w);
}

struct names {
	char *buf;
	size_t size, used;
};

static void
add_virtual(void *ctx, const char *info)
{
	struct names *to = ctx;
	char name[48];

	text_of(info, "\"name\": \"", name, sizeof(name));
	if (strstr(info, "\"pci_ids\": []") == NULL || strstr(info, "\"params\": ") == NULL ||
	    strstr(info, "\"kmod\": ") != NULL || to->used + strlen(name) + 2 > to->size)
		return;
	to->used += (size_t)snprintf(to->buf + to->used, to->size - to->used, "%s%s", to->used > 0 ? " " : "", name);
}

void
la_pci_virtual_drivers(const char *root, char *buf, size_t size)
{
	struct names to = {.buf = buf, .size = size};

	buf[0] = '\0';
	(void)read_plugins(root, add_virtual, &to);
}

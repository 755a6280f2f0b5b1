/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_TREE_H
#define TEST_TREE_H

/* A folder for a test's copy of /proc and /sys, which the test creates and removes. */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

/** Creates the folder and writes its path to root. */
static inline void
tree_make(char *root, size_t size)
{
	snprintf(root, size, "%s/la_tree_XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
	cr_assert_not_null(mkdtemp(root));
}

/** Creates the folders on the path of a file below the root, and writes the file's whole path to name. */
static inline void
tree_path(const char *root, const char *path, char *name, size_t size)
{
	cr_assert_lt((size_t)snprintf(name, size, "%s/%s", root, path), size);
	for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(name, 0700);
		*p = '/';
	}
}

/** Writes a file below the root, and creates the folders on its path. */
static inline void
tree_put(const char *root, const char *path, const char *text)
{
	char name[512];
	FILE *f;

	tree_path(root, path, name, sizeof(name));
	f = fopen(name, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

/** Makes a symbolic link below the root. */
static inline void
tree_link(const char *root, const char *path, const char *to)
{
	char name[512];

	tree_path(root, path, name, sizeof(name));
	(void)unlink(name);
	cr_assert_eq(symlink(to, name), 0);
}

static inline int
tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void
tree_remove(const char *root)
{
	cr_assert_eq(nftw(root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif

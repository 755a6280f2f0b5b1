/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs a fuzz target with the files of the command line, and with the files in its folders. It needs no libFuzzer, so
 * that any compiler can build it: the corpus is a test. Each input is in a block of its exact size. With -m N
 * every input is run N more times with a few bytes changed; each run of the program changes the same bytes. */

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

enum { INPUT_MAX = 1 << 20 };

static unsigned long inputs, mutations;
static uint64_t seed = 1;

static uint32_t
rnd(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)((seed * 0x2545f4914f6cdd1dull) >> 32);
}

static void
run(const uint8_t *p, size_t len)
{
	for (unsigned long i = 0; i <= mutations; i++) {
		size_t n = i > 0 && rnd() % 4 == 0 ? rnd() % (len + 1) : len;
		uint8_t *copy = malloc(n ? n : 1);

		if (copy == NULL)
			abort();
		if (n > 0)
			memcpy(copy, p, n);
		for (uint32_t k = i > 0 && n > 0 ? 1 + rnd() % 4 : 0; k > 0; k--)
			copy[rnd() % n] = (uint8_t)(rnd() % 3 ? rnd() : rnd() % 12);
		LLVMFuzzerTestOneInput(copy, n);
		free(copy);
		inputs++;
	}
}

static int
replay_file(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -errno;
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	run(buf, n);
	return 0;
}

static int
replay(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n, err = 0;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -errno;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && err == 0)
			err = replay_file(file);
		free(names[i]);
	}
	free(names);
	return err;
}

int
main(int argc, char **argv)
{
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		mutations = strtoul(argv[2], NULL, 10);
		first = 3;
	}
	for (int i = first; i < argc; i++) {
		if (replay(argv[i]) < 0)
			return 1;
	}
	printf("%lu inputs\n", inputs);
	if (inputs == 0)
		fprintf(stderr, "usage: %s [-m N] FILE|FOLDER ...\n", argv[0]);
	return inputs == 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing a snapshot file: under a temporary name, head last, synced, then renamed. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/output.h"
#include "snapshot/snapshot_file.h"

struct writer {
	int fd;
	uint8_t *buf;
	size_t used;
	uint64_t at; /* offset of the next byte in the file, after the buffered ones */
	crypto_generichash_state hash;
	struct la_snapshot_progress progress;
};

static int
put_at(int fd, const uint8_t *p, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int
writer_flush(struct writer *w)
{
	int rc = put_at(w->fd, w->buf, w->used, w->at - w->used);

	/* starts the write-back at once; otherwise the sync at the end takes long without progress */
	(void)sync_file_range(w->fd, (off_t)(w->at - w->used), (off_t)w->used, SYNC_FILE_RANGE_WRITE);
	la_snapshot_progress(&w->progress, w->used);
	w->used = 0;
	return rc;
}

static int
writer_put(void *ctx, const void *p, size_t len)
{
	struct writer *w = ctx;
	const uint8_t *from = p;

	(void)crypto_generichash_update(&w->hash, from, len);
	while (len > 0) {
		size_t n = LA_SNAPSHOT_BUFFER - w->used;

		if (n == 0) {
			int rc = writer_flush(w);

			if (rc)
				return rc;
			continue;
		}
		if (n > len)
			n = len;
		memcpy(w->buf + w->used, from, n);
		w->used += n;
		w->at += n;
		from += n;
		len -= n;
	}
	return 0;
}

/* Adds len to *ctx. The head of a section has the length of its stream, so each shard is saved
 * twice: the first pass only counts bytes. */
static int
writer_measure(void *ctx, const void *p, size_t len)
{
	(void)p;
	*(uint64_t *)ctx += len;
	return 0;
}

/* Returns 0 if path does not exist, is empty or is a snapshot file; -EEXIST: another file; or a negative errno. */
static int
may_replace(const char *path)
{
	char magic[sizeof(LA_SNAPSHOT_MAGIC) - 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = 0;
	struct stat s;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) {
		rc = -EEXIST;
	} else if (s.st_size > 0) {
		n = read(fd, magic, sizeof(magic));
		if (n < (ssize_t)sizeof(magic) || memcmp(magic, LA_SNAPSHOT_MAGIC, sizeof(magic)) != 0)
			rc = -EEXIST;
	}
	close(fd);
	return rc;
}

/* Returns 0 if a rename can replace path: the directory must be writable, and if it is sticky, the old file must be
 * ours. */
static int
check_place(const char *path)
{
	char *dir = la_output_dir(path), *tmp = NULL;
	struct stat d, s;
	int rc = 0;

	if (dir == NULL || asprintf(&tmp, "%s.tmp", path) < 0)
		rc = -ENOMEM;
	else if (stat(dir, &d) != 0 || faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) != 0)
		rc = -errno;
	else if (lstat(tmp, &s) != 0 && errno != ENOENT)
		rc = -errno; /* the name is too long */
	else if ((d.st_mode & S_ISVTX) != 0 && lstat(path, &s) == 0 && geteuid() != 0 && s.st_uid != geteuid() &&
		 d.st_uid != geteuid())
		rc = -EPERM;
	free(dir);
	free(rc == -ENOMEM ? NULL : tmp);
	return rc;
}

int
la_snapshot_check(const char *path, char *err, size_t size)
{
	int rc = may_replace(path);

	if (rc == 0)
		rc = check_place(path);
	if (rc == -EEXIST)
		snprintf(err, size, "%s is not a lastack state file and is not replaced", path);
	else if (rc)
		snprintf(err, size, "%s could not be written at the end: %s", path, strerror(-rc));
	return rc;
}

static int
put_all(struct writer *w, const struct la_snapshot_addrs *addrs, struct la_shard *const *shards, unsigned n,
	uint64_t now, const struct la_wall *wall)
{
	struct la_snapshot_head h = {.magic = LA_SNAPSHOT_MAGIC_BYTES,
				     .order = LA_SNAPSHOT_ORDER,
				     .version = LA_SNAPSHOT_VERSION,
				     .sections = n,
				     .wall = *wall};
	uint64_t length[LA_SNAPSHOT_SECTIONS_MAX] = {0};
	int rc = 0;

	h.length = sizeof(h);
	for (unsigned i = 0; i < n && rc == 0; i++) {
		rc = la_shard_save(shards[i], now, writer_measure, &length[i]);
		h.length += sizeof(struct la_snapshot_section) + length[i];
	}
	w->progress.total = h.length;
	w->at = sizeof(h);
	(void)crypto_generichash_init(&w->hash, NULL, 0, sizeof(h.sum));
	for (unsigned i = 0; i < n && rc == 0; i++) {
		struct la_snapshot_section section = {.port = addrs[i].port, .length = length[i]};

		rc = la_snapshot_digest(&addrs[i], section.addrs);
		if (rc == 0)
			rc = writer_put(w, &section, sizeof(section));
		if (rc == 0)
			rc = la_shard_save(shards[i], now, writer_put, w);
	}
	if (rc == 0)
		rc = writer_flush(w);
	(void)crypto_generichash_update(&w->hash, (const uint8_t *)&h, offsetof(struct la_snapshot_head, sum));
	(void)crypto_generichash_final(&w->hash, h.sum, sizeof(h.sum));
	return rc ? rc : put_at(w->fd, (const uint8_t *)&h, sizeof(h), 0);
}

/* Syncs the file, renames it and syncs the directory. */
static int
writer_settle(int fd, const char *tmp, const char *path)
{
	if (fsync(fd) != 0 || rename(tmp, path) != 0)
		return -errno;
	return la_snapshot_sync_dir(path);
}

int
la_snapshot_save(const char *path, const struct la_snapshot_addrs *addrs, struct la_shard *const *shards, unsigned n,
		 uint64_t now, bool say, const struct la_wall *wall, uint64_t *bytes, char *err, size_t size)
{
	struct writer w = {.fd = -1};
	struct la_wall present;
	char what[256], *tmp = NULL;
	int rc = may_replace(path);

	if (rc == -EEXIST) {
		snprintf(err, size, "%s is not a lastack state file and is not replaced: nothing was saved", path);
		return rc;
	}
	if (wall == NULL) { /* read after `now`: see the theory in snapshot.c */
		la_wall_now(&present);
		wall = &present;
	}
	snprintf(what, sizeof(what), "writing %s", path);
	la_snapshot_progress_start(&w.progress, what, 0, say);
	if (rc == 0 && (n == 0 || n > LA_SNAPSHOT_SECTIONS_MAX))
		rc = -EINVAL;
	for (unsigned i = 0; i < n && rc == 0; i++)
		if (addrs[i].port >= LA_SNAPSHOT_PORTS_MAX)
			rc = -EINVAL;
	w.buf = malloc(LA_SNAPSHOT_BUFFER);
	if (rc == 0 && (w.buf == NULL || asprintf(&tmp, "%s.tmp", path) < 0)) {
		tmp = NULL;
		rc = -ENOMEM;
	}
	if (rc == 0) {
		(void)unlink(tmp); /* left by a process that ended here */
		w.fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		rc = w.fd < 0 ? -errno : put_all(&w, addrs, shards, n, now, wall);
		if (rc == 0)
			rc = writer_settle(w.fd, tmp, path);
		if (rc && w.fd >= 0)
			(void)unlink(tmp);
	}
	if (rc)
		snprintf(err, size, "%s cannot be written: %s", path, strerror(-rc));
	*bytes = w.at;
	if (w.fd >= 0)
		close(w.fd);
	if (w.buf)
		sodium_memzero(w.buf, LA_SNAPSHOT_BUFFER);
	free(w.buf);
	free(tmp);
	return rc;
}

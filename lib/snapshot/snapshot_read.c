/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a snapshot file: all of it is verified before any entry is loaded. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_file.h"

int
la_snapshot_refuse(const struct la_snapshot_why *w, int rc, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(w->err, w->size, "%s ", w->path);

	if (n < 0 || (size_t)n >= w->size)
		return rc;
	va_start(ap, fmt);
	(void)vsnprintf(w->err + n, w->size - (size_t)n, fmt, ap);
	va_end(ap);
	return rc;
}

/* ------------------------------------------------------------------ a stream from the file */

void
la_snapshot_seek(struct la_snapshot *st, uint64_t at, uint64_t length)
{
	st->at = at;
	st->left = length;
	st->buf_head = st->buf_tail = 0;
}

/* Reads the next selected bytes into buf. Returns 0, -ENODATA (no more are selected or in the file), or the negative
 * errno of the read. */
static int
snapshot_fill_buf(struct la_snapshot *st)
{
	size_t want = st->left < LA_SNAPSHOT_BUFFER ? (size_t)st->left : LA_SNAPSHOT_BUFFER;
	ssize_t n;

	if (want == 0)
		return -ENODATA;
	do
		n = pread(st->fd, st->buf, want, (off_t)st->at);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -ENODATA;
	st->buf_head = 0;
	st->buf_tail = (size_t)n;
	if (st->buf_most < st->buf_tail)
		st->buf_most = st->buf_tail;
	st->at += (uint64_t)n;
	st->left -= (uint64_t)n;
	la_snapshot_progress(&st->progress, (uint64_t)n);
	return 0;
}

int
la_snapshot_take(void *ctx, void *p, size_t len)
{
	struct la_snapshot *st = ctx;
	uint8_t *to = p;

	while (len > 0) {
		size_t n = st->buf_tail - st->buf_head;

		if (n == 0) {
			int rc = snapshot_fill_buf(st);

			if (rc)
				return rc;
			continue;
		}
		if (n > len)
			n = len;
		memcpy(to, st->buf + st->buf_head, n);
		st->buf_head += n;
		to += n;
		len -= n;
	}
	return 0;
}

/* ------------------------------------------------------------------ verification */

static int
check_file(const struct la_snapshot *st, const struct la_snapshot_why *w, struct stat *s)
{
	if (fstat(st->fd, s) != 0)
		return la_snapshot_refuse(w, -errno, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(s->st_mode))
		return la_snapshot_refuse(w, -EINVAL, "is not a regular file");
	return 0;
}

/* Checks that the file belongs to this user, and that no other user may read or write it. */
static int
check_owner(const struct stat *s, const struct la_snapshot_why *w)
{
	if (s->st_uid != geteuid())
		return la_snapshot_refuse(w, -EPERM, "belongs to another user (%u): its secret may be known",
					  s->st_uid);
	if (s->st_mode & (S_IRWXG | S_IRWXO))
		return la_snapshot_refuse(w, -EPERM,
					  "can be used by others (mode %04o, not 0600): its secret may be "
					  "known",
					  s->st_mode & 07777u);
	return 0;
}

/* Checks magic, byte order, version and length. */
static int
check_head(struct la_snapshot *st, const struct la_snapshot_why *w, uint64_t length)
{
	const struct la_snapshot_head *h = &st->head;
	int rc;

	if (length < sizeof(h->magic))
		return la_snapshot_refuse(w, -ENODATA, "is truncated: %lu bytes, less than a head", length);
	la_snapshot_seek(st, 0, sizeof(*h));
	rc = la_snapshot_take(st, &st->head, length < sizeof(*h) ? (size_t)length : sizeof(*h));
	if (rc)
		return la_snapshot_refuse(w, rc, "cannot be read: %s", strerror(-rc));
	if (memcmp(h->magic, LA_SNAPSHOT_MAGIC, sizeof(h->magic)) != 0)
		return la_snapshot_refuse(w, -EBADMSG, "is not a lastack state file");
	if (length < sizeof(*h))
		return la_snapshot_refuse(w, -ENODATA, "is truncated: %lu bytes, less than a head", length);
	if (h->order == __builtin_bswap32(LA_SNAPSHOT_ORDER))
		return la_snapshot_refuse(w, -EPROTONOSUPPORT, "is from a machine of another byte order");
	if (h->order != LA_SNAPSHOT_ORDER)
		return la_snapshot_refuse(w, -EBADMSG, "is damaged: byte order %08x", h->order);
	if (h->version != LA_SNAPSHOT_VERSION)
		return la_snapshot_refuse(w, -EPROTONOSUPPORT, "is of version %u, this program knows version %u",
					  h->version, LA_SNAPSHOT_VERSION);
	if (length < h->length)
		return la_snapshot_refuse(w, -ENODATA, "is truncated: %lu bytes of %lu", length, h->length);
	if (length > h->length)
		return la_snapshot_refuse(w, -EBADMSG, "is damaged: %lu bytes, but %lu were written", length,
					  h->length);
	return 0;
}

static int
check_sum(struct la_snapshot *st, const struct la_snapshot_why *w)
{
	crypto_generichash_state hash;
	uint8_t sum[LA_SNAPSHOT_SUM];
	int rc = 0;

	(void)crypto_generichash_init(&hash, NULL, 0, sizeof(sum));
	la_snapshot_progress_start(&st->progress, st->what, st->head.length, st->say);
	la_snapshot_seek(st, sizeof(st->head), st->head.length - sizeof(st->head));
	while (st->left > 0 && rc == 0) {
		rc = snapshot_fill_buf(st);
		if (rc == 0)
			(void)crypto_generichash_update(&hash, st->buf, st->buf_tail);
	}
	if (rc)
		return la_snapshot_refuse(w, rc, "cannot be read: %s", strerror(-rc));
	(void)crypto_generichash_update(&hash, (const uint8_t *)&st->head, offsetof(struct la_snapshot_head, sum));
	(void)crypto_generichash_final(&hash, sum, sizeof(sum));
	if (sodium_memcmp(sum, st->head.sum, sizeof(sum)) != 0)
		return la_snapshot_refuse(w, -EBADMSG, "is damaged: its checksum is wrong");
	return 0;
}

/* Checks that the shards of this run on the section's port have the section's addresses. */
static int
check_targets(const struct la_snapshot *st, const struct la_snapshot_why *w, unsigned i,
	      const struct la_snapshot_section *head)
{
	bool found = false;

	for (unsigned j = 0; j < st->ntargets; j++) {
		if (st->targets[j].port != head->port)
			continue;
		found = true;
		if (memcmp(st->targets[j].digest, head->addrs, sizeof(head->addrs)) != 0)
			return la_snapshot_refuse(w, -EADDRNOTAVAIL,
						  "has other addresses in section %u than this run has", i + 1);
	}
	if (found)
		return 0;
	return la_snapshot_refuse(w, -EINVAL, "has a section of port %u, which this run does not have", head->port);
}

/* Reads the header of the output of la_shard_save(). All sections must have the same `now`, and those of a port the
 * same secret. */
static int
check_saved(struct la_snapshot *st, const struct la_snapshot_why *w, unsigned i)
{
	struct la_snapshot_part *s = &st->sections[i];
	int rc;

	la_snapshot_seek(st, s->at, s->length);
	rc = la_shard_saved(la_snapshot_take, st, &s->saved);
	if (rc == -EPROTONOSUPPORT)
		return la_snapshot_refuse(w, rc, "has a section of another version");
	if (rc || s->saved.now != st->sections[0].saved.now)
		return la_snapshot_refuse(w, -EBADMSG, "is damaged: section %u has an invalid header", i + 1);
	for (unsigned j = 0; j < i; j++)
		if (st->sections[j].port == s->port &&
		    sodium_memcmp(st->sections[j].saved.secret, s->saved.secret, sizeof(s->saved.secret)) != 0)
			return la_snapshot_refuse(w, -EBADMSG,
						  "is damaged: section %u has another secret than section %u, of the "
						  "same port",
						  i + 1, j + 1);
	return 0;
}

/* Checks the sections' heads against the shards of this run. */
static int
check_sections(struct la_snapshot *st, const struct la_snapshot_why *w)
{
	uint64_t at = sizeof(st->head);

	for (unsigned i = 0; i < st->nsections; i++) {
		struct la_snapshot_part *s = &st->sections[i];
		struct la_snapshot_section head;
		uint64_t room = st->head.length - at;
		int rc;

		la_snapshot_seek(st, at, sizeof(head));
		if (room < sizeof(head) || la_snapshot_take(st, &head, sizeof(head)) != 0 ||
		    head.length > room - sizeof(head))
			return la_snapshot_refuse(w, -EBADMSG, "is damaged: section %u is longer than the file", i + 1);
		rc = check_targets(st, w, i, &head);
		if (rc)
			return rc;
		*s = (struct la_snapshot_part){.at = at + sizeof(head), .length = head.length, .port = head.port};
		rc = check_saved(st, w, i);
		if (rc)
			return rc;
		at = s->at + s->length;
	}
	if (at != st->head.length)
		return la_snapshot_refuse(w, -EBADMSG, "is damaged: %lu bytes after its last section",
					  st->head.length - at);
	return 0;
}

const struct la_snapshot_part *
la_snapshot_part_of(const struct la_snapshot *st, unsigned port)
{
	for (unsigned i = 0; i < st->nsections; i++)
		if (st->sections[i].port == port)
			return &st->sections[i];
	return NULL;
}

/* Checks that each port of this run has a section: without one its shards would start without entries and without quiet
 * time. */
static int
check_ports(const struct la_snapshot *st, const struct la_snapshot_why *w)
{
	for (unsigned j = 0; j < st->ntargets; j++)
		if (!la_snapshot_part_of(st, st->targets[j].port))
			return la_snapshot_refuse(w, -EINVAL, "has no section of port %u, which this run has",
						  st->targets[j].port);
	return 0;
}

static int
snapshot_verify(struct la_snapshot *st, const struct la_snapshot_why *w)
{
	struct stat s;
	int rc = check_file(st, w, &s);

	if (rc == 0)
		rc = check_head(st, w, (uint64_t)s.st_size);
	if (rc == 0)
		rc = check_owner(&s, w);
	if (rc == 0)
		rc = check_sum(st, w);
	if (rc == 0 && (st->head.sections == 0 || st->head.sections > LA_SNAPSHOT_SECTIONS_MAX))
		rc = la_snapshot_refuse(w, -EBADMSG, "is damaged: %u sections", st->head.sections);
	if (rc)
		return rc;
	st->nsections = st->head.sections;
	rc = check_sections(st, w);
	return rc ? rc : check_ports(st, w);
}

static int
note_targets(struct la_snapshot *st, const struct la_snapshot_addrs *addrs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int rc = la_snapshot_digest(&addrs[i], st->targets[i].digest);

		if (rc)
			return rc;
		st->targets[i].port = addrs[i].port;
	}
	st->ntargets = n;
	return 0;
}

/* ------------------------------------------------------------------ the calls */

int
la_snapshot_open(const char *path, const struct la_snapshot_addrs *addrs, unsigned n, bool say,
		 const struct la_wall *wall, struct la_snapshot **out, char *err, size_t size)
{
	const struct la_snapshot_why w = {path, err, size};
	struct la_snapshot *st = calloc(1, sizeof(*st));
	struct la_wall present;
	int rc;

	*out = NULL;
	if (st == NULL || n == 0 || n > LA_SNAPSHOT_SECTIONS_MAX) {
		free(st);
		return la_snapshot_refuse(&w, st ? -EINVAL : -ENOMEM, "cannot be read: %s",
					  strerror(st ? EINVAL : ENOMEM));
	}
	st->say = say;
	st->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (st->fd < 0) {
		rc = -errno;
		if (rc == -ENOENT)
			la_snapshot_refuse(&w, rc, "is not there");
		else
			la_snapshot_refuse(&w, rc, "cannot be opened: %s", strerror(-rc));
		goto fail;
	}
	st->path = strdup(path);
	st->buf = malloc(LA_SNAPSHOT_BUFFER);
	rc = st->path && st->buf ? note_targets(st, addrs, n) : -ENOMEM;
	if (rc) {
		la_snapshot_refuse(&w, rc, "cannot be read: %s", strerror(-rc));
		goto fail;
	}
	snprintf(st->what, sizeof(st->what), "checking %s", path);
	rc = snapshot_verify(st, &w);
	if (rc)
		goto fail;
	if (wall == NULL) {
		la_wall_now(&present);
		wall = &present;
	}
	st->passed = la_wall_passed(&st->head.wall, wall, &st->backwards);
	snprintf(st->what, sizeof(st->what), "reading %s", path);
	la_snapshot_progress_start(&st->progress, st->what, st->head.length, say);
	*out = st;
	return 0;
fail:
	la_snapshot_close(st);
	return rc;
}

void
la_snapshot_close(struct la_snapshot *st)
{
	if (st == NULL)
		return;
	if (st->fd >= 0)
		close(st->fd);
	if (st->buf)
		sodium_memzero(st->buf, st->buf_most);
	sodium_memzero(st->sections, sizeof(st->sections));
	free(st->buf);
	free(st->path);
	free(st);
}

uint64_t
la_snapshot_now(const struct la_snapshot *st)
{
	return st->sections[0].saved.now + st->passed;
}

uint64_t
la_snapshot_passed(const struct la_snapshot *st)
{
	return st->passed;
}

bool
la_snapshot_backwards(const struct la_snapshot *st)
{
	return st->backwards;
}

const uint8_t *
la_snapshot_secret(const struct la_snapshot *st, unsigned i)
{
	return la_snapshot_part_of(st, st->targets[i].port)->saved.secret;
}

uint64_t
la_snapshot_entries(const struct la_snapshot *st)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < st->nsections; i++)
		n += (uint64_t)st->sections[i].saved.time_wait[0] + st->sections[i].saved.time_wait[1];
	return n;
}

unsigned
la_snapshot_shards(const struct la_snapshot *st)
{
	return st->nsections;
}

int
la_snapshot_consume(struct la_snapshot *st, char *err, size_t size)
{
	const struct la_snapshot_why w = {st->path, err, size};
	int rc = unlink(st->path) == 0 ? la_snapshot_sync_dir(st->path) : -errno;

	if (rc == 0)
		return 0;
	return la_snapshot_refuse(&w, rc, "cannot be removed (%s), and a start after a crash would load it again",
				  strerror(-rc));
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a state file: everything is verified first, then sections are handed to shards. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/state_file.h"

struct section {
	uint64_t at, length; /* of the shard's stream in the file */
	struct la_shard_saved saved;
};

struct la_statefile {
	char *path;
	int fd;
	bool say;
	struct la_statefile_head head;
	uint64_t passed;
	bool backwards;
	unsigned n;
	struct section *sections;
	char what[256]; /* of progress lines */

	/* reading on from `at`: buf[head .. tail) is what comes next, `left` is what may be read */
	uint8_t *buf;
	size_t buf_head, buf_tail, buf_most; /* most: that were ever in it */
	uint64_t at, left;
	struct la_statefile_progress progress;
};

struct why {
	const char *path;
	char *err;
	size_t size;
};

/* The line for the user; returns rc. */
static int __attribute__((format(printf, 3, 4)))
refuse(const struct why *w, int rc, const char *fmt, ...)
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

static void
seek(struct la_statefile *st, uint64_t at, uint64_t length)
{
	st->at = at;
	st->left = length;
	st->buf_head = st->buf_tail = 0;
}

/* 0, -ENODATA at the end of what may be read, or of the file, -errno. */
static int
fill(struct la_statefile *st)
{
	size_t want = st->left < LA_STATEFILE_BUFFER ? (size_t)st->left : LA_STATEFILE_BUFFER;
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
	la_statefile_progress(&st->progress, (uint64_t)n);
	return 0;
}

static int
take(void *ctx, void *p, size_t len)
{
	struct la_statefile *st = ctx;
	uint8_t *to = p;

	while (len > 0) {
		size_t n = st->buf_tail - st->buf_head;

		if (n == 0) {
			int rc = fill(st);

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
check_file(const struct la_statefile *st, const struct why *w, struct stat *s)
{
	if (fstat(st->fd, s) != 0)
		return refuse(w, -errno, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(s->st_mode))
		return refuse(w, -EINVAL, "is not a regular file");
	return 0;
}

/* Who could have read the secret, or written another? */
static int
check_owner(const struct stat *s, const struct why *w)
{
	if (s->st_uid != geteuid())
		return refuse(w, -EPERM, "belongs to another user (%u): its secret may be known",
			      s->st_uid);
	if (s->st_mode & (S_IRWXG | S_IRWXO))
		return refuse(w, -EPERM,
			      "can be used by others (mode %04o, not 0600): its secret may be "
			      "known",
			      s->st_mode & 07777u);
	return 0;
}

/* Whose file is it, and is it whole? In the order in which one can be sure of it. */
static int
check_head(struct la_statefile *st, const struct why *w, uint64_t length)
{
	const struct la_statefile_head *h = &st->head;
	int rc;

	if (length < sizeof(h->magic))
		return refuse(w, -ENODATA, "is truncated: %lu bytes, not even a head", length);
	seek(st, 0, sizeof(*h));
	rc = take(st, &st->head, length < sizeof(*h) ? (size_t)length : sizeof(*h));
	if (rc)
		return refuse(w, rc, "cannot be read: %s", strerror(-rc));
	if (memcmp(h->magic, LA_STATEFILE_MAGIC, sizeof(h->magic)) != 0)
		return refuse(w, -EBADMSG, "is not a lastack state file");
	if (length < sizeof(*h))
		return refuse(w, -ENODATA, "is truncated: %lu bytes, not even a head", length);
	if (h->order == __builtin_bswap32(LA_STATEFILE_ORDER))
		return refuse(w, -EPROTONOSUPPORT, "is from a machine of another byte order");
	if (h->order != LA_STATEFILE_ORDER)
		return refuse(w, -EBADMSG, "is damaged: no byte order is %08x", h->order);
	if (h->version != LA_STATEFILE_VERSION)
		return refuse(w, -EPROTONOSUPPORT,
			      "is of version %u, this program knows version %u", h->version,
			      LA_STATEFILE_VERSION);
	if (length < h->length)
		return refuse(w, -ENODATA, "is truncated: %lu bytes of %lu", length, h->length);
	if (length > h->length)
		return refuse(w, -EBADMSG, "is damaged: %lu bytes, and %lu were written", length,
			      h->length);
	return 0;
}

static int
check_sum(struct la_statefile *st, const struct why *w)
{
	crypto_generichash_state hash;
	uint8_t sum[LA_STATEFILE_SUM];
	int rc = 0;

	(void)crypto_generichash_init(&hash, NULL, 0, sizeof(sum));
	la_statefile_progress_start(&st->progress, st->what, st->head.length, st->say);
	seek(st, sizeof(st->head), st->head.length - sizeof(st->head));
	while (st->left > 0 && rc == 0) {
		rc = fill(st);
		if (rc == 0)
			(void)crypto_generichash_update(&hash, st->buf, st->buf_tail);
	}
	if (rc)
		return refuse(w, rc, "cannot be read: %s", strerror(-rc));
	(void)crypto_generichash_update(&hash, (const uint8_t *)&st->head,
					offsetof(struct la_statefile_head, sum));
	(void)crypto_generichash_final(&hash, sum, sizeof(sum));
	if (sodium_memcmp(sum, st->head.sum, sizeof(sum)) != 0)
		return refuse(w, -EBADMSG, "is damaged: its checksum is wrong");
	return 0;
}

/* The sections' heads, against what the shards of this run are. */
static int
check_sections(struct la_statefile *st, const struct la_statefile_addrs *addrs, const struct why *w)
{
	uint64_t at = sizeof(st->head);

	for (unsigned i = 0; i < st->n; i++) {
		struct section *s = &st->sections[i];
		struct la_statefile_section head;
		uint8_t digest[LA_STATEFILE_DIGEST];
		uint64_t room = st->head.length - at;
		int rc;

		seek(st, at, sizeof(head));
		if (room < sizeof(head) || take(st, &head, sizeof(head)) != 0 ||
		    head.length > room - sizeof(head))
			return refuse(w, -EBADMSG, "is damaged: section %u is not within it",
				      i + 1);
		rc = la_statefile_digest(&addrs[i], digest);
		if (rc)
			return refuse(w, rc, "cannot be read: %s", strerror(-rc));
		if (memcmp(digest, head.addrs, sizeof(digest)) != 0)
			return refuse(w, -EADDRNOTAVAIL,
				      "has other addresses in section %u than this run has", i + 1);
		s->at = at + sizeof(head);
		s->length = head.length;
		seek(st, s->at, s->length);
		rc = la_shard_saved(take, st, &s->saved);
		if (rc == -EPROTONOSUPPORT)
			return refuse(w, rc, "has a section of another version");
		if (rc || s->saved.now != st->sections[0].saved.now)
			return refuse(w, -EBADMSG, "is damaged: section %u makes no sense", i + 1);
		at = s->at + s->length;
	}
	if (at != st->head.length)
		return refuse(w, -EBADMSG, "is damaged: %lu bytes behind its sections",
			      st->head.length - at);
	return 0;
}

static int
verify(struct la_statefile *st, const struct la_statefile_addrs *addrs, const struct why *w)
{
	struct stat s;
	int rc = check_file(st, w, &s);

	if (rc == 0)
		rc = check_head(st, w, (uint64_t)s.st_size);
	if (rc == 0)
		rc = check_owner(&s, w);
	if (rc == 0)
		rc = check_sum(st, w);
	if (rc == 0 && st->head.sections != st->n)
		rc = refuse(w, -EINVAL, "is of a run with %u shards, this one has %u (--workers)",
			    st->head.sections, st->n);
	return rc ? rc : check_sections(st, addrs, w);
}

/* ------------------------------------------------------------------ the calls */

int
la_statefile_open(const char *path, const struct la_statefile_addrs *addrs, unsigned n, bool say,
		  const struct la_wall *wall, struct la_statefile **out, char *err, size_t size)
{
	const struct why w = {path, err, size};
	struct la_statefile *st = calloc(1, sizeof(*st));
	struct la_wall present;
	int rc;

	*out = NULL;
	if (st == NULL || n == 0 || n > LA_STATEFILE_SECTIONS_MAX) {
		free(st);
		return refuse(&w, st ? -EINVAL : -ENOMEM, "cannot be read: %s",
			      strerror(st ? EINVAL : ENOMEM));
	}
	st->n = n;
	st->say = say;
	st->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (st->fd < 0) {
		rc = -errno;
		if (rc == -ENOENT)
			refuse(&w, rc, "is not there");
		else
			refuse(&w, rc, "cannot be opened: %s", strerror(-rc));
		goto fail;
	}
	st->path = strdup(path);
	st->buf = malloc(LA_STATEFILE_BUFFER);
	st->sections = calloc(n, sizeof(*st->sections));
	rc = -ENOMEM;
	if (!st->path || !st->buf || !st->sections) {
		refuse(&w, rc, "cannot be read: %s", strerror(-rc));
		goto fail;
	}
	snprintf(st->what, sizeof(st->what), "checking %s", path);
	rc = verify(st, addrs, &w);
	if (rc)
		goto fail;
	if (wall == NULL) {
		la_wall_now(&present);
		wall = &present;
	}
	st->passed = la_wall_passed(&st->head.wall, wall, &st->backwards);
	snprintf(st->what, sizeof(st->what), "reading %s", path);
	la_statefile_progress_start(&st->progress, st->what, st->head.length, say);
	*out = st;
	return 0;
fail:
	la_statefile_close(st);
	return rc;
}

void
la_statefile_close(struct la_statefile *st)
{
	if (st == NULL)
		return;
	if (st->fd >= 0)
		close(st->fd);
	if (st->buf)
		sodium_memzero(st->buf, st->buf_most);
	if (st->sections)
		sodium_memzero(st->sections, st->n * sizeof(*st->sections));
	free(st->buf);
	free(st->sections);
	free(st->path);
	free(st);
}

uint64_t
la_statefile_now(const struct la_statefile *st)
{
	return st->sections[0].saved.now + st->passed;
}

uint64_t
la_statefile_passed(const struct la_statefile *st)
{
	return st->passed;
}

bool
la_statefile_backwards(const struct la_statefile *st)
{
	return st->backwards;
}

const uint8_t *
la_statefile_secret(const struct la_statefile *st, unsigned i)
{
	return st->sections[i].saved.secret;
}

uint64_t
la_statefile_entries(const struct la_statefile *st)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < st->n; i++)
		n += (uint64_t)st->sections[i].saved.time_wait[0] +
		     st->sections[i].saved.time_wait[1];
	return n;
}

/* A shard's refusal, in the words of who started the program. */
static int
refuse_load(const struct la_statefile *st, const struct why *w, unsigned i,
	    const struct la_shard *s, int rc)
{
	const uint64_t *v = la_shard_counters(s)->v;
	const uint32_t *n = st->sections[i].saved.time_wait;

	if (rc == -ENOBUFS && v[LA_C_tw_reserve_exhausted] != 0)
		return refuse(
			w, rc,
			"has %u TIME_WAIT entries for IPv4 and %u for IPv6, more than fit; ask for "
			"more with --time-wait and --time-wait6",
			n[0], n[1]);
	if (rc == -ENOBUFS)
		return refuse(w, rc, "has an entry for which the index has no room");
	if (rc == -ENOSPC)
		return refuse(w, rc, "has entries of too many different MSLs");
	if (rc == -EEXIST)
		return refuse(w, rc, "is damaged: a tuple is in it twice");
	if (rc == -EBADMSG || rc == -ENODATA)
		return refuse(w, rc, "is damaged: section %u has an entry that cannot be", i + 1);
	return refuse(w, rc, "cannot be read: %s", strerror(-rc));
}

int
la_statefile_load(struct la_statefile *st, unsigned i, struct la_shard *s, char *err, size_t size)
{
	const struct why w = {st->path, err, size};
	int rc;

	seek(st, st->sections[i].at, st->sections[i].length);
	rc = la_shard_load(s, take, st);
	if (rc == 0 && (st->left > 0 || st->buf_head != st->buf_tail))
		rc = -EBADMSG;
	return rc ? refuse_load(st, &w, i, s, rc) : 0;
}

int
la_statefile_consume(struct la_statefile *st, char *err, size_t size)
{
	const struct why w = {st->path, err, size};
	int rc = unlink(st->path) == 0 ? la_statefile_sync_dir(st->path) : -errno;

	if (rc == 0)
		return 0;
	return refuse(&w, rc, "cannot be removed (%s), and a later crash would find it again",
		      strerror(-rc));
}

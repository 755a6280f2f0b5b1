/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SNAPSHOT_SNAPSHOT_FILE_H
#define LA_SNAPSHOT_SNAPSHOT_FILE_H

/* The layout of the file and the state of a reader, shared by snapshot.c (clocks, addresses), snapshot_read.c,
 * snapshot_deal.c and snapshot_write.c. */

#include <stdio.h>

#include <sodium.h>

#include "net/shard.h"
#include "snapshot/snapshot.h"

enum {
	LA_SNAPSHOT_ORDER = 0x01020304, /* shows the byte order of the machine that wrote the file */
	LA_SNAPSHOT_VERSION = 2,
	LA_SNAPSHOT_DIGEST = 32,      /* bytes of the digest of a shard's addresses */
	LA_SNAPSHOT_SUM = 32,	      /* bytes of the checksum */
	LA_SNAPSHOT_BUFFER = 1 << 20, /* bytes read or written in one call */
	LA_SNAPSHOT_SECTIONS_MAX = 64,
	LA_SNAPSHOT_PORTS_MAX = 64,
};

#define LA_SNAPSHOT_MAGIC "lastack\n"
#define LA_SNAPSHOT_MAGIC_BYTES                         \
	{                                               \
		'l', 'a', 's', 't', 'a', 'c', 'k', '\n' \
	}

struct la_snapshot_head {
	char magic[8];
	uint32_t order;
	uint32_t version;
	uint64_t length; /* bytes of the whole file */
	uint32_t sections;
	uint32_t reserved; /* 0 */
	struct la_wall wall;
	uint8_t sum[LA_SNAPSHOT_SUM]; /* checksum of the bytes after the head, then of the fields above */
};
_Static_assert(sizeof(struct la_snapshot_head) == 96, "no padding");

struct la_snapshot_section {
	uint8_t addrs[LA_SNAPSHOT_DIGEST];
	uint32_t port;	   /* below LA_SNAPSHOT_PORTS_MAX */
	uint32_t reserved; /* 0 */
	uint64_t length;   /* bytes of the output of la_shard_save(), which follows */
};
_Static_assert(sizeof(struct la_snapshot_section) == 48, "no padding");

/** An address or range of ours in the digest. The digest is of a sorted array, so that the order of the addresses does
 * not matter. */
struct la_snapshot_prefix {
	uint8_t addr[16], len, range;
};

struct la_snapshot_progress {
	const char *what;     /* "writing FILE" */
	uint64_t done, total; /* bytes */
	uint64_t next_ns;     /* CLOCK_MONOTONIC: time of the next line */
	bool say;	      /* false: print no line */
};

_Static_assert((int)LA_SNAPSHOT_SECTIONS_MAX <= (int)LA_SHARD_DEAL_MAX, "la_shard_deal() has room for all shards");

/** The fields of a verified section. */
struct la_snapshot_part {
	uint64_t at;	 /* offset of the shard's stream in the file */
	uint64_t length; /* bytes of that stream */
	unsigned port;
	struct la_shard_saved saved;
};

/** A shard of this run. */
struct la_snapshot_target {
	unsigned port;
	uint8_t digest[LA_SNAPSHOT_DIGEST];
};

struct la_snapshot {
	char *path;
	int fd;
	bool say;
	struct la_snapshot_head head;
	uint64_t passed;
	bool backwards;
	unsigned nsections, ntargets;
	struct la_snapshot_part sections[LA_SNAPSHOT_SECTIONS_MAX];
	struct la_snapshot_target targets[LA_SNAPSHOT_SECTIONS_MAX];
	char what[256]; /* text of the progress lines */

	/* buf[buf_head .. buf_tail) are the next selected bytes; then `left` bytes of the file from `at` on follow */
	uint8_t *buf;
	size_t buf_head, buf_tail;
	size_t buf_most; /* highest buf_tail: the bytes of buf to clear */
	uint64_t at, left;
	struct la_snapshot_progress progress;
};

/** The name of a file, and the buffer for its error message. */
struct la_snapshot_why {
	const char *path;
	char *err;
	size_t size;
};

int la_snapshot_digest(const struct la_snapshot_addrs *a, uint8_t out[LA_SNAPSHOT_DIGEST]);
void la_snapshot_progress_start(struct la_snapshot_progress *p, const char *what, uint64_t total, bool say);
void la_snapshot_progress(struct la_snapshot_progress *p, uint64_t n);
int la_snapshot_sync_dir(const char *path);

/* snapshot_read.c, also for snapshot_deal.c */
/** Writes the file's name and the error message. Returns rc. */
int la_snapshot_refuse(const struct la_snapshot_why *w, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** Selects `length` bytes of the file from `at` on, for la_snapshot_take(). */
void la_snapshot_seek(struct la_snapshot *st, uint64_t at, uint64_t length);
/** Reads the next len selected bytes. ctx: struct la_snapshot. Returns 0, -ENODATA (fewer bytes are selected or in the
 * file), or the negative errno of the read. */
int la_snapshot_take(void *ctx, void *p, size_t len);
/** The first section of a port. NULL: the file has no section of the port. */
const struct la_snapshot_part *la_snapshot_part_of(const struct la_snapshot *st, unsigned port);

#endif

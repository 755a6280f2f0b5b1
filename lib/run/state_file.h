/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_RUN_STATE_FILE_H
#define LA_RUN_STATE_FILE_H

/* What state.c (clocks, addresses), state_read.c and state_write.c share: the file's layout. */

#include <stdio.h>

#include <sodium.h>

#include "run/state.h"

enum {
	LA_STATEFILE_ORDER = 0x01020304, /* as the writing machine has it in memory */
	LA_STATEFILE_VERSION = 1,
	LA_STATEFILE_DIGEST = 32,
	LA_STATEFILE_SUM = 32,
	LA_STATEFILE_BUFFER = 1 << 20,
	LA_STATEFILE_SECTIONS_MAX = 64,
};

#define LA_STATEFILE_MAGIC "lastack\n"
#define LA_STATEFILE_MAGIC_BYTES                        \
	{                                               \
		'l', 'a', 's', 't', 'a', 'c', 'k', '\n' \
	}

struct la_statefile_head {
	char magic[8];
	uint32_t order;
	uint32_t version;
	uint64_t length; /* of the whole file */
	uint32_t sections;
	uint32_t reserved; /* 0 */
	struct la_wall wall;
	uint8_t sum[LA_STATEFILE_SUM]; /* of what follows the head, then of the head up to here */
};
_Static_assert(sizeof(struct la_statefile_head) == 96, "no padding");

struct la_statefile_section {
	uint8_t addrs[LA_STATEFILE_DIGEST];
	uint64_t length; /* of what follows, the shard's own stream */
};
_Static_assert(sizeof(struct la_statefile_section) == 40, "no padding");

/** An address of ours as it goes into the digest; sorted, so that their order means nothing. */
struct la_statefile_prefix {
	uint8_t addr[16], len, range;
};

struct la_statefile_progress {
	const char *what;     /* "writing FILE" */
	uint64_t done, total; /* bytes */
	uint64_t next_ns;
	bool say;
};

int la_statefile_digest(const struct la_statefile_addrs *a, uint8_t out[LA_STATEFILE_DIGEST]);
void la_statefile_progress_start(struct la_statefile_progress *p, const char *what, uint64_t total,
				 bool say);
void la_statefile_progress(struct la_statefile_progress *p, uint64_t n);
int la_statefile_sync_dir(const char *path);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TABLE_TW_SHARE_H
#define LA_TABLE_TW_SHARE_H

/* Parts of tw_share.c in line, for the fast path of lib/tcp. */

#include "table/time_wait.h"

enum {
	LA_TW_ASKED_MS = 60000, /* time for which a prefix counts as active */
};

/** Returns whether the rule refuses a prefix. held: its slots. others_until: end of the time in which another prefix is
 * active. */
static inline bool
la_tw_share_refuses(const struct la_tw_pool *p, uint32_t held, uint64_t others_until, uint64_t now)
{
	return held >= p->share && p->capacity - p->nfree + p->reserved >= p->near_full && now < others_until;
}

/** Returns whether a pool is so empty that the rule refuses no prefix. */
static inline bool
la_tw_share_is_idle(const struct la_tw_pool *p)
{
	return p->capacity - p->nfree + p->reserved < p->near_full;
}

/** Records a request of the prefix with this counter. */
static inline void
la_tw_share_asks(struct la_tw_pool *p, uint32_t prefix, uint64_t now)
{
	if (prefix != p->asker) {
		p->others_until = p->asked_until;
		p->asker = prefix;
	}
	p->asked_until = now + LA_TW_ASKED_MS;
}

#endif

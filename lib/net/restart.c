/* SPDX-License-Identifier: BSD-3-Clause */

/* Saving a shard and going on with it in another process: what there is to say before the TIME_WAIT
 * table, which is lib/tcp/tw_state.c's.
 *
 * Time and secret are what TSvals and ISNs are made of: TSval = tick + keyed offset of the tuple
 * (RFC 7323 3.2 wants it never to go back), ISN = clock + keyed hash of the tuple (RFC 6528). With
 * both carried over, an answer from an entry fits what its peer has seen, and a new connection
 * starts above everything its tuple has used. */

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "net/shard.h"
#include "tcp/tw_state.h"

enum { ORDER = 0x01020304, VERSION = 1 };

static const char magic[8] = {'l', 'a', '-', 's', 'h', 'a', 'r', 'd'};

struct head {
	char magic[8];
	uint32_t order; /* ORDER, as the writing machine has it in memory */
	uint32_t version;
	uint64_t now;
	uint8_t secret[32];
};
_Static_assert(sizeof(struct head) == 56, "no padding");

int
la_shard_save(struct la_shard *s, uint64_t now, int (*write)(void *ctx, const void *p, size_t len),
	      void *ctx)
{
	struct head h = {.order = ORDER, .version = VERSION};
	int rc;

	if (s->tcp.tcb_live != 0)
		return -EBUSY;
	if (now > s->now)
		s->now = now;
	la_tcp_now(&s->tcp, s->now);
	memcpy(h.magic, magic, sizeof(magic));
	h.now = s->now;
	memcpy(h.secret, s->secret, sizeof(h.secret));
	rc = write(ctx, &h, sizeof(h));
	sodium_memzero(&h, sizeof(h));
	return rc ? rc : la_tw_export(&s->tcp.tw, s->tcp.tick, write, ctx);
}

static int
read_heads(struct head *h, struct la_tw_saved *tw, int (*read)(void *ctx, void *p, size_t len),
	   void *ctx)
{
	int rc = read(ctx, h, sizeof(*h));

	if (rc)
		return rc;
	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	if (h->order != ORDER || h->version != VERSION)
		return -EPROTONOSUPPORT;
	return la_tw_saved_read(tw, read, ctx);
}

int
la_shard_saved(int (*read)(void *ctx, void *p, size_t len), void *ctx, struct la_shard_saved *saved)
{
	struct la_tw_saved tw;
	struct head h;
	int rc = read_heads(&h, &tw, read, ctx);

	if (rc == 0) {
		*saved = (struct la_shard_saved){.now = h.now,
						 .time_wait = {tw.count[0], tw.count[1]}};
		memcpy(saved->secret, h.secret, sizeof(saved->secret));
	}
	sodium_memzero(&h, sizeof(h));
	return rc;
}

int
la_shard_load(struct la_shard *s, int (*read)(void *ctx, void *p, size_t len), void *ctx)
{
	struct la_tw_saved tw;
	struct head h;
	uint64_t elapsed;
	int rc;

	if (s->tcp.tcb_live != 0 || s->counters.v[LA_C_connects] != 0 ||
	    s->counters.v[LA_C_syns_accepted] != 0 || s->counters.v[LA_C_time_wait_loaded] != 0)
		return -EBUSY;
	rc = read_heads(&h, &tw, read, ctx);
	if (rc == 0 && sodium_memcmp(h.secret, s->secret, sizeof(h.secret)) != 0)
		rc = -EKEYREJECTED;
	if (rc == 0 && h.now > s->now)
		rc = -ERANGE;
	elapsed = rc == 0 ? s->now - h.now : 0;
	sodium_memzero(&h, sizeof(h));
	return rc ? rc : la_tw_import(&s->tcp.tw, &tw, s->tcp.tick, elapsed, read, ctx);
}

uint64_t
la_shard_quiet_until(const struct la_shard *s)
{
	return s->tcp.quiet_until;
}

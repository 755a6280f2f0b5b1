/* SPDX-License-Identifier: BSD-3-Clause */

/* Saving a shard and loading it in another process: a header, then the TIME_WAIT table
 * (lib/table/tw_snapshot.c).
 *
 * TSvals and ISNs depend on time and secret: TSval = tick + keyed offset of the tuple
 * (TSvals must not go back, RFC 7323 3.2), ISN = clock + keyed hash of the tuple (RFC 6528). Time and secret are
 * saved, so the answers of an entry have later TSvals than those that its peer has seen, and a new connection
 * starts above all sequence numbers of its tuple. The ISN clock may be ahead of the time (lib/tcp/isn.c),
 * so it is saved, too.
 *
 * Shards of one interface share no data while they run. Between two runs entries may be redistributed to a
 * larger or smaller number of shards. The answers of an entry depend on its sequence numbers, the time and the
 * secret, so all shards must have one secret. The ISN clock of a new shard must not be behind the clock
 * of any old shard of its entries, so all shards continue with the most advanced clock. */

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "net/shard.h"
#include "table/tw_snapshot.h"

enum { ORDER = 0x01020304, VERSION = 2 };

static const char magic[8] = {'l', 'a', '-', 's', 'h', 'a', 'r', 'd'};

struct head {
	char magic[8];
	uint32_t order; /* ORDER, in the writing machine's byte order */
	uint32_t version;
	uint64_t now;
	uint64_t isn_floor;
	uint8_t secret[32];
};
_Static_assert(sizeof(struct head) == 64, "no padding");

int
la_shard_save(struct la_shard *s, uint64_t now, int (*write)(void *ctx, const void *p, size_t len), void *ctx)
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
	h.isn_floor = la_isn_floor(&s->tcp);
	memcpy(h.secret, s->secret, sizeof(h.secret));
	rc = write(ctx, &h, sizeof(h));
	sodium_memzero(&h, sizeof(h));
	return rc ? rc : la_tw_export(&s->tcp.tw, s->tcp.tick, write, ctx);
}

static int
read_heads(struct head *h, struct la_tw_saved *tw, int (*read)(void *ctx, void *p, size_t len), void *ctx)
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
		*saved = (struct la_shard_saved){.now = h.now, .time_wait = {tw.count[0], tw.count[1]}};
		memcpy(saved->secret, h.secret, sizeof(saved->secret));
	}
	sodium_memzero(&h, sizeof(h));
	return rc;
}

static bool
shard_was_used(const struct la_shard *s)
{
	return s->tcp.tcb_live != 0 || s->counters.v[LA_C_connects] != 0 || s->counters.v[LA_C_syns_accepted] != 0;
}

/* Returns 0 if this shard may load the saved shard with this header, and continues its ISN clock. Otherwise a negative
 * errno. */
static int
restart_admits(struct la_shard *s, const struct head *h)
{
	if (shard_was_used(s))
		return -EBUSY;
	if (sodium_memcmp(h->secret, s->secret, sizeof(h->secret)) != 0)
		return -EKEYREJECTED;
	if (h->now > s->now)
		return -ERANGE;
	return la_isn_resume(&s->tcp, h->isn_floor, h->now) ? 0 : -EBADMSG;
}

int
la_shard_deal(struct la_shard_deal *d, int (*read)(void *ctx, void *p, size_t len), void *ctx)
{
	struct la_tw_place place[LA_SHARD_DEAL_MAX] = {0};
	struct la_tw_deal deal = {.place = place, .n = d->n, .owner = d->owner, .ctx = d->ctx, .full = d->full};
	struct la_tw_saved tw;
	struct head h;
	int rc;

	if (d->n == 0 || d->n > LA_SHARD_DEAL_MAX)
		return -EINVAL;
	rc = read_heads(&h, &tw, read, ctx);
	for (unsigned i = 0; i < d->n && rc == 0; i++) {
		struct la_shard *s = d->shards[i];

		rc = restart_admits(s, &h);
		place[i] = (struct la_tw_place){.tw = &s->tcp.tw, .tick = s->tcp.tick, .elapsed = s->now - h.now};
	}
	sodium_memzero(&h, sizeof(h));
	if (rc == 0)
		rc = la_tw_deal(&deal, &tw, read, ctx);
	d->full = deal.full;
	for (unsigned i = 0; i < d->n; i++)
		for (unsigned f = 0; f < 2; f++)
			d->dealt[i][f] += place[i].dealt[f];
	return rc;
}

int
la_shard_load(struct la_shard *s, int (*read)(void *ctx, void *p, size_t len), void *ctx)
{
	struct la_shard_deal d = {.shards = &s, .n = 1};

	if (shard_was_used(s) || s->counters.v[LA_C_time_wait_loaded] != 0)
		return -EBUSY;
	return la_shard_deal(&d, read, ctx);
}

uint64_t
la_shard_quiet_until(const struct la_shard *s)
{
	return s->tcp.quiet_until;
}

/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fuzz target: a saved TIME_WAIT table or a snapshot file; the first byte of the input selects which.
 *
 * The saved table is loaded into a small table. Whether the load succeeds or fails, index, wheel and pools must pass
 * their checkers. A loaded table must be the same after it is saved and loaded again. A snapshot file is opened as in
 * the program. Length and checksum of the file are corrected, so that the code after these checks runs. The time
 * of saving in the file is the current time. */

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/steer.h"
#include "net/shard.h"
#include "pool.h"
#include "snapshot/snapshot_file.h"
#include "table/tw_snapshot.h"
#include "target.h"

enum { ENTRIES = 100, TICK = 0xfffffff0, POOL = 63, SHARDS = 3 };

struct stream {
	const uint8_t *p;
	size_t left;
	uint8_t *out;
	size_t room;
};

struct table {
	struct la_index index;
	struct la_wheel wheel;
	struct la_hash_key key;
	struct la_counters counters;
	struct la_tw tw;
};

static int
take(void *ctx, void *p, size_t len)
{
	struct stream *s = ctx;

	if (len > s->left)
		return -1;
	memcpy(p, s->p, len);
	s->p += len;
	s->left -= len;
	return 0;
}

static int
put(void *ctx, const void *p, size_t len)
{
	struct stream *s = ctx;

	CHECK(len <= s->room);
	memcpy(s->out, p, len);
	s->out += len;
	s->room -= len;
	return 0;
}

static void
table_init(struct table *t)
{
	memset(t, 0, sizeof(*t));
	la_hash_key_init(&t->key, (const uint8_t *)"a secret of thirty-two bytes....");
	CHECK(la_index_init(&t->index, NULL, 2 * ENTRIES) == 0);
	CHECK(la_wheel_init(&t->wheel, NULL, 512, 2 * ENTRIES, TICK) == 0);
	CHECK(la_tw_init(&t->tw, NULL, &t->index, &t->wheel, &t->key, &t->counters, ENTRIES, ENTRIES) == 0);
}

static void
table_fini(struct table *t)
{
	la_tw_fini(&t->tw);
	la_wheel_fini(&t->wheel);
	la_index_fini(&t->index);
}

static uint64_t
hash_of(const void *ctx, la_ref ref)
{
	const struct table *t = ctx;
	struct la_tuple tuple;

	la_tw_tuple(&t->tw, ref, &tuple);
	return la_hash_tuple(&t->key, &tuple);
}

static int
table_read(struct table *t, struct stream *s, uint64_t elapsed)
{
	struct la_tw_saved saved;
	int rc = la_tw_saved_read(&saved, take, s);

	if (rc == 0)
		rc = la_tw_import(&t->tw, &saved, TICK, elapsed, take, s);
	CHECK(la_index_check(&t->index, hash_of, t, stderr) == 0);
	CHECK(la_tw_check(&t->tw, stderr) == 0);
	CHECK(la_wheel_check(&t->wheel, stderr) == 0);
	return rc;
}

static void
one_table(const uint8_t *p, size_t len, uint64_t elapsed)
{
	static uint8_t one[65536], two[65536];
	struct table a, b;
	struct stream s = {.p = p, .left = len};
	size_t n;

	table_init(&a);
	if (table_read(&a, &s, elapsed) == 0) {
		s = (struct stream){.out = one, .room = sizeof(one)};
		CHECK(la_tw_export(&a.tw, TICK, put, &s) == 0);
		n = sizeof(one) - s.room;
		table_init(&b);
		s = (struct stream){.p = one, .left = n};
		CHECK(table_read(&b, &s, 0) == 0 && s.left == 0);
		s = (struct stream){.out = two, .room = sizeof(two)};
		CHECK(la_tw_export(&b.tw, TICK, put, &s) == 0);
		CHECK(sizeof(two) - s.room == n);
		CHECK(b.counters.v[LA_C_time_wait] == a.counters.v[LA_C_time_wait]);
		table_fini(&b);
	}
	table_fini(&a);
}

/* Corrects length and checksum of a snapshot file. */
static void
correct_head(uint8_t *p, size_t len)
{
	struct la_snapshot_head h;
	crypto_generichash_state hash;

	memcpy(&h, p, sizeof(h));
	h.length = len;
	(void)crypto_generichash_init(&hash, NULL, 0, sizeof(h.sum));
	(void)crypto_generichash_update(&hash, p + sizeof(h), len - sizeof(h));
	(void)crypto_generichash_update(&hash, (const uint8_t *)&h, offsetof(struct la_snapshot_head, sum));
	(void)crypto_generichash_final(&hash, h.sum, sizeof(h.sum));
	memcpy(p, &h, sizeof(h));
}

static struct la_shard *
make_shard(const struct la_snapshot *st, unsigned i)
{
	struct la_prefix ours = {la_addr_from4(htonl(0x0a010001)), 24};
	struct la_shard_config cfg = {.mbufs = fuzz_pool(POOL),
				      .now = la_snapshot_now(st),
				      .mac = {2, 0, 0, 0, 0, 1},
				      .addrs = &ours,
				      .naddrs = 1,
				      .max_conns = 4,
				      .max_time_wait4 = ENTRIES,
				      .max_time_wait6 = ENTRIES,
				      .max_neighbours = 4};
	struct la_shard *s;

	memcpy(cfg.secret, la_snapshot_secret(st, i), sizeof(cfg.secret));
	CHECK(la_shard_create(&cfg, &s) == 0);
	return s;
}

/* Checks that the tuple of every entry hashes to shard i. */
static void
check_shard_of_entries(const struct la_shard *s, const struct la_steer *steer, unsigned i)
{
	for (unsigned f = 0; f < 2; f++) {
		for (uint32_t slot = 1; slot < s->tcp.tw.pool[f].fresh; slot++) {
			la_ref ref = la_ref_make(f ? LA_POOL_TW6 : LA_POOL_TW4, slot);
			struct la_tuple t;

			la_tw_tuple(&s->tcp.tw, ref, &t);
			CHECK(la_steer_tuple(steer, &t) == i);
		}
	}
}

/* Redistributes the file's entries to shards with little room, and checks these shards. */
static void
redistribute(struct la_snapshot *st, unsigned n)
{
	struct la_shard *s[SHARDS];
	struct la_steer steer;
	uint64_t taken = 0;
	char err[400] = "";
	int rc;

	la_steer_init(&steer, n);
	for (unsigned i = 0; i < n; i++)
		s[i] = make_shard(st, i);
	rc = la_snapshot_load(st, s, err, sizeof(err));
	CHECK((rc == 0) == (err[0] == 0));
	for (unsigned i = 0; i < n; i++) {
		CHECK(la_tw_check(&s[i]->tcp.tw, stderr) == 0);
		check_shard_of_entries(s[i], &steer, i);
		taken += s[i]->counters.v[LA_C_time_wait_loaded] + s[i]->counters.v[LA_C_time_wait_lapsed];
		la_shard_destroy(s[i]);
	}
	CHECK(rc != 0 || taken == la_snapshot_entries(st));
}

/* How a file is opened: bits of the input's first byte. */
enum {
	AS_IT_IS = 2,	 /* length and checksum are not corrected */
	SEVERAL = 4,	 /* by a run of SHARDS shards, not of one */
	BY_CLOCK = 8,	 /* the current time is the machine's, not the file's */
	READABLE = 16,	 /* other users may read the file */
	NO_FILE = 32,	 /* the path does not exist */
	NO_REGULAR = 64, /* the path is a folder */
};

/* The shards have no addresses and one port. */
static void
one_file(const uint8_t *p, size_t len, uint8_t how)
{
	static const struct la_snapshot_addrs none[SHARDS];
	struct la_snapshot_head h = {.sections = 1};
	struct la_snapshot *st;
	char path[64], err[256];
	uint8_t *copy = malloc(len ? len : 1);
	int fd = memfd_create("state", 0), rc;
	unsigned n;

	CHECK(fd >= 0 && copy != NULL && fchmod(fd, how & READABLE ? 0644 : 0600) == 0);
	memcpy(copy, p, len);
	if (len >= sizeof(h)) {
		if (!(how & AS_IT_IS))
			correct_head(copy, len);
		memcpy(&h, copy, sizeof(h));
	}
	CHECK(write(fd, copy, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd%s/%d", how & NO_FILE ? "x" : "", fd);
	if (how & NO_REGULAR)
		snprintf(path, sizeof(path), "/proc");
	n = how & SEVERAL ? SHARDS : 1;
	rc = la_snapshot_open(path, none, n, false, how & BY_CLOCK ? NULL : &h.wall, &st, err, sizeof(err));
	CHECK((rc == 0) == (st != NULL));
	if (rc == 0) {
		CHECK((how & (READABLE | NO_FILE | NO_REGULAR)) == 0);
		redistribute(st, n);
		CHECK(la_snapshot_consume(st, err, sizeof(err)) != 0); /* a file of /proc cannot be removed */
		CHECK(how & BY_CLOCK || (la_snapshot_passed(st) == 0 && !la_snapshot_backwards(st)));
	} else {
		CHECK(strncmp(err, path, strlen(path)) == 0);
	}
	la_snapshot_close(st);
	close(fd);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	if (len == 0)
		return 0;
	if (p[0] & 1)
		one_file(p + 1, len - 1, p[0]);
	else
		one_table(p + 1, len - 1, p[0] >> 1);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The snapshot file: a written file is loaded once. A file that is damaged, truncated, of another format, version,
 * machine, user or run is refused. The error names the reason, and no entry is loaded. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "io/steer.h"
#include "peer.h"
#include "snapshot/snapshot_file.h"

enum { SECOND = 1000000000 }; /* ns */

static char dir[64], path[80], err[512];
static struct rig *r;
static struct la_prefix ours[4];
static struct la_snapshot_addrs addrs[2];
static struct la_shard *shards[2];
static struct la_wall saved_at = {.real_ns = 1700000000ull * SECOND, .boot_ns = 500ull * SECOND, .boot_id = "one boot"};
static uint8_t file[65536];
static size_t length;
static struct la_tuple tuples[4];

static struct la_shard *
make(uint64_t now, const uint8_t *secret)
{
	struct la_shard_config cfg;
	struct la_shard *s;

	rig_config(r, &cfg, ours);
	cfg.now = now;
	if (secret)
		memcpy(cfg.secret, secret, sizeof(cfg.secret));
	cr_assert_eq(la_shard_create(&cfg, &s), 0);
	return s;
}

/* Two shards of a port: the rig's shard with two entries of each family, and an empty shard. */
static void
set_up(void)
{
	snprintf(dir, sizeof(dir), "%s/la_state_XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
	cr_assert(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/state", dir);
	r = rig_open(NULL);
	for (unsigned i = 0; i < 4; i++) {
		struct peer_opts o = {.ip6 = i % 2, .ts = i / 2, .lport = (uint16_t)(80 + i)};
		struct peer *p = peer_new(r, &o);

		peer_listen(p);
		peer_to_time_wait(p, true, 'a');
		tuples[i] = p->t;
		rig_run(r, 1000);
	}
	shards[0] = r->s;
	shards[1] = make(r->now, NULL);
	for (unsigned i = 0; i < 2; i++)
		addrs[i] = (struct la_snapshot_addrs){.addrs = ours, .naddrs = 4};
}

static void
tear_down(void)
{
	char tmp[128];

	la_shard_destroy(shards[1]);
	rig_close(r);
	(void)unlink(path);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	cr_assert(access(tmp, F_OK) != 0, "the temporary file is left");
	cr_assert_eq(rmdir(dir), 0);
}

static void
save(void)
{
	uint64_t bytes;
	FILE *f;

	cr_assert_eq(la_snapshot_save(path, addrs, shards, 2, r->now, false, &saved_at, &bytes, err, sizeof(err)), 0,
		     "%s", err);
	f = fopen(path, "rb");
	cr_assert(f != NULL);
	length = fread(file, 1, sizeof(file), f);
	fclose(f);
	cr_assert_eq(length, bytes);
}

/* Writes the first n bytes of `file` to the snapshot file. */
static void
write_file(size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, file, n), (ssize_t)n);
	close(fd);
}

static int
try_open(const struct la_snapshot_addrs *a, unsigned n, const struct la_wall *wall, struct la_snapshot **st)
{
	err[0] = '\0';
	return la_snapshot_open(path, a, n, false, wall, st, err, sizeof(err));
}

/* Asserts that the file is refused, with an error that names the file and contains `words`. `where` and `at` name the
 * case. */
static void
expect_refused(const char *words, const char *where, size_t at)
{
	struct la_snapshot *st = (void *)1;
	int rc = try_open(addrs, 2, &saved_at, &st);

	cr_assert(rc < 0 && rc != -ENOENT, "%s %zu: the file was not refused", where, at);
	cr_assert(st == NULL);
	cr_assert(strncmp(err, path, strlen(path)) == 0, "%s %zu: %s", where, at, err);
	cr_assert(strstr(err, words) != NULL, "%s %zu: %s", where, at, err);
}

/* Corrects the checksum in `file` after a change, so that the content is the only fault. */
static void
correct_checksum(void)
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, LA_SNAPSHOT_SUM);
	crypto_generichash_update(&hash, file + sizeof(struct la_snapshot_head),
				  length - sizeof(struct la_snapshot_head));
	crypto_generichash_update(&hash, file, offsetof(struct la_snapshot_head, sum));
	crypto_generichash_final(&hash, file + offsetof(struct la_snapshot_head, sum), LA_SNAPSHOT_SUM);
}

TestSuite(file, .init = set_up, .fini = tear_down);

Test(file, round_trip)
{
	struct la_wall now = {.real_ns = saved_at.real_ns + 2345 * 1000000ull + 999999};
	struct la_shard *next[2];
	struct la_snapshot *st;
	struct la_steer steer;
	uint64_t loaded = 0;
	struct stat s;

	save();
	cr_assert_eq(stat(path, &s), 0);
	cr_assert_eq(s.st_mode & 07777, 0600);
	cr_assert_eq(try_open(addrs, 2, &now, &st), 0, "%s", err);
	cr_assert_eq(la_snapshot_now(st), r->now + 2345);
	cr_assert_eq(la_snapshot_passed(st), 2345);
	cr_assert_eq(la_snapshot_entries(st), 4);
	cr_assert(!la_snapshot_backwards(st));
	cr_assert_eq(la_snapshot_shards(st), 2);
	for (unsigned i = 0; i < 2; i++)
		next[i] = make(la_snapshot_now(st), la_snapshot_secret(st, i));
	cr_assert_eq(la_snapshot_load(st, next, err, sizeof(err)), 0, "%s", err);
	la_steer_init(&steer, 2);
	for (unsigned j = 0; j < 4; j++) {
		struct la_conn_info was, is;

		cr_assert_eq(la_shard_find(r->s, &tuples[j], &was), 0);
		cr_assert_eq(la_shard_find(next[la_steer_tuple(&steer, &tuples[j])], &tuples[j], &is), 0);
		cr_assert_eq(is.time_wait_left_ms, was.time_wait_left_ms - 2345);
		cr_assert(is.snd_nxt == was.snd_nxt && is.rcv_nxt == was.rcv_nxt);
		cr_assert_eq(is.timestamps, was.timestamps);
	}
	for (unsigned i = 0; i < 2; i++) {
		loaded += la_shard_counters(next[i])->v[LA_C_time_wait];
		la_shard_destroy(next[i]);
	}
	cr_assert_eq(loaded, 4);
	cr_assert_eq(la_snapshot_consume(st, err, sizeof(err)), 0, "%s", err);
	la_snapshot_close(st);
	cr_assert(access(path, F_OK) != 0, "the file still exists: it could be loaded twice");
	cr_assert_eq(try_open(addrs, 2, &now, &st), -ENOENT);
	cr_assert(strstr(err, "is not there") != NULL);
}

/* The time between save and load: CLOCK_BOOTTIME within one boot, otherwise the real-time clock; never negative. */
Test(file, time_passed)
{
	static const struct {
		int64_t real, boot; /* ms after saving */
		const char *boot_id;
		uint64_t passed;
		bool backwards;
	} t[] = {
		{1000, 1000, "one boot", 1000, false},
		{3600000, 1000, "one boot", 1000, false}, /* the real-time clock was set meanwhile */
		{-3600000, 1000, "one boot", 1000, false},
		{5000, 1000, "another boot", 5000, false},
		{5000, -400000, "another boot", 5000, false},
		{-1, 1000, "another boot", 0, true},
		{5000, -1, "one boot", 5000, false}, /* CLOCK_BOOTTIME cannot go back: the real-time clock is used */
		{5000, 1000, "", 5000, false},	     /* the boot is unknown */
	};
	struct la_wall unknown = saved_at, now;
	bool backwards;

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		now = (struct la_wall){saved_at.real_ns + (uint64_t)(t[i].real * 1000000),
				       saved_at.boot_ns + (uint64_t)(t[i].boot * 1000000),
				       {0}};
		memcpy(now.boot_id, t[i].boot_id, strlen(t[i].boot_id));
		cr_assert_eq(la_wall_passed(&saved_at, &now, &backwards), t[i].passed, "row %u", i);
		cr_assert_eq(backwards, t[i].backwards, "row %u", i);
	}
	memset(unknown.boot_id, 0, sizeof(unknown.boot_id));
	now = unknown;
	now.real_ns += 7000000;
	now.boot_ns += 9000000;
	cr_assert_eq(la_wall_passed(&unknown, &now, &backwards), 7);
	la_wall_now(&now);
	cr_assert(now.real_ns > saved_at.real_ns && now.boot_ns > 0);
}

Test(file, every_bit)
{
	int fd;

	save();
	fd = open(path, O_WRONLY);
	for (size_t i = 0; i < length; i++) {
		const char *words = i < 8    ? "is not a lastack state file"
				    : i < 12 ? "is damaged: byte order"
				    : i < 16 ? "is of version"
				    : i < 24 ? ""
					     : /* bytes 16 to 23 are the length field: several errors */
					    "is damaged: its checksum is wrong";

		for (unsigned bit = 0; bit < 8; bit++) {
			uint8_t c = file[i] ^ (uint8_t)(1u << bit);

			cr_assert_eq(pwrite(fd, &c, 1, (off_t)i), 1);
			expect_refused(words, "bit at", i);
		}
		cr_assert_eq(pwrite(fd, &file[i], 1, (off_t)i), 1);
	}
	close(fd);
}

Test(file, every_length)
{
	save();
	for (size_t n = 1; n < length; n++) {
		write_file(n);
		expect_refused("is truncated: ", "length", n);
	}
	write_file(0);
	expect_refused("is truncated: ", "length", 0);
	file[length] = 0;
	write_file(length + 1);
	expect_refused("is damaged: ", "length", length + 1);
	write_file(length);
	for (size_t n = 0; n < length; n++) /* zeros, as a file system may leave after a crash */
		file[n] = 0;
	write_file(length);
	expect_refused("is not a lastack state file", "zeros", 0);
}

Test(file, other_versions_and_machines)
{
	static const uint32_t version = LA_SNAPSHOT_VERSION + 1, old = LA_SNAPSHOT_VERSION - 1;

	save();
	memcpy(file + 12, &version, 4);
	correct_checksum();
	write_file(length);
	expect_refused("is of version 3, this program knows version 2", "newer", 0);
	memcpy(file + 12, &old, 4);
	correct_checksum();
	write_file(length);
	expect_refused("is of version 1, this program knows version 2", "older", 0);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t t = file[8 + i];

		file[8 + i] = file[11 - i];
		file[11 - i] = t;
	}
	write_file(length);
	expect_refused("another byte order", "order", 0);
}

Test(file, foreign_files)
{
	uint64_t bytes;
	uint8_t now[64];
	int fd;

	memcpy(file, "root:x:0:0:root:/root:/bin/bash\n", 32);
	write_file(32);
	cr_assert_eq(chmod(path, 0644), 0);
	expect_refused("is not a lastack state file", "foreign", 0);
	cr_assert_eq(la_snapshot_save(path, addrs, shards, 2, r->now, false, &saved_at, &bytes, err, sizeof(err)),
		     -EEXIST);
	cr_assert(strstr(err, "is not replaced: nothing was saved") != NULL);
	fd = open(path, O_RDONLY);
	cr_assert(read(fd, now, sizeof(now)) == 32 && memcmp(now, file, 32) == 0);
	close(fd);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused("is not a regular file", "directory", 0);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused("is not a regular file", "pipe", 0);
	cr_assert_eq(la_snapshot_save(path, addrs, shards, 2, r->now, false, &saved_at, &bytes, err, sizeof(err)),
		     -EEXIST);
	cr_assert_eq(unlink(path), 0);
	save();
	cr_assert_eq(chmod(path, 0640), 0);
	expect_refused("can be used by others (mode 0640", "mode", 0);
	if (geteuid() == 0) {
		cr_assert_eq(chmod(path, 0600), 0);
		cr_assert_eq(chown(path, 12345, (gid_t)-1), 0);
		expect_refused("belongs to another user (12345)", "owner", 0);
	}
}

Test(file, other_runs)
{
	struct la_prefix other[4];
	struct la_snapshot_addrs a[2];
	struct la_snapshot *st;

	save();
	memcpy(other, ours, sizeof(other));
	memcpy(a, addrs, sizeof(a));
	a[1].addrs = other;
	other[2] = ours[0]; /* the order of addresses does not matter */
	other[0] = ours[2];
	cr_assert_eq(try_open(a, 2, &saved_at, &st), 0, "%s", err);
	la_snapshot_close(st);
	other[0].len--;
	cr_assert_eq(try_open(a, 2, &saved_at, &st), -EADDRNOTAVAIL);
	cr_assert(strstr(err, "other addresses in section 1") != NULL, "%s", err);
	other[0].len++;
	a[1].naddrs = 3;
	a[1].ranges = &other[3];
	a[1].nranges = 1;
	cr_assert_eq(try_open(a, 2, &saved_at, &st), -EADDRNOTAVAIL);
	a[0].naddrs = 0;
	cr_assert_eq(try_open(a, 2, &saved_at, &st), -EADDRNOTAVAIL);
	cr_assert(strstr(err, "other addresses in section 1") != NULL, "%s", err);
}

/* Files with a valid checksum and inconsistent content. */
Test(file, inconsistent_content)
{
	const size_t section = sizeof(struct la_snapshot_head),
		     len = section + offsetof(struct la_snapshot_section, length);
	uint64_t huge = UINT64_MAX, n;
	struct la_snapshot *st;
	struct la_shard *s[2];

	save();
	memcpy(&n, file + len, sizeof(n));
	memcpy(file + len, &huge, sizeof(huge));
	correct_checksum();
	write_file(length);
	expect_refused("section 1 is longer than the file", "length", 0);
	for (int d = -1; d <= 1; d += 2) {
		huge = n + (uint64_t)d;
		memcpy(file + len, &huge, sizeof(huge));
		correct_checksum();
		write_file(length);
		expect_refused("", "section length", 0);
	}
	huge = 68; /* shorter than a shard's header */
	memcpy(file + len, &huge, sizeof(huge));
	correct_checksum();
	write_file(length);
	expect_refused("is damaged: section 1 has an invalid header", "section length", 68);
	memcpy(file + len, &n, sizeof(n));
	/* the `now` of section 2 */
	file[section + 48 + n + 48 + 16] ^= 1;
	correct_checksum();
	write_file(length);
	expect_refused("is damaged: section 2 has an invalid header", "now", 0);
	file[section + 48 + n + 48 + 16] ^= 1;
	/* the version of section 2 */
	file[section + 48 + n + 48 + 12] ^= 1;
	correct_checksum();
	write_file(length);
	expect_refused("has a section of another version", "version", 0);
	file[section + 48 + n + 48 + 12] ^= 1;
	/* the secret of section 2 */
	file[section + 48 + n + 48 + 32] ^= 1;
	correct_checksum();
	write_file(length);
	expect_refused("section 2 has another secret than section 1", "secret", 0);
	file[section + 48 + n + 48 + 32] ^= 1;
	/* the flags of the first entry, after the headers of shard and table */
	file[section + 48 + 64 + 76 + 30] |= 3;
	correct_checksum();
	write_file(length);
	cr_assert_eq(try_open(addrs, 2, &saved_at, &st), 0, "%s", err);
	for (unsigned i = 0; i < 2; i++)
		s[i] = make(la_snapshot_now(st), la_snapshot_secret(st, i));
	cr_assert_eq(la_snapshot_load(st, s, err, sizeof(err)), -EBADMSG);
	cr_assert(strstr(err, "is damaged: section 1 has an impossible entry") != NULL, "%s", err);
	for (unsigned i = 0; i < 2; i++)
		la_shard_destroy(s[i]);
	la_snapshot_close(st);
}

/* The new run has a table that is too small. */
Test(file, no_room)
{
	struct la_shard_config cfg;
	struct la_snapshot *st;
	struct la_shard *s;

	save();
	cr_assert_eq(try_open(addrs, 1, &saved_at, &st), 0, "%s", err);
	rig_config(r, &cfg, ours);
	cfg.now = la_snapshot_now(st);
	cfg.max_time_wait4 = 1;
	memcpy(cfg.secret, la_snapshot_secret(st, 0), sizeof(cfg.secret));
	cr_assert_eq(la_shard_create(&cfg, &s), 0);
	cr_assert_eq(la_snapshot_load(st, &s, err, sizeof(err)), -ENOBUFS);
	cr_assert(strstr(err, "has 2 TIME_WAIT entries for IPv4 that have not expired, 2 of them for shard 1 of 1, "
			      "which has room for 1; 1 times 2 is --time-wait 2") != NULL,
		  "%s", err);
	la_shard_destroy(s);
	la_snapshot_close(st);
}

/* The old file exists until the new file is complete. */
Test(file, replaces)
{
	struct la_snapshot *st;
	uint64_t bytes;
	char tmp[128], none[128];
	int fd;

	save();
	file[200] ^= 1; /* a damaged file may be replaced */
	write_file(length);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = open(tmp, O_CREAT | O_WRONLY, 0666); /* an unfinished temporary file may be replaced */
	cr_assert(fd >= 0 && write(fd, "half", 4) == 4);
	close(fd);
	save();
	cr_assert_eq(try_open(addrs, 2, &saved_at, &st), 0, "%s", err);
	la_snapshot_close(st);
	write_file(0); /* an empty file may be replaced */
	save();
	cr_assert_eq(try_open(addrs, 2, &saved_at, &st), 0, "%s", err);
	la_snapshot_close(st);
	snprintf(none, sizeof(none), "%s/none/state", dir);
	cr_assert_eq(la_snapshot_save(none, addrs, shards, 2, r->now, false, &saved_at, &bytes, err, sizeof(err)),
		     -ENOENT);
	cr_assert(strstr(err, "cannot be written: No such file") != NULL, "%s", err);
}

/* With an open connection the save fails, and the old file is unchanged. */
Test(file, busy)
{
	struct peer_opts o = {.lport = 99};
	struct peer *p = peer_new(r, &o);
	struct la_snapshot *st;
	uint64_t bytes;

	save();
	peer_listen(p);
	peer_to_established(p);
	cr_assert_eq(la_snapshot_save(path, addrs, shards, 2, r->now, false, &saved_at, &bytes, err, sizeof(err)),
		     -EBUSY);
	cr_assert_eq(try_open(addrs, 2, &saved_at, &st), 0, "%s", err);
	la_snapshot_close(st);
	user_abort(p);
}

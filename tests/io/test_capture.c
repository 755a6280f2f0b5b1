/* SPDX-License-Identifier: BSD-3-Clause */

/* The pcapng file, read back block by block (draft-ietf-opsawg-pcapng 3 and 4). */

#include "io_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/capture.h"

enum { SECTION = 0x0a0d0d0a, INTERFACE = 1, PACKET = 6, OPT_FLAGS = 2, OPT_TSRESOL = 9 };
enum { IN = 1, OUT = 2, MAX_PACKETS = 1000 };

struct packet {
	uint32_t interface, caplen, len, direction;
	uint64_t ns;
	const uint8_t *data;
};

struct file {
	uint8_t *bytes;
	size_t size;
	unsigned interfaces, npackets;
	struct packet packets[MAX_PACKETS];
};

static uint32_t
word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The first option `code` among those at p, or NULL. */
static const uint8_t *
option(const uint8_t *p, const uint8_t *end, unsigned code)
{
	while (p + 4 <= end) {
		unsigned got = word(p) & 0xffff, len = word(p) >> 16;

		if (got == code)
			return p + 4;
		if (got == 0)
			break;
		p += 4 + (len + 3) / 4 * 4;
	}
	return NULL;
}

static void
read_block(struct file *f, const uint8_t *p, uint32_t len)
{
	const uint8_t *end = p + len - 4;
	const uint8_t *o;
	struct packet *k;

	if (word(p) == INTERFACE) {
		o = option(p + 16, end, OPT_TSRESOL);
		cr_assert_not_null(o);
		cr_assert_eq(*o, 9, "times are not in nanoseconds");
		f->interfaces++;
	}
	if (word(p) != PACKET)
		return;
	cr_assert_lt(f->npackets, (unsigned)MAX_PACKETS);
	k = &f->packets[f->npackets++];
	*k = (struct packet){
		.interface = word(p + 8),
		.ns = (uint64_t)word(p + 12) << 32 | word(p + 16),
		.caplen = word(p + 20),
		.len = word(p + 24),
		.data = p + 28,
	};
	cr_assert_leq(28 + k->caplen, len);
	o = option(p + 28 + (k->caplen + 3) / 4 * 4, end, OPT_FLAGS);
	cr_assert_not_null(o);
	k->direction = word(o) & 3;
}

static void
read_file(const char *path, struct file *f)
{
	FILE *in = fopen(path, "rb");
	size_t at = 0;

	memset(f, 0, sizeof(*f));
	cr_assert_not_null(in);
	f->bytes = malloc(4 << 20);
	f->size = fread(f->bytes, 1, 4 << 20, in);
	fclose(in);
	cr_assert_eq(word(f->bytes), (uint32_t)SECTION);
	while (at < f->size) {
		uint32_t len = word(f->bytes + at + 4);

		cr_assert_leq(at + 12, f->size);
		cr_assert_leq(at + len, f->size, "the file ends within a block");
		cr_assert_eq(len % 4, 0u);
		cr_assert_eq(word(f->bytes + at + len - 4), len);
		read_block(f, f->bytes + at, len);
		at += len;
	}
}

static uint64_t
wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
start_pair(struct test_io *io, char path[32])
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_RING, NULL}}, .nports = 1};
	int fd;

	snprintf(path, 32, "/tmp/la-capture-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
	io_must_start(io, &cfg, 1, 0);
}

static struct rte_mbuf *
patterned(struct test_io *io, size_t len, const size_t *cuts)
{
	uint8_t bytes[9000];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 13 + len);
	return io_frame(io, bytes, len, cuts);
}

static void
check_pattern(const struct packet *k, size_t len)
{
	cr_assert_eq(k->len, len);
	cr_assert_eq(k->caplen, len);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(k->data[i], (uint8_t)(i * 13 + len));
}

Test(capture, frames_times_and_directions)
{
	enum { SLACK = 20000000 }; /* the library reads its clock once and counts TSC cycles from there */
	const uint64_t begin = wall_ns() - SLACK;
	struct la_capture *c;
	struct test_io io;
	struct file f;
	uint64_t last = 0;
	char path[32];
	int r;

	start_pair(&io, path);
	r = la_capture_open(path, &c, io.err, sizeof(io.err));
	cr_assert_eq(r, 0, "%s", io.err);
	/* Every length modulo 4, and more than one write; times over more than a second. */
	for (size_t i = 0; i < 200; i++) {
		struct rte_mbuf *m = patterned(&io, 60 + i * 7, NULL);

		la_capture_burst(c, &io.port[i & 1], 0, i % 3 == 0, &m, 1);
		cr_assert_eq(la_port_tx(&io.port[0], 0, &m, 1, io.pool), 1u);
		cr_assert_eq(la_port_rx(&io.port[1], 0, &m, 1), 1u);
		rte_pktmbuf_free(m);
		if (i % 40 == 0)
			usleep(300000);
	}
	la_capture_settle(c);
	cr_assert_eq(la_capture_lost(c), 0u);
	cr_assert_eq(la_capture_close(c), 0);

	read_file(path, &f);
	cr_assert_eq(f.interfaces, 2u);
	cr_assert_eq(f.npackets, 200u);
	for (size_t i = 0; i < 200; i++) {
		const struct packet *k = &f.packets[i];

		check_pattern(k, 60 + i * 7);
		cr_assert_eq(k->interface, (uint32_t)(i & 1));
		cr_assert_eq(k->direction, i % 3 == 0 ? (uint32_t)OUT : (uint32_t)IN);
		cr_assert_geq(k->ns, begin);
		cr_assert_leq(k->ns, wall_ns() + SLACK);
		cr_assert_geq(k->ns, last);
		last = k->ns;
	}
	cr_assert_geq(f.packets[199].ns - f.packets[0].ns, 1200000000u);
	free(f.bytes);
	unlink(path);
	io_stop(&io);
}

Test(capture, large_bursts_and_chains_leave_the_frames_alone)
{
	static const size_t cuts[] = {14, 1, 33, 0};
	struct rte_mbuf *pkts[300];
	struct la_capture *c;
	struct test_io io;
	struct file f;
	char path[32];

	start_pair(&io, path);
	cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), 0);
	for (size_t i = 0; i < 300; i++)
		pkts[i] = patterned(&io, 1500 - i, i & 1 ? cuts : NULL);
	la_capture_burst(c, &io.port[1], 0, true, pkts, 300);
	for (size_t i = 0; i < 300; i++) {
		cr_assert_eq(pkts[i]->nb_segs, i & 1 ? 4u : 1u);
		cr_assert_eq(pkts[i]->pkt_len, 1500 - i);
	}
	rte_pktmbuf_free_bulk(pkts, 300);
	cr_assert_eq(la_capture_close(c), 0);
	read_file(path, &f);
	cr_assert_eq(f.npackets, 300u);
	for (size_t i = 0; i < 300; i++)
		check_pattern(&f.packets[i], 1500 - i);
	free(f.bytes);
	unlink(path);
	cr_assert_eq(io_out(&io), 0u);
	io_stop(&io);
}

Test(capture, two_files_one_after_the_other)
{
	struct la_capture *c;
	struct test_io io;
	struct file f;
	char path[32];

	start_pair(&io, path);
	for (unsigned round = 0; round < 2; round++) {
		struct rte_mbuf *m = patterned(&io, 100, NULL);

		cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), 0, "%s", io.err);
		la_capture_burst(c, &io.port[0], 0, false, &m, 1);
		cr_assert_eq(la_capture_close(c), 0);
		rte_pktmbuf_free(m);
		read_file(path, &f);
		cr_assert_eq(f.npackets, 1u);
		free(f.bytes);
	}
	unlink(path);
	io_stop(&io);
}

/* The file stays readable up to the frame that did not fit, and missing frames are counted. */
Test(capture, a_full_disk_ends_the_capture_at_a_whole_frame)
{
	struct rlimit limit = {.rlim_cur = 20000, .rlim_max = 20000};
	struct la_capture *c;
	struct test_io io;
	struct file f;
	char path[32];

	signal(SIGXFSZ, SIG_IGN);
	start_pair(&io, path);
	cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct rte_mbuf *m = patterned(&io, 1000, NULL);

		la_capture_burst(c, &io.port[0], 0, false, &m, 1);
		rte_pktmbuf_free(m);
	}
	la_capture_settle(c);
	cr_assert_gt(la_capture_lost(c), 0u);
	read_file(path, &f);
	cr_assert_gt(f.npackets, 10u);
	cr_assert_eq(f.npackets + la_capture_lost(c), 100u);
	cr_assert_eq(la_capture_close(c), -EIO);
	free(f.bytes);
	unlink(path);
	io_stop(&io);
}

/* Captures n frames of 1 000 bytes; returns the longest time for a frame, in ns. */
static uint64_t
feed(struct la_capture *c, struct test_io *io, unsigned n)
{
	uint64_t longest = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = patterned(io, 1000, NULL);
		uint64_t t0 = wall_ns(), t;

		la_capture_burst(c, &io->port[0], 0, false, &m, 1);
		t = wall_ns() - t0;
		longest = t > longest ? t : longest;
		rte_pktmbuf_free(m);
	}
	return longest;
}

/* A pipe whose reader stops: capturing does not block, dropped frames are counted, and the reader gets whole
 * blocks up to the end, whether it returns before the end (late: false) or after. */
static void
stalled(bool late)
{
	enum { N = 3 * LA_CAPTURE_FRAMES };
	uint8_t *bytes = malloc(64 << 20);
	struct la_capture *c;
	struct test_io io;
	size_t got = 0;
	unsigned found = 0;
	uint64_t lost = 0;
	char path[32];
	int fd;

	start_pair(&io, path);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), 0, "%s", io.err);
	cr_assert_lt(feed(c, &io, N), 1000000000u, "a frame waited for the reader");
	cr_assert_gt(la_capture_lost(c), (uint64_t)N / 2);
	if (late) {
		la_capture_settle(c);
		lost = la_capture_lost(c);
		cr_assert_eq(la_capture_close(c), -EIO);
	}
	for (unsigned idle = 0; idle < 200;) {
		ssize_t n = read(fd, bytes + got, (64 << 20) - got);

		if (n == 0)
			break;
		got += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		if (n < 0)
			usleep(1000);
	}
	if (!late) {
		la_capture_settle(c);
		lost = la_capture_lost(c);
		cr_assert_eq(la_capture_close(c), -EIO);
	}
	for (size_t at = 0; at < got;) {
		uint32_t len = word(bytes + at + 4);

		cr_assert_leq(at + len, got, "the pipe ends within a block");
		cr_assert_eq(word(bytes + at + len - 4), len);
		found += word(bytes + at) == PACKET;
		at += len;
	}
	cr_assert_gt(found, late ? 10u : 1000u);
	cr_assert_eq(found + lost, N);
	free(bytes);
	unlink(path);
	close(fd);
	io_stop(&io);
}

Test(capture, a_reader_that_stops_and_returns)
{
	stalled(false);
}

Test(capture, a_reader_that_stops_for_good)
{
	stalled(true);
}

Test(capture, a_reader_that_closes)
{
	struct la_capture *c;
	struct test_io io;
	char path[32];
	int fd;

	signal(SIGPIPE, SIG_IGN);
	start_pair(&io, path);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), -ENXIO);
	cr_assert_not_null(strstr(io.err, "a pipe that nothing reads"), "%s", io.err);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), 0, "%s", io.err);
	close(fd);
	(void)feed(c, &io, 100);
	la_capture_settle(c);
	cr_assert_eq(la_capture_lost(c), 100u);
	cr_assert_eq(la_capture_close(c), -EIO);
	unlink(path);
	io_stop(&io);
}

/* A fast enough disk loses no frame, at 20 000 frames a second from one thread. */
Test(capture, a_regular_file_has_every_frame)
{
	struct la_capture *c;
	struct test_io io;
	char path[32];

	start_pair(&io, path);
	cr_assert_eq(la_capture_open(path, &c, io.err, sizeof(io.err)), 0, "%s", io.err);
	for (unsigned i = 0; i < 500; i++) {
		(void)feed(c, &io, 40);
		usleep(2000);
	}
	la_capture_settle(c);
	cr_assert_eq(la_capture_lost(c), 0u);
	cr_assert_eq(la_capture_close(c), 0);
	unlink(path);
	io_stop(&io);
}

Test(capture, failures_name_the_file)
{
	struct la_capture *c;
	struct test_io io;
	char path[32];

	start_pair(&io, path);
	cr_assert_eq(la_capture_open("/la-no-such-dir/x", &c, io.err, sizeof(io.err)), -ENOENT);
	cr_assert_not_null(strstr(io.err, "/la-no-such-dir/x"), "%s", io.err);
	cr_assert_lt(la_capture_open("/dev/full", &c, io.err, sizeof(io.err)), 0);
	cr_assert_not_null(strstr(io.err, "/dev/full: its header"), "%s", io.err);
	cr_assert_not_null(strstr(io.err, "No space"), "%s", io.err);
	cr_assert_eq(la_capture_close(NULL), 0);
	unlink(path);
	io_stop(&io);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* A capture.
 *
 *	workers -- copy --> ring (8192 frames) --> writer thread -- pcapng blocks -- write() --> output
 *
 * A disk, a pipe's reader or a full file system may block for any time. So a worker only copies a frame
 * and puts the copy into the ring; the writer thread writes. A frame without a buffer for its copy or without room in
 * the ring is lost and counted. The worker never waits.
 *
 * librte_pcapng makes the blocks. Four properties of librte_pcapng shape this file:
 * - The conversion from TSC to wall-clock time has one static state, which advances with each TSC. A TSC below the
 *   state underflows. So only the writer makes blocks, and a TSC below the previous one is raised to it.
 * - The conversion starts at the TSC during the first call. The TSC passed to that call must not be below. So
 *   prime_clock() makes a dummy block with a slightly later TSC.
 * - librte_pcapng appends the tail to the last segment. So a buffer has room for the block of the largest frame.
 * - A short write counts as an error. So librte_pcapng writes only its header, into a memory file, and this file writes
 *   the blocks. librte_pcapng would fill in the interface number when it writes: make_block() does so instead.
 *
 * The output has whole blocks only. A regular file is truncated to its last whole block when a write fails. A pipe
 * cannot be truncated: it is non-blocking, and gets whole blocks in units of at most PIPE_BUF bytes, which POSIX
 * writes atomically. If a pipe makes no progress for STALL_MS at the end of the capture, the remaining frames are lost.
 * Only a block larger than PIPE_BUF, of a jumbo frame, may then be incomplete. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pcapng.h>
#include <rte_ring.h>

#include "core/log.h"
#include "io/capture.h"
#include "io/port.h"

enum {
	CAPTURE_BURST = 64, /* frames converted to blocks at once */
	POLL_MS = 20,	    /* longest wait for a pipe before the writer checks whether it must stop */
	REST_US = 1000,	    /* pause of the writer when the ring is empty */
	STALL_MS = 1000,    /* longest wait without progress at the end of a capture */
	READER_MS = 2000,   /* wait for a pipe's first reader */
};

/* Data of a copied frame, in its mbuf's private area. */
struct about {
	uint64_t tsc;
	uint16_t port, queue;
	bool outgoing;
};

struct la_capture {
	/* read by workers */
	struct rte_ring *ring;
	struct rte_mempool *copies; /* for copies of frames, which workers make */
	bool broken;		    /* a write failed, or the capture has ended: frames are only counted */

	/* shared counters */
	uint64_t lost __rte_cache_aligned; /* frames */
	uint64_t taken;			   /* frames that workers put into the ring */

	/* the writer's */
	uint64_t done __rte_cache_aligned; /* frames of `taken` that were written or lost */
	uint64_t progress;		   /* successful writes, which la_capture_settle() watches */
	struct rte_mempool *blocks;	   /* for blocks, which librte_pcapng makes */
	uint8_t *buf;			   /* blocks that will be written next */
	size_t buf_size;		   /* bytes */
	uint64_t last_tsc;
	off_t good; /* end of the last whole block, of a regular file */
	int out;
	bool regular;
	bool leave; /* the writer must stop */
	bool running;
	pthread_t writer;
	uint32_t interface[RTE_MAX_ETHPORTS]; /* a port's interface number in the file */
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the writer ---- */

/* Returns the number of bytes written: all, or fewer when the output accepts no more or the writer must stop. */
static size_t
write_unit(struct la_capture *c, const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = write(c->out, p + at, len - at);

		if (n > 0) {
			at += (size_t)n;
			__atomic_fetch_add(&c->progress, 1, __ATOMIC_RELAXED);
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = {.fd = c->out, .events = POLLOUT};

			if (__atomic_load_n(&c->leave, __ATOMIC_ACQUIRE)) {
				errno = ETIMEDOUT;
				return at;
			}
			(void)poll(&pfd, 1, POLL_MS);
		} else if (n == 0 || errno != EINTR) {
			return at;
		}
	}
	return at;
}

/* Returns the bytes of the whole blocks within the first `most` bytes, and stores the number of blocks in *count. The
 * second word of a block is its length. */
static size_t
whole_blocks(const uint8_t *p, size_t most, unsigned *count)
{
	size_t at = 0;

	for (*count = 0; at + 12 <= most; ++*count) {
		uint32_t block;

		memcpy(&block, p + at + 4, sizeof(block));
		if (block > most - at)
			break;
		at += block;
	}
	return at;
}

/* Writes `len` bytes of whole blocks. Returns the number of blocks that are whole in the output. *all: whether all
 * blocks are. */
static unsigned
write_blocks(struct la_capture *c, const uint8_t *p, size_t len, bool *all)
{
	unsigned written = 0, more;
	size_t at = 0;

	while (at < len) {
		size_t unit = len - at, n;

		if (!c->regular && unit > PIPE_BUF) {
			uint32_t first;

			memcpy(&first, p + at + 4, sizeof(first));
			unit = first > PIPE_BUF ? first : whole_blocks(p + at, PIPE_BUF, &more);
		}
		n = write_unit(c, p + at, unit);
		c->good += (off_t)whole_blocks(p + at, n, &more);
		written += more;
		*all = n == unit;
		if (!*all)
			break;
		at += n;
	}
	return written;
}

/* Makes the block of frame m at `to`. Returns the block's length in bytes; 0: no buffer, or the block is too long. */
static size_t
make_block(struct la_capture *c, const struct rte_mbuf *m, uint8_t *to)
{
	const struct about *a = (const void *)(m + 1);
	struct rte_mbuf *block;
	size_t len = 0;

	if (a->tsc > c->last_tsc)
		c->last_tsc = a->tsc;
	block = rte_pcapng_copy(a->port, a->queue, m, c->blocks, UINT32_MAX, c->last_tsc,
				a->outgoing ? RTE_PCAPNG_DIRECTION_OUT : RTE_PCAPNG_DIRECTION_IN);
	if (block == NULL)
		return 0;
	if (block->nb_segs == 1 && block->data_len <= c->buf_size / CAPTURE_BURST) {
		len = block->data_len;
		memcpy(to, rte_pktmbuf_mtod(block, void *), len);
		memcpy(to + 8, &c->interface[a->port], sizeof(c->interface[0]));
	}
	rte_pktmbuf_free(block);
	return len;
}

/* A write has failed: ends the capture at its last whole block. */
static void
end_capture(struct la_capture *c)
{
	const char *why = strerror(errno);
	bool torn = c->regular && ftruncate(c->out, c->good) < 0;

	__atomic_store_n(&c->broken, true, __ATOMIC_RELEASE);
	la_log(LA_LOG_WARN, "capture: write failed (%s), %s", why,
	       torn ? "the last frame in the file is torn" : "the capture ends here");
}

/* Writes frames of the ring, at most a burst, to the output. Returns their number. */
static unsigned
write_some(struct la_capture *c)
{
	struct rte_mbuf *frames[CAPTURE_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(c->ring, (void **)frames, CAPTURE_BURST, NULL);
	unsigned written = 0;
	bool all = true;
	size_t len = 0;

	for (unsigned i = 0; i < n && !c->broken; i++)
		len += make_block(c, frames[i], c->buf + len);
	if (len > 0)
		written = write_blocks(c, c->buf, len, &all);
	if (!all)
		end_capture(c);
	rte_pktmbuf_free_bulk(frames, n);
	__atomic_fetch_add(&c->lost, n - written, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->done, n, __ATOMIC_RELEASE);
	return n;
}

static void *
writer_main(void *arg)
{
	struct la_capture *c = arg;

	while (!__atomic_load_n(&c->leave, __ATOMIC_ACQUIRE))
		if (write_some(c) == 0)
			usleep(REST_US);
	return NULL;
}

/* ---- the workers ---- */

static struct rte_mbuf *
copy_frame(struct la_capture *c, const struct rte_mbuf *m, const struct about *about)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, c->copies, 0, UINT32_MAX);

	if (copy != NULL)
		memcpy(copy + 1, about, sizeof(*about));
	return copy;
}

static void
take_some(struct la_capture *c, struct about *about, struct rte_mbuf *const *pkts, unsigned n)
{
	struct rte_mbuf *copies[CAPTURE_BURST];
	unsigned have = 0, done;

	about->tsc = rte_get_tsc_cycles();
	for (unsigned i = 0; i < n; i++) {
		copies[have] = copy_frame(c, pkts[i], about);
		have += copies[have] != NULL;
	}
	done = rte_ring_mp_enqueue_burst(c->ring, (void **)copies, have, NULL);
	rte_pktmbuf_free_bulk(copies + done, have - done);
	__atomic_fetch_add(&c->taken, done, __ATOMIC_RELAXED);
	if (done < n)
		__atomic_fetch_add(&c->lost, n - done, __ATOMIC_RELAXED);
}

void
la_capture_burst(struct la_capture *c, const struct la_port *port, uint16_t queue, bool outgoing,
		 struct rte_mbuf *const *pkts, unsigned n)
{
	struct about about = {.port = port->id, .queue = queue, .outgoing = outgoing};

	if (__atomic_load_n(&c->broken, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&c->lost, n, __ATOMIC_RELAXED);
		return;
	}
	for (unsigned done = 0; done < n; done += CAPTURE_BURST)
		take_some(c, &about, pkts + done, RTE_MIN(n - done, CAPTURE_BURST));
}

uint64_t
la_capture_lost(const struct la_capture *c)
{
	return __atomic_load_n(&c->lost, __ATOMIC_RELAXED);
}

/* ---- from open to close ---- */

static uint32_t
largest_frame(void)
{
	uint32_t largest = RTE_ETHER_MTU;

	for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++) {
		uint16_t mtu;

		if (rte_eth_dev_is_valid_port(port) && rte_eth_dev_get_mtu(port, &mtu) == 0 && mtu > largest)
			largest = mtu;
	}
	return largest + 64;
}

static uint16_t
copy_room(void)
{
	uint32_t room = RTE_PKTMBUF_HEADROOM + rte_pcapng_mbuf_size(largest_frame());

	return room < UINT16_MAX ? (uint16_t)room : UINT16_MAX;
}

uint64_t
la_capture_memory(uint32_t mtu)
{
	uint64_t each = RTE_PKTMBUF_HEADROOM + rte_pcapng_mbuf_size(mtu + 64) + 512;

	return (LA_CAPTURE_FRAMES + 2 * CAPTURE_BURST) * (RTE_ALIGN_CEIL(each, 4096ul) + 16);
}

static int
prime_clock(struct la_capture *c)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->copies);
	struct rte_mbuf *copy;
	char *frame;

	if (m == NULL)
		return -ENOMEM;
	frame = rte_pktmbuf_append(m, RTE_ETHER_MIN_LEN);
	if (frame != NULL)
		memset(frame, 0, RTE_ETHER_MIN_LEN);
	c->last_tsc = rte_get_tsc_cycles();
	copy = rte_pcapng_copy(0, 0, m, c->blocks, UINT32_MAX, c->last_tsc + rte_get_tsc_hz() / 100,
			       RTE_PCAPNG_DIRECTION_UNKNOWN);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(copy);
	return copy != NULL ? 0 : -ENOMEM;
}

/* Opens the output. A pipe without a reader refuses a writer (ENXIO). The pipe's reader may start at the same time, so
 * the call waits up to READER_MS for it. Returns the file descriptor or negative errno. */
static int
open_output(const char *path)
{
	uint64_t end = now_ms() + READER_MS;
	int fd;

	do {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
		if (fd < 0 && errno == ENXIO)
			usleep(POLL_MS * 1000);
	} while (fd < 0 && (errno == EINTR || (errno == ENXIO && now_ms() < end)));
	return fd < 0 ? -errno : fd;
}

static int
make_memory(struct la_capture *c)
{
	static unsigned serial;
	char name[RTE_MEMPOOL_NAMESIZE];
	unsigned i = serial++;

	snprintf(name, sizeof(name), "la_capture_%u", i);
	c->copies = rte_pktmbuf_pool_create(name, LA_CAPTURE_FRAMES - 1, 0,
					    RTE_ALIGN_CEIL(sizeof(struct about), RTE_MBUF_PRIV_ALIGN), copy_room(),
					    SOCKET_ID_ANY);
	snprintf(name, sizeof(name), "la_blocks_%u", i);
	c->blocks = rte_pktmbuf_pool_create(name, 2 * CAPTURE_BURST - 1, 0, 0, copy_room(), SOCKET_ID_ANY);
	snprintf(name, sizeof(name), "la_capring_%u", i);
	c->ring = rte_ring_create(name, LA_CAPTURE_FRAMES, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (c->copies == NULL || c->blocks == NULL || c->ring == NULL || prime_clock(c) < 0)
		return -ENOMEM;
	c->buf_size = (size_t)CAPTURE_BURST * copy_room();
	c->buf = malloc(c->buf_size);
	return c->buf != NULL ? 0 : -ENOMEM;
}

/* Writes the section header and the interfaces, which librte_pcapng writes to a memory file first. Returns 0 or
 * negative errno. */
static int
write_header(struct la_capture *c)
{
	int mem = memfd_create("la-capture", MFD_CLOEXEC);
	rte_pcapng_t *file;
	uint32_t n = 0;
	bool all = false;
	ssize_t len = -1;

	if (mem < 0)
		return -errno;
	errno = 0;
	file = rte_pcapng_fdopen(mem, NULL, NULL, "lastack", NULL);
	if (file != NULL)
		len = pread(mem, c->buf, c->buf_size, 0);
	if (len > 0)
		(void)write_blocks(c, c->buf, (size_t)len, &all);
	for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
		c->interface[port] = rte_eth_dev_is_valid_port(port) ? n++ : 0;
	if (!all && errno == 0)
		errno = EIO;
	n = all ? 0 : (uint32_t)errno;
	if (file != NULL)
		rte_pcapng_close(file); /* also closes `mem` */
	else
		close(mem);
	return -(int)n;
}

static int
start_writer(struct la_capture *c)
{
	sigset_t all, old;
	int r;

	sigfillset(&all); /* the main thread receives all signals */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = rte_ctrl_thread_create(&c->writer, "la-capture", NULL, writer_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->running = r == 0;
	return r > 0 ? -r : r;
}

static void
capture_release(struct la_capture *c)
{
	struct rte_mbuf *m;

	while (c->ring != NULL && rte_ring_sc_dequeue(c->ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	free(c->buf);
	rte_ring_free(c->ring);
	rte_mempool_free(c->blocks);
	rte_mempool_free(c->copies);
	if (c->out >= 0)
		close(c->out);
	free(c);
}

int
la_capture_open(const char *path, struct la_capture **out, char *err, size_t size)
{
	struct la_capture *c;
	struct stat s;
	int r;

	if (posix_memalign((void **)&c, 64, sizeof(*c)) != 0) {
		snprintf(err, size, "capture file %s: no memory", path);
		return -ENOMEM;
	}
	memset(c, 0, sizeof(*c));
	c->out = r = open_output(path);
	if (r == -ENXIO)
		snprintf(err, size, "capture file %s: a pipe that nothing reads", path);
	else if (r < 0)
		snprintf(err, size, "capture file %s: %s", path, strerror(-r));
	if (r < 0)
		goto fail;
	c->regular = fstat(c->out, &s) == 0 && S_ISREG(s.st_mode);
	r = make_memory(c);
	if (r < 0) {
		snprintf(err, size, "capture file %s: no memory for copies of %u frames: %s", path, LA_CAPTURE_FRAMES,
			 strerror(-r));
		goto fail;
	}
	r = write_header(c);
	if (r < 0) {
		snprintf(err, size, "capture file %s: its header cannot be written: %s", path, strerror(-r));
		goto fail;
	}
	r = start_writer(c);
	if (r < 0) {
		snprintf(err, size, "capture file %s: no thread to write it: %s", path, strerror(-r));
		goto fail;
	}
	*out = c;
	return 0;

fail:
	capture_release(c);
	return r;
}

void
la_capture_settle(struct la_capture *c)
{
	uint64_t progress = 0, since = now_ms();

	while (__atomic_load_n(&c->done, __ATOMIC_ACQUIRE) < __atomic_load_n(&c->taken, __ATOMIC_RELAXED)) {
		uint64_t p = __atomic_load_n(&c->progress, __ATOMIC_RELAXED), now = now_ms();

		if (p != progress) {
			progress = p;
			since = now;
		} else if (now - since >= STALL_MS) {
			break;
		}
		usleep(REST_US);
	}
	__atomic_store_n(&c->broken, true, __ATOMIC_RELEASE);
	__atomic_store_n(&c->leave, true, __ATOMIC_RELEASE);
	if (c->running)
		pthread_join(c->writer, NULL);
	c->running = false;
	__atomic_fetch_add(&c->lost, c->taken - c->done, __ATOMIC_RELAXED);
	c->done = c->taken;
}

int
la_capture_close(struct la_capture *c)
{
	uint64_t lost;

	if (c == NULL)
		return 0;
	la_capture_settle(c);
	lost = c->lost;
	capture_release(c);
	return lost == 0 ? 0 : -EIO;
}

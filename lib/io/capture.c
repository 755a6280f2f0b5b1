/* SPDX-License-Identifier: BSD-3-Clause */

/* The file is written by librte_pcapng, which wants a private copy of each frame with head and
 * tail room for its block, a TSC reading, and hands the whole burst to one writev(). Three of its
 * habits shape this file:
 * - its TSC-to-wall-clock state is one static structure that moves on with the times it is given
 *   and may not see them go back: a lock covers reading the TSC, the copies and the write;
 * - the very first time it is given must not lie before its own start, which it takes inside that
 *   first call: prime_clock() spends a throw-away copy with a time a little ahead on it;
 * - it does not free what it wrote;
 * - its block's tail must fit behind the last segment: a copy has room for the largest frame
 *   whole. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pcapng.h>
#include <rte_spinlock.h>

#include "core/log.h"
#include "io/capture.h"
#include "io/port.h"

enum {
	CAPTURE_BURST = 64,   /* frames written by one writev() */
	CAPTURE_COPIES = 127, /* no more than a burst is out at a time */
};

struct la_capture {
	rte_pcapng_t *file;
	struct rte_mempool *copies;
	rte_spinlock_t lock;
	uint64_t lost;
	off_t good; /* end of the last whole block */
	int fd;
	bool broken; /* a write failed: what follows would not be readable */
};

static struct rte_mbuf *
copy_frame(struct la_capture *c, uint16_t port, uint16_t queue, const struct rte_mbuf *m,
	   uint64_t tsc, enum rte_pcapng_direction dir)
{
	return rte_pcapng_copy(port, queue, m, c->copies, UINT32_MAX, tsc, dir);
}

static uint16_t
copy_room(void)
{
	uint32_t largest = RTE_ETHER_MTU, room;

	for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++) {
		uint16_t mtu;

		if (rte_eth_dev_is_valid_port(port) && rte_eth_dev_get_mtu(port, &mtu) == 0 &&
		    mtu > largest)
			largest = mtu;
	}
	room = RTE_PKTMBUF_HEADROOM + rte_pcapng_mbuf_size(largest + 64);
	return room < UINT16_MAX ? (uint16_t)room : UINT16_MAX;
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
	copy = copy_frame(c, 0, 0, m, rte_get_tsc_cycles() + rte_get_tsc_hz() / 100,
			  RTE_PCAPNG_DIRECTION_UNKNOWN);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(copy);
	return copy != NULL ? 0 : -ENOMEM;
}

int
la_capture_open(const char *path, struct la_capture **out, char *err, size_t size)
{
	static unsigned serial;
	struct la_capture *c = calloc(1, sizeof(*c));
	char name[RTE_MEMPOOL_NAMESIZE];
	int fd, r;

	if (c == NULL)
		return -ENOMEM;
	rte_spinlock_init(&c->lock);

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		r = -errno;
		snprintf(err, size, "capture file %s: %s", path, strerror(-r));
		goto no_file;
	}

	snprintf(name, sizeof(name), "la_capture_%u", serial++);
	c->copies = rte_pktmbuf_pool_create(name, CAPTURE_COPIES, 0, 0, copy_room(), SOCKET_ID_ANY);
	if (c->copies == NULL) {
		r = -rte_errno;
		snprintf(err, size, "capture file %s: no memory for copies of frames: %s", path,
			 rte_strerror(-r));
		goto no_pool;
	}
	r = prime_clock(c);
	if (r < 0) {
		snprintf(err, size, "capture file %s: no memory for copies of frames", path);
		goto no_header;
	}

	errno = 0;
	c->file = rte_pcapng_fdopen(fd, NULL, NULL, "lastack", NULL);
	if (c->file == NULL) {
		r = errno != 0 ? -errno : -EIO;
		snprintf(err, size, "capture file %s: its header cannot be written: %s", path,
			 strerror(-r));
		goto no_header;
	}
	c->fd = fd;
	c->good = lseek(fd, 0, SEEK_CUR);
	*out = c;
	return 0;

no_header:
	rte_mempool_free(c->copies);
no_pool:
	close(fd);
no_file:
	free(c);
	return r;
}

/* A burst goes into the file whole or not at all. */
static bool
append(struct la_capture *c, struct rte_mbuf **copies, uint16_t n, off_t bytes)
{
	ssize_t written;

	if (c->broken)
		return false;
	written = rte_pcapng_write_packets(c->file, copies, n);
	if (written == bytes) {
		c->good += bytes;
		return true;
	}
	c->broken = true;
	/* A pipe cannot be cut; its reader sees a torn last block. */
	if (ftruncate(c->fd, c->good) < 0)
		la_log(LA_LOG_WARN, "capture: write failed, the last frame in the file is torn");
	else
		la_log(LA_LOG_WARN, "capture: write failed, the capture ends here");
	return false;
}

static void
write_some(struct la_capture *c, uint16_t port, uint16_t queue, enum rte_pcapng_direction dir,
	   struct rte_mbuf *const *pkts, unsigned n)
{
	struct rte_mbuf *copies[CAPTURE_BURST];
	off_t bytes = 0;
	uint16_t have = 0;

	rte_spinlock_lock(&c->lock);
	for (unsigned i = 0; i < n; i++) {
		copies[have] = copy_frame(c, port, queue, pkts[i], rte_get_tsc_cycles(), dir);
		if (copies[have] != NULL)
			bytes += rte_pktmbuf_pkt_len(copies[have++]);
	}
	if (have == 0 || !append(c, copies, have, bytes))
		c->lost += n;
	else
		c->lost += n - have;
	rte_pktmbuf_free_bulk(copies, have);
	rte_spinlock_unlock(&c->lock);
}

void
la_capture_burst(struct la_capture *c, const struct la_port *port, uint16_t queue, bool outgoing,
		 struct rte_mbuf *const *pkts, unsigned n)
{
	enum rte_pcapng_direction dir =
		outgoing ? RTE_PCAPNG_DIRECTION_OUT : RTE_PCAPNG_DIRECTION_IN;

	for (unsigned done = 0; done < n; done += CAPTURE_BURST)
		write_some(c, port->id, queue, dir, pkts + done, RTE_MIN(n - done, CAPTURE_BURST));
}

uint64_t
la_capture_lost(const struct la_capture *c)
{
	return __atomic_load_n(&c->lost, __ATOMIC_RELAXED);
}

int
la_capture_close(struct la_capture *c)
{
	uint64_t lost;

	if (c == NULL)
		return 0;
	lost = c->lost;
	rte_pcapng_close(c->file);
	rte_mempool_free(c->copies);
	free(c);
	return lost == 0 ? 0 : -EIO;
}

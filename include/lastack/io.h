/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_IO_H
#define LASTACK_IO_H

/* What a program needs besides a shard: a DPDK port with its packet buffers, a clock, and the worker loop.
 *
 *	la_dpdk_start(NULL, 0, err, size);		   or rte_eal_init()
 *	la_io_open("tap:la0", &config, &io, err, size);	   opens the port, completes the configuration
 *	la_shard_create(&config, &shard);
 *	la_listen(shard, ...);
 *	la_io_run(io, shard, LA_IO_SLEEP_US, &stop);	   until stop is not 0
 *	la_unlisten(shard, ...);
 *	la_io_drain(io, shard, 5000);			   lets open connections end
 *	la_shard_destroy(shard);
 *	la_io_close(io);
 *	la_dpdk_stop();
 *
 * Ownership. An la_io owns its port, from la_io_open() to la_io_close(), the two buffer pools, and the frames that wait
 * for the port. The program owns the configuration and the shard. The shard holds buffers of the pools: it is destroyed
 * before la_io_close(). One la_io serves one shard.
 *
 * Threads. One thread at a time uses an la_io and its shard; different ones may be used at the same time.
 * la_dpdk_start(), la_dpdk_stop(), la_io_open(), la_io_open_port() and la_io_close() are called by one thread of the
 * process at a time, and not while another thread is in one of DPDK's own calls that add, configure or remove devices.
 * The thread that drives a shard is an lcore of DPDK, as the main thread is, or has called rte_thread_register().
 *
 * Errors are negative errno, with a line for the user in err, a buffer of `size` bytes (512 are enough). Warnings go to
 * standard error. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct la_io;

/** Starts DPDK as the program lastack does: hugepages where there are any, otherwise plain pages (512 MB, taken when
 * they are touched), the best free CPU, no NIC and no telemetry unless args ask for it. args: further EAL arguments
 * ("-a", "0000:05:00.0"), which take the place of these choices; they are copied. DPDK starts once in a process. Blocks
 * SIGINT and SIGTERM meanwhile. 0; -EALREADY (it was started), -E2BIG (more than 64 arguments), or DPDK's reason.
 *
 * A program that has called rte_eal_init() needs no la_dpdk_start(). */
int la_dpdk_start(const char *const *args, unsigned nargs, char *err, size_t size);

/** Ends what la_dpdk_start() has started, and takes away what ports have left in the file system. Every la_io has been
 * closed. A program that has called rte_eal_init() calls this before rte_eal_cleanup(). */
void la_dpdk_stop(void);

/** Opens a port with one queue, makes its buffer pools, and completes cfg for la_shard_create():
 *
 *	mbufs, control	  the pools; enough for the port's rings, the frames in transit and max_held
 *	max_held	  0: a buffer for each of max_conns and, above that, a quarter as many, at least 16 384
 *	low_mbufs	  0: a quarter of the buffers in transit
 *	mac, offloads	  the port's
 *	mtu		  0: the port's; otherwise the port is set to it (la_shard_config_init() writes 1500)
 *	secret		  all zero: random
 *	now		  0: 1000. The clock of this la_io starts at it, ms
 *
 * max_conns is read; every other field is left alone. device is one of
 *
 *	tap:NAME[,ADDR/LEN...]	a new TAP; the kernel's end is set up with these addresses: tap:la0,10.0.0.1/24
 *	veth:IFACE		a kernel interface, through AF_PACKET
 *	xdp:IFACE		the same through AF_XDP
 *	memif:SOCKET[,client]	shared memory with another process; a client waits some seconds for its server
 *	any other text		a DPDK device: one that DPDK has probed, by name (0000:05:00.0), or one to
 *				probe, with its arguments (net_tap0,iface=la0)
 *
 * 0 and *out; -EBUSY (the port, or another lastack process, has the device), -ENODEV (no such device, or DPDK is not
 * started), -ENOMEM, -EINVAL, or the driver's reason. After an error cfg is as it was, and a port that did not start is
 * closed. */
int la_io_open(const char *device, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size);

/** The same for a port that DPDK has probed, by its id. The port is stopped, or was never configured: it is configured
 * anew. */
int la_io_open_port(uint16_t id, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size);

/** Closes the port with rte_eth_dev_close(), removes the device if la_io_open() has probed it, and frees the pools.
 * The shard has been destroyed. A memif port is stopped, and stays until the end of the process. NULL: nothing. */
void la_io_close(struct la_io *io);

/** The clock of the shard: milliseconds by the TSC, never going back. Starts at la_shard_config.now. */
uint64_t la_io_now(struct la_io *io);

/** Longest sleep of la_io_step(), us: the receive ring of a port must not fill meanwhile. */
enum { LA_IO_SLEEP_US = 500 };

/** One round: a burst of received frames goes to the shard, due timers run, and what the shard has made goes to the
 * port. Callbacks of connections run in it. Returns true when there was work.
 *
 * Without work the thread sleeps when many rounds in a row had none: microseconds at first, later up to sleep_us (0:
 * never; at most LA_IO_SLEEP_US), and not past the shard's next timer.
 *
 * Frames that the port does not take wait, at most 1024 of them, and are offered again in each round. While there is no
 * room for a burst nothing is read and no timer runs. Frames are dropped after 20 ms in which the port takes
 * none, and counted (la_io_stats.tx_full). */
bool la_io_step(struct la_io *io, struct la_shard *s, uint32_t sleep_us);

/** Rounds until *stop is not 0. A signal handler or another thread sets it (a volatile sig_atomic_t is an int). The
 * thread's timer slack is 1 us meanwhile (prctl(2)), so that short sleeps are short. */
void la_io_run(struct la_io *io, struct la_shard *s, uint32_t sleep_us, const volatile int *stop);

/** Ends a shard in order: rounds until no connection is left, at most for ms milliseconds; aborts those that are left;
 * then sends and answers until the link was quiet for 5 ms, at most for 50 ms. The program stops listening and closes
 * its connections before, or in callbacks meanwhile. TIME_WAIT entries stay (la_shard_save()). Returns the number of
 * aborted connections. */
uint32_t la_io_drain(struct la_io *io, struct la_shard *s, uint32_t ms);

/** Frames since the port was opened. */
struct la_io_stats {
	uint64_t frames_in;	 /* that the shard got */
	uint64_t frames_out;	 /* that the port took */
	uint64_t frames_waiting; /* that wait for the port now */
	uint64_t rx_missed;	 /* dropped by the port: its receive ring was full. Not every driver counts them */
	uint64_t rx_errors;	 /* dropped by the port: bad frames */
	uint64_t rx_no_buffer;	 /* receive ring entries without a buffer */
	uint64_t tx_full;	 /* dropped by la_io_step(): the port took nothing for too long */
	uint64_t tx_no_buffer;	 /* dropped by la_io_step(): the port needs a copy, and no buffer was left */
	uint64_t tx_unfit;	 /* dropped by la_io_step(): the driver refuses them as they are */
	uint64_t tx_no_peer;	 /* dropped by la_io_step(): there is no memif peer */
	uint64_t tx_errors;	 /* dropped by the port */
};

/** Fills *out. By the thread that drives the shard, or while none does. */
void la_io_stats(const struct la_io *io, struct la_io_stats *out);

/** "port 0 net_tap la0: 02:..., mtu 1500, link 10 Gb/s, 1 queue; checksums: software; rss: software" into buf; returns
 * buf. */
const char *la_io_describe(const struct la_io *io, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LASTACK_IO_H
#define LASTACK_IO_H

/* I/O for a program with one shard: a DPDK port with its packet buffers, a clock, and a worker loop.
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
 * Threads. One thread at a time uses an la_io and its shard. Several threads may use several la_io at the same time.
 * One thread of the process at a time calls la_dpdk_start(), la_dpdk_stop(), la_io_open(), la_io_open_port() or
 * la_io_close(). Meanwhile no other thread may be in a call of DPDK that adds, configures or removes devices. The
 * thread that drives a shard is the main thread, another lcore of DPDK, or has called rte_thread_register().
 *
 * Errors are negative errno, with a line of text in err, a buffer of `size` bytes (512 are enough). Warnings go to
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

/** Starts DPDK as the program lastack does: on hugepages, or else on plain pages (512 MB, allocated at the first
 * access), with the best free CPU, without a NIC and without telemetry. args: more EAL arguments ("-a",
 * "0000:05:00.0"), which replace these choices and are copied. DPDK starts once in a process. SIGINT and SIGTERM are
 * blocked during the start. Returns 0, -EALREADY (DPDK was started), -E2BIG (more than 64 arguments), -ENODEV or -EBUSY (a
 * device of "-a" has no port; err has the reason and shell commands, for which it needs 2048 bytes), or DPDK's error.
 *
 * A program that has called rte_eal_init() needs no la_dpdk_start(). */
int la_dpdk_start(const char *const *args, unsigned nargs, char *err, size_t size);

/** Stops DPDK if la_dpdk_start() has started it, and removes the files and the claims of ports. The program has closed
 * every la_io. A program that has called rte_eal_init() calls la_dpdk_stop(), then rte_eal_cleanup(). */
void la_dpdk_stop(void);

/** Opens a port with one queue, makes its buffer pools, and completes cfg for la_shard_create():
 *
 *	mbufs, control	  two pools, for the rings of the port, the frames in transit and max_held
 *	max_held	  0: max_conns buffers, and a quarter as many more (at least 16 384 more)
 *	low_mbufs	  0: a quarter of the buffers for frames in transit
 *	mac, offloads	  those of the port
 *	mtu		  0: that of the port; otherwise the port gets this mtu (la_shard_config_init() sets 1500)
 *	secret		  all zero: random
 *	now		  0: 1000. The clock of this la_io starts at this time, ms
 *
 * It also reads max_conns, and changes no other field. device is one of
 *
 *	tap:NAME[,ADDR/LEN...]	a new TAP; the kernel's end gets these addresses: tap:la0,10.0.0.1/24
 *	veth:IFACE		a kernel interface, through AF_PACKET
 *	xdp:IFACE		a kernel interface, through AF_XDP
 *	memif:SOCKET[,client]	shared memory with another process; a client waits some seconds for its server
 *	any other text		a DPDK device: the name of a probed device (0000:05:00.0), or a device to probe
 *				with its arguments (net_tap0,iface=la0)
 *
 * Returns 0 and *out, -EBUSY (the device is open here or in another lastack process), -ENODEV (no such device, or DPDK
 * is not started), -ENOMEM, -EINVAL, or the driver's error. After an error cfg is unchanged, and a port that did not
 * start is closed. */
int la_io_open(const char *device, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size);

/** Like la_io_open(), for the probed port with this id. The port is stopped or was never configured; this call
 * configures the port. */
int la_io_open_port(uint16_t id, struct la_shard_config *cfg, struct la_io **out, char *err, size_t size);

/** Closes the port with rte_eth_dev_close(), removes the device if la_io_open() has probed it, and frees the pools.
 * The program has destroyed the shard. A memif port is stopped, and closed at the end of the process. NULL: does
 * nothing. */
void la_io_close(struct la_io *io);

/** Returns the time for the shard, ms: the TSC, starting at la_shard_config.now. It never goes back. */
uint64_t la_io_now(struct la_io *io);

/** Longest sleep of la_io_step(), us. During a longer sleep the receive ring of a port could fill. */
enum { LA_IO_SLEEP_US = 500 };

/** One round: passes a burst of received frames to the shard, runs due timers, and passes the frames of the shard to
 * the port. Callbacks of connections run in it. Returns true when there was work.
 *
 * After many rounds without work the thread sleeps: microseconds at first, later up to sleep_us (0: no sleep; at most
 * LA_IO_SLEEP_US), and at most until the shard's next timer.
 *
 * Frames that the port does not take wait, at most 1024 of them, and each round offers them again. While there is no
 * room for a burst, no timer runs, and only after 1 ms a few frames are received. If the port takes no frame for 20 ms,
 * the oldest are dropped and 512 still wait; after 100 ms all are dropped. la_io_stats.tx_full counts them. */
bool la_io_step(struct la_io *io, struct la_shard *s, uint32_t sleep_us);

/** Calls la_io_step() until *stop is not 0. A signal handler or another thread sets *stop (a volatile sig_atomic_t is
 * an int). Until then the thread's timer slack is 1 us (prctl(2)), so that short sleeps are short. */
void la_io_run(struct la_io *io, struct la_shard *s, uint32_t sleep_us, const volatile int *stop);

/** Ends a shard in three steps: calls la_io_step() until no connection is left, at most for ms milliseconds; aborts the
 * remaining connections; then calls la_io_step() until 5 ms pass without work, at most for 50 ms. The program stops
 * listening before this call, and closes its connections before it or in callbacks. TIME_WAIT entries stay
 * (la_shard_save()). Returns the number of aborted connections. */
uint32_t la_io_drain(struct la_io *io, struct la_shard *s, uint32_t ms);

/** Frames since the port was opened. */
struct la_io_stats {
	uint64_t frames_in;	 /* passed to the shard */
	uint64_t frames_out;	 /* taken by the port */
	uint64_t frames_waiting; /* waiting for the port at present */
	uint64_t rx_missed;	 /* dropped by the port: its receive ring was full. Not every driver counts them */
	uint64_t rx_errors;	 /* dropped by the port: bad frames */
	uint64_t rx_no_buffer;	 /* receive ring entries without a buffer */
	uint64_t tx_full;	 /* dropped by la_io_step(): the port took nothing for too long */
	uint64_t tx_no_buffer;	 /* dropped by la_io_step(): the port needs a copy, and no buffer was left */
	uint64_t tx_unfit;	 /* dropped by la_io_step(): the driver cannot send such a frame */
	uint64_t tx_no_peer;	 /* dropped by la_io_step(): there is no memif peer */
	uint64_t tx_errors;	 /* dropped by the port */
};

/** Fills *out. The caller is the thread that drives the shard, or no thread drives it. */
void la_io_stats(const struct la_io *io, struct la_io_stats *out);

/** Writes one line into buf, such as "port 0 net_tap la0: 02:..., mtu 1500, link 10 Gb/s, 1 queue; checksums:
 * software; rss: software". Returns buf. */
const char *la_io_describe(const struct la_io *io, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif

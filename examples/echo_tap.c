/* SPDX-License-Identifier: BSD-3-Clause */

/* An echo server (RFC 862) on a TAP interface, over IPv4 and IPv6, with the installed library alone.
 *
 *	kernel 10.0.0.1/24, fd00::1/64  ==TAP==  this program 10.0.0.2:7, [fd00::2]:7
 *
 * Try it without root, in a network namespace:
 *
 *	ninja -C build examples/echo_tap
 *	unshare -Urn
 *	build/examples/echo_tap &
 *	echo hello | nc -N 10.0.0.2 7
 *
 * At SIGINT or SIGTERM the program stops listening, waits up to 5 s for open connections to end, and aborts those
 * still open. TIME_WAIT entries end with the process; la_shard_save() would save them for the next process. */

#include <signal.h>
#include <stdio.h>

#include <lastack/lastack.h>

enum { ECHO_PORT = 7, DRAIN_MS = 5000 };

/* Bytes that find no room in the send queue stay unread: the window closes, and the peer waits. */
static void
echo_bytes(struct la_conn *c, void *user)
{
	struct la_conn_info info;
	const void *bytes;
	size_t n;

	(void)user;
	while ((n = la_peek(c, &bytes)) > 0) {
		ssize_t taken = la_send(c, bytes, n);

		if (taken <= 0)
			return; /* `writable` follows */
		la_consume(c, (size_t)taken);
	}
	la_conn_info(c, &info);
	if (info.state == LA_CLOSE_WAIT) /* the peer's FIN has arrived, and every byte is echoed */
		la_close(c);
}

static const struct la_conn_ops echo_ops = {.data = echo_bytes, .writable = echo_bytes, .peer_fin = echo_bytes};

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
	(void)number;
	stop = 1;
}

int
main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "tap:la0,10.0.0.1/24,fd00::1/64"; /* in the form of la_io_open() */
	struct la_prefix addrs[2];
	struct la_shard_config cfg = {.addrs = addrs,
				      .naddrs = 2,
				      .no_dad = true,
				      .max_conns = 1024,
				      .max_time_wait4 = 65536,
				      .max_time_wait6 = 65536};
	const struct la_counters *counters;
	struct la_shard *shard;
	struct la_io *io;
	char text[512];

	la_prefix_parse("10.0.0.2/24", &addrs[0]);
	la_prefix_parse("fd00::2/64", &addrs[1]);
	if (la_dpdk_start(NULL, 0, text, sizeof(text)) != 0 || la_io_open(device, &cfg, &io, text, sizeof(text)) != 0) {
		fprintf(stderr, "echo_tap: %s\n", text);
		return 1;
	}
	if (la_shard_create(&cfg, &shard) != 0 || la_listen(shard, NULL, ECHO_PORT, &echo_ops, NULL, NULL) != 0) {
		fprintf(stderr, "echo_tap: cannot create the shard or listen\n");
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	printf("ready: %s\n", la_io_describe(io, text, sizeof(text)));
	fflush(stdout);

	la_io_run(io, shard, LA_IO_SLEEP_US, &stop);
	la_unlisten(shard, NULL, ECHO_PORT);
	la_io_drain(io, shard, DRAIN_MS);

	counters = la_shard_counters(shard);
	printf("%lu connections, %lu closed orderly, %lu in TIME_WAIT\n", counters->v[LA_C_opens_passive],
	       counters->v[LA_C_ended_orderly], counters->v[LA_C_time_wait]);
	la_shard_destroy(shard);
	la_io_close(io);
	la_dpdk_stop();
	return 0;
}

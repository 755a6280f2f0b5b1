/* SPDX-License-Identifier: BSD-3-Clause */

/* An echo server (RFC 862) on a TAP interface, over IPv4 and IPv6.
 *
 *	kernel 10.0.0.1/24, fd00::1/64  ==TAP==  this program 10.0.0.2:7, [fd00::2]:7
 *
 * The public library has no port set-up and no worker loop. This program takes both from lib/io and lib/run, as the
 * lastack program does; their headers are internal to the source tree, and they are not installed.
 *
 * Try it without root, in a network namespace:
 *
 *	ninja -C build examples/echo_tap
 *	unshare -Urn
 *	build/examples/echo_tap &
 *	echo hello | nc -N 10.0.0.2 7
 *
 * SIGINT or SIGTERM: the program stops listening, waits up to 5 s for open connections, aborts the rest. TIME_WAIT
 * entries end with the process; la_engine_config.state would save them for the next process. */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "run/engine.h"

enum { ECHO_PORT = 7 };

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

static int
start(void *ctx, struct la_shard *s)
{
	(void)ctx;
	return la_listen(s, NULL, ECHO_PORT, &echo_ops, NULL, NULL);
}

static void
drain(void *ctx, struct la_shard *s)
{
	(void)ctx;
	la_unlisten(s, NULL, ECHO_PORT);
}

static const struct la_station_ops station_ops = {.start = start, .drain = drain};

static struct la_engine *engine;

static void
on_signal(int number)
{
	(void)number;
	la_engine_stop(engine);
}

int
main(int argc, char **argv)
{
	static struct la_engine_config cfg = {.nstations = 1, .idle = LA_IDLE_SLEEP, .drain_ms = 5000};
	struct la_station *st = &cfg.stations[0];
	struct la_prefix addrs[2];
	struct la_counters counters;
	char err[512] = "";
	int rc;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: echo_tap [NAME,ADDR/LEN...]: the interface and the kernel's addresses "
				"[la0,10.0.0.1/24,fd00::1/64]\n");
		return 2;
	}
	cfg.eal.ports[0].kind = LA_PORT_TAP;
	cfg.eal.ports[0].arg = argc == 2 ? argv[1] : "la0,10.0.0.1/24,fd00::1/64";
	cfg.eal.nports = 1;
	la_prefix_parse("10.0.0.2/24", &addrs[0]);
	la_prefix_parse("fd00::2/64", &addrs[1]);
	st->name = "echo";
	st->shard = (struct la_shard_config){.addrs = addrs, .naddrs = 2, .no_dad = true, .max_conns = 1024,
					     .max_time_wait4 = 65536, .max_time_wait6 = 65536};
	st->ops = &station_ops;

	rc = la_engine_create(&cfg, &engine, err, sizeof(err)); /* prints "ready: ..." when the program listens */
	if (rc != 0) {
		fprintf(stderr, "echo_tap: %s\n", err[0] ? err : strerror(-rc));
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	rc = la_engine_run(engine);
	la_engine_counters(engine, 0, &counters);
	printf("%lu connections, %lu closed orderly, %lu in TIME_WAIT\n", counters.v[LA_C_opens_passive],
	       counters.v[LA_C_ended_orderly], counters.v[LA_C_time_wait]);
	la_engine_destroy(engine);
	return rc == 0 ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Two shards in virtual time: open, exchange, close, and the 2*MSL of the client's TIME_WAIT entry.
 *
 *	client 10.0.0.1:40000  <-- 1 ms -->  server 10.0.0.2:80
 *
 * The program needs no port and no root. Build it against the installed library:
 *
 *	cc two_shards.c -o two_shards $(pkg-config --cflags --libs lastack)
 *
 * A shard reads no clock. This program passes the time, in milliseconds, to each call. A frame takes 1 ms. While
 * frames are in flight, time advances by 1 ms; otherwise time jumps to the next timer of the two shards. */

#include <inttypes.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include <lastack/lastack.h>

enum { CLIENT, SERVER, BURST = 32 };

static uint64_t now; /* virtual time, ms */

/* The user pointer of each side's connection. */
static char names[2][8] = {"client", "server"};

static void
on_opened(struct la_conn *c, void *user)
{
	printf("%6" PRIu64 " ms  %s: opened\n", now, (const char *)user);
	la_send(c, "hello", 5);
	if (user == names[CLIENT])
		la_shutdown(c); /* the client closes first: the FIN follows "hello" */
}

/* The peer's FIN arrives after all of its bytes. A close with unread bytes would be an abort, so read them first. */
static void
on_peer_fin(struct la_conn *c, void *user)
{
	const void *bytes;
	size_t n = la_peek(c, &bytes);

	printf("%6" PRIu64 " ms  %s: read \"%.*s\", then the peer's FIN\n", now, (const char *)user, (int)n,
	       (const char *)bytes);
	la_consume(c, n);
	la_close(c);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c; /* the pointer is invalid when this function returns */
	printf("%6" PRIu64 " ms  %s: closed %s, %" PRIu64 " bytes unacknowledged\n", now, (const char *)user,
	       la_end_name(why->end), why->unacked);
}

static const struct la_conn_ops ops = {.opened = on_opened, .peer_fin = on_peer_fin, .closed = on_closed};

/* A host with one address. A real program fills `secret` with random bytes: ISNs depend on it. */
static struct la_shard *
make_host(const char *addr, uint8_t number, struct rte_mempool *pool)
{
	struct la_prefix prefix;
	struct la_shard_config cfg = {.mbufs = pool,
				      .mac = {2, 0, 0, 0, 0, number},
				      .secret = {number},
				      .addrs = &prefix,
				      .naddrs = 1,
				      .no_dad = true,
				      .max_conns = 16,
				      .max_time_wait4 = 16};
	struct la_shard *s;

	if (la_prefix_parse(addr, &prefix) != 0 || la_shard_create(&cfg, &s) != 0)
		return NULL;
	return s;
}

/* Takes the frames of both shards, advances the time, gives each shard the frames of the other, and runs timers. */
static void
run_round(struct la_shard *const end[2])
{
	struct rte_mbuf *burst[2][BURST];
	unsigned n[2];
	uint64_t next;

	for (int i = CLIENT; i <= SERVER; i++)
		n[i] = la_shard_tx(end[i], burst[i], BURST);
	next = la_shard_next(end[CLIENT]);
	if (la_shard_next(end[SERVER]) < next)
		next = la_shard_next(end[SERVER]);
	now = n[CLIENT] + n[SERVER] > 0 || next <= now ? now + 1 : next;
	for (int i = CLIENT; i <= SERVER; i++) {
		la_shard_rx(end[!i], now, burst[i], n[i]);
		la_shard_poll(end[!i], now);
	}
}

int
main(void)
{
	char *eal[] = {"two_shards", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "64"};
	struct la_tuple tuple = {.lport = 40000, .rport = 80};
	struct la_shard *end[2];
	struct rte_mempool *pool;
	struct la_conn_info info;
	struct la_conn *c;
	bool told = false;

	if (rte_eal_init(7, eal) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("mbufs", 1023, 0, 0, 2176, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	end[CLIENT] = make_host("10.0.0.1/24", 1, pool);
	end[SERVER] = make_host("10.0.0.2/24", 2, pool);
	if (end[CLIENT] == NULL || end[SERVER] == NULL)
		return 1;
	la_addr_parse("10.0.0.1", &tuple.laddr);
	la_addr_parse("10.0.0.2", &tuple.raddr);
	if (la_listen(end[SERVER], NULL, 80, &ops, names[SERVER], NULL) != 0 ||
	    la_connect(end[CLIENT], &tuple, &ops, names[CLIENT], NULL, &c) != 0)
		return 1;

	/* The tuple is in use while the connection lives and for 2*MSL (60 s by default) after it. */
	while (la_shard_find(end[CLIENT], &tuple, &info) == 0) {
		if (info.state == LA_TIME_WAIT && !told) {
			printf("%6" PRIu64 " ms  client: the tuple is in TIME_WAIT, %" PRIu32 " ms left\n", now,
			       info.time_wait_left_ms);
			told = true;
		}
		run_round(end);
	}
	printf("%6" PRIu64 " ms  client: the tuple is free\n", now);
	la_shard_destroy(end[CLIENT]);
	la_shard_destroy(end[SERVER]);
	return 0;
}

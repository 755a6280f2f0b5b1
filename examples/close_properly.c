/* SPDX-License-Identifier: BSD-3-Clause */

/* A client that closes properly, in virtual time, on a link that loses the client's last ACK.
 *
 *	client 10.0.0.1:40000  <-- 1 ms -->  server 10.0.0.2:80
 *
 * The steps of a proper close, and in parentheses the mistakes that the steps avoid:
 *
 *  1. Send all bytes. When the queue is full, la_send() takes fewer bytes than `len`, and `writable` follows.
 *  2. la_shutdown(): the FIN follows the last byte, and receiving goes on. (la_abort() discards the queue.)
 *  3. Read until the peer's FIN. (la_close() with unread bytes sends a RST, RFC 9293 SHLD-3.)
 *  4. la_close(). After a proper close `closed` reports LA_END_ORDERLY and 0 unacknowledged bytes.
 *  5. Keep the shard until TIME_WAIT is over. (A process that ends earlier cannot answer the peer's repeated FIN;
 *     la_shard_save() hands the entries to the next process.)
 *
 * Each wait has an end: la_set_timer() bounds steps 1 to 3, la_conn_opts bounds the open and step 4, and 2*MSL
 * bounds step 5. The exit status is 0 only when every step was done. The program needs no port and no root. Build it
 * against the installed library:
 *
 *	cc close_properly.c -o close_properly $(pkg-config --cflags --libs lastack) */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include <lastack/lastack.h>

enum { CLIENT, SERVER, BURST = 32, REQUEST_BYTES = 100000, DEADLINE_MS = 30000 };

static uint64_t now; /* virtual time, ms */

/* ---- the client ---- */

static struct client {
	char request[REQUEST_BYTES];
	size_t sent;	 /* bytes that la_send() took */
	size_t received; /* bytes of the answer */
	struct la_closed why;
	bool closed;
} client;

static void
client_send(struct la_conn *c, void *user)
{
	ssize_t n = la_send(c, client.request + client.sent, REQUEST_BYTES - client.sent);

	(void)user;
	if (n > 0)
		client.sent += (size_t)n;
	if (client.sent == REQUEST_BYTES)
		la_shutdown(c);
}

static void
client_opened(struct la_conn *c, void *user)
{
	la_set_timer(c, DEADLINE_MS);
	client_send(c, user);
}

static void
client_read(struct la_conn *c, void *user)
{
	const void *bytes;
	size_t n;

	(void)user;
	while ((n = la_peek(c, &bytes)) > 0) {
		printf("%6" PRIu64 " ms  client: the answer is \"%.*s\"\n", now, (int)n, (const char *)bytes);
		client.received += n;
		la_consume(c, n);
	}
}

static void
client_peer_fin(struct la_conn *c, void *user)
{
	client_read(c, user);
	la_close(c);
}

static void
client_late(struct la_conn *c, void *user)
{
	(void)user;
	la_abort(c);
}

static void
client_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)user;
	client.why = *why;
	client.closed = true;
	printf("%6" PRIu64 " ms  client: closed %s, %" PRIu64 " bytes unacknowledged\n", now, la_end_name(why->end),
	       why->unacked);
}

static const struct la_conn_ops client_ops = {
	.opened = client_opened,
	.data = client_read,
	.writable = client_send,
	.peer_fin = client_peer_fin,
	.timer = client_late,
	.closed = client_closed,
};

/* ---- the server: counts the bytes of the request and answers after the client's FIN ---- */

static size_t server_received;

static void
server_read(struct la_conn *c, void *user)
{
	size_t n = la_unread(c);

	(void)user;
	server_received += n;
	la_consume(c, n);
}

static void
server_peer_fin(struct la_conn *c, void *user)
{
	char answer[40];
	int n = snprintf(answer, sizeof(answer), "%zu bytes received", server_received);

	(void)user;
	la_send(c, answer, (size_t)n);
	la_close(c);
}

static void
server_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)user;
	printf("%6" PRIu64 " ms  server: closed %s\n", now, la_end_name(why->end));
}

static const struct la_conn_ops server_ops = {
	.data = server_read, .peer_fin = server_peer_fin, .closed = server_closed};

/* ---- the network ---- */

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

/* Takes the frames of both shards, advances the time, gives each shard the frames of the other, and runs timers. The
 * client's first burst after `closed` is lost: it has the ACK of the server's FIN. */
static void
run_round(struct la_shard *const end[2])
{
	static bool lost;
	struct rte_mbuf *burst[2][BURST];
	unsigned n[2];
	uint64_t next;

	for (int i = CLIENT; i <= SERVER; i++)
		n[i] = la_shard_tx(end[i], burst[i], BURST);
	if (client.closed && !lost && n[CLIENT] > 0) {
		lost = true;
		printf("%6" PRIu64 " ms  link: the client's last ACK is lost\n", now);
		rte_pktmbuf_free_bulk(burst[CLIENT], n[CLIENT]);
		n[CLIENT] = 0;
	}
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
	char *eal[] = {"close_properly", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "64"};
	struct la_conn_opts opts = {.sndbuf = 16384, .user_timeout_ms = 20000, .fin_wait_2_ms = 20000};
	struct la_tuple tuple = {.lport = 40000, .rport = 80};
	struct la_shard *end[2];
	struct rte_mempool *pool;
	struct la_conn_info info;
	struct la_conn *c;
	uint64_t answered;

	if (rte_eal_init(7, eal) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("mbufs", 1023, 0, 0, 2176, SOCKET_ID_ANY);
	if (pool == NULL)
		return 1;
	end[CLIENT] = make_host("10.0.0.1/24", 1, pool);
	end[SERVER] = make_host("10.0.0.2/24", 2, pool);
	if (end[CLIENT] == NULL || end[SERVER] == NULL)
		return 1;
	memset(client.request, 'x', sizeof(client.request));
	la_addr_parse("10.0.0.1", &tuple.laddr);
	la_addr_parse("10.0.0.2", &tuple.raddr);
	if (la_listen(end[SERVER], NULL, 80, &server_ops, NULL, NULL) != 0 ||
	    la_connect(end[CLIENT], &tuple, &client_ops, NULL, &opts, &c) != 0)
		return 1;

	/* Step 5: la_shard_find() finds the tuple while the connection or its TIME_WAIT entry lives. */
	while (la_shard_find(end[CLIENT], &tuple, &info) == 0)
		run_round(end);
	answered = la_shard_counters(end[CLIENT])->v[LA_C_time_wait_fin_acked];
	printf("%6" PRIu64 " ms  client: TIME_WAIT is over; it answered %" PRIu64 " repeated FIN\n", now, answered);
	la_shard_destroy(end[CLIENT]);
	la_shard_destroy(end[SERVER]);
	return client.closed && client.why.end == LA_END_ORDERLY && client.why.unacked == 0 && client.received > 0 &&
			       server_received == REQUEST_BYTES
		       ? 0
		       : 1;
}

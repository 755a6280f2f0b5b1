/* SPDX-License-Identifier: BSD-3-Clause */

/* Two processes joined by memif in its default, copying mode, both on plain pages, without
 * hugepages and shared memory. The child echoes what the parent sends. */

#include "io_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 200, LEN = 900 };

struct pair {
	char dir[32];
	char server[80], client[80];
};

static void
make_paths(struct pair *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/la-memif-XXXXXX");
	cr_assert_not_null(mkdtemp(p->dir));
	snprintf(p->server, sizeof(p->server), "%s/s", p->dir);
	snprintf(p->client, sizeof(p->client), "%s/s,client", p->dir);
}

static void
remove_paths(struct pair *p)
{
	char lock[96];

	snprintf(lock, sizeof(lock), "%s.lock", p->server);
	unlink(lock);
	unlink(p->server);
	rmdir(p->dir);
}

static bool
link_is_up(const struct la_port *port)
{
	char line[256];

	return strstr(la_port_describe(port, line, sizeof(line)), "link down") == NULL;
}

/* Echoes FRAMES frames; the exit status is the result. */
static int
echo(const char *arg)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, arg}}, .nports = 1};
	struct test_io io;

	if (io_start(&io, &cfg, 1, 0) < 0) {
		fprintf(stderr, "%s\n", io.err);
		return 2;
	}
	for (unsigned i = 0; i < FRAMES; i++) {
		struct rte_mbuf *m = NULL;

		for (unsigned tries = 0; m == NULL && tries < 5; tries++)
			m = io_wait(&io, 0, 0, NULL, NULL);
		if (m == NULL || la_port_tx(&io.port[0], 0, &m, 1, io.pool) != 1)
			return m == NULL ? 3 : 4;
	}
	/* Closing now would drop frames that the peer has not read. The peer closes when it has read them. */
	for (unsigned i = 0; i < 400 && link_is_up(&io.port[0]); i++)
		usleep(10000);
	io_stop(&io);
	return 0;
}

/* A server sends into buffers that its client posts when the client polls. Directly after the handshake no buffer
 * is posted, so the frame is offered again. */
static void
send_when_possible(struct test_io *io, const uint8_t bytes[LEN], const size_t *cuts)
{
	for (unsigned i = 0; i < 400; i++) {
		struct rte_mbuf *m = io_frame(io, bytes, LEN, cuts);

		if (la_port_tx(&io->port[0], 0, &m, 1, io->pool) == 1)
			return;
		usleep(5000);
	}
	cr_assert_fail("the port does not take the frame");
}

static void
exchange(struct test_io *io)
{
	static const size_t cuts[] = {54, 101, 0};
	uint8_t bytes[LEN], back[LEN];

	for (unsigned i = 0; i < 400 && !link_is_up(&io->port[0]); i++) {
		struct rte_mbuf *m;

		/* The handshake runs in DPDK's interrupt thread. */
		usleep(10000);
		cr_assert_eq(la_port_rx(&io->port[0], 0, &m, 1), 0u);
	}
	cr_assert(link_is_up(&io->port[0]), "no link between the two ports");
	for (unsigned i = 0; i < FRAMES; i++) {
		struct rte_mbuf *m;

		for (unsigned k = 0; k < LEN; k++)
			bytes[k] = (uint8_t)(i * 3 + k);
		send_when_possible(io, bytes, i & 1 ? cuts : NULL);
		m = io_wait(io, 0, 0, NULL, NULL);
		cr_assert_not_null(m, "no echo of frame %u", i);
		cr_assert_eq(m->pkt_len, (uint32_t)LEN);
		cr_assert_eq(memcmp(rte_pktmbuf_read(m, 0, LEN, back), bytes, LEN), 0);
		rte_pktmbuf_free(m);
	}
}

static void
join(bool we_serve)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct test_io io;
	struct pair p;
	pid_t child;
	int status;

	make_paths(&p);
	fflush(stdout);
	fflush(stderr);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(echo(we_serve ? p.client : p.server));
	cfg.ports[0].arg = we_serve ? p.server : p.client;
	io_must_start(&io, &cfg, 1, 0);
	exchange(&io);
	io_stop(&io);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with 0x%x", status);
	remove_paths(&p);
}

Test(memif, client_exchanges_frames_with_a_server)
{
	join(false);
}

Test(memif, server_exchanges_frames_with_a_client)
{
	join(true);
}

/* ---- slow peers, and peers that end ---- */

/* Echoes received frames until it is killed. */
static void __attribute__((noreturn)) echo_for_ever(const char *arg)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, arg}}, .nports = 1};
	struct rte_mbuf *pkts[32];
	struct test_io io;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (io_start(&io, &cfg, 1, 0) < 0) {
		fprintf(stderr, "%s\n", io.err);
		_exit(2);
	}
	for (;;) {
		unsigned n = la_port_rx(&io.port[0], 0, pkts, 32);

		if (n > 0)
			la_port_tx(&io.port[0], 0, pkts, n, io.pool);
		else
			usleep(100);
	}
}

/* Listens at `arg` for 1.5 s as a server that never answers. Returns the number of connections, at most 100. */
static char
count_clients(const char *arg)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	char n = 0;

	unlink(arg);
	memcpy(sun.sun_path, arg, strlen(arg) + 1);
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 100) < 0)
		return 0;
	for (unsigned i = 0; i < 1500; i++) {
		n = (char)(n + (n < 100 && accept(fd, NULL, NULL) >= 0));
		usleep(1000);
	}
	return n;
}

/* A process that starts and kills the peer, because EAL's threads do not survive a fork(). */
struct maker {
	pid_t pid;
	int order, done;
};

static struct maker
make_maker(const char *arg)
{
	struct maker k;
	pid_t peer = -1;
	int order[2], done[2];
	char c;

	cr_assert_eq(pipe(order), 0);
	cr_assert_eq(pipe(done), 0);
	fflush(stdout);
	fflush(stderr);
	k = (struct maker){.pid = fork(), .order = order[1], .done = done[0]};
	if (k.pid != 0) {
		close(order[0]);
		close(done[1]);
		return k;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves no process behind */
	close(order[1]);
	while (read(order[0], &c, 1) == 1) {
		if (c == 's' && (peer = fork()) == 0)
			echo_for_ever(arg);
		if (c == 'k' && peer > 0) {
			kill(peer, SIGKILL);
			waitpid(peer, NULL, 0);
			peer = -1;
		}
		if (c == 'z')
			kill(peer, SIGSTOP);
		if (c == 'g')
			kill(peer, SIGCONT);
		if (c == 'f')
			c = count_clients(arg);
		if (c == 'c' && fork() == 0) { /* continue the stopped peer after 900 ms */
			usleep(900000);
			kill(peer, SIGCONT);
			_exit(0);
		}
		if (write(done[1], &c, 1) != 1)
			break;
	}
	_exit(0);
}

/* Returns the result of count_clients() for 'f', and c for other orders. */
static char
order(struct maker *k, char c)
{
	cr_assert_eq(write(k->order, &c, 1), 1);
	cr_assert_eq(read(k->done, &c, 1), 1);
	return c;
}

static void
end_maker(struct maker *k)
{
	order(k, 'k');
	close(k->order);
	cr_assert_eq(waitpid(k->pid, NULL, 0), k->pid);
}

static uint64_t
ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The longest wait for an echo: on a busy machine the peer, its start and DPDK's interrupt thread each wait for a CPU. */
enum { ECHO_MS = 60000 };

/* Sends bursts at full rate until `enough` frames came back or for_ms milliseconds have passed. Returns the number of
 * frames that came back. */
static unsigned
load_peer(struct test_io *io, unsigned for_ms, unsigned enough)
{
	static const uint8_t bytes[LEN];
	uint64_t end = ms() + for_ms;
	unsigned back = 0;

	while (ms() < end && back < enough) {
		struct rte_mbuf *out[32], *in[32];
		unsigned n;

		for (n = 0; n < 32; n++)
			out[n] = io_frame(io, bytes, LEN, NULL);
		(void)la_port_tx(&io->port[0], 0, out, n, io->pool);
		while ((n = la_port_rx(&io->port[0], 0, in, 32)) > 0) {
			rte_pktmbuf_free_bulk(in, n);
			back += n;
		}
	}
	return back;
}

static void
until_up(struct test_io *io)
{
	uint64_t end = ms() + ECHO_MS;

	while (ms() < end && !link_is_up(&io->port[0]))
		usleep(1000);
	cr_assert(link_is_up(&io->port[0]), "no link between the two ports");
}

/* Several times, the peer is killed in the middle of bursts, and another peer takes its place. */
static void
outlive(bool we_serve)
{
#ifdef __SANITIZE_ADDRESS__
	/* DPDK 22.11's interrupt thread panics when a descriptor that it is about to poll has just been closed
	 * (eal_intr_thread_main(): epoll_ctl, EBADF). With the sanitizer the peer of this test is ten times slower, and
	 * panics in nearly every run; without the sanitizer, in none. */
	cr_skip_test("DPDK's interrupt thread panics in a peer that is this slow");
#endif
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct la_port_stats stats;
	struct maker k;
	struct test_io io;
	struct pair p;

	make_paths(&p);
	k = make_maker(we_serve ? p.client : p.server);
	cfg.ports[0].arg = we_serve ? p.server : p.client;
	order(&k, 's');
	io_must_start(&io, &cfg, 1, 0);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t lost;

		until_up(&io);
		cr_assert_gt(load_peer(&io, ECHO_MS, 3000), 2999u, "round %u: no echo", i);
		la_port_stats(&io.port[0], &stats);
		lost = stats.tx_no_peer;
		order(&k, 'k');
		for (uint64_t end = ms() + ECHO_MS; stats.tx_no_peer == lost && ms() < end;) {
			(void)load_peer(&io, 100, UINT32_MAX);
			la_port_stats(&io.port[0], &stats);
		}
		cr_assert_gt(stats.tx_no_peer, lost, "round %u: no frame was counted as lost", i);
		order(&k, 's');
	}
	until_up(&io);
	cr_assert_gt(load_peer(&io, ECHO_MS, 3000), 2999u);
	io_stop(&io);
	cr_assert_lt(io_out(&io), 256u); /* frames in the driver */
	end_maker(&k);
	remove_paths(&p);
}

Test(memif, a_client_continues_when_its_server_returns)
{
	outlive(false);
}

Test(memif, a_server_continues_when_its_client_returns)
{
	outlive(true);
}

/* A server that accepts and then sends nothing for a second: the client waits, and does not close while the
 * answer is in flight. */
Test(memif, a_client_waits_for_a_slow_server)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct maker k;
	struct test_io io;
	struct pair p;

	make_paths(&p);
	k = make_maker(p.server);
	order(&k, 's');
	for (unsigned i = 0; i < 1000 && access(p.server, F_OK) < 0; i++)
		usleep(10000);
	usleep(300000); /* now the server listens */
	order(&k, 'z');
	order(&k, 'c');
	cfg.ports[0].arg = p.client;
	io_must_start(&io, &cfg, 1, 0);
	cr_assert_gt(load_peer(&io, 10000, 1000), 999u);
	io_stop(&io);
	end_maker(&k);
	remove_paths(&p);
}

/* A server that was started again and is slow: its client connects once, and waits. */
Test(memif, a_client_keeps_its_connection_to_a_server_that_returns)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct maker k;
	struct test_io io;
	struct pair p;

	make_paths(&p);
	k = make_maker(p.server);
	order(&k, 's');
	cfg.ports[0].arg = p.client;
	io_must_start(&io, &cfg, 1, 0);
	until_up(&io);
	order(&k, 'k');
	cr_assert_eq(order(&k, 'f'), 1);
	io_stop(&io);
	end_maker(&k);
	remove_paths(&p);
}

/* Before its port is open, a server accepts no client: net_memif alone would end the process when the client closes. */
Test(memif, a_server_accepts_no_client_before_it_starts)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1, .memory_mb = 64};
	struct la_eal eal;
	char err[512], hello[128];
	struct pair p;

	make_paths(&p);
	memcpy(sun.sun_path, p.server, sizeof(p.server));
	cfg.ports[0].arg = p.server;
	cr_assert_eq(la_eal_start(&cfg, &eal, err, sizeof(err)), 0, "%s", err);
	for (unsigned i = 0; i < 2; i++) {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

		cr_assert_eq(connect(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
		usleep(200000);
		cr_expect_lt(recv(fd, hello, sizeof(hello), MSG_DONTWAIT), 0, "client %u: the server sent HELLO", i);
		close(fd);
	}
	la_eal_stop();
	remove_paths(&p);
}

/* Clients that close before the server has accepted them, as killed clients do: net_memif alone would end the server. */
Test(memif, a_server_continues_when_queued_clients_have_closed)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct maker k;
	struct test_io io;
	struct pair p;
	unsigned queued = 0;

	make_paths(&p);
	memcpy(sun.sun_path, p.server, sizeof(p.server));
	k = make_maker(p.server);
	order(&k, 's');
	cfg.ports[0].arg = p.client;
	io_must_start(&io, &cfg, 1, 0);
	until_up(&io);
	for (unsigned i = 0; i < 20; i++) {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

		order(&k, 'z');
		queued += connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0;
		close(fd);
		order(&k, 'g');
		usleep(20000);
	}
	cr_assert_gt(queued, 1u);
	cr_assert_gt(load_peer(&io, ECHO_MS, 1000), 999u, "no echo after %u closed clients", queued);
	io_stop(&io);
	end_maker(&k);
	remove_paths(&p);
}

/* A stop request ends the wait for a server. */
static bool
at_once(void)
{
	return true;
}

Test(memif, failure_stopped_while_waiting)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1, .memory_mb = 64};
	struct la_port_config pc = {.queues = 1, .stopped = at_once};
	struct la_port port;
	struct la_eal eal;
	uint64_t t0 = ms();
	char err[512];
	struct pair p;

	make_paths(&p);
	cfg.ports[0].arg = p.client;
	cr_assert_eq(la_eal_start(&cfg, &eal, err, sizeof(err)), 0, "%s", err);
	pc.pools[0] = rte_pktmbuf_pool_create("test", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_eq(la_port_open(eal.port[0], &pc, &port, err, sizeof(err)), -EINTR);
	cr_assert_lt(ms() - t0, 5000u);
	la_eal_stop();
	remove_paths(&p);
}

/* A port has the same MAC address at every start, and its peer has another. The neighbour entry of a peer that returns
 * therefore stays valid. */
Test(memif, the_mac_address_stays)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	uint8_t mac[2][6];
	int fd[2];

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(pipe(fd), 0);
		if (fork() == 0) {
			struct test_io io;

			cfg.ports[0].arg = "/tmp/la-memif-mac.sock";
			if (io_start(&io, &cfg, 1, 0) < 0 || write(fd[1], io.port[0].mac, 6) != 6)
				_exit(1);
			io_stop(&io);
			_exit(0);
		}
		cr_assert_eq(read(fd[0], mac[i], 6), 6);
		cr_assert_geq(wait(NULL), 0);
	}
	cr_assert_eq(memcmp(mac[0], mac[1], 6), 0);
	cr_assert_eq(mac[0][0], 2);
}

/* A killed server has left its socket file. */
Test(memif, a_stale_socket_is_no_obstacle)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct test_io io;
	struct pair p;
	int fd;

	make_paths(&p);
	memcpy(sun.sun_path, p.server, strlen(p.server) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	cr_assert_eq(access(p.server, F_OK), 0);
	cfg.ports[0].arg = p.server;
	io_must_start(&io, &cfg, 1, 0);
	io_stop(&io);
	cr_assert_eq(access(p.server, F_OK), -1, "our own socket was left behind");
	remove_paths(&p);
}

/* A socket with a listening server is refused. */
Test(memif, failure_socket_in_use)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct test_io io;
	struct pair p;
	int fd;

	make_paths(&p);
	memcpy(sun.sun_path, p.server, strlen(p.server) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cfg.ports[0].arg = p.server;
	cr_assert_lt(io_start(&io, &cfg, 1, 0), 0);
	cr_assert_not_null(strstr(io.err, p.server), "%s", io.err);
	cr_assert_eq(access(p.server, F_OK), 0);
	close(fd);
	remove_paths(&p);
}

Test(memif, failure_no_server)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	struct test_io io;
	struct pair p;

	make_paths(&p);
	cfg.ports[0].arg = p.client;
	cr_assert_lt(io_start(&io, &cfg, 1, 0), 0);
	cr_assert_not_null(strstr(io.err, "start that first"), "%s", io.err);
	cr_assert_not_null(strstr(io.err, p.server), "%s", io.err);
	remove_paths(&p);
}

/* memif's own options are passed on: two ports on one socket need different ids. */
Test(memif, options_are_passed_on)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}, {LA_PORT_MEMIF, NULL}}, .nports = 2};
	char second[128];
	struct test_io io;
	struct pair p;

	make_paths(&p);
	snprintf(second, sizeof(second), "%s,id=1,mac=02:00:00:00:00:77", p.server);
	cfg.ports[0].arg = p.server;
	cfg.ports[1].arg = second;
	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.port[1].mac[5], 0x77);
	io_stop(&io);
	remove_paths(&p);
}

/* The client's ring= and buffer= are those of both ends. The smallest ring has fewer places than frames pass. */
static void
join_with_sizes(const char *sizes)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	char client[128];
	struct test_io io;
	struct pair p;
	pid_t child;
	int status;

	make_paths(&p);
	snprintf(client, sizeof(client), "%s,%s", p.client, sizes);
	fflush(stdout);
	fflush(stderr);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(echo(client));
	cfg.ports[0].arg = p.server;
	io_must_start(&io, &cfg, 1, 0);
	exchange(&io);
	io_stop(&io);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the echo: %#x", status);
	remove_paths(&p);
}

Test(memif, smallest_rings_and_buffers)
{
	join_with_sizes("ring=64,buffer=1536");
}

Test(memif, largest_rings)
{
	join_with_sizes("ring=16384,buffer=9216");
}

Test(memif, failure_more_shared_memory_than_the_driver_can_count)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	char client[128];
	struct test_io io;
	struct pair p;

	make_paths(&p);
	snprintf(client, sizeof(client), "%s,ring=16384,buffer=65535", p.client);
	cfg.ports[0].arg = client;
	cfg.queues = 2;
	cr_assert_eq(io_start(&io, &cfg, 2, 0), -EINVAL);
	cr_assert_not_null(strstr(io.err, "more than 2 GiB"), "%s", io.err);
	remove_paths(&p);
}

Test(memif, failure_sizes_of_a_server)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}}, .nports = 1};
	char server[128];
	struct test_io io;
	struct pair p;

	make_paths(&p);
	snprintf(server, sizeof(server), "%s,ring=128", p.server);
	cfg.ports[0].arg = server;
	cr_assert_eq(io_start(&io, &cfg, 1, 0), -EINVAL);
	cr_assert_not_null(strstr(io.err, "ring= and buffer= with client"), "%s", io.err);
	remove_paths(&p);
}

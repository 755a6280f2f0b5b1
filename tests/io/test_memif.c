/* SPDX-License-Identifier: BSD-3-Clause */

/* Two processes joined by memif in its default, copying mode, both on plain pages: so neither
 * hugepages nor memory shared between them is needed. The child echoes what the parent sends. */

#include "io_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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
	unlink(p->server);
	rmdir(p->dir);
}

static bool
link_is_up(const struct la_port *port)
{
	char line[256];

	return strstr(la_port_describe(port, line, sizeof(line)), "link down") == NULL;
}

/* Echoes FRAMES frames; its exit status says how that went. */
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
	/* Closing would drop what the peer has not fetched yet; once it has, it closes. */
	for (unsigned i = 0; i < 400 && link_is_up(&io.port[0]); i++)
		usleep(10000);
	io_stop(&io);
	return 0;
}

/* A server sends into buffers that its client posts when it polls: right after the meeting there
 * are none. */
static void
send_when_possible(struct test_io *io, const uint8_t bytes[LEN], const size_t *cuts)
{
	for (unsigned i = 0; i < 400; i++) {
		struct rte_mbuf *m = io_frame(io, bytes, LEN, cuts);

		if (la_port_tx(&io->port[0], 0, &m, 1, io->pool) == 1)
			return;
		usleep(5000);
	}
	cr_assert_fail("the frame does not go");
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
	cr_assert(link_is_up(&io->port[0]), "the two never met");
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
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with 0x%x",
		  status);
	remove_paths(&p);
}

Test(memif, client_talks_to_a_server)
{
	join(false);
}

Test(memif, server_talks_to_a_client)
{
	join(true);
}

/* A server killed before has left its socket behind. */
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

/* But one that somebody listens on is his. */
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

/* Options of memif's own are passed on: two ports on one socket need different ids. */
Test(memif, options_are_passed_on)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_MEMIF, NULL}, {LA_PORT_MEMIF, NULL}},
				    .nports = 2};
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

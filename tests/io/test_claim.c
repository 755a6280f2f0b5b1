/* SPDX-License-Identifier: BSD-3-Clause */

/* Two processes: an interface or a socket has at most one lastack, and two AF_PACKET ports in one network
 * namespace do not share a fanout group. Each test has a network namespace of its own. */

#include "io_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/claim.h"

static void
run(const char *cmd)
{
	cr_assert_eq(system(cmd), 0, "%s", cmd);
}

/* ve0 - ve1 and ve2 - ve3, all up; ve1 has the alternative name other-name. */
static void
own_namespace(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		cr_skip_test("making a network namespace needs root");
	if (system("ip -V >/dev/null 2>&1") != 0)
		cr_skip_test("needs iproute2");
	run("ip link add ve0 type veth peer name ve1");
	run("ip link add ve2 type veth peer name ve3");
	run("for i in ve0 ve1 ve2 ve3; do ip link set $i up; done");
}

struct other {
	pid_t pid;
	int done; /* closed: the process ends */
};

/* Another process that claims the ports of cfg, until release(). */
static struct other
claim_elsewhere(const struct la_eal_config *cfg)
{
	int ready[2], done[2];
	char err[256] = "", c = 0;
	struct other o;

	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(done), 0);
	o.pid = fork();
	if (o.pid == 0) {
		close(done[1]);
		c = la_claim_ports(cfg, err, sizeof(err)) == 0 ? 'y' : 'n';
		if (write(ready[1], &c, 1) != 1 || read(done[0], &c, 1) != 0)
			_exit(1);
		_exit(0); /* like a crash: no release by the process */
	}
	o.done = done[1];
	close(done[0]);
	cr_assert_eq(read(ready[0], &c, 1), 1);
	cr_assert_eq(c, 'y');
	return o;
}

static void
release(struct other *o)
{
	close(o->done);
	cr_assert_eq(waitpid(o->pid, NULL, 0), o->pid);
}

/* Expects that a claim of cfg fails with `what` in the message, and with the process id `who` unless `who` is 0. */
static void
expect_refused(const struct la_eal_config *cfg, const char *what, pid_t who)
{
	char err[256] = "", pid[32];

	snprintf(pid, sizeof(pid), "(pid %d, ", (int)who);
	cr_assert_eq(la_claim_ports(cfg, err, sizeof(err)), -EBUSY, "%s", what);
	cr_assert_not_null(strstr(err, what), "no %s in: %s", what, err);
	if (who != 0)
		cr_assert_not_null(strstr(err, pid), "no %s in: %s", pid, err);
}

static struct la_eal_config
port(enum la_port_kind kind, const char *arg)
{
	return (struct la_eal_config){.ports = {{kind, arg}}, .nports = 1};
}

static struct la_eal_config
vdev(const char *arg)
{
	return (struct la_eal_config){.args = {"--vdev", arg}, .nargs = 2};
}

/* Expects that `second` is refused while another process has `first`, and accepted afterwards. */
static void
expect_one_of_two(struct la_eal_config first, struct la_eal_config second, const char *what)
{
	struct other o = claim_elsewhere(&first);
	char err[256];

	expect_refused(&second, what, o.pid);
	expect_refused(&second, what, o.pid); /* again */
	release(&o);
	cr_assert_eq(la_claim_ports(&second, err, sizeof(err)), 0, "after the end of the other process: %s", err);
	la_claim_drop();
}

Test(claim, an_interface_has_one_lastack)
{
	own_namespace();
	expect_one_of_two(port(LA_PORT_TAP, "la0"), port(LA_PORT_TAP, "la0"), "interface la0");
	expect_one_of_two(port(LA_PORT_VETH, "ve1"), port(LA_PORT_VETH, "ve1,qdisc_bypass=0"), "interface ve1");
	expect_one_of_two(port(LA_PORT_VETH, "ve1"), port(LA_PORT_XDP, "ve1"), "interface ve1");
	expect_one_of_two(port(LA_PORT_XDP, "ve1"), port(LA_PORT_TAP, "ve1"), "interface ve1");
	expect_one_of_two(vdev("net_af_packet0,qpairs=1,iface=ve1"), port(LA_PORT_VETH, "ve1"), "interface ve1");
	expect_one_of_two(port(LA_PORT_TAP, "la0"), vdev("net_tap7,iface=la0,mac=fixed"), "interface la0");
	expect_one_of_two(port(LA_PORT_XDP, "ve3"), vdev("net_af_xdp0,iface=ve3"), "interface ve3");
}

Test(claim, a_renamed_interface_is_the_same)
{
	struct la_eal_config first = port(LA_PORT_VETH, "ve1");
	struct other o;

	own_namespace();
	o = claim_elsewhere(&first);
	run("ip link set ve1 down; ip link set ve1 name new1; ip link set new1 up");
	expect_refused(&(struct la_eal_config){.ports = {{LA_PORT_VETH, "new1"}}, .nports = 1}, "interface new1",
		       o.pid);
	release(&o);
}

Test(claim, other_interfaces_and_namespaces_are_free)
{
	struct la_eal_config first = port(LA_PORT_VETH, "ve1"), second = port(LA_PORT_VETH, "ve0");
	char err[256];
	struct other o;

	own_namespace();
	o = claim_elsewhere(&first);
	cr_assert_eq(la_claim_ports(&second, err, sizeof(err)), 0, "%s", err);
	la_claim_drop();
	own_namespace(); /* another namespace, with interfaces of the same names and numbers */
	cr_assert_eq(la_claim_ports(&first, err, sizeof(err)), 0, "%s", err);
	la_claim_drop();
	release(&o);
}

Test(claim, a_pci_device_has_one_lastack)
{
	struct la_eal_config cfg = {.args = {"-a", "05:00.0,x=1"}, .nargs = 2};
	struct la_eal_config same = {.args = {"--allow=0000:05:00.0"}, .nargs = 1};
	struct la_eal_config twice = {.args = {"-a05:00.1", "--allow", "0000:05:00.1"}, .nargs = 3};
	char err[256] = "", pid[32];
	struct other o;

	own_namespace();
	o = claim_elsewhere(&cfg);
	snprintf(pid, sizeof(pid), "pid %d", (int)o.pid);
	cr_assert_eq(la_claim_ports(&same, err, sizeof(err)), -EBUSY);
	cr_assert(strstr(err, "device 0000:05:00.0 is in use by another lastack") && strstr(err, pid), "%s", err);
	release(&o);
	cr_assert_eq(la_claim_ports(&same, err, sizeof(err)), 0, "%s", err);
	cr_assert_eq(la_claim_ports(&twice, err, sizeof(err)), -EBUSY);
	cr_assert_not_null(strstr(err, "device 0000:05:00.1 is given to two ports"), "%s", err);
}

Test(claim, two_ports_on_one_interface)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_VETH, "ve1"}, {LA_PORT_XDP, "ve1"}}, .nports = 2};

	own_namespace();
	expect_refused(&cfg, "interface ve1 is given to two ports", 0);
}

Test(claim, a_memif_socket_has_one_server)
{
	char dir[] = "/tmp/la-claim-XXXXXX", server[64], client[64], lock[64], dev[128], err[256];
	struct la_eal_config cfg;
	struct other o;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(server, sizeof(server), "%s/s", dir);
	snprintf(client, sizeof(client), "%s/s,client", dir);
	snprintf(lock, sizeof(lock), "%s/s.lock", dir);
	snprintf(dev, sizeof(dev), "net_memif0,role=server,socket=%s/s,socket-abstract=no", dir);
	cfg = port(LA_PORT_MEMIF, server);
	o = claim_elsewhere(&cfg);
	expect_refused(&cfg, "memif socket /tmp/la-claim-", o.pid);
	cfg = vdev(dev);
	expect_refused(&cfg, "memif socket /tmp/la-claim-", o.pid);
	cfg = port(LA_PORT_MEMIF, client);
	cr_assert_eq(la_claim_ports(&cfg, err, sizeof(err)), 0, "a client is no server: %s", err);
	release(&o); /* like a crash: the lock file stays, unlocked */
	cr_assert_eq(access(lock, F_OK), 0);
	cfg = port(LA_PORT_MEMIF, server);
	cr_assert_eq(la_claim_ports(&cfg, err, sizeof(err)), 0, "%s", err);
	la_claim_drop();
	cr_assert_eq(access(lock, F_OK), -1);
	rmdir(dir);
}

/* The complete start: la_eal_start() refuses, and does not disturb the other process. */
Test(claim, a_port_is_refused_by_name)
{
	struct la_eal_config cfg = port(LA_PORT_TAP, "la0");
	struct test_io io;
	struct other o;

	own_namespace();
	o = claim_elsewhere(&cfg);
	cr_assert_eq(io_start(&io, &cfg, 1, 0), -EBUSY);
	cr_assert_not_null(strstr(io.err, "interface la0 is in use by another lastack (pid "), "%s", io.err);
	release(&o);
	cr_assert_eq(if_nametoindex("la0"), 0u, "la0 was made although it is in use");
	if (access("/dev/net/tun", F_OK) < 0)
		return;
	io_must_start(&io, &cfg, 1, 0); /* DPDK was not touched, and starts now */
	io_stop(&io);
}

/* ---- fanout ---- */

/* Opens a socket on ve3 in the group that net_af_packet would choose on ve1. */
static void
take_our_group(void)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("ve3")};
	unsigned id = ((unsigned)getpid() ^ if_nametoindex("ve1")) & 0xffff;
	unsigned mode = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG | PACKET_FANOUT_FLAG_ROLLOVER;
	int arg = (int)(id | mode << 16);
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof(arg)), 0);
}

/* Stores the fanout groups of this process's sockets on ve1. Returns their number. */
static unsigned
groups(int group[16])
{
	unsigned n = 0;

	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_ll sll = {0};
		socklen_t len = sizeof(sll), size = sizeof(int);

		if (getsockname(fd, (struct sockaddr *)&sll, &len) == 0 && sll.sll_family == AF_PACKET &&
		    sll.sll_ifindex == (int)if_nametoindex("ve1") && n < 16)
			cr_assert_eq(getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group[n++], &size), 0);
	}
	return n;
}

/* Sends frames at ve0, and expects that each frame arrives once, on any queue. */
static void
every_frame_once(struct test_io *io, unsigned queues)
{
	struct sockaddr_ll sll = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("ve0")};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	unsigned got = 0;

	cr_assert_eq(bind(fd, (struct sockaddr *)&sll, sizeof(sll)), 0);
	for (unsigned i = 0; i < 64; i++) {
		uint8_t f[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, (uint8_t)i};

		cr_assert_eq(send(fd, f, sizeof(f), 0), (ssize_t)sizeof(f));
	}
	close(fd);
	for (unsigned round = 0; round < 200; round++) {
		for (uint16_t q = 0; q < queues; q++) {
			struct rte_mbuf *m;

			while (la_port_rx(&io->port[0], q, &m, 1) == 1) {
				const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

				got += p[12] == 0x88 && p[13] == 0xb5;
				rte_pktmbuf_free(m);
			}
		}
		usleep(1000);
	}
	cr_assert_eq(got, 64u);
}

static void
port_with(uint16_t queues)
{
	struct la_eal_config cfg = port(LA_PORT_VETH, "ve1");
	struct test_io io;
	int group[16];
	unsigned n;

	own_namespace();
	take_our_group();
	cfg.queues = queues;
	io_must_start(&io, &cfg, queues, 0);
	n = groups(group);
	cr_assert_eq(n, (unsigned)queues);
	for (unsigned i = 0; i < n; i++)
		cr_assert(queues == 1 ? group[i] == 0 : group[i] == group[0] && group[i] >> 16 != 0,
			  "socket %u of %u: group %x", i, n, (unsigned)group[i]);
	every_frame_once(&io, queues);
	io_stop(&io);
}

Test(fanout, one_queue_has_no_group)
{
	port_with(1);
}

Test(fanout, several_queues_have_a_group_of_their_own)
{
	port_with(4);
}

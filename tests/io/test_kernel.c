/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports with a kernel behind them, in a network namespace of the test's own that ends with its
 * process:
 *
 * 	tap:   la0 (DPDK) ---- la0 (kernel, 10.9.0.1/24 fd09::1/64)
 * 	veth,
 * 	xdp:   la0 (DPDK reads the kernel's la0) ---- la1 (kernel, the same addresses)
 *
 * The kernel's TCP checks our segments, frame_read() checks the kernel's. */

#include "io_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include <lastack/addr.h>
#include <lastack/io.h>
#include <lastack/shard.h>

#include "io/pool.h"

#include "../support/frame.h"

enum { SYN = 0x02, ACK = 0x10, PSH = 0x08, PORT = 4000, OURS = 5000 };

struct kernel {
	struct test_io io;
	struct la_addr our, its;
	uint8_t its_mac[6];
	int listener;
	uint32_t snd; /* next sequence number to send */
	uint32_t rcv; /* next expected sequence number */
};

static void
run(const char *fmt, ...)
{
	char cmd[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	cr_assert_eq(system(cmd), 0, "%s", cmd);
}

static void
own_namespace(void)
{
	int fd;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		cr_skip_test("making a network namespace needs root");
	if (system("ip -V >/dev/null 2>&1") != 0)
		cr_skip_test("needs iproute2");
	fd = open("/proc/sys/net/ipv6/conf/default/accept_dad", O_WRONLY);
	if (fd >= 0) {
		cr_assert_eq(write(fd, "0", 1), 1);
		close(fd);
	}
	run("ip link set lo up");
}

static void
address(const char *name, const uint8_t our_mac[6])
{
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", our_mac[0], our_mac[1], our_mac[2], our_mac[3],
		 our_mac[4], our_mac[5]);
	run("ip link set %s up", name);
	run("ip addr add 10.9.0.1/24 dev %s", name);
	run("ip -6 addr add fd09::1/64 dev %s nodad", name);
	run("ip neigh replace 10.9.0.2 lladdr %s dev %s", mac, name);
	run("ip -6 neigh replace fd09::2 lladdr %s dev %s", mac, name);
}

static void
read_mac(const char *name, uint8_t mac[6])
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	cr_assert_eq(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* Like "ethtool -K name tx off". */
static void
finish_checksums(const char *name)
{
	struct ethtool_value v = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq ifr = {.ifr_data = (char *)&v};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	cr_assert_eq(ioctl(fd, SIOCETHTOOL, &ifr), 0);
	close(fd);
}

static void
set_up(struct kernel *k, enum la_port_kind kind, uint16_t mtu)
{
	struct la_eal_config cfg = {.ports = {{kind, "la0"}}, .nports = 1};
	const char *theirs = kind == LA_PORT_TAP ? "la0" : "la1";
	int r;

	memset(k, 0, sizeof(*k));
	own_namespace();
	if (kind == LA_PORT_TAP && access("/dev/net/tun", F_OK) < 0)
		cr_skip_test("no /dev/net/tun");
	if (kind != LA_PORT_TAP) {
		run("ip link add la0 type veth peer name la1");
		run("ip link set la0 up");
		run("ip link set la1 up");
	}
	r = io_start(&k->io, &cfg, 1, mtu);
	if (r < 0 && kind == LA_PORT_XDP)
		cr_skip_test("no AF_XDP here");
	cr_assert_eq(r, 0, "%s", k->io.err);
	address(theirs, k->io.port[0].mac);
	read_mac(theirs, k->its_mac);
	k->listener = -1;
}

static void
tear_down(struct kernel *k)
{
	if (k->listener >= 0)
		close(k->listener);
	io_stop(&k->io);
}

static void
listen_on(struct kernel *k, bool six)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	int on = 1;

	k->listener = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	setsockopt(k->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (six)
		setsockopt(k->listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	cr_assert_eq(
		bind(k->listener, six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4, six ? sizeof(a6) : sizeof(a4)),
		0);
	cr_assert_eq(listen(k->listener, 8), 0);
	cr_assert_eq(la_addr_parse(six ? "fd09::2" : "10.9.0.2", &k->our), 0);
	cr_assert_eq(la_addr_parse(six ? "fd09::1" : "10.9.0.1", &k->its), 0);
}

static void
send_segment(struct kernel *k, uint8_t flags, const void *data, size_t len, const size_t *cuts)
{
	struct frame f = {.src = k->our,
			  .dst = k->its,
			  .sport = OURS,
			  .dport = PORT,
			  .seq = k->snd,
			  .ack = k->rcv,
			  .flags = flags,
			  .win = 60000,
			  .data = data,
			  .len = len};
	uint8_t buf[FRAME_MAX];
	struct rte_mbuf *m;

	memcpy(f.eth_dst, k->its_mac, 6);
	memcpy(f.eth_src, k->io.port[0].mac, 6);
	m = io_frame(&k->io, buf, frame_write(buf, &f), cuts);
	cr_assert_eq(la_port_tx(&k->io.port[0], 0, &m, 1, k->io.pool), 1u);
	k->snd += (uint32_t)len + ((flags & SYN) != 0);
}

/* Matches TCP ports without a checksum test, because the checksum may be wrong. */
static bool
is_answer(const struct rte_mbuf *m, void *ctx)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct kernel *k = ctx;
	size_t l4 = la_addr_is4(&k->our) ? 34 : 54;

	if (m->pkt_len < l4 + 20 || p[12] != (la_addr_is4(&k->our) ? 0x08 : 0x86))
		return false;
	return (p[l4] << 8 | p[l4 + 1]) == PORT && (p[l4 + 2] << 8 | p[l4 + 3]) == OURS;
}

/* Parses a segment of the kernel by frame_read(). */
static const char *
read_answer(struct rte_mbuf *m, struct frame_in *in)
{
	static uint8_t buf[FRAME_MAX];
	const char *fault;

	cr_assert_not_null(m, "the kernel sent no segment");
	cr_assert_leq(m->pkt_len, sizeof(buf));
	memcpy(buf, rte_pktmbuf_read(m, 0, m->pkt_len, buf), m->pkt_len);
	fault = frame_read(buf, m->pkt_len, in);
	rte_pktmbuf_free(m);
	return fault;
}

/* Waits for the kernel's next segment. */
static const char *
receive(struct kernel *k, struct frame_in *in)
{
	return read_answer(io_wait(&k->io, 0, 0, is_answer, k), in);
}

/* A SYN, retransmitted each second: on a busy machine the interface may not be ready for the first. */
static const char *
syn(struct kernel *k, struct frame_in *in)
{
	struct rte_mbuf *m = NULL;

	for (unsigned i = 0; m == NULL && i < 10; i++) {
		k->snd = 1000;
		send_segment(k, SYN, NULL, 0, NULL);
		m = io_wait_us(&k->io, 0, 0, is_answer, k, 1000000);
	}
	return read_answer(m, in);
}

static void
handshake(struct kernel *k, bool six)
{
	struct frame_in in;
	const char *fault;

	listen_on(k, six);
	fault = syn(k, &in);
	cr_assert_null(fault, "SYN-ACK: %s", fault);
	cr_assert_eq(in.flags, SYN | ACK);
	cr_assert_eq(in.ack, 1001u);
	k->rcv = in.seq + 1;
	send_segment(k, ACK, NULL, 0, NULL);
}

/* Sends an odd number of bytes as a chain with odd segments: the kernel accepts the bytes only if
 * the port sends the chain in order. Then receives bytes of the kernel, up to a full segment. */
static void
exchange(struct kernel *k, bool six)
{
	static const size_t cuts[][4] = {{54, 333, 0}, {54, 1, 7, 0}, {70, 333, 101, 0}, {0}};
	char data[1001], back[1001];
	struct frame_in in;
	int conn;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31);
	handshake(k, six);
	conn = accept(k->listener, NULL, NULL);
	cr_assert_geq(conn, 0);
	for (size_t i = 0; i < RTE_DIM(cuts); i++) {
		struct timeval limit = {.tv_sec = 3};

		send_segment(k, PSH | ACK, data, sizeof(data), cuts[i]);
		setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		cr_assert_eq(recv(conn, back, sizeof(back), MSG_WAITALL), (ssize_t)sizeof(back),
			     "chain %zu did not arrive", i);
		cr_assert_eq(memcmp(data, back, sizeof(back)), 0);
	}

	cr_assert_eq(send(conn, data, sizeof(data), 0), (ssize_t)sizeof(data));
	do {
		const char *fault = receive(k, &in);

		cr_assert_null(fault, "%s", fault);
	} while (in.len == 0);
	cr_assert_eq(in.seq, k->rcv);
	cr_assert_eq(memcmp(in.data, data, in.len), 0);
	close(conn);
}

static void
talk(enum la_port_kind kind, bool six)
{
	struct kernel k;

	set_up(&k, kind, 0);
	if (kind != LA_PORT_TAP)
		finish_checksums("la1");
	exchange(&k, six);
	tear_down(&k);
}

Test(tap, exchanges_data_with_the_kernel_over_ipv4)
{
	talk(LA_PORT_TAP, false);
}

Test(tap, exchanges_data_with_the_kernel_over_ipv6)
{
	talk(LA_PORT_TAP, true);
}

Test(veth, exchanges_data_with_the_kernel_over_ipv4)
{
	talk(LA_PORT_VETH, false);
}

Test(veth, exchanges_data_with_the_kernel_over_ipv6)
{
	talk(LA_PORT_VETH, true);
}

Test(xdp, exchanges_data_with_the_kernel_over_ipv4)
{
	talk(LA_PORT_XDP, false);
}

Test(xdp, exchanges_data_with_the_kernel_over_ipv6)
{
	talk(LA_PORT_XDP, true);
}

/* The reason for advise_kernel(): a kernel sends segments over a veth without a checksum. If this test
 * fails, the advice may no longer be needed. */
static void
expect_wrong_checksum(enum la_port_kind kind)
{
	struct frame_in in;
	struct kernel k;

	set_up(&k, kind, 0);
	listen_on(&k, false);
	k.snd = 1000;
	send_segment(&k, SYN, NULL, 0, NULL);
	cr_assert_str_eq(receive(&k, &in), "H-01: TCP checksum wrong");
	tear_down(&k);
}

Test(veth, kernel_leaves_checksums_undone_by_default)
{
	expect_wrong_checksum(LA_PORT_VETH);
}

Test(xdp, kernel_leaves_checksums_undone_by_default)
{
	expect_wrong_checksum(LA_PORT_XDP);
}

static bool
is_neighbour_solicitation(const struct rte_mbuf *m, void *ctx)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	(void)ctx;
	return m->pkt_len >= 78 && p[0] == 0x33 && p[1] == 0x33 && p[12] == 0x86 && p[20] == 58 && p[54] == 135 &&
	       p[77] == 0x77;
}

/* Solicited-node multicast must reach the port, or peers cannot resolve our IPv6 address. */
static void
multicast(enum la_port_kind kind)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct kernel k;
	struct rte_mbuf *m;
	int fd;

	set_up(&k, kind, 0);
	cr_assert_eq(inet_pton(AF_INET6, "fd09::77", &to.sin6_addr), 1);
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	cr_assert_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	m = io_wait(&k.io, 0, 0, is_neighbour_solicitation, NULL);
	cr_assert_not_null(m);
	rte_pktmbuf_free(m);
	close(fd);
	tear_down(&k);
}

Test(tap, receives_multicast)
{
	multicast(LA_PORT_TAP);
}

Test(veth, receives_multicast)
{
	multicast(LA_PORT_VETH);
}

Test(xdp, receives_multicast)
{
	multicast(LA_PORT_XDP);
}

/* A pool that is mapped in part is refused: with it the first frames arrive, and the ten thousandth is lost. */
Test(xdp, failure_pool_that_is_mapped_in_part)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_XDP, "la0"}}, .nports = 1};
	struct la_port_config pc = {.queues = 1};
	struct la_port port;
	struct test_io io;

	own_namespace();
	run("ip link add la0 type veth peer name la1");
	cfg.memory_mb = 64;
	if (la_eal_start(&cfg, &io.eal, io.err, sizeof(io.err)) < 0)
		cr_skip_test("no AF_XDP here");
	if (io.eal.hugepages)
		cr_skip_test("on hugepages nearly all of the pool is mapped");
	pc.pools[0] = rte_pktmbuf_pool_create("plain", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	cr_assert_not_null(pc.pools[0]);
	cr_assert(la_port_maps_pools(io.eal.port[0]));
	cr_assert_eq(la_port_open(io.eal.port[0], &pc, &port, io.err, sizeof(io.err)), -EINVAL);
	cr_assert_not_null(strstr(io.err, "of the 1023 mbufs of queue 0 are beyond"), "%s", io.err);
}

/* Opens la0, one end of a veth pair, with these words of an AF_XDP port. Returns the result of io_start(). */
static int
open_xdp(struct test_io *io, const char *arg)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_XDP, arg}}, .nports = 1};

	own_namespace();
	run("ip link add la0 type veth peer name la1");
	run("ip link set la0 up");
	run("ip link set la1 up");
	return io_start(io, &cfg, 1, 0);
}

/* The kernel copies to and from a veth that has no zero copy; busy poll is the driver's default. */
Test(xdp, the_mode_is_what_the_kernel_reports)
{
	char line[320];
	struct test_io io;

	if (open_xdp(&io, "la0") < 0)
		cr_skip_test("no AF_XDP here");
	cr_assert(io.port[0].xdp.known);
	cr_assert(!io.port[0].xdp.zero_copy);
	if (!io.port[0].xdp.busy_poll)
		cr_skip_test("no SO_PREFER_BUSY_POLL here");
	cr_assert_gt(io.port[0].xdp.busy_us, 0u);
	cr_assert_not_null(strstr(la_port_describe(&io.port[0], line, sizeof(line)), "; copy mode, busy poll"));
	io_stop(&io);
}

Test(xdp, busy_poll_can_be_switched_off)
{
	char line[320];
	struct test_io io;

	if (open_xdp(&io, "la0,busy-poll=0,copy") < 0)
		cr_skip_test("no AF_XDP here");
	cr_assert(io.port[0].xdp.known);
	cr_assert(!io.port[0].xdp.busy_poll);
	cr_assert_not_null(strstr(la_port_describe(&io.port[0], line, sizeof(line)), "; copy mode, no busy poll"));
	io_stop(&io);
}

Test(xdp, failure_zero_copy_where_the_kernel_copies)
{
	struct test_io io;
	int r = open_xdp(&io, "la0,zero-copy");

	if (r == -EINVAL) /* from the set-up of the queue, before the mode is read */
		cr_skip_test("no AF_XDP here");
	cr_assert_eq(r, -ENOTSUP);
	cr_assert_not_null(strstr(io.err, "zero-copy: the kernel copies the frames"), "%s", io.err);
}

/* la_port_open() has closed the port when la_io_open() frees its own things. */
Test(xdp, failure_of_la_io_open)
{
	struct la_shard_config cfg;
	struct la_io *io;
	char err[512];
	int r;

	own_namespace();
	run("ip link add la0 type veth peer name la1");
	run("ip link set la0 up");
	run("ip link set la1 up");
	cr_assert_eq(la_dpdk_start(NULL, 0, err, sizeof(err)), 0, "%s", err);
	la_shard_config_init(&cfg);
	cfg.max_conns = 64;
	r = la_io_open("xdp:la0,zero-copy", &cfg, &io, err, sizeof(err));
	if (r == -EINVAL)
		cr_skip_test("no AF_XDP here");
	cr_assert_eq(r, -ENOTSUP, "%s", err);
	cr_assert_not_null(strstr(err, "zero-copy: the kernel copies the frames"), "%s", err);
	cr_assert_eq(rte_eth_dev_count_avail(), 0u);
	la_dpdk_stop();
}

/* Opens a socket on the kernel's end of the link, for frames of a type that no other program sends. */
static int
packet_socket(const char *name, unsigned ethertype)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons((uint16_t)ethertype),
				 .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Returns the number of frames offered to the socket since the last call, including dropped frames. */
static unsigned
offered(int fd)
{
	struct tpacket_stats s = {0};
	socklen_t len = sizeof(s);

	cr_assert_eq(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &len), 0);
	return s.tp_packets;
}

static bool
is_experimental(const struct rte_mbuf *m, void *ctx)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	(void)ctx;
	return m->pkt_len >= 14 && p[12] == 0x88 && p[13] == 0xb5;
}

/* The pool's ring returns mbufs in order: after twice as many frames as mbufs, each mbuf has carried a frame and filled
 * a place of the fill ring. An mbuf outside the kernel's mapping carries no frame, and its place is lost. */
Test(xdp, every_mbuf_of_the_pool_carries_frames)
{
	enum { BURST = 32, ROUNDS = 2 * IO_POOL / BURST };
	static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5};
	struct kernel k;
	unsigned n = 0;
	int fd;

	set_up(&k, LA_PORT_XDP, 0);
	cr_assert_eq(la_pool_unmapped(k.io.pool), 0u);
	fd = packet_socket("la1", 0x88b5);
	for (unsigned i = 0; i < ROUNDS * BURST; i++) {
		struct rte_mbuf *m = io_frame(&k.io, frame, sizeof(frame), NULL);

		cr_assert_eq(la_port_tx(&k.io.port[0], 0, &m, 1, k.io.pool), 1u);
	}
	for (unsigned i = 0; i < 2000 && n < ROUNDS * BURST; i++) {
		n += offered(fd);
		usleep(1000);
	}
	cr_assert_eq(n, (unsigned)(ROUNDS * BURST));

	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned j = 0; j < BURST; j++)
			cr_assert_eq(send(fd, frame, sizeof(frame), 0), (ssize_t)sizeof(frame));
		for (unsigned j = 0; j < BURST; j++) {
			struct rte_mbuf *m = io_wait(&k.io, 0, 0, is_experimental, NULL);

			cr_assert_not_null(m, "frame %u does not arrive", i * BURST + j);
			rte_pktmbuf_free(m);
		}
	}
	close(fd);
	tear_down(&k);
}

static int
flags_of(const char *name)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	cr_assert_eq(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	close(fd);
	return ifr.ifr_flags;
}

Test(veth, leaves_the_interface_as_it_was)
{
	struct kernel k;

	set_up(&k, LA_PORT_VETH, 0);
	tear_down(&k);
	cr_assert_eq(flags_of("la0") & (IFF_PROMISC | IFF_ALLMULTI), 0);
}

Test(veth, an_mtu_below_1500_is_the_ports_too)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_VETH, "la0"}}, .nports = 1};
	struct test_io io;

	own_namespace();
	run("ip link add la0 mtu 1400 type veth peer name la1");
	run("ip link set la0 up");
	io_must_start(&io, &cfg, 1, 0);
	cr_assert_eq(io.port[0].mtu, 1400u);
	cr_assert_str_eq(io.port[0].name, "la0");
	io_stop(&io);
}

Test(veth, failure_mtu_too_large)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_VETH, "la0"}}, .nports = 1};
	struct test_io io;

	own_namespace();
	run("ip link add la0 type veth peer name la1");
	cr_assert_lt(io_start(&io, &cfg, 1, 9000), 0);
	cr_assert_not_null(strstr(io.err, "la0"), "%s", io.err);
	cr_assert_not_null(strstr(io.err, "MTU 9000 refused"), "%s", io.err);
}

Test(tap, sets_the_mtu_at_both_ends)
{
	struct ifreq ifr = {.ifr_name = "la0"};
	struct kernel k;
	int fd;

	set_up(&k, LA_PORT_TAP, 1380);
	cr_assert_eq(k.io.port[0].mtu, 1380u);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(ioctl(fd, SIOCGIFMTU, &ifr), 0);
	cr_assert_eq(ifr.ifr_mtu, 1380);
	close(fd);
	tear_down(&k);
}

/* net_tap's checksum offload is not used (port.c has the reason). */
Test(tap, claims_no_checksum_offload)
{
	struct kernel k;

	set_up(&k, LA_PORT_TAP, 0);
	cr_assert_eq(k.io.port[0].offloads, (uint32_t)LA_OFF_TX_MULTI_SEG);
	cr_assert_str_eq(k.io.port[0].name, "la0");
	tear_down(&k);
}

Test(tap, rss_of_many_queues_is_not_used)
{
	struct la_eal_config cfg = {.ports = {{LA_PORT_TAP, "la0"}}, .nports = 1};
	struct test_io io;

	own_namespace();
	if (access("/dev/net/tun", F_OK) < 0)
		cr_skip_test("no /dev/net/tun");
	io_must_start(&io, &cfg, 4, 0);
	cr_assert_eq(io.port[0].queues, 4u);
	cr_assert(!io.port[0].rss);
	io_stop(&io);
}

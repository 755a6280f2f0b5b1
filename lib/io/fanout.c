/* SPDX-License-Identifier: BSD-3-Clause */

/* Fanout.
 *
 * A fanout group spreads the frames of an interface over several AF_PACKET sockets. net_af_packet of DPDK
 * 22.11 joins a group for every port, also with one queue, and computes the id of the group:
 *
 *	id = (pid ^ interface number) & 0xffff
 *
 * The kernel has one group for an id in a network namespace, and a group has one interface. Two processes can have
 * the same id when the xor of their pids equals that of their interfaces' numbers; the second gets EINVAL while the
 * first runs. No argument of the driver changes that.
 *
 * So the driver opens its sockets on a thread with a seccomp filter that makes setsockopt(PACKET_FANOUT)
 * succeed without effect. The filter ends with the thread. One queue needs no group: its socket then
 * gets every frame unchanged, and the kernel does not reassemble IP fragments. Several queues join a
 * group whose id the kernel chooses (PACKET_FANOUT_FLAG_UNIQUEID, Linux 4.12), with the driver's own mode:
 * by hash, defragmented, rolling over.
 *
 * EAL itself creates a device of the user's own --vdev, which keeps the driver's group. */

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <rte_lcore.h>

#include "io/fanout.h"
#include "io/open_fds.h"

enum { SOCKETS_MAX = 64 };

struct call {
	int (*make)(void *ctx);
	void *ctx;
	int result;
	int held;
};

/* The low half of a 64-bit argument on a little-endian machine. */
#define ARG_LOW(n) ((unsigned)offsetof(struct seccomp_data, args[n]))

static int
hold_fanout(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_setsockopt, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(1)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOL_PACKET, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_FANOUT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO), /* errno 0: done */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

/* The main function of the thread. Registers the thread with DPDK, so that the driver finds a NUMA node to allocate
 * on. */
static void *
call_main(void *arg)
{
	int registered = rte_thread_register();
	struct call *c = arg;

	c->held = hold_fanout();
	if (c->held)
		c->result = c->make(c->ctx);
	if (registered == 0)
		rte_thread_unregister();
	return NULL;
}

int
la_fanout_without(int (*make)(void *ctx), void *ctx, int *held)
{
	struct call c = {.make = make, .ctx = ctx};
	pthread_t thread;

	if (pthread_create(&thread, NULL, call_main, &c) == 0)
		pthread_join(thread, NULL);
	*held = c.held;
	return c.held ? c.result : make(ctx);
}

/* Returns whether fd is an AF_PACKET socket that receives from the interface. */
static bool
is_on(int fd, void *if_index)
{
	struct sockaddr_ll sll = {0};
	socklen_t len = sizeof(sll);

	return getsockname(fd, (struct sockaddr *)&sll, &len) == 0 && sll.sll_family == AF_PACKET &&
	       sll.sll_ifindex == *(const int *)if_index;
}

int
la_fanout_join(unsigned if_index)
{
	int fds[SOCKETS_MAX], index = (int)if_index;
	unsigned n = la_open_fds(is_on, &index, fds, SOCKETS_MAX);
	unsigned mode = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG | PACKET_FANOUT_FLAG_ROLLOVER;
	int arg = (int)((mode | PACKET_FANOUT_FLAG_UNIQUEID) << 16);
	socklen_t len = sizeof(arg);

	if (n < 2)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		if (setsockopt(fds[i], SOL_PACKET, PACKET_FANOUT, &arg, sizeof(arg)) < 0)
			return -errno;
		/* the id that the kernel chose */
		if (i == 0 && getsockopt(fds[i], SOL_PACKET, PACKET_FANOUT, &arg, &len) < 0)
			return -errno;
	}
	return 0;
}

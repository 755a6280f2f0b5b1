/* SPDX-License-Identifier: BSD-3-Clause */

/* memif.
 *
 * net_memif of DPDK 22.11 runs its handshake on EAL's interrupt thread, without locks against other threads:
 *
 *	interrupt thread                                other threads
 *	HELLO: maps the rings, writes their heads       rte_eth_dev_stop(): unmaps them
 *	CONNECT, CONNECTED: writes their heads
 *	end of connection: unmaps the rings             bursts: read and write them
 *
 * If a client is stopped while its server's answer arrives, the interrupt thread writes to unmapped memory:
 * this happened on a busy machine to a client that retried after 0.4 s. If a peer ends during a burst, the
 * worker reads and writes unmapped memory: a server that was killed under load crashed its client. Polling before
 * the end of the handshake is harmless, except for a read of a freed pointer.
 *
 * So the interrupt thread runs memif's callbacks only while no other thread uses a memif port:
 *
 *	gate     an alarm's callback runs on the interrupt thread, and waits there. While it waits, no other
 *	         callback runs
 *	round    with all queues locked, the gate opens, pending callbacks run, the alarm fires again and the gate
 *	         closes
 *	pump     a thread that polls the control sockets, and makes a round when one is readable. It finds them
 *	         among the open files by type and path, because the driver does not give them
 *	lock     a worker's burst holds the lock of its queue, and is made only when the link was up after the last
 *	         round. Without contention a burst costs one atomic exchange more, on memif ports alone
 *
 * Stopping and starting need no round, because the interrupt thread waits in the gate. A round follows a stop
 * before the next start, so that events of the old socket do not apply to a new one with the same number.
 *
 * A server that accepts a connection whose client has gone panics: net_memif closes the connection because its
 * HELLO cannot be sent, and leaves it in the list of the interrupt thread, which then ends the process (EBADF). A
 * client that is killed while its server is slow does this. So the gate is closed before a server's socket listens
 * (la_memif_hold()), and directly before the gate opens, connections of closed clients are removed from the queue of
 * the listening socket (backlog.c). A client that closes between this and the accept, some microseconds later, still
 * ends the server. So does a client that closes while a port of EAL's argument --vdev starts, which EAL itself makes.
 *
 * Other drivers' interrupts and alarms wait for the next round in a process that has a memif port. None that
 * lastack uses needs them: links are polled.
 *
 * A client whose server has ended reconnects when there is a listener. Until then frames to send are
 * dropped and counted (tx_no_peer). A lastack memif port always has the same MAC address
 * (vdev.c), so that its peer's neighbour entries stay valid. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "core/log.h"
#include "io/backlog.h"
#include "io/eal.h"
#include "io/eal_log.h"
#include "io/memif.h"
#include "io/open_fds.h"

enum {
	FDS = 64,	   /* control sockets and listeners that are watched */
	POLL_MS = 5,	   /* the pump polls the control sockets for so long */
	FIRST_MS = 8000,   /* first wait of a client for its server */
	ANSWER_MS = 15000, /* wait for the answer on one connection: the server's machine may be busy */
	AGAIN_MS = 50,	   /* between two tries to connect */
	GATE_MS = 20000,   /* limit for the interrupt thread's first answer */
	BUSY_ROUNDS = 64,  /* consecutive rounds before a pause of the pump */
	SPINS = 256,	   /* tries of a worker to take a lock, between two yields */
};

static struct {
	pthread_mutex_t lock; /* of this structure, and of starting and stopping memif ports */
	sem_t open, closed;
	bool gated;  /* the gate exists, and is closed between rounds */
	bool opened; /* la_memif_release(): the gate closes no more */
	struct la_memif *ports[LA_EAL_MAX_PORTS];
	unsigned nports;
	struct pollfd fds[FDS];
	unsigned nfds;
	unsigned rounds; /* consecutive rounds of the pump */
	pthread_t pump;
	bool pumping, leave;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the gate ---- */

/* Runs on the interrupt thread: holds the thread until the next round. */
static void
wait_in_gate(void *arg)
{
	(void)arg;
	sem_post(&gate.closed);
	while (sem_wait(&gate.open) < 0)
		;
	if (!gate.opened)
		(void)rte_eal_alarm_set(1, wait_in_gate, NULL);
}

static int
close_gate(void)
{
	struct timespec until;

	if (gate.gated)
		return 0;
	if (sem_init(&gate.open, 0, 0) < 0 || sem_init(&gate.closed, 0, 0) < 0)
		return -errno;
	if (rte_eal_alarm_set(1, wait_in_gate, NULL) < 0)
		return -EIO;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GATE_MS / 1000;
	while (sem_timedwait(&gate.closed, &until) < 0)
		if (errno != EINTR)
			return -EIO;
	gate.gated = true;
	return 0;
}

static bool
link_is_up(uint16_t id)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static void
lock_queues(struct la_memif *m)
{
	for (unsigned i = 0; i < 2u * m->queues; i++) {
		struct la_memif_queue *q = i & 1 ? &m->tx[i / 2] : &m->rx[i / 2];

		while (!rte_spinlock_trylock(&q->lock))
			usleep(20); /* the queue's worker may need this CPU */
	}
}

static void
unlock_queues(struct la_memif *m)
{
	for (unsigned i = 0; i < m->queues; i++) {
		rte_spinlock_unlock(&m->rx[i].lock);
		rte_spinlock_unlock(&m->tx[i].lock);
	}
}

static void
note_link(struct la_memif *m)
{
	bool was = m->up;

	m->up = link_is_up(m->id);
	if (was && !m->up)
		la_log(LA_LOG_WARN, "port %u: the memif peer on %s is gone; frames to it are dropped until it returns",
		       m->id, m->path);
	else if (!was && m->up && m->tried_ms != 0)
		la_log(LA_LOG_INFO, "port %u: there is a memif peer on %s", m->id, m->path);
}

/* Makes one round: the interrupt thread runs its pending callbacks while all queues are locked. */
static void
make_round(void)
{
	for (unsigned i = 0; i < gate.nports; i++)
		lock_queues(gate.ports[i]);
	for (unsigned i = 0; i < gate.nfds; i++)
		la_backlog_drop_closed(gate.fds[i].fd);
	sem_post(&gate.open);
	while (sem_wait(&gate.closed) < 0)
		;
	for (unsigned i = 0; i < gate.nports; i++) {
		note_link(gate.ports[i]);
		unlock_queues(gate.ports[i]);
	}
}

/* ---- control sockets ---- */

static bool
is_path(const struct sockaddr_un *sun, socklen_t len, const char *path)
{
	return len > sizeof(sun->sun_family) && sun->sun_family == AF_UNIX &&
	       strncmp(sun->sun_path, path, sizeof(sun->sun_path)) == 0;
}

static bool
is_control(int fd, const char *path)
{
	struct sockaddr_un here = {0}, there = {0};
	socklen_t n = sizeof(here), k = sizeof(there), size = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
		return false;
	return (getsockname(fd, (struct sockaddr *)&here, &n) == 0 && is_path(&here, n, path)) ||
	       (getpeername(fd, (struct sockaddr *)&there, &k) == 0 && is_path(&there, k, path));
}

/* A search for control sockets. */
struct control_search {
	const struct la_memif *of; /* a port, which need not be in gate.ports yet, or NULL */
	unsigned own;		   /* number of its control sockets */
};

static bool
is_control_of_port(int fd, void *ctx)
{
	struct control_search *c = ctx;

	if (c->of != NULL && is_control(fd, c->of->path)) {
		c->own++;
		return true;
	}
	for (unsigned i = 0; i < gate.nports; i++)
		if (is_control(fd, gate.ports[i]->path))
			return true;
	return false;
}

/* Finds the control sockets of all ports, and of m. Returns the number of those of m, or 0 if m is NULL. */
static unsigned
find_sockets(const struct la_memif *m)
{
	struct control_search c = {.of = m};
	int fds[FDS];

	gate.nfds = la_open_fds(is_control_of_port, &c, fds, FDS);
	for (unsigned i = 0; i < gate.nfds; i++)
		gate.fds[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	return c.own;
}

/* Waits up to `ms` until a control socket is readable, and makes a round. */
static void
memif_serve_sockets(const struct la_memif *starting, int ms)
{
	if (poll(gate.fds, gate.nfds, ms) > 0) {
		make_round();
		(void)find_sockets(starting);
		if (++gate.rounds < BUSY_ROUNDS)
			return;
		usleep(POLL_MS * 1000);
	}
	gate.rounds = 0;
}

/* ---- connecting ---- */

/* Returns whether a process listens on the socket. Calls connect() on a datagram socket: the kernel then returns
 * EPROTOTYPE and makes no connection. */
static bool
has_listener(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0)
		return true;
	memcpy(sun.sun_path, path, strnlen(path, sizeof(sun.sun_path) - 1));
	there = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 && errno == EPROTOTYPE;
	close(fd);
	return there;
}

/* Stops a client's device, which connects only once, when it starts. */
static void
stop_client(struct la_memif *m)
{
	(void)rte_eth_dev_stop(m->id);
	make_round();
}

static int
connect_first(struct la_memif *m, bool (*stopped)(void))
{
	uint64_t end = now_ms() + FIRST_MS;

	while (now_ms() < end) {
		if (has_listener(m->path) && rte_eth_dev_start(m->id) == 0) {
			uint64_t answer = now_ms() + ANSWER_MS;

			while (find_sockets(m) > 0 && !link_is_up(m->id) && now_ms() < answer &&
			       !(stopped && stopped()))
				memif_serve_sockets(m, POLL_MS);
			if (link_is_up(m->id))
				return 0;
			stop_client(m);
		}
		if (stopped && stopped())
			return -EINTR;
		usleep(AGAIN_MS * 1000);
	}
	return -ETIMEDOUT;
}

/* Starts a client's device again after its server has ended. A connection that the server has not answered is kept for
 * ANSWER_MS: the server may be starting. */
static void
connect_again(struct la_memif *m)
{
	uint64_t now = now_ms();

	if (!m->client || m->up || now < m->tried_ms + AGAIN_MS)
		return;
	if (find_sockets(m) > 0 && now < m->tried_ms + ANSWER_MS)
		return;
	m->tried_ms = now;
	if (!has_listener(m->path))
		return;
	la_eal_log_live(false);
	stop_client(m);
	(void)rte_eth_dev_start(m->id);
	la_eal_log_live(true);
	(void)find_sockets(NULL);
}

static void *
pump_main(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&gate.leave, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&gate.lock);
		memif_serve_sockets(NULL, POLL_MS);
		for (unsigned i = 0; i < gate.nports; i++)
			connect_again(gate.ports[i]);
		pthread_mutex_unlock(&gate.lock);
		usleep(100); /* lets another thread take the mutex, which is not fair */
	}
	return NULL;
}

static int
start_pump(void)
{
	sigset_t all, old;
	int r;

	if (gate.pumping)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = rte_ctrl_thread_create(&gate.pump, "la-memif", NULL, pump_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	gate.pumping = r == 0;
	return r > 0 ? -r : r;
}

/* ---- the calls ---- */

/* Reads role and socket path from the device's arguments, which come from vdev.c or from the user's --vdev. */
static void
read_arguments(struct la_memif *m)
{
	struct rte_eth_dev_info info;
	const struct rte_devargs *args;
	const char *p;

	if (rte_eth_dev_info_get(m->id, &info) != 0 || info.device == NULL)
		return;
	args = rte_dev_devargs(info.device);
	if (args == NULL || args->args == NULL)
		return;
	m->client = strstr(args->args, "role=client") != NULL || strstr(args->args, "role=slave") != NULL;
	p = strstr(args->args, "socket=");
	if (p != NULL) {
		p += strlen("socket=");
		memcpy(m->path, p, RTE_MIN(strcspn(p, ","), sizeof(m->path) - 1));
	}
}

static int
memif_start(struct la_memif *m, bool (*stopped)(void))
{
	int r = close_gate();

	if (r == 0 && gate.nports == LA_EAL_MAX_PORTS)
		r = -E2BIG;
	if (r == 0)
		r = m->client ? connect_first(m, stopped) : rte_eth_dev_start(m->id);
	if (r < 0)
		return r;
	m->up = link_is_up(m->id);
	m->tried_ms = now_ms();
	gate.ports[gate.nports++] = m;
	(void)find_sockets(NULL);
	return start_pump();
}

int
la_memif_hold(void)
{
	int r;

	pthread_mutex_lock(&gate.lock);
	r = close_gate();
	pthread_mutex_unlock(&gate.lock);
	return r;
}

int
la_memif_start(uint16_t id, uint16_t queues, bool (*stopped)(void), struct la_memif **out)
{
	struct la_memif *m;
	int r;

	if (posix_memalign((void **)&m, RTE_CACHE_LINE_SIZE, sizeof(*m)) != 0)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	m->id = id;
	m->queues = queues;
	read_arguments(m);
	pthread_mutex_lock(&gate.lock);
	r = memif_start(m, stopped);
	pthread_mutex_unlock(&gate.lock);
	if (r < 0)
		free(m);
	else
		*out = m;
	return r;
}

void
la_memif_stop(struct la_memif *m)
{
	pthread_mutex_lock(&gate.lock);
	for (unsigned i = 0; i < gate.nports; i++)
		if (gate.ports[i] == m)
			gate.ports[i] = gate.ports[--gate.nports];
	lock_queues(m);
	m->up = false;
	(void)rte_eth_dev_stop(m->id);
	unlock_queues(m);
	(void)find_sockets(NULL);
	pthread_mutex_unlock(&gate.lock);
	free(m);
}

void
la_memif_end(void)
{
	if (!gate.pumping)
		return;
	__atomic_store_n(&gate.leave, true, __ATOMIC_RELEASE);
	pthread_join(gate.pump, NULL);
	gate.pumping = gate.leave = false;
}

void
la_memif_release(void)
{
	if (!gate.gated)
		return;
	gate.opened = true;
	gate.gated = false;
	sem_post(&gate.open);
}

bool
la_memif_enter(struct la_memif *m, struct la_memif_queue *q)
{
	for (unsigned i = 1; !rte_spinlock_trylock(&q->lock); i++) {
		if (i % SPINS == 0)
			sched_yield();
		rte_pause();
	}
	if (likely(m->up))
		return true;
	rte_spinlock_unlock(&q->lock);
	return false;
}

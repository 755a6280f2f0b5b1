/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <sodium.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "io/eal_log.h"
#include "io/fanout.h"
#include "io/memif.h"
#include "io/pci.h"
#include "io/port.h"
#include "io/rights.h"
#include "io/tap.h"
#include "io/vdev.h"
#include "io/words.h"
#include "io/xdp.h"

enum {
	RING_FRAMES = 4096,   /* between the two ports of a pair, for each direction and queue */
	PACKET_FRAMES = 2048, /* in AF_PACKET's rings, for each direction and queue */
	MEMIF_RING = 1024,    /* frames, unless ring= or rsize= is given */
	MEMIF_BUFFER = 2048,  /* bytes, unless buffer= or bsize= is given */
	NAME_LEN = 64,
	ARGS_LEN = 512,
};

struct vdev {
	enum la_port_kind kind;
	char name[NAME_LEN];
	char args[ARGS_LEN];
	char head[ARGS_LEN];	   /* the argument up to its first comma: an interface or a path */
	const char *tail;	   /* the argument after its first comma; "": no comma */
	struct la_tap_addrs addrs; /* of the kernel's end of a TAP */
	struct la_xdp_words xdp;
};

static const char *const driver_of[] = {
	[LA_PORT_TAP] = "net_tap",     [LA_PORT_VETH] = "net_af_packet", [LA_PORT_XDP] = "net_af_xdp",
	[LA_PORT_MEMIF] = "net_memif", [LA_PORT_NULL] = "net_null",
};

/* Socket files of our memif servers, which la_vdev_clean_up() removes. */
static struct {
	char path[LA_EAL_MAX_PORTS][sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	unsigned n;
} sockets;

bool
la_vdev_may_close(const char *driver)
{
	return strcmp(driver, driver_of[LA_PORT_MEMIF]) != 0;
}

void
la_vdev_clean_up(void)
{
	la_tap_forget();
	la_xdp_forget();
	while (sockets.n > 0)
		unlink(sockets.path[--sockets.n]);
}

static int __attribute__((format(printf, 4, 5))) vdev_fail(int r, char *err, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, size, fmt, ap);
	va_end(ap);
	return r;
}

/* "la0,mac=fixed" -> head "la0", tail "mac=fixed": the tail goes to the driver unchanged. */
static int
split_arg(struct vdev *v, const char *arg, char *err, size_t size)
{
	size_t n = arg != NULL ? strcspn(arg, ",") : 0;

	if (n >= sizeof(v->head))
		return vdev_fail(-EINVAL, err, size, "%s: argument too long", v->name);
	if (n > 0)
		memcpy(v->head, arg, n);
	v->head[n] = '\0';
	v->tail = arg != NULL && arg[n] == ',' ? arg + n + 1 : "";
	return 0;
}

static int
check_interface(const struct vdev *v, char *err, size_t size)
{
	const char *what = v->kind == LA_PORT_TAP ? "tap" : v->kind == LA_PORT_VETH ? "veth" : "xdp";

	if (v->head[0] == '\0')
		return vdev_fail(-EINVAL, err, size, "%s: an interface name is needed, as in %s:la0", what, what);
	if (strlen(v->head) >= IF_NAMESIZE)
		return vdev_fail(-EINVAL, err, size, "%s: interface name \"%s\" is longer than %d bytes", what, v->head,
				 IF_NAMESIZE - 1);
	if (v->kind == LA_PORT_TAP)
		return 0;
	if (if_nametoindex(v->head) == 0)
		return vdev_fail(-ENODEV, err, size,
				 "%s: there is no interface %s in this network namespace: see \"ip "
				 "link\", or "
				 "make one with \"ip link add %s type veth peer name %.11s-peer\"",
				 what, v->head, v->head, v->head);
	return 0;
}

static int
check_socket(const struct vdev *v, char *err, size_t size)
{
	char dir[ARGS_LEN];
	char *slash;

	if (v->head[0] == '\0')
		return vdev_fail(-EINVAL, err, size, "memif: a socket path is needed, as in memif:/run/la.sock");
	if (strlen(v->head) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return vdev_fail(-EINVAL, err, size, "memif: socket path %s is too long", v->head);
	memcpy(dir, v->head, strlen(v->head) + 1);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		memcpy(dir, ".", 2);
	else
		slash[slash == dir] = '\0';
	if (access(dir, W_OK | X_OK) < 0)
		return vdev_fail(-errno, err, size, "memif: directory %s of the socket: %s", dir, strerror(errno));
	return 0;
}

/* A killed server leaves its socket file, and net_memif does not remove it. This function removes the file if no
 * process listens on the socket. It calls connect() on a datagram socket: the kernel returns EPROTOTYPE while a process
 * listens, and ECONNREFUSED otherwise. A real connection must not be made: net_memif 22.11 panics if its peer closes at
 * once. */
static void
remove_stale_socket(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 && errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

/* Writes ",mac=..." to mac; "" if the user has given an address. The driver's random address would change at each start
 * of the process, and the peer would send to the old address. This address is a hash of host name, role, socket path
 * and the user's other words. */
static void
memif_mac(const struct vdev *v, const char *role, const char *rest, char *mac, size_t size)
{
	char text[2 * ARGS_LEN + 128], host[64] = "";
	uint8_t digest[16];

	mac[0] = '\0';
	if (strstr(rest, ",mac=") != NULL)
		return;
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(text, sizeof(text), "%s %s %s%s", host, role, v->head, rest);
	(void)crypto_generichash(digest, sizeof(digest), (const uint8_t *)text, strlen(text), NULL, 0);
	snprintf(mac, size, ",mac=02:6c:%02x:%02x:%02x:%02x", digest[0], digest[1], digest[2], digest[3]);
}

/* The driver computes the size of the shared memory as an int. */
static bool
memif_memory_fits(const struct la_memif_words *w, unsigned queues)
{
	uint64_t ring = w->ring != 0 ? w->ring : MEMIF_RING, buffer = w->buffer != 0 ? w->buffer : MEMIF_BUFFER;

	return ring * buffer * 2 * queues <= INT32_MAX;
}

static int
memif_args(struct vdev *v, unsigned queues, char *err, size_t size)
{
	char mac[32], ring[16] = "", buffer[24] = "", why[160];
	struct la_memif_words w;
	const char *role;
	int n;

	if (la_memif_words(v->tail, &w, why, sizeof(why)) < 0)
		return vdev_fail(-EINVAL, err, size, "memif: \"%s\"; allowed: %s", v->tail, why);
	if (!memif_memory_fits(&w, queues))
		return vdev_fail(-EINVAL, err, size,
				 "memif: \"%s\": %u rings of this size need more than 2 GiB of shared memory", v->tail,
				 2 * queues);
	role = w.client ? "client" : "server";
	if (w.ring != 0)
		snprintf(ring, sizeof(ring), ",rsize=%d", __builtin_ctz(w.ring));
	if (w.buffer != 0)
		snprintf(buffer, sizeof(buffer), ",bsize=%u", w.buffer);
	memif_mac(v, role, w.rest, mac, sizeof(mac));
	n = snprintf(v->args, sizeof(v->args), "role=%s,socket=%s,socket-abstract=no%s%s%s%s", role, v->head, ring,
		     buffer, w.rest, mac);
	if ((size_t)n >= sizeof(v->args))
		return vdev_fail(-EINVAL, err, size, "memif: argument too long");
	if (!w.client)
		remove_stale_socket(v->head);
	return 0;
}

static int
xdp_args(struct vdev *v, char *err, size_t size)
{
	char busy[24] = "", why[160];
	int n;

	if (la_xdp_words(v->tail, &v->xdp, why, sizeof(why)) < 0)
		return vdev_fail(-EINVAL, err, size, "xdp: \"%s\"; allowed: %s", v->tail, why);
	if (v->xdp.has_busy_poll)
		snprintf(busy, sizeof(busy), ",busy_budget=%u", v->xdp.busy_poll);
	n = snprintf(v->args, sizeof(v->args), "iface=%s,start_queue=0,queue_count=1%s%s%s", v->head,
		     v->xdp.copy ? ",force_copy=1" : "", busy, v->xdp.rest);
	return (size_t)n < sizeof(v->args) ? 0 : vdev_fail(-EINVAL, err, size, "xdp: argument too long");
}

static int
build_args(struct vdev *v, unsigned queues, char *err, size_t size)
{
	const char *comma = v->tail[0] != '\0' ? "," : "";
	char rest[ARGS_LEN], why[160];
	int n = 0;
	int r;

	switch (v->kind) {
	case LA_PORT_TAP:
	case LA_PORT_VETH:
	case LA_PORT_XDP:
		r = check_interface(v, err, size);
		if (r < 0)
			return r;
		break;
	case LA_PORT_MEMIF:
		r = check_socket(v, err, size);
		return r < 0 ? r : memif_args(v, queues, err, size);
	default:
		break;
	}

	if (v->kind == LA_PORT_TAP) {
		r = la_tap_split(v->tail, &v->addrs, rest, sizeof(rest), why, sizeof(why));
		if (r < 0)
			return vdev_fail(r, err, size, "tap: \"%s\"; allowed: %s", v->tail, why);
		n = snprintf(v->args, sizeof(v->args), "iface=%s%s%s", v->head, rest[0] ? "," : "", rest);
	} else if (v->kind == LA_PORT_VETH)
		n = snprintf(v->args, sizeof(v->args), "iface=%s,qpairs=%u,framecnt=%d%s%s", v->head, queues,
			     PACKET_FRAMES, comma, v->tail);
	else if (v->kind == LA_PORT_XDP)
		return xdp_args(v, err, size);
	else if (v->kind == LA_PORT_NULL)
		n = snprintf(v->args, sizeof(v->args), "%s%s%s", v->head, comma, v->tail);
	if ((size_t)n >= sizeof(v->args))
		return vdev_fail(-EINVAL, err, size, "%s: argument too long", v->name);
	return 0;
}

static bool
kernel_has_xdp(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), r = errno;

	if (fd >= 0)
		close(fd);
	return fd >= 0 || r != EAFNOSUPPORT;
}

const char *
la_vdev_advice(enum la_port_kind kind, const char *name, uint64_t locked, char *buf, size_t size)
{
	struct la_pci_host host;

	if (kind == LA_PORT_MEMIF)
		return "is another memif with the same id on this socket? Add \",id=1\" for a second memif";
	if (kind != LA_PORT_TAP && kind != LA_PORT_VETH && kind != LA_PORT_XDP)
		return "see DPDK's documentation of this driver";
	if (kind == LA_PORT_TAP && access("/dev/net/tun", F_OK) < 0)
		return "there is no /dev/net/tun: try \"modprobe tun\"";
	la_pci_host_read("", &host);
	if (la_rights_lack(&host, kind, locked, buf, size)[0] != '\0')
		return buf;
	if (kind == LA_PORT_TAP && name != NULL && if_nametoindex(name) != 0)
		return "an interface of that name exists: choose another, or \"ip link del\" it";
	if (kind == LA_PORT_TAP)
		return "may this container create interfaces?";
	if (kind == LA_PORT_VETH)
		return "is the interface an Ethernet one, and is there memory for its rings?";
	if (!kernel_has_xdp())
		return "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS): veth:IFACE is slower and needs none";
	return "this process has the rights and the memory limit for AF_XDP: another XDP program, or another AF_XDP socket, "
	       "may have the interface; veth:IFACE is slower and shares it";
}

static int
add_device(void *ctx)
{
	const struct vdev *v = ctx;

	return rte_eal_hotplug_add("vdev", v->name, v->args);
}

/* Creates an AF_PACKET port. Its sockets join a fanout group whose id no other process has (io/fanout.c). */
static int
add_packet_device(struct vdev *v)
{
	int held, r = la_fanout_without(add_device, v, &held);

	if (r != 0 || !held)
		return r;
	r = la_fanout_join(if_nametoindex(v->head));
	if (r < 0)
		(void)rte_eal_hotplug_remove("vdev", v->name);
	return r;
}

static int
vdev_probe(struct vdev *v, uint16_t *id, char *err, size_t size)
{
	char said[256], advice[512];
	int r;

	if (v->kind == LA_PORT_MEMIF) {
		r = la_memif_hold();
		if (r < 0)
			return vdev_fail(r, err, size, "%s: DPDK's interrupt thread does not answer", v->name);
	}
	la_eal_log_mark();
	r = v->kind == LA_PORT_VETH ? add_packet_device(v) : add_device(v);
	if (r == 0)
		r = rte_eth_dev_get_port_by_name(v->name, id);
	if (r == 0 && strncmp(v->args, "role=server", strlen("role=server")) == 0 && sockets.n < LA_EAL_MAX_PORTS)
		memcpy(sockets.path[sockets.n++], v->head, strlen(v->head) + 1);
	if (r == 0)
		return 0;

	/* An unknown name means that the driver is missing among DPDK's plugins. */
	la_eal_log_reason(said, sizeof(said));
	if (strstr(said, "failed to parse device") != NULL)
		return vdev_fail(-ENODEV, err, size, "%s: DPDK has no driver %s: is its package installed?", v->name,
				 driver_of[v->kind]);
	return vdev_fail(r, err, size, "%s,%s: %s: %s", v->name, v->args, said[0] != '\0' ? said : strerror(-r),
			 la_vdev_advice(v->kind, v->head, 0, advice, sizeof(advice)));
}

/* Two ports with crossed rings: frames sent on queue q of one are received on queue q of the other. A
 * queue has one thread at each end, so the rings need no atomic exchange. */
static int
create_ring_pair(unsigned i, unsigned queues, uint16_t ids[2], char *err, size_t size)
{
	struct rte_ring *ring[2][LA_PORT_MAX_QUEUES] = {0};
	char name[NAME_LEN];
	int r;

	for (unsigned k = 0; k < 2 * queues; k++) {
		snprintf(name, sizeof(name), "la_ring%u_%c%u", i, "ab"[k & 1], k / 2);
		ring[k & 1][k / 2] = rte_ring_create(name, RING_FRAMES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (ring[k & 1][k / 2] == NULL) {
			r = vdev_fail(-rte_errno, err, size, "ring: no memory for its rings: %s",
				      rte_strerror(rte_errno));
			goto undo;
		}
	}
	for (unsigned k = 0; k < 2; k++) {
		la_eal_log_mark();
		snprintf(name, sizeof(name), "la%u%c", i, "ab"[k]);
		r = rte_eth_from_rings(name, ring[k], queues, ring[!k], queues, 0);
		if (r < 0) {
			char said[256];

			r = vdev_fail(-rte_errno, err, size, "ring: %s: %s", rte_strerror(rte_errno),
				      la_eal_log_reason(said, sizeof(said)));
			if (k > 0)
				rte_eth_dev_close(ids[0]);
			goto undo;
		}
		ids[k] = (uint16_t)r;
	}
	return 2;

undo:
	for (unsigned k = 0; k < 2 * queues; k++)
		rte_ring_free(ring[k & 1][k / 2]);
	return r < 0 ? r : -EIO;
}

int
la_vdev_create(enum la_port_kind kind, const char *arg, unsigned i, unsigned queues, uint16_t ids[2], char *err,
	       size_t size)
{
	struct vdev v = {.kind = kind};
	uint16_t taken;
	int r;

	queues = RTE_MIN(RTE_MAX(queues, 1u), (unsigned)LA_PORT_MAX_QUEUES);
	if (kind == LA_PORT_RING)
		return create_ring_pair(i, queues, ids, err, size);
	if ((unsigned)kind >= RTE_DIM(driver_of) || driver_of[kind] == NULL)
		return vdev_fail(-EINVAL, err, size, "port %u: unknown kind %d", i, (int)kind);

	/* The user's own --vdev may use the name. */
	for (unsigned n = i;; n++) {
		snprintf(v.name, sizeof(v.name), "%s%u", driver_of[kind], n);
		if (rte_eth_dev_get_port_by_name(v.name, &taken) != 0)
			break;
	}
	r = split_arg(&v, arg, err, size);
	if (r == 0)
		r = build_args(&v, queues, err, size);
	if (r == 0)
		r = vdev_probe(&v, &ids[0], err, size);
	if (r == 0)
		la_tap_keep(ids[0], &v.addrs);
	if (r == 0)
		la_xdp_keep(ids[0], &v.xdp);
	return r < 0 ? r : 1;
}

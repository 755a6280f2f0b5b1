/* SPDX-License-Identifier: BSD-3-Clause */

/* Claims.
 *
 * Two lastack processes on one interface would both answer every connection: a TAP takes a second queue, AF_PACKET
 * copies each frame to every socket. The kernel allows this, so the second process is refused here.
 *
 *	interface, by name      abstract UNIX socket  @lastack/if/NAME
 *	interface, by number    abstract UNIX socket  @lastack/ifindex/N      as soon as it exists
 *	PCI device of -a        abstract UNIX socket  @lastack/pci/ADDRESS
 *	memif server            flock on SOCKET.lock, beside the socket
 *
 * An abstract socket belongs to a network namespace, as an interface does, needs no privilege and no writable
 * directory, and disappears at any end of its process. The name alone would miss a renamed interface;
 * the number alone would miss a TAP that does not exist yet. The owner listens, so that the kernel gives the
 * refused process the owner's pid (SO_PEERCRED); no connection is accepted.
 *
 * A memif socket is a file, and network namespaces may share it. So its lock is a file, too, and contains
 * the owner's pid. A crash leaves the lock file, unlocked.
 *
 * Claims are advisory, among lastack processes. Another user of the machine can take a name first: the error
 * names the process. */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/allow.h"
#include "io/claim.h"
#include "io/eal.h"
#include "io/pci.h"

enum { CLAIMS = 4 * LA_EAL_MAX_ARGS, WORD = 256, TRIES = 8 };

static struct {
	struct held {
		char what[WORD]; /* the abstract name, or the path of the lock file */
		const void *owner;
		int fd;
		bool is_file;
	} held[CLAIMS];
	unsigned n;
	const void *owner; /* of the next claim */
} claims;

static bool
is_ours(const char *what)
{
	for (unsigned i = 0; i < claims.n; i++)
		if (strcmp(claims.held[i].what, what) == 0)
			return true;
	return false;
}

static int
claim_keep(const char *what, int fd, bool is_file)
{
	struct held *h = &claims.held[claims.n];

	if (claims.n == CLAIMS) {
		close(fd);
		return -E2BIG;
	}
	snprintf(h->what, sizeof(h->what), "%s", what);
	h->owner = claims.owner;
	h->fd = fd;
	h->is_file = is_file;
	claims.n++;
	return 0;
}

static void
claim_free(const struct held *h)
{
	if (h->is_file)
		(void)unlink(h->what); /* still locked: a process that has opened it finds that it is gone */
	close(h->fd);
}

void
la_claim_drop(void)
{
	while (claims.n > 0)
		claim_free(&claims.held[--claims.n]);
}

void
la_claim_release(const void *owner)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < claims.n; i++) {
		if (claims.held[i].owner == owner)
			claim_free(&claims.held[i]);
		else
			claims.held[kept++] = claims.held[i];
	}
	claims.n = kept;
}

/* Writes " (pid 123, lastack)" to buf, or "" if the process is unknown. Returns buf. */
static const char *
claim_process_text(pid_t pid, char *buf, size_t size)
{
	char path[64], comm[32] = "";
	FILE *f;

	buf[0] = '\0';
	if (pid <= 0)
		return buf;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f != NULL && fgets(comm, sizeof(comm), f) == NULL)
		comm[0] = '\0';
	if (f != NULL)
		fclose(f);
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(buf, size, " (pid %d%s%s)", (int)pid, comm[0] ? ", " : "", comm);
	return buf;
}

static int
claim_refuse(const char *what, pid_t pid, char *err, size_t size)
{
	char who[64];

	if (pid == getpid())
		snprintf(err, size, "%s is given to two ports", what);
	else
		snprintf(err, size, "%s is in use by another lastack%s: two would both answer every connection", what,
			 claim_process_text(pid, who, sizeof(who)));
	return -EBUSY;
}

/* ---- interfaces ---- */

static socklen_t
claim_socket_addr(struct sockaddr_un *sun, const char *name)
{
	size_t n = strlen(name);

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (n > sizeof(sun->sun_path) - 1)
		n = sizeof(sun->sun_path) - 1;
	memcpy(sun->sun_path + 1, name, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

/* The process that listens on the abstract socket `name`; 0: unknown. */
static pid_t
claim_socket_owner(const char *name)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	struct sockaddr_un sun;
	socklen_t n = claim_socket_addr(&sun, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, (struct sockaddr *)&sun, n) < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		cred.pid = 0;
	close(fd);
	return cred.pid;
}

/* what: for the error, "interface la0". */
static int
claim_name(const char *name, const char *what, char *err, size_t size)
{
	struct sockaddr_un sun;
	socklen_t n = claim_socket_addr(&sun, name);
	int fd, r;

	if (is_ours(name))
		return claim_refuse(what, getpid(), err, size);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0; /* no UNIX sockets: no claims */
	if (bind(fd, (struct sockaddr *)&sun, n) == 0) {
		(void)listen(fd, SOMAXCONN);
		return claim_keep(name, fd, false);
	}
	r = -errno;
	close(fd);
	return r == -EADDRINUSE ? claim_refuse(what, claim_socket_owner(name), err, size) : 0;
}

int
la_claim_number(const char *name, char *err, size_t size)
{
	char what[WORD], claim[64];
	unsigned number = if_nametoindex(name);

	if (number == 0)
		return 0;
	snprintf(what, sizeof(what), "interface %s", name);
	snprintf(claim, sizeof(claim), "lastack/ifindex/%u", number);
	return claim_name(claim, what, err, size);
}

static int
claim_interface(const char *name, char *err, size_t size)
{
	char what[WORD], claim[WORD], real[IF_NAMESIZE];
	unsigned number = if_nametoindex(name);
	int r;

	if (number != 0 && if_indextoname(number, real) != NULL) /* the name may be an alternative name */
		name = real;
	snprintf(what, sizeof(what), "interface %.200s", name);
	snprintf(claim, sizeof(claim), "lastack/if/%.200s", name);
	r = claim_name(claim, what, err, size);
	return r < 0 ? r : la_claim_number(name, err, size);
}

/* ---- memif servers ---- */

static pid_t
claim_pid_in_file(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? (pid_t)atoi(text) : 0;
}

/* Returns whether `path` is still the file that was opened as fd. */
static bool
is_the_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int
claim_socket(const char *socket_path, char *err, size_t size)
{
	char path[WORD], what[WORD + 32], pid[16];
	int fd, n;

	n = snprintf(path, sizeof(path), "%s.lock", socket_path);
	snprintf(what, sizeof(what), "memif socket %s", socket_path);
	if (n < 0 || (size_t)n >= sizeof(path) || is_ours(path))
		return 0; /* a second port of this process on the socket: memif distinguishes them by id */
	for (unsigned i = 0; i < TRIES; i++) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd < 0)
			return 0; /* la_vdev_create() reports the fault of the directory */
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			pid_t who = claim_pid_in_file(fd);

			close(fd);
			return claim_refuse(what, who, err, size);
		}
		if (is_the_file(fd, path)) {
			n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
			if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
				n = 0; /* a refused process then cannot name the owner */
			return claim_keep(path, fd, true);
		}
		close(fd); /* the previous owner has just removed the file */
	}
	return 0;
}

/* ---- names in a configuration ---- */

/* Copies the value of "key=" in a device's arguments to `to`. False: no such key. */
static bool
value_of(const char *args, const char *key, char *to, size_t size)
{
	size_t n = strlen(key);

	for (const char *p = args; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, key, n) == 0 && p[n] == '=') {
			snprintf(to, size, "%.*s", (int)strcspn(p + n + 1, ","), p + n + 1);
			return true;
		}
	}
	return false;
}

/* Claims what a --vdev argument names, as in "net_tap0,iface=la0". An abstract memif socket, which is the driver's
 * default, needs no claim: the kernel refuses a second server. */
static int
claim_vdev(const char *device, char *err, size_t size)
{
	char value[WORD];

	if (strstr(device, "net_tap") == device || strstr(device, "net_af_packet") == device ||
	    strstr(device, "eth_af_packet") == device || strstr(device, "net_af_xdp") == device)
		return value_of(device, "iface", value, sizeof(value)) ? claim_interface(value, err, size) : 0;
	if (strstr(device, "net_memif") != device || !value_of(device, "socket-abstract", value, sizeof(value)) ||
	    strcmp(value, "no") != 0 || !value_of(device, "role", value, sizeof(value)) ||
	    (strcmp(value, "server") != 0 && strcmp(value, "master") != 0) ||
	    !value_of(device, "socket", value, sizeof(value)))
		return 0;
	return claim_socket(value, err, size);
}

static int
claim_pci(const char *device, char *err, size_t size)
{
	char addr[LA_PCI_ADDR], what[WORD], claim[64];

	if (!la_pci_address(device, addr))
		return 0;
	snprintf(what, sizeof(what), "device %s", addr);
	snprintf(claim, sizeof(claim), "lastack/pci/%s", addr);
	return claim_name(claim, what, err, size);
}

static bool
is_client(const char *arg)
{
	for (const char *p = strchr(arg, ','); p != NULL; p = strchr(p + 1, ','))
		if (strncmp(p + 1, "client", 6) == 0 && (p[7] == ',' || p[7] == '\0'))
			return true;
	return false;
}

static int
claim_port(enum la_port_kind kind, const char *arg, char *err, size_t size)
{
	char head[WORD];

	if (arg == NULL || strcspn(arg, ",") == 0 || strcspn(arg, ",") >= sizeof(head))
		return 0; /* la_vdev_create() reports the missing part */
	snprintf(head, sizeof(head), "%.*s", (int)strcspn(arg, ","), arg);
	if (kind == LA_PORT_TAP || kind == LA_PORT_VETH || kind == LA_PORT_XDP)
		return claim_interface(head, err, size);
	if (kind == LA_PORT_MEMIF && !is_client(arg))
		return claim_socket(head, err, size);
	return 0;
}

int
la_claim_device(const void *owner, enum la_port_kind kind, const char *arg, char *err, size_t size)
{
	int r;

	claims.owner = owner;
	if (kind != LA_PORT_EAL)
		r = claim_port(kind, arg, err, size);
	else
		r = claim_pci(arg, err, size) < 0 ? -EBUSY : claim_vdev(arg, err, size);
	claims.owner = NULL;
	return r;
}

int
la_claim_tap(const void *owner, const char *arg, char *err, size_t size)
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, ","), arg);
	claims.owner = owner;
	r = la_claim_number(name, err, size);
	claims.owner = NULL;
	return r;
}

int
la_claim_ports(const struct la_eal_config *cfg, char *err, size_t size)
{
	const char *text;
	int r = 0;

	for (unsigned i = 0; i < cfg->nports && r == 0; i++)
		r = claim_port(cfg->ports[i].kind, cfg->ports[i].arg, err, size);
	for (unsigned i = 0; i < cfg->nargs && r == 0; i++) {
		const char *a = cfg->args[i];

		if (strncmp(a, "--vdev=", 7) == 0)
			r = claim_vdev(a + 7, err, size);
		else if (strcmp(a, "--vdev") == 0 && i + 1 < cfg->nargs)
			r = claim_vdev(cfg->args[i + 1], err, size);
	}
	for (unsigned i = 0; r == 0 && (text = la_allow_next(cfg, &i)) != NULL;)
		r = claim_pci(text, err, size);
	if (r < 0)
		la_claim_drop();
	return r;
}

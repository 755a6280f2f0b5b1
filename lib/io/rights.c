/* SPDX-License-Identifier: BSD-3-Clause */

/* Rights, as DPDK 22.11 and libxdp 1.3 use them; each was tried with the others present:
 *
 *	port	   capability     for
 *	TAP	   CAP_NET_ADMIN  creates the interface
 *	AF_PACKET  CAP_NET_RAW	  opens the socket
 *		   CAP_NET_ADMIN  net_af_packet writes the MAC address of the interface at each start
 *	AF_XDP	   CAP_NET_RAW	  opens the socket
 *		   CAP_NET_ADMIN  attaches the XDP program
 *		   CAP_BPF	  loads it
 *		   CAP_SYS_ADMIN  libxdp opens it and its map again by id; includes CAP_BPF (capabilities(7))
 *		   CAP_IPC_LOCK	  or RLIMIT_MEMLOCK of the size of the packet buffers, which the kernel locks
 *
 * CAP_NET_RAW and CAP_NET_ADMIN count in the user namespace that owns the network namespace: unshare -Urn gives them.
 * The other capabilities count in the first user namespace only, so an AF_XDP port needs real root.
 *
 * Kernel. net_af_xdp always asks for XDP_USE_NEED_WAKEUP, which Linux has since 5.4. CAP_BPF exists since 5.8. */

#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>

#include "io/rights.h"

enum { MIB = 1 << 20, LINUX_WAKEUP = 5004, LINUX_CAP_BPF = 5008 };

struct list {
	char *buf;
	size_t size, used;
};

static bool
rights_has(const struct la_pci_host *host, unsigned cap)
{
	return (host->caps >> cap & 1) != 0;
}

/* Adds one thing that is missing. */
static void __attribute__((format(printf, 2, 3))) rights_add(struct list *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (l->used >= l->size)
		return;
	l->used += (size_t)snprintf(l->buf + l->used, l->size - l->used, "%s",
				    l->used > 0 ? ", " : "this process lacks ");
	if (l->used >= l->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->used, l->size - l->used, fmt, ap);
	va_end(ap);
	l->used += n > 0 ? (size_t)n : 0;
}

static void
rights_append(struct list *l, const char *text)
{
	if (l->used > 0 && l->used < l->size)
		l->used += (size_t)snprintf(l->buf + l->used, l->size - l->used, "%s", text);
}

static void
rights_of_net(const struct la_pci_host *host, enum la_port_kind kind, struct list *l)
{
	const char *raw = kind == LA_PORT_XDP ? "opens an AF_XDP socket" : "opens an AF_PACKET socket";
	const char *admin = kind == LA_PORT_TAP	   ? "creates a TAP interface"
			    : kind == LA_PORT_VETH ? "net_af_packet sets the MAC address"
						   : "attaches the XDP program";

	if (kind != LA_PORT_TAP && !rights_has(host, CAP_NET_RAW))
		rights_add(l, "CAP_NET_RAW (%s)", raw);
	if (!rights_has(host, CAP_NET_ADMIN))
		rights_add(l, "CAP_NET_ADMIN (%s)", admin);
}

static void
rights_of_bpf(const struct la_pci_host *host, struct list *l)
{
	bool old = host->linux_version != 0 && host->linux_version < LINUX_CAP_BPF;

	if (rights_has(host, CAP_SYS_ADMIN))
		return;
	if (!old && !rights_has(host, CAP_BPF))
		rights_add(l, "CAP_BPF (loads the XDP program)");
	rights_add(l, "CAP_SYS_ADMIN (libxdp opens the XDP program by its id%s)", old ? "; loads it" : "");
}

static void
rights_of_memory(const struct la_pci_host *host, uint64_t locked, struct list *l)
{
	if (!host->lock_limited || locked <= (uint64_t)host->lock_mb * MIB)
		return;
	rights_add(l, "CAP_IPC_LOCK or a larger RLIMIT_MEMLOCK (it is %lu MiB, the packet buffers take %lu MiB)",
		   host->lock_mb, (unsigned long)((locked + MIB - 1) / MIB));
}

const char *
la_rights_lack(const struct la_pci_host *host, enum la_port_kind kind, uint64_t locked, char *buf, size_t size)
{
	struct list l = {.buf = buf, .size = size};

	buf[0] = '\0';
	if (kind == LA_PORT_XDP && host->linux_version != 0 && host->linux_version < LINUX_WAKEUP) {
		snprintf(buf, size, "Linux %u.%u is too old for net_af_xdp: it needs 5.4 (XDP_USE_NEED_WAKEUP)",
			 host->linux_version / 1000, host->linux_version % 1000);
		return buf;
	}
	if (kind == LA_PORT_XDP && host->user_namespace) {
		snprintf(
			buf, size,
			"AF_XDP needs CAP_BPF and CAP_SYS_ADMIN outside of a user namespace, and this process is in one: "
			"root; --tap and --veth work in unshare -Urn");
		return buf;
	}
	if (kind != LA_PORT_XDP && host->foreign_net) {
		snprintf(
			buf, size,
			"the network namespace belongs to another user namespace: root, or unshare -Urn, which makes one "
			"of its own");
		return buf;
	}
	rights_of_net(host, kind, &l);
	if (kind == LA_PORT_XDP) {
		rights_of_bpf(host, &l);
		rights_of_memory(host, locked, &l);
	}
	rights_append(&l, kind == LA_PORT_XDP ? ": root has all of them"
					      : ": root has all of them, and unshare -Urn gives them");
	return buf;
}

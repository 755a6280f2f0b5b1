/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_EAL_H
#define LA_IO_EAL_H

/* Starting DPDK: short names for the common virtual devices, and the choice of hugepages. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/numa.h"

enum la_port_kind {
	LA_PORT_EAL,   /* arg: the device of one of EAL's own arguments -a and --vdev, as given there. NULL: the next
			* port of EAL's own that no arg names; as the last port: all remaining ports */
	LA_PORT_TAP,   /* arg: name of the kernel interface to create */
	LA_PORT_VETH,  /* arg: kernel interface, through AF_PACKET */
	LA_PORT_XDP,   /* arg: kernel interface, through AF_XDP */
	LA_PORT_MEMIF, /* arg: socket path, followed by ",client" for the client side, which
			* waits some seconds for its server, and reconnects when the server
			* returns; a second port on a socket: ",id=1" */
	LA_PORT_RING,  /* in-process pair: two ports, each of which receives what the other sends */
	LA_PORT_NULL,  /* drops sent frames, receives zeroed frames */
};
/* The part of arg after its first comma is for the driver of the device ("la0,mac=fixed"). */

enum { LA_EAL_MAX_ARGS = 64, LA_EAL_MAX_PORTS = 8 };

struct la_eal_config {
	struct {
		enum la_port_kind kind;
		const char *arg;
	} ports[LA_EAL_MAX_PORTS];
	unsigned nports;		   /* 0: all ports that EAL finds */
	const char *args[LA_EAL_MAX_ARGS]; /* the user's own EAL arguments, passed on unchanged */
	unsigned nargs;
	unsigned lcores;    /* wanted; limited to the CPUs of the process */
	unsigned queues;    /* of each short-form port; 0: one for each lcore */
	uint32_t memory_mb; /* DPDK memory, MB; 0: 512 in plain pages, or hugepages with at least 128 free */
};

struct la_eal {
	bool hugepages; /* false: plain pages; the reason is in `why` */
	char why[128];
	unsigned lcores;     /* actual; the first is the main one */
	struct la_cpus cpus; /* the candidates, best first unless the user chose */
	unsigned nports;
	uint16_t port[LA_EAL_MAX_PORTS]; /* DPDK port ids, in the configured order; RING: two */
};

/** Starts DPDK once for this process, after it has claimed the interfaces and sockets of cfg (io/claim.h; -EBUSY:
 * another process has one). Blocks SIGINT and SIGTERM during the start. 0, or negative errno with DPDK's reason and a
 * hint in err. */
int la_eal_start(const struct la_eal_config *cfg, struct la_eal *eal, char *err, size_t size);
/** la_eal_start() has started DPDK, and la_eal_stop() has not ended it. */
bool la_eal_is_running(void);
/** Closes the ports and DPDK. Free shards, pools and captures first. */
void la_eal_stop(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_IO_PORT_H
#define LA_IO_PORT_H

/* One DPDK port: queues, offloads, bursts in and out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/features.h"
#include "io/xdp.h"

struct la_memif;
struct la_shard_config;
struct rte_mbuf;
struct rte_mempool;

struct la_port_config {
	uint16_t queues;			       /* wanted; 0: 1; the port may have fewer */
	uint16_t rx_desc;			       /* 0: 1024 */
	uint16_t tx_desc;			       /* 0: 1024 */
	uint16_t mtu;				       /* bytes; 0: the present MTU of the port */
	struct rte_mempool *pools[LA_PORT_MAX_QUEUES]; /* one for each queue, for reception */
	uint16_t vlans[LA_PORT_MAX_QUEUES];	       /* VLAN ids of the port's shards; 0: untagged */
	struct la_offload_choice offload;
	bool (*stopped)(void); /* true: waiting for a memif server ends with -EINTR; NULL: never. It also ends the
				* wait for a link */
};

struct la_link {
	bool known, up;
	uint32_t mbps; /* 0: not known */
};

struct la_port {
	uint16_t id;
	uint16_t queues;
	uint16_t mtu;
	uint8_t mac[6];
	uint32_t offloads;	/* enum la_offload */
	bool rss;		/* the port spreads TCP by la_rss_key(), place i of LA_PORT_RETA to
				 * queue i mod queues; false: no RSS, or another spread (TAP,
				 * AF_PACKET and memif with several queues) */
	uint16_t segs_max;	/* mbufs of a frame; a longer chain is copied before transmission */
	bool by_pointer;	/* frames are passed to the peer by pointer: shared mbufs are copied first */
	int numa_node;		/* -1: any */
	bool veth;		/* one end of a veth pair: a kernel at the other end does not fill in TCP checksums */
	struct la_memif *memif; /* NULL: another driver */
	struct la_features features;
	struct la_xdp_mode xdp;
	unsigned kif_index; /* of the kernel interface whose link the driver does not report; 0: none */
	char driver[32];
	char name[64]; /* of the kernel interface; without one: of the DPDK device */
};

enum { LA_PORT_RETA = 128 }; /* places of the redirection table */

struct la_port_stats {
	uint64_t rx_missed, rx_errors, rx_nombuf, tx_errors;
	uint64_t tx_full;      /* frames that the port did not take in time: dropped and counted here */
	uint64_t tx_no_buffer; /* frames that had to be copied for the port, and found no buffer */
	uint64_t tx_unfit;     /* frames that the driver refuses to send */
	uint64_t tx_no_peer;   /* frames dropped without a memif peer */
};

static inline bool
la_port_uses(const struct la_port *p, enum la_feature f)
{
	return (p->features.on & LA_FEATURE_BIT(f)) != 0;
}

/** True: the driver gives the memory of its queues' pools to the kernel, and la_port_open() accepts only
 * pools of la_pool_create_mapped() (io/pool.h). */
bool la_port_maps_pools(uint16_t id);

/** Configures and starts the port. 0, or negative errno with the reason and a hint in err. */
int la_port_open(uint16_t id, const struct la_port_config *cfg, struct la_port *port, char *err, size_t size);
void la_port_close(struct la_port *port);

/** Sets the fields of a shard's configuration that the port decides: mac and offloads. Limits mtu to the port's MTU and
 * to `room`, the largest MTU that a packet buffer has room for. An mtu of 0 becomes the port's MTU. */
void la_port_configure(const struct la_port *port, uint32_t room, struct la_shard_config *cfg);

/** "port 0 net_tap la0: 4a:..., mtu 1500, link 10 Gb/s, node 0, 1 queue; checksums: ip tx, tcp tx
 * rx in hardware; rss: software" into buf, then of "; scatter; vlan filter; vlan strip; link interrupt" those in use;
 * of AF_XDP then "; copy mode, busy poll". Returns buf. */
const char *la_port_describe(const struct la_port *port, char *buf, size_t size);

/** The short form for the ready line: "1 queue, checksums in software" into buf; returns buf. */
const char *la_port_brief(const struct la_port *port, char *buf, size_t size);

/** The state of the link now. */
void la_port_link(const struct la_port *port, struct la_link *link);
/** "link 10 Gb/s", "link up", "link down" or "link unknown" into buf; returns buf. */
const char *la_link_text(const struct la_link *link, char *buf, size_t size);

/** Receives up to max frames. Returns their number. */
unsigned la_port_rx(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned max);

/** Prepares frames for the port, once for each frame: copies chains and shared buffers that the port cannot send,
 * and fills in the fields for its hardware. Frames for which this fails are freed and counted. Returns the number of
 * frames left, in order. `pool`: for the copies. */
unsigned la_port_tx_ready(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n,
			  struct rte_mempool *pool);
/** Offers prepared frames. Returns the number of frames that the port took, from the first on. The caller keeps the
 * other frames. */
unsigned la_port_tx_offer(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n);
/** Frees frames that the port did not take, and counts them as tx_full. */
void la_port_tx_lost(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n);

/** Prepares and sends frames in one call, for callers without a la_txq (io/tx_queue.h). Retries a bounded number of
 * times when the port is full; then the remaining frames are freed and counted. Takes the mbufs. Returns the
 * number of frames that the port took. */
unsigned la_port_tx(const struct la_port *port, uint16_t queue, struct rte_mbuf **pkts, unsigned n,
		    struct rte_mempool *pool);

void la_port_stats(const struct la_port *port, struct la_port_stats *stats);

#endif

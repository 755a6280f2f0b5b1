/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DRIVER_ROW_H
#define DRIVER_ROW_H

/* The form of the rows of drivers.def. */

#include <inttypes.h>
#include <stdio.h>

#include <rte_ethdev.h>

/* DRIVER(label, driver, receive queues, transmit queues, least MTU, largest MTU, longest frame, receive offloads,
 * transmit offloads, RSS types, bytes of the RSS key, mbufs of a frame, link interrupt) */
static inline const char *
driver_row(const char *label, const struct rte_eth_dev_info *info, char *buf, size_t size)
{
	snprintf(buf, size,
		 "DRIVER(\"%s\", \"%s\", %u, %u, %u, %u, %u, %#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ", %u, %u, %d)",
		 label, info->driver_name, info->max_rx_queues, info->max_tx_queues, info->min_mtu, info->max_mtu,
		 info->max_rx_pktlen, info->rx_offload_capa, info->tx_offload_capa, info->flow_type_rss_offloads,
		 info->hash_key_size, info->tx_desc_lim.nb_mtu_seg_max,
		 info->dev_flags != NULL && (*info->dev_flags & RTE_ETH_DEV_INTR_LSC) != 0);
	return buf;
}

#endif

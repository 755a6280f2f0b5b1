/* SPDX-License-Identifier: BSD-3-Clause */

#include "fake_port.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

struct fake_port fake;

/* Declares `real`, ethdev's own function. */
#define REAL(f)                \
	__typeof__(&(f)) real; \
	*(void **)&real = dlsym(RTLD_NEXT, #f)

static bool
is_fake(uint16_t id)
{
	return fake.on && id == fake.id;
}

int
rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info)
{
	REAL(rte_eth_dev_info_get);
	int r = real(id, info);

	if (r < 0 || !is_fake(id))
		return r;
	if (fake.driver != NULL)
		info->driver_name = fake.driver;
	if (fake.rx_queues != 0)
		info->max_rx_queues = fake.rx_queues;
	if (fake.tx_queues != 0)
		info->max_tx_queues = fake.tx_queues;
	if (fake.max_mtu != 0)
		info->max_mtu = fake.max_mtu;
	if (fake.max_rx_pktlen != 0)
		info->max_rx_pktlen = fake.max_rx_pktlen;
	info->rx_offload_capa = fake.rx;
	info->tx_offload_capa = fake.tx;
	info->flow_type_rss_offloads = fake.rss;
	info->hash_key_size = fake.rss != 0 ? 40 : 0;
	info->reta_size = fake.rss != 0 ? 128 : 0;
	info->dev_flags = &fake.flags;
	return 0;
}

/* As ethdev: more queues, and offloads that are not reported, are refused. The ring gets the offloads that it has. */
int
rte_eth_dev_configure(uint16_t id, uint16_t nb_rx, uint16_t nb_tx, const struct rte_eth_conf *conf)
{
	REAL(rte_eth_dev_configure);
	struct rte_eth_conf of_ring = {0};

	if (!is_fake(id))
		return real(id, nb_rx, nb_tx, conf);
	fake.conf = *conf;
	fake.nb_rx = nb_rx;
	fake.nb_tx = nb_tx;
	fake.mtu = (uint16_t)conf->rxmode.mtu;
	if ((fake.rx_queues != 0 && nb_rx > fake.rx_queues) || (fake.tx_queues != 0 && nb_tx > fake.tx_queues) ||
	    (conf->rxmode.offloads & ~fake.rx) != 0 || (conf->txmode.offloads & ~fake.tx) != 0 ||
	    (conf->intr_conf.lsc != 0 && (fake.flags & RTE_ETH_DEV_INTR_LSC) == 0))
		return -EINVAL;
	memcpy(fake.key, conf->rx_adv_conf.rss_conf.rss_key != NULL ? conf->rx_adv_conf.rss_conf.rss_key : fake.key,
	       conf->rx_adv_conf.rss_conf.rss_key_len);
	fake.hf = conf->rx_adv_conf.rss_conf.rss_hf;
	return real(id, nb_rx, nb_tx, &of_ring);
}

int
rte_eth_dev_set_mtu(uint16_t id, uint16_t mtu)
{
	REAL(rte_eth_dev_set_mtu);

	if (!is_fake(id))
		return real(id, mtu);
	fake.mtu = mtu;
	return fake.mtu_most != 0 && mtu > fake.mtu_most ? -EINVAL : 0;
}

int
rte_eth_rx_queue_setup(uint16_t id, uint16_t queue, uint16_t descs, unsigned socket, const struct rte_eth_rxconf *conf,
		       struct rte_mempool *pool)
{
	REAL(rte_eth_rx_queue_setup);

	if (is_fake(id) && fake.overhead != 0 && (fake.conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) == 0 &&
	    fake.mtu + fake.overhead > rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM)
		return -EINVAL;
	return real(id, queue, descs, socket, is_fake(id) ? NULL : conf, pool);
}

int
rte_eth_tx_queue_setup(uint16_t id, uint16_t queue, uint16_t descs, unsigned socket, const struct rte_eth_txconf *conf)
{
	REAL(rte_eth_tx_queue_setup);

	if (is_fake(id) && fake.bad_tx_queue != 0 && queue == fake.bad_tx_queue)
		return -EIO;
	return real(id, queue, descs, socket, is_fake(id) ? NULL : conf);
}

int
rte_eth_dev_vlan_filter(uint16_t id, uint16_t vlan, int on)
{
	REAL(rte_eth_dev_vlan_filter);

	if (!is_fake(id))
		return real(id, vlan, on);
	if ((fake.conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) == 0)
		return -ENOSYS;
	if (fake.refused_vlan != 0 && vlan == fake.refused_vlan)
		return -ENOSPC;
	if (fake.nvlans < FAKE_VLANS)
		fake.vlan[fake.nvlans++] = vlan;
	return 0;
}

int
rte_eth_dev_get_vlan_offload(uint16_t id)
{
	REAL(rte_eth_dev_get_vlan_offload);

	return is_fake(id) ? RTE_ETH_VLAN_FILTER_OFFLOAD : real(id);
}

int
rte_eth_dev_set_vlan_offload(uint16_t id, int mask)
{
	REAL(rte_eth_dev_set_vlan_offload);

	if (!is_fake(id))
		return real(id, mask);
	if (fake.keeps_filter)
		return -ENOTSUP;
	fake.filter_off = (mask & RTE_ETH_VLAN_FILTER_OFFLOAD) == 0;
	return 0;
}

int
rte_eth_dev_rss_hash_conf_get(uint16_t id, struct rte_eth_rss_conf *conf)
{
	REAL(rte_eth_dev_rss_hash_conf_get);

	if (!is_fake(id))
		return real(id, conf);
	memcpy(conf->rss_key, fake.key, 40);
	conf->rss_key[0] ^= fake.other_key;
	conf->rss_hf = fake.hf;
	return 0;
}

int
rte_eth_dev_rss_reta_update(uint16_t id, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	REAL(rte_eth_dev_rss_reta_update);

	if (!is_fake(id))
		return real(id, reta, size);
	memcpy(fake.reta, reta, sizeof(fake.reta));
	return 0;
}

int
rte_eth_dev_rss_reta_query(uint16_t id, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	REAL(rte_eth_dev_rss_reta_query);

	if (!is_fake(id))
		return real(id, reta, size);
	memcpy(reta, fake.reta, sizeof(fake.reta));
	reta[1].reta[63] ^= fake.other_reta;
	return 0;
}

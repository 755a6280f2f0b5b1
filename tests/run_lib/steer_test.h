/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STEER_TEST_H
#define STEER_TEST_H

/* Shared by test_steer.c and test_shards.c: addresses, frames, and DPDK's model of the hash. */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_thash.h>

#include "io/eal.h"
#include "io/rss.h"
#include "io/steer.h"
#include "run/engine.h"
#include "run/summary.h"
#include "run/tuples.h"
#include "core/bytes.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static inline struct la_addr
addr(const char *text)
{
	struct la_addr a;

	cr_assert_eq(la_addr_parse(text, &a), 0);
	return a;
}

/* Returns the hash of a NIC for received packets of the tuple, by DPDK's model. */
static inline uint32_t
nic_hash(const struct la_tuple *t)
{
	uint32_t in[9];
	unsigned n = 0;

	for (unsigned i = la_addr_is4(&t->raddr) ? 3 : 0; i < 4; i++)
		in[n++] = rte_be_to_cpu_32(t->raddr.w[i]);
	for (unsigned i = la_addr_is4(&t->laddr) ? 3 : 0; i < 4; i++)
		in[n++] = rte_be_to_cpu_32(t->laddr.w[i]);
	in[n++] = (uint32_t)t->rport << 16 | t->lport;
	return rte_softrss(in, n, la_rss_key());
}

struct frame {
	uint8_t b[2048];
	size_t len;
	struct rte_mbuf m, rest; /* rest: the second segment of a chain */
};

static inline void
eth(struct frame *f, uint16_t type, uint16_t vlan)
{
	struct la_eth e = {.type = type, .vlan = vlan};

	memset(f, 0, sizeof(*f));
	f->len = la_eth_write(f->b, &e);
}

/* Writes an IP header, and returns the len bytes after it. options: bytes of IPv4 options (a multiple of 4) or of
 * an IPv6 hop-by-hop header (a multiple of 8). */
static inline uint8_t *
ip(struct frame *f, const struct la_tuple *t, uint8_t proto, uint16_t len, unsigned options, uint16_t vlan)
{
	bool is4 = la_addr_is4(&t->laddr);
	uint8_t *p;

	eth(f, is4 ? LA_ETH_IP4 : LA_ETH_IP6, vlan);
	p = f->b + f->len;
	if (is4) {
		f->len += la_ip4_write(p, &t->raddr, &t->laddr, proto, 64, (uint16_t)(len + options), true);
		p[0] = (uint8_t)(0x45 + options / 4);
		memset(p + LA_IP4_LEN, 1, options); /* NOPs */
	} else {
		f->len += la_ip6_write(p, &t->raddr, &t->laddr, options ? 0 : proto,
				       proto == LA_IPPROTO_ICMP6 ? 255 : 64, (uint16_t)(len + options));
		if (options) {
			p[LA_IP6_LEN] = proto;
			p[LA_IP6_LEN + 1] = (uint8_t)(options / 8 - 1);
			p[LA_IP6_LEN + 2] = 1; /* PadN */
			p[LA_IP6_LEN + 3] = (uint8_t)(options - 4);
		}
	}
	f->len += options;
	p = f->b + f->len;
	f->len += len;
	return p;
}

#endif

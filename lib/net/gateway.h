/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_NET_GATEWAY_H
#define LA_NET_GATEWAY_H

/* The state of a shard's gateways, for lib/run. (Theory at the top of gateway.c.) */

#include <stdbool.h>

struct la_shard;

/** The state of the gateway of a family. */
enum la_gateway_state {
	LA_GATEWAY_NONE,   /* no gateway is configured */
	LA_GATEWAY_ASKING, /* not resolved yet */
	LA_GATEWAY_READY,  /* resolved */
	LA_GATEWAY_SILENT, /* no reply, or no usable source address */
};

/** six: the gateway of IPv6, otherwise that of IPv4. */
enum la_gateway_state la_gateway_state_of(const struct la_shard *s, bool six);
/** Returns whether the first resolution of every configured gateway has ended. */
bool la_gateways_settled(const struct la_shard *s);

#endif

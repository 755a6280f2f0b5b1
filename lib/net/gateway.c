/* SPDX-License-Identifier: BSD-3-Clause */

/* The configured gateways. A shard resolves them at its creation, so that their MACs are known for the first packets to
 * off-link peers.
 *
 *     NONE                   no gateway of the family is configured
 *     ASKING -> READY        a reply has arrived, or the MAC is configured
 *            -> SILENT       no reply to LA_NEIGH_TRIES requests: a warning; a later reply leads to READY
 *
 * A request needs a usable source address (RFC 4861 7.2.2). The request for IPv4 is sent at once, that for IPv6 after
 * duplicate address detection. Each shard has its own neighbour table. A follower sends no first request: the reply to
 * the first shard of the interface is copied to all shards (io/steer.h). If no copy arrives, the follower sends
 * requests one RetransTimer later. */

#include <string.h>

#include "core/log.h"
#include "net/shard.h"

enum { WARN_MS = 60000 };

static const struct la_addr *
gateway_addr(const struct la_shard *s, bool six)
{
	return six ? &s->nif.gateway6 : &s->nif.gateway4;
}

/* Sets *src to the source of requests: la_netif_source(), or without one an address of a range. False: no address is
 * usable. */
static bool
gateway_source(const struct la_shard *s, const struct la_addr *gateway, struct la_addr *src)
{
	const struct la_addr *a = la_netif_source(&s->nif, gateway);

	if (a) {
		*src = *a;
		return true;
	}
	for (unsigned i = 0; i < s->nif.nranges; i++) {
		const struct la_net *r = &s->nif.ranges[i];

		*src = r->net;
		if (r->bits < 127)
			src->b[15] |= 1; /* {network, 0} is no host address in a peer's prefix (RFC 1122 3.2.1.3) */
		if (la_addr_is4(src) == la_addr_is4(gateway) && la_netif_owns(&s->nif, src))
			return true;
	}
	return false;
}

static void
gateway_start_one(struct la_shard *s, bool six)
{
	const struct la_addr *a = gateway_addr(s, six);
	struct la_neigh *n;
	struct la_addr src;

	if (la_addr_is_any(a) || la_neigh_find(&s->neigh, a))
		return;
	if (!gateway_source(s, a, &src)) {
		s->gateway[six] = LA_GATEWAY_SILENT;
		return;
	}
	n = la_resolve_add_gateway(s, a);
	if (!n)
		return;
	n->src = src;
	if (!s->nif.follower || la_netif_gateway_given(&s->nif))
		la_resolve_ask(s, n);
	if (n->state != LA_NEIGH_INCOMPLETE)
		s->gateway[six] = LA_GATEWAY_READY;
}

void
la_gateway_start(struct la_shard *s)
{
	for (unsigned six = 0; six < 2; six++) {
		if (!la_addr_is_any(gateway_addr(s, six)) && s->gateway[six] == LA_GATEWAY_NONE)
			s->gateway[six] = LA_GATEWAY_ASKING;
		if (s->gateway[six] == LA_GATEWAY_ASKING && (!six || s->nif.dad_at == UINT64_MAX))
			gateway_start_one(s, six);
	}
}

void
la_gateway_answered(struct la_shard *s, const struct la_neigh *n)
{
	s->gateway[!la_addr_is4(&n->addr)] = LA_GATEWAY_READY;
}

void
la_gateway_gone(struct la_shard *s, const struct la_neigh *n)
{
	char buf[LA_ADDR_STRLEN];

	if (n->state == LA_NEIGH_STALE) /* unused for LA_NEIGH_STALE_MS: no request failed */
		return;
	s->gateway[!la_addr_is4(&n->addr)] = LA_GATEWAY_SILENT;
	if (s->nif.follower || s->now < s->gateway_warn_at)
		return;
	s->gateway_warn_at = s->now + WARN_MS;
	la_log(LA_LOG_WARN,
	       "gateway %s does not answer %s: packets for it are dropped (drop_neigh_failed) until it does",
	       la_addr_format(&n->addr, buf, sizeof(buf)), la_addr_is4(&n->addr) ? "ARP" : "neighbour solicitations");
}

enum la_gateway_state
la_gateway_state_of(const struct la_shard *s, bool six)
{
	return s->gateway[six];
}

bool
la_gateways_settled(const struct la_shard *s)
{
	return s->gateway[0] != LA_GATEWAY_ASKING && s->gateway[1] != LA_GATEWAY_ASKING;
}

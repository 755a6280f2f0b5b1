/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_ICMP_H
#define LA_WIRE_ICMP_H

/* ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861): bytes <-> struct. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

#include "wire/ip.h"

enum la_icmp_kind {
	LA_ICMP_ECHO,	  /* echo request: answer by la_icmp_echo_reply() */
	LA_ICMP_NS,	  /* neighbour solicitation */
	LA_ICMP_NA,	  /* neighbour advertisement */
	LA_ICMP_RA,	  /* router advertisement: not used, counted as other */
	LA_ICMP_ERR_SOFT, /* unreachable 0,1,5 and like, time exceeded, parameter problem */
	LA_ICMP_ERR_HARD, /* protocol or port unreachable */
	LA_ICMP_ERR_PMTU, /* fragmentation needed / packet too big */
	LA_ICMP_OTHER	  /* all others, including source quench (RFC 9293 MUST-55) */
};

struct la_icmp {
	enum la_icmp_kind kind;
	uint8_t type, code;
	/* errors: the quoted packet, as our own tuple (its source is us) */
	bool has_tuple;
	struct la_tuple tuple;
	uint32_t seq; /* host order */
	uint32_t mtu; /* LA_ICMP_ERR_PMTU: next-hop MTU, 0 from old routers without it */
	/* neighbour discovery */
	struct la_addr target;
	bool has_lladdr; /* source (NS) or target (NA) link-layer address option */
	uint8_t lladdr[6];
	bool na_solicited, na_override, na_router;
};

/** p: the ICMP message (whole, contiguous); ip: its IP header, for the pseudo-header checksum and the
 * hop limit check of RFC 4861 7.1 (255). Drops: drop_icmp_bad, drop_nd_bad. */
enum la_counter la_icmp4_parse(const uint8_t *p, size_t len, struct la_icmp *m);
enum la_counter la_icmp6_parse(const uint8_t *p, size_t len, const struct la_ip *ip, struct la_icmp *m);

/** Turns an echo request into its reply in place; the checksum is updated. src and dst are those of
 * the reply (used for ICMPv6's pseudo-header). */
void la_icmp4_echo_reply(uint8_t *p, size_t len);
void la_icmp6_echo_reply(uint8_t *p, size_t len, const struct la_addr *src, const struct la_addr *dst);

enum { LA_ND_LEN = 32 }; /* NS or NA with one link-layer address option; 24 without */

/** Neighbour solicitation for `target` from src to dst; lladdr NULL: no option (DAD).
 * Returns bytes written, 32 or 24. */
size_t la_nd_solicit_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst,
			   const struct la_addr *target, const uint8_t *lladdr);
/** Neighbour advertisement of `target` with its link-layer address. Returns 32. */
size_t la_nd_advert_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst,
			  const struct la_addr *target, const uint8_t lladdr[6], bool solicited, bool override);

/** ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1), and the Ethernet address of an IPv6 multicast
 * group (RFC 2464 7). */
struct la_addr la_nd_solicited_node(const struct la_addr *a);
void la_nd_multicast_mac(const struct la_addr *group, uint8_t mac[6]);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_WIRE_ICMP_H
#define LA_WIRE_ICMP_H

/* Parses and writes ICMP (RFC 792), ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>
#include <lastack/counters.h>

#include "wire/ip.h"

enum la_icmp_kind {
	LA_ICMP_ECHO,	  /* echo request: la_icmp4_echo_reply() or la_icmp6_echo_reply() makes the reply */
	LA_ICMP_NS,	  /* neighbour solicitation */
	LA_ICMP_NA,	  /* neighbour advertisement */
	LA_ICMP_RA,	  /* router advertisement: not used, dropped like LA_ICMP_OTHER */
	LA_ICMP_ERR_SOFT, /* any other unreachable code, time exceeded, any other parameter problem */
	LA_ICMP_ERR_HARD, /* protocol or port unreachable, unknown next header */
	LA_ICMP_ERR_PMTU, /* fragmentation needed, or packet too big */
	LA_ICMP_OTHER	  /* any other message, including source quench (RFC 9293 MUST-55) */
};

struct la_icmp {
	enum la_icmp_kind kind;
	uint8_t type, code;
	/* errors */
	bool has_tuple;	       /* the quoted packet has a TCP header: tuple and seq are valid */
	struct la_tuple tuple; /* tuple of the quoted packet, which we sent: laddr is its source */
	uint32_t seq;	       /* sequence number of the quoted packet, host byte order */
	uint32_t mtu;	       /* LA_ICMP_ERR_PMTU: next-hop MTU, bytes; 0: an old router did not send the MTU */
	/* neighbour discovery */
	struct la_addr target;
	bool has_lladdr; /* source (NS) or target (NA) link-layer address option */
	uint8_t lladdr[6];
	bool na_solicited, na_override, na_router;
};

/** p: the whole ICMP message, contiguous. Returns LA_WIRE_OK or drop_icmp_bad. */
enum la_counter la_icmp4_parse(const uint8_t *p, size_t len, struct la_icmp *m);
/** ip: the IP header, for the pseudo-header of the checksum and the hop limit of RFC 4861 7.1 (255). Returns
 * LA_WIRE_OK, drop_icmp_bad or drop_nd_bad. */
enum la_counter la_icmp6_parse(const uint8_t *p, size_t len, const struct la_ip *ip, struct la_icmp *m);

/** Turns an echo request into its reply in place, with a new checksum. src and dst:
 * addresses of the reply, for the pseudo-header of ICMPv6. */
void la_icmp4_echo_reply(uint8_t *p, size_t len);
void la_icmp6_echo_reply(uint8_t *p, size_t len, const struct la_addr *src, const struct la_addr *dst);

enum { LA_ND_LEN = 32 }; /* bytes of NS or NA with one link-layer address option; 24 without the option */

/** Writes a neighbour solicitation for `target` from src to dst. lladdr NULL: no option (duplicate address detection).
 * Returns the number of bytes written, 32 or 24. */
size_t la_nd_solicit_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst,
			   const struct la_addr *target, const uint8_t *lladdr);
/** Writes a neighbour advertisement of `target` with its link-layer address. Returns 32. */
size_t la_nd_advert_write(uint8_t *p, const struct la_addr *src, const struct la_addr *dst,
			  const struct la_addr *target, const uint8_t lladdr[6], bool solicited, bool override);

/** The solicited-node group of an address, ff02::1:ffXX:XXXX (RFC 4291 2.7.1). */
struct la_addr la_nd_solicited_node(const struct la_addr *a);
/** The Ethernet address of an IPv6 multicast group (RFC 2464 7). */
void la_nd_multicast_mac(const struct la_addr *group, uint8_t mac[6]);

#endif

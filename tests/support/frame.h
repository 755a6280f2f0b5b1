/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FRAME_H
#define TEST_FRAME_H

/* Writes and checks frames without lib/wire, so that tests detect a fault in lib/wire. frame_write() also writes
 * segments that no correct sender sends. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

enum { FRAME_MAX = 2048, FRAME_OPTS_MAX = 40 };

/** The fields of a TCP frame, in host order except the addresses. */
struct frame {
	uint8_t eth_dst[6], eth_src[6];
	uint16_t vlan; /* 0: no tag */
	struct la_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint8_t resv; /* the four reserved bits */
	uint16_t win, urg;
	uint8_t opts[FRAME_OPTS_MAX];
	size_t optlen; /* rounded up to words with zeros */
	const uint8_t *data;
	size_t len;
	unsigned doff;	 /* data offset in words; 0: the correct one */
	bool bad_cksum;	 /* one bit of the TCP checksum flipped */
	int iplen_delta; /* added to the length field of the IP header */
	bool pad;	 /* pad to the 60 bytes of a short Ethernet frame, with arbitrary bytes */
};

/** Writes the frame and returns its length. */
size_t frame_write(uint8_t buf[FRAME_MAX], const struct frame *f);

/** An ICMP or ICMPv6 error about a TCP segment that src sent to dst. */
struct frame_icmp {
	uint8_t eth_dst[6], eth_src[6];
	uint16_t vlan;
	struct la_addr from, to; /* addresses of the error itself */
	uint8_t type, code;	 /* type and code of ICMP or ICMPv6, by the family of `to` */
	uint32_t rest;		 /* the 32 bits after the checksum, such as the next-hop MTU */
	struct la_addr src, dst; /* addresses of the quoted segment */
	uint16_t sport, dport;
	uint32_t seq;
};

size_t frame_icmp_write(uint8_t buf[FRAME_MAX], const struct frame_icmp *f);

/** The fields of an emitted TCP frame, parsed without lib/wire. */
struct frame_in {
	uint8_t eth_dst[6], eth_src[6];
	uint16_t vlan;
	struct la_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags, resv;
	uint16_t win, urg;
	bool df;     /* IPv4: as sent; IPv6: true */
	uint16_t id; /* IPv4's identification */
	bool has_mss, has_ws, has_ts, sack_ok;
	uint16_t mss;
	uint8_t ws;
	uint32_t tsval, tsecr;
	unsigned nsack;
	uint32_t sack[4][2]; /* left edge, right edge */
	const uint8_t *tcp;  /* the TCP header */
	size_t hlen;
	size_t optlen; /* bytes of options, padding included */
	const uint8_t *data;
	size_t len;
};

/** Parses an IPv4 or IPv6 TCP frame. Checks lengths, the checksums of IP and TCP, option list, padding and
 * reserved bits. Returns NULL for a valid frame, otherwise a text that names the fault. */
const char *frame_read(const uint8_t *p, size_t len, struct frame_in *f);

/** Models a port with checksum offload: fills in the checksums of IPv4 and TCP. There are no IP options. Returns
 * whether the packet ends within the frame. */
bool frame_fill_cksums(uint8_t *p, size_t len);

/** The Internet checksum (RFC 1071) of bytes, continued from sum; not folded. */
uint32_t frame_sum(uint32_t sum, const uint8_t *p, size_t len);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FAKE_TCP_H
#define TEST_FAKE_TCP_H

/* A stand-in for lib/tcp. It records the calls of lib/net, and sends the packets that the test queues. */

#include <stdbool.h>
#include <stdint.h>

#include "tcp/tcp.h"

enum { FAKE_SEGS = 256, FAKE_DATA = 4096 };

struct fake_seg {
	struct la_seg seg; /* seg.m is NULL: the mbuf was freed */
	uint32_t pkt_len;
	uint16_t nb_segs;
	uint8_t data[FAKE_DATA];
};

extern struct fake_tcp {
	struct fake_seg segs[FAKE_SEGS]; /* the first FAKE_SEGS segments since creation */
	unsigned nsegs;			 /* number of all segments */
	unsigned calls;			 /* calls of la_tcp_input() */
	unsigned largest;		 /* segments of the largest such call */
	unsigned nicmp;
	struct la_tuple icmp_tuple;
	uint32_t icmp_seq, icmp_mtu;
	enum la_tcp_icmp icmp_what;
	unsigned nlisten, nunlisten, nconnect;
	const struct la_addr *listen_addr;
	uint64_t next;	 /* result of la_tcp_next() */
	int init;	 /* result of la_tcp_init() */
	uint8_t flags;	 /* TCP flags of fake_tcp_send(); 0: ACK */
	int state;	 /* state that la_tcp_find() reports, enum la_state; 0: LA_ESTABLISHED; -1: no connection */
	bool reply_syns; /* la_tcp_input() answers each segment by a SYN,ACK, like a SYN cookie */
} fake;

/** Queues an IP packet from TCP with plen bytes of payload. Byte 13 is fake.flags if plen is 20 or more; the other
 * bytes are arbitrary. */
void fake_tcp_send(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst, uint16_t plen);

#endif

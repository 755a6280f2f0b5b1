/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_FAKE_TCP_H
#define TEST_FAKE_TCP_H

/* A stand-in for lib/tcp: keeps what lib/net hands it and sends what the test tells it to. */

#include <stdbool.h>
#include <stdint.h>

#include "tcp/tcp.h"

enum { FAKE_SEGS = 256, FAKE_DATA = 4096 };

struct fake_seg {
	struct la_seg seg; /* m: NULL, the mbuf was freed */
	uint32_t pkt_len;
	uint16_t nb_segs;
	uint8_t data[FAKE_DATA];
};

extern struct fake_tcp {
	struct fake_seg segs[FAKE_SEGS]; /* the first ones since birth */
	unsigned nsegs;			 /* all of them */
	unsigned calls, largest;	 /* la_tcp_input() calls, segments in the largest */
	unsigned nicmp;
	struct la_tuple icmp_tuple;
	uint32_t icmp_seq, icmp_mtu;
	enum la_tcp_icmp icmp_what;
	unsigned nlisten, nunlisten, nconnect;
	const struct la_addr *listen_addr;
	uint64_t next; /* what la_tcp_next() says */
	int init;      /* what la_tcp_init() says */
	uint8_t flags;	 /* of the TCP headers of fake_tcp_send(); 0: ACK */
	int state;	 /* what la_tcp_find() says about them, enum la_state; 0: LA_ESTABLISHED, -1: no connection */
	bool reply_syns; /* la_tcp_input() answers each segment by a SYN,ACK, as a cookie */
} fake;

/** Queues an IP packet of plen bytes in TCP's name: a header with fake.flags from 20 on, and junk. */
void fake_tcp_send(struct la_tcp *t, const struct la_addr *src, const struct la_addr *dst,
		   uint16_t plen);

#endif

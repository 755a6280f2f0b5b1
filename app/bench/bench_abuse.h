/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_BENCH_ABUSE_H
#define LA_APP_BENCH_ABUSE_H

/* Attacks of `lastack bench abuse`: what the measurement (bench_abuse.c) and the frames (bench_attacks.c) share.
 *
 * Frames of unknown peers have source addresses in 12.0.0.0/8, and random ports and numbers. Bots are peers with
 * connections: bot i has the address 13.0.0.0 + i, and the server treats bots as the attack requires. Each bot has a
 * turn every ABUSE_BOTS frames. In its turn a bot sends exactly one frame: a SYN until the SYN,ACK has arrived, then
 * the frames of the attack. After a RST of the server a bot sends its SYN from another port. */

#include "bench/bench_clients.h"

enum { ABUSE_BOTS = 512 };

/** What the server's application does with the bytes of a bot. */
enum abuse_app {
	ABUSE_UNREAD, /* leaves them in the receive buffer */
	ABUSE_ANSWER, /* reads them, and queues ABUSE_PAGE bytes for each call */
	ABUSE_CLOSE,  /* answers and closes, as with an honest client */
};
enum { ABUSE_PAGE = 1024 };

struct abuse_bot {
	bool open; /* the SYN,ACK has arrived */
	bool fin;  /* the server's FIN has arrived */
	uint16_t port;
	uint32_t snd;	/* next sequence number to send */
	uint32_t acked; /* sequence number that the server has acknowledged */
	uint32_t rcv;	/* next expected sequence number */
	uint32_t above; /* number of segments sent above the hole, or of FINs sent */
};

struct abuse {
	struct clients c;		   /* the honest clients, and the server */
	const struct abuse_attack *attack; /* the present or last attack; NULL: no attack */
	struct abuse_bot bot[ABUSE_BOTS];
	uint32_t turn;	    /* frames sent, modulo 2^32: selects the bot */
	uint64_t frames;    /* frames of the attack */
	uint64_t held_most; /* most packet buffers held */
	double next;	    /* ns: when the attack's next frame is due */
};

struct abuse_attack {
	const char *name, *text;
	void (*frame)(struct abuse *a); /* puts exactly one frame into the batch */
	enum abuse_app app;
	bool bots;
};

enum { ABUSE_ATTACKS = 9 };
extern const struct abuse_attack abuse_attacks[ABUSE_ATTACKS];

/** Processes a segment of the server to an address of the attack. */
void abuse_bot_answer(struct abuse *a, const struct gen_answer *s);
/** Every bot begins a new connection from another port. */
void abuse_bots_forget(struct abuse *a);
/** Puts a RST for the connection of every bot into the batch. */
void abuse_bots_reset(struct abuse *a);
static inline bool
abuse_is_absent(uint32_t raddr)
{
	return (raddr & RTE_BE32(0xff000000)) == RTE_BE32(0x0c000000);
}

static inline bool
abuse_is_bot(uint32_t raddr)
{
	return (raddr & RTE_BE32(0xff000000)) == RTE_BE32(0x0d000000);
}

#endif

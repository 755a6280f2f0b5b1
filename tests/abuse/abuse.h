/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_ABUSE_H
#define TEST_ABUSE_H

/* A server under attack, in virtual time, while honest clients use the server. (Theory at the top of
 * abuse.c.)
 *
 *   abuse.c    one row of an attack: before, during, after, and the invariants
 *   judge.c    gauges and other measures
 *   net.c      the link: frames, resolution, ping
 *   host.c     the shards of the hosts, and their ports
 *   honest.c   honest clients on a shard of their own; honest_conn.c: open, transfer, verify, close
 *   bots.c     scripted TCP peers, which need not follow TCP's rules
 *   load.c     load clients: many clients on a third shard, which keep TCP's rules and overload the server
 *   spoof.c    frames with any source
 *   main.c     the catalogue
 *
 * Each attack is a file of its own with one struct attack. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <lastack/lastack.h>

#include "frame.h"

#define ROWS(r) .rows = (r), .nrows = sizeof(r) / sizeof((r)[0])

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
enum { HTTP = 80, ECHO_PORT = 7, DISCARD = 9, CHARGEN = 19, CLOSE = 7777 };
enum {
	DELAY_MS = 5, /* one-way delay between any two hosts */
	MSL_MS = 250, /* MSL of the server and its clients: TIME_WAIT ends before the gauges are read */
	HONEST_MTU = 1500,
	BOTS = 60000, /* most bots of each address family */
};

enum host { SERVER, HONEST, LOAD, STACKS, RAW = STACKS, ROUTER, EVERYONE };

/** Resources that peers can use. One second after the attack each gauge must have its value from before the attack. */
enum gauge {
	G_BUFFERS,    /* packet buffers in use of the server's pool */
	G_LIVE,	      /* TCBs */
	G_HALF_OPEN,  /* live connections in SYN_RCVD */
	G_NEIGHBOURS, /* entries of the neighbour table */
	G_RESERVED4,  /* reserved TIME_WAIT entries */
	G_RESERVED6,
	G_TIME_WAIT,  /* TIME_WAIT entries */
	G_FIN_WAIT_2, /* FIN_WAIT_2 connections kept as table entries */
	G_PENDING,    /* 1: a connection waits for a buffer or for room in the output queue */
	GAUGES
};

/** The parameters of one run of an attack. Zero fields take the default in brackets. */
struct row {
	uint32_t n;	   /* number of connections or sources: each attack defines which */
	uint32_t rate;	   /* frames or opens a second, of all connections together */
	uint32_t size;	   /* each attack defines the meaning, mostly a number of bytes */
	uint32_t pool;	   /* packet buffers of the server [32768, as in the program] */
	uint32_t ms;	   /* duration [4000] */
	uint32_t conns;	   /* max_conns [the shard's] */
	uint32_t tw;	   /* TIME_WAIT entries, of each family [the shard's] */
	uint32_t rst_rate; /* RSTs a second [the shard's] */
	uint8_t variant;   /* each attack defines its variants */
	bool ip6;	   /* the attacker uses IPv6 */
	bool far;	   /* the bots are beyond the gateway, in a prefix of their own */
	bool longer;	   /* only with --long */
};

struct abuse;
struct bot;

struct attack {
	const char *name; /* name of the file, and of the attack on the command line */
	const char *kind; /* public name of this kind of attack */
	const struct row *rows;
	unsigned nrows;
	bool load;	    /* uses the load clients (load.c) */
	bool no_ping;	    /* uses up the server's rate of echo replies: unanswered pings are no breach */
	uint32_t honest_ms; /* time between two opens of the honest clients [10] */
	unsigned later;	    /* bits of the gauges that may need more than one second to return */
	uint32_t later_ms;  /* time limit of the gauges in `later`, counted from the end of the attack */
	/** Called in the first millisecond of the attack. */
	void (*begin)(struct abuse *w);
	/** Called every millisecond of the attack. */
	void (*step)(struct abuse *w);
	/** Called when a bot's handshake is complete. */
	void (*open)(struct abuse *w, struct bot *b);
	/** Called when a bot has received a segment. */
	void (*segment)(struct abuse *w, struct bot *b, const struct frame_in *f);
	/** Called for a frame that belongs to no bot, to the MAC of the attacker or router. May be NULL. */
	void (*frame)(struct abuse *w, const uint8_t *p, size_t len);
	/** Called at the end of the attack; resets the attack's connections. NULL: all bots and load clients are reset.
	 * */
	void (*end)(struct abuse *w);
	/** The attack's own checks, after the comparison of the gauges one second after the attack. May be NULL. */
	void (*judge)(struct abuse *w);
};

/* abuse.c */
/** Packet buffers of the server in every row; 0: as many as the row says. */
extern uint32_t abuse_pool;
/** Runs one row. Returns true without a breach; prints each breach. */
bool abuse_row(const struct attack *a, const struct row *r);
/** Prints a breach; the row then fails. */
void abuse_fail(struct abuse *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Ends the program with status 2 when cond is false: a failure of the test, not of the server. */
#define ABUSE_MUST(cond)                                                           \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			exit(2);                                                   \
		}                                                                  \
	} while (0)
const struct row *abuse_params(const struct abuse *w);
uint64_t abuse_now(const struct abuse *w); /* ms */
/** ms since the attack began. */
uint32_t abuse_since(const struct abuse *w);
/** The number of events due in this millisecond of the attack, at `rate` a second. */
uint32_t abuse_due(const struct abuse *w, uint32_t rate);
uint32_t abuse_random(struct abuse *w);
struct la_shard *abuse_server(struct abuse *w);
uint64_t abuse_gauge(const struct abuse *w, enum gauge g);
/** Returns a counter of the server, minus its value at the start of the attack. */
uint64_t abuse_count(const struct abuse *w, enum la_counter c);

/* net.c */
/** Returns the IPv4 or IPv6 address of a host. RAW and ROUTER have an address too, but no shard. */
struct la_addr abuse_addr(enum host h, bool ip6);
const uint8_t *abuse_mac(enum host h);
/** Puts a frame on the link; it arrives after DELAY_MS. */
void abuse_wire(struct abuse *w, enum host from, const uint8_t *p, size_t len);
/** Returns the number of frames of any kind that the server has sent since the attack began. */
uint64_t abuse_frames_out(const struct abuse *w);

/* spoof.c */
/** Returns a source address that does not exist: the i-th of a network behind the gateway, or of the link itself. */
struct la_addr spoof_source(uint32_t i, bool ip6, bool on_link);
/** Writes a timestamps option (RFC 7323) of 12 bytes to f->opts. */
void spoof_stamps(struct frame *f, uint32_t tsval, uint32_t tsecr);
/** Fills in the MACs, and the server as destination if f has none; then sends. The caller sets f->src and f->sport. */
void spoof_tcp(struct abuse *w, struct frame *f);
void spoof_icmp(struct abuse *w, struct frame_icmp *f);

/* bots.c */
enum bot_state { BOT_FREE, BOT_SYN, BOT_OPEN, BOT_GONE };
struct bot {
	uint8_t state; /* enum bot_state */
	bool ip6;
	bool reads;	      /* acknowledges data in order */
	bool mute;	      /* the framework sends no ACK for received segments */
	bool fin;	      /* the server's FIN was received */
	bool reset;	      /* the server sent a RST */
	uint16_t port;	      /* the bot's port */
	uint16_t service;     /* the server's port */
	uint16_t win;	      /* window field of the bot's segments; the bot's window is not scaled */
	uint16_t mss;	      /* MSS option of the SYN [1460] */
	uint32_t seq;	      /* next sequence number to send */
	uint32_t una;	      /* the server has acknowledged all bytes below this number */
	uint32_t ack;	      /* next sequence number expected from the server */
	uint32_t edge;	      /* highest right edge of the server's window so far */
	uint8_t ws;	      /* window scale of the server */
	uint64_t got;	      /* bytes received */
	uint32_t mark, mark2; /* each attack defines their meaning */
};
/** Makes the i-th bot of the row's family send its SYN. Returns the bot. */
struct bot *bot_open(struct abuse *w, uint32_t i, uint16_t service, uint16_t win);
struct bot *bot_at(struct abuse *w, uint32_t i);
/** Returns the bytes left in the server's window. */
uint32_t bot_room(const struct bot *b);
/** To be called every millisecond: opens further bots, `rate` a second, until n bots (of the row) were opened. */
void bots_trickle(struct abuse *w, uint16_t service, uint16_t win, uint32_t rate);
/** Sends one segment at seq, with ACK number ack and window b->win. Does not change b->seq. */
void bot_tx(struct abuse *w, struct bot *b, uint8_t flags, uint32_t seq, uint32_t ack, const void *data, size_t len);
/** Sends text at b->seq, in segments of at most `piece` bytes, and advances b->seq. */
void bot_send(struct abuse *w, struct bot *b, const void *data, size_t len, size_t piece);
/** Sends a FIN at b->seq, and advances b->seq. */
void bot_fin(struct abuse *w, struct bot *b);
/** Resets the bot's connection, as a kernel does for a killed process. The server may have dropped the last
 * segments, which filled its window: then this RST is outside the window. So a second RST follows at the number
 * that the server has acknowledged. */
void bot_reset(struct abuse *w, struct bot *b);
/** Resets all bots. */
void bots_leave(struct abuse *w);
/** Returns the number of bots in a state. */
unsigned bots_in(const struct abuse *w, enum bot_state s);
/** Processes a frame to a bot. Returns false when the frame belongs to no bot. */
bool bots_frame(struct abuse *w, const struct frame_in *f);
void bots_init(struct abuse *w);
void bots_fini(struct abuse *w);

/* load.c */
struct load_plan {
	uint16_t service; /* the server's port */
	uint64_t send;	  /* bytes to send, in repetitions of `text`; UINT64_MAX: without end */
	const char *text; /* NULL: a pattern */
	uint32_t text_len;
	uint32_t rcvbuf; /* [256 KiB] */
	bool reads;	 /* reads the server's data */
};
/** Opens n more connections of the row's family, up to the row's n in all. The plan of the first call applies to all
 * connections. */
void load_open(struct abuse *w, const struct load_plan *p, uint32_t n);
void load_leave(struct abuse *w);
void load_fini(struct abuse *w);

/* honest.c */
struct honest;
struct honest *honest_new(struct abuse *w, struct la_shard *s);
void honest_free(struct honest *h);
/** To be called every millisecond: opens a connection every every_ms if `opening`, and aborts connections that are
 * open for 10 s. */
void honest_step(struct honest *h, bool opening, uint32_t every_ms);
/** Aborts all connections that are not closed, and counts them as failed. */
void honest_abort(struct honest *h);
/** Starts counting for honest_result(): connections begun earlier do not count. */
void honest_mark(struct honest *h);
struct honest_result {
	uint32_t begun;	   /* connections that are closed, or were begun at least grace_ms ago */
	uint32_t closed;   /* connections among them that were closed in order, with every byte verified */
	uint32_t wrong;	   /* wrong bytes */
	uint32_t p50, p99; /* ms from SYN to `closed` */
};
struct honest_result honest_result(const struct honest *h, uint32_t grace_ms);
/** Sets *t to the tuple of an open honest connection, from the server's side, for attackers that have the victim's
 * tuple. i: where the search among the client records starts, modulo their number. False: no connection is open. */
bool honest_victim(const struct abuse *w, uint32_t i, struct la_tuple *t);
/** Sets *f to a segment as the victim would send it: addresses, ports, SEG.SEQ = RCV.NXT, SEG.ACK = SND.UNA.
 * False: there is no victim, or the server has no connection of its tuple. */
bool victim_frame(struct abuse *w, uint32_t i, struct frame *f, struct la_conn_info *info);
/** Writes an HTTP request for n bytes. Returns its length. */
int request(char text[128], uint32_t n, bool last);

#endif

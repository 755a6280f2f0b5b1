/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_USER_H
#define LA_SIM_USER_H

/* Users of the simulated hosts: each connection follows a plan, and checks the bytes that it reads.
 *
 * Every connection object has a unique tag and sends bytes derived from tag and offset, or its
 * plan's text, repeated. When a handshake ends, the two ends of the same incarnation are
 * paired. From then on every delivered byte is compared with the byte that the partner has at
 * this offset, so that a byte of another incarnation is detected. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "sim/world.h"

/** The last action of a plan. LA_SIM_STAYS: none. */
enum la_sim_ending { LA_SIM_STAYS, LA_SIM_SHUTDOWN, LA_SIM_CLOSE, LA_SIM_ABORT };

/** The condition of the last action. */
enum la_sim_when {
	LA_SIM_WHEN_SENT,     /* la_send() has accepted all bytes */
	LA_SIM_WHEN_PEER_FIN, /* the peer's FIN was received, and all bytes were sent */
	LA_SIM_WHEN_GOT,      /* `amount` bytes were read, and all bytes were sent */
	LA_SIM_WHEN_TIME,     /* `amount` ms after the handshake, regardless of sent bytes */
};

struct la_sim_plan {
	uint32_t send;	   /* bytes */
	uint32_t chunk;	   /* bytes of a piece; 0: one piece */
	uint32_t every_ms; /* ms between pieces; 0: no pause */
	const char *text;  /* text to send, repeated; NULL: bytes derived from tag and offset */
	enum la_sim_ending ending;
	enum la_sim_when when;
	uint32_t amount; /* bytes or ms, see enum la_sim_when */
	bool deaf;	 /* does not read */
	struct la_conn_opts opts;
};

struct la_sim_conn {
	struct la_sim *w;
	uint8_t host;
	bool used, active, opened, paired, peer_fin, closed;
	bool ended;	   /* the plan's ending was performed */
	bool crashed;	   /* the host crashed: `closed` is set, and the callback `closed` was not called */
	uint32_t tag;	   /* unique in the world, in the order of creation; not 0 */
	struct la_conn *c; /* NULL after `closed` */
	struct la_tuple t;
	const struct la_sim_plan *plan; /* must exist longer than the world */
	struct la_sim_conn *partner;	/* NULL: not paired, or the partner's record was freed */
	uint32_t partner_tag;
	const char *partner_text;
	uint32_t sent;	   /* bytes that la_send() accepted */
	uint32_t got;	   /* bytes that were read */
	uint32_t wrong;	   /* bytes that were read unpaired, or differ from the partner's byte at their offset */
	uint32_t wrong_at; /* offset of the first wrong byte */
	uint64_t opened_us, closed_us, next_chunk_us;
	uint32_t iss;
	uint32_t rcv_nxt; /* RCV.NXT at the callback `opened` */
	struct la_closed why;
	uint8_t first[64]; /* the first bytes read, for output */
};

/** Returns the byte at an offset of the stream that the connection with this tag and text sends. */
uint8_t la_sim_byte(uint32_t tag, const char *text, uint32_t offset);

/** Listens. Each accepted connection follows the plan. Returns the result of la_listen(), or -ENOBUFS when the world
 * has no room for another listener. */
int la_sim_listen(struct la_sim *w, unsigned host, uint16_t port, const struct la_sim_plan *plan);

/** Opens a connection. out may be NULL. Returns the result of la_connect(), or -ENOBUFS when no record is free. */
int la_sim_connect(struct la_sim *w, unsigned from, unsigned to, bool ip6, uint16_t lport, uint16_t rport,
		   const struct la_sim_plan *plan, struct la_sim_conn **out);

/** Returns the next record in use, in the order of slots; NULL after the last one. *i is 0 before the first call. */
struct la_sim_conn *la_sim_conn_next(struct la_sim *w, unsigned *i);
/** Frees the record of a closed connection. The partner's `partner` becomes NULL. */
void la_sim_conn_free(struct la_sim_conn *c);

/* Actions beside the plan, followed by la_sim_settle(). Each returns the result of the call of the stack, or -ENOTCONN
 * when the connection has ended. */
int la_sim_shutdown(struct la_sim_conn *c);
int la_sim_close(struct la_sim_conn *c);
int la_sim_abort(struct la_sim_conn *c);
/** Sends this number of further bytes of the connection's stream. */
void la_sim_send(struct la_sim_conn *c, uint32_t bytes);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_SIM_USER_H
#define LA_SIM_USER_H

/* Users of the simulated hosts: each connection follows a plan, and knows what its partner sends.
 *
 * Every connection object has a tag of its own and sends bytes made of tag and offset (or its
 * plan's text, again and again). When a handshake ends, the two ends of the same incarnation are
 * paired, and from then on every byte that is delivered is compared with what the partner sends at
 * this offset: a byte of another incarnation cannot pass for one of this. */

#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "sim/world.h"

enum la_sim_ending { LA_SIM_STAYS, LA_SIM_SHUTDOWN, LA_SIM_CLOSE, LA_SIM_ABORT };

enum la_sim_when {
	LA_SIM_WHEN_SENT,     /* all of it was handed to la_send() */
	LA_SIM_WHEN_PEER_FIN, /* the other end has closed (and all was sent) */
	LA_SIM_WHEN_GOT,      /* `amount` bytes have been read (and all was sent) */
	LA_SIM_WHEN_TIME,     /* `amount` ms after the handshake, whatever was sent */
};

struct la_sim_plan {
	uint32_t send;	    /* bytes */
	uint32_t chunk;	    /* in pieces of so many bytes, 0: as much as fits */
	uint32_t every_ms;  /* with so much time between pieces */
	const char *text;   /* what to send, repeated; NULL: bytes that tell connection and offset */
	enum la_sim_ending ending;
	enum la_sim_when when;
	uint32_t amount;
	bool deaf; /* does not read what comes */
	struct la_conn_opts opts;
};

struct la_sim_conn {
	struct la_sim *w;
	uint8_t host;
	bool used, active, opened, paired, peer_fin, closed;
	bool ended;  /* the plan's ending was done */
	bool crashed; /* its host was restarted: no callback fired */
	uint32_t tag; /* of all connection objects of the world, in the order of their making; not 0 */
	struct la_conn *c; /* NULL after `closed` */
	struct la_tuple t;
	const struct la_sim_plan *plan; /* must outlive the world */
	struct la_sim_conn *partner;	/* valid while paired, and the partner's record was not freed */
	uint32_t partner_tag;
	const char *partner_text;
	uint32_t sent, got; /* bytes taken by la_send(), bytes read */
	uint32_t wrong;	    /* of them not what the partner sends at that offset */
	uint32_t wrong_at;  /* offset of the first */
	uint64_t opened_us, closed_us, next_chunk_us;
	uint32_t iss, rcv_nxt; /* when it was opened */
	struct la_closed why;
	uint8_t first[64]; /* the first bytes read, for those who want to show them */
};

/** The byte at an offset of what a connection sends. */
uint8_t la_sim_byte(uint32_t tag, const char *text, uint32_t offset);

/** Accepts connections, each following the plan. As la_listen(), and -ENOBUFS when the world has no room for
 * another host's or port's. */
int la_sim_listen(struct la_sim *w, unsigned host, uint16_t port, const struct la_sim_plan *plan);

/** Opens one. *out may be NULL. As la_connect(), and -ENOBUFS when there is no record left. */
int la_sim_connect(struct la_sim *w, unsigned from, unsigned to, bool ip6, uint16_t lport, uint16_t rport,
		   const struct la_sim_plan *plan, struct la_sim_conn **out);

/** Records in use, in the order of their slots: NULL ends. *i is 0 at first. */
struct la_sim_conn *la_sim_conn_next(struct la_sim *w, unsigned *i);
/** A closed connection's record may be used again. Its partner forgets it. */
void la_sim_conn_free(struct la_sim_conn *c);

/* What the plan would do, done by hand; the world settles afterwards. */
int la_sim_shutdown(struct la_sim_conn *c);
int la_sim_close(struct la_sim_conn *c);
int la_sim_abort(struct la_sim_conn *c);
/** Sends so many bytes more. */
void la_sim_send(struct la_sim_conn *c, uint32_t bytes);

#endif

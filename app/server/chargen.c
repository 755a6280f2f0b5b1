/* SPDX-License-Identifier: BSD-3-Clause */

/* Character generator (RFC 864): endless lines, zero copy, until the client closes; received
 * bytes are discarded. When the server closes first, it does so after one turn of the
 * pattern, 7030 bytes. */

#include "server/service.h"

struct chargen_conn {
	struct svc_conn sc;
	uint64_t pos;
};

static void
pump(struct chargen_conn *cc)
{
	uint64_t limit = cc->sc.s->server_first ? CHARGEN_PERIOD : UINT64_MAX;

	while (cc->pos < limit) {
		const uint8_t *p;
		size_t n = chargen_at(cc->pos, &p);
		ssize_t sent;

		if (n > limit - cc->pos)
			n = (size_t)(limit - cc->pos);
		sent = la_send_const(cc->sc.c, p, n);
		if (sent <= 0)
			return;
		cc->pos += (uint64_t)sent;
		if ((size_t)sent < n)
			return; /* `writable` follows */
	}
	svc_linger(&cc->sc);
}

static void
opened(struct la_conn *c, void *user)
{
	struct chargen_conn *cc = svc_open(c, user);

	if (cc)
		pump(cc);
}

static void
data(struct la_conn *c, void *user)
{
	(void)c;
	svc_received(user); /* while lines are unacknowledged, this does not count as progress */
	svc_discard(user);
}

static void
writable(struct la_conn *c, void *user)
{
	struct chargen_conn *cc = user;

	(void)c;
	if (!cc->sc.lingering)
		pump(cc);
}

static void
peer_fin(struct la_conn *c, void *user)
{
	(void)c;
	svc_close(user);
}

const struct service_def service_chargen = {
	.name = "chargen",
	.conn_size = sizeof(struct chargen_conn),
	.ops = {.opened = opened,
		.data = data,
		.writable = writable,
		.peer_fin = peer_fin,
		.acked = svc_on_acked,
		.timer = svc_on_timer,
		.closed = svc_on_closed},
};

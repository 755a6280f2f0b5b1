/* SPDX-License-Identifier: BSD-3-Clause */

/* Discard (RFC 863): reads and forgets, closes after the client's FIN; when the server is to close
 * first, after the first bytes. */

#include "server/service.h"

static void
data(struct la_conn *c, void *user)
{
	struct svc_conn *sc = user;

	(void)c;
	svc_received(sc);
	svc_discard(sc);
	if (sc->s->server_first && !sc->lingering)
		svc_linger(sc);
}

static void
peer_fin(struct la_conn *c, void *user)
{
	(void)c;
	svc_close(user);
}

const struct service_def service_discard = {
	.name = "discard",
	.conn_size = sizeof(struct svc_conn),
	.ops = {.opened = svc_on_opened,
		.data = data,
		.peer_fin = peer_fin,
		.acked = svc_on_acked,
		.timer = svc_on_timer,
		.closed = svc_on_closed},
};

/* SPDX-License-Identifier: BSD-3-Clause */

/* Discard (RFC 863): reads and forgets, closes after the client's FIN; when the server is to close
 * first, after the first bytes. */

#include "service.h"

static void
opened(struct la_conn *c, void *user)
{
	svc_open(c, user);
}

static void
data(struct la_conn *c, void *user)
{
	struct svc_conn *sc = user;

	(void)c;
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

static void
timer(struct la_conn *c, void *user)
{
	(void)c;
	svc_linger_timer(user);
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	(void)c;
	(void)why;
	svc_gone(user);
}

const struct service_def service_discard = {
	.name = "discard",
	.conn_size = sizeof(struct svc_conn),
	.ops = {.opened = opened,
		.data = data,
		.peer_fin = peer_fin,
		.timer = timer,
		.closed = closed},
};

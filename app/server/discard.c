/* SPDX-License-Identifier: BSD-3-Clause */

/* Discard (RFC 863): reads and forgets, closes after the client's FIN; when the server is to close
 * first, after the first bytes. */

#include "server/service.h"

static void
discard_data(struct la_conn *c, void *user)
{
	struct svc_conn *sc = user;

	svc_on_data(c, user);
	if (sc->s->server_first && !sc->lingering)
		svc_linger(sc);
}

const struct service_def service_discard = {
	.name = "discard",
	.help = "reads and forgets (RFC 863)",
	.common = "discard",
	.first = SVC_FIRST_CLIENT,
	.first_help = "server: once the first bytes are read [client]",
	.conn_size = sizeof(struct svc_conn),
	.ops = {.data = discard_data},
};

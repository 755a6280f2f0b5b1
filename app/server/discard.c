/* SPDX-License-Identifier: BSD-3-Clause */

/* Discard (RFC 863): reads and discards all bytes. The server closes after the client's FIN or, with
 * --discard-close=server, after the first bytes. */

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
	.help = "reads and discards all bytes (RFC 863)",
	.common = "discard",
	.first = SVC_FIRST_CLIENT,
	.first_help = "server: after the first bytes are read [client]",
	.conn_size = sizeof(struct svc_conn),
	.ops = {.data = discard_data},
};

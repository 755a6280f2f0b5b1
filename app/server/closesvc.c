/* SPDX-License-Identifier: BSD-3-Clause */

/* The close service: a byte of the client selects how the server ends the connection.
 *   c  the server closes both directions at once (RFC 9293 3.10.4)
 *   s  the server shuts down its sending side, and continues to read (half-close)
 *   r  the server aborts the connection (RFC 9293 3.10.5)
 * Every other byte is read and ignored. After the client's FIN the server closes. */

#include "server/service.h"

/* Returns false when the connection is closed or freed: it must not be used. */
static bool
closesvc_apply(struct svc_conn *sc, char command)
{
	switch (command) {
	case 'c':
		svc_close(sc);
		return false;
	case 'r':
		la_abort(sc->c);
		return false;
	case 's':
		la_shutdown(sc->c);
		return true;
	default:
		return true;
	}
}

static void
closesvc_data(struct la_conn *c, void *user)
{
	struct svc_conn *sc = user;
	const void *span;
	size_t n;

	svc_received(sc);
	while ((n = la_peek(c, &span)) > 0) {
		const char *p = span;

		for (size_t i = 0; i < n; i++)
			if (!sc->lingering && !closesvc_apply(sc, p[i]))
				return;
		la_consume(c, n);
	}
}

const struct service_def service_close = {
	.name = "close",
	.help = "obeys one-byte commands: c closes both directions at once, s shuts down the server's\n"
		"sending side and continues to read, r aborts; any other byte is read and ignored",
	.common = "close",
	.conn_size = sizeof(struct svc_conn),
	.ops = {.data = closesvc_data},
};

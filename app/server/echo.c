/* SPDX-License-Identifier: BSD-3-Clause */

/* Echo (RFC 862). The service consumes a byte when the send queue takes it, and stops reading while SVC_UNSENT_MAX
 * bytes are unsent. So when a client does not read, the receive window closes, and the connection's memory is
 * bounded: a receive buffer and about SVC_UNSENT_MAX. After the client's FIN the server echoes the remaining bytes
 * and closes. With --echo-close=server the server closes after the first echoed bytes. */

#include "server/service.h"

struct echo_conn {
	struct svc_conn sc;
	bool fin; /* the client's FIN has arrived */
	bool any; /* at least one byte was echoed */
};

static void
echo_pump(struct echo_conn *ec)
{
	struct la_conn *c = ec->sc.c;
	const void *span;
	size_t n;

	while ((n = la_peek(c, &span)) > 0) {
		ssize_t sent;

		if (!svc_may_read(&ec->sc))
			return; /* `acked` follows */
		sent = la_send(c, span, n);
		if (sent <= 0)
			return; /* `writable` follows */
		la_consume(c, (size_t)sent);
		svc_progress(&ec->sc);
		ec->any = true;
	}
	if (ec->fin)
		svc_close(&ec->sc);
	else if (ec->any && ec->sc.s->server_first)
		svc_linger(&ec->sc);
}

static void
echo_data(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	(void)c;
	if (!svc_linger_data(&ec->sc))
		echo_pump(ec);
}

static void
echo_acked(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	svc_on_acked(c, user);
	if (ec->sc.paused && !ec->sc.lingering)
		echo_pump(ec);
}

static void
echo_writable(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	(void)c;
	if (!ec->sc.lingering)
		echo_pump(ec);
}

static void
echo_peer_fin(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	(void)c;
	ec->fin = true;
	if (!svc_linger_fin(&ec->sc))
		echo_pump(ec);
}

const struct service_def service_echo = {
	.name = "echo",
	.help = "sends back what it reads (RFC 862)",
	.common = "echo",
	.first = SVC_FIRST_CLIENT,
	.first_help = "server: after the first bytes are sent back [client]",
	.nodelay = true,
	.conn_size = sizeof(struct echo_conn),
	.ops = {.data = echo_data, .acked = echo_acked, .writable = echo_writable, .peer_fin = echo_peer_fin},
};

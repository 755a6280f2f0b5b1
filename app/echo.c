/* SPDX-License-Identifier: BSD-3-Clause */

/* Echo (RFC 862). A byte is consumed when it has found room in the send queue, so a client that
 * does not read stops being read from: its window closes. After the client's FIN the rest is echoed,
 * then we close. When the server is to close first, it does so once the first bytes are echoed. */

#include "service.h"

struct echo_conn {
	struct svc_conn sc;
	bool fin;
	bool any; /* something was echoed */
};

static void
pump(struct echo_conn *ec)
{
	struct la_conn *c = ec->sc.c;
	const void *span;
	size_t n;

	while ((n = la_peek(c, &span)) > 0) {
		ssize_t sent = la_send(c, span, n);

		if (sent <= 0)
			return; /* `writable` comes */
		la_consume(c, (size_t)sent);
		ec->any = true;
	}
	if (ec->fin)
		svc_close(&ec->sc);
	else if (ec->any && ec->sc.s->server_first)
		svc_linger(&ec->sc);
}

static void
opened(struct la_conn *c, void *user)
{
	svc_open(c, user);
}

static void
data(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	(void)c;
	if (!svc_linger_data(&ec->sc))
		pump(ec);
}

static void
writable(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	(void)c;
	if (!ec->sc.lingering)
		pump(ec);
}

static void
peer_fin(struct la_conn *c, void *user)
{
	struct echo_conn *ec = user;

	(void)c;
	ec->fin = true;
	if (!svc_linger_fin(&ec->sc))
		pump(ec);
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

const struct service_def service_echo = {
	.name = "echo",
	.conn_size = sizeof(struct echo_conn),
	.ops = {.opened = opened,
		.data = data,
		.writable = writable,
		.peer_fin = peer_fin,
		.timer = timer,
		.closed = closed},
};

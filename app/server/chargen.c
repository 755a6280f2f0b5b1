/* SPDX-License-Identifier: BSD-3-Clause */

/* Character generator (RFC 864): sends lines, without a copy, until the client closes. Received bytes are discarded;
 * while lines are unacknowledged, received bytes are no progress. With --chargen-close=server the server closes after
 * one period of the pattern, 7030 bytes. */

#include "server/payload.h"
#include "server/service.h"

struct chargen_conn {
	struct svc_conn sc;
	uint64_t pos;
};

static void
chargen_pump(struct chargen_conn *cc)
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
chargen_opened(struct la_conn *c, void *user)
{
	struct chargen_conn *cc = svc_open(c, user);

	if (cc)
		chargen_pump(cc);
}

static void
chargen_writable(struct la_conn *c, void *user)
{
	struct chargen_conn *cc = user;

	(void)c;
	if (!cc->sc.lingering)
		chargen_pump(cc);
}

const struct service_def service_chargen = {
	.name = "chargen",
	.help = "sends lines without end (RFC 864)",
	.common = "chargen",
	.first = SVC_FIRST_CLIENT,
	.first_help = "server: after 7030 bytes, one period of the pattern [client]",
	.conn_size = sizeof(struct chargen_conn),
	.ops = {.opened = chargen_opened, .writable = chargen_writable},
};

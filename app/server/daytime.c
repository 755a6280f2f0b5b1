/* SPDX-License-Identifier: BSD-3-Clause */

/* Daytime (RFC 867): sends the date and time in UTC as one line, and closes first. Received bytes are discarded. The
 * line has the first form of the RFC: "Tuesday, February 22, 1982 17:37:43-UTC". When the client's FIN arrives before
 * the whole line is queued, the server still sends the whole line, and then closes. */

#include <time.h>

#include "server/service.h"

struct daytime_conn {
	struct svc_conn sc;
	bool fin;	   /* the client's FIN has arrived */
	uint8_t len, sent; /* bytes of text, and how many of them are queued */
	char text[64];
};

static void
daytime_pump(struct daytime_conn *dc)
{
	ssize_t n = la_send(dc->sc.c, dc->text + dc->sent, (size_t)(dc->len - dc->sent));

	if (n > 0)
		dc->sent += (uint8_t)n;
	if (dc->sent < dc->len)
		return; /* `writable` follows */
	if (dc->fin)
		svc_close(&dc->sc);
	else
		svc_linger(&dc->sc);
}

static void
daytime_opened(struct la_conn *c, void *user)
{
	struct daytime_conn *dc = svc_open(c, user);
	time_t now = time(NULL);
	struct tm tm;

	if (dc == NULL)
		return;
	gmtime_r(&now, &tm);
	dc->len = (uint8_t)strftime(dc->text, sizeof(dc->text), "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &tm);
	daytime_pump(dc);
}

static void
daytime_writable(struct la_conn *c, void *user)
{
	struct daytime_conn *dc = user;

	(void)c;
	if (!dc->sc.lingering)
		daytime_pump(dc);
}

static void
daytime_peer_fin(struct la_conn *c, void *user)
{
	struct daytime_conn *dc = user;

	(void)c;
	dc->fin = true;
	if (!svc_linger_fin(&dc->sc))
		daytime_pump(dc);
}

const struct service_def service_daytime = {
	.name = "daytime",
	.help = "sends the date and time, UTC, as a line and closes first (RFC 867)",
	.first = SVC_FIRST_SERVER,
	.conn_size = sizeof(struct daytime_conn),
	.ops = {.opened = daytime_opened, .writable = daytime_writable, .peer_fin = daytime_peer_fin},
};

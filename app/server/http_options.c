/* SPDX-License-Identifier: BSD-3-Clause */

/* What the http service adds to the options, the manual and the summary of `lastack server`. */

#include "server/http_conn.h"

struct http_options http_options = {.idle_ms = 60000, .head_ms = 20000};

/* clang-format off */
const struct opt http_opts[] = {
	{.name = "http-idle", .kind = OPT_DURATION, .dst = &http_options.idle_ms, .arg = "TIME",
	 .min = 1, .max = 86400000,
	 .help = "http: close a connection after this time without a received byte of a request and without\n"
		 "an acknowledged byte of an answer. While an answer is unacknowledged, only acknowledged bytes\n"
		 "count, the time is at least 10 s, and the connection is aborted [60s]"},
	{.name = "http-head-timeout", .kind = OPT_DURATION, .dst = &http_options.head_ms, .arg = "TIME",
	 .min = 1, .max = 86400000,
	 .help = "http: longest time from the first byte of a request's head to the last byte of the head. A\n"
		 "body has this time, and 1 s more for each 500 bytes. A late request is answered 408, and the\n"
		 "connection is closed [20s]"},
	OPT_END,
};
/* clang-format on */

_Static_assert((int)HTTP_NCOUNTS <= (int)SVC_OWN_MAX, "struct service has room for the counts");

const struct svc_count_def http_counts[HTTP_NCOUNTS] = {
	[HTTP_HEAD_TIMEOUTS - SVC_NCOMMON] = {"head_timeouts", NULL, "requests whose head did not arrive in time"},
	[HTTP_BODY_TIMEOUTS - SVC_NCOMMON] = {"body_timeouts", NULL, "requests whose body did not arrive in time"},
	[HTTP_ANSWERED_408 - SVC_NCOMMON] = {"answered_408", NULL, "requests answered 408 Request Timeout"},
	[HTTP_BAD_REQUESTS - SVC_NCOMMON] = {"bad_requests", "400", "requests answered 400 Bad Request"},
	[HTTP_TOO_LARGE - SVC_NCOMMON] = {"too_large", "413, 414, 431",
					  "requests answered 413, 414 or 431: body, target or fields too large"},
	[HTTP_UNSUPPORTED - SVC_NCOMMON] = {"unsupported", "417, 421, 501, 505",
					    "requests answered 417, 421, 501, 505, or 405 to CONNECT"},
	[HTTP_RESET_BY_PATH -
		SVC_NCOMMON] = {"reset_by_path", NULL, "connections reset because /end/rst was requested"},
};

const char http_manual[] =
	"HTTP\n"
	"       A path's query is ignored. GET, HEAD and OPTIONS are allowed, POST where (*) says so; the\n"
	"       body of a request, with Content-Length or in chunks, is ignored (up to 1 MiB; more: 413).\n"
	"       /             a text that lists these paths\n"
	"       /bytes/N      N bytes (up to 1 GiB), byte i being i mod 251\n"
	"       /chunked/N    the bytes of /bytes/N in chunks of 16 KiB; to an HTTP/1.0 client the bytes\n"
	"                     alone, ended by the server's FIN, also with --http-close=client\n"
	"       /status/N     (*) status N, 200 to 599; 204 and 304 without a body\n"
	"       /delay/TIME   (*) answered after TIME (50ms, 2s; up to 60s); later requests wait\n"
	"       /end/fin      (*) answered with Connection: close, and the server's FIN follows at once\n"
	"       /end/rst      (*) answered as if to be kept alive, then RST when the answer is acknowledged\n"
	"       /end/half     (*) answer and FIN before the request's body is read; the server reads until\n"
	"                     the client's FIN, or until --http-idle passes without a byte\n"
	"       /end/linger   (*) answered with Connection: close; the server waits 10 s for the client's\n"
	"                     FIN before it sends its own\n"
	"       An absolute-form target overrides Host; https and other schemes are answered 421. Expect:\n"
	"       100-continue is answered 100 before a body is read, any other expectation 417. CONNECT is\n"
	"       answered 405. After 400, 408, 413, 414, 417, 421, 431, 501 and 505 the connection closes.\n";

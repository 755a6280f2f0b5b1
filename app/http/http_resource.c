/* SPDX-License-Identifier: BSD-3-Clause */

/* Paths to resources, and the texts of status codes. Pure functions. */

#include <string.h>

#include "http/http_parse.h"

static const char root_text[] =
	"lastack: an HTTP server for tests. The body's byte i is i mod 251. Queries are ignored.\n"
	"/bytes/N      N bytes (up to 1 GiB) with Content-Length\n"
	"/chunked/N    N bytes in chunks; to an HTTP/1.0 client without a length, until the FIN\n"
	"/status/N     status N, 200 to 599\n"
	"/delay/TIME   answered after TIME (50ms, 2s; up to 60s)\n"
	"/end/fin      answered, then FIN at once\n"
	"/end/rst      answered as if to be kept alive, then RST when the answer is acknowledged\n"
	"/end/half     answer and FIN before the request's body is read, then read until the client's FIN\n"
	"/end/linger   answered with Connection: close; the client's FIN comes first, or ours after 10 s\n";

_Static_assert(sizeof(root_text) - 1 <= HTTP_TEXT_MAX, "HTTP_TEXT_MAX");

static const char *const statuses[] = {
	"200 OK\n",
	"201 Created\n",
	"202 Accepted\n",
	"203 Non-Authoritative Information\n",
	"204 No Content\n",
	"205 Reset Content\n",
	"206 Partial Content\n",
	"207 Multi-Status\n",
	"208 Already Reported\n",
	"226 IM Used\n",
	"300 Multiple Choices\n",
	"301 Moved Permanently\n",
	"302 Found\n",
	"303 See Other\n",
	"304 Not Modified\n",
	"305 Use Proxy\n",
	"307 Temporary Redirect\n",
	"308 Permanent Redirect\n",
	"400 Bad Request\n",
	"401 Unauthorized\n",
	"402 Payment Required\n",
	"403 Forbidden\n",
	"404 Not Found\n",
	"405 Method Not Allowed\n",
	"406 Not Acceptable\n",
	"407 Proxy Authentication Required\n",
	"408 Request Timeout\n",
	"409 Conflict\n",
	"410 Gone\n",
	"411 Length Required\n",
	"412 Precondition Failed\n",
	"413 Content Too Large\n",
	"414 URI Too Long\n",
	"415 Unsupported Media Type\n",
	"416 Range Not Satisfiable\n",
	"417 Expectation Failed\n",
	"421 Misdirected Request\n",
	"422 Unprocessable Content\n",
	"423 Locked\n",
	"424 Failed Dependency\n",
	"425 Too Early\n",
	"426 Upgrade Required\n",
	"428 Precondition Required\n",
	"429 Too Many Requests\n",
	"431 Request Header Fields Too Large\n",
	"451 Unavailable For Legal Reasons\n",
	"500 Internal Server Error\n",
	"501 Not Implemented\n",
	"502 Bad Gateway\n",
	"503 Service Unavailable\n",
	"504 Gateway Timeout\n",
	"505 HTTP Version Not Supported\n",
	"506 Variant Also Negotiates\n",
	"507 Insufficient Storage\n",
	"508 Loop Detected\n",
	"510 Not Extended\n",
	"511 Network Authentication Required\n",
};

const char *
http_status_text(uint16_t status)
{
	char digits[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10)};

	for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (memcmp(statuses[i], digits, sizeof(digits)) == 0)
			return statuses[i];
	return "000 Unassigned\n";
}

/* Reads the decimal number, at most max, behind a prefix of the path, and moves *path behind it. Returns false: the
 * path has another form, or the number is above max. */
static bool
path_number(const char **path, const char *end, const char *prefix, uint64_t max, uint64_t *n)
{
	size_t len = strlen(prefix);
	const char *p = *path + len;

	if ((size_t)(end - *path) <= len || memcmp(*path, prefix, len) != 0)
		return false;
	for (*n = 0; p < end && *p >= '0' && *p <= '9'; p++) {
		*n = *n * 10 + (uint64_t)(*p - '0');
		if (*n > max)
			return false;
	}
	if (p == *path + len)
		return false;
	*path = p;
	return true;
}

static bool
path_is(const char *p, const char *end, const char *text)
{
	return (size_t)(end - p) == strlen(text) && memcmp(p, text, strlen(text)) == 0;
}

static bool
path_end(const char *p, const char *end, struct http_answer *a)
{
	static const char *const paths[] = {[HTTP_END_FIN] = "/end/fin",
					    [HTTP_END_RST] = "/end/rst",
					    [HTTP_END_HALF] = "/end/half",
					    [HTTP_END_LINGER] = "/end/linger"};

	for (unsigned i = HTTP_END_FIN; i <= HTTP_END_LINGER; i++) {
		if (!path_is(p, end, paths[i]))
			continue;
		a->end = (uint8_t)i;
		a->post = true;
		a->keep &= i == HTTP_END_RST;
		return true;
	}
	return false;
}

bool
http_resource(const char *path, size_t len, struct http_answer *a)
{
	const char *p = path, *end = path + len;
	uint64_t n;

	if (path_is(p, end, "/")) {
		a->text = root_text;
		return true;
	}
	if (path_number(&p, end, "/bytes/", HTTP_BYTES_MAX, &n)) {
		a->pattern = true;
		a->length = n;
		return p == end;
	}
	if (path_number(&p, end, "/chunked/", HTTP_BYTES_MAX, &n)) {
		a->pattern = true;
		a->length = n;
		a->chunked = !a->http10;
		a->until_close = a->http10;
		a->keep &= !a->http10;
		return p == end;
	}
	if (path_number(&p, end, "/status/", 599, &n)) {
		a->post = true;
		a->status = (uint16_t)n;
		return p == end && n >= 200;
	}
	if (path_number(&p, end, "/delay/", HTTP_DELAY_MAX, &n)) {
		bool ms = path_is(p, end, "ms");

		a->post = true;
		n *= ms ? 1 : 1000;
		a->delay_ms = (uint32_t)n;
		return (ms || path_is(p, end, "s")) && n <= HTTP_DELAY_MAX;
	}
	return path_end(p, end, a);
}

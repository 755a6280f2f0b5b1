/* SPDX-License-Identifier: BSD-3-Clause */

/* Requests to answers: which resource, which status, which head; and a client's request. Pure
 * functions. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http_parse.h"

static const char root_text[] =
	"lastack: GET /bytes/N for N bytes (up to 1 GiB), byte i being i mod 251.\n";

static const struct {
	uint16_t status;
	const char *reason, *text;
} statuses[] = {
	{200, "OK", ""},
	{400, "Bad Request", "400 Bad Request\n"},
	{404, "Not Found", "404 Not Found\n"},
	{405, "Method Not Allowed", "405 Method Not Allowed\n"},
	{408, "Request Timeout", "408 Request Timeout\n"},
	{413, "Content Too Large", "413 Content Too Large\n"},
	{414, "URI Too Long", "414 URI Too Long\n"},
	{431, "Request Header Fields Too Large", "431 Request Header Fields Too Large\n"},
	{501, "Not Implemented", "501 Not Implemented\n"},
	{505, "HTTP Version Not Supported", "505 HTTP Version Not Supported\n"},
};

static unsigned
status_index(uint16_t status)
{
	for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return i;
	return 1;
}

/* The path of an origin-form or absolute-form target (RFC 9112 3.2), without its query. */
static const char *
target_path(const struct http_parser *p, size_t *len)
{
	const char *t = p->target, *end = t + p->target_len, *q;

	if (p->target_len >= 7 && memcmp(t, "http://", 7) == 0) {
		t = memchr(t + 7, '/', p->target_len - 7u);
		if (t == NULL) { /* "http://host": its path is "/" */
			*len = 1;
			return "/";
		}
	}
	q = memchr(t, '?', (size_t)(end - t));
	*len = (size_t)((q ? q : end) - t);
	return t;
}

static bool
parse_bytes(const char *path, size_t len, uint64_t *n)
{
	static const char prefix[] = "/bytes/";
	uint64_t v = 0;

	if (len <= sizeof(prefix) - 1 || memcmp(path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	for (size_t i = sizeof(prefix) - 1; i < len; i++) {
		if (path[i] < '0' || path[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(path[i] - '0');
		if (v > HTTP_BYTES_MAX)
			return false;
	}
	*n = v;
	return true;
}

void
http_answer(const struct http_parser *p, struct http_answer *a)
{
	size_t len;
	const char *path = target_path(p, &len);
	bool query_cut = p->target_cut && memchr(p->target, '?', p->target_len) != NULL;

	memset(a, 0, sizeof(*a));
	a->status = p->status;
	a->head_only = p->method == HTTP_HEAD;
	a->keep = http_keep_alive(p);
	a->http10 = p->minor == 0;
	if (a->status == 0) {
		a->status = 200;
		if (p->target_cut && !query_cut)
			a->status = 404;
		else if (len == 1 && path[0] == '/')
			a->text = root_text;
		else if (parse_bytes(path, len, &a->length))
			a->pattern = true;
		else
			a->status = 404;
		if (a->status == 200 && p->method == HTTP_OTHER) {
			a->status = 405;
			a->pattern = false;
		}
	}
	if (a->status != 200)
		a->text = statuses[status_index(a->status)].text;
	if (!a->pattern)
		a->length = strlen(a->text);
}

size_t
http_answer_head(const struct http_answer *a, const char *date, char *buf, size_t size)
{
	int n = snprintf(buf, size,
			 "HTTP/1.1 %u %s\r\n"
			 "Server: lastack\r\n"
			 "Date: %s\r\n"
			 "Content-Type: %s\r\n"
			 "Content-Length: %lu\r\n"
			 "%s%s\r\n",
			 a->status, statuses[status_index(a->status)].reason, date,
			 a->pattern ? "application/octet-stream" : "text/plain", a->length,
			 a->status == 405 ? "Allow: GET, HEAD\r\n" : "",
			 !a->keep    ? "Connection: close\r\n" :
			 a->http10   ? "Connection: keep-alive\r\n" :
				       "");

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

int
http_request(char *buf, size_t size, const char *path, const char *host, const char *version,
	     bool last)
{
	bool is6 = strchr(host, ':') != NULL; /* in brackets (RFC 3986 3.2.2) */

	return snprintf(buf, size,
			"GET %s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: lastack/%s\r\n%s\r\n", path,
			is6 ? "[" : "", host, is6 ? "]" : "", version,
			last ? "Connection: close\r\n" : "");
}

void
http_date(int64_t unix_seconds, char *buf, size_t size)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)unix_seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(buf, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
		 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Answers to requests: choice of resource and status, and the head. Also a client's request. Pure functions. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/http_parse.h"

/* GET, HEAD and OPTIONS are allowed for every resource, POST for resources that tests use with a request body. */
static const char allow_get[] = "GET, HEAD, OPTIONS", allow_post[] = "GET, HEAD, POST, OPTIONS";

/* Sets *len to the length of the target's path, without the query. Returns false: only a part of the path is stored. */
static bool
target_path(const struct http_parser *p, size_t *len)
{
	const char *q = memchr(p->target, '?', p->target_len);

	*len = q ? (size_t)(q - p->target) : p->target_len;
	return q || !p->target_cut;
}

/* Sets *a to the answer to a well-formed request. */
static void
answer_choose(const struct http_parser *p, struct http_answer *a)
{
	struct http_answer r = *a;
	size_t len;

	r.status = 200;
	if (p->target[0] == '*') {
		a->status = 204;
		a->allow = allow_post;
	} else if (!target_path(p, &len) || !http_resource(p->target, len, &r)) {
		a->status = 404;
	} else if (p->method == HTTP_GET || p->method == HTTP_HEAD || (p->method == HTTP_POST && r.post)) {
		*a = r;
	} else {
		a->status = p->method == HTTP_OPTIONS ? 204 : 405;
		a->allow = r.post ? allow_post : allow_get;
	}
}

/* RFC 9110 6.4.1 */
static bool
has_no_content(uint16_t status)
{
	return status == 204 || status == 304;
}

void
http_answer(const struct http_parser *p, struct http_answer *a)
{
	memset(a, 0, sizeof(*a));
	a->status = p->status;
	a->head_only = p->method == HTTP_HEAD;
	a->keep = http_keep_alive(p);
	a->http10 = p->minor == 0;
	if (a->status == 0)
		answer_choose(p, a);
	if (a->status == 405 && a->allow == NULL)
		a->allow = allow_post;
	if (a->pattern)
		return;
	if (a->text == NULL) {
		a->text = http_status_text(a->status);
		if (a->text[0] == '0')
			a->text += 4;
	}
	if (has_no_content(a->status) || a->status == 205)
		a->text = "";
	a->length = strlen(a->text);
}

size_t
http_answer_head(const struct http_answer *a, const char *date, char *buf, size_t size)
{
	const char *reason = http_status_text(a->status) + 4;
	const char *connection = !a->keep ? "Connection: close\r\n" : a->http10 ? "Connection: keep-alive\r\n" : "";
	const char *type = a->pattern ? "application/octet-stream" : "text/plain";
	int reason_len = (int)strlen(reason) - 1, n;

	if (a->allow == NULL && !a->chunked && !a->until_close && !has_no_content(a->status))
		n = snprintf(buf, size,
			     "HTTP/1.1 %u %.*s\r\n"
			     "Server: lastack\r\n"
			     "Date: %s\r\n"
			     "Content-Type: %s\r\n"
			     "Content-Length: %lu\r\n"
			     "%s\r\n",
			     a->status, reason_len, reason, date, type, a->length, connection);
	else { /* RFC 9110 8.6: neither a transfer coding nor a 204 goes with Content-Length */
		bool typed = !has_no_content(a->status), counted = typed && !a->chunked && !a->until_close;
		char length[48] = "";

		if (counted)
			snprintf(length, sizeof(length), "Content-Length: %lu\r\n", a->length);
		n = snprintf(buf, size,
			     "HTTP/1.1 %u %.*s\r\n"
			     "Server: lastack\r\n"
			     "Date: %s\r\n"
			     "%s%s%s%s%s%s%s%s%s\r\n",
			     a->status, reason_len, reason, date, typed ? "Content-Type: " : "", typed ? type : "",
			     typed ? "\r\n" : "", length, a->chunked ? "Transfer-Encoding: chunked\r\n" : "",
			     a->allow ? "Allow: " : "", a->allow ? a->allow : "", a->allow ? "\r\n" : "", connection);
	}
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

int
http_request(char *buf, size_t size, const char *path, const char *host, const char *version, bool last)
{
	bool is6 = strchr(host, ':') != NULL; /* an IPv6 address is in brackets (RFC 3986 3.2.2) */

	return snprintf(buf, size, "GET %s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: lastack/%s\r\n%s\r\n", path,
			is6 ? "[" : "", host, is6 ? "]" : "", version, last ? "Connection: close\r\n" : "");
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
	snprintf(buf, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: requests, read by lastack and by Debian's libhttp-parser. Request smuggling needs a difference
 * between two readers. So the library must accept each request that lastack accepts, with the
 * same method, target, body length and end. A request that is incomplete for lastack is not complete for the library.
 *
 * A request that lastack refuses is not compared. The library may refuse a request that lastack accepts in these cases:
 *   - a method that the library does not know: lastack answers 405 (RFC 9110 9.1 asks for no list of methods)
 *   - Content-Length twice with the same value (RFC 9112 6.3, RFC 9110 8.6)
 *   - tabs and empty list members beside "chunked" (RFC 9110 5.6.1.2, 5.6.3): coding_is_chunked() looks for these
 *   - a tab after the number of Content-Length (RFC 9110 5.6.3)
 *   - a field whose name only begins with Transfer-Encoding or Content-Length: the library sets its flags at the prefix
 *   - Content-Length among the trailer fields of a body in chunks: RFC 9110 6.5.1 ignores it, and the library reads it
 * lastack does not parse host and port of an absolute-form target. If the library refuses host or port, the paths are
 * not compared. */

#include <string.h>
#include <strings.h>

#include "http/http_body.h"
#include "http/http_parse.h"
#include "http_library.h"
#include "target.h"

/* Reads one request with lastack's parsers. Returns the bytes taken; 0: the request is not complete. */
static size_t
read_request(struct http_parser *p, struct http_body *b, const uint8_t *text, size_t len)
{
	size_t at;

	http_parser_init(p);
	http_body_init(b);
	at = http_parse(p, text, len);
	if (!p->done)
		return 0;
	if (p->status != 0)
		return at;
	if (p->chunked) {
		at += http_body_parse(b, text + at, len - at);
		return b->done ? at : 0;
	}
	b->length = p->length;
	return len - at < p->length ? 0 : at + (size_t)p->length;
}

/* Returns 1 for a field value of one "chunked", white space and commas; 0 for white space and commas alone; else -1. */
static int
chunked_value(const uint8_t *p, const uint8_t *end)
{
	int found = 0;

	while (p < end) {
		if (strchr(" \t,\r", *p) != NULL && *p != '\0') {
			p++;
		} else if (!found && end - p >= 7 && strncasecmp((const char *)p, "chunked", 7) == 0) {
			found = 1;
			p += 7;
		} else {
			return -1;
		}
	}
	return found;
}

/* Returns whether "chunked" is the only transfer coding of the request, in all its Transfer-Encoding fields. */
static bool
coding_is_chunked(const uint8_t *text, size_t len)
{
	static const char name[] = "transfer-encoding:";
	enum { NAME = sizeof(name) - 1 };
	const uint8_t *end = text + len, *eol;
	int found = 0;

	for (; text < end; text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (eol == NULL)
			eol = end;
		if ((size_t)(eol - text) >= NAME && strncasecmp((const char *)text, name, NAME) == 0) {
			int n = chunked_value(text + NAME, eol);

			if (n < 0)
				return false;
			found += n;
		}
	}
	return found == 1;
}

struct lines {
	unsigned n;
	bool longer; /* the field name of a line is longer */
	bool tab;    /* a line has a tab */
};

/* Finds the lines that begin with `name`. */
static struct lines
lines_with(const uint8_t *text, size_t len, const char *name)
{
	const uint8_t *end = text + len;
	size_t n = strlen(name);
	struct lines lines = {.n = 0};
	const uint8_t *eol;

	for (; (size_t)(end - text) > n; text = eol + 1) {
		eol = memchr(text, '\n', (size_t)(end - text));
		if (eol == NULL)
			break;
		if ((size_t)(eol - text) <= n || strncasecmp((const char *)text, name, n) != 0)
			continue;
		lines.n++;
		lines.longer |= text[n] != ':';
		lines.tab |= memchr(text, '\t', (size_t)(eol - text)) != NULL;
	}
	return lines;
}

/* Returns whether the library may refuse this request, which lastack accepts. */
static bool
is_deliberate(const struct http_parser *p, const struct library_request *r, const uint8_t *text, size_t len)
{
	struct lines codings = lines_with(text, len, "transfer-encoding");
	struct lines lengths = lines_with(text, len, "content-length");

	if (strcmp(r->error, "HPE_INVALID_TRANSFER_ENCODING") == 0)
		return codings.longer || coding_is_chunked(text, p->total);
	if (strcmp(r->error, "HPE_INVALID_METHOD") == 0)
		return p->method == HTTP_OTHER;
	if (strcmp(r->error, "HPE_UNEXPECTED_CONTENT_LENGTH") == 0)
		return lengths.n > 1 || (lengths.n > 0 && codings.n > 0);
	return strcmp(r->error, "HPE_INVALID_CONTENT_LENGTH") == 0 && (lengths.tab || (p->chunked && lengths.n > 0));
}

static void
check_target(const struct http_parser *p, const struct library_request *r)
{
	const char *want = r->url;
	size_t n = r->url_len, ours = p->target_len;

	if (r->url[0] != '/' && r->url[0] != '*') {
		if (!r->path_known)
			return;
		want = r->path;
		n = r->path_len;
		ours = strcspn(p->target, "?#") < ours ? strcspn(p->target, "?#") : ours;
	}
	CHECK(n == ours || (n > ours && ours == HTTP_TARGET_MAX));
	CHECK(memcmp(p->target, want, ours) == 0);
}

static void
check_method(const struct http_parser *p, const char *method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_POST] = "POST", [HTTP_OPTIONS] = "OPTIONS"};

	for (unsigned m = HTTP_GET; m <= HTTP_OPTIONS; m++)
		CHECK((p->method == m) == (strcmp(method, names[m]) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *text, size_t len)
{
	static struct library_request r;

	if (len > sizeof(r.url))
		return 0;
	while (len > 0) {
		struct {
			struct http_parser p;
			char end; /* ends a target[] that has no zero byte, for strcspn() */
		} our = {.end = 0};
		struct http_body b;
		size_t used = read_request(&our.p, &b, text, len);

		if (our.p.status != 0 || b.status != 0)
			return 0;
		library_read(&r, text, used ? used : len);
		if (used == 0) {
			CHECK(r.complete == 0 || our.p.method == HTTP_OTHER);
			return 0;
		}
		if (r.refused) {
			bool may_differ = is_deliberate(&our.p, &r, text, used);

			if (!may_differ)
				fprintf(stderr, "lastack accepts the request, the library refuses it: %s\n", r.error);
			CHECK(may_differ);
		} else {
			CHECK(r.complete == 1 && r.at >= used - 1);
			CHECK(r.body == b.length);
			check_method(&our.p, r.method);
			check_target(&our.p, &r);
		}
		text += used;
		len -= used;
	}
	return 0;
}

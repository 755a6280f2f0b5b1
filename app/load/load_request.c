/* SPDX-License-Identifier: BSD-3-Clause */

/* The HTTP requests of lastack load: their options, and their texts.
 *
 * A head is built once for each target, path and kind (the connection goes on, or ends), so that sending only copies
 * bytes. The body is the same for all requests, and follows the head. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "http/http_parse.h"
#include "load/load_opts.h"
#include "run/units.h"

enum { WEIGHT_MAX = 1000000 };

/* tchar of RFC 9110 5.6.2 */
static size_t
token_length(const char *text)
{
	return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* ---- options ---- */

/* Reads PATH or PATH:WEIGHT. A number after the last colon is the weight. */
static int
set_get(void *dst, const char *text, char *why, size_t size)
{
	struct load_path *p = &load.cfg.path[load.cfg.npaths];
	const char *colon = strrchr(text, ':');
	size_t len = strlen(text);
	uint64_t weight = 1;
	bool plain = true;

	(void)dst;
	if (load.cfg.npaths == LOAD_PATHS) {
		snprintf(why, size, "at most %d of them", LOAD_PATHS);
		return -1;
	}
	if (colon && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		len = (size_t)(colon - text);
		if (la_parse_number(colon + 1, &weight) != 0 || weight == 0 || weight > WEIGHT_MAX) {
			snprintf(why, size, "a weight from 1 to %d after the last colon", WEIGHT_MAX);
			return -1;
		}
	}
	for (size_t i = 0; i < len; i++)
		plain &= text[i] > ' ' && text[i] != 0x7f;
	if (text[0] != '/' || !plain || len >= LOAD_PATH) {
		snprintf(why, size,
			 "a path, /index.html or /index.html:WEIGHT, of at most %d ASCII characters without spaces",
			 LOAD_PATH - 1);
		return -1;
	}
	p->text = strndup(text, len);
	p->weight = (uint32_t)weight;
	load.cfg.path_total += p->weight;
	load.cfg.npaths += p->text != NULL;
	return p->text ? 0 : -1;
}

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if ((*text > 0 && *text < ' ' && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static int
set_header(void *dst, const char *text, char *why, size_t size)
{
	size_t name = token_length(text);

	(void)dst;
	if (load.nheaders == LOAD_HEADERS)
		snprintf(why, size, "at most %d of them", LOAD_HEADERS);
	else if (name == 0 || text[name] != ':' || !is_printable(text))
		snprintf(why, size, "'Name: value' without control characters");
	else if (strlen(text) >= LOAD_HEAD / 2)
		snprintf(why, size, "at most %d characters", LOAD_HEAD / 2 - 1);
	else if ((name == 14 && strncasecmp(text, "Content-Length", 14) == 0) ||
		 (name == 17 && strncasecmp(text, "Transfer-Encoding", 17) == 0))
		snprintf(why, size, "other fields: --body sets the length of the body");
	else {
		load.header[load.nheaders++] = text;
		return 0;
	}
	return -1;
}

static int
set_host(void *dst, const char *text, char *why, size_t size)
{
	size_t n = strlen(text);

	if (n > 0 && n < 256 &&
	    strspn(text, "-._~!$&'()*+,;=%:[]0123456789abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == n) {
		*(const char **)dst = text;
		return 0;
	}
	snprintf(why, size, "a host name or address, with or without :PORT, of at most 255 characters");
	return -1;
}

static int
set_method(void *dst, const char *text, char *why, size_t size)
{
	size_t n = token_length(text);

	if (n > 0 && n < 32 && text[n] == '\0' && strcmp(text, "CONNECT") != 0) {
		*(const char **)dst = text;
		return 0;
	}
	snprintf(why, size, "a method, GET, HEAD, POST, PUT, DELETE, OPTIONS, ...; not CONNECT, which makes a tunnel");
	return -1;
}

/* Reads a whole file into *bytes, which the caller frees. Returns 0 or -errno. */
static int
read_file(const char *name, uint8_t **bytes, uint64_t *len)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0) {
		rc = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > LOAD_BODY_FILE) {
		rc = S_ISDIR(st.st_mode) ? -EISDIR : S_ISREG(st.st_mode) ? -EFBIG : -EINVAL;
		goto out;
	}
	*bytes = malloc((size_t)st.st_size + 1);
	if (*bytes == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	for (*len = 0; *len < (uint64_t)st.st_size; *len += (uint64_t)n) {
		n = read(fd, *bytes + *len, (size_t)((uint64_t)st.st_size - *len));
		if (n <= 0) {
			rc = n < 0 ? -errno : 0;
			break;
		}
	}
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
set_body(void *dst, const char *text, char *why, size_t size)
{
	uint8_t *bytes = NULL;
	uint64_t n = 0;
	int rc;

	if (la_parse_number(text, &n) == 0) {
		if (n <= HTTP_BYTES_MAX) {
			*(const char **)dst = text;
			load.cfg.body_len = n;
			return 0;
		}
		snprintf(why, size, "a number of bytes up to %d, or a file", HTTP_BYTES_MAX);
		return -1;
	}
	rc = read_file(text, &bytes, &n);
	if (rc == 0) {
		*(const char **)dst = text;
		load.cfg.body = bytes;
		load.cfg.body_len = n;
		return 0;
	}
	snprintf(why, size, "a number of bytes, or a regular file of at most %d MiB (%s)", LOAD_BODY_FILE >> 20,
		 strerror(-rc));
	free(bytes);
	return -1;
}

#define CALL(n, a, d, f, h)                                                           \
	{                                                                             \
		.name = n, .kind = OPT_CALL, .arg = a, .dst = d, .call = f, .help = h \
	}

const struct opt load_request_opts[] = {
	{.kind = OPT_HEADING, .help = "HTTP requests"},
	CALL("get", "PATH[:WEIGHT]", NULL, set_get,
	     "another path than /bytes/N; any answer of a 2xx or 3xx status is right. May be repeated:\n"
	     "paths take turns by weight, 1 to 1000000 [1]"),
	CALL("method", "NAME", &load.method, set_method,
	     "GET, HEAD, POST, PUT, DELETE, OPTIONS, ...; other than GET and HEAD: any answer of a 2xx or\n"
	     "3xx status is right [GET]"),
	CALL("header", "'NAME: VALUE'", NULL, set_header,
	     "a header field; may be repeated. Host, User-Agent and Connection replace the default fields"),
	CALL("host", "NAME", &load.host, set_host, "value of the Host field [the address of --to]"),
	CALL("body", "FILE|BYTES", &load.body, set_body,
	     "body of each request, with Content-Length: a file of at most 64 MiB, or a number of bytes, of\n"
	     "which byte i is i mod 251 [none]"),
	OPT_END,
};

/* ---- combinations ---- */

static bool
has_header(const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < load.nheaders; i++)
		if (strncasecmp(load.header[i], name, n) == 0 && load.header[i][n] == ':')
			return true;
	return false;
}

int
load_request_check(char *err, size_t size)
{
	struct load_config *cfg = &load.cfg;
	const char *given = cfg->npaths	    ? "get"
			    : load.method   ? "method"
			    : load.nheaders ? "header"
			    : load.host	    ? "host"
			    : load.body	    ? "body"
					    : NULL;

	if (given && cfg->protocol != LOAD_HTTP)
		snprintf(err, size, "--%s: was given with another --protocol; allowed: with http", given);
	else if (cfg->npaths && load.size_given)
		snprintf(err, size, "--get: was given with --size; allowed: one of them");
	else if (load.host && has_header("Host"))
		snprintf(err, size, "--host: was given with --header 'Host: ...'; allowed: one of them");
	else {
		cfg->head_only = load.method && strcmp(load.method, "HEAD") == 0;
		cfg->any_answer = cfg->npaths > 0 ||
				  (load.method && !cfg->head_only && strcmp(load.method, "GET") != 0);
		return 0;
	}
	return -1;
}

/* ---- texts ---- */

struct text {
	char buf[LOAD_HEAD];
	size_t len; /* LOAD_HEAD and above: the text did not fit */
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	if (t->len >= sizeof(t->buf))
		return;
	va_start(ap, format);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, format, ap);
	va_end(ap);
	t->len = n < 0 ? sizeof(t->buf) : t->len + (size_t)n;
}

/* Returns whether requests have Content-Length: with --body, or when the method normally has a body (RFC 9110 8.6). */
static bool
method_has_length(const char *method)
{
	return load.body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static int
request_make(struct load_request *q, const struct load_target *to, const char *path, bool final)
{
	const char *method = load.method ? load.method : "GET";
	char addr[LA_ADDR_STRLEN];
	struct text t = {.len = 0};
	bool is6;

	la_addr_format(&to->addr, addr, sizeof(addr));
	is6 = strchr(addr, ':') != NULL; /* in brackets (RFC 3986 3.2.2) */
	text_add(&t, "%s %s HTTP/1.1\r\n", method, path);
	if (load.host)
		text_add(&t, "Host: %s\r\n", load.host);
	else if (!has_header("Host"))
		text_add(&t, "Host: %s%s%s\r\n", is6 ? "[" : "", addr, is6 ? "]" : "");
	if (!has_header("User-Agent"))
		text_add(&t, "User-Agent: lastack/%s\r\n", lastack_version);
	for (unsigned i = 0; i < load.nheaders; i++)
		text_add(&t, "%s\r\n", load.header[i]);
	if (method_has_length(method))
		text_add(&t, "Content-Length: %lu\r\n", load.cfg.body_len);
	if (final && !has_header("Connection"))
		text_add(&t, "Connection: close\r\n");
	text_add(&t, "\r\n");
	if (t.len >= sizeof(t.buf))
		return -E2BIG;
	q->text = strdup(t.buf);
	q->len = t.len;
	return q->text ? 0 : -ENOMEM;
}

int
load_requests_make(char *err, size_t size)
{
	struct load_config *cfg = &load.cfg;
	char path[32];

	if (cfg->npaths == 0) {
		snprintf(path, sizeof(path), "/bytes/%lu", cfg->size);
		cfg->path[0] = (struct load_path){.text = strdup(path), .weight = 1};
		cfg->npaths = cfg->path_total = 1;
	}
	for (unsigned i = 0; i < cfg->ntargets * cfg->npaths * 2; i++) {
		struct load_target *to = &cfg->target[i / 2 / cfg->npaths];
		unsigned p = i / 2 % cfg->npaths;
		int rc = cfg->path[p].text ? request_make(&to->request[p][i & 1], to, cfg->path[p].text, i & 1)
					   : -ENOMEM;

		if (rc == -E2BIG)
			snprintf(err, size, "the head of a request, with each --header, is too long; allowed: %d bytes",
				 LOAD_HEAD - 1);
		else if (rc != 0)
			snprintf(err, size, "out of memory");
		if (rc != 0)
			return -1;
	}
	return 0;
}

void
load_requests_free(void)
{
	struct load_config *cfg = &load.cfg;

	for (unsigned i = 0; i < cfg->ntargets * cfg->npaths * 2; i++)
		free((void *)(uintptr_t)cfg->target[i / 2 / cfg->npaths].request[i / 2 % cfg->npaths][i & 1].text);
	for (unsigned p = 0; p < cfg->npaths; p++)
		free((void *)(uintptr_t)cfg->path[p].text);
	free((void *)(uintptr_t)cfg->body);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The library and app/http/http_parse.c both have a function http_parser_init(). The build renames the function of
 * http_parse.c. */
#undef http_parser_init
#include <http_parser.h>
#include <string.h>

#include "http_library.h"
#include "target.h"

static int
on_url(http_parser *p, const char *at, size_t len)
{
	struct library_request *r = p->data;

	CHECK(r->url_len + len <= sizeof(r->url));
	memcpy(r->url + r->url_len, at, len);
	r->url_len += len;
	return 0;
}

static int
on_body(http_parser *p, const char *at, size_t len)
{
	struct library_request *r = p->data;

	(void)at;
	r->body += len;
	return 0;
}

static int
on_message_complete(http_parser *p)
{
	struct library_request *r = p->data;

	r->complete++;
	http_parser_pause(p, 1);
	return 0;
}

static void
find_path(struct library_request *r)
{
	struct http_parser_url u;

	http_parser_url_init(&u);
	r->path_known = http_parser_parse_url(r->url, r->url_len, 0, &u) == 0;
	if (!r->path_known)
		return;
	r->path[0] = '/';
	r->path_len = 1;
	if (u.field_set & 1u << UF_PATH) {
		r->path_len = u.field_data[UF_PATH].len;
		memcpy(r->path, r->url + u.field_data[UF_PATH].off, r->path_len);
	}
}

void
library_read(struct library_request *r, const void *p, size_t len)
{
	http_parser_settings settings;
	http_parser parser;

	memset(r, 0, sizeof(*r));
	http_parser_settings_init(&settings);
	settings.on_url = on_url;
	settings.on_body = on_body;
	settings.on_message_complete = on_message_complete;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = r;
	r->at = http_parser_execute(&parser, &settings, p, len);
	r->refused = HTTP_PARSER_ERRNO(&parser) != HPE_OK && HTTP_PARSER_ERRNO(&parser) != HPE_PAUSED;
	r->error = http_errno_name(HTTP_PARSER_ERRNO(&parser));
	r->method = http_method_str((enum http_method)parser.method);
	find_path(r);
}

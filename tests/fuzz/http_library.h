/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUZZ_HTTP_LIBRARY_H
#define FUZZ_HTTP_LIBRARY_H

/* A request as Debian's libhttp-parser (2.9.4) reads it. Names of its header are those of app/http/http_parse.h, so it is
 * included by http_library.c alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library_request {
	bool refused;	    /* error: see `error` */
	const char *error;  /* "HPE_INVALID_URL", ... */
	unsigned complete;  /* messages that are complete */
	size_t at;	    /* bytes read when the first was complete */
	const char *method; /* "GET", ... */
	char url[16384];
	size_t url_len;
	bool path_known; /* path[] holds the path of the URL, without its query */
	char path[16384];
	size_t path_len;
	uint64_t body; /* bytes */
};

/** Reads one request. */
void library_read(struct library_request *r, const void *p, size_t len);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FUZZ_HTTP_LIBRARY_H
#define FUZZ_HTTP_LIBRARY_H

/* A request as Debian's libhttp-parser (2.9.4) reads it. The library's header has names of app/http/http_parse.h, so
 * only http_library.c includes the library's header. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library_request {
	bool refused;	    /* the request has an error */
	const char *error;  /* the library's name of the error: "HPE_INVALID_URL", ... */
	unsigned complete;  /* number of complete requests: 0 or 1 */
	size_t at;	    /* bytes read when the request was complete */
	const char *method; /* "GET", ... */
	char url[16384];
	size_t url_len;
	bool path_known; /* path[] holds the path of the URL, without its query */
	char path[16384];
	size_t path_len;
	uint64_t body; /* bytes of the body */
};

/** Sets *r to what the library reads from the first request of p. */
void library_read(struct library_request *r, const void *p, size_t len);

#endif

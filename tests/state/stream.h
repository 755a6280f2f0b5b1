/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_STATE_STREAM_H
#define TEST_STATE_STREAM_H

/* A stream in memory: saved bytes can be read again, changed and truncated. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct stream {
	uint8_t *p;
	size_t len, room, at;
	size_t fail_at; /* calls that pass this offset return -EIO; 0: no error */
};

static inline int
stream_write(void *ctx, const void *p, size_t len)
{
	struct stream *s = ctx;

	if (s->fail_at && s->len + len > s->fail_at)
		return -EIO;
	if (s->len + len > s->room) {
		s->room = 2 * (s->len + len);
		s->p = realloc(s->p, s->room);
		if (s->p == NULL)
			abort();
	}
	memcpy(s->p + s->len, p, len);
	s->len += len;
	return 0;
}

static inline int
stream_read(void *ctx, void *p, size_t len)
{
	struct stream *s = ctx;

	if (s->fail_at && s->at + len > s->fail_at)
		return -EIO;
	if (len > s->len - s->at)
		return -ENODATA;
	memcpy(p, s->p + s->at, len);
	s->at += len;
	return 0;
}

static inline void
stream_free(struct stream *s)
{
	free(s->p);
	*s = (struct stream){0};
}

#endif

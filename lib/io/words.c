/* SPDX-License-Identifier: BSD-3-Clause */

/* memif. The client makes the shared memory, and so chooses the sizes: a server takes them from its client, and its own
 * rsize= and bsize= have no effect. A buffer holds a whole frame: the longest has 1518 bytes, because the driver takes
 * MTUs up to 1500. With a smaller buffer net_memif of DPDK 22.11 would divide the frame, and fail: it leaves the flag of
 * a divided frame set in the descriptor for the next frame, and writes past the free part of a full ring. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/words.h"

/* A word of the argument: `len` bytes at `p`. */
struct word {
	const char *p;
	size_t len;
};

static int __attribute__((format(printf, 3, 4))) words_refuse(char *err, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Takes the next word that is not empty off *tail. False: there is none. */
static bool
next_word(const char **tail, struct word *w)
{
	*tail += strspn(*tail, ",");
	w->p = *tail;
	w->len = strcspn(*tail, ",");
	*tail += w->len;
	return w->len > 0;
}

static bool
word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->p, text, w->len) == 0;
}

static bool
word_begins(const struct word *w, const char *text)
{
	return w->len >= strlen(text) && memcmp(w->p, text, strlen(text)) == 0;
}

/* Reads the number after `name` in a word that begins with `name`. False: no number from least to most. */
static bool
word_number(const struct word *w, const char *name, unsigned least, unsigned most, unsigned *to)
{
	size_t at = strlen(name);
	unsigned long n;
	char *end;

	if (at == w->len || w->p[at] < '0' || w->p[at] > '9')
		return false;
	errno = 0;
	n = strtoul(w->p + at, &end, 10);
	if (errno != 0 || end != w->p + w->len || n < least || n > most)
		return false;
	*to = (unsigned)n;
	return true;
}

static int
keep_word(char rest[LA_WORDS_LEN], const struct word *w, char *err, size_t size)
{
	size_t used = strlen(rest);

	if (used + w->len + 2 > LA_WORDS_LEN)
		return words_refuse(err, size, "shorter arguments for the driver");
	rest[used] = ',';
	memcpy(rest + used + 1, w->p, w->len);
	rest[used + 1 + w->len] = '\0';
	return 0;
}

const char *
la_words_tail(const char *arg)
{
	const char *comma = arg != NULL ? strchr(arg, ',') : NULL;

	return comma != NULL ? comma + 1 : "";
}

static int
memif_word(const struct word *word, struct la_memif_words *w, char *err, size_t size)
{
	if (word_is(word, "client") || word_is(word, "server")) {
		w->client = word->p[0] == 'c';
		return 0;
	}
	if (word_begins(word, "ring=")) {
		if (word_number(word, "ring=", LA_MEMIF_RING_LEAST, LA_MEMIF_RING_MOST, &w->ring) &&
		    (w->ring & (w->ring - 1)) == 0)
			return 0;
		return words_refuse(err, size, "ring=N, N a power of two from %d to %d frames", LA_MEMIF_RING_LEAST,
				    LA_MEMIF_RING_MOST);
	}
	if (word_begins(word, "buffer=")) {
		if (word_number(word, "buffer=", LA_MEMIF_BUFFER_LEAST, LA_MEMIF_BUFFER_MOST, &w->buffer))
			return 0;
		return words_refuse(err, size, "buffer=N, N from %d to %d bytes", LA_MEMIF_BUFFER_LEAST,
				    LA_MEMIF_BUFFER_MOST);
	}
	return keep_word(w->rest, word, err, size);
}

int
la_memif_words(const char *tail, struct la_memif_words *w, char *err, size_t size)
{
	struct word word;
	int r = 0;

	memset(w, 0, sizeof(*w));
	while (r == 0 && next_word(&tail, &word))
		r = memif_word(&word, w, err, size);
	if (r < 0)
		return r;
	if (!w->client && (w->ring != 0 || w->buffer != 0))
		return words_refuse(err, size, "ring= and buffer= with client: a server takes the sizes of its client");
	if ((w->ring != 0 && strstr(w->rest, ",rsize=") != NULL) ||
	    (w->buffer != 0 && strstr(w->rest, ",bsize=") != NULL))
		return words_refuse(err, size, "one of ring= and rsize=, and one of buffer= and bsize=");
	return 0;
}

static int
xdp_word(const struct word *word, struct la_xdp_words *w, char *err, size_t size)
{
	if (word_is(word, "copy")) {
		w->copy = true;
		return 0;
	}
	if (word_is(word, "zero-copy")) {
		w->zero_copy = true;
		return 0;
	}
	if (word_begins(word, "busy-poll=")) {
		w->has_busy_poll = true;
		if (word_number(word, "busy-poll=", 0, LA_XDP_BUSY_POLL_MOST, &w->busy_poll))
			return 0;
		return words_refuse(err, size, "busy-poll=N, N from 0 to %d frames (0: off)", LA_XDP_BUSY_POLL_MOST);
	}
	return keep_word(w->rest, word, err, size);
}

int
la_xdp_words(const char *tail, struct la_xdp_words *w, char *err, size_t size)
{
	struct word word;
	int r = 0;

	memset(w, 0, sizeof(*w));
	while (r == 0 && next_word(&tail, &word))
		r = xdp_word(&word, w, err, size);
	if (r == 0 && w->copy && (w->zero_copy || strstr(w->rest, ",force_copy=") != NULL))
		return words_refuse(err, size, "one of copy, zero-copy and force_copy=");
	return r;
}

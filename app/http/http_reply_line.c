/* SPDX-License-Identifier: BSD-3-Clause */

/* The usual lines of a head, each taken at once: the fast path of http_reply.c.
 *
 * A line is usual when it is whole, ends with CR LF, and its bytes need no judgement of their own: no control character
 * but tab, a name of tchar directly before the colon, no fold in the next line. Content-Length, Connection and
 * Transfer-Encoding are taken with their most frequent values alone. Each function takes a usual line with the result
 * of the machine of http_reply.c, or returns 0 and has changed nothing: then the machine takes the line byte by byte.
 *
 * Blocks of 16 bytes are tested at once (SSSE3, which x86-64-v2 has). No byte behind the buffer is read. */

#include <tmmintrin.h>

#include "http/http_reply_field.h"

enum {
	BLOCK = 16,
	LENGTH_DIGITS = 18, /* a longer Content-Length may be too large */
};

/* tchar of RFC 9110 5.6.2: bit h of tchar_rows[l] is set when the character with the upper four bits h and the lower
 * four bits l is a tchar. */
static const uint8_t tchar_rows[BLOCK] = {0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc,
					  0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70};

bool
http_reply_is_tchar(uint8_t ch)
{
	return ch < 0x80 && (tchar_rows[ch & 15] >> (ch >> 4) & 1);
}

static inline __m128i
load_block(const uint8_t *b)
{
	return _mm_loadu_si128((const __m128i *)(const void *)b);
}

/* Returns one bit for each byte of a block: set when the byte is no tchar. */
static inline unsigned
mask_not_tchar(__m128i v)
{
	const __m128i low = _mm_set1_epi8(15);
	const __m128i bit = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
	__m128i row = _mm_shuffle_epi8(load_block(tchar_rows), _mm_and_si128(v, low));
	__m128i column = _mm_shuffle_epi8(bit, _mm_and_si128(_mm_srli_epi16(v, 4), low));

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(row, column), _mm_setzero_si128()));
}

/* Returns one bit for each byte of a block: set for a control character below space, except tab. */
static inline unsigned
mask_control(__m128i v)
{
	const __m128i last = _mm_set1_epi8(' ' - 1);
	__m128i below = _mm_cmpeq_epi8(_mm_max_epu8(v, last), last);

	return (unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')), below));
}

/* Returns the number of bytes in front of the first one that `mask` finds in the whole blocks of b. */
static inline __attribute__((always_inline)) size_t
blocks_until(const uint8_t *b, size_t len, unsigned (*mask)(__m128i))
{
	size_t i = 0;

	for (; i + BLOCK <= len; i += BLOCK) {
		unsigned found = mask(load_block(b + i));

		if (found)
			return i + (unsigned)__builtin_ctz(found);
	}
	return i;
}

size_t
http_reply_plain_run(const uint8_t *b, size_t len)
{
	size_t i = blocks_until(b, len, mask_control);

	while (i < len && (b[i] >= ' ' || b[i] == '\t'))
		i++;
	return i;
}

/* Returns the length of the name at the start of a line, or 0: no tchar is there, or the name's end or a block is not
 * in b. */
static inline size_t
name_length(const uint8_t *b, size_t len)
{
	if (len < BLOCK)
		return 0;
	for (size_t i = blocks_until(b, len, mask_not_tchar); i < len; i++)
		if (!http_reply_is_tchar(b[i]))
			return i;
	return 0;
}

/* Returns whether the first n bytes of a block are this name in any case. The bytes are tchars; text is in lower case,
 * of letters and '-' alone, so that no other tchar differs from it by the bit of the case alone. */
static inline bool
name_is(const uint8_t *b, const char text[BLOCK], unsigned n)
{
	__m128i lower = _mm_or_si128(load_block(b), _mm_set1_epi8(0x20));
	unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(lower, load_block((const uint8_t *)text)));

	return (~mask & ((1u << n) - 1)) == 0;
}

/* The same for a value of n bytes without control characters. */
static inline bool
value_is(const uint8_t *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((b[i] | 0x20) != (uint8_t)text[i])
			return false;
	return true;
}

/* Takes n bytes of the head, with the limit of all heads. */
static inline size_t
line_take(struct http_reply *r, size_t n)
{
	if (n > HTTP_REPLY_HEAD_MAX - r->total)
		return 0;
	r->total += (uint32_t)n;
	return n;
}

size_t
http_reply_status_line(struct http_reply *r, const uint8_t *b, size_t len)
{
	static const uint8_t start[7] = "HTTP/1.";
	unsigned minor, d0, d1, d2;
	size_t end, n;

	if (len < BLOCK || memcmp(b, start, sizeof(start)) != 0)
		return 0;
	minor = b[7] - (unsigned)'0';
	d0 = b[9] - (unsigned)'0';
	d1 = b[10] - (unsigned)'0';
	d2 = b[11] - (unsigned)'0';
	if (minor > 9 || b[8] != ' ' || d0 < 2 || d0 > 9 || d1 > 9 || d2 > 9 || (b[12] != ' ' && b[12] != '\r'))
		return 0;
	end = 12 + http_reply_plain_run(b + 12, len - 12);
	if (end + 1 >= len || b[end] != '\r' || b[end + 1] != '\n')
		return 0;
	n = line_take(r, end + 2);
	if (n == 0)
		return 0;
	r->minor = minor != 0;
	r->status = (uint16_t)(100 * d0 + 10 * d1 + d2);
	r->line = 13;
	return n;
}

/* Sets the length from the value v[0 .. n). False: the value is unusual. */
static bool
length_take(struct http_reply *r, const uint8_t *v, size_t n)
{
	uint64_t length = 0;

	if (n == 0 || n > LENGTH_DIGITS || r->has_length)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (v[i] < '0' || v[i] > '9')
			return false;
		length = length * 10 + (uint64_t)(v[i] - '0');
	}
	r->has_length = true;
	r->length = length;
	return true;
}

static bool
connection_take(struct http_reply *r, const uint8_t *v, size_t n)
{
	if (n == 5 && value_is(v, "close", 5))
		r->conn_close = true;
	else if (n == 10 && value_is(v, "keep-alive", 10))
		r->conn_keep = true;
	else
		return false;
	return true;
}

static bool
coding_take(struct http_reply *r, const uint8_t *v, size_t n)
{
	if (n != 7 || r->any_chunked || !value_is(v, "chunked", 7))
		return false;
	r->has_coding = r->chunked = r->any_chunked = true;
	return true;
}

/* Takes the value v[0 .. n) of the field with the name b[0 .. name). False: the value is unusual. */
static inline bool
value_take(struct http_reply *r, const uint8_t *b, size_t name, const uint8_t *v, size_t n)
{
	static const char length[BLOCK] = "content-length", connection[BLOCK] = "connection";
	static const char coding[BLOCK] = {"transfer-encodin"};

	if (name == 14 && name_is(b, length, 14))
		return http_reply_bodiless(r) || length_take(r, v, n);
	if (name == 10 && name_is(b, connection, 10))
		return connection_take(r, v, n);
	if (name == 17 && name_is(b, coding, 16) && (b[16] | 0x20) == 'g')
		return coding_take(r, v, n);
	return true;
}

size_t
http_reply_field_line(struct http_reply *r, const uint8_t *b, size_t len)
{
	size_t name = name_length(b, len), at = name + 1, end;

	if (name == 0 || b[name] != ':')
		return 0;
	end = at + http_reply_plain_run(b + at, len - at);
	if (end + 2 >= len || b[end] != '\r' || b[end + 1] != '\n' || b[end + 2] == ' ' || b[end + 2] == '\t' ||
	    end + 2 > HTTP_REPLY_HEAD_MAX - r->total)
		return 0;
	while (b[at] == ' ' || b[at] == '\t')
		at++;
	if (!value_take(r, b, name, b + at, end - at))
		return 0;
	return line_take(r, end + 2);
}

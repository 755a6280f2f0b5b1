/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_test.h"

#include "wire/tcp.h"

/* Parses a header with these options, padded with zeros to words, and `payload` bytes after it, in a
 * block of its exact size. */
static enum la_counter
parse(uint8_t flags, const uint8_t *opts, size_t n, size_t payload, struct la_seg *s)
{
	size_t padded = (n + 3) / 4 * 4, len = 20 + padded, hlen = 0;
	uint8_t b[60] = {0x04, 0x00, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
			 0x07, 0x08, 0,	   0,	 0x80, 0x01, 0xab, 0xcd, 0x11, 0x22};
	enum la_counter why;
	static uint8_t *p; /* stays readable until the next call: la_seg.sack points into it */

	cr_assert_leq(n, 40);
	b[12] = (uint8_t)(len / 4 << 4);
	b[13] = flags;
	if (n > 0)
		memcpy(b + 20, opts, n);
	free(p);
	p = exact(b, len);
	memset(s, 0xa5, sizeof(*s));
	why = la_tcp_parse(p, len, len + payload, s, &hlen);
	if (why == LA_WIRE_OK) {
		cr_assert_eq(hlen, len);
		cr_assert_eq(s->len, payload);
		cr_assert_eq(s->flags, flags);
	}
	return why;
}

#define OPTS(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define TS(v, e) 8, 10, 0, 0, 0, v, 0, 0, 0, e

Test(tcp, fields)
{
	struct la_seg s;

	assert_ok(parse(LA_ACK | LA_PSH, NULL, 0, 100, &s));
	cr_assert_eq(s.sport, 1024);
	cr_assert_eq(s.dport, 80);
	cr_assert_eq(s.seq, 0x01020304);
	cr_assert_eq(s.ack, 0x05060708);
	cr_assert_eq(s.wnd, 0x8001); /* H-09: unsigned */
	cr_assert_eq(s.urg, 0x1122);
	cr_assert_eq(s.opts, 0);
	cr_assert_eq(s.mss, 0);
	cr_assert_eq(s.wscale, 0);
	cr_assert_eq(s.tsval, 0);
	cr_assert_eq(s.tsecr, 0);
	cr_assert_eq(la_seg_len(&s), 100);
}

/* src, dst, hash and m of the segment stay unchanged. */
Test(tcp, leaves_the_callers_fields_alone)
{
	static const uint8_t p[20] = {[12] = 0x50};
	struct la_seg s, before;
	size_t hlen;

	memset(&s, 0x5a, sizeof(s));
	before = s;
	assert_ok(la_tcp_parse(p, 20, 20, &s, &hlen));
	cr_assert_eq(memcmp(&s.src, &before.src, sizeof(s.src)), 0);
	cr_assert_eq(memcmp(&s.dst, &before.dst, sizeof(s.dst)), 0);
	cr_assert_eq(s.hash, before.hash);
	cr_assert_eq(s.m, before.m);
}

/* H-07 */
Test(tcp, short_headers)
{
	uint8_t b[60] = {[12] = 0x50};
	struct la_seg s;
	size_t hlen;

	for (size_t n = 0; n < 20; n++) {
		uint8_t *p = exact(b, n);

		assert_drop(la_tcp_parse(p, n, n, &s, &hlen), drop_tcp_short);
		assert_drop(la_tcp_parse(p, n, 100, &s, &hlen), drop_tcp_short);
		free(p);
	}
	assert_drop(la_tcp_parse(b, 60, 19, &s, &hlen), drop_tcp_short);
	for (uint8_t off = 0; off < 16; off++) {
		b[12] = (uint8_t)(off << 4 | 0x0f); /* H-08: reserved bits are ignored */
		for (size_t n = 20; n <= 60; n++) {
			uint8_t *p = exact(b, n);
			bool fits = off >= 5 && off * 4u <= n;

			cr_assert_eq(la_tcp_parse(p, n, n, &s, &hlen), fits ? LA_WIRE_OK : LA_C_drop_tcp_short);
			cr_assert_eq(la_tcp_parse(p, n, 1000, &s, &hlen), fits ? LA_WIRE_OK : LA_C_drop_tcp_short);
			if (fits)
				cr_assert_eq(s.len, 1000 - off * 4);
			free(p);
		}
	}
}

Test(tcp, syn_of_linux)
{
	struct la_seg s;

	assert_ok(parse(LA_SYN, OPTS(2, 4, 0x05, 0xb4, 4, 2, TS(5, 0), 1, 3, 3, 7), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_MSS | LA_OPT_SACK_PERM | LA_OPT_TS | LA_OPT_WSCALE);
	cr_assert_eq(s.mss, 1460);
	cr_assert_eq(s.tsval, 5);
	cr_assert_eq(s.tsecr, 0);
	cr_assert_eq(s.wscale, 7);
	cr_assert_eq(la_seg_len(&s), 1);
}

Test(tcp, usual_timestamps)
{
	struct la_seg s;

	assert_ok(parse(LA_ACK, OPTS(1, 1, 8, 10, 0xff, 1, 2, 3, 0xfe, 4, 5, 6), 3, &s));
	cr_assert_eq(s.opts, LA_OPT_TS);
	cr_assert_eq(s.tsval, 0xff010203);
	cr_assert_eq(s.tsecr, 0xfe040506);
	/* the same option in a SYN, which the general path of the parser reads */
	assert_ok(parse(LA_SYN, OPTS(1, 1, TS(5, 7)), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_TS);
}

/* H-03: an unknown kind, 2 to 12 bytes long, before a known kind */
Test(tcp, unknown_kinds_are_skipped)
{
	static const uint8_t kinds[] = {6, 7, 9, 34, 200, 253, 254, 255};
	struct la_seg s;

	for (size_t k = 0; k < sizeof(kinds); k++) {
		for (uint8_t n = 2; n <= 12; n++) {
			uint8_t o[40];

			memset(o, 0xff, sizeof(o));
			o[0] = kinds[k];
			o[1] = n;
			memcpy(o + n, (const uint8_t[]){2, 4, 2, 3, TS(8, 9)}, 14);
			assert_ok(parse(LA_SYN, o, n + 14u, 0, &s));
			cr_assert_eq(s.opts, LA_OPT_MSS | LA_OPT_TS);
			cr_assert_eq(s.mss, 0x203);
			assert_ok(parse(LA_ACK, o, n + 14u, 5, &s));
			cr_assert_eq(s.opts, LA_OPT_TS);
			cr_assert_eq(s.tsval, 8);
			cr_assert_eq(s.tsecr, 9);
		}
	}
}

/* H-04: a SYN is dropped; in other segments the options before the bad one count */
Test(tcp, malformed_lists)
{
	static const struct {
		uint8_t n, o[12];
	} t[] = {
		{4, {253, 0, 1, 1}},	   {4, {253, 1, 1, 1}},	      {4, {253, 5, 1, 1}},
		{4, {253, 255, 1, 1}},	   {4, {1, 1, 1, 253}},	      {4, {1, 1, 1, 2}},
		{4, {2, 0, 5, 180}},	   {4, {2, 1, 5, 180}},	      {4, {2, 3, 5, 0}},
		{4, {2, 2, 1, 1}},	   {8, {2, 5, 5, 180, 1, 0}}, {4, {1, 1, 2, 4}},
		{4, {1, 2, 4, 5}},	   {4, {3, 2, 1, 1}},	      {4, {3, 4, 7, 1}},
		{4, {1, 1, 3, 3}},	   {4, {4, 3, 0, 1}},	      {4, {4, 0, 0, 1}},
		{4, {1, 1, 1, 4}},	   {4, {8, 10, 0, 0}},	      {12, {8, 9, 1, 1, 1, 1, 1, 1}},
		{12, {8, 11, 1, 1, 1, 1}}, {12, {1, 1, 1, 8, 10, 1}}, {4, {8, 2, 1, 1}},
		{4, {8, 0, 1, 1}},	   {4, {8, 1, 1, 1}},
	};
	struct la_seg s;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t o[24] = {1, 1, TS(3, 4)};

		assert_drop(parse(LA_SYN, t[i].o, t[i].n, 0, &s), drop_tcp_options);
		assert_drop(parse(LA_SYN | LA_ACK, t[i].o, t[i].n, 0, &s), drop_tcp_options);
		assert_ok(parse(LA_ACK, t[i].o, t[i].n, 9, &s));
		cr_assert_eq(s.opts, LA_OPT_BAD, "case %zu", i);
		memcpy(o + 12, t[i].o, t[i].n);
		assert_ok(parse(LA_ACK | LA_FIN, o, 12u + t[i].n, 9, &s));
		cr_assert_eq(s.opts, LA_OPT_BAD | LA_OPT_TS, "case %zu", i);
		cr_assert_eq(s.tsval, 3);
		cr_assert_eq(s.tsecr, 4);
	}
}

/* Options after a bad option are ignored. */
Test(tcp, options_after_a_bad_option_are_ignored)
{
	static const uint8_t bad[][2] = {{253, 0}, {253, 1}, {2, 0}, {2, 3}, {2, 2}, {2, 5}, {3, 2},
					 {3, 4},   {4, 3},   {4, 1}, {8, 2}, {8, 9}, {8, 0}};
	struct la_seg s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t o[32];

		memset(o, 1, sizeof(o));
		memcpy(o, bad[i], 2);
		memcpy(o + 12, (const uint8_t[]){TS(3, 4)}, 10);
		assert_ok(parse(LA_ACK, o, sizeof(o), 0, &s));
		cr_assert_eq(s.opts, LA_OPT_BAD, "kind %u length %u", bad[i][0], bad[i][1]);
		cr_assert_eq(s.tsval, 0);
	}
}

/* H-05: the result is the same at any alignment */
Test(tcp, alignment)
{
	struct la_seg s;

	for (size_t nops = 0; nops <= 20; nops++) {
		uint8_t o[40];

		memset(o, 1, sizeof(o));
		memcpy(o + nops, (const uint8_t[]){TS(5, 7), 2, 4, 5, 180, 3, 3, 2, 4, 2}, 19);
		assert_ok(parse(LA_SYN, o, nops + 19, 0, &s));
		cr_assert_eq(s.opts, LA_OPT_MSS | LA_OPT_TS | LA_OPT_WSCALE | LA_OPT_SACK_PERM);
		cr_assert_eq(s.mss, 1460);
		cr_assert_eq(s.tsval, 5);
		cr_assert_eq(s.tsecr, 7);
		cr_assert_eq(s.wscale, 2);
		assert_ok(parse(LA_ACK, o, nops + 19, 1, &s));
		cr_assert_eq(s.opts, LA_OPT_TS);
		cr_assert_eq(s.tsval, 5);
		cr_assert_eq(s.tsecr, 7);
	}
}

Test(tcp, unaligned_header)
{
	static const uint8_t h[32] = {[3] = 9, [12] = 0x80, [13] = 0x10, [20] = 1, 1, 8, 10, [27] = 5};
	struct la_seg s;
	size_t hlen;

	for (size_t a = 0; a < 8; a++) {
		uint8_t *b = malloc(a + sizeof(h));

		memcpy(b + a, h, sizeof(h));
		assert_ok(la_tcp_parse(b + a, sizeof(h), sizeof(h), &s, &hlen));
		cr_assert_eq(s.dport, 9);
		cr_assert_eq(s.tsval, 5);
		free(b);
	}
}

Test(tcp, end_of_list)
{
	struct la_seg s;

	assert_ok(parse(LA_SYN, OPTS(2, 4, 5, 180, 0, 3, 3, 7), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_MSS);
	assert_ok(parse(LA_SYN, OPTS(0, 2, 0, 0), 0, &s)); /* bytes after the end of list are ignored */
	cr_assert_eq(s.opts, 0);
	assert_ok(parse(LA_ACK, OPTS(0, 2, 0, 0), 0, &s));
	cr_assert_eq(s.opts, 0);
	assert_ok(parse(LA_SYN, OPTS(1, 1, 1, 1), 0, &s)); /* all NOPs, no end mark */
	cr_assert_eq(s.opts, 0);
}

/* O-02, O-06, O-16: MSS, window scale and SACK permitted are read in a SYN alone */
Test(tcp, syn_options_elsewhere)
{
	static const uint8_t flags[] = {LA_ACK, LA_FIN | LA_ACK, LA_RST, 0};
	struct la_seg s;

	for (size_t i = 0; i < sizeof(flags); i++) {
		assert_ok(parse(flags[i], OPTS(2, 4, 5, 180, 4, 2, 1, 1, 1, 3, 3, 7), 0, &s));
		cr_assert_eq(s.opts, 0);
		cr_assert_eq(s.mss, 0);
		cr_assert_eq(s.wscale, 0);
	}
}

/* L-08: blocks are read in any segment but a SYN; an option without whole blocks is malformed */
Test(tcp, sack_blocks)
{
	struct la_seg s;

	assert_ok(parse(LA_ACK, OPTS(1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_SACK);
	cr_assert_eq(s.nsack, 1);
	cr_assert_eq(la_get32(s.sack), 1);
	cr_assert_eq(la_get32(s.sack + 4), 9);
	assert_ok(parse(LA_ACK,
			OPTS(TS(5, 6), 5, 26, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 1, 1, 0, 0, 1, 9, 0, 0, 2, 1, 0, 0, 2, 9),
			0, &s));
	cr_assert_eq(s.opts, LA_OPT_SACK | LA_OPT_TS);
	cr_assert_eq(s.nsack, 3);
	cr_assert_eq(la_get32(s.sack + 20), 0x209);
	assert_ok(parse(LA_ACK, OPTS(5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 5, 10, 0, 0, 0, 2, 0, 0, 0, 3), 0, &s));
	cr_assert_eq(la_get32(s.sack), 1, "the first option counts");
	assert_ok(parse(LA_SYN, OPTS(1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9), 0, &s));
	cr_assert_eq(s.opts, 0);
	assert_ok(parse(LA_ACK, OPTS(5, 2, 1, 1), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_BAD);
	assert_ok(parse(LA_ACK, OPTS(1, 5, 9, 0, 0, 0, 1, 0, 0, 0, 9, 0), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_BAD);
	assert_ok(parse(LA_ACK, OPTS(5, 10, 0, 0, 0, 1, 0, 0), 0, &s));
	cr_assert_eq(s.opts, LA_OPT_BAD);
}

Test(tcp, first_of_a_kind_counts)
{
	struct la_seg s;

	assert_ok(parse(LA_SYN, OPTS(2, 4, 5, 180, 2, 4, 1, 0, 3, 3, 2, 3, 3, 9, TS(1, 2), TS(3, 4)), 0, &s));
	cr_assert_eq(s.mss, 1460);
	cr_assert_eq(s.wscale, 2);
	cr_assert_eq(s.tsval, 1);
	cr_assert_eq(s.tsecr, 2);
}

/* O-05: the parser reports any MSS; the connection sets the lower bound */
Test(tcp, small_mss)
{
	static const uint16_t mss[] = {0, 1, 8, 65535};
	struct la_seg s;

	for (size_t i = 0; i < sizeof(mss) / sizeof(mss[0]); i++) {
		assert_ok(parse(LA_SYN, OPTS(2, 4, (uint8_t)(mss[i] >> 8), (uint8_t)mss[i]), 0, &s));
		cr_assert_eq(s.opts, LA_OPT_MSS);
		cr_assert_eq(s.mss, mss[i]);
	}
}

/* O-08 */
Test(tcp, large_shift_is_14)
{
	struct la_seg s;

	for (unsigned int shift = 0; shift <= 255; shift++) {
		assert_ok(parse(LA_SYN, OPTS(3, 3, (uint8_t)shift), 0, &s));
		cr_assert_eq(s.opts, LA_OPT_WSCALE);
		cr_assert_eq(s.wscale, shift < 14 ? shift : 14);
	}
}

Test(tcp, longest_list)
{
	uint8_t o[40];
	struct la_seg s;

	memset(o, 1, sizeof(o));
	memcpy(o + 36, (const uint8_t[]){2, 4, 1, 2}, 4);
	assert_ok(parse(LA_SYN, o, 40, 0, &s));
	cr_assert_eq(s.mss, 0x102);
	memset(o, 2, sizeof(o)); /* kind 2, length 2, repeated */
	assert_drop(parse(LA_SYN, o, 40, 0, &s), drop_tcp_options);
}

Test(tcp, write_plain)
{
	static const uint8_t want[20] = {0x04, 0x00, 0x00, 0x50, 1,    2,    3, 4, 5, 6,
					 7,    8,    0x50, 0x11, 0x80, 0x01, 0, 0, 0, 0};
	struct la_tcp_hdr h = {.sport = 1024,
			       .dport = 80,
			       .seq = 0x01020304,
			       .ack = 0x05060708,
			       .flags = LA_FIN | LA_ACK,
			       .wnd = 0x8001};
	uint8_t out[20];

	memset(out, 0xee, sizeof(out));
	cr_assert_eq(la_tcp_hdr_len(0, 0), 20);
	cr_assert_eq(la_tcp_write(out, &h), 20);
	cr_assert_arr_eq(out, want, 20);
}

Test(tcp, write_timestamps)
{
	static const uint8_t want[32] = {0x04, 0x00, 0x00, 0x50, 1,    2,    3,	   4,	 5,    6,   7,
					 8,    0x80, 0x10, 0x01, 0xf6, 0,    0,	   0,	 0,    1,   1,
					 8,    10,   0xa1, 0xa2, 0xa3, 0xa4, 0xb1, 0xb2, 0xb3, 0xb4};
	struct la_tcp_hdr h = {.sport = 1024,
			       .dport = 80,
			       .seq = 0x01020304,
			       .ack = 0x05060708,
			       .flags = LA_ACK,
			       .wnd = 502,
			       .opts = LA_OPT_TS,
			       .tsval = 0xa1a2a3a4,
			       .tsecr = 0xb1b2b3b4};
	uint8_t out[32];

	memset(out, 0xee, sizeof(out));
	cr_assert_eq(la_tcp_hdr_len(LA_OPT_TS, 0), 32);
	cr_assert_eq(la_tcp_write(out, &h), 32);
	cr_assert_arr_eq(out, want, 32);
}

static const struct la_tcp_hdr syn = {
	.sport = 1, .dport = 2, .flags = LA_SYN, .mss = 1460, .tsval = 5, .tsecr = 6, .wscale = 7};

static void
write_syn(uint8_t opts, const uint8_t *want, size_t n)
{
	struct la_tcp_hdr h = syn;
	uint8_t out[60];

	h.opts = opts;
	memset(out, 0xee, sizeof(out));
	cr_assert_eq(la_tcp_write(out, &h), 20 + n, "opts %x", opts);
	cr_assert_eq(out[12] >> 4, (20 + n) / 4);
	cr_assert_eq(memcmp(out + 20, want, n), 0, "opts %x", opts);
	cr_assert_eq(out[20 + n], 0xee, "a byte behind the header was written");
}

Test(tcp, write_syn)
{
	write_syn(LA_OPT_MSS, OPTS(2, 4, 5, 180));
	write_syn(LA_OPT_MSS | LA_OPT_SACK_PERM | LA_OPT_TS | LA_OPT_WSCALE,
		  OPTS(2, 4, 5, 180, 4, 2, TS(5, 6), 1, 3, 3, 7));
	write_syn(LA_OPT_MSS | LA_OPT_TS | LA_OPT_WSCALE, OPTS(2, 4, 5, 180, 1, 1, TS(5, 6), 1, 3, 3, 7));
	write_syn(LA_OPT_MSS | LA_OPT_SACK_PERM | LA_OPT_WSCALE, OPTS(2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7));
	write_syn(LA_OPT_MSS | LA_OPT_WSCALE, OPTS(2, 4, 5, 180, 1, 3, 3, 7));
	write_syn(LA_OPT_SACK_PERM | LA_OPT_TS, OPTS(4, 2, TS(5, 6)));
}

/* MUST-65: options of a SYN are never written to another segment */
Test(tcp, write_syn_options_elsewhere)
{
	struct la_tcp_hdr h = syn;
	uint8_t out[60];

	h.flags = LA_ACK;
	h.opts = LA_OPT_MSS | LA_OPT_SACK_PERM | LA_OPT_WSCALE;
	cr_assert_eq(la_tcp_write(out, &h), 20);
	h.opts |= LA_OPT_TS;
	cr_assert_eq(la_tcp_write(out, &h), 32);
}

Test(tcp, write_sack)
{
	static const struct la_sack blocks[] = {{1, 9}, {0x101, 0x109}, {0x201, 0x209}, {0xfffffff0, 5}};
	struct la_tcp_hdr h = syn;
	uint8_t out[60];
	struct la_seg s;
	size_t hlen;

	h.flags = LA_ACK;
	h.sack = blocks;
	for (unsigned ts = 0; ts < 2; ts++) {
		for (h.nsack = 1; h.nsack <= (ts ? LA_SACK_MAX_TS : LA_SACK_MAX); h.nsack++) {
			size_t n = LA_TCP_LEN + (ts ? 12 : 0) + 4 + 8u * h.nsack;

			h.opts = LA_OPT_SACK | (ts ? LA_OPT_TS : 0);
			cr_assert_eq(la_tcp_write(out, &h), n);
			cr_assert_eq(la_tcp_hdr_len(h.opts, h.nsack), n);
			cr_assert_eq(la_tcp_parse(out, n, n, &s, &hlen), LA_WIRE_OK);
			cr_assert_eq(s.nsack, h.nsack);
			for (unsigned i = 0; i < h.nsack; i++) {
				cr_assert_eq(la_get32(s.sack + 8 * i), blocks[i].from);
				cr_assert_eq(la_get32(s.sack + 8 * i + 4), blocks[i].to);
			}
		}
	}
	h.flags = LA_SYN; /* never in a SYN */
	h.nsack = 1;
	h.opts = LA_OPT_SACK;
	cr_assert_eq(la_tcp_write(out, &h), LA_TCP_LEN);
}

/* H-06: for every set of options and flags, the header has whole words, the length of la_tcp_hdr_len() and an
 * option list that ends at the data offset. Parsing returns the written values. */
Test(tcp, round_trip)
{
	uint64_t seed = 7;

	for (unsigned int opts = 0; opts < 16; opts++) {
		for (unsigned int flags = 0; flags < 256; flags++) {
			uint8_t may = flags & LA_SYN ? (uint8_t)opts : (uint8_t)(opts & LA_OPT_TS);
			size_t n = la_tcp_hdr_len(may, 0), hlen, at;
			uint8_t *p = malloc(n);
			struct la_tcp_hdr h = {.sport = (uint16_t)rnd(&seed),
					       .dport = (uint16_t)rnd(&seed),
					       .seq = rnd(&seed),
					       .ack = rnd(&seed),
					       .wnd = (uint16_t)rnd(&seed),
					       .tsval = rnd(&seed),
					       .tsecr = rnd(&seed),
					       .mss = (uint16_t)rnd(&seed),
					       .wscale = (uint8_t)(rnd(&seed) % 15),
					       .flags = (uint8_t)flags,
					       .opts = may};
			struct la_seg s;

			memset(p, 0xee, n);
			cr_assert_eq(la_tcp_write(p, &h), n);
			cr_assert_eq(n % 4, 0);
			cr_assert_eq(p[12] & 0x0f, 0);
			cr_assert_eq(p[16] | p[17] | p[18] | p[19], 0);
			for (at = 20; at < n; at += p[at] == 1 ? 1 : p[at + 1])
				cr_assert_neq(p[at], 0);
			cr_assert_eq(at, n);
			assert_ok(la_tcp_parse(p, n, n + 7, &s, &hlen));
			cr_assert_eq(hlen, n);
			cr_assert_eq(s.len, 7);
			cr_assert(s.sport == h.sport && s.dport == h.dport && s.seq == h.seq);
			cr_assert(s.ack == h.ack && s.wnd == h.wnd && s.flags == h.flags);
			cr_assert_eq(s.opts, may);
			cr_assert_eq(s.mss, may & LA_OPT_MSS ? h.mss : 0);
			cr_assert_eq(s.wscale, may & LA_OPT_WSCALE ? h.wscale : 0);
			cr_assert_eq(s.tsval, may & LA_OPT_TS ? h.tsval : 0);
			cr_assert_eq(s.tsecr, may & LA_OPT_TS ? h.tsecr : 0);
			free(p);
		}
	}
}

Test(tcp, mutated)
{
	static const uint8_t o[40] = {2, 4, 5,	180, 4, 2, TS(5, 6), 1, 3, 3, 7, 253, 6, 1, 2, 3,
				      4, 5, 10, 1,   2, 3, 4,	     5, 6, 7, 8, 1,   1, 1, 1};
	uint64_t seed = 8;

	for (int i = 0; i < 100000; i++) {
		uint8_t b[60] = {[12] = 0xf0}, *p;
		size_t n = rnd(&seed) % 61, total = rnd(&seed) % 3 ? n : rnd(&seed) % 2000, hlen = 0;
		struct la_seg s;

		memcpy(b + 20, o, sizeof(o));
		b[12] = (uint8_t)(rnd(&seed) % 16 << 4);
		b[13] = (uint8_t)rnd(&seed);
		mutate(&seed, b + 20, 40);
		p = exact(b, n);
		if (la_tcp_parse(p, n, total, &s, &hlen) == LA_WIRE_OK) {
			cr_assert(hlen >= 20 && hlen <= n && hlen + s.len == total);
			cr_assert_leq(s.wscale, 14);
			cr_assert_not((s.flags & LA_SYN) && (s.opts & LA_OPT_BAD));
			if (!(s.flags & LA_SYN))
				cr_assert_eq(s.opts & ~(LA_OPT_TS | LA_OPT_SACK | LA_OPT_BAD), 0);
		}
		free(p);
	}
}

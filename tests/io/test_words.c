/* SPDX-License-Identifier: BSD-3-Clause */

/* The words of --memif and --xdp. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "io/words.h"

Test(words, the_tail_begins_after_the_first_comma)
{
	cr_assert_str_eq(la_words_tail("la0,copy,x=1"), "copy,x=1");
	cr_assert_str_eq(la_words_tail("la0"), "");
	cr_assert_str_eq(la_words_tail("la0,"), "");
	cr_assert_str_eq(la_words_tail(NULL), "");
}

Test(words, memif)
{
	static const struct {
		const char *tail;
		bool client;
		unsigned ring, buffer;
		const char *rest;
	} rows[] = {
		{"", false, 0, 0, ""},
		{"server", false, 0, 0, ""},
		{"client", true, 0, 0, ""},
		{",,client,,", true, 0, 0, ""},
		{"client,server", false, 0, 0, ""},
		{"client,ring=64", true, 64, 0, ""},
		{"ring=16384,buffer=1536,client", true, 16384, 1536, ""},
		{"client,buffer=65535", true, 0, 65535, ""},
		{"id=1,secret=abc", false, 0, 0, ",id=1,secret=abc"},
		{"client,id=1,ring=512,rings=3,mac=02:00:00:00:00:01", true, 512, 0,
		 ",id=1,rings=3,mac=02:00:00:00:00:01"},
		{"rsize=12,bsize=4096", false, 0, 0, ",rsize=12,bsize=4096"},
		{"client,bsize=4096,ring=256", true, 256, 0, ",bsize=4096"},
		{"clients", false, 0, 0, ",clients"},
	};
	struct la_memif_words w;
	char why[160];

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		cr_assert_eq(la_memif_words(rows[i].tail, &w, why, sizeof(why)), 0, "%s: %s", rows[i].tail, why);
		cr_assert_eq(w.client, rows[i].client, "%s", rows[i].tail);
		cr_assert_eq(w.ring, rows[i].ring, "%s", rows[i].tail);
		cr_assert_eq(w.buffer, rows[i].buffer, "%s", rows[i].tail);
		cr_assert_str_eq(w.rest, rows[i].rest, "%s", rows[i].tail);
	}
}

Test(words, memif_refuses)
{
	static const char *const ring[] = {"0", "1",   "32",  "63",   "65",  "1000", "32768",
					   "",	"-64", "+64", "0x40", "64 ", "64k",  "18446744073709551680"};
	static const char *const buffer[] = {"0", "1535", "65536", "", "2k", "-1536", " 2048", "18446744073709553664"};
	char tail[LA_WORDS_LEN + 64], why[160];
	struct la_memif_words w;

	for (size_t i = 0; i < RTE_DIM(ring); i++) {
		snprintf(tail, sizeof(tail), "client,ring=%s", ring[i]);
		cr_assert_eq(la_memif_words(tail, &w, why, sizeof(why)), -EINVAL, "%s", tail);
		cr_assert_str_eq(why, "ring=N, N a power of two from 64 to 16384 frames");
	}
	for (size_t i = 0; i < RTE_DIM(buffer); i++) {
		snprintf(tail, sizeof(tail), "client,buffer=%s", buffer[i]);
		cr_assert_eq(la_memif_words(tail, &w, why, sizeof(why)), -EINVAL, "%s", tail);
		cr_assert_str_eq(why, "buffer=N, N from 1536 to 65535 bytes");
	}
	cr_assert_eq(la_memif_words("ring=128", &w, why, sizeof(why)), -EINVAL);
	cr_assert_not_null(strstr(why, "with client"));
	cr_assert_eq(la_memif_words("server,buffer=2048", &w, why, sizeof(why)), -EINVAL);
	cr_assert_eq(la_memif_words("client,rsize=9,ring=128", &w, why, sizeof(why)), -EINVAL);
	cr_assert_eq(la_memif_words("client,buffer=2048,bsize=2048", &w, why, sizeof(why)), -EINVAL);
	memset(tail, 'x', LA_WORDS_LEN);
	tail[LA_WORDS_LEN] = '\0';
	cr_assert_eq(la_memif_words(tail, &w, why, sizeof(why)), -EINVAL);
	cr_assert_not_null(strstr(why, "shorter"));
}

Test(words, xdp)
{
	static const struct {
		const char *tail;
		bool copy, zero_copy, has_busy_poll;
		unsigned busy_poll;
		const char *rest;
	} rows[] = {
		{"", false, false, false, 0, ""},
		{"copy", true, false, false, 0, ""},
		{"zero-copy", false, true, false, 0, ""},
		{"busy-poll=0", false, false, true, 0, ""},
		{"busy-poll=65535,copy", true, false, true, 65535, ""},
		{"force_copy=1,zero-copy", false, true, false, 0, ",force_copy=1"},
		{"xdp_prog=/x.o,copy,start_queue=1", true, false, false, 0, ",xdp_prog=/x.o,start_queue=1"},
		{"copying", false, false, false, 0, ",copying"},
	};
	static const char *const wrong[] = {
		"copy,zero-copy", "copy,force_copy=0", "busy-poll=",	      "busy-poll=65536",
		"busy-poll=-1",	  "busy-poll=8x",      "busy-poll=4294967297"};
	struct la_xdp_words w;
	char why[160];

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		cr_assert_eq(la_xdp_words(rows[i].tail, &w, why, sizeof(why)), 0, "%s: %s", rows[i].tail, why);
		cr_assert_eq(w.copy, rows[i].copy, "%s", rows[i].tail);
		cr_assert_eq(w.zero_copy, rows[i].zero_copy, "%s", rows[i].tail);
		cr_assert_eq(w.has_busy_poll, rows[i].has_busy_poll, "%s", rows[i].tail);
		cr_assert_eq(w.busy_poll, rows[i].busy_poll, "%s", rows[i].tail);
		cr_assert_str_eq(w.rest, rows[i].rest, "%s", rows[i].tail);
	}
	for (size_t i = 0; i < RTE_DIM(wrong); i++)
		cr_assert_eq(la_xdp_words(wrong[i], &w, why, sizeof(why)), -EINVAL, "%s", wrong[i]);
}

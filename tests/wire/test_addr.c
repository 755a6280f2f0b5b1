/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "wire_test.h"

Test(addr, parse_v4)
{
	static const uint8_t want[16] = {[10] = 0xff, 0xff, 10, 0, 1, 255};
	struct la_addr a = addr("10.0.1.255");

	cr_assert_arr_eq(a.b, want, 16);
	cr_assert(la_addr_is4(&a));
	a = addr("::ffff:10.0.1.255");
	cr_assert_arr_eq(a.b, want, 16);
}

Test(addr, parse_v6)
{
	static const uint8_t want[16] = {0xfd, 0, [14] = 0x12, 0x34};
	struct la_addr a = addr("fd00::1234");

	cr_assert_arr_eq(a.b, want, 16);
	cr_assert_not(la_addr_is4(&a));
	a = addr("::");
	cr_assert(la_addr_is_any(&a));
}

Test(addr, parse_refuses)
{
	static const char *const bad[] = {
		"",	      " ",	    " 10.0.0.1",   "10.0.0.1 ",	 "10.0.0",	"10.0.0.256",
		"10.0.0.1.2", "0x0a000001", "10.0.0.-1",   "fd00::1::2", "fd00::12345", "fe80::1%eth0",
		":",	      "host",	    "10.0.0.1/24", "[::1]",
	};
	struct la_addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(la_addr_parse(bad[i], &a), -EINVAL, "\"%s\"", bad[i]);
	cr_assert_eq(la_addr_parse(NULL, &a), -EINVAL);
}

Test(addr, format)
{
	/* RFC 5952: lower case, no leading zeros; "::" stands for the longest run of zeros, the first of two
	 * equal runs, and not for a single field */
	static const char *const t[][2] = {
		{"10.0.0.1", "10.0.0.1"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"2001:DB8::0001", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char buf[LA_ADDR_STRLEN];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct la_addr a = addr(t[i][0]), b;

		cr_assert_str_eq(la_addr_format(&a, buf, sizeof(buf)), t[i][1]);
		b = addr(buf);
		cr_assert(la_addr_eq(&a, &b));
	}
}

Test(addr, format_into_small_buffer)
{
	struct la_addr a = addr("10.20.30.40");

	for (size_t size = 0; size <= 12; size++) {
		char *buf = malloc(size ? size : 1);

		buf[0] = 'x';
		cr_assert_eq(la_addr_format(&a, buf, size), buf);
		if (size == 0)
			cr_assert_eq(buf[0], 'x');
		else
			cr_assert_eq(strncmp(buf, "10.20.30.40", size - 1) | buf[strlen(buf)], 0);
		free(buf);
	}
}

Test(prefix, parse)
{
	struct la_prefix p;

	cr_assert_eq(la_prefix_parse("10.0.0.2/24", &p), 0);
	cr_assert_eq(p.len, 24);
	assert_addr(p.addr, "10.0.0.2");
	cr_assert_eq(la_prefix_parse("10.0.0.2", &p), 0);
	cr_assert_eq(p.len, 32);
	cr_assert_eq(la_prefix_parse("0.0.0.0/0", &p), 0);
	cr_assert_eq(p.len, 0);
	cr_assert_eq(la_prefix_parse("fd00::2/64", &p), 0);
	cr_assert_eq(p.len, 64);
	cr_assert_eq(la_prefix_parse("fd00::2", &p), 0);
	cr_assert_eq(p.len, 128);
	cr_assert_eq(la_prefix_parse("fd00::2/128", &p), 0);
}

Test(prefix, parse_refuses)
{
	static const char *const bad[] = {
		"",
		"/24",
		"10.0.0.1/",
		"10.0.0.1/33",
		"10.0.0.1/-1",
		"10.0.0.1/+8",
		"10.0.0.1/ 8",
		"10.0.0.1/8 ",
		"10.0.0.1/8/8",
		"10.0.0.1/256",
		"10.0.0.1/0x8",
		"fd00::1/129",
		"fd00::1/1000",
		"fd00::1/9999999999999999",
		"fd00::1/64x",
		"::ffff:10.0.0.1/24",
		"0000000000000000000000000000000000000000000000000000000000000001::/64",
	};
	struct la_prefix p = {.len = 7};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(la_prefix_parse(bad[i], &p), -EINVAL, "\"%s\"", bad[i]);
	cr_assert_eq(la_prefix_parse(NULL, &p), -EINVAL);
	cr_assert_eq(p.len, 7, "a refused text changed the prefix");
}

/* Parts before the slash of many lengths are refused without a fault. */
Test(prefix, long_texts)
{
	struct la_prefix p;
	char text[100];

	for (size_t n = 1; n < sizeof(text) - 4; n++) {
		memset(text, '1', n);
		strcpy(text + n, "/24");
		cr_assert_eq(la_prefix_parse(text, &p), -EINVAL);
	}
}

static bool
contains(const char *prefix, const char *text)
{
	struct la_prefix p;
	struct la_addr a = addr(text);

	cr_assert_eq(la_prefix_parse(prefix, &p), 0);
	return la_prefix_contains(&p, &a);
}

Test(prefix, contains)
{
	cr_assert(contains("10.0.0.2/24", "10.0.0.255"));
	cr_assert_not(contains("10.0.0.2/24", "10.0.1.0"));
	cr_assert(contains("10.0.0.128/25", "10.0.0.129"));
	cr_assert_not(contains("10.0.0.128/25", "10.0.0.127"));
	cr_assert(contains("10.0.0.1/32", "10.0.0.1"));
	cr_assert_not(contains("10.0.0.1/32", "10.0.0.0"));
	cr_assert(contains("0.0.0.0/0", "255.1.2.3"));
	cr_assert(contains("fd00::/63", "fd00:0:0:1::5"));
	cr_assert_not(contains("fd00::/63", "fd00:0:0:2::5"));
	cr_assert(contains("::/0", "fd00::1"));
	cr_assert(contains("fd00::1/128", "fd00::1"));
	cr_assert_not(contains("fd00::1/128", "fd00::"));
}

Test(prefix, families_do_not_mix)
{
	struct la_prefix p = {.len = 129};
	struct la_addr a = addr("::");

	cr_assert_not(contains("0.0.0.0/0", "fd00::1"));
	cr_assert_not(contains("::/0", "10.0.0.1"));
	cr_assert_not(la_prefix_contains(&p, &a), "a prefix with a length out of range contains an address");
}

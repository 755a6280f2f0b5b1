/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "run/units.h"

Test(units, durations_carry_their_unit)
{
	static const struct {
		const char *text;
		int rc;
		uint32_t ms;
	} t[] = {
		{"30s", 0, 30000},
		{"500ms", 0, 500},
		{"1.5s", 0, 1500},
		{"2m", 0, 120000},
		{"1h", 0, 3600000},
		{"0", 0, 0},
		{"0s", 0, 0},
		{"0.25s", 0, 250},
		{"30", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"+1s", -EINVAL, 0},
		{" 1s", -EINVAL, 0},
		{"1s ", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"1.s", -EINVAL, 0},
		{".5s", -EINVAL, 0},
		{"0.5ms", -EINVAL, 0},
		{"1.2.3s", -EINVAL, 0},
		{"1e3s", -EINVAL, 0},
		{"0x10s", -EINVAL, 0},
		{"infs", -EINVAL, 0},
		{"30S", -EINVAL, 0},
		{"1200h", -ERANGE, 0},
		{"99999999999999999999s", -ERANGE, 0},
		{"0.00000001s", -EINVAL, 0},
		{"4294967295ms", 0, 4294967295u},
		{"4294967296ms", -ERANGE, 0},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t ms = 7;

		cr_expect_eq(la_parse_duration(t[i].text, &ms), t[i].rc, "'%s'", t[i].text);
		cr_expect_eq(ms, t[i].rc ? 7 : t[i].ms, "'%s' gives %u", t[i].text, ms);
	}
}

Test(units, numbers_take_powers_of_1000_and_1024)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t n;
	} t[] = {
		{"0", 0, 0},	      {"1000", 0, 1000},      {"64k", 0, 64000},
		{"1.5M", 0, 1500000}, {"2G", 0, 2000000000},  {"64Ki", 0, 65536},
		{"1Mi", 0, 1048576},  {"1Gi", 0, 1073741824}, {"0.5Ki", 0, 512},
		{"0.5", -EINVAL, 0},  {"1K", -EINVAL, 0},     {"-5", -EINVAL, 0},
		{"12a", -EINVAL, 0},  {"", -EINVAL, 0},	      {"18446744073709551616", -ERANGE, 0},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t n = 7;

		cr_expect_eq(la_parse_number(t[i].text, &n), t[i].rc, "'%s'", t[i].text);
		cr_expect_eq(n, t[i].rc ? 7 : t[i].n, "'%s' gives %lu", t[i].text, n);
	}
}

Test(units, ports_and_ranges)
{
	uint16_t p = 7, lo = 1, hi = 2;

	cr_expect_eq(la_parse_port("80", &p), 0);
	cr_expect_eq(p, 80);
	cr_expect_eq(la_parse_port("65535", &p), 0);
	cr_expect_eq(la_parse_port("0", &p), -ERANGE);
	cr_expect_eq(la_parse_port("65536", &p), -ERANGE);
	cr_expect_eq(la_parse_port("99999999999", &p), -ERANGE);
	cr_expect_eq(la_parse_port("http", &p), -EINVAL);
	cr_expect_eq(la_parse_port("80x", &p), -EINVAL);
	cr_expect_eq(la_parse_port("", &p), -EINVAL);
	cr_expect_eq(p, 65535);

	cr_expect_eq(la_parse_port_range("1024-65535", &lo, &hi), 0);
	cr_expect(lo == 1024 && hi == 65535);
	cr_expect_eq(la_parse_port_range("53", &lo, &hi), 0);
	cr_expect(lo == 53 && hi == 53);
	cr_expect_eq(la_parse_port_range("2000-1000", &lo, &hi), -EINVAL);
	cr_expect_eq(la_parse_port_range("1-", &lo, &hi), -EINVAL);
	cr_expect_eq(la_parse_port_range("-5", &lo, &hi), -EINVAL);
	cr_expect_eq(la_parse_port_range("1-2-3", &lo, &hi), -EINVAL);
	cr_expect_eq(la_parse_port_range("1-70000", &lo, &hi), -ERANGE);
	cr_expect(lo == 53 && hi == 53);
}

Test(units, endpoints)
{
	char text[LA_ADDR_STRLEN];
	struct la_addr a;
	uint16_t p;

	cr_assert_eq(la_parse_endpoint("10.0.0.1:80", &a, &p), 0);
	cr_expect_str_eq(la_addr_format(&a, text, sizeof(text)), "10.0.0.1");
	cr_expect_eq(p, 80);
	cr_assert_eq(la_parse_endpoint("[fd00::1]:7777", &a, &p), 0);
	cr_expect_str_eq(la_addr_format(&a, text, sizeof(text)), "fd00::1");
	cr_expect_eq(p, 7777);

	static const char *const bad[] = {
		"10.0.0.1",	 "10.0.0.1:",	"10.0.0.1:0",  ":80",	"fd00::1:80", "[fd00::1]", "[fd00::1]80",
		"[10.0.0.1]:80", "[fd00::1:80", "fd00::1]:80", "[]:80", "",	      "host:80",   "10.0.0.1:80x"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_neq(la_parse_endpoint(bad[i], &a, &p), 0, "'%s'", bad[i]);
	cr_expect_eq(p, 7777);
}

Test(units, formats_for_people)
{
	char b[16];

	cr_expect_str_eq(la_format_duration(30000, b, sizeof(b)), "30s");
	cr_expect_str_eq(la_format_duration(1500, b, sizeof(b)), "1500ms");
	cr_expect_str_eq(la_format_duration(120000, b, sizeof(b)), "2m");
	cr_expect_str_eq(la_format_duration(0, b, sizeof(b)), "0s");
	cr_expect_str_eq(la_format_short(0, b, sizeof(b)), "0");
	cr_expect_str_eq(la_format_short(999, b, sizeof(b)), "999");
	cr_expect_str_eq(la_format_short(999.96, b, sizeof(b)), "1.000k");
	cr_expect_str_eq(la_format_short(12345, b, sizeof(b)), "12.35k");
	cr_expect_str_eq(la_format_short(2.5e6, b, sizeof(b)), "2.500M");
}

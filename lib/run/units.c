/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/units.h"

/* A decimal number with up to six places, as millionths; *end is the first byte after it. No sign,
 * no exponent, no space: strtod() would accept "inf", "0x1p3" and the locale's comma. */
static int
parse_decimal(const char *text, uint64_t *millionths, const char **end)
{
	uint64_t whole = 0, part = 0, scale = 1000000;
	const char *p = text;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		whole = whole * 10 + (uint64_t)(*p - '0');
		if (whole > UINT64_MAX / 1000000 / 16)
			return -ERANGE;
	}
	if (*p == '.') {
		p++;
		if (*p < '0' || *p > '9')
			return -EINVAL;
		for (; *p >= '0' && *p <= '9' && scale > 1; p++) {
			scale /= 10;
			part += (uint64_t)(*p - '0') * scale;
		}
		if (*p >= '0' && *p <= '9')
			return -EINVAL;
	}
	*millionths = whole * 1000000 + part;
	*end = p;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int
parse_with_unit(const char *text, const struct unit *units, unsigned nunits, uint64_t *out)
{
	const char *end;
	uint64_t millionths;
	unsigned __int128 v;
	int rc = parse_decimal(text, &millionths, &end);

	if (rc)
		return rc;
	if (*end == '\0' && millionths == 0) {
		*out = 0;
		return 0;
	}
	for (unsigned i = 0; i < nunits; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		v = (unsigned __int128)millionths * units[i].factor;
		if (v % 1000000 != 0)
			return -EINVAL; /* not a whole number of the smallest unit: "0.5" */
		v /= 1000000;
		if (v > UINT64_MAX)
			return -ERANGE;
		*out = (uint64_t)v;
		return 0;
	}
	return -EINVAL;
}

int
la_parse_duration(const char *text, uint32_t *ms)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}};
	uint64_t v;
	int rc = parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), &v);

	if (rc)
		return rc;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ms = (uint32_t)v;
	return 0;
}

int
la_parse_number(const char *text, uint64_t *n)
{
	static const struct unit units[] = {{"", 1},	     {"k", 1000},     {"M", 1000000}, {"G", 1000000000},
					    {"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}};

	return parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), n);
}

/* Parses a port: digits only, up to the character `stop` or the end of text. *end: the first byte after the digits. */
static int
parse_port_until(const char *text, char stop, uint16_t *port, const char **end)
{
	uint32_t v = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint32_t)(*p - '0');
		if (v > 65535)
			return -ERANGE;
	}
	if (p == text || (*p != '\0' && *p != stop))
		return -EINVAL;
	if (v == 0)
		return -ERANGE;
	*port = (uint16_t)v;
	*end = p;
	return 0;
}

int
la_parse_port(const char *text, uint16_t *port)
{
	const char *end;

	return parse_port_until(text, '\0', port, &end);
}

int
la_parse_port_range(const char *text, uint16_t *lo, uint16_t *hi)
{
	const char *end;
	uint16_t a, b;
	int rc = parse_port_until(text, '-', &a, &end);

	if (rc)
		return rc;
	b = a;
	if (*end == '-') {
		rc = la_parse_port(end + 1, &b);
		if (rc)
			return rc;
	}
	if (b < a)
		return -EINVAL;
	*lo = a;
	*hi = b;
	return 0;
}

int
la_parse_endpoint(const char *text, struct la_addr *addr, uint16_t *port)
{
	char host[LA_ADDR_STRLEN];
	const char *colon = strrchr(text, ':');
	struct la_addr a;
	uint16_t p;
	size_t n;
	int rc;

	if (colon == NULL)
		return -EINVAL;
	n = (size_t)(colon - text);
	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[') {
		if (n < 2 || host[n - 1] != ']')
			return -EINVAL;
		host[n - 1] = '\0';
		memmove(host, host + 1, n - 1);
		if (strchr(host, ':') == NULL)
			return -EINVAL; /* brackets are for IPv6 */
	} else if (strchr(host, ':') != NULL) {
		return -EINVAL; /* an IPv6 address without brackets: the port's colon is ambiguous */
	}
	rc = la_addr_parse(host, &a);
	if (rc)
		return rc;
	rc = la_parse_port(colon + 1, &p);
	if (rc)
		return rc;
	*addr = a;
	*port = p;
	return 0;
}

const char *
la_format_duration(uint32_t ms, char *buf, size_t size)
{
	if (ms >= 60000 && ms % 60000 == 0)
		snprintf(buf, size, "%um", ms / 60000);
	else if (ms % 1000 == 0)
		snprintf(buf, size, "%us", ms / 1000);
	else
		snprintf(buf, size, "%ums", ms);
	return buf;
}

const char *
la_format_short(double n, char *buf, size_t size)
{
	static const char suffix[] = {'\0', 'k', 'M', 'G', 'T'};
	unsigned i = 0;

	while (n >= 999.95 && i + 1 < sizeof(suffix)) {
		n /= 1000;
		i++;
	}
	if (i == 0)
		snprintf(buf, size, "%.0f", n);
	else
		snprintf(buf, size, "%.*f%c", n < 10 ? 3 : n < 100 ? 2 : 1, n, suffix[i]);
	return buf;
}

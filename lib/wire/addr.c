/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses and prefixes as text. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include <lastack/addr.h>

int
la_addr_parse(const char *text, struct la_addr *a)
{
	uint32_t be;

	if (text == NULL)
		return -EINVAL;
	/* "::ffff:10.0.0.1" and "10.0.0.1" give the same bytes, so they are one address */
	if (strchr(text, ':') != NULL)
		return inet_pton(AF_INET6, text, a->b) == 1 ? 0 : -EINVAL;
	if (inet_pton(AF_INET, text, &be) != 1)
		return -EINVAL;
	*a = la_addr_from4(be);
	return 0;
}

/* Returns the value of one to three decimal digits; -1: other text. strtoul() would accept signs and spaces. */
static int
parse_len(const char *text)
{
	size_t n = strlen(text);
	int v = 0;

	if (n < 1 || n > 3)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		v = v * 10 + (text[i] - '0');
	}
	return v;
}

int
la_prefix_parse(const char *text, struct la_prefix *p)
{
	char addr[LA_ADDR_STRLEN];
	struct la_prefix out;
	const char *slash;
	size_t n;
	int max, len;

	if (text == NULL)
		return -EINVAL;
	slash = strchr(text, '/');
	n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (la_addr_parse(addr, &out.addr) < 0)
		return -EINVAL;

	max = la_addr_is4(&out.addr) ? 32 : 128;
	len = max;
	if (slash != NULL) {
		/* "::ffff:10.0.0.1/24" is ambiguous: the length may count the bits of IPv4 or of IPv6 */
		if (max == 32 && strchr(addr, ':') != NULL)
			return -EINVAL;
		len = parse_len(slash + 1);
	}
	if (len < 0 || len > max)
		return -EINVAL;
	out.len = (uint8_t)len;
	*p = out;
	return 0;
}

const char *
la_addr_format(const struct la_addr *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (la_addr_is4(a))
		inet_ntop(AF_INET, a->b + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, a->b, text, sizeof(text));
	snprintf(buf, size, "%s", text);
	return buf;
}

bool
la_prefix_contains(const struct la_prefix *p, const struct la_addr *a)
{
	bool is4 = la_addr_is4(&p->addr);
	unsigned int bits, whole, rest;

	if (is4 != la_addr_is4(a) || p->len > (is4 ? 32 : 128))
		return false;
	bits = p->len + (is4 ? 96u : 0u);
	whole = bits / 8;
	rest = bits % 8;
	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || (p->addr.b[whole] ^ a->b[whole]) >> (8 - rest) == 0;
}

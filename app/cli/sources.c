/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/netopts.h"
#include "cli/sources.h"
#include "run/units.h"

int
sources_set_from(void *dst, const char *text, char *why, size_t size)
{
	struct sources *s = dst;

	if (s->nfrom == LA_TUPLES_PREFIXES) {
		snprintf(why, size, "at most %d of them", LA_TUPLES_PREFIXES);
		return -1;
	}
	if (la_prefix_parse(text, &s->from[s->nfrom]) == 0) {
		s->nfrom++;
		return 0;
	}
	snprintf(why, size, "a prefix, 10.1.0.0/16 or fd00:1::/96");
	return -1;
}

int
sources_set_ports(void *dst, const char *text, char *why, size_t size)
{
	struct sources *s = dst;

	if (la_parse_port_range(text, &s->port_lo, &s->port_hi) == 0)
		return 0;
	snprintf(why, size, "a range of ports, LOW-HIGH, within 1-65535");
	return -1;
}

int
sources_claim(const struct sources *s, char *err, size_t size)
{
	for (unsigned i = 0; i < s->nfrom; i++) {
		if (net.nranges == NET_ADDRS) {
			snprintf(err, size, "--from and --range: at most %d together", NET_ADDRS);
			return -1;
		}
		net.ranges[net.nranges++] = s->from[i];
	}
	return 0;
}

/* Writes each --addr of the family to p, as a prefix of one address. Returns their number. */
static unsigned
own_addresses(struct la_prefix *p, bool is4)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net.naddrs && n < LA_TUPLES_PREFIXES; i++) {
		if (la_addr_is4(&net.addrs[i].addr) != is4)
			continue;
		p[n] = net.addrs[i];
		p[n++].len = is4 ? 32 : 128;
	}
	return n;
}

int
sources_tuples(const struct sources *s, const struct la_addr *to, uint16_t port, struct la_tuples *t, char *err,
	       size_t size)
{
	struct la_prefix own[LA_TUPLES_PREFIXES];
	const struct la_prefix *from = s->nfrom > 0 ? s->from : own;
	unsigned n = s->nfrom > 0 ? s->nfrom : own_addresses(own, la_addr_is4(to));
	int rc = la_tuples_init(t, from, n, s->port_lo, s->port_hi, to, port, s->reuse ? 0 : 2ull * net.shard.msl_ms);

	if (rc == -EAFNOSUPPORT)
		snprintf(err, size, "--to is an %s address, and neither --from nor --addr has one",
			 la_addr_is4(to) ? "IPv4" : "IPv6");
	else if (rc)
		snprintf(err, size, "--from, --ports: %s", strerror(-rc));
	return rc ? -1 : 0;
}

int
sources_check(const struct sources *s, const struct la_tuples *t, unsigned targets, uint64_t need, bool may_run_out,
	      char *err, size_t size)
{
	uint64_t budget = 0, window = 2ull * net.shard.msl_ms;
	unsigned ports = s->port_hi - s->port_lo + 1u;
	char w[16], sum[96], to[24] = "";
	bool short_of;

	for (unsigned i = 0; i < targets; i++)
		budget += t[i].budget;
	if (targets > 1)
		snprintf(to, sizeof(to), " * %u targets", targets);
	snprintf(sum, sizeof(sum), "%lu addresses * %u ports%s", t[0].naddrs, ports, to);
	la_format_duration((uint32_t)window, w, sizeof(w));
	short_of = need != UINT64_MAX && need > budget && !s->reuse;
	if (short_of && !may_run_out) {
		snprintf(err, size,
			 "the run needs %lu tuples within 2*MSL (%s), %s are %lu; allowed: "
			 "a larger --from or --ports, fewer --connections, a lower --rate or --msl, or --reuse",
			 need, w, sum, budget);
		return -1;
	}
	if (net.quiet || !net.verbose)
		return 0;
	printf("tuples: %s = %lu; each is unused for %s after its close: up to %.0f closes/s for ever\n", sum, budget,
	       s->reuse ? "0s (--reuse)" : w, (double)budget * 1000 / (double)window);
	if (need == UINT64_MAX)
		printf("tuples: the rate is not limited; when all tuples are used up, the run waits for 2*MSL\n");
	else if (short_of)
		printf("tuples: this run needs %lu within 2*MSL, %lu more than there are: a connection without "
		       "a tuple is not opened, and no_tuple counts it\n",
		       need, need - budget);
	else
		printf("tuples: this run needs %lu within 2*MSL\n", need);
	fflush(stdout);
	return 0;
}

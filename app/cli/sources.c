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
		s->from_port[s->nfrom++] = (uint8_t)net_port_index_now();
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

static bool
port_has_subnet(const struct net_port *port, const struct la_prefix *p)
{
	for (unsigned k = 0; k < port->naddrs; k++)
		if (net_overlaps(&port->addrs[k], p))
			return true;
	return false;
}

/* Returns the index of the port that has `p` in a subnet, or a subnet in `p`; otherwise `none`. Ports may have the same
 * link-local subnet: then `follows` is the port, if it has the subnet. */
static unsigned
port_of_prefix(const struct la_prefix *p, unsigned follows, unsigned none)
{
	if (port_has_subnet(&net.port[follows], p))
		return follows;
	for (unsigned i = 0; i < net.eal.nports; i++)
		if (port_has_subnet(&net.port[i], p))
			return i;
	return none;
}

int
sources_claim(struct sources *s, char *err, size_t size)
{
	for (unsigned i = 0; i < s->nfrom; i++) {
		struct net_port *p;

		s->from_port[i] = (uint8_t)port_of_prefix(&s->from[i], s->from_port[i], s->from_port[i]);
		p = &net.port[s->from_port[i]];
		if (p->nranges == NET_ADDRS) {
			snprintf(err, size, "--from and --range: at most %d together", NET_ADDRS);
			return -1;
		}
		p->ranges[p->nranges++] = s->from[i];
	}
	return net_ports_apart(err, size);
}

static bool
has_gateway(unsigned port, bool is4)
{
	return !la_addr_is_any(is4 ? &net.port[port].gateway4 : &net.port[port].gateway6);
}

int
sources_port(const struct la_addr *to, unsigned follows, unsigned *of, char *err, size_t size)
{
	struct la_prefix host = {.addr = *to, .len = la_addr_is4(to) ? 32 : 128};
	char text[LA_ADDR_STRLEN];

	*of = port_of_prefix(&host, follows, net.eal.nports);
	if (*of < net.eal.nports)
		return 0;
	*of = follows;
	if (net.eal.nports == 1 || has_gateway(follows, la_addr_is4(to)))
		return 0;
	for (*of = 0; *of < net.eal.nports; ++*of)
		if (has_gateway(*of, la_addr_is4(to)))
			return 0;
	snprintf(err, size, "--to: '%s' was given; allowed: an address in the subnet of a port, or a --gateway for it",
		 la_addr_format(to, text, sizeof(text)));
	return -1;
}

/* Writes the prefixes of --from of a port to p; without any, each --addr of the family, as a prefix of one address.
 * Returns their number. */
static unsigned
source_prefixes(const struct sources *s, unsigned of, bool is4, struct la_prefix *p)
{
	const struct net_port *port = &net.port[of];
	unsigned n = 0;

	for (unsigned i = 0; i < s->nfrom; i++)
		if (s->from_port[i] == of)
			p[n++] = s->from[i];
	if (n > 0)
		return n;
	for (unsigned i = 0; i < port->naddrs && n < LA_TUPLES_PREFIXES; i++) {
		if (la_addr_is4(&port->addrs[i].addr) != is4)
			continue;
		p[n] = port->addrs[i];
		p[n++].len = is4 ? 32 : 128;
	}
	return n;
}

int
sources_tuples(const struct sources *s, unsigned of, const struct la_addr *to, uint16_t port, struct la_tuples *t,
	       char *err, size_t size)
{
	struct la_prefix from[LA_TUPLES_PREFIXES];
	unsigned n = source_prefixes(s, of, la_addr_is4(to), from);
	int rc = la_tuples_init(t, from, n, s->port_lo, s->port_hi, to, port, s->reuse ? 0 : 2ull * net.shard.msl_ms);

	if (rc == -EAFNOSUPPORT)
		snprintf(err, size, "--to is an %s address, and neither --from nor --addr%s%s has one",
			 la_addr_is4(to) ? "IPv4" : "IPv6", net.eal.nports > 1 ? " of " : "",
			 net.eal.nports > 1 ? net.port[of].name : "");
	else if (rc)
		snprintf(err, size, "--from, --ports: %s", strerror(-rc));
	return rc ? -1 : 0;
}

uint64_t
sources_budget(const struct la_tuples *t, unsigned targets)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < targets; i++)
		sum += t[i].budget;
	return sum;
}

/* Writes how the budget comes about: "2 addresses * 64512 ports * 3 targets". With different numbers of addresses for
 * the targets: "7 pairs of address and target * 64512 ports". Returns buf. */
static const char *
budget_text(const struct la_tuples *t, unsigned targets, unsigned ports, char *buf, size_t size)
{
	uint64_t pairs = 0;

	for (unsigned i = 0; i < targets; i++)
		pairs += t[i].naddrs;
	if (pairs != t[0].naddrs * targets)
		snprintf(buf, size, "%lu pairs of address and target * %u ports", pairs, ports);
	else if (targets > 1)
		snprintf(buf, size, "%lu addresses * %u ports * %u targets", t[0].naddrs, ports, targets);
	else
		snprintf(buf, size, "%lu addresses * %u ports", t[0].naddrs, ports);
	return buf;
}

int
sources_check(const struct sources *s, const struct la_tuples *t, unsigned targets, uint64_t need, bool may_run_out,
	      char *err, size_t size)
{
	uint64_t budget = sources_budget(t, targets), window = 2ull * net.shard.msl_ms;
	char w[16], sum[96];
	bool short_of;

	budget_text(t, targets, s->port_hi - s->port_lo + 1u, sum, sizeof(sum));
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

/* SPDX-License-Identifier: BSD-3-Clause */

/* Fuzz target: the command line. An input is a list of words, each followed by a zero byte. If the first byte of a
 * word is below 32, this byte stands for "--" and the name of an option, so that few bytes make an argument vector. The
 * words are parsed with the option tables that subcommands share, and with own_opts. Then each function that parses
 * text parses each word.
 *
 * The strings of net_options point into argv, which here exists only as long as the input. This file includes
 * netports.c, because it must free what netports.c copies.
 */

#include <stdlib.h>
#include <string.h>

static char *keep(const char *text);
#define strdup keep
#include "cli/netports.c"
#undef strdup

#include "run/tuples.h"
#include "run/units.h"
#include "target.h"

enum { WORDS = 64, INPUT_MAX = 4096 };

static char *kept[WORDS];
static unsigned nkept;

static char *
keep(const char *text)
{
	char *copy = malloc(strlen(text) + 1);

	CHECK(copy != NULL && nkept < WORDS);
	return kept[nkept++] = strcpy(copy, text);
}

static struct {
	uint16_t port;
	int side;
	uint16_t lo, hi, to_port;
	struct la_addr to;
} own;

static int
set_range_of_ports(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	if (la_parse_port_range(text, &own.lo, &own.hi) == 0) {
		CHECK(own.lo >= 1 && own.lo <= own.hi);
		return 0;
	}
	snprintf(why, size, "a range of ports");
	return -1;
}

static int
set_end(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	if (la_parse_endpoint(text, &own.to, &own.to_port) == 0) {
		CHECK(own.to_port != 0);
		return 0;
	}
	snprintf(why, size, "an address and a port");
	return -1;
}

static const char *const sides[] = {"client", "server", NULL};
static const struct opt own_opts[] = {
	{.name = "http", .letter = 'p', .kind = OPT_PORT, .dst = &own.port, .arg = "PORT"},
	{.name = "close", .kind = OPT_CHOICE, .dst = &own.side, .arg = "WHO", .choices = sides},
	{.name = "wait", .kind = OPT_SWITCH, .dst = &own.side, .arg = "[=WHO]", .choices = sides},
	CALL("ports", 0, "LOW-HIGH", NULL, set_range_of_ports, NULL),
	CALL("to", 't', "ADDR:PORT", NULL, set_end, NULL),
	OPT_END,
};
static const struct opt *const tables[] = {net_port_opts, net_addr_opts, net_table_opts, net_restart_opts, net_run_opts,
					   own_opts,	  NULL};

/* Returns the name of the n-th option of all tables. */
static const char *
name_of(unsigned n)
{
	for (unsigned t = 0; tables[t]; t++)
		for (const struct opt *o = tables[t]; o->name || o->help; o++)
			if (o->kind != OPT_HEADING && n-- == 0)
				return o->name;
	return "no-such-option";
}

/* Copies every word into a block of its exact size. */
static int
words(const uint8_t *p, size_t len, char **argv)
{
	int argc = 1;

	argv[0] = strdup("lastack");
	while (len && argc < WORDS) {
		const uint8_t *end = memchr(p, 0, len);
		size_t n = end ? (size_t)(end - p) : len;
		const char *name = n && p[0] < ' ' ? name_of((p[0] - 1u) & 63) : NULL;
		size_t room = n + 4 + (name ? strlen(name) : 0);
		char *word = malloc(room);

		CHECK(word != NULL);
		if (name) /* the other bytes of the word are "=value", or none */
			snprintf(word, room, "--%s%.*s", name, (int)(n - 1), (const char *)p + 1);
		else
			snprintf(word, room, "%.*s", (int)n, (const char *)p);
		argv[argc] = strdup(word);
		free(word);
		CHECK(argv[argc++] != NULL);
		p += end ? n + 1 : n;
		len -= end ? n + 1 : n;
	}
	argv[argc] = NULL;
	return argc;
}

/* Parses a word with each function. A parsed value is written and parsed again, and must be the same. */
static void
one_word(const char *text)
{
	char buf[LA_ADDR_STRLEN + 8], num[16];
	struct la_prefix p, q;
	struct la_addr a, b;
	uint32_t ms, again;
	uint16_t lo = 1, hi = 1;
	uint64_t n;

	if (la_addr_parse(text, &a) == 0)
		CHECK(la_addr_parse(la_addr_format(&a, buf, sizeof(buf)), &b) == 0 && la_addr_eq(&a, &b));
	if (la_prefix_parse(text, &p) == 0) {
		CHECK(p.len <= (la_addr_is4(&p.addr) ? 32 : 128));
		la_addr_format(&p.addr, buf, LA_ADDR_STRLEN);
		snprintf(buf + strlen(buf), 6, "/%u", p.len);
		CHECK(la_prefix_parse(buf, &q) == 0 && q.len == p.len && la_addr_eq(&p.addr, &q.addr));
	}
	if (la_parse_duration(text, &ms) == 0)
		CHECK(la_parse_duration(la_format_duration(ms, num, sizeof(num)), &again) == 0 && again == ms);
	if (la_parse_number(text, &n) == 0)
		CHECK(strlen(la_format_short((double)n, num, sizeof(num))) > 0);
	if (la_parse_port_range(text, &lo, &hi) == 0)
		CHECK(lo >= 1 && lo <= hi);
	if (la_parse_endpoint(text, &a, &lo) == 0)
		CHECK(lo >= 1);
}

static void
check_options(void)
{
	static struct la_engine_config cfg;
	struct la_tuples tuples;
	struct la_tuple t;
	int rc;

	CHECK(net.eal.nports >= 1 && net.eal.nports <= LA_EAL_MAX_PORTS && net.eal.nargs <= LA_EAL_MAX_ARGS);
	CHECK(la_config_check(&net.shard) == NULL && net.shard.msl_ms >= 1 && net.shard.rto_min_ms >= 1);
	CHECK(net.shard.max_conns >= 1);
	for (unsigned k = 0; k < net.eal.nports; k++) {
		const struct net_port *p = &net.port[k];

		CHECK(p->naddrs >= 1 && p->naddrs <= NET_ADDRS && p->nranges <= NET_ADDRS && p->name[0] != '\0');
		for (unsigned i = 0; i < p->naddrs; i++)
			CHECK(p->addrs[i].len <= (la_addr_is4(&p->addrs[i].addr) ? 32 : 128));
	}
	memset(&cfg, 0, sizeof(cfg));
	net_apply(&cfg);
	CHECK(net_stations() >= net.eal.nports && net_stations() <= LA_ENGINE_MAX_STATIONS);
	for (unsigned i = 0; i < net_stations(); i++) {
		net_station(&cfg.stations[i], i);
		CHECK(cfg.stations[i].port < net.eal.nports);
		CHECK(cfg.stations[i].shard.naddrs == net.port[cfg.stations[i].port].naddrs);
		CHECK(cfg.stations[i].shard.msl_ms == net.shard.msl_ms);
	}
	rc = la_tuples_init(&tuples, net.port[0].addrs,
			    net.port[0].naddrs < LA_TUPLES_PREFIXES ? net.port[0].naddrs : LA_TUPLES_PREFIXES,
			    own.lo ? own.lo : 1024, own.lo ? own.hi : 65535, &own.to, own.to_port ? own.to_port : 80,
			    2ull * net.shard.msl_ms);
	if (rc)
		return;
	for (unsigned i = 0, ticket; i < 3 && la_tuples_next(&tuples, i, &t, &ticket) == 0; i++) {
		CHECK(t.lport != 0 && t.rport != 0);
		if (i == 0)
			la_tuples_unused(&tuples, ticket);
		else
			la_tuples_done(&tuples, ticket, i);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct net_options before;
	char *argv[WORDS + 1], err[256];
	enum opt_result r;
	int argc;

	if (len > INPUT_MAX)
		return 0;
	net_init();
	before = net;
	argc = words(p, len, argv);
	memset(err, 0, sizeof(err));
	r = opt_parse(argc, argv, tables, err, sizeof(err));
	CHECK(r == OPT_BAD ? err[0] != 0 : err[0] == 0);
	CHECK(strlen(err) < sizeof(err));
	if (r == OPT_HELP) {
		FILE *f = fopen("/dev/null", "w");

		CHECK(f != NULL);
		opt_help(tables, f);
		fclose(f);
	}
	if (r == OPT_OK && net_check(err, sizeof(err)) == 0)
		check_options();
	for (int i = 1; i < argc; i++)
		one_word(argv[i]);
	net = before;
	memset(&own, 0, sizeof(own));
	while (argc > 0)
		free(argv[--argc]);
	while (nkept > 0)
		free(kept[--nkept]);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* The ports of a command line: which options belong to which port, the part of each station, and what is refused. */

#include <criterion/criterion.h>
#include <string.h>

#include "cli/netopts.h"
#include "cli/sources.h"

static struct sources sources;
/* clang-format off */
static const struct opt own[] = {
	{.name = "from", .kind = OPT_CALL, .arg = "PREFIX", .dst = &sources, .call = sources_set_from},
	OPT_END,
};
/* clang-format on */
static const struct opt *const tables[] = {net_port_opts, net_addr_opts, net_table_opts, own, NULL};

static char err[512];
static struct la_engine_config cfg;

/* Parses words between spaces, checks them and makes the stations. Returns 0, or -1 with a line in err. */
static int
give(const char *line)
{
	static struct net_options fresh;
	static char text[2048], *argv[128];
	static bool kept;
	int argc = 1;

	if (!kept) {
		net_init();
		fresh = net;
	}
	kept = true;
	net = fresh;
	memset(&cfg, 0, sizeof(cfg));
	memset(&sources, 0, sizeof(sources));
	sources.port_lo = 1024;
	sources.port_hi = 65535;
	cr_assert(strlen(line) < sizeof(text));
	strcpy(text, line);
	argv[0] = text;
	for (char *next, *w = strtok_r(text, " ", &next); w; w = strtok_r(NULL, " ", &next))
		argv[argc++] = w;
	argv[argc] = NULL;
	err[0] = '\0';
	if (opt_parse(argc, argv, tables, err, sizeof(err)) != OPT_OK || net_check(err, sizeof(err)) ||
	    sources_claim(&sources, err, sizeof(err)))
		return -1;
	net_apply(&cfg);
	cfg.nstations = net_stations();
	for (unsigned i = 0; i < cfg.nstations; i++)
		net_station(&cfg.stations[i], i);
	return 0;
}

static void
refused(const char *line, const char *text)
{
	cr_expect_eq(give(line), -1, "accepted: %s", line);
	cr_expect(strstr(err, text), "'%s' in: %s", text, err);
	cr_expect_null(strchr(err, '\n'), "%s", err);
}

static struct la_addr
address(const char *text)
{
	struct la_addr a;

	cr_assert_eq(la_addr_parse(text, &a), 0);
	return a;
}

static bool
has_addr(unsigned station, unsigned i, const char *text)
{
	const struct la_shard_config *sc = &cfg.stations[station].shard;
	struct la_addr a = address(text);

	return i < sc->naddrs && la_addr_eq(&sc->addrs[i].addr, &a);
}

Test(netports, options_belong_to_the_port_before_them)
{
	cr_assert_eq(
		give("--tap la0 --addr 10.0.0.2/24 --addr fd00::2/64 --gateway 10.0.0.1 --mtu 1400 --vlan 7 --no-dad "
		     "--offload=off --memif /run/s,client --addr 10.1.0.2/24 --range 10.3.0.0/16 --gateway 10.1.0.1 "
		     "--gateway-mac 02:00:00:00:00:01 --rx-cksum=software"),
		0, "%s", err);
	cr_assert_eq(cfg.eal.nports, 2);
	cr_assert_eq(cfg.nstations, 2);
	cr_expect_eq(cfg.eal.ports[0].kind, LA_PORT_TAP);
	cr_expect_str_eq(cfg.eal.ports[0].arg, "la0");
	cr_expect_eq(cfg.eal.ports[1].kind, LA_PORT_MEMIF);
	cr_expect_str_eq(cfg.eal.ports[1].arg, "/run/s,client");
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(cfg.stations[i].port, i);
		cr_expect_eq(cfg.stations[i].worker, i);
	}
	cr_expect(has_addr(0, 0, "10.0.0.2") && has_addr(0, 1, "fd00::2"));
	cr_expect(has_addr(1, 0, "10.1.0.2"));
	cr_expect_eq(cfg.stations[0].shard.naddrs, 2);
	cr_expect_eq(cfg.stations[1].shard.naddrs, 1);
	cr_expect_eq(cfg.stations[0].shard.nranges, 0);
	cr_expect_eq(cfg.stations[1].shard.nranges, 1);
	cr_expect_eq(cfg.stations[0].shard.mtu, 1400);
	cr_expect_eq(cfg.stations[1].shard.mtu, 0);
	cr_expect_eq(cfg.stations[0].shard.vlan, 7);
	cr_expect_eq(cfg.stations[1].shard.vlan, 0);
	cr_expect(cfg.stations[0].shard.no_dad && !cfg.stations[1].shard.no_dad);
	cr_expect(cfg.stations[0].offload.none && !cfg.stations[1].offload.none);
	cr_expect(!cfg.stations[0].offload.rx_cksum_off && cfg.stations[1].offload.rx_cksum_off);
	cr_expect_eq(cfg.stations[0].shard.gateway_mac[0], 0);
	cr_expect_eq(cfg.stations[1].shard.gateway_mac[0], 2);
	cr_expect(la_addr_eq(&cfg.stations[0].shard.gateway4, &(struct la_addr[1]){address("10.0.0.1")}[0]));
	cr_expect(la_addr_eq(&cfg.stations[1].shard.gateway4, &(struct la_addr[1]){address("10.1.0.1")}[0]));
}

Test(netports, options_before_the_first_port_belong_to_it)
{
	cr_assert_eq(give("--addr 10.0.0.2/24 --mtu 1400 --vlan 7 --null --addr fd00::2/64 --null --addr 10.1.0.2/24"),
		     0, "%s", err);
	cr_expect(has_addr(0, 0, "10.0.0.2") && has_addr(0, 1, "fd00::2") && has_addr(1, 0, "10.1.0.2"));
	cr_expect_eq(cfg.stations[0].shard.mtu, 1400);
	cr_expect_eq(cfg.stations[1].shard.mtu, 0);
	cr_expect_eq(cfg.stations[1].shard.vlan, 0);
	cr_assert_eq(give("--addr 10.0.0.2/24 --mtu 1400 --tap la0"), 0, "%s", err);
	cr_expect(has_addr(0, 0, "10.0.0.2"));
	cr_expect_eq(cfg.stations[0].shard.mtu, 1400);
}

Test(netports, the_general_form_has_every_kind)
{
	cr_assert_eq(
		give("--port tap:la0,10.4.0.1/24 --addr 10.4.0.2/24 --port veth:ve0 --addr 10.5.0.2/24 --port xdp:x0 "
		     "--addr 10.6.0.2/24 --port memif:/run/s,client --addr 10.7.0.2/24 --port null "
		     "--addr 10.8.0.2/24 --port pci:0000:05:00.0,x=1 --addr 10.9.0.2/24 "
		     "--port vdev:net_null7 --addr 10.10.0.2/24"),
		0, "%s", err);
	static const enum la_port_kind kinds[] = {LA_PORT_TAP,	LA_PORT_VETH, LA_PORT_XDP, LA_PORT_MEMIF,
						  LA_PORT_NULL, LA_PORT_EAL,  LA_PORT_EAL};
	static const char *const args[] = {"la0,10.4.0.1/24",  "ve0",	   "x0", "/run/s,client", NULL,
					   "0000:05:00.0,x=1", "net_null7"};

	cr_assert_eq(cfg.eal.nports, 7);
	for (unsigned i = 0; i < 7; i++) {
		cr_expect_eq(cfg.eal.ports[i].kind, kinds[i], "port %u", i);
		if (args[i])
			cr_expect_str_eq(cfg.eal.ports[i].arg, args[i]);
		else
			cr_expect_null(cfg.eal.ports[i].arg);
	}
	cr_assert_eq(cfg.eal.nargs, 4);
	cr_expect_str_eq(cfg.eal.args[0], "-a");
	cr_expect_str_eq(cfg.eal.args[1], "0000:05:00.0,x=1");
	cr_expect_str_eq(cfg.eal.args[2], "--vdev");
	cr_expect_str_eq(cfg.eal.args[3], "net_null7");
	cr_assert_eq(give("--eal --vdev=net_null0 --addr 10.0.0.2/24"), 0, "%s", err);
	cr_expect_eq(cfg.eal.nports, 1);
	cr_expect_null(cfg.eal.ports[0].arg);
}

Test(netports, totals_are_split_among_the_stations_of_all_ports)
{
	cr_assert_eq(
		give("--workers 2 --max-conns 4001 --time-wait 1000 --time-wait6 100 --null --addr 10.0.0.2/24 --null "
		     "--addr 10.1.0.2/24"),
		0, "%s", err);
	cr_assert_eq(cfg.nstations, 4);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(cfg.stations[i].port, i / 2);
		cr_expect_eq(cfg.stations[i].worker, i);
		cr_expect_eq(cfg.stations[i].shard.max_conns, 1001);
		cr_expect_eq(cfg.stations[i].shard.max_time_wait4, 250);
		cr_expect_eq(cfg.stations[i].shard.max_time_wait6, 25);
		cr_expect_eq(net_share(10, i), i < 2 ? 3 : 2);
	}
	cr_assert_eq(give("-l 0-4 --null --addr 10.0.0.2/24 --null --addr 10.1.0.2/24"), 0, "%s", err);
	cr_expect_eq(net.workers, 2, "five CPUs for two ports");
	cr_assert_eq(give("-l 0 --null --addr 10.0.0.2/24 --null --addr 10.1.0.2/24"), 0, "%s", err);
	cr_expect_eq(net.workers, 1);
	cr_assert_eq(give("-l 0-4 --null --addr 10.0.0.2/24"), 0, "%s", err);
	cr_expect_eq(net.workers, 5);
}

Test(netports, sources_and_targets_have_the_port_of_their_subnet_or_gateway)
{
	struct la_tuples t[2];
	struct la_addr to;
	unsigned of;

	cr_assert_eq(
		give("--tap la0 --addr 10.0.0.2/24 --addr fd00::2/64 --gateway 10.0.0.1 --tap la1 --addr 10.1.0.2/24 "
		     "--gateway 10.1.0.1 --from 10.0.0.64/26 --from 10.9.0.0/24 --from 10.1.0.64/30"),
		0, "%s", err);
	cr_expect_eq(cfg.stations[0].shard.nranges, 1);
	cr_expect_eq(cfg.stations[1].shard.nranges, 2);
	to = address("10.0.0.77");
	cr_expect_eq(sources_port(&to, 1, &of, err, sizeof(err)), 0);
	cr_expect_eq(of, 0, "the subnet precedes the order of options");
	cr_expect_eq(sources_tuples(&sources, 0, &to, 80, &t[0], err, sizeof(err)), 0);
	cr_expect_eq(t[0].naddrs, 62);
	to = address("10.1.0.77");
	cr_expect_eq(sources_port(&to, 0, &of, err, sizeof(err)), 0);
	cr_expect_eq(of, 1);
	cr_expect_eq(sources_tuples(&sources, 1, &to, 80, &t[1], err, sizeof(err)), 0);
	cr_expect_eq(t[1].naddrs, 254 + 2);
	cr_expect_eq(sources_budget(t, 2), (62u + 256) * (65536 - 1024));
	to = address("192.0.2.1");
	for (unsigned follows = 0; follows < 2; follows++) {
		cr_expect_eq(sources_port(&to, follows, &of, err, sizeof(err)), 0);
		cr_expect_eq(of, follows, "both ports have a gateway");
	}
	to = address("2001:db8::1");
	cr_expect_eq(sources_port(&to, 0, &of, err, sizeof(err)), -1);
	cr_expect(strstr(err, "--to: '2001:db8::1'"), "%s", err);
	to = address("fd00::9");
	cr_expect_eq(sources_port(&to, 1, &of, err, sizeof(err)), 0);
	cr_expect_eq(of, 0);
	cr_expect_eq(sources_tuples(&sources, 1, &to, 80, &t[0], err, sizeof(err)), -1);
	cr_expect(strstr(err, "neither --from nor --addr of --tap la1 has one"), "%s", err);
	cr_assert_eq(give("--tap la0 --addr fe80::2/64 --tap la1 --addr fe80::3/64"), 0, "%s", err);
	to = address("fe80::9");
	for (unsigned follows = 0; follows < 2; follows++) {
		cr_expect_eq(sources_port(&to, follows, &of, err, sizeof(err)), 0);
		cr_expect_eq(of, follows, "a link-local subnet of both ports");
	}
	cr_assert_eq(give("--tap la0 --addr 10.0.0.2/24 --tap la1 --addr 10.1.0.2/24 --gateway 10.1.0.1"), 0, "%s",
		     err);
	to = address("192.0.2.1");
	cr_expect_eq(sources_port(&to, 0, &of, err, sizeof(err)), 0);
	cr_expect_eq(of, 1, "one port has a gateway");
}

Test(netports, a_port_is_named_once)
{
	static const char *const twice[] = {
		"--tap la0 --tap la0",
		"--tap la0,10.0.0.1/24 --veth la0",
		"--xdp e0 --veth e0",
		"--memif /run/s --memif /run/s",
		"--memif /run/s --memif /run/s,client",
		"--memif /run/s,id=2 --memif /run/s,secret=x,id=2",
		"-a 05:00.0 -a 0000:05:00.0,x=1",
		"--vdev net_null0 --vdev net_null0,copy=1",
		"--tap la0 --port tap:la0",
		"-a 05:00.0 --port pci:05:00.0",
	};

	for (unsigned i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
		refused(twice[i], "allowed: a port that no earlier option names");
	cr_expect_eq(give("--memif /run/s --addr 10.0.0.2/24 --memif /run/s,id=1 --addr 10.1.0.2/24"), 0, "%s", err);
	cr_expect_eq(give("--null --addr 10.0.0.2/24 --null --addr 10.1.0.2/24"), 0, "%s", err);
}

Test(netports, bad_ports_and_networks_have_one_line)
{
	refused("--null --addr 10.0.0.2/24 --null --null --null --null --null --null --null --null", "at most 8 ports");
	refused("--addr 10.0.0.2/24", "no port was given");
	refused("--tap la0", "no address was given; allowed: --addr 10.0.0.2/24");
	refused("--tap la0 --addr 10.0.0.2/24 --tap la1", "no address was given for --tap la1;");
	refused("--tap la0 --tap la1 --addr 10.0.0.2/24", "no address was given for --tap la0;");
	refused("--tap la0 --addr 10.0.0.2/24 --tap la1 --addr 10.0.0.2/25",
		"--addr: '10.0.0.2' was given for --tap la0 and for --tap la1");
	refused("--tap la0 --addr 10.0.0.2/24 --tap la1 --addr 10.0.0.3/25",
		"'10.0.0.3/25' of --tap la1 overlaps '10.0.0.2/24' of --tap la0");
	refused("--tap la0 --addr 10.0.0.2/24 --range 10.2.0.0/16 --tap la1 --addr 10.2.3.4/24",
		"'10.2.3.4/24' of --tap la1 overlaps '10.2.0.0/16' of --tap la0");
	refused("--tap la0 --addr fd00::2/64 --tap la1 --addr 10.0.0.2/24 --null --addr fd00::3/48", "overlaps");
	refused("--tap la0 --addr 10.0.0.2/24 --tap la1 --addr 10.1.0.2/24 --from 10.0.0.0/8", "overlaps");
	refused("--tap la0 --addr 10.0.0.2/24 --gateway 10.0.0.1 --tap la1 --addr 10.1.0.2/24 --gateway 10.1.0.1 "
		"--gateway 10.1.0.3",
		"gateway: '10.1.0.3' was given; allowed: one gateway of each family and port");
	refused("--tap la0 --addr 10.0.0.2/24 --gateway 10.0.0.1 --tap la1 --addr 10.1.0.2/24 --gateway-mac "
		"02:00:00:00:00:01",
		"--gateway-mac: was given; allowed: with --gateway");
	refused("--tap la0 --addr 10.0.0.2/24 --mtu 1000 --tap la1 --addr fd00::2/64 --mtu 1000",
		"at least 1280 with IPv6");
	refused("--tap la0,10.1.0.2/24 --addr 10.0.0.2/24 --tap la1 --addr 10.1.0.2/24",
		"tap: '10.1.0.2/24' was given");
	refused("--workers 9 --null --addr 10.0.0.2/24 --null --addr 10.1.0.2/24",
		"--workers: '9' was given; allowed: at most 8 for each of 2 ports");
	refused("--tap la0 --addr 10.0.0.2/24 --offload=rx --rx-cksum=software",
		"without a receive checksum in --offload");
	cr_expect_eq(give("--tap la0 --addr 10.0.0.2/24 --offload=rx --tap la1 --addr 10.1.0.2/24 --rx-cksum=software"),
		     0, "of two ports: %s", err);
	refused("--port la0", "port: 'la0' was given; allowed: null, or KIND:ARG");
	refused("--port tap", "allowed: a name, not empty");
	refused("--port null:x", "allowed: no value");
	refused("--null=x", "allowed: no value");
	refused("--veth ,x=1", "a name, not empty");
	cr_expect_eq(give("--tap la0 --addr fe80::2/64 --tap la1 --addr fe80::3/64"), 0, "link-local: %s", err);
	refused("--tap la0 --addr fe80::2/64 --tap la1 --addr fe80::2/64", "was given for --tap la0");
}

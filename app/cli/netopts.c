/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "cli/netopts.h"
#include "core/log.h"
#include "run/units.h"

struct net_options net = {
	.drain_ms = 5000,
	.idle = LA_IDLE_SLEEP,
	.quiet_time = 2,
	.log = LA_LOG_INFO,
};

void
net_init(void)
{
	la_shard_config_init(&net.shard);
}

static const char *const tw_full_choices[] = {"refuse", "reset", NULL};
static const char *const idle_choices[] = {"poll", "pause", "sleep", NULL};
/* "on" first: the meaning of --quiet-time without a value */
static const char *const quiet_choices[] = {"on", "off", "auto", NULL};
const char *const net_log_levels[] = {
	[LA_LOG_ERROR] = "error", [LA_LOG_WARN] = "warning", [LA_LOG_INFO] = "info", [LA_LOG_DEBUG] = "debug", NULL};
static const enum la_quiet quiet_of[] = {LA_QUIET_ON, LA_QUIET_OFF, LA_QUIET_AUTO};

/* ---- ports ---- */

static int
add_port(enum la_port_kind kind, const char *arg, char *why, size_t size)
{
	if (net.eal.nports > 0 && !(kind == LA_PORT_EAL && net.eal.ports[net.eal.nports - 1].kind == kind)) {
		snprintf(why, size, "one port; another was given before");
		return -1;
	}
	net.eal.ports[0].kind = kind;
	net.eal.ports[0].arg = arg;
	net.eal.nports = 1;
	return 0;
}

static int
set_port(void *dst, const char *text, char *why, size_t size)
{
	if (text[0] == '\0') {
		snprintf(why, size, "a name, not empty");
		return -1;
	}
	return add_port(*(const enum la_port_kind *)dst, text, why, size);
}

static int
eal_arg(const char *text, char *why, size_t size)
{
	if (net.eal.nargs == LA_EAL_MAX_ARGS) {
		snprintf(why, size, "at most %d EAL arguments", LA_EAL_MAX_ARGS);
		return -1;
	}
	net.eal.args[net.eal.nargs++] = text;
	return 0;
}

static int
eal_pair(const char *name, const char *text, char *why, size_t size)
{
	return eal_arg(name, why, size) || eal_arg(text, why, size) ? -1 : 0;
}

/* NAME, or NAME,ADDR/LEN,... */
static int
set_tap(void *dst, const char *text, char *why, size_t size)
{
	size_t n = strcspn(text, ",");
	char rest[512];

	if (n == 0) {
		snprintf(why, size, "a name, not empty");
		return -1;
	}
	if (la_tap_split(text[n] == ',' ? text + n + 1 : "", &net.tap_addrs, rest, sizeof(rest), why, size))
		return -1;
	return set_port(dst, text, why, size);
}

static int
set_allow(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	return eal_pair("-a", text, why, size) || add_port(LA_PORT_EAL, NULL, why, size) ? -1 : 0;
}

static int
set_vdev(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	return eal_pair("--vdev", text, why, size) || add_port(LA_PORT_EAL, NULL, why, size) ? -1 : 0;
}

static int
set_eal_value(void *dst, const char *text, char *why, size_t size)
{
	return eal_pair(dst, text, why, size);
}

/* --eal "ARGS": split at white space; both kinds of quotes group a word. */
static int
set_eal_words(void *dst, const char *text, char *why, size_t size)
{
	char *copy = strdup(text), *in = copy, *out, quote;

	(void)dst;
	if (copy == NULL)
		return -1;
	for (;;) {
		in += strspn(in, " \t\n");
		if (*in == '\0')
			return 0; /* the words live as long as the process, as EAL wants them */
		const char *word = out = in;

		for (quote = 0; *in && (quote || !strchr(" \t\n", *in)); in++) {
			if (!quote && (*in == '"' || *in == '\''))
				quote = *in;
			else if (quote == *in)
				quote = 0;
			else
				*out++ = *in;
		}
		if (*in)
			in++;
		*out = '\0';
		/* -a, --allow and --vdev among the words give a port too */
		if ((strncmp(word, "-a", 2) == 0 || strncmp(word, "--allow", 7) == 0 ||
		     strncmp(word, "--vdev", 6) == 0) &&
		    add_port(LA_PORT_EAL, NULL, why, size))
			return -1;
		if (eal_arg(word, why, size))
			return -1;
	}
}

/* -l is EAL's; the number of its CPUs is the number of workers. */
static int
set_lcores(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	net.lcores = text;
	return eal_pair("-l", text, why, size);
}

/* Returns the number of CPUs in "0,2-3"; 0: the text has another form, which EAL reads. */
static unsigned
count_cpus(const char *text)
{
	unsigned n = 0;

	while (*text != '\0') {
		char *end;
		unsigned long lo = strtoul(text, &end, 10), hi = lo;

		if (end == text)
			return 0;
		if (*end == '-') {
			text = end + 1;
			hi = strtoul(text, &end, 10);
			if (end == text || hi < lo)
				return 0;
		}
		if (*end != '\0' && *end++ != ',')
			return 0;
		if (hi - lo >= LA_ENGINE_MAX_STATIONS)
			return LA_ENGINE_MAX_STATIONS;
		n += (unsigned)(hi - lo + 1);
		text = end;
	}
	return n < LA_ENGINE_MAX_STATIONS ? n : (unsigned)LA_ENGINE_MAX_STATIONS;
}

static int
set_no_huge(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	(void)text;
	return eal_arg("--no-huge", why, size);
}

static enum la_port_kind kind_tap = LA_PORT_TAP, kind_veth = LA_PORT_VETH, kind_xdp = LA_PORT_XDP,
			 kind_memif = LA_PORT_MEMIF;
static bool want_null, want_no_huge;

#define CALL(n, l, a, d, f, h)                                                                     \
	{                                                                                          \
		.name = n, .letter = l, .kind = OPT_CALL, .arg = a, .dst = d, .call = f, .help = h \
	}

/* clang-format off */
const struct opt net_port_opts[] = {
	{.kind = OPT_HEADING, .help = "Port (one)"},
	CALL("tap", 0, "NAME[,ADDR/LEN...]", &kind_tap, set_tap,
	     "a new TAP interface of that name in the kernel (needs root, or 'unshare -Urn'); with addresses the\n"
	     "kernel's end is set up and has them: la0,10.0.0.1/24,fd00::1/64"),
	CALL("veth", 0, "IFACE", &kind_veth, set_port,
	     "an existing kernel interface, through AF_PACKET: one end of a veth pair, say"),
	CALL("xdp", 0, "IFACE", &kind_xdp, set_port, "the same through AF_XDP"),
	CALL("memif", 0, "SOCKET", &kind_memif, set_port,
	     "shared memory with another process; SOCKET,client to be the client side"),
	{.name = "null", .kind = OPT_FLAG, .dst = &want_null, .help = "a port that leads nowhere"},
	CALL("allow", 'a', "DEVICE", NULL, set_allow, "EAL: a PCI device bound to a DPDK driver, 0000:05:00.0"),
	CALL("vdev", 0, "DEVICE", NULL, set_vdev, "EAL: any virtual device, net_af_packet0,iface=eth1"),
	{.kind = OPT_HEADING, .help = "DPDK"},
	{.name = "workers", .kind = OPT_NUMBER, .dst = &net.workers, .arg = "N", .min = 1,
	 .max = LA_ENGINE_MAX_STATIONS,
	 .help = "so many workers, each a core with a queue of the port and a shard of its own; the limits\n"
		 "below are for all of them together, each has an even part\n[as many as -l has CPUs, or 1]"},
	CALL("lcores", 'l', "LIST", NULL, set_lcores,
	     "EAL: CPUs to run on, 0,2-3 [as many as needed, on the port's NUMA node if possible]"),
	CALL("file-prefix", 0, "NAME", (char[]){"--file-prefix"}, set_eal_value,
	     "EAL: name of this process's hugepage files"),
	{.name = "no-huge", .kind = OPT_FLAG, .dst = &want_no_huge,
	 .help = "EAL: plain pages even where hugepages are [chosen by itself when there are none]"},
	CALL("eal", 0, "\"ARGS\"", NULL, set_eal_words, "any other EAL arguments, as one word"),
	{.name = "mbufs", .kind = OPT_NUMBER, .dst = &net.mbufs, .arg = "N", .min = 1024, .max = 1 << 24,
	 .help = "packet buffers per shard, about 2.4 kB each [what rings, queues and --max-conns need:\n"
		 "91k for 65536 connections, on most ports]"},
	{.name = "idle", .kind = OPT_CHOICE, .dst = &net.idle, .arg = "HOW", .choices = idle_choices,
	 .help = "when nothing arrives: poll (spin), pause (spin with PAUSE), sleep (up to 0.5 ms) [sleep]"},
	{.name = "pcap", .kind = OPT_TEXT, .dst = &net.pcap, .arg = "FILE",
	 .help = "capture every frame in both directions, pcapng"},
	OPT_END,
};
/* clang-format on */

/* ---- addresses ---- */

static struct prefix_list addr_list = {net.addrs, &net.naddrs}, range_list = {net.ranges, &net.nranges};

int
net_set_prefix(void *dst, const char *text, char *why, size_t size)
{
	struct prefix_list *l = dst;

	if (*l->n == NET_ADDRS) {
		snprintf(why, size, "at most %d of them", NET_ADDRS);
		return -1;
	}
	if (la_prefix_parse(text, &l->p[*l->n]) != 0) {
		snprintf(why, size, "an address with a prefix length, 10.0.0.2/24 or fd00::2/64");
		return -1;
	}
	++*l->n;
	return 0;
}

static int
set_gateway(void *dst, const char *text, char *why, size_t size)
{
	struct la_addr a, *to;

	(void)dst;
	if (la_addr_parse(text, &a) != 0 || la_addr_is_any(&a)) {
		snprintf(why, size, "an address, 10.0.0.1 or fd00::1");
		return -1;
	}
	to = la_addr_is4(&a) ? &net.gateway4 : &net.gateway6;
	if (!la_addr_is_any(to)) {
		snprintf(why, size, "one gateway of each family");
		return -1;
	}
	*to = a;
	return 0;
}

static int
set_gateway_mac(void *dst, const char *text, char *why, size_t size)
{
	struct rte_ether_addr mac;

	if (rte_ether_unformat_addr(text, &mac) == 0 && rte_is_valid_assigned_ether_addr(&mac)) {
		memcpy(dst, mac.addr_bytes, sizeof(mac.addr_bytes));
		return 0;
	}
	snprintf(why, size, "the MAC address of one station, 02:00:00:00:00:01");
	return -1;
}

/* clang-format off */
const struct opt net_addr_opts[] = {
	{.kind = OPT_HEADING, .help = "Addresses"},
	CALL("addr", 0, "ADDR/LEN", &addr_list, net_set_prefix,
	     "an address of ours and its on-link prefix, IPv4 or IPv6; may be repeated"),
	CALL("range", 0, "PREFIX", &range_list, net_set_prefix,
	     "every address of the prefix is ours too (peers route it here); may be repeated"),
	CALL("gateway", 0, "ADDR", NULL, set_gateway, "next hop for what is not on-link, one per family [none]"),
	CALL("gateway-mac", 0, "MAC", net.gateway_mac, set_gateway_mac,
	     "MAC address of the gateways, which are then not asked for it"),
	NET_FIELD("vlan", vlan, "ID"),
	/* not the range of the field: by default the port decides, and a packet buffer has room for 9600 bytes */
	{.name = "mtu", .kind = OPT_NUMBER, .dst = &net.mtu, .arg = "BYTES", .min = 576, .max = 9600,
	 .help = "largest IP packet, at least 1280 with IPv6 [the port's]"},
	{.name = "no-dad", .kind = OPT_FLAG, .dst = &net.no_dad,
	 .help = "use IPv6 addresses at once, without duplicate address detection"},
	OPT_END,
};
/* clang-format on */

/* ---- the stack, the run ---- */

/* clang-format off */
const struct opt net_table_opts[] = {
	{.kind = OPT_HEADING, .help = "Stack"},
	NET_FIELD("msl", msl_ms, "TIME"),
	NET_FIELD("max-conns", max_conns, "N"),
	NET_FIELD("time-wait", max_time_wait4, "N"),
	NET_FIELD("time-wait6", max_time_wait6, "N"),
	{.name = "tw-full", .kind = OPT_CHOICE, .dst = &net.tw_full, .arg = "HOW", .choices = tw_full_choices,
	 .help = "a SYN for which no entry is left: refuse (drop it, counted as tw_reserve_exhausted) or\n"
		 "reset (answer it with RST too). No entry ever ends early to make room [refuse]"},
	NET_FIELD("orphan-timeout", orphan_ms, "TIME"),
	NET_FIELD("max-orphans", max_orphans, "N"),
	NET_FIELD("tw-share", tw_share_percent, "PERCENT"),
	NET_FIELD("rto-min", rto_min_ms, "TIME"),
	OPT_END,
};
/* clang-format on */

/* clang-format off */
const struct opt net_restart_opts[] = {
	{.kind = OPT_HEADING, .help = "Restart"},
	{.name = "state", .kind = OPT_TEXT, .dst = &net.state, .arg = "FILE",
	 .help = "TIME_WAIT outlives this process: the table is written to FILE when it is stopped\n"
		 "(mode 0600: it holds the secret of ISNs and timestamps), and read from there and\n"
		 "removed when it starts. A file that is damaged, not ours, or of a run with other\n"
		 "addresses is refused, and named; it is never read in part. After a run with another\n"
		 "number of --workers its entries are redistributed"},
	{.name = "quiet-time", .kind = OPT_SWITCH, .dst = &net.quiet_time, .arg = "[=on|off|auto]",
	 .choices = quiet_choices,
	 .help = "quiet time after a start (RFC 9293 3.4.3): for one MSL no SYN is sent or answered;\n"
		 "they are counted as quiet_time. ARP, ND and ICMP work at once.\n"
		 "auto: when --state is given and FILE is missing (a crash, or the first start) or\n"
		 "refused; on: also without --state, but not after FILE was read; off: never, for a\n"
		 "first start, or when nothing ran here within the last MSL [auto]"},
	OPT_END,
};
/* clang-format on */

/* clang-format off */
const struct opt net_run_opts[] = {
	{.kind = OPT_HEADING, .help = "Run"},
	{.name = "duration", .kind = OPT_DURATION, .dst = &net.duration_ms, .arg = "TIME",
	 .help = "stop after this long, quiet time not counted\n[until SIGINT or SIGTERM, or until all is done]"},
	{.name = "drain", .kind = OPT_DURATION, .dst = &net.drain_ms, .arg = "TIME",
	 .help = "after a stop, wait this long for open connections to end, then abort them [5s]"},
	{.name = "json", .kind = OPT_TEXT, .dst = &net.json, .arg = "FILE",
	 .help = "write the summary as JSON too; - is standard output"},
	{.name = "ready-file", .kind = OPT_TEXT, .dst = &net.ready_file, .arg = "FILE",
	 .help = "FILE appears, with the process id in it, once the services listen and the gateways are resolved;\n"
		 "the end of the run removes it. With NOTIFY_SOCKET set (systemd, Type=notify), READY=1 and\n"
		 "STOPPING=1 are sent there too (sd_notify(3))"},
	{.name = "quiet", .kind = OPT_FLAG, .dst = &net.quiet, .help = "no start-up and live lines"},
	{.name = "verbose", .kind = OPT_FLAG, .dst = &net.verbose,
	 .help = "at the start also DPDK's memory, offloads, tables with their sizes and NUMA nodes, services"},
	NET_LOG_OPT,
	OPT_END,
};
/* clang-format on */

static bool
has_ipv6(void)
{
	for (unsigned i = 0; i < net.naddrs + net.nranges; i++) {
		const struct la_prefix *p = i < net.naddrs ? &net.addrs[i] : &net.ranges[i - net.naddrs];

		if (!la_addr_is4(&p->addr))
			return true;
	}
	return false;
}

uint64_t
net_share(uint64_t n, unsigned i)
{
	return n / net.workers + (i < n % net.workers);
}

/* Returns one worker's part of a table's size n, which is an option of 32 bits. */
static uint32_t
net_part(uint64_t n)
{
	return (uint32_t)((n + net.workers - 1) / net.workers);
}

/* Returns an address that both ends of the TAP have by mistake; NULL: there is none. */
static const struct la_prefix *
tap_conflict(void)
{
	for (unsigned i = 0; i < net.tap_addrs.n; i++)
		for (unsigned k = 0; k < net.naddrs + net.nranges; k++) {
			const struct la_prefix *p = k < net.naddrs ? &net.addrs[k] : &net.ranges[k - net.naddrs];
			const struct la_addr *a = &net.tap_addrs.p[i].addr;

			if (k < net.naddrs ? memcmp(a, &p->addr, sizeof(*a)) == 0 : la_prefix_contains(p, a))
				return &net.tap_addrs.p[i];
		}
	return NULL;
}

int
net_check(char *err, size_t size)
{
	char why[128], text[LA_ADDR_STRLEN];
	const struct la_prefix *twice;

	if (net.workers == 0 && net.lcores != NULL)
		net.workers = count_cpus(net.lcores);
	if (net.workers == 0)
		net.workers = 1;

	if (want_no_huge && set_no_huge(NULL, NULL, err, size))
		return -1;
	if (want_null && add_port(LA_PORT_NULL, NULL, why, sizeof(why))) {
		snprintf(err, size, "--null: was given; allowed: %s", why);
		return -1;
	}
	if (net.eal.nports == 0) {
		snprintf(err, size, "no port was given; allowed: --tap, --veth, --xdp, --memif, --null, -a or --vdev");
		return -1;
	}
	if (net.naddrs == 0) {
		snprintf(err, size, "no address was given; allowed: --addr 10.0.0.2/24, --addr fd00::2/64");
		return -1;
	}
	twice = tap_conflict();
	if (twice) {
		snprintf(err, size,
			 "--tap: '%s/%u' was given; allowed: an address of the kernel that no --addr or --range has",
			 la_addr_format(&twice->addr, text, sizeof(text)), twice->len);
		return -1;
	}
	if (memcmp(net.gateway_mac, (const uint8_t[6]){0}, 6) != 0 && la_addr_is_any(&net.gateway4) &&
	    la_addr_is_any(&net.gateway6)) {
		snprintf(err, size, "--gateway-mac: was given; allowed: with --gateway");
		return -1;
	}
	if (has_ipv6() && net.mtu != 0 && net.mtu < 1280) {
		snprintf(err, size, "--mtu: '%lu' was given; allowed: at least 1280 with IPv6 (RFC 8200 5)", net.mtu);
		return -1;
	}
	return 0;
}

void
net_apply(struct la_engine_config *cfg, struct la_station *st)
{
	struct la_shard_config *sc = &st->shard;

	la_log_set_level((enum la_log_level)net.log);
	cfg->eal = net.eal;
	cfg->idle = (enum la_idle)net.idle;
	cfg->duration_ms = net.duration_ms;
	cfg->drain_ms = net.drain_ms;
	cfg->mbufs = (uint32_t)net.mbufs;
	cfg->report_ms = net.quiet ? 0 : 1000;
	cfg->quiet = net.quiet;
	cfg->verbose = net.verbose;
	cfg->pcap = net.pcap;
	cfg->snapshot = net.state;
	cfg->ready_file = net.ready_file;
	cfg->notify = true;
	cfg->quiet_time = quiet_of[net.quiet_time];
	*sc = net.shard;
	sc->mtu = (uint16_t)net.mtu;
	sc->addrs = net.addrs;
	sc->naddrs = net.naddrs;
	sc->ranges = net.ranges;
	sc->nranges = net.nranges;
	sc->gateway4 = net.gateway4;
	sc->gateway6 = net.gateway6;
	memcpy(sc->gateway_mac, net.gateway_mac, sizeof(sc->gateway_mac));
	sc->no_dad = net.no_dad;
	sc->max_conns = net_part(sc->max_conns);
	sc->max_time_wait4 = net_part(sc->max_time_wait4);
	sc->max_time_wait6 = net_part(sc->max_time_wait6);
	sc->max_orphans = net_part(sc->max_orphans);
	sc->tw_full_reset = net.tw_full == 1;
}

void
net_help(const struct opt *const *tables)
{
	printf("       TIME carries its unit: 500ms, 30s, 2m. N may end in k, M, G or Ki, Mi, Gi. The\n"
	       "       default is in brackets.\n");
	opt_help(tables, stdout);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "cli/netopts.h"
#include "core/log.h"
#include "io/words.h"
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
static const char *const rx_cksum_choices[] = {"hardware", "software", NULL};
static const char *const idle_choices[] = {"poll", "pause", "sleep", NULL};
/* --quiet-time without a value means the first choice */
static const char *const quiet_choices[] = {"on", "off", "auto", NULL};
const char *const net_log_levels[] = {
	[LA_LOG_ERROR] = "error", [LA_LOG_WARN] = "warning", [LA_LOG_INFO] = "info", [LA_LOG_DEBUG] = "debug", NULL};
static const enum la_quiet quiet_of[] = {LA_QUIET_ON, LA_QUIET_OFF, LA_QUIET_AUTO};

/* ---- ports ---- */

static int
add_port(enum la_port_kind kind, const char *arg, char *why, size_t size)
{
	if (net.eal.nports > 0 && !(kind == LA_PORT_EAL && net.eal.ports[net.eal.nports - 1].kind == kind)) {
		snprintf(why, size, "one port; an earlier option names one");
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

/* --tap NAME, or NAME,ADDR/LEN,... */
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
set_memif(void *dst, const char *text, char *why, size_t size)
{
	struct la_memif_words words;

	if (la_memif_words(la_words_tail(text), &words, why, size))
		return -1;
	return set_port(dst, text, why, size);
}

static int
set_xdp(void *dst, const char *text, char *why, size_t size)
{
	struct la_xdp_words words;

	if (la_xdp_words(la_words_tail(text), &words, why, size))
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

/* --eal "ARGS": splits the text at white space. Single and double quotes keep a word together. */
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
			return 0; /* copy is not freed: EAL keeps pointers to the words */
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
		/* the EAL arguments -a, --allow and --vdev select a port too */
		if ((strncmp(word, "-a", 2) == 0 || strncmp(word, "--allow", 7) == 0 ||
		     strncmp(word, "--vdev", 6) == 0) &&
		    add_port(LA_PORT_EAL, NULL, why, size))
			return -1;
		if (eal_arg(word, why, size))
			return -1;
	}
}

/* -l LIST goes to EAL. Without --workers, net_check() makes one worker for each CPU of the list. */
static int
set_lcores(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	net.lcores = text;
	return eal_pair("-l", text, why, size);
}

/* Returns the number of CPUs in a list such as "0,2-3", at most LA_ENGINE_MAX_STATIONS; 0: only EAL can parse the
 * text. */
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
set_offload(void *dst, const char *text, char *why, size_t size)
{
	return la_offload_parse(text, dst, why, size);
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
	{.kind = OPT_HEADING, .help = "Port (exactly one)"},
	CALL("tap", 0, "NAME[,ADDR/LEN...]", &kind_tap, set_tap,
	     "creates the TAP interface NAME in the kernel (needs root, or 'unshare -Urn'). With ADDR/LEN the\n"
	     "kernel's end is up and has these addresses: la0,10.0.0.1/24,fd00::1/64"),
	CALL("veth", 0, "IFACE", &kind_veth, set_port,
	     "an existing kernel interface, through AF_PACKET, such as one end of a veth pair (needs root, or\n"
	     "'unshare -Urn')"),
	CALL("xdp", 0, "IFACE[,WORD...]", &kind_xdp, set_xdp,
	     "an existing kernel interface, through AF_XDP (needs root). WORD: copy: the kernel copies each frame.\n"
	     "zero-copy: it must not copy, or the start is refused [zero copy where the interface's driver has it].\n"
	     "busy-poll=N: a receive call polls the interface for up to N frames; 0: interrupts alone [64]"),
	CALL("memif", 0, "SOCKET[,WORD...]", &kind_memif, set_memif,
	     "shared memory with another process. WORD: client: as the client of the other process. A client\n"
	     "chooses the sizes of both: ring=N frames of each ring, a power of two [1024]; buffer=N bytes of each\n"
	     "frame [2048]"),
	{.name = "null", .kind = OPT_FLAG, .dst = &want_null,
	 .help = "a port without a peer: it drops sent frames, and receives frames of zeros"},
	CALL("allow", 'a', "DEVICE", NULL, set_allow, "EAL: a PCI device bound to a DPDK driver, such as 0000:05:00.0"),
	CALL("vdev", 0, "DEVICE", NULL, set_vdev, "EAL: a virtual device, such as net_af_packet0,iface=eth1"),
	{.kind = OPT_HEADING, .help = "DPDK"},
	{.name = "workers", .kind = OPT_NUMBER, .dst = &net.workers, .arg = "N", .min = 1,
	 .max = LA_ENGINE_MAX_STATIONS,
	 .help = "number of workers. Each has a core, a queue of the port and a shard. The limits below are totals,\n"
		 "split evenly among the workers [the number of CPUs of -l, or 1]"},
	CALL("lcores", 'l', "LIST", NULL, set_lcores,
	     "EAL: CPUs to run on, such as 0,2-3 [one for each worker, on the port's NUMA node if possible]"),
	CALL("file-prefix", 0, "NAME", (char[]){"--file-prefix"}, set_eal_value,
	     "EAL: prefix of the names of this process's hugepage files"),
	{.name = "no-huge", .kind = OPT_FLAG, .dst = &want_no_huge,
	 .help = "EAL: use plain pages though hugepages exist [plain pages only when there are no hugepages]"},
	CALL("eal", 0, "\"ARGS\"", NULL, set_eal_words, "further arguments for EAL, as one quoted word"),
	{.name = "mbufs", .kind = OPT_NUMBER, .dst = &net.mbufs, .arg = "N", .min = 1024, .max = 1 << 24,
	 .help = "packet buffers of each shard, about 2.4 kB each [the need of rings, queues and --max-conns:\n"
		 "91k for 65536 connections, on most ports]"},
	CALL("offload", 0, "WORDS", &net.offload, set_offload,
	     "what the port does in hardware: on (all that the driver reports and that is known to work), off (the\n"
	     "least), a list NAME,NAME (only these), or on,NAME,no-NAME (on with these changes). NAME: tx-ip, tx-tcp,\n"
	     "rx-ip, rx-tcp (checksums), multi-seg, rss, scatter, vlan-filter, vlan-strip, link-interrupt. A NAME\n"
	     "that the driver does not report is refused. rx: those of rx-ip and rx-tcp that it reports. --verbose\n"
	     "prints the choice with its reasons [on]"),
	{.name = "rx-cksum", .kind = OPT_CHOICE, .dst = &net.rx_cksum, .arg = "HOW", .choices = rx_cksum_choices,
	 .help = "software: verify every received checksum on the CPU, for a port that reports GOOD for bad ones.\n"
		 "hardware: only those that the port does not report as good [hardware]"},
	{.name = "idle", .kind = OPT_CHOICE, .dst = &net.idle, .arg = "HOW", .choices = idle_choices,
	 .help = "a worker without work: poll (spins), pause (spins with PAUSE), sleep (up to 0.5 ms) [sleep]"},
	{.name = "pcap", .kind = OPT_TEXT, .dst = &net.pcap, .arg = "FILE",
	 .help = "capture every frame of both directions in FILE, as pcapng"},
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
	snprintf(why, size, "a unicast MAC address, such as 02:00:00:00:00:01");
	return -1;
}

/* clang-format off */
const struct opt net_addr_opts[] = {
	{.kind = OPT_HEADING, .help = "Addresses"},
	CALL("addr", 0, "ADDR/LEN", &addr_list, net_set_prefix,
	     "an address of lastack with its on-link prefix, IPv4 or IPv6; may be repeated"),
	CALL("range", 0, "PREFIX", &range_list, net_set_prefix,
	     "lastack has all addresses of the prefix too; peers need a route to it; may be repeated"),
	CALL("gateway", 0, "ADDR", NULL, set_gateway,
	     "next hop to addresses that are not on-link; one for IPv4 and one for IPv6 [none]"),
	CALL("gateway-mac", 0, "MAC", net.gateway_mac, set_gateway_mac,
	     "MAC address of the gateways, used without ARP and neighbour discovery [none]"),
	NET_FIELD("vlan", vlan, "ID"),
	/* not NET_FIELD(): the default is the port's MTU, and a packet buffer holds at most 9600 bytes */
	{.name = "mtu", .kind = OPT_NUMBER, .dst = &net.mtu, .arg = "BYTES", .min = 576, .max = 9600,
	 .help = "largest IP packet, at least 1280 with IPv6 [the port's MTU]"},
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
	 .help = "what happens to a SYN when no TIME_WAIT entry is free. refuse: the SYN is dropped and counted\n"
		 "as tw_reserve_exhausted. reset: the SYN is also answered with RST. No entry ends early to make\n"
		 "room [refuse]"},
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
	 .help = "keeps TIME_WAIT over a restart. The stop of this process writes the table to FILE (mode 0600:\n"
		 "FILE has the secret of ISNs and timestamps). The start reads FILE and removes it. A FILE that is\n"
		 "damaged, of another program, or of a run with other addresses is refused as a whole, with a\n"
		 "message. After a run with another number of --workers the entries are redistributed"},
	{.name = "quiet-time", .kind = OPT_SWITCH, .dst = &net.quiet_time, .arg = "[=on|off|auto]",
	 .choices = quiet_choices,
	 .help = "quiet time after a start (RFC 9293 3.4.3): for one MSL no SYN is sent or answered; these\n"
		 "SYNs are counted as quiet_time. ARP, ND and ICMP work at once.\n"
		 "auto: quiet time if --state is given and FILE is missing (a crash, or the first start) or\n"
		 "refused. on: quiet time also without --state, but not after FILE was read. off: no quiet\n"
		 "time, for a first start, or when nothing ran here within the last MSL [auto]"},
	OPT_END,
};
/* clang-format on */

/* clang-format off */
const struct opt net_run_opts[] = {
	{.kind = OPT_HEADING, .help = "Run"},
	{.name = "duration", .kind = OPT_DURATION, .dst = &net.duration_ms, .arg = "TIME",
	 .help = "stop after this time, which begins after the quiet time\n"
		 "[at SIGINT or SIGTERM; client and load also after their last connection]"},
	{.name = "drain", .kind = OPT_DURATION, .dst = &net.drain_ms, .arg = "TIME",
	 .help = "after the stop, wait this long for open connections to end, then abort them [5s]"},
	{.name = "json", .kind = OPT_TEXT, .dst = &net.json, .arg = "FILE",
	 .help = "write the summary to FILE as JSON; -: to standard output, in place of the text"},
	{.name = "ready-file", .kind = OPT_TEXT, .dst = &net.ready_file, .arg = "FILE",
	 .help = "FILE, with the process id in it, is written once the services listen and the gateways are\n"
		 "resolved. The end of the run removes FILE. If NOTIFY_SOCKET is set (systemd, Type=notify),\n"
		 "READY=1 and STOPPING=1 are sent to that socket (sd_notify(3))"},
	{.name = "quiet", .kind = OPT_FLAG, .dst = &net.quiet, .help = "print no start-up lines and no live lines"},
	{.name = "verbose", .kind = OPT_FLAG, .dst = &net.verbose,
	 .help = "at the start, print also DPDK's memory, offloads, tables with sizes and NUMA nodes, services"},
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

/* Returns one worker's part of n table entries, rounded up. n comes from an option of 32 bits. */
static uint32_t
net_part(uint64_t n)
{
	return (uint32_t)((n + net.workers - 1) / net.workers);
}

/* Returns an address of the kernel's end of the TAP that an --addr or --range has too; NULL: there is none. */
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
	if (net.rx_cksum == 1 && la_offload_has_rx(&net.offload)) {
		snprintf(err, size,
			 "--rx-cksum: 'software' was given; allowed: without a receive checksum in --offload");
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
	cfg->offload = net.offload;
	cfg->offload.rx_cksum_off = net.rx_cksum == 1;
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
	printf("       TIME has a unit: 500ms, 30s, 2m. N may end in k, M, G or Ki, Mi, Gi. Brackets show the\n"
	       "       default.\n");
	opt_help(tables, stdout);
}

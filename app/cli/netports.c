/* SPDX-License-Identifier: BSD-3-Clause */

/* The options that name ports, describe their networks, and go to EAL. */

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "cli/netopts.h"
#include "io/pci.h"
#include "io/words.h"

static const char *const rx_cksum_choices[] = {"hardware", "software", NULL};
static const char *const idle_choices[] = {"poll", "pause", "sleep", NULL};

unsigned
net_port_index_now(void)
{
	return net.eal.nports > 0 ? net.eal.nports - 1 : 0;
}

struct net_port *
net_port_now(void)
{
	return &net.port[net_port_index_now()];
}

/* ---- ports ---- */

/* Writes a text that two options for the same port have in common: the interface, the memif socket with its id, or the
 * device. "": every such option is a port of its own. */
static void
port_identity(enum la_port_kind kind, const char *arg, char *buf, size_t size)
{
	int head = arg ? (int)strcspn(arg, ",") : 0;
	char pci[LA_PCI_ADDR];
	const char *id;

	buf[0] = '\0';
	switch (kind) {
	case LA_PORT_TAP:
	case LA_PORT_VETH:
	case LA_PORT_XDP:
		snprintf(buf, size, "interface %.*s", head, arg);
		break;
	case LA_PORT_MEMIF:
		id = strstr(arg, ",id=");
		snprintf(buf, size, "memif %lu %.*s", id ? strtoul(id + strlen(",id="), NULL, 10) : 0, head, arg);
		break;
	case LA_PORT_EAL:
		if (arg && la_pci_address(arg, pci))
			snprintf(buf, size, "device %s", pci);
		else if (arg)
			snprintf(buf, size, "device %.*s", head, arg);
		break;
	default:
		break;
	}
}

static bool
port_is_named(enum la_port_kind kind, const char *arg)
{
	char a[512], b[512];

	port_identity(kind, arg, a, sizeof(a));
	for (unsigned i = 0; i < net.eal.nports && a[0] != '\0'; i++) {
		port_identity(net.eal.ports[i].kind, net.eal.ports[i].arg, b, sizeof(b));
		if (strcmp(a, b) == 0)
			return true;
	}
	return false;
}

static int
add_port(const char *option, enum la_port_kind kind, const char *arg, char *why, size_t size)
{
	if (net.eal.nports == LA_EAL_MAX_PORTS) {
		snprintf(why, size, "at most %d ports", LA_EAL_MAX_PORTS);
		return -1;
	}
	if (port_is_named(kind, arg)) {
		snprintf(why, size, "a port that no earlier option names");
		return -1;
	}
	net.eal.ports[net.eal.nports].kind = kind;
	net.eal.ports[net.eal.nports++].arg = arg;
	snprintf(net_port_now()->name, sizeof(net_port_now()->name), "%s%s%.*s", option, arg ? " " : "",
		 arg ? (int)strcspn(arg, ",") : 0, arg ? arg : "");
	return 0;
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

/* A kind of port: the word before the colon of --port, and the option of its own. */
static struct port_word {
	const char *word, *option;
	enum la_port_kind kind;
} port_words[] = {
	{"tap", "--tap", LA_PORT_TAP},	     {"veth", "--veth", LA_PORT_VETH}, {"xdp", "--xdp", LA_PORT_XDP},
	{"memif", "--memif", LA_PORT_MEMIF}, {"null", "--null", LA_PORT_NULL}, {"pci", "-a", LA_PORT_EAL},
	{"vdev", "--vdev", LA_PORT_EAL},
};
enum { WORD_TAP, WORD_VETH, WORD_XDP, WORD_MEMIF, WORD_NULL, WORD_PCI, WORD_VDEV };

/* Checks the words after the name, and sets the addresses of the kernel's end of a TAP. Returns 0, or -1 with the allowed
 * words in why. */
static int
port_read_words(enum la_port_kind kind, const char *text, struct la_tap_addrs *addrs, char *why, size_t size)
{
	struct la_memif_words memif;
	struct la_xdp_words xdp;
	char rest[512];

	switch (kind) {
	case LA_PORT_TAP:
		return la_tap_split(la_words_tail(text), addrs, rest, sizeof(rest), why, size) ? -1 : 0;
	case LA_PORT_MEMIF:
		return la_memif_words(la_words_tail(text), &memif, why, size) ? -1 : 0;
	case LA_PORT_XDP:
		return la_xdp_words(la_words_tail(text), &xdp, why, size) ? -1 : 0;
	default:
		return 0;
	}
}

/* --tap NAME, or NAME,ADDR/LEN,...; --veth NAME; ... dst: the kind */
static int
set_port(void *dst, const char *text, char *why, size_t size)
{
	const struct port_word *w = dst;
	struct la_tap_addrs addrs = {.n = 0};

	if (w->kind == LA_PORT_NULL) {
		if (text[0] == '\0')
			return add_port(w->option, w->kind, NULL, why, size);
		snprintf(why, size, "no value");
		return -1;
	}
	if (strcspn(text, ",") == 0) {
		snprintf(why, size, "a name, not empty");
		return -1;
	}
	if (port_read_words(w->kind, text, &addrs, why, size))
		return -1;
	if (w->kind == LA_PORT_EAL && eal_pair(w->option, text, why, size))
		return -1;
	if (add_port(w->option, w->kind, text, why, size))
		return -1;
	net_port_now()->tap_addrs = addrs;
	return 0;
}

/* --port KIND:ARG, or --port null */
static int
set_port_word(void *dst, const char *text, char *why, size_t size)
{
	size_t n = strcspn(text, ":");

	(void)dst;
	for (unsigned i = 0; i < RTE_DIM(port_words); i++)
		if (strlen(port_words[i].word) == n && memcmp(text, port_words[i].word, n) == 0)
			return set_port(&port_words[i], text[n] == ':' ? text + n + 1 : "", why, size);
	snprintf(why, size, "null, or KIND:ARG with tap, veth, xdp, memif, pci or vdev as KIND");
	return -1;
}

static int
set_eal_value(void *dst, const char *text, char *why, size_t size)
{
	return eal_pair(dst, text, why, size);
}

/* -a, --allow and --vdev of --eal name one port: the next port of EAL that no other option names. */
static int
add_eal_port(char *why, size_t size)
{
	unsigned n = net.eal.nports;

	if (n > 0 && net.eal.ports[n - 1].kind == LA_PORT_EAL && net.eal.ports[n - 1].arg == NULL)
		return 0;
	return add_port("--eal", LA_PORT_EAL, NULL, why, size);
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
		    add_eal_port(why, size))
			return -1;
		if (eal_arg(word, why, size))
			return -1;
	}
}

/* -l LIST goes to EAL. Without --workers, net_check() sets the number of workers by the CPUs of the list. */
static int
set_lcores(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	net.lcores = text;
	return eal_pair("-l", text, why, size);
}

static int
set_offload(void *dst, const char *text, char *why, size_t size)
{
	return la_offload_parse(text, dst, why, size);
}

static void *
offload_of_port(void)
{
	return &net_port_now()->offload;
}

static void *
rx_cksum_of_port(void)
{
	return &net_port_now()->rx_cksum;
}

#define CALL(n, l, a, d, f, h)                                                                     \
	{                                                                                          \
		.name = n, .letter = l, .kind = OPT_CALL, .arg = a, .dst = d, .call = f, .help = h \
	}

/* clang-format off */
const struct opt net_port_opts[] = {
	{.kind = OPT_HEADING, .help = "Port (server and load: one or more; client: one)"},
	CALL("tap", 0, "NAME[,ADDR/LEN...]", &port_words[WORD_TAP], set_port,
	     "creates the TAP interface NAME in the kernel (needs root, or 'unshare -Urn'). With ADDR/LEN the\n"
	     "kernel's end is up and has these addresses: la0,10.0.0.1/24,fd00::1/64"),
	CALL("veth", 0, "IFACE", &port_words[WORD_VETH], set_port,
	     "an existing kernel interface, through AF_PACKET, such as one end of a veth pair (needs root, or\n"
	     "'unshare -Urn')"),
	CALL("xdp", 0, "IFACE[,WORD...]", &port_words[WORD_XDP], set_port,
	     "an existing kernel interface, through AF_XDP (needs root). WORD: copy: the kernel copies each frame.\n"
	     "zero-copy: it must not copy, or the start is refused [zero copy where the interface's driver has it].\n"
	     "busy-poll=N: a receive call polls the interface for up to N frames; 0: interrupts alone [64]"),
	CALL("memif", 0, "SOCKET[,WORD...]", &port_words[WORD_MEMIF], set_port,
	     "shared memory with another process. WORD: client: as the client of the other process. A client\n"
	     "chooses the sizes of both: ring=N frames of each ring, a power of two [1024]; buffer=N bytes of each\n"
	     "frame [2048]"),
	{.name = "null", .kind = OPT_CALL_SWITCH, .arg = "", .dst = &port_words[WORD_NULL], .call = set_port,
	 .help = "a port without a peer: it drops sent frames, and receives frames of zeros"},
	CALL("allow", 'a', "DEVICE", &port_words[WORD_PCI], set_port,
	     "EAL: a PCI device bound to a DPDK driver, such as 0000:05:00.0"),
	CALL("vdev", 0, "DEVICE", &port_words[WORD_VDEV], set_port,
	     "EAL: a virtual device, such as net_af_packet0,iface=eth1"),
	CALL("port", 0, "KIND:ARG", NULL, set_port_word,
	     "the general form of these options: tap:la0, veth:ve1, xdp:eth1, memif:/run/la.sock,client, null,\n"
	     "pci:0000:05:00.0, vdev:net_af_packet0,iface=eth1.\n"
	     "Each port has the options below 'Addresses', --offload and --rx-cksum that follow it. Those before\n"
	     "the first port belong to the first port. Two ports have no subnet in common"),
	{.kind = OPT_HEADING, .help = "DPDK"},
	{.name = "workers", .kind = OPT_NUMBER, .dst = &net.workers, .arg = "N", .min = 1,
	 .max = LA_ENGINE_MAX_STATIONS,
	 .help = "number of workers of each port. Each has a core, a queue of its port and a shard. The limits below\n"
		 "are totals, split evenly among all workers [the number of CPUs of -l by that of ports, or 1]"},
	CALL("lcores", 'l', "LIST", NULL, set_lcores,
	     "EAL: CPUs to run on, such as 0,2-3 [one for each worker, on the first port's NUMA node if possible]"),
	CALL("file-prefix", 0, "NAME", (char[]){"--file-prefix"}, set_eal_value,
	     "EAL: prefix of the names of this process's hugepage files"),
	{.name = "no-huge", .kind = OPT_FLAG, .dst = &net.no_huge,
	 .help = "EAL: use plain pages though hugepages exist [plain pages only when there are no hugepages]"},
	CALL("eal", 0, "\"ARGS\"", NULL, set_eal_words, "further arguments for EAL, as one quoted word"),
	{.name = "mbufs", .kind = OPT_NUMBER, .dst = &net.mbufs, .arg = "N", .min = 1024, .max = 1 << 24,
	 .help = "packet buffers of each shard, about 2.4 kB each [the need of rings, queues and --max-conns:\n"
		 "91k for 65536 connections, on most ports]"},
	{.name = "offload", .kind = OPT_CALL, .where = offload_of_port, .arg = "WORDS", .call = set_offload, .help =
	     "what the port does in hardware: on (all that the driver reports and that is known to work), off (the\n"
	     "least), a list NAME,NAME (only these), or on,NAME,no-NAME (on with these changes). NAME: tx-ip, tx-tcp,\n"
	     "rx-ip, rx-tcp (checksums), multi-seg, rss, scatter, vlan-filter, vlan-strip, link-interrupt. A NAME\n"
	     "that the driver does not report is refused. rx: those of rx-ip and rx-tcp that it reports. --verbose\n"
	     "prints the choice with its reasons [on]"},
	{.name = "rx-cksum", .kind = OPT_CHOICE, .where = rx_cksum_of_port, .arg = "HOW", .choices = rx_cksum_choices,
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

static int
net_add_prefix(struct la_prefix *list, unsigned *n, const char *text, char *why, size_t size)
{
	if (*n == NET_ADDRS) {
		snprintf(why, size, "at most %d of them", NET_ADDRS);
		return -1;
	}
	if (la_prefix_parse(text, &list[*n]) != 0) {
		snprintf(why, size, "an address with a prefix length, 10.0.0.2/24 or fd00::2/64");
		return -1;
	}
	++*n;
	return 0;
}

static int
set_addr(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	return net_add_prefix(net_port_now()->addrs, &net_port_now()->naddrs, text, why, size);
}

static int
set_range(void *dst, const char *text, char *why, size_t size)
{
	(void)dst;
	return net_add_prefix(net_port_now()->ranges, &net_port_now()->nranges, text, why, size);
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
	to = la_addr_is4(&a) ? &net_port_now()->gateway4 : &net_port_now()->gateway6;
	if (!la_addr_is_any(to)) {
		snprintf(why, size, "one gateway of each family and port");
		return -1;
	}
	*to = a;
	return 0;
}

static int
set_gateway_mac(void *dst, const char *text, char *why, size_t size)
{
	struct rte_ether_addr mac;

	(void)dst;
	if (rte_ether_unformat_addr(text, &mac) == 0 && rte_is_valid_assigned_ether_addr(&mac)) {
		memcpy(net_port_now()->gateway_mac, mac.addr_bytes, sizeof(mac.addr_bytes));
		return 0;
	}
	snprintf(why, size, "a unicast MAC address, such as 02:00:00:00:00:01");
	return -1;
}

static void *
shard_of_port(void)
{
	return &net_port_now()->shard;
}

static void *
mtu_of_port(void)
{
	return &net_port_now()->mtu;
}

static void *
no_dad_of_port(void)
{
	return &net_port_now()->no_dad;
}

/* clang-format off */
const struct opt net_addr_opts[] = {
	{.kind = OPT_HEADING, .help = "Addresses"},
	CALL("addr", 0, "ADDR/LEN", NULL, set_addr,
	     "an address of lastack with its on-link prefix, IPv4 or IPv6; may be repeated"),
	CALL("range", 0, "PREFIX", NULL, set_range,
	     "lastack has all addresses of the prefix too; peers need a route to it; may be repeated"),
	CALL("gateway", 0, "ADDR", NULL, set_gateway,
	     "next hop to addresses that are not on-link; one for IPv4 and one for IPv6 [none]"),
	CALL("gateway-mac", 0, "MAC", NULL, set_gateway_mac,
	     "MAC address of the gateways, used without ARP and neighbour discovery [none]"),
	{.name = "vlan", .kind = OPT_FIELD, .where = shard_of_port, .arg = "ID", .row = &la_config_rows[LA_CFG_vlan]},
	/* no OPT_FIELD: the default is the port's MTU, and a packet buffer holds at most 9600 bytes */
	{.name = "mtu", .kind = OPT_NUMBER, .where = mtu_of_port, .arg = "BYTES", .min = 576, .max = 9600,
	 .help = "largest IP packet, at least 1280 with IPv6 [the port's MTU]"},
	{.name = "no-dad", .kind = OPT_FLAG, .where = no_dad_of_port,
	 .help = "use IPv6 addresses at once, without duplicate address detection"},
	OPT_END,
};
/* clang-format on */

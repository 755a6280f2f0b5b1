/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

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
/* --quiet-time without a value means the first choice */
static const char *const quiet_choices[] = {"on", "off", "auto", NULL};
const char *const net_log_levels[] = {
	[LA_LOG_ERROR] = "error", [LA_LOG_WARN] = "warning", [LA_LOG_INFO] = "info", [LA_LOG_DEBUG] = "debug", NULL};
static const enum la_quiet quiet_of[] = {LA_QUIET_ON, LA_QUIET_OFF, LA_QUIET_AUTO};

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

unsigned
net_stations(void)
{
	return (unsigned)net.workers * net.eal.nports;
}

uint64_t
net_share(uint64_t n, unsigned i)
{
	return n / net_stations() + (i < n % net_stations());
}

/* Returns one station's part of n table entries, rounded up. n comes from an option of 32 bits. */
static uint32_t
net_part(uint64_t n)
{
	return (uint32_t)((n + net_stations() - 1) / net_stations());
}

void
net_apply(struct la_engine_config *cfg)
{
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
}

void
net_station(struct la_station *st, unsigned i)
{
	struct la_shard_config *sc = &st->shard;
	const struct net_port *p;

	st->port = i / (unsigned)net.workers;
	st->worker = i;
	p = &net.port[st->port];
	st->offload = p->offload;
	st->offload.rx_cksum_off = p->rx_cksum == 1;
	*sc = net.shard;
	sc->vlan = p->shard.vlan;
	sc->mtu = (uint16_t)p->mtu;
	sc->addrs = p->addrs;
	sc->naddrs = p->naddrs;
	sc->ranges = p->ranges;
	sc->nranges = p->nranges;
	sc->gateway4 = p->gateway4;
	sc->gateway6 = p->gateway6;
	memcpy(sc->gateway_mac, p->gateway_mac, sizeof(sc->gateway_mac));
	sc->no_dad = p->no_dad;
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

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_NETOPTS_H
#define LA_APP_CLI_NETOPTS_H

/* Options that every subcommand with a shard has: port, addresses, tables, the run itself. */

#include "cli/opts.h"
#include "io/tap.h"
#include "run/engine.h"

enum { NET_ADDRS = 64 };

struct net_options {
	struct la_eal_config eal;
	struct la_tap_addrs tap_addrs; /* of the kernel's end of --tap, to be checked; lib/io reads them from its argument */
	struct la_prefix addrs[NET_ADDRS], ranges[NET_ADDRS];
	unsigned naddrs, nranges;
	struct la_addr gateway4, gateway6;
	uint8_t gateway_mac[6];
	uint64_t mtu; /* 0: the port's */
	bool no_dad;
	struct la_shard_config shard; /* the options of config.def; table sizes of all workers together */
	uint64_t mbufs;
	uint32_t drain_ms, duration_ms;
	uint64_t workers; /* shards on the port, each on its own core; net_check() sets it when none were asked for */
	const char *lcores; /* -l */
	int tw_full; /* 0 refuse, 1 reset */
	int idle; /* enum la_idle */
	bool quiet, verbose;
	const char *json, *pcap, *state, *ready_file;
	int quiet_time; /* enum la_quiet, by way of quiet_choices */
};

/** What the tables below fill in; after net_init() defaults are set. */
extern struct net_options net;
void net_init(void);

/** A row of an option table: an option that sets a field of the shard's configuration. Range, unit, default and help
 * are those of include/lastack/config.def. */
#define NET_FIELD(option, field, placeholder) \
	{.name = (option), .kind = OPT_FIELD, .dst = &net.shard, .arg = (placeholder), \
	 .row = &la_config_rows[LA_CFG_##field]}

extern const struct opt net_port_opts[];  /* which port */
extern const struct opt net_addr_opts[];  /* which addresses */
extern const struct opt net_table_opts[]; /* sizes and times of the stack */
extern const struct opt net_restart_opts[]; /* state file, quiet time */
extern const struct opt net_run_opts[];	  /* duration, drain, output */

/** Checks what the options say together. 0, or -1 with a line in err. */
int net_check(char *err, size_t size);
/** What stands below OPTIONS in --help: how values are written, then the tables. */
void net_help(const struct opt *const *tables);

/** Fills the station's shard configuration, one worker's part of the tables, and the engine's common
 * part. */
void net_apply(struct la_engine_config *cfg, struct la_station *st);

/** Worker i's part of n: the first n mod workers have one more. */
uint64_t net_share(uint64_t n, unsigned i);

/** For OPT_CALL of other tables: dst is a struct la_prefix_list. */
struct prefix_list {
	struct la_prefix *p;
	unsigned *n;
};
int net_set_prefix(void *dst, const char *text, char *why, size_t size);

#endif

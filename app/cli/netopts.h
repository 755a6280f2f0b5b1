/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_NETOPTS_H
#define LA_APP_CLI_NETOPTS_H

/* Options of every subcommand with a shard: port, addresses, tables, the run. */

#include "cli/opts.h"
#include "io/tap.h"
#include "run/engine.h"

enum { NET_ADDRS = 64 };

struct net_options {
	struct la_eal_config eal;
	struct la_tap_addrs
		tap_addrs; /* of the kernel's end of --tap, for net_check(); lib/io parses the argument itself */
	struct la_prefix addrs[NET_ADDRS], ranges[NET_ADDRS];
	unsigned naddrs, nranges;
	struct la_addr gateway4, gateway6;
	uint8_t gateway_mac[6];
	uint64_t mtu; /* 0: the port's MTU */
	bool no_dad;
	struct la_shard_config shard; /* the options of config.def; table sizes of all workers together */
	uint64_t mbufs;
	uint32_t drain_ms, duration_ms;
	uint64_t workers;   /* shards on the port, each on its own core; net_check() sets the default */
	const char *lcores; /* -l */
	int tw_full;	    /* 0 refuse, 1 reset */
	int idle;	    /* enum la_idle */
	bool quiet, verbose;
	int log; /* enum la_log_level, index into net_log_levels */
	const char *json, *pcap, *state, *ready_file;
	int quiet_time; /* index into quiet_choices */
};

/** The values of the options in the tables below. net_init() sets the defaults of net.shard. */
extern struct net_options net;
void net_init(void);

/** A row of an option table: an option that sets a field of the shard's configuration. Range, unit, default and help
 * are those of include/lastack/config.def. */
#define NET_FIELD(option, field, placeholder)                                                 \
	{                                                                                     \
		.name = (option), .kind = OPT_FIELD, .dst = &net.shard, .arg = (placeholder), \
		.row = &la_config_rows[LA_CFG_##field]                                        \
	}

extern const struct opt net_port_opts[];    /* which port */
extern const struct opt net_addr_opts[];    /* which addresses */
extern const struct opt net_table_opts[];   /* sizes and times of the stack */
extern const struct opt net_restart_opts[]; /* snapshot file, quiet time */
extern const struct opt net_run_opts[];	    /* duration, drain, output */

/** The option --log, for tables without net_run_opts, and the names of its levels. */
extern const char *const net_log_levels[];
#define NET_LOG_OPT                                                                                                 \
	{                                                                                                           \
		.name = "log", .kind = OPT_CHOICE, .dst = &net.log, .arg = "LEVEL", .choices = net_log_levels,      \
		.help = "least severe level on standard error: error, warning, info, or debug, which adds DPDK's\n" \
			"lines. An error that ends the run is always printed [info]"                                \
	}

/** Checks the options against each other. Returns 0, or -1 with a line in err. */
int net_check(char *err, size_t size);
/** Prints the text below OPTIONS in --help: the form of values, then the tables. */
void net_help(const struct opt *const *tables);

/** Sets the log level, the fields of cfg that these options have, and st->shard, whose table sizes are one worker's
 * part. */
void net_apply(struct la_engine_config *cfg, struct la_station *st);

/** Returns worker i's part of n. The first (n mod workers) workers get one more than the others. */
uint64_t net_share(uint64_t n, unsigned i);

/** The dst of net_set_prefix(), an OPT_CALL that other tables use too. */
struct prefix_list {
	struct la_prefix *p;
	unsigned *n;
};
int net_set_prefix(void *dst, const char *text, char *why, size_t size);

#endif

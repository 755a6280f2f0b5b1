/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_NETOPTS_H
#define LA_APP_CLI_NETOPTS_H

/* Options of every subcommand with a shard: port, addresses, tables, the run. */

#include "cli/netports.h"
#include "run/engine.h"

struct net_options {
	struct la_eal_config eal;		/* the ports, with their number, and the arguments for EAL */
	struct net_port port[LA_EAL_MAX_PORTS]; /* in the order of eal.ports */
	struct la_shard_config shard;		/* the options of config.def; table sizes of all workers together */
	uint64_t mbufs;
	uint32_t drain_ms, duration_ms;
	uint64_t workers;   /* shards of each port, each on its own core; net_check() sets the default */
	const char *lcores; /* -l */
	bool no_huge;	    /* --no-huge */
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

/** Sets the log level and the fields of cfg that these options have, except the stations. */
void net_apply(struct la_engine_config *cfg);

/** Returns the number of stations: --workers for each port. Station i has port i / workers, and shard i mod workers of
 * that port. */
unsigned net_stations(void);

/** Sets port, worker, offloads and shard of station i. The table sizes of the shard are the station's part of the
 * totals. */
void net_station(struct la_station *st, unsigned i);

/** Returns station i's part of n. The first (n mod stations) stations get one more than the others. */
uint64_t net_share(uint64_t n, unsigned i);

#endif

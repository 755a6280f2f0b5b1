/* SPDX-License-Identifier: BSD-3-Clause */

/* The variants of a row, and the options of its shard and its peer. */

#include "seg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum variant bit;
} names[] = {
	{"ip4", V_IP4}, {"ip6", V_IP6}, {"plain", V_PLAIN}, {"options", V_OPTIONS}, {"half", V_HALF}, {"full", V_FULL},
	{"a", V_A},	{"b", V_B},	{"c", V_C},	    {"fresh", V_FRESH},	    {"past", V_PAST},
};

/* Each element is a dimension; its lowest bit is the default. */
static const unsigned dims[] = {V_IP4 | V_IP6, V_PLAIN | V_OPTIONS, V_HALF | V_FULL, V_A | V_B | V_C, V_FRESH | V_PAST};

enum { NDIMS = sizeof(dims) / sizeof(dims[0]), NNAMES = sizeof(names) / sizeof(names[0]) };

unsigned
variant_bit(const char *name)
{
	for (unsigned i = 0; i < NNAMES; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].bit;
	return 0;
}

unsigned
variant_replace(unsigned set, unsigned with)
{
	for (unsigned d = 0; d < NDIMS; d++)
		if (with & dims[d])
			set &= ~dims[d];
	return set | with;
}

static unsigned
lowest(unsigned bits)
{
	return bits & -bits;
}

/* Returns the bits of dimension d in the set, or the default if the set has none. */
static unsigned
allowed(unsigned set, unsigned d)
{
	return set & dims[d] ? set & dims[d] : lowest(dims[d]);
}

/* Goes through all combinations; the first dimension changes fastest. */
unsigned
variant_next(unsigned set, unsigned v)
{
	unsigned next = 0;

	if (v == 0) {
		for (unsigned d = 0; d < NDIMS; d++)
			next |= lowest(allowed(set, d));
		return next;
	}
	for (unsigned d = 0; d < NDIMS; d++) {
		unsigned bits = allowed(set, d), is = v & dims[d];
		unsigned higher = bits & ~(is | (is - 1));

		if (higher)
			return (v & ~dims[d]) | lowest(higher);
		v = (v & ~dims[d]) | lowest(bits);
	}
	return 0;
}

bool
variant_in(unsigned variant, unsigned guard)
{
	for (unsigned d = 0; d < NDIMS; d++)
		if ((guard & dims[d]) && !(guard & dims[d] & variant))
			return false;
	return true;
}

const char *
variant_name(unsigned set, unsigned v, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned d = 0; d < NDIMS; d++)
		for (unsigned i = 0; i < NNAMES && (set & dims[d]); i++)
			if (names[i].bit & dims[d] & v)
				n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", names[i].name);
	return buf;
}

/* --- options -------------------------------------------------------------------------------- */

enum opt_type { OPT_FLAG, OPT_U8_PLUS_1, OPT_U16, OPT_U32, OPT_U64 };

#define RIG(type, field) type, offsetof(struct seg_opts, rig.field)
#define PEER(type, field) type, offsetof(struct seg_opts, peer.field)
#define CONN(type, field) type, offsetof(struct seg_opts, peer.conn.field)

static const struct {
	const char *name;
	enum opt_type type;
	size_t at;
} opts[] = {
	{"msl", RIG(OPT_U32, msl_ms)},
	{"rto_min", RIG(OPT_U32, rto_min_ms)},
	{"mtu", RIG(OPT_U16, mtu)},
	{"now", RIG(OPT_U64, now)},
	{"vlan", RIG(OPT_FLAG, vlan)},
	{"max_conns", RIG(OPT_U32, max_conns)},
	{"max_time_wait", RIG(OPT_U32, max_time_wait4)},
	{"quiet_time", RIG(OPT_U32, quiet_ms)},
	{"full_reset", RIG(OPT_FLAG, tw_full_reset)},
	{"rcvbuf", CONN(OPT_U32, rcvbuf)},
	{"sndbuf", CONN(OPT_U32, sndbuf)},
	{"user_timeout", CONN(OPT_U32, user_timeout_ms)},
	{"fin_wait_2", CONN(OPT_U32, fin_wait_2_ms)},
	{"keepalive", CONN(OPT_U32, keepalive_ms)},
	{"clamp", CONN(OPT_U16, mss)},
	{"nodelay", CONN(OPT_FLAG, nodelay)},
	{"reuse_time_wait", CONN(OPT_FLAG, reuse_time_wait)},
	{"no_timestamps", CONN(OPT_FLAG, no_timestamps)},
	{"no_wscale", CONN(OPT_FLAG, no_wscale)},
	{"no_sack", CONN(OPT_FLAG, no_sack)},
	{"ip6", PEER(OPT_FLAG, ip6)},
	{"ts", PEER(OPT_FLAG, ts)},
	{"sack", PEER(OPT_FLAG, sack)},
	{"wscale", PEER(OPT_U8_PLUS_1, wscale)},
	{"mss", PEER(OPT_U16, mss)},
	{"nomss", PEER(OPT_FLAG, no_mss)},
	{"win", PEER(OPT_U16, win)},
	{"isn", PEER(OPT_U32, isn)},
	{"tsbase", PEER(OPT_U32, tsbase)},
	{"lport", PEER(OPT_U16, lport)},
	{"rport", PEER(OPT_U16, rport)},
};

static bool
store(void *at, enum opt_type type, unsigned long long v)
{
	switch (type) {
	case OPT_FLAG:
		*(bool *)at = true;
		return true;
	case OPT_U8_PLUS_1:
		*(uint8_t *)at = (uint8_t)(v + 1);
		return v < UINT8_MAX;
	case OPT_U16:
		*(uint16_t *)at = (uint16_t)v;
		return v <= UINT16_MAX;
	case OPT_U32:
		*(uint32_t *)at = (uint32_t)v;
		return v <= UINT32_MAX;
	case OPT_U64:
		*(uint64_t *)at = v;
		return true;
	}
	return false;
}

unsigned
opts_parse(struct seg_opts *o, char *const *tok, unsigned n, const char **why)
{
	for (unsigned i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		bool flag = opts[i].type == OPT_FLAG;
		unsigned long long v = 0;
		char *end = NULL;

		if (strcmp(opts[i].name, tok[0]) != 0)
			continue;
		if (!flag && n > 1)
			v = strtoull(tok[1], &end, 0);
		if (!flag && (n < 2 || end == tok[1] || *end)) {
			*why = "needs a number";
			return 0;
		}
		if (!store((char *)o + opts[i].at, opts[i].type, v)) {
			*why = "is out of range";
			return 0;
		}
		return flag ? 1 : 2;
	}
	*why = "is no option";
	return 0;
}

/* The low 32 bits of the clock wrap in IPv6, the peer's sequence numbers in plain IPv4. */
struct seg_opts
opts_of(const struct seg_opts *o, unsigned variant)
{
	struct seg_opts v = *o;

	if (variant & V_IP6) {
		v.peer.ip6 = true;
		if (v.rig.now == 0)
			v.rig.now = UINT32_MAX - 1500ull;
	}
	if (variant & V_OPTIONS) {
		v.peer.ts = v.peer.sack = true;
		v.peer.wscale = 3;
	}
	if ((variant & V_IP4) && (variant & V_PLAIN) && v.peer.isn == 0)
		v.peer.isn = 0xfffffff0;
	v.rig.max_time_wait6 = v.rig.max_time_wait4;
	return v;
}

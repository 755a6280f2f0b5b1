/* SPDX-License-Identifier: BSD-3-Clause */

/* Tuples for a client.
 *
 * The end that closes first holds the four-tuple in TIME_WAIT for 2*MSL, so a run of R closes a
 * second needs R * 2*MSL tuples. The remote end is fixed; our address and port vary:
 *
 *     budget = addresses * ports
 *
 * Order. Numbers 0 .. budget-1 name the tuples, address first (number mod addresses), so that ports
 * change slowest. The numbers are visited as x, x+step, x+2*step ... modulo budget with a step near
 * budget/phi that is coprime to budget: every tuple once a cycle. Consecutive tuples have distant
 * numbers, so that flows are scattered in tables and RSS, and no memory is needed for each tuple.
 *
 * Shards. With several shards on a port each one has all prefixes and ports, and gives only the tuples
 * that hash to it (lib/io/steer.c): other tuples are skipped like used ones.
 *
 * Rest. When the peer closes first, our own stack has no entry for the tuple and would allow the tuple at
 * once, in the peer's TIME_WAIT. So the cycle (in order of use) is divided into up to
 * 256 segments. Each segment records the end time of its last connection and its number of live connections. In the
 * next cycle a segment is used again when it has no live connection and 2*MSL have passed since that end time. Tuples
 * that ended earlier rest longer than needed. With hold_ms 0 there is no rest: then the peer's rules for reopening
 * (RFC 9293 3.6.1, RFC 6191) are tested. */

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "run/tuples.h"

/* The peer may enter TIME_WAIT a tick after our end of the connection, and expire up to one tick late. */
enum {
	HOLD_SLACK_MS = 10,
	PASSED_OVER = 65536, /* most tuples of other shards that one call skips */
	COUNTED = 1 << 22,   /* largest budget that is counted tuple by tuple */
};

static uint64_t
tuples_gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Usable host numbers of a prefix: not the network's and the broadcast address of IPv4 (RFC 1122
 * 3.2.1.3; a /31 has neither, RFC 3021), not IPv6's subnet-router anycast address (RFC 4291 2.6.1). */
static void
pool_set(struct la_tuples *t, const struct la_prefix *p)
{
	bool is4 = la_addr_is4(&p->addr);
	unsigned host_bits = (is4 ? 32u : 128u) - p->len;
	uint64_t size, first = 0, count;
	unsigned i = t->npools++;

	if (host_bits > 32)
		host_bits = 32; /* more addresses than any run can use */
	size = 1ull << host_bits;
	count = size;
	if (host_bits >= 2) {
		first = 1;
		count = size - 1 - (is4 ? 1 : 0);
	}
	if (host_bits == 0)
		size = 1;
	t->pool[i].base = p->addr;
	/* clear the host bits of the prefix; only the last 32 are set */
	for (unsigned bit = (is4 ? 96u : 0u) + p->len; bit < 128; bit++)
		t->pool[i].base.b[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	t->pool[i].first = first;
	t->pool[i].count = count;
	t->naddrs += count;
}

static struct la_tuple_number
number_of(const struct la_tuples *t, uint64_t n)
{
	return (struct la_tuple_number){n % t->naddrs, (uint32_t)(n / t->naddrs)};
}

int
la_tuples_init(struct la_tuples *t, const struct la_prefix *from, unsigned nfrom, uint16_t port_lo, uint16_t port_hi,
	       const struct la_addr *raddr, uint16_t rport, uint64_t hold_ms)
{
	memset(t, 0, sizeof(*t));
	if (port_lo == 0 || port_hi < port_lo)
		return -EINVAL;
	for (unsigned i = 0; i < nfrom; i++) {
		if (la_addr_is4(&from[i].addr) != la_addr_is4(raddr))
			continue;
		if (t->npools == LA_TUPLES_PREFIXES)
			return -E2BIG;
		pool_set(t, &from[i]);
	}
	if (t->npools == 0)
		return -EAFNOSUPPORT;
	t->proto.raddr = *raddr;
	t->proto.rport = rport;
	t->port_lo = port_lo;
	t->port_hi = port_hi;
	t->budget = t->naddrs * (uint64_t)(port_hi - port_lo + 1);
	t->step = (uint64_t)((double)t->budget * 0.6180339887498949);
	if (t->step == 0)
		t->step = 1;
	while (tuples_gcd(t->step, t->budget) != 1)
		t->step++;
	t->hold_ms = hold_ms == 0 ? 0 : hold_ms + HOLD_SLACK_MS;
	t->seg_len = (t->budget + LA_TUPLES_SEGMENTS - 1) / LA_TUPLES_SEGMENTS;
	t->nsegs = (unsigned)((t->budget + t->seg_len - 1) / t->seg_len);
	t->stride = number_of(t, t->step);
	return 0;
}

static void
tuple_of(const struct la_tuples *t, const struct la_tuple_number *number, struct la_tuple *out)
{
	uint64_t a = number->addr;
	unsigned i = 0;
	uint64_t host;

	*out = t->proto;
	while (a >= t->pool[i].count)
		a -= t->pool[i++].count;
	host = t->pool[i].first + a;
	out->laddr = t->pool[i].base;
	/* the host number has at most 32 bits: it goes into the last four bytes, whose host bits are 0 in base */
	out->laddr.w[3] |= htobe32((uint32_t)host);
	out->lport = (uint16_t)(t->port_lo + number->port);
}

static bool
segment_rests(const struct la_tuples *t, unsigned s, uint64_t now)
{
	if (t->hold_ms == 0)
		return false;
	return t->seg[s].live > 0 || (t->seg[s].used && now < t->seg[s].ended + t->hold_ms);
}

void
la_tuples_home(struct la_tuples *t, const struct la_steer *steer, unsigned shard)
{
	t->steer = steer;
	t->shard = shard;
}

uint64_t
la_tuples_at_home(const struct la_tuples *t, const struct la_steer *steer, unsigned shard)
{
	uint64_t n = 0;

	if (t->budget > COUNTED)
		return t->budget / steer->shards;
	for (uint64_t i = 0; i < t->budget; i++) {
		struct la_tuple_number number = number_of(t, i);
		struct la_tuple one;

		tuple_of(t, &number, &one);
		n += la_steer_tuple(steer, &one) == shard;
	}
	return n;
}

/* Adds the stride to the next number, modulo the budget: naddrs times the number of ports. */
static inline void
tuples_step(struct la_tuples *t)
{
	uint32_t ports = (uint32_t)(t->port_hi - t->port_lo + 1);

	t->next.addr += t->stride.addr;
	t->next.port += t->stride.port;
	if (t->next.addr >= t->naddrs) {
		t->next.addr -= t->naddrs;
		t->next.port++;
	}
	if (t->next.port >= ports)
		t->next.port -= ports;
	if (--t->seg_left == 0 && ++t->seg_now == t->nsegs) {
		t->seg_now = 0;
		t->cycle++;
	}
}

/* Begins the present segment, unless it rests. The last segment may be shorter. */
static __attribute__((noinline)) bool
segment_begin(struct la_tuples *t, uint64_t now)
{
	uint64_t left = t->budget - t->seg_now * t->seg_len;

	if (segment_rests(t, t->seg_now, now))
		return false;
	t->seg_left = left < t->seg_len ? left : t->seg_len;
	return true;
}

int
la_tuples_next(struct la_tuples *t, uint64_t now, struct la_tuple *out, unsigned *ticket)
{
	for (unsigned i = 0; i < PASSED_OVER; i++) {
		unsigned s = t->seg_now;

		if (t->seg_left == 0 && !segment_begin(t, now))
			return -EAGAIN;
		tuple_of(t, &t->next, out);
		tuples_step(t);
		if (t->steer != NULL && la_steer_tuple(t->steer, out) != t->shard)
			continue;
		t->seg[s].live++;
		*ticket = s;
		return 0;
	}
	return -EAGAIN;
}

void
la_tuples_done(struct la_tuples *t, unsigned ticket, uint64_t now)
{
	t->seg[ticket].live--;
	t->seg[ticket].used = true;
	if (now > t->seg[ticket].ended)
		t->seg[ticket].ended = now;
}

void
la_tuples_unused(struct la_tuples *t, unsigned ticket)
{
	t->seg[ticket].live--;
}

uint64_t
la_tuples_need(uint64_t connections, uint32_t rate, uint64_t duration_ms, uint32_t msl_ms)
{
	uint64_t window = 2ull * msl_ms, need = UINT64_MAX;

	if (connections != 0)
		need = connections;
	if (rate != 0) {
		uint64_t span = duration_ms != 0 && duration_ms < window ? duration_ms : window;
		uint64_t n = ((uint64_t)rate * span + 999) / 1000;

		if (n < need)
			need = n;
	}
	return need;
}

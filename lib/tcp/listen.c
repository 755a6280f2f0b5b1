/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners, found by port in one array look-up, and the profiles (option sets) of listeners and active opens. */

#include <emmintrin.h>
#include <errno.h>

#include "tcp/internal.h"

static inline bool
profile_same_opts(const struct la_conn_opts *a, const struct la_conn_opts *b)
{
	const __m128i *x = (const void *)a, *y = (const void *)b;
	uint32_t u, v;
	__m128i same;

	_Static_assert(sizeof(*a) == 2 * sizeof(*x) + sizeof(u), "all bytes are compared, padding included");
	same = _mm_cmpeq_epi8(_mm_loadu_si128(x), _mm_loadu_si128(y));
	same = _mm_and_si128(same, _mm_cmpeq_epi8(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1)));
	memcpy(&u, x + 2, sizeof(u));
	memcpy(&v, y + 2, sizeof(v));
	return _mm_movemask_epi8(same) == 0xffff && u == v;
}

/* Finds the profile of options that were given before. A client gives the same options with each open. Returns its
 * index, or -1. */
static inline int
profile_find_given(const struct la_tcp *t, const struct la_conn_opts *given)
{
	for (unsigned i = 0; i < t->nprofiles; i++)
		if (t->profiles[i].has_given && profile_same_opts(&t->profiles[i].given, given))
			return (int)i;
	return -1;
}

/* Finds or creates the profile with these options. Returns its index, or -EINVAL, -ENOMEM, -ENOSPC. */
static __attribute__((noinline)) int
profile_make(struct la_tcp *t, const struct la_conn_opts *given)
{
	struct la_profile p;

	memset(&p, 0, sizeof(p));
	if (given) {
		p.o.nodelay = given->nodelay;
		p.o.no_timestamps = given->no_timestamps;
		p.o.no_wscale = given->no_wscale;
		p.o.no_sack = given->no_sack;
		p.o.mss = given->mss;
		p.o.keepalive_ms = given->keepalive_ms;
		p.o.user_timeout_ms = given->user_timeout_ms;
	}
	p.o.msl_ms = or_default(given ? given->msl_ms : 0, t->msl);
	p.o.rcvbuf = or_default(given ? given->rcvbuf : 0, LA_BUF_DEFAULT);
	p.o.sndbuf = or_default(given ? given->sndbuf : 0, LA_BUF_DEFAULT);
	p.o.fin_wait_2_ms = or_default(given ? given->fin_wait_2_ms : 0, LA_FIN_WAIT_2_MS);
	p.o.orphan_ms = or_default(given ? given->orphan_ms : 0, t->orphan_ms);
	if (p.o.rcvbuf > LA_BUF_MAX || p.o.sndbuf > LA_BUF_MAX || (p.o.mss && p.o.mss < LA_MSS_MIN) ||
	    p.o.msl_ms >= LA_TIMER_MAX_MS / 2 || p.o.keepalive_ms > LA_TIMER_MAX_MS ||
	    p.o.fin_wait_2_ms > LA_TIMER_MAX_MS || p.o.orphan_ms > LA_TIMER_MAX_MS ||
	    p.o.user_timeout_ms > LA_TIMER_MAX_MS)
		return -EINVAL;
	if (!p.o.no_wscale)
		while (p.rcv_wscale < 14 && (p.o.rcvbuf >> p.rcv_wscale) > UINT16_MAX)
			p.rcv_wscale++;
	for (unsigned i = 0; i < t->nprofiles; i++)
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): p begins as zeros, padding included */
		if (memcmp(&t->profiles[i].o, &p.o, sizeof(p.o)) == 0)
			return (int)i;
	if (t->nprofiles == LA_TCP_PROFILES)
		return -ENOMEM;
	p.tw_class = la_tw_class(&t->tw, la_tw_lifetime(p.o.msl_ms));
	if (p.tw_class < 0)
		return p.tw_class;
	t->profiles[t->nprofiles] = p;
	return (int)t->nprofiles++;
}

/* The result depends on the options alone, so a profile keeps the last options that gave it. */
int
la_profile_get(struct la_tcp *t, const struct la_conn_opts *given)
{
	int i = given ? profile_find_given(t, given) : -1;

	if (i >= 0)
		return i;
	i = profile_make(t, given);
	if (i >= 0 && given) {
		t->profiles[i].given = *given;
		t->profiles[i].has_given = true;
	}
	return i;
}

/* Returns the listener for a segment to addr and port; NULL: none. A listener bound to this address takes precedence
 * over a listener bound to any address. */
struct la_listener *
la_listener_find(struct la_tcp *t, const struct la_addr *addr, uint16_t port)
{
	struct la_listener *any = NULL;

	for (unsigned i = t->listen_port[port]; i; i = t->listeners[i - 1].next) {
		struct la_listener *l = &t->listeners[i - 1];

		if (la_addr_eq(&l->addr, addr))
			return l;
		if (la_addr_is_any(&l->addr))
			any = l;
	}
	return any;
}

static struct la_listener *
listener_find_exact(struct la_tcp *t, const struct la_addr *addr, uint16_t port)
{
	struct la_listener *l = la_listener_find(t, addr, port);

	return l && la_addr_eq(&l->addr, addr) ? l : NULL;
}

int
la_tcp_listen(struct la_tcp *t, const struct la_addr *addr, uint16_t port, const struct la_conn_ops *ops, void *user,
	      const struct la_conn_opts *opts)
{
	static const struct la_addr any;
	struct la_listener *l = NULL;
	int profile;

	if (!addr)
		addr = &any;
	if (port == 0 || !ops)
		return -EINVAL;
	if (listener_find_exact(t, addr, port))
		return -EADDRINUSE;
	for (unsigned i = 0; i < LA_TCP_LISTENERS && !l; i++)
		if (!t->listeners[i].used)
			l = &t->listeners[i];
	if (!l)
		return -ENOMEM;
	profile = la_profile_get(t, opts);
	if (profile < 0)
		return profile;
	*l = (struct la_listener){
		.addr = *addr,
		.port = port,
		.profile = (uint16_t)profile,
		.next = t->listen_port[port],
		.used = true,
		.ops = ops,
		.user = user,
	};
	t->listen_port[port] = (uint16_t)(l - t->listeners + 1);
	return 0;
}

/* Resets the half-open connections of a removed listener: their `opened` would get the listener's user pointer (RFC
 * 9293 3.10.4 leaves this case open). Half-open connections of other listeners on the port stay. A connection past its
 * handshake also stays: `opened` was called within the segment that ended the handshake. A cookie belongs to no
 * listener: its ACK opens a connection of the listener that covers the port when the ACK arrives. */
static void
reset_half_open(struct la_tcp *t, uint32_t listener)
{
	for (uint32_t i = 1; i < t->tcb_fresh; i++) {
		struct la_tcb *c = &t->tcbs[i];

		if (c->state != LA_SYN_RCVD || (c->flags & LA_F_ACTIVE) || c->listener != listener)
			continue;
		la_end_send_rst(c);
		la_end_conn(c, LA_END_ABORTED);
	}
}

int
la_tcp_unlisten(struct la_tcp *t, const struct la_addr *addr, uint16_t port)
{
	static const struct la_addr any;
	struct la_listener *l;
	uint16_t *link = &t->listen_port[port];

	l = listener_find_exact(t, addr ? addr : &any, port);
	if (!l)
		return -ENOENT;
	while (*link != (uint16_t)(l - t->listeners + 1))
		link = &t->listeners[*link - 1].next;
	*link = l->next;
	l->used = false;
	reset_half_open(t, (uint32_t)(l - t->listeners));
	return 0;
}

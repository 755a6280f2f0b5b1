/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames with any source address. A source in the server's prefixes has the attacker's MAC, any other source has the
 * router's MAC. */

#include "abuse.h"

#include <string.h>

struct la_addr
spoof_source(uint32_t i, bool ip6, bool on_link)
{
	struct la_addr a = abuse_addr(RAW, ip6);

	if (!ip6) {
		/* on the link: 10.1.16.0 to 10.1.215.255; behind the gateway: 198.18.0.0/15 */
		uint8_t on[4] = {10, 1, (uint8_t)(16 + (i >> 8) % 200), (uint8_t)i};
		uint8_t off[4] = {198, (uint8_t)(18 + (i >> 16 & 1)), (uint8_t)(i >> 8), (uint8_t)i};

		memcpy(a.b + 12, on_link ? on : off, 4);
		return a;
	}
	a.b[1] = on_link ? 0 : 7;
	a.b[11] = 1;
	for (unsigned k = 0; k < 4; k++)
		a.b[12 + k] = (uint8_t)(i >> (24 - 8 * k));
	return a;
}

/* Returns whether the address is outside the server's prefixes. */
static bool
beyond(const struct la_addr *a)
{
	return la_addr_is4(a) ? a->b[12] != 10 || a->b[13] != 1 : a->b[1] != 0;
}

static void
send(struct abuse *w, const struct la_addr *src, uint8_t *p, size_t len)
{
	enum host from = beyond(src) ? ROUTER : RAW;

	memcpy(p, abuse_mac(SERVER), 6);
	memcpy(p + 6, abuse_mac(from), 6);
	abuse_wire(w, from, p, len);
}

void
spoof_tcp(struct abuse *w, struct frame *f)
{
	uint8_t buf[FRAME_MAX];

	if (la_addr_is_any(&f->dst))
		f->dst = abuse_addr(SERVER, !la_addr_is4(&f->src));
	send(w, &f->src, buf, frame_write(buf, f));
}

void
spoof_icmp(struct abuse *w, struct frame_icmp *f)
{
	uint8_t buf[FRAME_MAX];

	if (la_addr_is_any(&f->to))
		f->to = abuse_addr(SERVER, !la_addr_is4(&f->from));
	send(w, &f->from, buf, frame_icmp_write(buf, f));
}

void
spoof_stamps(struct frame *f, uint32_t tsval, uint32_t tsecr)
{
	uint8_t o[12] = {1, 1, 8, 10};

	for (unsigned i = 0; i < 4; i++) {
		o[4 + i] = (uint8_t)(tsval >> (24 - 8 * i));
		o[8 + i] = (uint8_t)(tsecr >> (24 - 8 * i));
	}
	memcpy(f->opts, o, sizeof(o));
	f->optlen = sizeof(o);
}

bool
victim_frame(struct abuse *w, uint32_t i, struct frame *f, struct la_conn_info *info)
{
	struct la_tuple t;

	if (!honest_victim(w, i, &t) || la_shard_find(abuse_server(w), &t, info) != 0)
		return false;
	*f = (struct frame){.src = t.raddr,
			    .dst = t.laddr,
			    .sport = t.rport,
			    .dport = t.lport,
			    .seq = info->rcv_nxt,
			    .ack = info->snd_una,
			    .win = 65535};
	return true;
}

int
request(char text[128], uint32_t n, bool last)
{
	return snprintf(text, 128, "GET /bytes/%u HTTP/1.1\r\nHost: a\r\n%s\r\n", n,
			last ? "Connection: close\r\n" : "");
}

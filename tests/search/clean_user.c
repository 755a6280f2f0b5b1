/* SPDX-License-Identifier: BSD-3-Clause */

/* The users of clean worlds. Each result of a call, and what la_conn_info() tells in callbacks, is a note in the
 * record: both paths must give the same. */

#include "../support/fast_path_record.h"
#include "clean.h"

enum { LISTENED = 3 };

static const uint16_t ports[] = {80, 81, 82, 99}; /* no listener on the last one */

static void
note_info(const char *what, const struct la_conn *c)
{
	struct la_conn_info i;
	uint64_t h;

	la_conn_info(c, &i);
	h = la_rng_mix((uint64_t)i.state << 32 ^ i.snd_una) + la_rng_mix((uint64_t)i.snd_nxt << 32 | i.rcv_nxt);
	h += la_rng_mix((uint64_t)i.snd_wnd << 32 | i.rcv_wnd) + la_rng_mix((uint64_t)i.cwnd << 32 | i.ssthresh);
	h += la_rng_mix((uint64_t)i.srtt_ms << 32 | i.rto_ms) + la_rng_mix((uint64_t)i.snd_queued << 32 | i.rcv_queued);
	h += la_rng_mix((uint64_t)i.retransmits << 32 | i.mss) + i.timestamps + 2u * i.wscale + 4u * i.sack_permitted;
	fast_path_note(what, h);
	fast_path_note("time_wait_left", i.time_wait_left_ms);
}

/* ------------------------------------------------------------------ styles */

/* Sends the rest of what the user wants to send, as far as the queue has room. Closes after it, if it is time. */
static void
user_go_on(struct cw_user *u)
{
	bool answered = u->style == CW_SERVER_FIRST && u->shard == CW_SERVER && u->got >= u->want;

	if (u->c && u->sent < u->want)
		cw_send(u, u->want - u->sent, u->want & 1);
	if (!u->c || u->sent < u->want)
		return;
	if (u->fin || answered)
		cw_close(u);
	else if (u->style == CW_BULK && u->shard == CW_CLIENT && !u->shut)
		cw_shutdown(u);
}

/* Sends a request of a chat, or ends the chat after the last one. */
static void
user_ask(struct cw_user *u)
{
	if (u->shut)
		return;
	if (u->rounds-- > 0)
		cw_send(u, 1 + cw_below(u->w, 100), false);
	else
		cw_shutdown(u);
}

/* A pause may be longer than the retransmission timeout: then the congestion window is small again (RFC 5681 4.1). */
static void
user_chat(struct cw_user *u)
{
	cw_read(u, UINT32_MAX);
	if (u->shard == CW_SERVER)
		cw_send(u, 1 + cw_below(u->w, cw_below(u->w, 4) ? 100 : 40000), cw_below(u->w, 2));
	else if (cw_below(u->w, 3) == 0)
		user_ask(u);
	else
		la_set_timer(u->c, 1 + cw_below(u->w, cw_below(u->w, 2) ? 50 : 1500));
}

static void
user_opened(struct cw_user *u)
{
	bool client = u->shard == CW_CLIENT;

	switch (u->style) {
	case CW_TOGETHER:
		if (client) {
			user_go_on(u);
			cw_close(u);
		}
		break;
	case CW_HALF:
		if (client) {
			user_go_on(u);
			cw_shutdown(u);
		}
		break;
	case CW_BOTH:
		cw_close(u);
		break;
	case CW_BULK:
		user_go_on(u);
		break;
	case CW_CHAT:
		if (client)
			user_ask(u);
		break;
	case CW_WILD:
		cw_wild(u->w, u);
		break;
	default:
		if (client)
			user_go_on(u);
		break;
	}
}

static void
user_data(struct cw_user *u)
{
	bool client = u->shard == CW_CLIENT;

	switch (u->style) {
	case CW_SERVER_FIRST:
	case CW_CLIENT_FIRST:
		cw_read(u, UINT32_MAX);
		if (!client && u->got >= u->want)
			user_go_on(u);
		if (client && u->style == CW_CLIENT_FIRST && u->got >= u->want)
			cw_close(u);
		break;
	case CW_BULK:
		cw_read(u, 1 + cw_below(u->w, 20000));
		if (u->c && la_unread(u->c) > 0)
			la_set_timer(u->c, 1 + cw_below(u->w, 50));
		break;
	case CW_CHAT:
		user_chat(u);
		break;
	case CW_WILD:
		cw_read(u, u->reads == 0 ? UINT32_MAX : u->reads == 1 ? 1 : u->reads == 2 ? 700 : 0);
		if (u->c)
			cw_wild(u->w, u);
		break;
	default:
		cw_read(u, UINT32_MAX);
		break;
	}
}

static void
user_fin(struct cw_user *u)
{
	if (u->style == CW_WILD) {
		cw_wild(u->w, u);
		return;
	}
	u->fin = true;
	cw_read(u, UINT32_MAX);
	user_go_on(u);
}

/* ------------------------------------------------------------------ callbacks */

static struct cw_user *
user_new(struct cw *w, unsigned shard, struct la_conn *c)
{
	for (unsigned i = 0; i < CW_USERS; i++) {
		struct cw_user *u = &w->user[i];

		if (u->c)
			continue;
		*u = (struct cw_user){.w = w, .c = c, .shard = (uint8_t)shard};
		w->live += c != NULL;
		return u;
	}
	return NULL;
}

/* Style and length of request and answer depend on the tuple alone, as the client has it. */
static void
user_style(struct cw_user *u, uint16_t lport, uint16_t rport)
{
	uint64_t h = la_rng_mix((uint64_t)lport << 16 | rport);

	u->style = (uint8_t)(h % 1000000 < u->w->shape.wild ? CW_WILD : (h >> 32) % CW_WILD);
	u->want = (h >> 40 & 3) == 0 ? 1 : 1 + (uint32_t)(h >> 42) % 3000;
	if (u->style == CW_BULK)
		u->want = (uint32_t)(h >> 42) % 100000;
	else if (u->style == CW_HALF && u->shard == CW_SERVER)
		u->want = (uint32_t)(h >> 42) % 30000;
	else if (u->style == CW_CHAT || (u->style == CW_TOGETHER && u->shard == CW_SERVER))
		u->want = 0;
	u->rounds = (uint8_t)(1 + (h >> 42) % 12);
	u->reads = h >> 60 & 3;
}

static void
on_opened(struct la_conn *c, void *user)
{
	struct cw_user *u = user;

	note_info("opened", c);
	u->w->opened++;
	user_opened(u);
}

static void
on_accepted(struct la_conn *c, void *user)
{
	struct cw *w = user;
	struct cw_user *u = user_new(w, CW_SERVER, c);
	struct la_conn_info i;

	la_conn_info(c, &i);
	note_info("accepted", c);
	if (!u) {
		la_set_user(c, NULL);
		la_abort(c);
		return;
	}
	la_set_user(c, u);
	user_style(u, i.tuple.rport, i.tuple.lport);
	user_opened(u);
}

static void
on_data(struct la_conn *c, void *user)
{
	struct cw_user *u = user;

	fast_path_note("data", la_unread(c));
	if (u->style == CW_CHAT)
		note_info("data", c);
	user_data(u);
}

static void
on_acked(struct la_conn *c, void *user)
{
	struct cw_user *u = user;

	fast_path_note("acked", la_unacked(c));
	if (u->style == CW_WILD && cw_chance(u->w, 300000))
		cw_wild(u->w, u);
}

static void
on_writable(struct la_conn *c, void *user)
{
	struct cw_user *u = user;

	fast_path_note("writable", la_send_room(c));
	if (u->style == CW_WILD)
		cw_wild(u->w, u);
	else
		user_go_on(u);
}

static void
on_peer_fin(struct la_conn *c, void *user)
{
	note_info("peer_fin", c);
	user_fin(user);
}

static void
on_timer(struct la_conn *c, void *user)
{
	struct cw_user *u = user;

	fast_path_note("timer", la_unread(c));
	if (u->style == CW_WILD)
		cw_wild(u->w, u);
	else if (u->style == CW_CHAT)
		user_ask(u);
	else
		user_data(u);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct cw_user *u = user;

	(void)c;
	fast_path_note(la_end_name(why->end), why->unacked);
	if (!u)
		return;
	u->w->ended[why->end]++;
	if (u->style == CW_WILD && u->w->depth < CW_DEPTH && cw_chance(u->w, 100000)) {
		u->w->depth++;
		cw_connect(u->w);
		u->w->depth--;
	}
	u->c = NULL;
	u->w->live--;
}

static const struct la_conn_ops active_ops = {.opened = on_opened,
					      .data = on_data,
					      .acked = on_acked,
					      .writable = on_writable,
					      .peer_fin = on_peer_fin,
					      .timer = on_timer,
					      .closed = on_closed},
				passive_ops = {.opened = on_accepted,
					       .data = on_data,
					       .acked = on_acked,
					       .writable = on_writable,
					       .peer_fin = on_peer_fin,
					       .timer = on_timer,
					       .closed = on_closed},
				few_ops = {.opened = on_accepted, .data = on_data, .closed = on_closed};

/* ------------------------------------------------------------------ opens and listeners */

/* There are few combinations, because a shard keeps a bounded number of different options. */
static struct la_conn_opts
opts_draw(struct cw *w)
{
	static const uint32_t bufs[] = {0, 100, 2000, 70000};
	uint32_t h = cw_below(w, 16);

	return (struct la_conn_opts){.rcvbuf = bufs[h & 3],
				     .sndbuf = bufs[h >> 2],
				     .nodelay = h & 1,
				     .no_timestamps = h % 3 == 0,
				     .no_wscale = h % 5 == 0,
				     .mss = h == 7 ? 200 : 0,
				     .reuse_time_wait = h & 2,
				     .fin_wait_2_ms = h == 9 ? 6000 : 0,
				     .keepalive_ms = h == 11 ? 2000 : 0,
				     .user_timeout_ms = h == 13 ? 3000 : 0,
				     .msl_ms = h == 14 ? 100 : 0};
}

void
cw_listen(struct cw *w, bool remove)
{
	for (unsigned i = 0; i < LISTENED; i++) {
		struct la_conn_opts o = opts_draw(w);
		const struct la_addr *a = cw_below(w, 8) == 0 ? &w->addrs[CW_SERVER][cw_below(w, 2)].addr : NULL;

		if (remove && cw_below(w, 3) != 0)
			continue;
		if (remove) {
			fast_path_note("la_unlisten", (uint64_t)la_unlisten(w->s[CW_SERVER], a, ports[i]));
			continue;
		}
		fast_path_note("la_listen", (uint64_t)la_listen(w->s[CW_SERVER], a, ports[i],
								cw_below(w, 16) == 0 ? &few_ops : &passive_ops, w, &o));
	}
}

void
cw_connect(struct cw *w)
{
	bool six = cw_below(w, 2);
	struct la_conn_opts o = opts_draw(w);
	struct la_tuple t = {w->addrs[CW_CLIENT][six].addr, w->addrs[CW_SERVER][six].addr,
			     (uint16_t)(1024 + cw_below(w, w->shape.ports)),
			     ports[cw_below(w, 40) ? cw_below(w, 3) : 3]};
	struct cw_user *u = user_new(w, CW_CLIENT, NULL);
	struct la_conn *c = NULL;
	int rc;

	if (!u)
		return;
	if (w->shape.gateway && cw_below(w, 2)) { /* an address behind the server's gateway */
		t.laddr = w->ranges[CW_CLIENT][six].addr;
		t.laddr.b[15] = (uint8_t)(1 + cw_below(w, 10));
	} else if (w->shape.crowd) { /* one of many addresses on the link */
		t.laddr = w->ranges[CW_CLIENT][2 + six].addr;
		t.laddr.b[15] = (uint8_t)(t.laddr.b[15] + 1 + cw_below(w, 50));
	}
	if (w->shape.ranges && cw_below(w, 2)) {
		t.raddr = w->ranges[CW_SERVER][six].addr;
		t.raddr.b[15] = (uint8_t)(1 + cw_below(w, 3));
	}
	user_style(u, t.lport, t.rport);
	rc = la_connect(w->s[CW_CLIENT], &t, &active_ops, u, &o, &c);
	fast_path_note("la_connect", (uint64_t)rc);
	u->c = rc == 0 ? c : NULL;
	w->live += rc == 0;
	if (rc == 0)
		w->begun++;
	else
		w->refused++;
}

void
cw_act(struct cw *w)
{
	struct cw_user *u = cw_other(w);

	if (!u)
		return;
	if (u->style == CW_WILD)
		cw_wild(w, u);
	else
		cw_read(u, UINT32_MAX);
}

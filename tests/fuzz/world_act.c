/* SPDX-License-Identifier: BSD-3-Clause */

/* An input as a list of actions: a configuration of a few bytes, then a byte that selects each action, and its
 * arguments. Some actions are whole exchanges of segments, so that two bytes bring a connection to a state. */

#include "../support/fast_path_record.h"
#include "world.h"

enum { ACTIONS_MAX = 120, FLOOD_BURSTS = 100, CRUMBS = 260, LATE_MAX = 1000000, LIFE = 12 };

/* The states to which reach_state() brings a tuple, with the segments and calls of a correct peer and user. */
enum target_state {
	TO_LISTEN,
	TO_SYN_SENT,
	TO_SYN_RCVD,
	TO_SYN_RCVD_CROSSING,
	TO_ESTABLISHED,
	TO_ESTABLISHED_ACTIVE,
	TO_FIN_WAIT_1,
	TO_FIN_WAIT_2,
	TO_CLOSE_WAIT,
	TO_CLOSING,
	TO_LAST_ACK,
	TO_TIME_WAIT,
	TO_TIME_WAIT_BY_CLOSING,
	TO_TIME_WAIT_ACTIVE,
	TARGETS,
};

struct user *
line_user(struct world *w, struct line *l)
{
	const struct la_tcb *c = line_tcb(w, l);

	return c ? user_of(w, c) : NULL;
}

static void
send_next(struct world *w, struct line *l, uint8_t flags, uint32_t ack_back, uint32_t len)
{
	line_look(w, l);
	line_send(w, l, flags, l->R, l->N - ack_back, len);
}

static void
open_line(struct world *w, struct line *l, enum target_state r)
{
	bool active = r == TO_SYN_SENT || r == TO_SYN_RCVD_CROSSING || r == TO_ESTABLISHED_ACTIVE ||
		      r == TO_TIME_WAIT_ACTIVE;

	if (active) {
		user_connect(w, l);
		world_pump(w);
		if (r == TO_SYN_SENT)
			return;
		l->R += 70000;
		line_look(w, l);
		line_send(w, l, r == TO_SYN_RCVD_CROSSING ? LA_SYN : LA_SYN | LA_ACK, l->R, l->N, 0);
		return;
	}
	if (!la_listener_find(&w->s->tcp, &l->t.laddr, l->t.lport))
		user_listen(w, l->t.lport == 81);
	line_look(w, l);
	if (!line_tcb(w, l))
		line_send(w, l, LA_SYN, l->R + 70000, 0, 0);
	if (r != TO_SYN_RCVD)
		send_next(w, l, LA_ACK, 0, 0);
}

static void
user_does(struct world *w, struct line *l, bool full)
{
	struct user *u = line_user(w, l);

	if (!u || !u->c)
		return;
	if (full)
		la_close(u->c);
	else
		la_shutdown(u->c);
	world_pump(w);
}

/* full: the user calls la_close(), not la_shutdown(). */
static void
reach_state(struct world *w, struct line *l, enum target_state r, bool full)
{
	TRACE("reach state %u\n", r);
	if (r == TO_LISTEN) {
		user_listen(w, l->t.lport == 81);
		return;
	}
	open_line(w, l, r);
	if (r < TO_FIN_WAIT_1)
		return;
	if (r == TO_CLOSE_WAIT || r == TO_LAST_ACK) {
		send_next(w, l, LA_FIN | LA_ACK, 0, 0);
		if (r == TO_LAST_ACK)
			user_does(w, l, full);
		return;
	}
	user_does(w, l, full);
	if (r == TO_FIN_WAIT_1)
		return;
	if (r == TO_CLOSING || r == TO_TIME_WAIT_BY_CLOSING)
		send_next(w, l, LA_FIN | LA_ACK, 1, 0);
	if (r == TO_CLOSING)
		return;
	send_next(w, l, LA_ACK, 0, 0);
	if (r != TO_FIN_WAIT_2)
		send_next(w, l, LA_FIN | LA_ACK, 0, 0);
}

/* Sends the peer's next regular segment. */
static void
progress(struct world *w, struct line *l, uint8_t a)
{
	const struct la_tcb *c = line_tcb(w, l);

	line_look(w, l);
	if (!c) {
		line_send(w, l, LA_SYN, l->R + (a & 1 ? 1000u : 0), 0, 0);
		return;
	}
	switch (c->state) {
	case LA_SYN_SENT:
		line_send(w, l, LA_SYN | LA_ACK, l->R + 70000, l->N, a & 1 ? 20 : 0);
		break;
	case LA_TIME_WAIT:
		break;
	default:
		line_send(w, l, (uint8_t)(LA_ACK | (a & 1 ? LA_FIN : 0)), l->R, l->N, a & 2 ? a * 5u : 0);
		break;
	}
}

/* Gives the shard many segments and takes its frames only afterwards. */
static void
flood(struct world *w, struct line *l, unsigned bursts)
{
	struct rte_mbuf *m[BURST_MAX];
	uint8_t buf[FRAME_MAX];
	struct frame f = {
		.src = l->t.raddr, .dst = l->t.laddr, .sport = 9, .dport = 9, .flags = LA_ACK, .vlan = w->cfg.vlan};
	size_t n;

	for (unsigned i = 0; i < 6; i++) {
		f.eth_dst[i] = w->mac[i];
		f.eth_src[i] = w->peer_mac[i];
	}
	n = frame_write(buf, &f);
	for (unsigned i = 0; i < bursts; i++) {
		unsigned k = 0;

		while (k < BURST_MAX && (m[k] = world_mbuf(w, buf, n, LIE_FLAT)) != NULL)
			k++;
		la_shard_rx(w->s, w->now, m, k);
	}
	world_pump(w);
}

/* Sends every other byte of a stream: more holes than the shard may hold. */
static void
send_holes(struct world *w, struct line *l)
{
	line_look(w, l);
	for (uint32_t i = 1; i <= CRUMBS; i++)
		line_send(w, l, LA_ACK, l->R + 2 * i, l->N, 1);
}

static void
wait(struct world *w, struct bytes *b)
{
	static const uint32_t ms[] = {1, 10, 39, 40, 41, 200, 1000, 5000, 60000, 120000, 250000};
	uint8_t a = get8(b);
	uint64_t next = la_shard_next(w->s), t;

	switch (a & 15) {
	case 11:
		t = get16(b);
		break;
	case 12: /* until the next deadline */
	case 13: /* until 1 ms before the next deadline */
	case 14: /* until 3 ms after the next deadline */
		t = next == UINT64_MAX || next < w->now + 1 ? 0 : next - w->now;
		t = (a & 15) == 13 && t ? t - 1 : (a & 15) == 14 ? t + 3 : t;
		break;
	case 15: /* more than the 24 days of RFC 7323 5.5, less than 2^31 */
		t = 2100000000;
		break;
	default:
		t = ms[a & 15];
		break;
	}
	TRACE("wait %llu\n", (unsigned long long)t);
	world_run(w, t, (a & 16) && t < LATE_MAX);
}

static void
act(struct world *w, struct bytes *b)
{
	uint8_t what = get8(b), a;
	struct line *l;

	switch (what & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
		seg_action(w, b, false);
		break;
	case 4:
		seg_action(w, b, true);
		break;
	case 5:
		a = get8(b);
		reach_state(w, &w->lines[(a & 7) % TUPLES], (a >> 3 & 15) % TARGETS, a & 128);
		break;
	case 6:
		a = get8(b);
		progress(w, &w->lines[(a & 7) % TUPLES], a >> 3);
		break;
	case 7:
	case 8: /* the user of a tuple's connection, or another user */
		a = get8(b);
		l = &w->lines[(what >> 4) % TUPLES];
		user_act(w, line_user(w, l) ? line_user(w, l) : &w->users[what >> 4], a);
		break;
	case 9:
	case 10:
		if (what >> 4 >= LIFE && (what & 15) == 10)
			life_action(w, what >> 4, b);
		else
			wait(w, b);
		break;
	case 11:
		icmp_action(w, b);
		break;
	case 12:
		link_action(w, b);
		break;
	case 13: /* behaviour of the users */
		a = get8(b);
		w->reading = a & 3;
		w->many = a & 4;
		w->act[(a >> 3) % EVENTS] = get8(b);
		break;
	case 14:
		user_opts(&w->opts, b);
		l = &w->lines[(what >> 4) % TUPLES];
		l->opts = get8(b);
		break;
	default:
		a = get8(b);
		if ((a & 7) == 0)
			world_restart(w, get16(b));
		else if ((a & 7) == 1)
			w->mute = a & 8;
		else if ((a & 7) == 2)
			flood(w, &w->lines[(a >> 3 & 7) % TUPLES], a & 64 ? FLOOD_BURSTS : 2);
		else if ((a & 7) == 3)
			user_listen(w, a >> 3);
		else if ((a & 7) == 4)
			user_connect(w, &w->lines[(a >> 3) % TUPLES]);
		else if ((a & 7) == 5)
			send_holes(w, &w->lines[(a >> 3 & 7) % TUPLES]);
		else if ((a & 7) == 6)
			world_starve(w, a & 128 ? MBUFS : a >> 3 & 15);
		else
			world_limits(w, a >> 3);
		break;
	}
	if (w->nheld == 0) /* no burst is being collected */
		world_pump(w);
}

void
world_input(struct world *w, const uint8_t *p, size_t len)
{
	struct bytes b = {p, len};
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	world_open(w, &b, sum & 64);
	w->thorough = sum % 64 == 0; /* depends on all bytes, so that mutations of a slow input are not all slow */
	for (unsigned i = 0; b.left && i < ACTIONS_MAX; i++) {
		act(w, &b);
		check_step(w);
		fast_path_counters(w->s);
	}
	world_close(w);
}

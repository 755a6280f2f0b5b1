/* SPDX-License-Identifier: BSD-3-Clause */

/* Events of the matrix, in the order of the checks of RFC 9293 3.10.7. R, W, U and N are RCV.NXT, RCV.WND, SND.UNA
 * and SND.NXT of the connection. In CLOSED and LISTEN they are the scripted peer's copies; in SYN_SENT, R and W are.
 *
 *	RST       l SEG.SEQ at R, m in the window, n outside the window
 *	SYN       c with ACK, a in the window, b outside the window
 *	no ACK    s
 *	outside the window
 *	          k with FIN, q text below R, r text above the window, h without FIN and text
 *	ACK       f above N; g below U by more than the largest window
 *	FIN       i in order, j above a hole
 *	text      o in order, p above a hole
 *	empty ACK d acknowledges new data, e acknowledges nothing new
 *
 *	t         a timer fires: while time passes, a segment is sent or the state changes. CLOSED and LISTEN
 *	          have no timers: at least one minute passes
 *	u         la_close(), la_shutdown(); la_unlisten() in CLOSED, LISTEN and SYN_RCVD (passive);
 *	          la_connect() in TIME_WAIT
 *	v         la_abort(), la_shard_abort_all() */

#include "coverage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/shard.h"
#include "peer.h"
#include "tcp/internal.h"

enum {
	EVENTS = 22,
	SYN_RCVD_ACTIVE = LA_NSTATES, /* the matrix has a second row for SYN_RCVD after an active open */
	ROWS,
	RIGS = 8,
	WATCHED = 16,	 /* the first 16 peers of a rig are checked for timer events */
	LONG_MS = 60000, /* event t of CLOSED and LISTEN */
};

static const char *const row_name[ROWS] = {
	[LA_CLOSED] = "CLO",	   [LA_LISTEN] = "LIS",	     [LA_SYN_SENT] = "SST",   [LA_SYN_RCVD] = "SRP",
	[SYN_RCVD_ACTIVE] = "SRA", [LA_ESTABLISHED] = "EST", [LA_FIN_WAIT_1] = "FW1", [LA_FIN_WAIT_2] = "FW2",
	[LA_CLOSE_WAIT] = "CWT",   [LA_CLOSING] = "CLG",     [LA_LAST_ACK] = "LAK",   [LA_TIME_WAIT] = "TWT",
};

/* The variables that classify an event. */
struct view {
	unsigned row;
	uint32_t r, w, u, n, max_wnd;
};

static uint64_t cells[ROWS][EVENTS];
static struct rig *rigs[RIGS];
static struct {
	unsigned row, nrx;
} before[WATCHED];

static const char *
directory(void)
{
	static const char *dir;
	static bool asked;

	if (!asked)
		dir = getenv("LASTACK_COVERAGE");
	asked = true;
	return dir && *dir ? dir : NULL;
}

static void
hit(unsigned row, char event)
{
	cells[row][event - 'a']++;
}

static struct rig *
rig_of(const struct la_shard *s)
{
	for (unsigned i = 0; i < RIGS; i++)
		if (rigs[i] && rigs[i]->s == s)
			return rigs[i];
	return NULL;
}

static unsigned
row_of_tcb(const struct la_tcb *c)
{
	return c->state == LA_SYN_RCVD && (c->flags & LA_F_ACTIVE) ? SYN_RCVD_ACTIVE : c->state;
}

/* --- the state of a tuple --------------------------------------------------------------------- */

static void
by_peer(struct view *v, const struct peer *p)
{
	if (!p)
		return;
	v->r = p->R;
	v->w = p->W ? p->W : UINT16_MAX;
	v->u = p->U;
	v->n = p->N;
	v->max_wnd = p->max_wnd;
}

static struct view
look(struct rig *r, const struct la_tuple *tuple)
{
	struct la_tcp *t = &r->s->tcp;
	la_ref ref = la_tcb_lookup_tuple(t, tuple, la_hash_tuple(&t->key, tuple));
	struct view v = {.row = LA_CLOSED, .w = UINT16_MAX, .max_wnd = UINT16_MAX};

	by_peer(&v, peer_of(r, tuple));
	if (!ref) {
		if (la_listener_find(t, &tuple->laddr, tuple->lport))
			v.row = LA_LISTEN;
	} else if (la_ref_pool(ref) == LA_POOL_TCB) {
		const struct la_tcb *c = &t->tcbs[la_ref_slot(ref)];

		v.row = row_of_tcb(c);
		v.u = c->snd_una;
		v.n = c->snd_max;
		if (c->state == LA_SYN_SENT)
			return v;
		v.r = c->rcv_nxt;
		v.w = seq_gt(c->rcv_adv, c->rcv_nxt) ? c->rcv_adv - c->rcv_nxt : 0;
		v.max_wnd = c->max_snd_wnd;
	} else {
		const struct la_tw_core *e = la_tw_core(&t->tw, ref);

		v.row = e->flags & LA_TW_FW2 ? LA_FIN_WAIT_2 : LA_TIME_WAIT;
		v.r = e->rcv_nxt; /* the window stays the peer's copy: the entry does not have the scale */
		v.u = v.n = e->snd_nxt;
	}
	return v;
}

/* --- segments --------------------------------------------------------------------------------- */

static bool
in_window(const struct view *v, uint32_t seq)
{
	return seq - v->r < v->w;
}

static char
syn_event(const struct view *v, const struct frame_in *f)
{
	bool known = v->row != LA_CLOSED && v->row != LA_LISTEN && v->row != LA_SYN_SENT;

	if (f->flags & LA_ACK)
		return 'c';
	/* in these states R is the peer's ISN + 1, so the SYN itself is at R - 1 */
	if (in_window(v, f->seq) || (!known && in_window(v, f->seq + 1)))
		return 'a';
	return 'b';
}

static char
outside_event(const struct view *v, const struct frame_in *f)
{
	if (f->flags & LA_FIN)
		return 'k';
	if (f->len)
		return seq_lt(f->seq, v->r) ? 'q' : 'r';
	return 'h';
}

static char
event_of(const struct view *v, const struct frame_in *f)
{
	uint32_t len = (uint32_t)f->len + !!(f->flags & LA_FIN), last = f->seq + len - !!len;

	if (f->flags & LA_RST)
		return f->seq == v->r ? 'l' : in_window(v, f->seq) ? 'm' : 'n';
	if (f->flags & LA_SYN)
		return syn_event(v, f);
	if (!(f->flags & LA_ACK))
		return 's';
	if (!in_window(v, f->seq) && !in_window(v, last) && !(v->w == 0 && !len && f->seq == v->r))
		return outside_event(v, f);
	if (seq_gt(f->ack, v->n))
		return 'f';
	if (seq_lt(f->ack, v->u - v->max_wnd))
		return 'g';
	if (f->flags & LA_FIN)
		return seq_le(f->seq, v->r) ? 'i' : 'j';
	if (f->len)
		return seq_le(f->seq, v->r) ? 'o' : 'p';
	return seq_gt(f->ack, v->u) ? 'd' : 'e';
}

void
coverage_frame(struct rig *r, const uint8_t *frame, size_t len)
{
	struct la_tuple t;
	struct frame_in f;
	struct view v;

	if (!directory() || frame_read(frame, len, &f) != NULL)
		return;
	t = (struct la_tuple){f.dst, f.src, f.dport, f.sport};
	v = look(r, &t);
	hit(v.row, event_of(&v, &f));
}

/* --- time ------------------------------------------------------------------------------------- */

void
coverage_time(struct rig *r, uint64_t ms)
{
	if (!directory())
		return;
	for (unsigned i = 0; i < r->npeers && i < WATCHED; i++) {
		before[i].row = look(r, &r->peers[i]->t).row;
		before[i].nrx = r->peers[i]->nrx;
		if (ms >= LONG_MS && (before[i].row == LA_CLOSED || before[i].row == LA_LISTEN))
			hit(before[i].row, 't');
	}
}

void
coverage_acted(struct rig *r)
{
	if (!directory())
		return;
	for (unsigned i = 0; i < r->npeers && i < WATCHED; i++) {
		unsigned row = look(r, &r->peers[i]->t).row;

		if (row != before[i].row || r->peers[i]->nrx != before[i].nrx)
			hit(before[i].row, 't');
		before[i].row = row;
		before[i].nrx = r->peers[i]->nrx;
	}
}

/* --- the user's calls ------------------------------------------------------------------------- */

static void
user_call(const struct la_conn *conn, char event)
{
	const struct la_tcb *c = (const struct la_tcb *)conn;

	if (directory() && la_tcb_is_live(c))
		hit(row_of_tcb(c), event);
}

int __real_la_close(struct la_conn *c);
int __wrap_la_close(struct la_conn *c);
int
__wrap_la_close(struct la_conn *c)
{
	user_call(c, 'u');
	return __real_la_close(c);
}

int __real_la_shutdown(struct la_conn *c);
int __wrap_la_shutdown(struct la_conn *c);
int
__wrap_la_shutdown(struct la_conn *c)
{
	user_call(c, 'u');
	return __real_la_shutdown(c);
}

int __real_la_abort(struct la_conn *c);
int __wrap_la_abort(struct la_conn *c);
int
__wrap_la_abort(struct la_conn *c)
{
	user_call(c, 'v');
	return __real_la_abort(c);
}

int __real_la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port);
int __wrap_la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port);
int
__wrap_la_unlisten(struct la_shard *s, const struct la_addr *addr, uint16_t port)
{
	struct rig *r = directory() ? rig_of(s) : NULL;

	for (unsigned i = 0; r && i < r->npeers; i++) {
		unsigned row = look(r, &r->peers[i]->t).row;

		if (r->peers[i]->t.lport == port && (row == LA_CLOSED || row == LA_LISTEN || row == LA_SYN_RCVD))
			hit(row, 'u');
	}
	return __real_la_unlisten(s, addr, port);
}

uint32_t __real_la_shard_abort_all(struct la_shard *s, unsigned max);
uint32_t __wrap_la_shard_abort_all(struct la_shard *s, unsigned max);
uint32_t
__wrap_la_shard_abort_all(struct la_shard *s, unsigned max)
{
	struct rig *r = directory() ? rig_of(s) : NULL;

	for (unsigned i = 0; r && i < r->npeers; i++)
		hit(look(r, &r->peers[i]->t).row, 'v');
	return __real_la_shard_abort_all(s, max);
}

int __real_la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops, void *user,
		      const struct la_conn_opts *opts, struct la_conn **out);
int __wrap_la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops, void *user,
		      const struct la_conn_opts *opts, struct la_conn **out);
int
__wrap_la_connect(struct la_shard *s, const struct la_tuple *t, const struct la_conn_ops *ops, void *user,
		  const struct la_conn_opts *opts, struct la_conn **out)
{
	struct rig *r = directory() ? rig_of(s) : NULL;

	if (r && look(r, t).row == LA_TIME_WAIT)
		hit(LA_TIME_WAIT, 'u');
	return __real_la_connect(s, t, ops, user, opts, out);
}

/* --- the record ------------------------------------------------------------------------------- */

void
coverage_open(struct rig *r)
{
	for (unsigned i = 0; directory() && i < RIGS; i++) {
		if (!rigs[i]) {
			rigs[i] = r;
			return;
		}
	}
}

/* Appends all counts by one write(), so that lines of processes that end at the same time do not mix. */
void
coverage_close(struct rig *r)
{
	const struct la_counters *n = la_shard_counters(r->s);
	static char text[16384];
	char path[512];
	size_t at = 0;
	int fd;

	if (!directory())
		return;
	for (unsigned i = 0; i < RIGS; i++)
		if (rigs[i] == r)
			rigs[i] = NULL;
	for (unsigned s = 0; s < ROWS; s++)
		for (unsigned e = 0; e < EVENTS; e++)
			if (cells[s][e])
				at += (size_t)snprintf(text + at, sizeof(text) - at, "cell %s %c %llu\n", row_name[s],
						       'a' + e, (unsigned long long)cells[s][e]);
	for (unsigned s = 0; s < LA_NSTATES; s++)
		for (unsigned e = 0; e < LA_NSTATES; e++)
			if (n->transition[s][e])
				at += (size_t)snprintf(text + at, sizeof(text) - at, "move %s %s %llu\n",
						       la_state_name((enum la_state)s), la_state_name((enum la_state)e),
						       (unsigned long long)n->transition[s][e]);
	memset(cells, 0, sizeof(cells));
	snprintf(path, sizeof(path), "%s/counts", directory());
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	CHECK(r, fd >= 0 && write(fd, text, at) == (ssize_t)at, "cannot write to %s", path);
	close(fd);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Running a row over its variants, and judging answers. */

#include "matrix.h"

#include <stdio.h>
#include <string.h>

#include "core/seq.h"
#include "wire/print.h"

enum { QUIET_MS = 600 };

static struct row *rows;

void
row_register(struct row *row)
{
	row->next = rows;
	rows = row;
}

const struct row *
row_first(void)
{
	return rows;
}

/* Variants. */

static void
name_cell(struct cell *c)
{
	const struct row *row = c->row;

	snprintf(c->name, sizeof(c->name), "%s [%s %s%s%s%s%.*s] %s", row->id,
		 c->ip6 ? "ip6" : "ip4", c->opts ? "options" : "plain",
		 row->kinds & ROW_HALF_FULL ? c->full ? " full" : " half" : "",
		 c->past ? " past" : "", row->kinds & ROW_PATHS ? " path " : "",
		 row->kinds & ROW_PATHS ? 1 : 0, &c->path, row->text);
}

/* A failed check comes back here; the other variants are still run. */
static void
run_cell(const struct cell *variant)
{
	static struct cell c;

	c = *variant;
	name_cell(&c);
	if (setjmp(c.bail)) {
		rig_discard(c.r);
		return;
	}
	c.row->body(&c);
	if (c.r)
		rig_close(c.r);
}

void
row_run(const struct row *row)
{
	unsigned twice = row->kinds & (ROW_HALF_FULL | ROW_PAST) ? 2 : 1;
	unsigned paths = row->kinds & ROW_PATHS ? 3 : 1;

	for (unsigned v = 0; v < 4 * twice * paths; v++) {
		struct cell c = {.row = row, .ip6 = v & 1, .opts = v & 2};
		bool second = v / 4 % twice == 1;

		c.full = second && (row->kinds & ROW_HALF_FULL);
		c.past = second && (row->kinds & ROW_PAST);
		c.path = (char)('a' + v / 4 / twice);
		run_cell(&c);
	}
}

/* CLOSED: nothing listens. Where there was a connection its numbers remain, otherwise any will do.
 */
static void
enter_closed(struct cell *c)
{
	struct peer *p = c->p;

	if (c->past) {
		peer_listen(p);
		peer_to_last_ack(p, true);
		peer_ack(p);
		peer_expect_none(p, 0);
		peer_expect_state(p, LA_CLOSED);
		CHECK(c->r, la_unlisten(c->r->s, NULL, p->t.lport) == 0, "la_unlisten");
		return;
	}
	ISS = 0x7654321;
	U = N = ISS + 1;
	W = 65535;
}

static void
enter_state(struct cell *c)
{
	struct peer *p = c->p;
	bool active = strncmp(c->row->id, "M-SRA", 5) == 0;

	if (c->row->state == LA_CLOSED) {
		enter_closed(c);
		return;
	}
	if (c->row->state != LA_SYN_SENT && !active)
		peer_listen(p);
	switch (c->row->state) {
	case LA_LISTEN:
		ISS = 0x7654321;
		U = N = ISS + 1;
		W = 65535;
		break;
	case LA_SYN_SENT:
		peer_to_syn_sent(p);
		break;
	case LA_SYN_RCVD:
		if (active)
			peer_to_syn_rcvd_active(p);
		else
			peer_to_syn_rcvd_passive(p);
		break;
	case LA_ESTABLISHED:
		peer_to_established(p);
		break;
	case LA_FIN_WAIT_1:
		peer_to_fin_wait_1(p, c->full);
		break;
	case LA_FIN_WAIT_2:
		peer_to_fin_wait_2(p, c->full);
		break;
	case LA_CLOSE_WAIT:
		peer_to_close_wait(p);
		break;
	case LA_CLOSING:
		peer_to_closing(p, c->full);
		break;
	case LA_LAST_ACK:
		peer_to_last_ack(p, c->full);
		break;
	case LA_TIME_WAIT:
		peer_to_time_wait(p, c->full, c->path);
		break;
	default:
		FAIL(c->r, "no recipe for this state");
	}
}

void
enter_with(struct cell *c, const struct la_conn_opts *conn)
{
	struct rig_opts ro = {.now = c->ip6 ? UINT32_MAX - 1500ull : 0};
	struct peer_opts po = {
		.ip6 = c->ip6, .ts = c->opts, .sack = c->opts, .wscale = c->opts ? 3 : 0};

	if (c->r)
		rig_close(c->r);
	c->r = NULL;
	if (conn)
		po.conn = *conn;
	if (!c->ip6 && !c->opts)
		po.isn = 0xfffffff0;
	c->r = rig_open(&ro);
	c->r->name = c->name;
	c->r->bail = &c->bail;
	c->p = peer_new(c->r, &po);
	enter_state(c);
	peer_skip(c->p);
	c->entry = c->p->u;
	mark(c);
}

void
enter(struct cell *c)
{
	enter_with(c, NULL);
}

/* Segments and their answers. */

void
mark(struct cell *c)
{
	c->at = c->r->now;
	c->n0 = N;
	c->r0 = R;
	c->bytes = c->p->u.bytes;
}

void
send_tx(struct cell *c, const struct peer_tx *t)
{
	mark(c);
	c->seg_seq = t->seq;
	c->seg_ack = t->ack;
	c->seg_end = t->seq + t->len + !!(t->flags & LA_SYN) + !!(t->flags & LA_FIN);
	peer_tx(c->p, t);
}

void
send(struct cell *c, unsigned flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	SEND(c, .flags = (uint8_t)flags, .seq = seq, .ack = ack, .len = len);
}

/* The timer's work on what was sent before: never at once, and nothing that is new. */
static bool
is_retransmission(const struct cell *c, const struct peer_rx *x)
{
	return x->at > c->at && x->end != x->seq && seq_lt(x->seq, c->n0);
}

/* Our own FIN, the answer itself, sent again by its timer. */
static bool
is_again(const struct peer_rx *first, const struct peer_rx *x)
{
	return x->at > first->at && x->end != x->seq && x->seq == first->seq &&
	       x->end == first->end;
}

static enum reply
classify(const struct cell *c, const struct peer_rx *x, unsigned set)
{
	bool rst = (x->flags & ~LA_ACK) == LA_RST;

	if ((set & CHK) && x->flags == LA_ACK && x->len == 0 && x->seq == c->n0 && x->ack == c->r0)
		return CHK;
	if ((set & RST_ACK) && x->flags == LA_RST && x->seq == c->seg_ack)
		return RST_ACK;
	if ((set & RST_ZERO) && x->flags == (LA_RST | LA_ACK) && x->seq == 0 &&
	    x->ack == c->seg_end)
		return RST_ZERO;
	if ((set & RST_NXT) && rst && x->seq == c->n0 && (!(x->flags & LA_ACK) || x->ack == c->r0))
		return RST_NXT;
	if ((set & SYNACK) && x->flags == (LA_SYN | LA_ACK) && x->len == 0 && x->seq == ISS &&
	    (x->ack == c->seg_seq + 1 || x->ack == c->r0))
		return SYNACK;
	if ((set & FINACK) && x->flags == (LA_FIN | LA_ACK) && x->len == 0 && x->seq == c->n0 &&
	    x->ack == c->r0)
		return FINACK;
	return NONE;
}

static const char *
set_name(unsigned set, char *buf, size_t size)
{
	static const char *const names[] = {"none",          "CHK",       "RST seq=SEG.ACK",
					    "RST,ACK seq=0", "RST seq=N", "SYN,ACK",
					    "FIN,ACK"};
	size_t n = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (set & 1u << i)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " or " : "", names[i]);
	return buf;
}

enum reply
want_at(const char *file, int line, struct cell *c, unsigned set)
{
	enum reply seen = NONE;
	struct peer_rx *x, *first = NULL;
	char is[12], wanted[128];

	rig_run(c->r, QUIET_MS);
	set_name(set, wanted, sizeof(wanted));
	while ((x = peer_next(c->p)) != NULL) {
		enum reply one;

		if (is_retransmission(c, x) || (first && is_again(first, x)))
			continue;
		one = classify(c, x, set);
		if (one == NONE || seen != NONE)
			rig_fail(c->r, file, line,
				 "wanted %s, got %s%s seq ISS+%d (N%+d) ack IRS+%d (R%+d) len %u",
				 wanted, seen != NONE ? "another " : "",
				 la_tcp_flags_format(x->flags, is, sizeof(is)), (int)(x->seq - ISS),
				 (int)(x->seq - c->n0), (int)(x->ack - IRS), (int)(x->ack - c->r0),
				 x->len);
		seen = one;
		first = x;
	}
	if (!(set & seen))
		rig_fail(c->r, file, line, "wanted %s, got no answer", wanted);
	return seen;
}

void
want_ack_at(const char *file, int line, struct cell *c, uint32_t ack, uint64_t within)
{
	struct peer_rx *x, *found = NULL;
	uint64_t at = c->at;

	rig_run(c->r, QUIET_MS);
	while ((x = peer_next(c->p)) != NULL) {
		if (is_retransmission(c, x))
			continue;
		if (found || x->flags != LA_ACK || x->len || x->seq != c->n0 || x->ack != ack)
			rig_fail(c->r, file, line,
				 "wanted one ACK of IRS+%u, got flags %02x seq N%+d ack IRS+%u len "
				 "%u%s",
				 ack - IRS, x->flags, (int)(x->seq - c->n0), x->ack - IRS, x->len,
				 found ? " besides" : "");
		found = x;
	}
	if (found == NULL)
		rig_fail(c->r, file, line, "wanted an ACK of IRS+%u, got no answer", ack - IRS);
	if (found->at > at + within)
		rig_fail(c->r, file, line, "the ACK came after %llu ms",
			 (unsigned long long)(found->at - at));
}

/* States. */

/* Somebody listens, or nobody: a stranger's SYN tells. */
static void
probe_listener(const char *file, int line, struct cell *c, bool there)
{
	struct peer_opts po = {.ip6 = c->ip6};
	struct peer *q = peer_new(c->r, &po);
	struct peer_rx *x;

	peer_syn(q);
	x = peer_next(q);
	if (x == NULL || x->flags != (there ? LA_SYN | LA_ACK : LA_RST | LA_ACK))
		rig_fail(c->r, file, line, "a stranger's SYN did not find the port %s",
			 there ? "listening" : "closed");
}

/* The keep-alive form of section 0: changes nothing, whatever the state. */
static void
probe(const char *file, int line, struct cell *c, unsigned answer)
{
	rig_run(c->r, QUIET_MS);
	peer_skip(c->p);
	send(c, A, R - 1, U, 0);
	want_at(file, line, c, answer);
}

void
state_at(const char *file, int line, struct cell *c, enum la_state s)
{
	switch (s) {
	case LA_LISTEN:
		peer_expect_state_at(file, line, c->p, LA_CLOSED);
		probe(file, line, c, RST_ACK);
		probe_listener(file, line, c, true);
		return;
	case LA_CLOSED:
		peer_expect_state_at(file, line, c->p, LA_CLOSED);
		probe(file, line, c, RST_ACK);
		if (c->row->state == LA_CLOSED)
			probe_listener(file, line, c, false);
		break;
	case LA_SYN_SENT: /* not synchronized: RFC 9293 knows no segment that asks and changes
			     nothing */
		peer_expect_state_at(file, line, c->p, s);
		return;
	default:
		peer_expect_state_at(file, line, c->p, s);
		probe(file, line, c, CHK);
		break;
	}
	peer_expect_state_at(file, line, c->p, s);
}

void
stays_at(const char *file, int line, struct cell *c)
{
	const struct user *u = &c->p->u, *e = &c->entry;

	state_at(file, line, c, c->row->state);
	if (u->bytes != e->bytes || u->peer_fin != e->peer_fin || u->closed != e->closed ||
	    u->opened != e->opened)
		rig_fail(c->r, file, line,
			 "the user was told: %llu bytes, %u FIN, %u opened, %u closed (%s)",
			 (unsigned long long)(u->bytes - e->bytes), u->peer_fin - e->peer_fin,
			 u->opened - e->opened, u->closed - e->closed, la_end_name(u->why.end));
}

void
gone_at(const char *file, int line, struct cell *c, enum la_end end)
{
	state_at(file, line, c, LA_CLOSED);
	user_expect_closed_at(file, line, c->p, end);
}

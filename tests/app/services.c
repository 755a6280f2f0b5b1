/* SPDX-License-Identifier: BSD-3-Clause */

#include "services.h"

#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "server/payload.h"

struct bench b;

/* ---- the service ---- */

static uint64_t
server_now(void)
{
	return la_shard_now(la_sim_shard(b.w, 1));
}

static void
opened(struct la_conn *c, void *user)
{
	b.opened_at = server_now();
	b.real.opened(c, user);
}

static void
acked(struct la_conn *c, void *user)
{
	b.acked_at = server_now();
	b.real.acked(c, user);
}

static void
closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	b.closed_at = server_now();
	b.closed++;
	b.end = why->end;
	b.real.closed(c, user, why);
}

void
pass(uint64_t ms)
{
	la_sim_run(b.w, la_sim_now(b.w) + ms * SIM_MS);
}

void
bench_make(const struct service_def *def, uint32_t idle_ms)
{
	static uint8_t pattern[PATTERN_LEN], chargen[CHARGEN_LEN];
	struct la_sim_config cfg = {
		.seed = 1, .nhosts = 2, .link = {.delay_us = DELAY_MS * SIM_MS}, .mbufs = 4000, .flights = 4000};

	payload_fill(pattern, chargen);
	memset(&b, 0, sizeof(b));
	b.w = sim_make(&cfg);
	pass(10000); /* until all announcements are sent */
	b.mbufs = rte_mempool_avail_count(la_sim_mbufs(b.w));
	http_options.head_ms = 20000;
	service_init(&b.s, def, PORT);
	b.s.opts.nodelay = true;
	b.s.opts.msl_ms = 100;
	b.s.opts.fin_wait_2_ms = 60000;
	b.s.idle_ms = idle_ms;
	b.s.server_first = true;
	b.real = b.s.ops;
	b.s.ops.opened = opened;
	b.s.ops.acked = acked;
	b.s.ops.closed = closed;
}

void
serve(void)
{
	cr_assert_eq(service_start(&b.s, la_sim_shard(b.w, 1), 64), 0);
	la_sim_settle(b.w);
}

uint64_t
count(unsigned k)
{
	return b.s.count[k];
}

unsigned
mbufs_used(void)
{
	return b.mbufs - rte_mempool_avail_count(la_sim_mbufs(b.w));
}

/* A call outside a callback has the time of the shard's last call. Sets the time of the shard to now. */
static void
wake(unsigned host)
{
	(void)la_shard_poll(la_sim_shard(b.w, host), LA_SIM_HEADROOM_MS + la_sim_now(b.w) / SIM_MS);
}

/* ---- la_send*() of a shard that is short of buffers ---- */

ssize_t __real_la_send(struct la_conn *c, const void *buf, size_t len);
ssize_t __real_la_send_const(struct la_conn *c, const void *buf, size_t len);
ssize_t __wrap_la_send(struct la_conn *c, const void *buf, size_t len);
ssize_t __wrap_la_send_const(struct la_conn *c, const void *buf, size_t len);

/* Returns how many of len bytes are accepted: 0 in half of the calls of the service, all len bytes of a client. */
static size_t
taken(const struct la_conn *c, size_t len)
{
	const struct svc_conn *sc = b.s.head;
	size_t n;

	while (sc && sc->c != c)
		sc = sc->next;
	if (!sc || !b.short_sends || !len)
		return len;
	b.short_sends = b.short_sends * 1664525 + 1013904223;
	n = b.short_sends >> 31 ? 0 : (b.short_sends >> 8) % 700 + 1;
	if (n >= len)
		return len;
	b.writable_due = true;
	return n;
}

ssize_t
__wrap_la_send(struct la_conn *c, const void *buf, size_t len)
{
	len = taken(c, len);
	return len ? __real_la_send(c, buf, len) : 0;
}

ssize_t
__wrap_la_send_const(struct la_conn *c, const void *buf, size_t len)
{
	len = taken(c, len);
	return len ? __real_la_send_const(c, buf, len) : 0;
}

void
pass_short_sends(uint64_t ms, uint64_t every)
{
	for (uint64_t t = 0; t < ms; t += every) {
		pass(every);
		if (!b.writable_due || !b.s.head)
			continue;
		b.writable_due = false;
		wake(1);
		if (b.s.head)
			b.s.ops.writable(b.s.head->c, b.s.head);
		la_sim_settle(b.w);
	}
}

void
drain(void)
{
	wake(1);
	service_drain(&b.s, la_sim_shard(b.w, 1));
	la_sim_settle(b.w);
}

void
bench_over(void)
{
	la_sim_quiet(b.w, la_sim_now(b.w) + UINT64_C(3600) * SIM_S);
	cr_expect_eq(b.s.conns.used, 0, "%u connections are left", b.s.conns.used);
	cr_expect_eq(mbufs_used(), 0, "%u packet buffers are left", mbufs_used());
	cr_expect_eq(la_sim_no_mbufs(b.w), 0);
	service_fini(&b.s);
}

/* ---- clients ---- */

static uint64_t
client_now(void)
{
	return la_shard_now(la_sim_shard(b.w, 0));
}

static void
read_some(struct client *cl, uint32_t max)
{
	const void *span;
	size_t n;

	while (max > 0 && cl->c && (n = la_peek(cl->c, &span)) > 0) { /* reading the last byte may end the connection */
		if (n > max)
			n = max;
		if (max != ALL)
			max -= (uint32_t)n;
		if (cl->in_len + n > cl->in_room) {
			cl->in_room = 2 * cl->in_room + n;
			cl->in = realloc(cl->in, cl->in_room);
			cr_assert_not_null(cl->in);
		}
		memcpy(cl->in + cl->in_len, span, n);
		cl->in_len += n;
		la_consume(cl->c, n);
	}
}

static void
write_some(struct client *cl, uint32_t max)
{
	static const char junk[64] = "junk";
	size_t n = cl->out_len - cl->out_pos;
	ssize_t took;

	if (cl->out_pos < cl->out_len) {
		took = la_send(cl->c, cl->out + cl->out_pos, n < max ? n : max);
		cl->out_pos += took > 0 ? (size_t)took : 0;
		if (cl->fin_after && cl->out_pos == cl->out_len)
			la_shutdown(cl->c);
	} else if (cl->junk) {
		(void)la_send(cl->c, junk, cl->junk);
	}
}

static void
step(struct client *cl)
{
	read_some(cl, cl->read);
	if (!cl->c)
		return;
	if (cl->fin_at && !cl->keep_open && la_unread(cl->c) == 0) {
		la_close(cl->c);
		return;
	}
	write_some(cl, cl->write);
}

static void
on_opened(struct la_conn *c, void *user)
{
	struct client *cl = user;

	cl->opened_at = client_now();
	write_some(cl, cl->write);
	la_set_timer(c, cl->step_ms);
}

static void
on_data(struct la_conn *c, void *user)
{
	struct client *cl = user;

	(void)c;
	if (cl->read == ALL)
		read_some(cl, ALL);
}

static void
on_writable(struct la_conn *c, void *user)
{
	struct client *cl = user;

	(void)c;
	if (cl->write == ALL)
		write_some(cl, ALL);
}

static void
on_peer_fin(struct la_conn *c, void *user)
{
	struct client *cl = user;

	(void)c;
	cl->fin_at = client_now();
}

static void
on_timer(struct la_conn *c, void *user)
{
	struct client *cl = user;

	la_set_timer(c, cl->step_ms);
	step(cl);
}

static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct client *cl = user;

	(void)c;
	cl->c = NULL;
	cl->closed_at = client_now();
	cl->end = why->end;
}

static const struct la_conn_ops client_ops = {.opened = on_opened,
					      .data = on_data,
					      .writable = on_writable,
					      .peer_fin = on_peer_fin,
					      .timer = on_timer,
					      .closed = on_closed};

void
client_open(struct client *cl, uint32_t rcvbuf)
{
	static uint16_t port = 20000;
	struct la_tuple t = {la_sim_addr(b.w, 0, false), la_sim_addr(b.w, 1, false), port++, PORT};
	struct la_conn_opts o = {.rcvbuf = rcvbuf, .nodelay = true, .msl_ms = 100};

	if (cl->step_ms == 0)
		cl->step_ms = 10;
	cr_assert_eq(la_connect(la_sim_shard(b.w, 0), &t, &client_ops, cl, &o, &cl->c), 0);
	la_sim_settle(b.w);
}

void
client_read(struct client *cl, uint32_t read)
{
	cl->read = read;
	wake(0);
	read_some(cl, read);
	la_sim_settle(b.w);
}

void
client_free(struct client *cl)
{
	free(cl->in);
	memset(cl, 0, sizeof(*cl));
}

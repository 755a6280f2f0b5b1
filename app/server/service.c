/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "core/mem.h"
#include "server/service.h"

static const struct svc_count_def common[SVC_NCOMMON] = {
	[SVC_IDLE_CLOSED] = {"idle_closed", NULL, "idle connections closed"},
	[SVC_NO_PROGRESS] = {"no_progress", NULL,
			     "connections aborted: the client acknowledged no byte within the time-out"},
	[SVC_LINGER_EXPIRED] = {"linger_expired", NULL, "closes whose FIN the client did not answer within 10 s"},
	[SVC_PAUSED] = {"paused", NULL, "times that reading stopped because answers could not be sent"},
};

unsigned
service_ncounts(const struct service_def *def)
{
	return SVC_NCOMMON + def->ncounts;
}

const struct svc_count_def *
service_count_def(const struct service_def *def, unsigned k)
{
	return k < SVC_NCOMMON ? &common[k] : &def->counts[k - SVC_NCOMMON];
}

int
service_start(struct service *s, struct la_shard *shard, uint32_t max_conns)
{
	int rc = slab_init(&s->conns, s->def->conn_size, max_conns);

	if (rc)
		return rc;
	if (s->def->own_size > 0) {
		s->own = la_mem_alloc(NULL, s->def->own_size, 64);
		if (s->own == NULL)
			return -ENOMEM;
	}
	s->shard = shard;
	return la_listen(shard, NULL, s->port, &s->ops, s, &s->opts);
}

void
service_drain(struct service *s, struct la_shard *shard)
{
	struct svc_conn *sc, *next;

	s->draining = true;
	la_unlisten(shard, NULL, s->port);
	for (sc = s->head; sc; sc = next) {
		next = sc->next;
		if (sc->lingering)
			continue;
		if (s->def->drain)
			s->def->drain(sc);
		else
			svc_linger(sc);
	}
}

void
service_fini(struct service *s)
{
	slab_fini(&s->conns);
	if (s->own)
		la_mem_free(NULL, s->own, s->def->own_size);
	s->own = NULL;
}

void *
svc_open(struct la_conn *c, struct service *s)
{
	struct svc_conn *sc = slab_get(&s->conns);

	/* cannot happen: the slab has an object for every connection of the shard */
	if (sc == NULL) {
		static const struct la_conn_ops none;

		la_set_ops(c, &none);
		la_abort(c);
		return NULL;
	}
	sc->c = c;
	sc->s = s;
	sc->deadline = UINT64_MAX;
	sc->next = s->head;
	sc->link = &s->head;
	if (s->head)
		s->head->link = &sc->next;
	s->head = sc;
	la_set_user(c, sc);
	svc_progress(sc);
	svc_arm(sc);
	return sc;
}

void
svc_discard(struct svc_conn *sc)
{
	size_t n = la_unread(sc->c);

	if (n > 0)
		la_consume(sc->c, n);
}

bool
svc_may_read(struct svc_conn *sc)
{
	bool may = la_unsent(sc->c) < SVC_UNSENT_MAX;

	if (!may && !sc->paused)
		sc->s->count[SVC_PAUSED]++;
	sc->paused = !may;
	return may;
}

/* ---- time-outs ---- */

void
svc_progress(struct svc_conn *sc)
{
	sc->progress_at = la_shard_now(sc->s->shard);
}

void
svc_received(struct svc_conn *sc)
{
	if (la_unacked(sc->c) == 0)
		svc_progress(sc);
}

/* Returns the time at which the connection times out if there is no further progress; UINT64_MAX: never. */
static uint64_t
svc_expires(const struct svc_conn *sc)
{
	uint64_t idle = sc->s->idle_ms;

	if (la_unacked(sc->c) > 0) {
		if ((idle || sc->lingering) && idle < SVC_STALL_MS)
			idle = SVC_STALL_MS;
	} else if (sc->lingering) {
		idle = SVC_LINGER_MS;
	}
	return idle && sc->progress_at + idle < sc->deadline ? sc->progress_at + idle : sc->deadline;
}

void
svc_arm(struct svc_conn *sc)
{
	uint64_t now = la_shard_now(sc->s->shard), at = svc_expires(sc);

	if (at == UINT64_MAX)
		la_set_timer(sc->c, 0);
	else
		la_set_timer(sc->c, at > now ? (uint32_t)(at - now) : 1);
}

bool
svc_time_left(struct svc_conn *sc)
{
	if (svc_expires(sc) <= la_shard_now(sc->s->shard))
		return false;
	svc_arm(sc);
	return true;
}

void
svc_no_progress(struct svc_conn *sc)
{
	sc->s->count[SVC_NO_PROGRESS]++;
	la_abort(sc->c);
}

void
svc_idle(struct svc_conn *sc)
{
	if (la_unacked(sc->c) > 0 || la_unread(sc->c) > 0) {
		svc_no_progress(sc);
		return;
	}
	sc->s->count[SVC_IDLE_CLOSED]++;
	if (sc->s->server_first)
		svc_linger(sc);
	else
		svc_close(sc);
}

/* ---- ending ---- */

void
svc_close(struct svc_conn *sc)
{
	svc_discard(sc); /* with unread bytes the close would be a reset */
	la_close(sc->c);
}

void
svc_linger(struct svc_conn *sc)
{
	sc->lingering = true;
	sc->deadline = UINT64_MAX;
	svc_discard(sc);
	svc_received(sc);
	svc_arm(sc);
	la_shutdown(sc->c);
}

bool
svc_linger_data(struct svc_conn *sc)
{
	if (sc->lingering)
		svc_discard(sc);
	return sc->lingering;
}

bool
svc_linger_fin(struct svc_conn *sc)
{
	bool lingering = sc->lingering;

	if (lingering)
		svc_close(sc);
	return lingering;
}

bool
svc_linger_timer(struct svc_conn *sc)
{
	if (!sc->lingering)
		return false;
	if (svc_time_left(sc))
		return true;
	if (la_unacked(sc->c) > 0) {
		svc_no_progress(sc);
		return true;
	}
	sc->s->count[SVC_LINGER_EXPIRED]++;
	svc_close(sc);
	return true;
}

/* ---- default callbacks ---- */

static void
on_opened(struct la_conn *c, void *user)
{
	svc_open(c, user);
}

void
svc_on_data(struct la_conn *c, void *user)
{
	(void)c;
	svc_received(user);
	svc_discard(user);
}

void
svc_on_acked(struct la_conn *c, void *user)
{
	struct svc_conn *sc = user;

	svc_progress(sc);
	if (la_unacked(c) == 0 && (sc->lingering || sc->s->idle_ms < SVC_STALL_MS))
		svc_arm(sc); /* without unacknowledged bytes the time-out may be shorter */
}

static void
on_peer_fin(struct la_conn *c, void *user)
{
	(void)c;
	svc_close(user);
}

static void
on_timer(struct la_conn *c, void *user)
{
	struct svc_conn *sc = user;

	(void)c;
	if (!svc_linger_timer(sc) && !svc_time_left(sc))
		svc_idle(sc);
}

/* Takes the connection off the list, and frees it. */
static void
on_closed(struct la_conn *c, void *user, const struct la_closed *why)
{
	struct svc_conn *sc = user;

	(void)c;
	(void)why;
	*sc->link = sc->next;
	if (sc->next)
		sc->next->link = sc->link;
	slab_put(&sc->s->conns, sc);
}

void
service_init(struct service *s, const struct service_def *def, uint16_t port)
{
	*s = (struct service){.def = def,
			      .ops = def->ops,
			      .opts = {.nodelay = def->nodelay},
			      .port = port,
			      .server_first = def->first == SVC_FIRST_SERVER};
	if (s->ops.opened == NULL)
		s->ops.opened = on_opened;
	if (s->ops.data == NULL)
		s->ops.data = svc_on_data;
	if (s->ops.acked == NULL)
		s->ops.acked = svc_on_acked;
	if (s->ops.peer_fin == NULL)
		s->ops.peer_fin = on_peer_fin;
	if (s->ops.timer == NULL)
		s->ops.timer = on_timer;
	if (s->ops.closed == NULL)
		s->ops.closed = on_closed;
}

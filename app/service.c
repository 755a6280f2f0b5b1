/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

enum { LINGER_MS = 10000 };

int
service_start(struct service *s, struct la_shard *shard, uint32_t max_conns)
{
	int rc = slab_init(&s->conns, s->def->conn_size, max_conns);

	if (rc)
		return rc;
	return la_listen(shard, NULL, s->port, &s->def->ops, s, &s->opts);
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
}

void *
svc_open(struct la_conn *c, struct service *s)
{
	struct svc_conn *sc = slab_get(&s->conns);

	/* there are as many as the shard has connections; this is for the day somebody forgets that */
	if (sc == NULL) {
		static const struct la_conn_ops nobody;

		la_set_ops(c, &nobody);
		la_abort(c);
		return NULL;
	}
	sc->c = c;
	sc->s = s;
	sc->next = s->head;
	sc->link = &s->head;
	if (s->head)
		s->head->link = &sc->next;
	s->head = sc;
	la_set_user(c, sc);
	return sc;
}

void
svc_gone(struct svc_conn *sc)
{
	*sc->link = sc->next;
	if (sc->next)
		sc->next->link = sc->link;
	slab_put(&sc->s->conns, sc);
}

void
svc_discard(struct svc_conn *sc)
{
	size_t n = la_unread(sc->c);

	if (n > 0)
		la_consume(sc->c, n);
}

void
svc_close(struct svc_conn *sc)
{
	svc_discard(sc); /* unread bytes would make it a reset */
	la_close(sc->c);
}

void
svc_linger(struct svc_conn *sc)
{
	sc->lingering = true;
	svc_discard(sc);
	la_set_timer(sc->c, LINGER_MS);
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
	return svc_linger_fin(sc);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/* Two listeners on one port: la_unlisten() ends only the half-open connections of its own listener
 * (C-25). */

#include "scenario.h"

struct service {
	unsigned opened;
	bool gone; /* la_unlisten() has returned, so `opened` must not run for this listener */
	struct rig *r;
};

static void
service_opened(struct la_conn *c, void *user)
{
	struct service *v = user;

	(void)c;
	CHECK(v->r, !v->gone, "`opened` ran with the user pointer of a removed listener");
	v->opened++;
}

static const struct la_conn_ops service_ops = {.opened = service_opened};

static void
service_listen(struct scene *s, struct service *v, const struct la_addr *addr)
{
	v->r = s->r;
	CHECK(s->r, la_listen(s->r->s, addr, 80, &service_ops, v, NULL) == 0, "la_listen failed");
}

static void
service_stop(struct service *v, const struct la_addr *addr)
{
	CHECK(v->r, la_unlisten(v->r->s, addr, 80) == 0, "la_unlisten failed");
	v->gone = true;
	rig_pump(v->r);
}

static const struct la_addr *
first(const struct scene *s)
{
	return s->o.ip6 ? &s->r->addr6 : &s->r->addr4;
}

SCENARIO(listener, narrow_goes, "la_unlisten() of one address keeps the listener of all addresses")
{
	struct service any = {0}, one = {0};
	struct peer *p, *q;

	service_listen(s, &any, NULL);
	service_listen(s, &one, first(s));
	p = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_passive(p); /* a half-open connection of the listener `one` */
	s->o.other = true;
	q = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_passive(q); /* a half-open connection of the listener `any` */
	service_stop(&one, first(s));
	peer_expect(p, LA_RST | LA_ACK, p->ISS + 1, p->IRS + 1, 0);
	peer_expect_state(p, LA_CLOSED);
	peer_expect_state(q, LA_SYN_RCVD);
	peer_ack(q);
	CHECK(s->r, any.opened == 1 && one.opened == 0, "opened %u and %u", any.opened, one.opened);
	CHECK(s->r, rig_counter(s->r, LA_C_embryonic_gone) == 1, "embryonic_gone is not 1");
}

SCENARIO(listener, wide_goes, "la_unlisten() of all addresses keeps the listener of one address")
{
	struct service any = {0}, one = {0};
	struct peer *p, *q;

	service_listen(s, &any, NULL);
	p = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_passive(p); /* a half-open connection of the listener `any`: `one` does not exist yet */
	service_listen(s, &one, first(s));
	q = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_passive(q); /* a half-open connection of `one` */
	service_stop(&any, NULL);
	peer_expect(p, LA_RST | LA_ACK, p->ISS + 1, p->IRS + 1, 0);
	peer_expect_state(p, LA_CLOSED);
	peer_ack(q);
	peer_expect_state(q, LA_ESTABLISHED);
	CHECK(s->r, one.opened == 1 && any.opened == 0, "opened %u and %u", one.opened, any.opened);
}

SCENARIO(listener, same_place,
	 "a new listener on the same address does not get the half-open connections of the old listener")
{
	struct service old = {0}, new = {0};
	struct peer *p;

	service_listen(s, &old, first(s));
	p = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_passive(p);
	service_stop(&old, first(s));
	peer_expect(p, LA_RST | LA_ACK, p->ISS + 1, p->IRS + 1, 0);
	service_listen(s, &new, first(s));
	peer_renew(p, p->IRS + 1000);
	peer_to_syn_rcvd_passive(p);
	peer_ack(p);
	CHECK(s->r, new.opened == 1, "opened %u", new.opened);
}

SCENARIO(listener, established_stays, "established connections survive la_unlisten()")
{
	struct service any = {0}, one = {0};
	struct peer *p;

	service_listen(s, &any, NULL);
	service_listen(s, &one, first(s));
	p = peer_new(s->r, &s->o);
	peer_to_syn_rcvd_passive(p);
	peer_ack(p);
	service_stop(&one, first(s));
	peer_expect_none(p, 0);
	peer_expect_state(p, LA_ESTABLISHED);
	CHECK(s->r, one.opened == 1 && any.opened == 0, "opened %u and %u", one.opened, any.opened);
}

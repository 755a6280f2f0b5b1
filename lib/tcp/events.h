/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_TCP_EVENTS_H
#define LA_TCP_EVENTS_H

/* The callbacks of one segment, in their order. In line, because the fast path knows most of `news`. */

#include "tcp/internal.h"

/* Returns whether the callback of `flag` is due. The user may have closed or aborted in the previous callback. */
static __rte_always_inline bool
event_is_due(const struct la_tcb *c, uint32_t news, uint32_t flag)
{
	return (news & flag) && la_tcb_has_user(c);
}

/** Calls `opened`, `acked`, `data` and `peer_fin` of a BUSY connection, as far as they are due. news: LA_F_NEW_*. */
static __rte_always_inline void
la_events_run(struct la_tcb *c, uint32_t news)
{
	struct la_conn *conn = (struct la_conn *)c;

	if (event_is_due(c, news, LA_F_NEW_OPEN) && c->ops->opened)
		c->ops->opened(conn, c->user);
	if (event_is_due(c, news, LA_F_NEW_ACK) && c->ops->acked && la_tcb_is_live(c))
		c->ops->acked(conn, c->user);
	if (event_is_due(c, news, LA_F_NEW_DATA) && c->rcv_queued && c->ops->data) /* `opened` may have read all data */
		c->ops->data(conn, c->user);
	if (event_is_due(c, news, LA_F_NEW_FIN) && c->ops->peer_fin)
		c->ops->peer_fin(conn, c->user);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a connection of a load: the kind of the end, whether the connection failed, and the counters. */

#include "load/internal.h"

static enum load_kind
kind_of(const struct load_conn *lc, enum la_end end)
{
	switch (end) {
	case LA_END_ORDERLY:
		return (enum load_kind)lc->first;
	case LA_END_RESET:
		return KIND_RESET;
	case LA_END_TIMEOUT:
		return KIND_TIMEOUT;
	case LA_END_REFUSED:
		return KIND_REFUSED;
	case LA_END_FIN_WAIT_2:
		return KIND_FIN_WAIT_2;
	case LA_END_ABORTED:
	case LA_NENDS:
		break;
	}
	if (lc->unread)
		return KIND_BAD_ANSWER;
	return lc->gave_up ? KIND_GAVE_UP : lc->aborted ? KIND_ABORTED : KIND_UNFINISHED;
}

void
load_conn_end(struct load_conn *lc, enum la_end end, uint64_t now)
{
	struct load_station *st = lc->st;
	enum load_kind kind = kind_of(lc, end);
	bool complete = lc->opened && (lc->left == 0 || lc->carry) && (load_is_orderly(kind) || lc->aborted);
	enum load_cause cause = load_cause((enum close_mode)lc->mode, kind, complete, lc->spoilt);

	if (cause == CAUSE_UNPLANNED && lc->peer_closes) /* the peer was allowed to close first */
		cause = CAUSES;
	if (load_is_orderly(kind)) {
		load_record(lc, LAT_CLOSE, lc->fin, now);
		LOAD_ADD(st->at[lc->target].orderly, 1);
	} else if (kind == KIND_UNFINISHED) {
		load_record(lc, LAT_UNFINISHED, lc->due, now);
	}
	LOAD_ADD(st->n.ended[lc->mode][kind], 1);
	if (complete)
		LOAD_ADD(st->n.complete, 1);
	else
		LOAD_ADD(st->n.incomplete, 1);
	if (cause != CAUSES) {
		LOAD_ADD(st->n.failed[cause], 1);
		LOAD_ADD(st->at[lc->target].failed, 1);
	}
	if (st->step && !lc->carried) {
		st->step[lc->step].complete += complete;
		st->step[lc->step].failed += cause != CAUSES;
	}
}

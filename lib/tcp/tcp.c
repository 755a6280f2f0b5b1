/* SPDX-License-Identifier: BSD-3-Clause */
/* The TCP of one shard: creation and end, time, packets for lib/net, ICMP. */

#include <errno.h>

#include "core/config.h"
#include "tcp/board.h"
#include "tcp/hold.h"

enum {
	TIMERS_A_POLL = 1024,
	TIMER_PACKETS_A_POLL = 128, /* the last batch of a poll may exceed this number */
	PENDING_A_POLL = 64,
	TIMER_BATCH = 32,
};

/* Within the ranges of config.def no sum of table sizes overflows, and a la_ref can name every slot. */
_Static_assert((uint64_t)LA_CONFIG_MAX_max_conns *LA_WHEEL_REFS + LA_CONFIG_MAX_max_time_wait4 +
			       LA_CONFIG_MAX_max_time_wait6 <=
		       UINT32_MAX,
	       "references of the wheel are counted in 32 bits");
_Static_assert(LA_CONFIG_MAX_max_conns < LA_REF_SLOT_MASK && LA_CONFIG_MAX_max_time_wait4 < LA_REF_SLOT_MASK &&
		       LA_CONFIG_MAX_max_time_wait6 < LA_REF_SLOT_MASK,
	       "la_ref has room for every slot");
_Static_assert(LA_CONFIG_MAX_msl_ms < (uint32_t)LA_TIMER_MAX_MS / 2 &&
		       LA_CONFIG_MAX_orphan_ms <= (uint32_t)LA_TIMER_MAX_MS,
	       "the shard's values are valid for connections, whose defaults they are");

static uint32_t
wheel_refs(uint32_t conns, uint32_t tw4, uint32_t tw6)
{
	return tw4 + tw6 + conns * LA_WHEEL_REFS;
}

static size_t
wheel_bytes(uint32_t refs)
{
	return la_wheel_memory(la_wheel_slots(refs), refs);
}

static size_t
tcb_bytes(uint32_t conns)
{
	return ((size_t)conns + 1) * sizeof(struct la_tcb);
}

static size_t
board_bytes(uint32_t conns)
{
	return la_boards_of(conns) * sizeof(struct la_board);
}

static uint32_t
isn_places(uint32_t conns)
{
	return rte_align32pow2(RTE_MIN(RTE_MAX(conns, (uint32_t)LA_ISN_ENDS_MIN), (uint32_t)LA_ISN_ENDS_MAX));
}

/* The small tables of every shard, of a fixed size. */
struct small {
	struct rte_mbuf *out[LA_TCP_OUT_MAX];
	struct la_listener listeners[LA_TCP_LISTENERS];
	struct la_profile profiles[LA_TCP_PROFILES];
	uint16_t listen_port[65536];
	struct la_call calls[LA_TCP_CALLS];
};

size_t
la_tcp_memory(const struct la_shard_config *cfg)
{
	uint32_t conns = cfg->max_conns, tw4 = cfg->max_time_wait4, tw6 = cfg->max_time_wait6;

	assert(la_config_is_filled(cfg));
	return sizeof(struct small) + isn_places(conns) * sizeof(struct la_isn_end) + tcb_bytes(conns) +
	       board_bytes(conns) + la_index_memory(conns + tw4 + tw6) + la_tw_memory(tw4, tw6) +
	       wheel_bytes(wheel_refs(conns, tw4, tw6)) + la_wheel_memory(LA_DELACK_SLOTS, conns);
}

int
la_tcp_init(struct la_tcp *t, const struct la_shard_config *cfg, struct la_counters *counters)
{
	struct small *small;
	uint32_t conns = cfg->max_conns, tw4 = cfg->max_time_wait4, tw6 = cfg->max_time_wait6, refs;
	int err;

	assert(la_config_is_filled(cfg) && !la_config_check(cfg));
	memset(t, 0, sizeof(*t));
	t->now = cfg->now;
	t->tick = (uint32_t)cfg->now;
	t->offloads = cfg->offloads;
	t->counters = counters;
	t->mbufs = cfg->mbufs;
	t->control = cfg->control;
	t->buf_len = rte_pktmbuf_data_room_size(cfg->mbufs);
	t->hold.max = cfg->max_held;
	t->hold.extra = t->hold.max - RTE_MIN(conns, t->hold.max - t->hold.max / 8);
	t->hold.common = t->hold.extra - t->hold.extra / 4;
	t->hold.low = cfg->low_mbufs;
	t->out_text = LA_TCP_OUT_MAX - LA_TCP_OUT_CONTROL;
	t->hold.max_orphans = cfg->max_orphans;
	t->hold.cell = 1u << (31 - __builtin_clz(t->buf_len - RTE_PKTMBUF_HEADROOM));
	t->mem = cfg->mem;
	t->mtu = cfg->mtu;
	t->rto_min = cfg->rto_min_ms;
	t->msl = cfg->msl_ms;
	t->orphan_ms = cfg->orphan_ms;
	t->tw_full_reset = cfg->tw_full_reset;
	t->cookies_at = cfg->syn_cookies_at;
	t->rst_rate = cfg->rst_rate;
	t->rsts = la_tokens_full(t->rst_rate, t->now);
	/* one tick is added, because the current time is somewhere within a tick */
	t->quiet_until = cfg->quiet_ms ? cfg->now + cfg->quiet_ms + 1 : 0;
	la_hash_key_init(&t->key, cfg->secret);
	/* cookies of an earlier process with this secret are invalid, because it is unknown which of them were used */
	for (unsigned i = 0; i < sizeof(cfg->now); i++)
		t->key.cookie[i] ^= (uint8_t)(cfg->now >> (8 * i));

	small = la_mem_alloc(t->mem, sizeof(*small), 64);
	if (!small)
		return -ENOMEM;
	t->out = small->out;
	t->listeners = small->listeners;
	t->profiles = small->profiles;
	t->listen_port = small->listen_port;
	t->calls = small->calls;
	t->tcb_capacity = conns;
	t->tcb_fresh = 1;
	err = -ENOMEM;
	t->isn_mask = isn_places(conns) - 1;
	t->isn_ends = la_mem_alloc(t->mem, (t->isn_mask + 1) * sizeof(struct la_isn_end), 64);
	if (!t->isn_ends)
		goto no_isn;
	t->tcbs = la_mem_alloc(t->mem, tcb_bytes(conns), 64);
	if (!t->tcbs)
		goto no_tcbs;
	t->board_capacity = la_boards_of(conns);
	t->boards = la_mem_alloc(t->mem, board_bytes(conns), 64);
	if (!t->boards)
		goto no_boards;
	err = la_index_init(&t->index, t->mem, conns + tw4 + tw6);
	if (err)
		goto no_index;
	refs = wheel_refs(conns, tw4, tw6);
	err = la_wheel_init(&t->wheel, t->mem, la_wheel_slots(refs), refs, t->tick);
	if (err)
		goto no_wheel;
	err = la_wheel_init(&t->delack, t->mem, LA_DELACK_SLOTS, conns, t->tick);
	if (err)
		goto no_delack;
	err = la_tw_init(&t->tw, t->mem, &t->index, &t->wheel, &t->key, counters, tw4, tw6);
	if (err)
		goto no_tw;
	la_tw_share_set(&t->tw, cfg->tw_share_percent);
	return 0;
no_tw:
	la_wheel_fini(&t->delack);
no_delack:
	la_wheel_fini(&t->wheel);
no_wheel:
	la_index_fini(&t->index);
no_index:
	la_mem_free(t->mem, t->boards, board_bytes(conns));
no_boards:
	la_mem_free(t->mem, t->tcbs, tcb_bytes(conns));
no_tcbs:
	la_mem_free(t->mem, t->isn_ends, (t->isn_mask + 1) * sizeof(struct la_isn_end));
no_isn:
	la_mem_free(t->mem, small, sizeof(*small));
	return err;
}

void
la_tcp_fini(struct la_tcp *t)
{
	for (uint32_t i = 1; i < t->tcb_fresh; i++)
		la_tcb_drop_buffers(&t->tcbs[i]);
	for (unsigned i = t->out_head; i < t->out_n; i++)
		rte_pktmbuf_free(t->out[i]);
	la_tw_fini(&t->tw);
	la_wheel_fini(&t->delack);
	la_wheel_fini(&t->wheel);
	la_index_fini(&t->index);
	la_mem_free(t->mem, t->boards, board_bytes(t->tcb_capacity));
	la_mem_free(t->mem, t->tcbs, tcb_bytes(t->tcb_capacity));
	la_mem_free(t->mem, t->isn_ends, (t->isn_mask + 1) * sizeof(struct la_isn_end));
	la_mem_free(t->mem, t->out, sizeof(struct small));
}

void
la_tcp_now(struct la_tcp *t, uint64_t now)
{
	if (unlikely(t->ncalls))
		la_calls_told(t, now > t->now ? (uint32_t)now : t->tick);
	if (now > t->now) {
		t->now = now;
		t->tick = (uint32_t)now;
		la_hold_tick(t);
	}
}

/* --- time ------------------------------------------------------------------------------------------------ */

/* Runs a batch of references that fire at one tick: all TIME_WAIT entries together, then each connection. */
static void
tcp_expire_batch(struct la_tcp *t, const uint32_t *refs, unsigned n, uint32_t tick)
{
	uint32_t live[TIMER_BATCH], tw[TIMER_BATCH];
	unsigned nlive = 0, ntw = 0;

	for (unsigned i = 0; i < n; i++) {
		if (la_ref_pool(refs[i]) == LA_POOL_TCB) {
			live[nlive++] = la_ref_slot(refs[i]);
			__builtin_prefetch(&t->tcbs[la_ref_slot(refs[i])]);
		} else {
			tw[ntw++] = refs[i];
		}
	}
	if (ntw)
		la_tw_wheel_burst(&t->tw, tw, ntw, tick);
	for (unsigned i = 0; i < nlive; i++)
		la_tcb_wheel(t, live[i], tick);
}

/* Runs due timers. Thousands of timers can be due in one tick, of a flood's half-open connections or of all connections
 * over a failed link. Their packets are spread over several polls, so that the port's queue has room for other answers.
 * Returns whether timers are still due. */
static __rte_noinline bool
run_wheels(struct la_tcp *t)
{
	uint32_t refs[TIMER_BATCH], tick;
	unsigned n, done = 0, most = la_tcp_out_waiting(t) + TIMER_PACKETS_A_POLL;

	if (most > LA_TCP_OUT_CROWDED)
		most = LA_TCP_OUT_CROWDED;
	while (la_tcp_out_waiting(t) <= most && (n = la_wheel_pop(&t->delack, t->tick, refs, TIMER_BATCH, &tick)) != 0)
		for (unsigned i = 0; i < n; i++)
			la_timers_delack(t, refs[i]);
	do {
		if (la_tcp_out_waiting(t) > most)
			return true;
		n = la_wheel_pop(&t->wheel, t->tick, refs, TIMER_BATCH, &tick);
		tcp_expire_batch(t, refs, n, tick);
		done += n;
	} while (n && done < TIMERS_A_POLL);
	return n != 0;
}

/* Retries connections whose output did not fit, each once a poll. True: la_tcp.out is full, and connections wait. */
static __rte_noinline bool
run_pending(struct la_tcp *t)
{
	uint32_t last = t->pending_tail;

	for (unsigned i = 0; i < PENDING_A_POLL && t->pending_head; i++) {
		struct la_tcb *c;
		bool was_last;

		if (!la_tcp_has_out_room(t))
			return true;
		was_last = t->pending_head == last;
		c = la_tcb_unpend(t);
		if (!c)
			return false;
		c->flags |= LA_F_BUSY;
		la_input_end_work(c);
		if (was_last)
			break;
	}
	return false; /* the remaining connections wait for the next poll: an immediate retry would loop */
}

bool
la_tcp_poll(struct la_tcp *t)
{
	bool more;

	t->on_time = true;
	if (likely(la_wheel_is_done(&t->delack, t->tick) && la_wheel_is_done(&t->wheel, t->tick)))
		more = !la_tcp_has_out_room(t);
	else
		more = run_wheels(t);
	if (t->pending_head)
		more |= run_pending(t);
	la_hold_poll(t);
	t->on_time = false;
	return more;
}

uint64_t
la_tcp_next(const struct la_tcp *t)
{
	uint32_t at = 0, b;
	bool has = la_wheel_next(&t->wheel, &at);

	if (t->ncalls) /* the timers of these calls start at the next update of the time */
		return t->now;
	if (la_wheel_next(&t->delack, &b) && (!has || seq_lt(b, at))) {
		at = b;
		has = true;
	}
	if (has && seq_le(at, t->tick))
		return t->now;
	if (t->pending_head) /* output that did not fit may fit a tick later; an immediate retry would loop */
		return t->now + 1;
	if (la_hold_due(t, &b)) {
		b = seq_max(b, t->tick + 1);
		at = has ? seq_min(at, b) : b;
		has = true;
	}
	return has ? t->now + (at - t->tick) : UINT64_MAX;
}

unsigned
la_tcp_take(struct la_tcp *t, struct rte_mbuf **pkts, unsigned max)
{
	unsigned n = la_tcp_out_waiting(t);

	if (n > max)
		n = max;
	memcpy(pkts, t->out + t->out_head, n * sizeof(pkts[0]));
	t->out_head += n;
	if (t->out_head == t->out_n)
		t->out_head = t->out_n = 0;
	return n;
}

/* --- other calls of the shard ----------------------------------------------------------------------------- */

int
la_tcp_find(const struct la_tcp *t, const struct la_tuple *tuple, struct la_conn_info *info)
{
	/* the look-up does not write, but returns a place that the packet path may write, so it takes no const */
	struct la_tcp *u = (struct la_tcp *)(uintptr_t)t;
	la_ref ref = la_tcb_lookup_tuple(u, tuple, la_hash_tuple(&t->key, tuple));
	const struct la_tw_core *e;

	if (!ref)
		return -ENOENT;
	if (la_ref_pool(ref) == LA_POOL_TCB) {
		la_conn_info((const struct la_conn *)&t->tcbs[la_ref_slot(ref)], info);
		return 0;
	}
	e = la_tw_core(&t->tw, ref);
	*info = (struct la_conn_info){
		.tuple = *tuple,
		.state = (e->flags & LA_TW_FW2) ? LA_FIN_WAIT_2 : LA_TIME_WAIT,
		.snd_una = e->snd_nxt,
		.snd_nxt = e->snd_nxt,
		.rcv_nxt = e->rcv_nxt,
		.timestamps = (e->flags & LA_TW_TS) != 0,
	};
	/* the deadline is one tick after 2*MSL, so that it is never early (la_tw_lifetime()) */
	if (info->state == LA_TIME_WAIT && seq_gt(e->deadline, t->tick))
		info->time_wait_left_ms = e->deadline - t->tick - 1;
	return 0;
}

uint32_t
la_tcp_abort_all(struct la_tcp *t, unsigned max)
{
	for (; max && t->sweep + 1 < t->tcb_fresh && la_tcp_has_out_room(t); t->sweep++) {
		struct la_tcb *c = &t->tcbs[t->sweep + 1];

		if (!la_tcb_in_use(c))
			continue;
		la_abort((struct la_conn *)c);
		max--;
	}
	if (t->sweep + 1 >= t->tcb_fresh)
		t->sweep = 0;
	return t->tcb_live;
}

/* RFC 5927 4: only an error about a segment in flight is accepted. */
void
la_tcp_icmp(struct la_tcp *t, const struct la_tuple *tuple, uint32_t seq, enum la_tcp_icmp what, uint32_t mtu)
{
	la_ref ref = la_tcb_lookup_tuple(t, tuple, la_hash_tuple(&t->key, tuple));
	struct la_tcb *c = la_ref_pool(ref) == LA_POOL_TCB ? &t->tcbs[la_ref_slot(ref)] : NULL;

	if (!c || seq_lt(seq, c->snd_una) || !seq_lt(seq, c->snd_max)) {
		la_count(t, LA_C_icmp_unmatched);
		return;
	}
	if (what == LA_TCP_ICMP_PMTU) {
		t->on_time = true;
		la_pmtu_lower(c, mtu);
		t->on_time = false;
	} else if (what == LA_TCP_ICMP_HARD && c->state == LA_SYN_SENT) {
		la_count(t, LA_C_icmp_hard);
		la_end_conn(c, LA_END_REFUSED);
	} else {
		la_count(t, LA_C_icmp_soft);
	}
}

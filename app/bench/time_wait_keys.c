/* SPDX-License-Identifier: BSD-3-Clause */

/* The connections of bench_time_wait. All data of a connection follow from its number. */

#include "bench/time_wait.h"
#include "core/rng.h"

uint64_t
bench_mix(uint64_t x)
{
	return la_rng64(&(struct la_rng){x});
}

/* bench_mix() is a bijection, so all tuples are different. */
void
burst_tuple(uint64_t id, bool is4, struct la_tuple *t)
{
	static const uint32_t documentation = 0xb80d0120; /* 2001:db8 in network order, RFC 3849 */
	uint64_t a = bench_mix(id), ports = bench_mix(a);

	if (is4)
		*t = (struct la_tuple){la_addr_from4((uint32_t)(a >> 32)), la_addr_from4((uint32_t)a),
				       (uint16_t)(ports >> 16), (uint16_t)ports};
	else
		*t = (struct la_tuple){{.w = {documentation, 1, (uint32_t)(a >> 32), 1}},
				       {.w = {documentation, 2, (uint32_t)a, 2}},
				       (uint16_t)(ports >> 16),
				       (uint16_t)ports};
}

static struct la_tw_core
core_of(uint64_t id)
{
	uint64_t a = bench_mix(~id);

	return (struct la_tw_core){.snd_nxt = (uint32_t)a,
				   .rcv_nxt = (uint32_t)(a >> 32),
				   .ts_recent = 1000,
				   .wnd = 512,
				   .flags = LA_TW_TS};
}

/* Makes a retransmission of the peer's FIN (OP_FIN), or a SYN whose timestamp is newer (OP_REOPEN). */
static void
make_segment(struct la_seg *s, enum op op, uint64_t id, const struct la_tuple *t, uint32_t round)
{
	struct la_tw_core c = core_of(id);

	*s = (struct la_seg){
		.src = t->raddr,
		.dst = t->laddr,
		.sport = t->rport,
		.dport = t->lport,
		.seq = op == OP_FIN ? c.rcv_nxt - 1 : c.rcv_nxt + 100000,
		.ack = op == OP_FIN ? c.snd_nxt : 0,
		.tsval = op == OP_FIN ? c.ts_recent + 1 + round : c.ts_recent + 1000000,
		.wnd = 512,
		.flags = op == OP_FIN ? LA_FIN | LA_ACK : LA_SYN,
		.opts = LA_OPT_TS,
	};
}

void
burst_connection(struct burst *b, unsigned i, uint64_t id, unsigned round)
{
	uint64_t a = bench_mix(id);

	b->id[i] = id;
	burst_tuple(id, b->is4, &b->tuple[i]);
	b->key[i] = (struct key4){(uint32_t)(a >> 32), (uint32_t)a,
				  (uint32_t)b->tuple[i].lport << 16 | b->tuple[i].rport};
	if (b->op == OP_ENTER)
		b->state[i] = core_of(id);
	else if (b->op == OP_FIN || b->op == OP_REOPEN)
		make_segment(&b->seg[i], b->op, id, &b->tuple[i], round);
}

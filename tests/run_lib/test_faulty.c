/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <rte_mbuf.h>
#include <stdarg.h>
#include <string.h>

#include "fault/faulty.h"
#include "frame.h"
#include "rig.h"
#include "wire/tcp.h"

/* The source port of a frame is its number. */

static struct la_faulty *f;
static uint64_t now;
static unsigned mbufs;

/* Creates the fault injection with these rules; NULL ends the list. */
static void
rules(const char *text, ...)
{
	struct la_fault r[LA_FAULTY_RULES];
	char err[200];
	unsigned n = 0;
	va_list ap;

	va_start(ap, text);
	for (; text; text = va_arg(ap, const char *))
		cr_assert_eq(la_fault_parse(text, &r[n++], err, sizeof(err)), 0, "%s", err);
	va_end(ap);
	rig_pool();
	mbufs = rig_mbufs_free();
	f = la_faulty_create(r, n, 7);
	now = 1000000;
}

static struct rte_mbuf *
make(uint16_t number, uint8_t flags, size_t len)
{
	static const uint8_t data[100];
	uint8_t buf[FRAME_MAX];
	struct frame fr = {.sport = number,
			   .dport = 80,
			   .seq = 1,
			   .ack = 5000,
			   .flags = flags,
			   .win = 100,
			   .data = data,
			   .len = len};
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool());
	size_t n;

	la_addr_parse("10.0.0.1", &fr.src);
	la_addr_parse("10.0.0.2", &fr.dst);
	n = frame_write(buf, &fr);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), buf, n);
	return m;
}

/* Returns the numbers of the transmitted TCP frames as text, and frees all frames. */
static const char *
numbers_of(struct rte_mbuf **out, unsigned n)
{
	static char text[200];
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		struct la_fault_seg s;

		/* the shard of take_due() also sends frames other than TCP */
		if (la_fault_seg_read(rte_pktmbuf_mtod(out[i], uint8_t *), out[i]->pkt_len, &s))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u", at ? " " : "", s.t.lport);
		rte_pktmbuf_free(out[i]);
	}
	return text;
}

static const char *
pass_fin(uint16_t number, uint8_t flags, size_t len, const uint32_t *peer_fin)
{
	struct rte_mbuf *out[3];

	return numbers_of(out, la_faulty_pass(f, make(number, flags, len), peer_fin, now, rig_pool(), out));
}

static const char *
pass(uint16_t number, uint8_t flags, size_t len)
{
	return pass_fin(number, flags, len, NULL);
}

/* Returns the numbers of the held frames that are due. The shard has no segments to send. */
static const char *
take_due(void)
{
	struct rig *r = rig_open(NULL);
	struct rte_mbuf *out[32];
	unsigned n = la_faulty_take(f, r->s, now, rig_pool(), out, 32);
	const char *text = numbers_of(out, n);

	rig_discard(r);
	return text;
}

static struct la_faulty_counts
counts(void)
{
	struct la_faulty_counts n;

	la_faulty_read(f, &n);
	return n;
}

static void
end(void)
{
	la_faulty_flush(f);
	la_faulty_destroy(f);
	cr_expect_eq(rig_mbufs_free(), mbufs, "mbufs are missing");
}

Test(faulty, the_nth_is_dropped_and_no_other)
{
	rules("drop 2nd fin", NULL);
	cr_expect_str_eq(pass(1, LA_FIN | LA_ACK, 0), "1");
	cr_expect_str_eq(pass(2, LA_ACK, 10), "2");
	cr_expect_str_eq(pass(3, LA_FIN | LA_ACK, 0), "");
	cr_expect_str_eq(pass(4, LA_FIN | LA_ACK, 0), "4");
	cr_expect_eq(counts().dropped, 1);
	cr_expect_eq(counts().lost, 1);
	end();
}

/* A last ACK is a pure ACK of a FIN. */
Test(faulty, a_last_ack_acknowledges_a_fin)
{
	const uint32_t fin = 5000, other = 5001;

	rules("drop every lastack", NULL);
	cr_expect_str_eq(pass_fin(1, LA_ACK, 0, NULL), "1");
	cr_expect_str_eq(pass_fin(2, LA_ACK, 0, &other), "2");
	cr_expect_str_eq(pass_fin(3, LA_FIN | LA_ACK, 0, &fin), "3");
	cr_expect_str_eq(pass_fin(4, LA_ACK, 0, &fin), "");
	end();
}

Test(faulty, held_frames_leave_when_due_in_order)
{
	rules("hold 1st data for 30ms", "hold every data for 10ms", NULL);
	cr_expect_str_eq(pass(1, LA_ACK, 5), "");
	now += 1000;
	cr_expect_str_eq(pass(2, LA_ACK, 5), "");
	cr_expect_str_eq(pass(3, LA_ACK, 5), "");
	cr_expect_str_eq(pass(4, LA_ACK, 0), "4");
	cr_expect_eq(counts().held, 3);
	cr_expect_eq(counts().lost, 3, "a held frame does not count as lost");
	now += 9999;
	cr_expect_str_eq(take_due(), "");
	now += 1;
	cr_expect_str_eq(take_due(), "2 3");
	now += 19000;
	cr_expect_str_eq(take_due(), "1");
	cr_expect_eq(counts().lost, 0);
	end();
}

Test(faulty, a_copy_follows_at_once_or_later)
{
	rules("dup 1st fin for 5ms", "dup 1st data", NULL);
	cr_expect_str_eq(pass(1, LA_FIN | LA_ACK, 0), "1");
	cr_expect_eq(counts().added, 0);
	cr_expect_str_eq(pass(2, LA_ACK, 9), "2 2");
	cr_expect_eq(counts().added, 1);
	now += 5000;
	cr_expect_str_eq(take_due(), "1");
	cr_expect_eq(counts().added, 2);
	cr_expect_eq(counts().duplicated, 2);
	cr_expect_eq(counts().lost, 0);
	end();
}

Test(faulty, a_reordered_frame_leaves_behind_the_next)
{
	rules("reorder 1st fin", "reorder 2nd fin", "dup 3rd data", NULL);
	cr_expect_str_eq(pass(1, LA_FIN | LA_ACK, 0), "");
	cr_expect_eq(counts().lost, 1);
	cr_expect_str_eq(pass(2, LA_FIN | LA_ACK, 0), "2 1"); /* the 2nd rule has no effect */
	cr_expect_eq(counts().lost, 0);
	cr_expect_eq(counts().reordered, 1);
	cr_expect_str_eq(pass(3, LA_ACK, 5), "3");
	end();
}

/* At most three frames leave for one frame (A_FRAME_BECOMES). */
Test(faulty, at_most_three_frames_from_one)
{
	rules("reorder 1st fin", "dup every data", NULL);
	cr_expect_str_eq(pass(1, LA_FIN | LA_ACK, 0), "");
	cr_expect_str_eq(pass(2, LA_ACK, 5), "2 2 1");
	end();
}

Test(faulty, corrupt_spoils_the_checksum)
{
	struct rte_mbuf *out[3], *m = make(1, LA_ACK, 5);
	uint8_t before[200], *after;
	unsigned n = m->data_len, differ = 0;

	rules("corrupt every data", NULL);
	mbufs++;
	memcpy(before, rte_pktmbuf_mtod(m, void *), n);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	cr_assert_eq(la_faulty_pass(f, m, NULL, now, rig_pool(), out), 1);
	after = rte_pktmbuf_mtod(out[0], uint8_t *);
	for (unsigned i = 0; i < n; i++)
		differ += before[i] != after[i];
	cr_expect_eq(differ, 1);
	cr_expect_eq(out[0]->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM, 0,
		     "checksum offload is still on: the port would correct the checksum");
	cr_expect_eq(counts().corrupted, 1);
	rte_pktmbuf_free(out[0]);
	end();
}

/* Frames other than TCP pass. The same seed gives the same random decisions. */
Test(faulty, chance_is_the_same_every_time)
{
	char first[101] = "", again[101] = "";
	struct rte_mbuf *out[3], *m;

	rules("drop 50% segment", NULL);
	m = rte_pktmbuf_alloc(rig_pool());
	memset(rte_pktmbuf_append(m, 60), 0, 60);
	cr_assert_eq(la_faulty_pass(f, m, NULL, now, rig_pool(), out), 1);
	rte_pktmbuf_free(out[0]);
	for (unsigned i = 0; i < 100; i++)
		strcat(first, pass(1, LA_ACK, 1)[0] ? "1" : "0");
	end();
	rules("drop 50% segment", NULL);
	for (unsigned i = 0; i < 100; i++)
		strcat(again, pass(1, LA_ACK, 1)[0] ? "1" : "0");
	cr_expect_str_eq(first, again);
	cr_expect(strchr(first, '0') && strchr(first, '1'));
	end();
}

/* Held frames at random times: each leaves once, at its time, regardless of other held frames. */
Test(faulty, each_held_frame_leaves_once_at_its_time)
{
	enum { N = 300 };
	uint64_t made[N + 1], waited;
	unsigned seen = 0, number;

	rules("hold 25% data for 7ms", "hold 33% data for 3ms", "hold 50% data for 9ms", "hold every data for 1ms",
	      NULL);
	for (unsigned i = 1; i <= N; i++) {
		made[i] = now;
		cr_expect_str_eq(pass((uint16_t)i, LA_ACK, 5), "");
	}
	for (; seen < N && now < 1010000; now += 1000) {
		struct rig *r = rig_open(NULL);
		struct rte_mbuf *out[4];
		unsigned n;

		while ((n = la_faulty_take(f, r->s, now, rig_pool(), out, 4)) > 0) {
			for (unsigned i = 0; i < n; i++) {
				number = (unsigned)atoi(numbers_of(&out[i], 1));
				if (number == 0)
					continue;
				cr_assert(number <= N && made[number] != 0, "%u twice", number);
				waited = now - made[number];
				cr_expect(waited == 1000 || waited == 3000 || waited == 7000 || waited == 9000);
				made[number] = 0;
				seen++;
			}
		}
		rig_discard(r);
	}
	cr_expect_eq(seen, N);
	cr_expect_eq(counts().lost, 0);
	end();
}

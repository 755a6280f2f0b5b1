/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/summary.h"

static struct la_summary
sample(void)
{
	static struct la_summary s;
	struct la_station_stats *a, *b;

	memset(&s, 0, sizeof(s));
	s.program = "demo";
	s.version = "1.2.3";
	s.seconds = 2;
	s.msl_ms = 30000;
	s.nends = 2;
	s.end[0].name = "client";
	s.end[1].name = "server";
	s.end[0].port = s.end[1].port = "port";
	a = &s.end[0].stats;
	b = &s.end[1].stats;
	a->c.v[LA_C_opens_active] = 100;
	a->c.v[LA_C_ended_orderly] = 98;
	a->c.v[LA_C_ended_reset] = 2;
	a->c.v[LA_C_time_wait] = 90;
	a->c.v[LA_C_time_wait_peak] = 95;
	a->c.v[LA_C_rx_packets] = a->frames_in = 500;
	a->c.v[LA_C_tx_packets] = 400;
	a->frames_out = 397;
	a->frames_refused = a->port.tx_full = 3;
	a->mbufs_before = 7;
	a->mbufs_out = 8;
	b->c.v[LA_C_opens_passive] = 100;
	b->c.v[LA_C_ended_orderly] = 100;
	b->c.v[LA_C_drop_seq] = 4;
	b->c.v[LA_C_time_wait] = 1;
	b->c.state[LA_TIME_WAIT] = 1;
	s.opens_of = 0;
	return s;
}

static char *
printed(const struct la_summary *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	la_summary_print(s, f);
	fclose(f);
	return text;
}

Test(summary, text_names_kinds_drops_and_losses)
{
	struct la_summary s = sample();
	char *t = printed(&s);

	cr_expect(strstr(t, "orderly 98, reset 2\n"), "%s", t);
	cr_expect(strstr(t, "drop drop_seq "), "%s", t);
	cr_expect(strstr(t, "outside the window"), "%s", t);
	cr_expect(strstr(t, "port tx_full "), "%s", t);
	cr_expect(strstr(t, "\nunexplained drops 0\n"), "%s", t);
	cr_expect(strstr(t, "\nearly recycles 0\n"), "%s", t);
	cr_expect(strstr(t, "98 orderly: 49 orderly closes/s with MSL 30s and a TIME_WAIT peak of 95"), "%s", t);
	free(t);
}

Test(summary, an_uncounted_frame_is_unexplained)
{
	struct la_summary s = sample();
	char *t;

	cr_expect_eq(la_summary_unexplained(&s.end[0].stats), 0);
	s.end[0].stats.frames_in++;
	s.end[1].stats.c.v[LA_C_tx_packets]++;
	cr_expect_eq(la_summary_unexplained(&s.end[0].stats), 1);
	cr_expect_eq(la_summary_unexplained(&s.end[1].stats), 1);
	t = printed(&s);
	cr_expect(strstr(t, "\nunexplained drops 2\n"), "%s", t);
	free(t);
}

static json_t *
dig(json_t *at, const char **keys)
{
	for (; *keys; keys++)
		at = json_object_get(at, *keys);
	return at;
}

#define INT(o, ...) json_integer_value(dig(o, (const char *[]){__VA_ARGS__, NULL}))

Test(summary, json_has_the_documented_keys)
{
	static const char *const keys[] = {
		"program",	"version", "seconds",	  "msl_ms",	    "opens", "opens_per_s",	  "closes",
		"closes_per_s", "states",  "time_wait",	  "early_recycles", "drops", "unexplained_drops", "counters",
		"ports",	"ends",	   "tuple_budget"};
	char path[] = "/tmp/lastack-test-XXXXXX";
	struct la_summary s = sample();
	int fd = mkstemp(path);
	json_t *o;

	cr_assert(fd >= 0);
	la_summary_extra(&s, "tuple_budget", "tuples", 42);
	cr_assert_eq(la_summary_json(&s, path), 0);
	o = json_load_file(path, 0, NULL);
	close(fd);
	unlink(path);
	cr_assert(o);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cr_expect(json_object_get(o, keys[i]), "%s", keys[i]);

	cr_expect_eq(INT(o, "opens"), 100, "not the opens of the client alone");
	cr_expect_eq(INT(o, "closes", "total"), 100);
	cr_expect_eq(INT(o, "closes", "orderly"), 98);
	cr_expect_eq(INT(o, "closes", "reset"), 2);
	cr_expect_eq(INT(o, "closes", "fin_wait_2"), 0);
	cr_expect_eq(INT(o, "time_wait", "now"), 91, "not the sum of both ends");
	cr_expect_eq(INT(o, "states", "TIME_WAIT"), 1);
	cr_expect_eq(INT(o, "drops", "drop_seq"), 4);
	cr_expect_eq(json_object_size(json_object_get(o, "drops")), 1,
		     "the drops have more or fewer keys than drops that happened");
	cr_expect_eq(json_object_size(json_object_get(o, "counters")), LA_NCOUNTERS);
	cr_expect_eq(INT(o, "tuple_budget"), 42);
	cr_expect_eq(json_array_size(json_object_get(o, "ports")), 2);
	cr_expect_eq(INT(json_array_get(json_object_get(o, "ports"), 0), "tx_full"), 3);
	cr_expect_eq(INT(json_array_get(json_object_get(o, "ports"), 0), "mbufs_before"), 7);
	cr_expect_eq(INT(json_array_get(json_object_get(o, "ports"), 0), "mbufs_out"), 8);
	cr_expect_eq(json_array_size(json_object_get(o, "ends")), 2);
	json_decref(o);
}

Test(summary, json_reports_a_write_error)
{
	struct la_summary s = sample();

	cr_expect_lt(la_summary_json(&s, "/nonexistent/dir/out.json"), 0);
	cr_expect_lt(la_summary_json(&s, "/dev/full"), 0);
}

Test(summary, the_live_line_shows_rates)
{
	struct la_summary before = sample(), now = sample();
	char line[256];

	now.end[0].stats.c.v[LA_C_opens_active] += 30;
	now.end[0].stats.c.v[LA_C_ended_orderly] += 20;
	la_summary_live_line(&before, &now, 2.0, line, sizeof(line));
	cr_expect(strstr(line, "opens/s 15 "), "%s", line);
	cr_expect(strstr(line, "closes/s 10 "), "%s", line);
	cr_expect(strstr(line, "TIME_WAIT 91 "), "%s", line);
	cr_expect(strstr(line, "drops 4"), "%s", line);
}

/* Two shards on two workers, at one end. */
static struct la_summary
two_workers(uint64_t busy0, uint64_t busy1, uint64_t total)
{
	static struct la_summary s;

	memset(&s, 0, sizeof(s));
	s.program = "server";
	s.version = "1.2.3";
	s.seconds = 2;
	s.nends = 1;
	s.nshards = 2;
	s.opens_of = -1;
	s.end[0].name = "server";
	s.end[0].port = "port";
	s.end[0].shards = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct la_station_stats *st = &s.shard[i].stats;

		s.shard[i].worker = i;
		st->busy_cycles = i == 0 ? busy0 : busy1;
		st->total_cycles = total;
		st->frames_in = st->c.v[LA_C_rx_packets] = 60;
		st->frames_out = st->c.v[LA_C_tx_packets] = 40;
		st->c.v[LA_C_opens_passive] = 10;
	}
	return s;
}

/* A run of one end on two ports: 10 opens on port 0 and 30 on port 1. */
static struct la_summary
two_ports(void)
{
	static struct la_summary s;

	memset(&s, 0, sizeof(s));
	s.program = "server";
	s.version = "1.2.3";
	s.seconds = 2;
	s.nends = 2;
	s.nshards = 3;
	s.opens_of = -1;
	for (unsigned i = 0; i < 2; i++) {
		s.end[i].name = "server";
		s.end[i].shards = i + 1;
		s.end[i].stats.c.v[LA_C_opens_passive] = i ? 30 : 10;
		s.end[i].stats.port.rx_missed = i + 5;
	}
	s.end[0].port = "port 0 net_tap la0: 02:00:00:00:00:01, mtu 1500";
	s.end[1].port = "port 1 net_e1000_em 0000:05:00.0: 02:00:00:00:00:02, mtu 1500";
	s.shard[1].end = s.shard[2].end = 1;
	s.shard[1].worker = 1;
	s.shard[2].worker = 2;
	return s;
}

static json_t *
as_json(const struct la_summary *s)
{
	char path[] = "/tmp/lastack-test-XXXXXX";
	int fd = mkstemp(path);
	json_t *o;

	cr_assert(fd >= 0);
	cr_assert_eq(la_summary_json(s, path), 0);
	o = json_load_file(path, 0, NULL);
	close(fd);
	unlink(path);
	cr_assert(o);
	return o;
}

#define REAL(o, ...) json_real_value(dig(o, (const char *[]){__VA_ARGS__, NULL}))

Test(summary, busy_is_the_share_between_two_readings)
{
	struct la_station_stats a = {.busy_cycles = 100, .total_cycles = 1000};
	struct la_station_stats b = {.busy_cycles = 850, .total_cycles = 2000};

	cr_expect_float_eq(la_summary_busy(&a, &b), 0.75, 1e-9);
	cr_expect_float_eq(la_summary_busy(NULL, &b), 0.425, 1e-9);
	cr_expect_float_eq(la_summary_busy(&b, &b), 0, 1e-9, "not 0 although no time passed");
}

Test(summary, cycles_are_named_for_each_worker)
{
	struct la_summary s = two_workers(10000, 30000, 100000);
	char *t = printed(&s);
	json_t *o = as_json(&s), *shard;

	cr_expect(strstr(t, "CPU: busy 20.0 %, 200 cycles a packet, 2000 cycles a connection\n"), "%s", t);
	cr_expect(strstr(t, "worker 0        busy 10.0 %, 100 cycles a packet, 1000 cycles"), "%s", t);
	cr_expect(strstr(t, "worker 1        busy 30.0 %, 300 cycles a packet, 3000 cycles"), "%s", t);
	cr_expect_float_eq(REAL(o, "cpu", "busy"), 0.2, 1e-9);
	cr_expect_eq(INT(o, "cpu", "busy_cycles"), 40000);
	cr_expect_eq(INT(o, "cpu", "total_cycles"), 200000);
	cr_expect_float_eq(REAL(o, "cpu", "cycles_per_packet"), 200, 1e-9);
	cr_expect_float_eq(REAL(o, "cpu", "cycles_per_connection"), 2000, 1e-9);
	shard = json_array_get(json_object_get(o, "shards"), 1);
	cr_expect_eq(INT(shard, "worker"), 1);
	cr_expect_float_eq(REAL(shard, "cpu", "cycles_per_connection"), 3000, 1e-9);
	json_decref(o);
	free(t);
}

/* Stations of one worker have equal cycles. */
Test(summary, each_port_has_its_entry)
{
	static const char *const names[] = {"\nserver, port 0 net_tap la0\n",
					    "\nserver, port 1 net_e1000_em 0000:05:00.0, 2 shards\n"};
	struct la_summary s = two_ports();
	char *text = printed(&s);
	json_t *o = as_json(&s);

	for (unsigned i = 0; i < 2; i++) {
		json_t *port = json_array_get(json_object_get(o, "ports"), i);
		json_t *end = json_array_get(json_object_get(o, "ends"), i);

		cr_expect(strstr(text, names[i]), "%s in %s", names[i], text);
		cr_expect_str_eq(json_string_value(json_object_get(port, "port")), s.end[i].port);
		cr_expect_eq(json_integer_value(json_object_get(port, "rx_missed")), i + 5);
		cr_expect_eq(json_integer_value(json_object_get(end, "opens")), i ? 30 : 10);
	}
	cr_expect_eq(json_integer_value(json_object_get(o, "opens")), 40);
	for (unsigned i = 0; i < 3; i++) {
		json_t *shard = json_array_get(json_object_get(o, "shards"), i);

		cr_expect_eq(json_integer_value(json_object_get(shard, "port")), i > 0);
		cr_expect_eq(json_integer_value(json_object_get(shard, "shard")), i == 2);
	}
	json_decref(o);
	free(text);
	s.nends = s.nshards = 1;
	text = printed(&s);
	cr_expect(strstr(text, "\nserver\n"), "the name alone: %s", text);
	free(text);
}

Test(summary, a_worker_with_two_shards_counts_once)
{
	struct la_summary s = two_workers(30000, 30000, 100000);
	char *t;
	json_t *o;

	s.shard[1].worker = 0;
	t = printed(&s);
	o = as_json(&s);
	cr_expect(strstr(t, "CPU: busy 30.0 %, 150 cycles a packet, 1500 cycles a connection\n"), "%s", t);
	cr_expect_null(strstr(t, "worker 0"), "%s", t);
	cr_expect_eq(INT(o, "cpu", "total_cycles"), 100000);
	json_decref(o);
	free(t);
}

Test(summary, cycles_without_packets_have_no_quotient)
{
	struct la_summary s = two_workers(30000, 30000, 100000);
	char *t;
	json_t *o;

	for (unsigned i = 0; i < 2; i++) {
		struct la_station_stats *st = &s.shard[i].stats;

		st->frames_in = st->frames_out = 0;
		memset(&st->c, 0, sizeof(st->c));
	}
	t = printed(&s);
	o = as_json(&s);
	cr_expect(strstr(t, "CPU: busy 30.0 %, - cycles a packet, - cycles a connection\n"), "%s", t);
	cr_expect(json_is_null(dig(o, (const char *[]){"cpu", "cycles_per_packet", NULL})));
	cr_expect(json_is_null(dig(o, (const char *[]){"cpu", "cycles_per_connection", NULL})));
	json_decref(o);
	free(t);
}

Test(summary, the_live_line_shows_the_least_and_the_most_busy_worker)
{
	struct la_summary before = two_workers(10000, 30000, 100000), now = two_workers(22000, 123000, 200000);
	char line[256];

	la_summary_live_line(&before, &now, 1.0, line, sizeof(line));
	cr_expect(strstr(line, " busy 12-93 % "), "%s", line);
	before.shard[1].worker = now.shard[1].worker = 0;
	now.shard[1].stats = now.shard[0].stats;
	before.shard[1].stats = before.shard[0].stats;
	la_summary_live_line(&before, &now, 1.0, line, sizeof(line));
	cr_expect(strstr(line, " busy  12 % "), "%s", line);
}

Test(summary, first_fins_are_counted_by_end)
{
	struct la_summary s = sample();
	struct la_counters *c = &s.end[0].stats.c;
	char *t;
	json_t *o;

	c->transition[LA_ESTABLISHED][LA_FIN_WAIT_1] = 50;
	c->transition[LA_FIN_WAIT_1][LA_CLOSING] = 7;
	c->transition[LA_ESTABLISHED][LA_CLOSE_WAIT] = 41;
	t = printed(&s);
	o = as_json(&s);
	cr_expect(strstr(t, "first FIN       ours 43, the peer's 41, crossing 7\n"), "%s", t);
	cr_expect(strstr(t, "first FIN       -\n"), "the server has none: %s", t);
	cr_expect_eq(INT(o, "first_fin", "ours"), 43);
	cr_expect_eq(INT(o, "first_fin", "peer"), 41);
	cr_expect_eq(INT(o, "first_fin", "crossing"), 7);
	json_decref(o);
	free(t);
}

Test(summary, wrong_checksums_on_a_veth_have_a_note)
{
	struct la_summary s = sample();
	char note[160], *t;

	s.end[0].stats.c.v[LA_C_drop_tcp_cksum] = 3;
	cr_expect_null(la_summary_cksum_note(&s, note, sizeof(note)), "a note for a port that is no veth");
	s.end[1].veth = "ve1";
	cr_expect_null(la_summary_cksum_note(&s, note, sizeof(note)), "a note without a wrong checksum on the veth");
	t = printed(&s);
	cr_expect_null(strstr(t, "ethtool"), "%s", t);
	free(t);
	s.end[0].veth = "ve0";
	cr_expect(la_summary_cksum_note(&s, note, sizeof(note)));
	t = printed(&s);
	cr_expect(strstr(t, "\nnote: ve0 is a veth: "), "%s", t);
	cr_expect(strstr(t, "ethtool -K PEER tx off\n"), "%s", t);
	free(t);
}

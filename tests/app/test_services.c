/* SPDX-License-Identifier: BSD-3-Clause */
/* echo, discard, chargen and close: slow readers lose nothing, idle connections end on the tick, and a
 * client that does not read takes a bounded amount of memory. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "services.h"

/* All services except daytime, which closes at once, so that no time-out applies. The order matters: loops from 1 leave
 * out http, and tests name elements by number. */
static const struct service_def *const without_daytime[] = {&service_http, &service_echo, &service_discard,
							    &service_chargen, &service_close};

static const struct service_def *const table[] = {
#define SERVICE(name) &service_##name,
#include "server/services.def"
#undef SERVICE
};

/* Every service of the table, for a client that sends a byte and its FIN, and for a client that stays silent while the
 * server stops: the connection ends in order, and all its memory is free. */
Test(services, every_service_ends_in_order)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (unsigned how = 0; how < 4; how++) {
			struct client cl = {.read = ALL, .write = ALL, .out = "x", .out_len = 1, .fin_after = true};

			if (how & 1)
				cl.out_len = cl.fin_after = 0;
			bench_make(table[i], 60000);
			b.s.server_first = how & 2;
			serve();
			client_open(&cl, 0);
			pass(100);
			if (cl.fin_after)
				cr_expect_eq(b.closed, 1, "%s, %u", table[i]->name, how);
			drain();
			bench_over();
			cr_expect_eq(cl.end, LA_END_ORDERLY, "%s, %u", table[i]->name, how);
			cr_expect_eq(b.closed, 1, "%s, %u", table[i]->name, how);
			client_free(&cl);
		}
	}
}

/* One line with the time in UTC, then the server's FIN; also when buffers are short, and when the client's FIN comes
 * before the line is sent. */
Test(services, daytime_sends_one_line_and_closes_first)
{
	for (unsigned how = 0; how < 64; how++) {
		bool short_sends = how >= 2;
		struct client cl = {.read = ALL, .write = ALL, .out = "x", .out_len = 1, .fin_after = how & 1};
		time_t before = time(NULL), at;
		char line[100] = "";
		struct tm tm = {0};
		const char *end;

		bench_make(&service_daytime, 60000);
		b.short_sends = short_sends ? how : 0;
		serve();
		client_open(&cl, 0);
		if (short_sends)
			pass_short_sends(1000, 7);
		else
			pass(10);
		cr_assert_lt(cl.in_len, sizeof(line), "%u", how);
		memcpy(line, cl.in, cl.in_len);
		end = strptime(line, "%A, %B %d, %Y %H:%M:%S-UTC", &tm);
		cr_assert(end != NULL && strcmp(end, "\r\n") == 0, "%u: %s", how, line);
		at = timegm(&tm);
		cr_expect(at >= before && at <= time(NULL), "%u: %s", how, line);
		cr_expect_neq(cl.fin_at, 0, "%u", how);
		if (!short_sends)
			cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS, "%u: %lu", how, cl.fin_at - cl.opened_at);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY, "%u", how);
		cr_expect_eq(count(SVC_LINGER_EXPIRED), 0, "%u", how);
		client_free(&cl);
	}
}

/* On a connection that is idle from the handshake on, the FIN is sent exactly idle_ms after `opened`. */
Test(services, a_silent_connection_is_closed_on_the_tick)
{
	static const uint32_t idles[] = {1, 40, 999, 5000, 300000};

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 5; k++) {
			struct client cl = {.read = ALL};
			unsigned first = k & 1;

			if (without_daytime[i] == &service_chargen) /* chargen is never idle by itself */
				continue;
			bench_make(without_daytime[i], idles[k]);
			b.s.server_first = first != 0;
			serve();
			client_open(&cl, 0);
			pass(idles[k] + 200);
			cr_expect_eq(cl.fin_at, cl.opened_at + 2 * DELAY_MS + idles[k], "%s, idle %u: FIN after %lu",
				     without_daytime[i]->name, idles[k], cl.fin_at - cl.opened_at);
			cr_expect_eq(count(SVC_IDLE_CLOSED), 1);
			bench_over();
			cr_expect_eq(cl.end, LA_END_ORDERLY);
			client_free(&cl);
		}
	}
}

/* idle_ms of 0: the connection stays open for a day. */
Test(services, no_idle_time_out)
{
	for (unsigned i = 1; i < 5; i++) {
		struct client cl = {.read = ALL, .step_ms = 5000};

		if (without_daytime[i] == &service_chargen)
			continue;
		bench_make(without_daytime[i], 0);
		serve();
		client_open(&cl, 0);
		pass(24 * 3600 * 1000);
		cr_expect(cl.c != NULL && cl.fin_at == 0, "%s", without_daytime[i]->name);
		drain();
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* Received bytes are progress: a byte within each time-out keeps the connection, and the time-out counts from the
 * last byte. */
Test(services, received_bytes_keep_a_connection)
{
	static const unsigned which[] = {1, 2, 4};

	for (unsigned i = 0; i < 3; i++) {
		struct client cl = {.read = ALL, .write = 1, .step_ms = 1900, .out = "xxxxxxxxxx", .out_len = 10};

		bench_make(without_daytime[which[i]], 2000);
		b.s.server_first = false;
		serve();
		client_open(&cl, 0);
		pass(9 * 1900 + 1800);
		cr_expect(cl.c != NULL && cl.fin_at == 0, "%s", without_daytime[which[i]]->name);
		pass(2500);
		cr_expect_neq(cl.fin_at, 0, "%s", without_daytime[which[i]]->name);
		if (without_daytime[which[i]] == &service_echo)
			cr_expect_eq(cl.in_len, 10);
		else
			cr_expect_eq(cl.fin_at, cl.opened_at + 9 * 1900 + 2 * DELAY_MS + 2000);
		cr_expect_eq(count(SVC_IDLE_CLOSED), 1);
		bench_over();
		client_free(&cl);
	}
}

/* A slow but steady reader makes progress by its acknowledgements. */
Test(services, steady_slow_readers_of_echo_and_chargen)
{
	static const uint32_t rates[] = {10, 40, 200}; /* kB/s: bytes a ms */
	static char text[400000];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 251);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t idle = i == 0 ? 1000 : i == 1 ? 2000 : 5000;
		struct client cl = {.read = rates[i] * 10,
				    .write = ALL,
				    .out = text,
				    .out_len = rates[i] < 40 ? 150000 : sizeof(text),
				    .fin_after = true};
		size_t len = cl.out_len;

		bench_make(&service_echo, idle);
		b.s.server_first = false;
		serve();
		client_open(&cl, 32768);
		pass(len / rates[i] + 5000);
		cr_expect_eq(cl.in_len, len, "%u kB/s: %zu of %zu", rates[i], cl.in_len, len);
		cr_expect(cl.in_len <= len && memcmp(cl.in, text, cl.in_len) == 0);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		cr_expect_eq(count(SVC_NO_PROGRESS) + count(SVC_IDLE_CLOSED), 0);
		client_free(&cl);

		cl = (struct client){.read = rates[i] * 10};
		bench_make(&service_chargen, idle);
		b.s.server_first = false;
		serve();
		client_open(&cl, 32768);
		pass(20 * idle);
		cr_expect(cl.c != NULL, "chargen, %u kB/s", rates[i]);
		cr_expect_gt(cl.in_len, (size_t)rates[i] * 19 * idle);
		client_read(&cl, 0); /* a reader that stops is aborted */
		pass(SVC_STALL_MS + 1000);
		cr_expect_eq(b.closed, 1);
		cr_expect_eq(b.end, LA_END_ABORTED);
		cr_expect_eq(b.closed_at, b.acked_at + SVC_STALL_MS, "%lu", b.closed_at - b.acked_at);
		cr_expect_eq(count(SVC_NO_PROGRESS), 1);
		bench_over();
		client_free(&cl);
	}
}

/* While lines wait for the client, bytes that the client sends are no progress. */
Test(services, chargen_is_not_kept_by_bytes_it_receives)
{
	struct client cl = {.read = 0, .step_ms = 100, .junk = 1};

	bench_make(&service_chargen, 13000);
	b.s.server_first = false;
	serve();
	client_open(&cl, 4096);
	pass(15000);
	cr_expect_eq(b.closed, 1);
	cr_expect_eq(b.closed_at, b.acked_at + 13000);
	cr_expect_eq(count(SVC_NO_PROGRESS), 1);
	bench_over();
	client_free(&cl);
}

/* Clients write and do not read: the service stops reading when a bounded number of bytes is not sent. */
Test(services, echo_stops_reading_what_it_cannot_send)
{
	enum { N = 8, LEN = 1000000 };
	static char text[LEN];
	static struct client cl[N];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 % 251);
	bench_make(&service_echo, 60000);
	b.s.server_first = false;
	b.s.opts.rcvbuf = 32768;
	serve();
	for (unsigned i = 0; i < N; i++) {
		cl[i] = (struct client){.read = 0, .write = ALL, .out = text, .out_len = LEN, .fin_after = true};
		client_open(&cl[i], 4096);
	}
	pass(5000);
	for (unsigned i = 0; i < N; i++) {
		const struct svc_conn *sc = b.s.head;

		for (unsigned k = 0; k < i; k++)
			sc = sc->next;
		cr_expect_leq(la_unacked(sc->c), SVC_UNSENT_MAX + 2 * 1460 + 4096, "%zu", la_unacked(sc->c));
		cr_expect_gt(la_unread(sc->c), 0);
		cr_expect_eq(sc->paused, true);
	}
	for (unsigned i = 0; i < N; i++)
		client_read(&cl[i], ALL);
	pass(30000);
	for (unsigned i = 0; i < N; i++) {
		cr_expect_eq(cl[i].in_len, LEN, "%zu", cl[i].in_len);
		cr_expect(cl[i].in_len <= LEN && memcmp(cl[i].in, text, cl[i].in_len) == 0);
		cr_expect_eq(cl[i].end, LA_END_ORDERLY);
	}
	cr_expect_geq(count(SVC_PAUSED), N);
	bench_over();
	for (unsigned i = 0; i < N; i++)
		client_free(&cl[i]);
}

/* A client that never reads is aborted idle_ms after the last byte that the client acknowledged or could send. */
Test(services, echo_ends_a_client_that_never_reads)
{
	static char text[1000000];
	struct client cl = {.read = 0, .write = ALL, .out = text, .out_len = sizeof(text)};

	bench_make(&service_echo, 17000);
	b.s.server_first = false;
	serve();
	client_open(&cl, 4096);
	pass(16000);
	cr_expect_eq(b.closed, 0);
	pass(4000);
	cr_expect_eq(b.closed, 1);
	cr_expect_eq(b.end, LA_END_ABORTED);
	cr_expect_eq(count(SVC_NO_PROGRESS), 1);
	bench_over();
	cr_expect_eq(cl.end, LA_END_RESET);
	client_free(&cl);
}

/* The bound on unsent bytes does not delay a fast client: 4 MB at a round-trip time of 2 ms and windows of 256 KiB
 * take 62 ms with the bound and without it. */
Test(services, echo_at_the_speed_of_the_path)
{
	static char text[4000000];
	struct client cl = {.read = ALL, .write = ALL, .out = text, .out_len = sizeof(text), .fin_after = true};

	bench_make(&service_echo, 60000);
	b.s.server_first = false;
	serve();
	client_open(&cl, 0);
	pass(5000);
	cr_expect_eq(cl.in_len, sizeof(text));
	cr_expect_leq(cl.closed_at - cl.opened_at, 75, "%lu ms", cl.closed_at - cl.opened_at);
	bench_over();
	client_free(&cl);
}

/* With few buffers no byte is lost or echoed twice. */
Test(services, echo_while_buffers_are_short)
{
	static char text[20000];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 5 % 251);
	for (unsigned seed = 1; seed <= 6; seed++) {
		struct client cl = {.read = ALL, .write = ALL, .out = text, .out_len = sizeof(text), .fin_after = true};

		bench_make(&service_echo, 60000);
		b.s.server_first = false;
		b.short_sends = seed;
		serve();
		client_open(&cl, 0);
		pass_short_sends(60000, seed < 4 ? 10 : 700);
		b.short_sends = 0;
		pass_short_sends(2000, 10);
		cr_expect_eq(cl.in_len, sizeof(text), "%zu", cl.in_len);
		cr_expect(memcmp(cl.in, text, cl.in_len) == 0);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

/* The send queue may accept few bytes at a time. */
Test(services, echo_with_every_small_send_buffer)
{
	static const uint32_t sizes[] = {1, 2, 7, 100, 1459, 1460, 3000};
	static char text[20000];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 3 % 251);
	for (unsigned k = 0; k < 7; k++) {
		size_t len = sizes[k] < 10 ? 300 : sizeof(text);
		struct client cl = {.read = ALL, .write = ALL, .out = text, .out_len = len, .fin_after = true};

		bench_make(&service_echo, 60000);
		b.s.server_first = false;
		b.s.opts.sndbuf = sizes[k];
		serve();
		client_open(&cl, 0);
		pass(100000);
		cr_expect_eq(cl.in_len, len, "send buffer %u: %zu of %zu", sizes[k], cl.in_len, len);
		cr_expect(memcmp(cl.in, text, cl.in_len) == 0);
		bench_over();
		cr_expect_eq(cl.end, LA_END_ORDERLY);
		client_free(&cl);
	}
}

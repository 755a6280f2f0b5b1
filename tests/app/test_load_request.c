/* SPDX-License-Identifier: BSD-3-Clause */

/* The HTTP options of lastack load, their request texts, the order of paths, and the counters of an answer. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "load/load_opts.h"
#include "server/payload.h"

struct load_options load;
const char *const lastack_version = "9.9";

static char why[512];

static int
give(const char *option, const char *text)
{
	for (const struct opt *o = load_request_opts; o->name || o->help; o++)
		if (o->name && strcmp(o->name, option) == 0)
			return o->call(o->dst, text, why, sizeof(why));
	cr_assert_fail("no --%s", option);
	return -1;
}

static void
one_target(void)
{
	load = (struct load_options){.cfg = {.ntargets = 1, .size = 100, .requests = 1}};
	cr_assert_eq(la_addr_parse("10.0.0.2", &load.cfg.target[0].addr), 0);
}

static const char *
request(unsigned path, bool final)
{
	cr_assert_eq(load_request_check(why, sizeof(why)), 0, "%s", why);
	cr_assert_eq(load_requests_make(why, sizeof(why)), 0, "%s", why);
	cr_assert_eq(load.cfg.target[0].request[path][final].len, strlen(load.cfg.target[0].request[path][final].text));
	return load.cfg.target[0].request[path][final].text;
}

Test(load_request, without_options, .init = one_target)
{
	cr_expect_str_eq(request(0, false),
			 "GET /bytes/100 HTTP/1.1\r\nHost: 10.0.0.2\r\nUser-Agent: lastack/9.9\r\n\r\n");
	cr_expect_str_eq(load.cfg.target[0].request[0][1].text,
			 "GET /bytes/100 HTTP/1.1\r\nHost: 10.0.0.2\r\nUser-Agent: lastack/9.9\r\n"
			 "Connection: close\r\n\r\n");
	cr_expect(!load.cfg.any_answer && !load.cfg.head_only);
	load_requests_free();
}

Test(load_request, an_ipv6_address_is_a_host_in_brackets, .init = one_target)
{
	cr_assert_eq(la_addr_parse("fd00::1", &load.cfg.target[0].addr), 0);
	cr_expect(strstr(request(0, false), "\r\nHost: [fd00::1]\r\n"));
	load_requests_free();
}

Test(load_request, every_option_at_once, .init = one_target)
{
	cr_expect_eq(give("method", "POST"), 0);
	cr_expect_eq(give("get", "/a?b=c:7"), 0);
	cr_expect_eq(give("get", "/b:c"), 0);
	cr_expect_eq(give("host", "www.example:8080"), 0);
	cr_expect_eq(give("header", "user-agent: x"), 0);
	cr_expect_eq(give("header", "X-A:b"), 0);
	cr_expect_eq(give("header", "Connection: keep-alive"), 0);
	cr_expect_eq(give("body", "5k"), 0);
	cr_expect_str_eq(request(0, true),
			 "POST /a?b=c HTTP/1.1\r\nHost: www.example:8080\r\nuser-agent: x\r\nX-A:b\r\n"
			 "Connection: keep-alive\r\nContent-Length: 5000\r\n\r\n");
	cr_expect(strncmp(load.cfg.target[0].request[1][0].text, "POST /b:c HTTP/1.1\r\n", 20) == 0);
	cr_expect_eq(load.cfg.path[0].weight, 7);
	cr_expect_eq(load.cfg.path[1].weight, 1);
	cr_expect_eq(load.cfg.path_total, 8);
	cr_expect(load.cfg.any_answer);
	load_requests_free();
}

Test(load_request, a_post_without_a_body_has_length_0, .init = one_target)
{
	cr_expect_eq(give("method", "POST"), 0);
	cr_expect(strstr(request(0, false), "\r\nContent-Length: 0\r\n"));
	load_requests_free();
}

Test(load_request, a_file_is_a_body, .init = one_target)
{
	char name[] = "/tmp/lastack-body-XXXXXX";
	int fd = mkstemp(name);

	cr_assert(fd >= 0 && write(fd, "hello\n", 6) == 6);
	close(fd);
	cr_expect_eq(give("body", name), 0);
	unlink(name);
	cr_expect(load.cfg.body_len == 6 && memcmp(load.cfg.body, "hello\n", 6) == 0);
	cr_expect(strstr(request(0, false), "\r\nContent-Length: 6\r\n"));
	load_requests_free();
}

Test(load_request, refused_options, .init = one_target)
{
	static const char *const rows[][3] = {
		{"get", "x", "a path"},
		{"get", "", "a path"},
		{"get", "/a b", "without spaces"},
		{"get", "/a\r\nX: y", "without spaces"},
		{"get", "/a:0", "a weight from 1"},
		{"get", "/a:1000001", "a weight from 1"},
		{"get", "/a:99999999999999999999", "a weight from 1"},
		{"header", "X", "Name: value"},
		{"header", ": x", "Name: value"},
		{"header", "X y: z", "Name: value"},
		{"header", "X: y\r\nZ: z", "without control"},
		{"header", "X: y\nZ: z", "without control"},
		{"header", "content-length: 5", "--body"},
		{"header", "TRANSFER-encoding: chunked", "--body"},
		{"host", "", "a host name"},
		{"host", "a b", "a host name"},
		{"host", "a\r\nX: y", "a host name"},
		{"method", "", "a method"},
		{"method", "GET /", "a method"},
		{"method", "CONNECT", "a tunnel"},
		{"body", "/nowhere/at-all", "No such file"},
		{"body", "/", "Is a directory"},
		{"body", "/dev/zero", "a regular file"},
		{"body", "1000G", "up to 1073741824"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		why[0] = '\0';
		cr_expect_eq(give(rows[i][0], rows[i][1]), -1, "--%s '%s'", rows[i][0], rows[i][1]);
		cr_expect(strstr(why, rows[i][2]), "--%s '%s': %s", rows[i][0], rows[i][1], why);
	}
	cr_expect(load.cfg.npaths == 0 && load.nheaders == 0 && !load.host && !load.method && !load.body);
}

Test(load_request, limits, .init = one_target)
{
	static char path[LOAD_PATH + 1], header[4000];

	memset(path, '/', LOAD_PATH);
	cr_expect_eq(give("get", path), -1);
	for (unsigned i = 0; i < LOAD_PATHS; i++)
		cr_expect_eq(give("get", "/"), 0);
	cr_expect_eq(give("get", "/"), -1);
	memset(header, 'x', sizeof(header) - 1);
	header[1] = ':';
	for (unsigned i = 0; i < LOAD_HEADERS; i++)
		cr_expect_eq(give("header", header), 0);
	cr_expect_eq(give("header", "X: y"), -1);
	cr_expect_eq(load_requests_make(why, sizeof(why)), -1);
	cr_expect(strstr(why, "too long"), "%s", why);
	load_requests_free();
}

Test(load_request, options_that_exclude_each_other, .init = one_target)
{
	load.size_given = true;
	give("get", "/");
	cr_expect(load_request_check(why, sizeof(why)) == -1 && strstr(why, "--get"), "%s", why);
	one_target();
	give("host", "a");
	give("header", "HOST: b");
	cr_expect(load_request_check(why, sizeof(why)) == -1 && strstr(why, "--host"), "%s", why);
	one_target();
	load.cfg.protocol = LOAD_ECHO;
	give("body", "5");
	cr_expect(load_request_check(why, sizeof(why)) == -1 && strstr(why, "--body"), "%s", why);
}

/* ---- turns and answers ---- */

static struct load_station st;
static struct load_conn lc;

static void
a_connection(void)
{
	static uint8_t memory[PATTERN_LEN], gen[CHARGEN_LEN];

	payload_fill(memory, gen);
	one_target();
	st = (struct load_station){.cfg = &load.cfg};
	lc = (struct load_conn){.st = &st, .left = 2};
}

Test(load_http, paths_take_turns_by_weight, .init = a_connection)
{
	unsigned n[3] = {0}, longest = 0, run = 0, last = 9;

	give("get", "/a:5");
	give("get", "/b:2");
	give("get", "/c");
	for (unsigned i = 0; i < 800; i++) {
		load_http_ask(&lc);
		n[lc.path]++;
		run = lc.path == last ? run + 1 : 1;
		last = lc.path;
		longest = run > longest ? run : longest;
		if (i % 8 == 7)
			cr_assert(n[0] == 5 * (i / 8 + 1) && n[1] == 2 * (i / 8 + 1) && n[2] == i / 8 + 1);
	}
	cr_expect_leq(longest, 2);
}

static void
answer(const char *text, const char *fault, bool closes)
{
	size_t len = strlen(text);

	st.n = (struct load_counts){.connects = 0};
	lc = (struct load_conn){.st = &st, .left = 2};
	load_http_ask(&lc);
	for (size_t at = 0; at < len && !lc.reply.done; at += 7)
		load_http_take(&lc, (const uint8_t *)text + at, len - at < 7 ? len - at : 7);
	cr_expect_eq(st.n.wrong, fault != NULL, "%s: %lu", text, st.n.wrong);
	cr_expect_eq(lc.peer_closes, closes, "%s", text);
	for (unsigned i = REPLY_GOOD + 1; i < BAD_ANSWERS; i++)
		cr_expect_eq(st.n.bad[i], fault && strcmp(load_bad_name(i), fault) == 0, "%s: %s", text,
			     load_bad_name(i));
}

Test(load_http, an_answer_counts_once, .init = a_connection)
{
	load.cfg.size = 3;
	answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "bad_body", false);
	answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "bad_size", false);
	answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "bad_body", false);
	answer("HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc", "bad_status", false);
	answer("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "bad_length", false);
	answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad_size", false);
	load.cfg.size = 0;
	answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL, false);
	answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", NULL, true);
	answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", NULL, true);
	load.cfg.any_answer = true;
	answer("HTTP/1.1 302 Found\r\nContent-Length: 3\r\n\r\nabc", NULL, false);
	answer("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", "bad_status", false);
	load.cfg.any_answer = false;
	load.cfg.head_only = true;
	load.cfg.size = 100;
	answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", NULL, false);
}

Test(load_http, the_fin_ends_some_answers, .init = a_connection)
{
	load.cfg.any_answer = true;
	answer("HTTP/1.1 200 OK\r\n\r\nabc", NULL, false);
	cr_expect(load_http_fin(&lc) && lc.peer_closes && st.n.wrong == 0);
	answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", NULL, false);
	cr_expect(!load_http_fin(&lc) && st.n.bad[REPLY_SHORT_BODY] == 1 && st.n.wrong == 1);
}

Test(load_http, a_reset_has_its_phase, .init = a_connection)
{
	load.cfg.any_answer = true;
	answer("", NULL, false);
	load_http_reset(&lc);
	cr_expect_eq(st.n.bad[BAD_RESET_WAITING], 1);
	answer("HTTP/1.1 200 OK\r\n", NULL, false);
	load_http_reset(&lc);
	cr_expect_eq(st.n.bad[BAD_RESET_HEAD], 1);
	answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", NULL, false);
	load_http_reset(&lc);
	load_http_reset(&lc);
	cr_expect_eq(st.n.bad[BAD_RESET_BODY], 1);
}

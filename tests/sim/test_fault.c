/* SPDX-License-Identifier: BSD-3-Clause */

/* The fault language: valid rules, and the error messages for invalid ones. */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fault/fault.h"

Test(fault, sentences)
{
	static const struct {
		const char *text;
		struct la_fault f;
	} t[] = {
		{"drop the 2nd FIN from B", {LA_FAULT_DROP, LA_FAULT_ON_FIN, 2, 0, 0, "B", 0}},
		{"hold 3rd data from A for 70s", {LA_FAULT_HOLD, LA_FAULT_ON_DATA, 3, 0, 70000000, "A", 0}},
		{"dup every ack from B for 20ms", {LA_FAULT_DUP, LA_FAULT_ON_ACK, 0, 0, 20000, "B", 0}},
		{"corrupt 5% segment", {LA_FAULT_CORRUPT, LA_FAULT_ON_ANY, 0, 50000, 0, "", 0}},
		{"reorder all packet", {LA_FAULT_REORDER, LA_FAULT_ON_ANY, 0, 0, 0, "", 0}},
		{"DELAY 1st SYN segment by 250us", {LA_FAULT_HOLD, LA_FAULT_ON_SYN, 1, 0, 250, "", 0}},
		{"duplicate 17th SynAck after 4m", {LA_FAULT_DUP, LA_FAULT_ON_SYNACK, 17, 0, 240000000, "", 0}},
		{"  drop\tevery lastack ", {LA_FAULT_DROP, LA_FAULT_ON_LASTACK, 0, 0, 0, "", 0}},
		{"drop 0.5% rst from server", {LA_FAULT_DROP, LA_FAULT_ON_RST, 0, 5000, 0, "server", 0}},
		{"dup 1st data", {LA_FAULT_DUP, LA_FAULT_ON_DATA, 1, 0, 0, "", 0}},
		{"hold every fin for 1.5s from A", {LA_FAULT_HOLD, LA_FAULT_ON_FIN, 0, 0, 1500000, "A", 0}},
		{"hold 1st fin for 2min", {LA_FAULT_HOLD, LA_FAULT_ON_FIN, 1, 0, 120000000, "", 0}},
		{"hold 1st fin for 1h", {LA_FAULT_HOLD, LA_FAULT_ON_FIN, 1, 0, 3600000000u, "", 0}},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct la_fault f;
		char err[200] = "";

		cr_expect_eq(la_fault_parse(t[i].text, &f, err, sizeof(err)), 0, "%s", err);
		cr_expect(f.action == t[i].f.action && f.kind == t[i].f.kind && f.nth == t[i].f.nth &&
				  f.ppm == t[i].f.ppm && f.us == t[i].f.us && strcmp(f.host, t[i].f.host) == 0,
			  "%s: action %d kind %d nth %u ppm %u us %llu host '%s'", t[i].text, f.action, f.kind, f.nth,
			  f.ppm, (unsigned long long)f.us, f.host);
	}
}

Test(fault, mistakes)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{"", "begins with drop"},
		{"lose 1st FIN", "begins with drop"},
		{"drop", "which one"},
		{"drop FIN", "which one"},
		{"drop 0th FIN", "which one"},
		{"drop 2xx FIN", "which one"},
		{"drop 0% FIN", "which one"},
		{"drop 101% FIN", "which one"},
		{"drop x% FIN", "which one"},
		{"drop -1st FIN", "which one"},
		{"drop 99999999999st FIN", "which one"},
		{"drop every", "of what"},
		{"drop every URG", "of what"},
		{"drop every FIN from aVeryLongHostName", "too long"},
		{"drop every FIN from", "come 'from HOST'"},
		{"drop every FIN of A", "come 'from HOST'"},
		{"hold 1st FIN", "how long"},
		{"hold 1st FIN for 20", "has a unit"},
		{"hold 1st FIN for -3s", "has a unit"},
		{"hold 1st FIN for ages", "has a unit"},
		{"drop 1st FIN for 2s", "only hold and dup"},
		{"drop a b c d e f g h i j k l m", "too long"},
		{"drop every aWordThatIsMuchTooLongToBeOne", "too long"},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct la_fault f;
		char err[200] = "";

		cr_expect_eq(la_fault_parse(t[i].text, &f, err, sizeof(err)), -EINVAL, "'%s' was accepted", t[i].text);
		cr_expect(strstr(err, t[i].says), "'%s': the error '%s' does not contain '%s'", t[i].text, err,
			  t[i].says);
		cr_expect(strstr(err, t[i].text) || strstr(t[i].says, "too long"),
			  "the error does not contain the rule '%s'", t[i].text);
	}
}

static struct la_fault_seg
seg(uint8_t flags, uint16_t len, uint32_t ack)
{
	return (struct la_fault_seg){.flags = flags, .len = len, .ack = ack};
}

Test(fault, kinds)
{
	const uint32_t fin = 500;
	const struct {
		struct la_fault_seg s;
		const char *kinds; /* one letter a kind: s(yn) S(ynack) d(ata) f(in) a(ck) l(astack) r(st) */
	} t[] = {
		{seg(LA_SYN, 0, 0), "s"},
		{seg(LA_SYN | LA_ACK, 0, 1), "S"},
		{seg(LA_ACK, 10, 1), "d"},
		{seg(LA_FIN | LA_ACK, 10, 1), "df"},
		{seg(LA_FIN | LA_ACK, 0, 500), "f"},
		{seg(LA_ACK, 0, 499), "a"},
		{seg(LA_ACK, 0, 500), "al"},
		{seg(LA_RST, 0, 0), "r"},
		{seg(LA_RST | LA_ACK, 0, 500), "r"},
	};
	static const char letters[] = {'*', 's', 'S', 'd', 'f', 'a', 'l', 'r'};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		cr_expect(la_fault_is_kind(&t[i].s, LA_FAULT_ON_ANY, NULL));
		for (int k = LA_FAULT_ON_SYN; k <= LA_FAULT_ON_RST; k++)
			cr_expect_eq(la_fault_is_kind(&t[i].s, (enum la_fault_on)k, &fin),
				     strchr(t[i].kinds, letters[k]) != NULL, "segment %u, kind %c", i, letters[k]);
		cr_expect(!la_fault_is_kind(&t[i].s, LA_FAULT_ON_LASTACK, NULL),
			  "segment %u is a lastack without a FIN", i);
	}
}

/* Each rule counts its matches. The first matching rule decides, and the other matching rules count too. */
Test(fault, decisions)
{
	struct la_fault f[3];
	struct la_fault_seg s = seg(LA_ACK, 10, 0);
	struct la_rng rng = {1};
	static const enum la_fault_action wanted[] = {LA_FAULT_NONE, LA_FAULT_DROP, LA_FAULT_HOLD, LA_FAULT_DUP,
						      LA_FAULT_NONE};
	char err[100];

	cr_assert_eq(la_fault_parse("drop 2nd data from A", &f[0], err, sizeof(err)), 0);
	cr_assert_eq(la_fault_parse("hold 3rd data for 5ms", &f[1], err, sizeof(err)), 0);
	cr_assert_eq(la_fault_parse("dup 4th data from a", &f[2], err, sizeof(err)), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct la_fate fate = la_fault_decide(f, 3, "A", &s, NULL, &rng);

		cr_expect_eq(fate.action, wanted[i], "data %u: %d", i + 1, fate.action);
		cr_expect_eq(fate.us, fate.action == LA_FAULT_HOLD ? 5000 : 0);
	}
	cr_expect_eq(la_fault_decide(f, 3, "B", &s, NULL, &rng).action, LA_FAULT_NONE);
	cr_expect(f[0].seen == 5 && f[1].seen == 6 && f[2].seen == 5);
}

Test(fault, shares)
{
	struct la_fault_seg s = seg(LA_ACK, 10, 0);
	struct la_rng rng = {1};
	struct la_fault f;
	unsigned hit = 0;
	char err[100];

	cr_assert_eq(la_fault_parse("drop 10% data", &f, err, sizeof(err)), 0);
	for (unsigned i = 0; i < 10000; i++)
		hit += la_fault_decide(&f, 1, "A", &s, NULL, &rng).action == LA_FAULT_DROP;
	cr_expect(hit > 820 && hit < 1180, "%u of 10000, expected 1000 within six standard deviations", hit);
}

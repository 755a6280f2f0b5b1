/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/opts.h"

static struct {
	uint32_t msl;
	uint64_t n;
	uint16_t port;
	const char *file;
	int side;
	bool flag;
	char call[32];
	struct la_shard_config shard;
} v;

static int
call(void *dst, const char *text, char *why, size_t size)
{
	if (strcmp(text, "bad") == 0) {
		snprintf(why, size, "anything but bad");
		return -1;
	}
	strcat(dst, text);
	return 0;
}

static const char *const sides[] = {"client", "server", NULL};

/* clang-format off */
static const struct opt first[] = {
	{.kind = OPT_HEADING, .help = "Numbers"},
	{.name = "msl", .kind = OPT_DURATION, .dst = &v.msl, .arg = "TIME", .min = 1, .max = 120000,
	 .help = "line one\nline two [30s]"},
	{.name = "count", .letter = 'n', .kind = OPT_NUMBER, .dst = &v.n, .arg = "N", .min = 1, .max = 1000},
	OPT_END,
};
/* clang-format on */
static const struct opt second[] = {
	{.name = "http", .kind = OPT_PORT, .dst = &v.port, .arg = "PORT"},
	{.name = "json", .kind = OPT_TEXT, .dst = &v.file, .arg = "FILE"},
	{.name = "close", .kind = OPT_CHOICE, .dst = &v.side, .arg = "SIDE", .choices = sides},
	{.name = "quiet", .letter = 'q', .kind = OPT_FLAG, .dst = &v.flag},
	{.name = "wait", .kind = OPT_SWITCH, .dst = &v.side, .arg = "[=SIDE]", .choices = sides},
	{.name = "addr", .letter = 'a', .kind = OPT_CALL, .dst = v.call, .arg = "ADDR", .call = call},
	OPT_END,
};
#define FIELD(option, field)                                                                                           \
	{                                                                                                              \
		.name = option, .kind = OPT_FIELD, .dst = &v.shard, .arg = "N", .row = &la_config_rows[LA_CFG_##field] \
	}
static const struct opt third[] = {
	FIELD("shard-msl", msl_ms),	  FIELD("vlan", vlan),		 FIELD("share", tw_share_percent),
	FIELD("entries", max_time_wait6), FIELD("orphans", max_orphans), OPT_END,
};
static const struct opt *const tables[] = {first, second, third, NULL};

static char err[256];

#define PARSE(...) parse((char *[]){(char[]){"prog"}, __VA_ARGS__, NULL})

static enum opt_result
parse(char **argv)
{
	/* parsed options point into the words, which therefore stay allocated like a real command line */
	static char words[16][64], *kept[17];
	int argc = 0;

	memset(&v, 0, sizeof(v));
	for (; argv[argc]; argc++) {
		cr_assert(argc < 16 && strlen(argv[argc]) < sizeof(words[0]));
		kept[argc] = strcpy(words[argc], argv[argc]);
	}
	kept[argc] = NULL;
	err[0] = '\0';
	return opt_parse(argc, kept, tables, err, sizeof(err));
}

#define S(text) ((char[]){text})

Test(opts, every_kind_in_every_form)
{
	cr_assert_eq(PARSE(S("--msl"), S("500ms"), S("--count=64"), S("--http"), S("80"), S("--json"), S("-"),
			   S("--close=server"), S("-q"), S("-a"), S("x"), S("-ay"), S("--addr"), S("z")),
		     OPT_OK, "%s", err);
	cr_expect_eq(v.msl, 500);
	cr_expect_eq(v.n, 64);
	cr_expect_eq(v.port, 80);
	cr_expect_str_eq(v.file, "-");
	cr_expect_eq(v.side, 1);
	cr_expect(v.flag);
	cr_expect_str_eq(v.call, "xyz");
	cr_assert_eq(PARSE(S("-n"), S("5")), OPT_OK);
	cr_expect_eq(v.n, 5);
	cr_assert_eq(PARSE(S("--help")), OPT_HELP);
	cr_assert_eq(PARSE(S("-q"), S("-h")), OPT_HELP);
}

/* The value of a switch follows an equals sign; the next word is another option. */
Test(opts, a_switch_takes_no_word)
{
	cr_assert_eq(PARSE(S("--wait=server")), OPT_OK, "%s", err);
	cr_expect_eq(v.side, 1);
	cr_assert_eq(PARSE(S("--close=server"), S("--wait"), S("-q")), OPT_OK, "%s", err);
	cr_expect_eq(v.side, 0);
	cr_expect(v.flag);
	cr_expect_eq(PARSE(S("--wait"), S("server")), OPT_BAD);
	cr_expect_eq(PARSE(S("--wait=")), OPT_BAD);
}

static void
bad(enum opt_result r, const char *which, const char *given, const char *allowed)
{
	cr_expect_eq(r, OPT_BAD);
	cr_expect(strstr(err, which), "which '%s': %s", which, err);
	cr_expect(strstr(err, given), "given '%s': %s", given, err);
	cr_expect(strstr(err, allowed), "allowed '%s': %s", allowed, err);
	cr_expect_null(strchr(err, '\n'));
}

/* Size, unit and bounds are those of the row in config.def. */
Test(opts, a_field_of_the_shard)
{
	cr_assert_eq(PARSE(S("--shard-msl=2s"), S("--vlan"), S("4094"), S("--share=1"), S("--entries"), S("256Mi")),
		     OPT_OK, "%s", err);
	cr_expect_eq(v.shard.msl_ms, 2000);
	cr_expect_eq(v.shard.vlan, 4094);
	cr_expect_eq(v.shard.mtu, 0);
	cr_expect_eq(v.shard.tw_share_percent, 1);
	cr_expect_eq(v.shard.max_time_wait6, 1u << 28);
	bad(PARSE(S("--shard-msl"), S("2000")), "--shard-msl", "'2000'", "1ms to 1440m");
	bad(PARSE(S("--shard-msl"), S("25h")), "--shard-msl", "'25h'", "1ms to 1440m");
	bad(PARSE(S("--vlan"), S("4095")), "--vlan", "'4095'", "1 to 4094");
	bad(PARSE(S("--vlan=0")), "--vlan", "'0'", "1 to 4094");
	bad(PARSE(S("--share=101")), "--share", "'101'", "1 to 100");
	cr_expect_eq(v.shard.tw_share_percent, 0);
}

Test(opts, the_help_of_a_field_has_its_default)
{
	static const char *const texts[] = {"twice that [30s]\n", "64 bytes each [128Ki]\n", "no limit [75]\n",
					    "of every frame [untagged]\n", "[half of max_conns]\n"};
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	opt_help(tables, f);
	fclose(f);
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect(strstr(text, texts[i]), "%s in %s", texts[i], text);
	free(text);
	f = open_memstream(&text, &size);
	cr_assert_eq(opt_brief(tables, "shard-msl share", f), 0);
	fclose(f);
	cr_expect(strstr(text, "TIME_WAIT lasts twice that [30s]\n"), "%s", text);
	cr_expect(strstr(text, "/56 (IPv6). ...\n"), "%s", text);
	free(text);
}

Test(opts, errors_name_option_value_and_allowed_values)
{
	bad(PARSE(S("--msl"), S("30")), "--msl", "'30'", "1ms to 2m");
	bad(PARSE(S("--msl"), S("3m")), "--msl", "'3m'", "1ms to 2m");
	bad(PARSE(S("--msl=0")), "--msl", "'0'", "1ms to 2m");
	bad(PARSE(S("--count"), S("1001")), "--count", "'1001'", "1 to 1000");
	bad(PARSE(S("--count"), S("-3")), "--count", "'-3'", "1 to 1000");
	bad(PARSE(S("--http"), S("70000")), "--http", "'70000'", "65535");
	bad(PARSE(S("--close"), S("both")), "--close", "'both'", "client, server");
	cr_expect(!strstr(err, "nearest"), "%s", err);
	bad(PARSE(S("--close"), S("sever")), "--close", "'sever'", "client, server; the nearest is server");
	bad(PARSE(S("--json="), S("x")), "--json", "''", "FILE");
	bad(PARSE(S("--wait=both")), "--wait", "'both'", "client, server");
	bad(PARSE(S("--addr"), S("bad")), "--addr", "'bad'", "anything but bad");
	bad(PARSE(S("--msl")), "--msl", "missing", "TIME");
	bad(PARSE(S("--quiet=yes")), "--quiet", "--quiet=yes", "no value");
	bad(PARSE(S("--nonsense")), "--nonsense", "'--nonsense'", "--help");
	bad(PARSE(S("--ms"), S("1s")), "--ms", "'--ms'", "--help");
	bad(PARSE(S("-z")), "-z", "'-z'", "--help");
	bad(PARSE(S("word")), "word", "'word'", "only options");
	bad(PARSE(S("--")), "--", "'--'", "only options");
	bad(PARSE(S("-")), "-", "'-'", "only options");
	bad(PARSE(S("")), "", "''", "only options");
}

Test(opts, the_help_has_every_option)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	opt_help(tables, f);
	fclose(f);
	cr_expect(strstr(text, "\n   Numbers\n"), "%s", text);
	cr_expect(strstr(text, "--msl TIME\n              line one\n              line two [30s]\n"), "%s", text);
	cr_expect(strstr(text, "-n N, --count N\n"), "%s", text);
	cr_expect(strstr(text, "-q, --quiet\n"), "%s", text);
	free(text);
}

/* clang-format off */
static const struct opt long_ones[] = {
	{.kind = OPT_HEADING, .help = "Unused"},
	{.name = "none", .kind = OPT_FLAG, .dst = &v.flag, .help = "not listed"},
	{.kind = OPT_HEADING, .help = "Long"},
	{.name = "fits", .kind = OPT_FLAG, .dst = &v.flag,
	 .help = "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee "
		 "fffffffff ggggggggg hhhhhhhhh iiiiiiiii jjjjjjjjj 1234567890"},
	{.name = "cut", .kind = OPT_FLAG, .dst = &v.flag,
	 .help = "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee "
		 "fffffffff ggggggggg hhhhhhhhh iiiiiiiii jjjjjjjjj 12345678901"},
	OPT_END,
};
/* clang-format on */

static int
brief(const char *common, char *buf, size_t size)
{
	static const struct opt *const all[] = {first, second, long_ones, NULL};
	FILE *f = fmemopen(buf, size, "w");
	int rc = opt_brief(all, common, f);

	fclose(f);
	return rc;
}

Test(opts, brief_help_has_a_line_for_each_common_option)
{
	char text[1000] = "";

	cr_expect_eq(brief("http msl count", text, sizeof(text)), 0);
	cr_expect_str_eq(text, "Numbers\n"
			       "  --msl TIME       line one ...\n"
			       "  -n N, --count N  \n"
			       "  --http PORT      \n");
}

Test(opts, brief_help_cuts_at_120_columns)
{
	char text[1000] = "";

	cr_expect_eq(brief(" cut  fits ", text, sizeof(text)), 0);
	cr_expect(strncmp(text, "Long\n  --fits  aaaaaaaaa ", 24) == 0, "heading of other options: %s", text);
	cr_expect(strstr(text, " jjjjjjjjj 1234567890\n"), "%s", text);
	cr_expect(strstr(text, "  --cut   aaaaaaaaa ") && strstr(text, " iiiiiiiii jjjjjjjjj ...\n"), "%s", text);
}

Test(opts, brief_help_finds_names_that_no_option_has)
{
	char text[1000] = "";

	cr_expect_eq(brief("http htt", text, sizeof(text)), -1);
	cr_expect_null(strstr(text, "--http PORT\n  --http"), "%s", text);
	cr_expect_eq(brief("", text, sizeof(text)), 0);
}

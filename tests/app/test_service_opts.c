/* SPDX-License-Identifier: BSD-3-Clause */
/* Options, errors and help that follow from the table of services. The cases take the services from the table, and so
 * cover a new service. */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/service_opts.h"

static const struct opt *const tables[] = {service_opts, NULL};
static char err[256];

/* Parses "--NAME[SUFFIX] VALUE" for each name and value, up to a NULL name. */
struct word {
	const char *name, *suffix, *value;
};

static int
given(const struct word *words)
{
	char text[8][64], *argv[17];
	int argc = 0;

	service_opts_make();
	argv[argc++] = (char[]){"server"};
	for (unsigned i = 0; words[i].name; i++) {
		snprintf(text[i], sizeof(text[i]), "--%s%s", words[i].name, words[i].suffix);
		argv[argc++] = text[i];
		argv[argc++] = (char *)(uintptr_t)words[i].value;
	}
	cr_assert_eq(opt_parse(argc, argv, tables, err, sizeof(err)), OPT_OK, "%s", err);
	return service_opts_check(err, sizeof(err));
}

static const struct opt *
option(const char *name, const char *suffix)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s", name, suffix);
	for (const struct opt *o = service_opts; o->name || o->help; o++)
		if (o->name && strcmp(o->name, text) == 0)
			return o;
	return NULL;
}

static char *
printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	cr_assert_not_null(f);
	print(f);
	fclose(f);
	return text;
}

static void
print_help(FILE *f)
{
	opt_help(tables, f);
}

Test(service_opts, names_are_those_of_the_table)
{
	static const char *const names[] = {
#define SERVICE(name) #name,
#include "server/services.def"
#undef SERVICE
	};

	for (unsigned i = 0; i < NSERVICES; i++)
		cr_expect_str_eq(service_table[i]->name, names[i]);
}

Test(service_opts, a_definition_fits_its_service)
{
	for (unsigned i = 0; i < NSERVICES; i++) {
		const struct service_def *def = service_table[i];
		unsigned n = 0;

		cr_expect(def->help != NULL && def->conn_size >= sizeof(struct svc_conn), "%s", def->name);
		cr_expect_leq(def->ncounts, SVC_OWN_MAX, "%s", def->name);
		while (def->opts && def->opts[n].name)
			n++;
		cr_expect_leq(n, SVC_OWN_MAX, "%s", def->name);
		cr_expect(def->first != SVC_FIRST_BY_COMMAND || def->first_help == NULL, "%s", def->name);
	}
}

Test(service_opts, each_service_alone)
{
	for (unsigned i = 0; i < NSERVICES; i++) {
		const struct service_def *def = service_table[i];

		cr_assert_eq(given((struct word[]){{def->name, "", "1234"}, {0}}), 0, "%s", err);
		for (unsigned k = 0; k < NSERVICES; k++)
			cr_expect_eq(services[k].port, k == i ? 1234 : 0, "%s, %s", def->name, services[k].def->name);
		cr_expect_eq(services[i].def, def);
		cr_expect_eq(services[i].opts.nodelay, def->nodelay);
		cr_expect_eq(services[i].server_first, def->first == SVC_FIRST_SERVER);
		cr_expect_eq(services[i].idle_ms, def->idle_ms ? *def->idle_ms : 300000);
	}
}

Test(service_opts, who_closes_first_where_there_is_a_choice)
{
	service_opts_make();
	for (unsigned i = 0; i < NSERVICES; i++) {
		const char *name = service_table[i]->name;

		cr_expect_eq(option(name, "-close") != NULL, service_table[i]->first_help != NULL, "%s", name);
		if (service_table[i]->first_help == NULL)
			continue;
		for (unsigned server = 0; server < 2; server++) {
			const struct word words[] = {
				{name, "", "1"}, {name, "-close", server ? "server" : "client"}, {0}};

			cr_assert_eq(given(words), 0, "%s", err);
			cr_expect_eq(services[i].server_first, server == 1, "%s", name);
		}
	}
}

Test(service_opts, idle_time_outs)
{
	static const struct word words[] = {
		{"echo", "", "7"}, {"idle-timeout", "", "9s"}, {"http-idle", "", "8s"}, {0}};

	cr_assert_eq(given(words), 0, "%s", err);
	for (unsigned i = 0; i < NSERVICES; i++)
		cr_expect_eq(services[i].idle_ms, service_table[i] == &service_http ? 8000 : 9000, "%s",
			     service_table[i]->name);
}

Test(service_opts, no_service_and_two_on_one_port)
{
	cr_expect_eq(given((struct word[]){{0}}), -1);
	for (unsigned i = 0; i < NSERVICES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "--%s", service_table[i]->name);
		cr_expect_not_null(strstr(err, name), "%s", err);
	}
	for (unsigned i = 1; i < NSERVICES; i++) {
		const char *a = service_table[i - 1]->name, *b = service_table[i]->name;
		char text[128];

		cr_expect_eq(given((struct word[]){{b, "", "80"}, {a, "", "80"}, {0}}), -1);
		snprintf(text, sizeof(text), "--%s: '80' was given; allowed: a port that --%s does not have", b, a);
		cr_expect_str_eq(err, text);
	}
}

Test(service_opts, help_has_every_service_and_count)
{
	char *help, *manual;

	service_opts_make();
	help = printed(print_help);
	manual = printed(service_counts_manual);
	for (unsigned i = 0; i < NSERVICES; i++) {
		const struct service_def *def = service_table[i];
		char text[64];

		snprintf(text, sizeof(text), "       --%s PORT\n", def->name);
		cr_expect_not_null(strstr(help, text), "%s", def->name);
		cr_expect_not_null(strstr(help, def->name));
		for (unsigned k = 0; k < service_ncounts(def); k++)
			cr_expect_not_null(strstr(manual, service_count_def(def, k)->name), "%s", manual);
	}
	for (const char *p = manual; *p; p += strcspn(p, "\n") + 1)
		cr_expect_leq(strcspn(p, "\n"), 104, "%s", p);
	free(help);
	free(manual);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "server/service_opts.h"

enum { MANUAL_INDENT = 7, MANUAL_COLUMNS = 100 };

const struct service_def *const service_table[NSERVICES] = {
#define SERVICE(name) &service_##name,
#include "server/services.def"
#undef SERVICE
};

struct service services[NSERVICES];

static const char *const sides[] = {"client", "server", NULL};

static struct {
	int first[NSERVICES]; /* index into sides */
	char first_name[NSERVICES][32];
	uint32_t idle_ms;
	char idle_help[600];
} given;

/* Three headings; --NAME, --NAME-close and time-outs of each service; --idle-timeout; OPT_END. */
struct opt service_opts[3 + NSERVICES * (2 + SVC_OWN_MAX) + 2];

static struct opt
opt_heading(const char *text)
{
	return (struct opt){.kind = OPT_HEADING, .help = text};
}

/* A list of words that is being written. Text that does not fit is cut off. */
struct list {
	char *text;
	size_t len, size;
};

static void
list_add(struct list *l, const char *between, const char *before, const char *word)
{
	int n = snprintf(l->text + l->len, l->size - l->len, "%s%s%s", l->len > 0 ? between : "", before, word);

	l->len = l->len + (size_t)n < l->size ? l->len + (size_t)n : l->size - 1;
}

const char *
service_names(char *buf, size_t size, const char *before)
{
	struct list l = {.text = buf, .size = size};

	for (unsigned i = 0; i < NSERVICES; i++)
		list_add(&l, ", ", before, service_table[i]->name);
	return buf;
}

const char *
service_common(char *buf, size_t size)
{
	struct list l = {.text = buf, .size = size};

	buf[0] = '\0';
	for (unsigned i = 0; i < NSERVICES; i++)
		if (service_table[i]->common)
			list_add(&l, " ", "", service_table[i]->common);
	return buf;
}

/* Writes the names of the services that have --idle-timeout. Returns buf. */
static const char *
idle_names(char *buf, size_t size)
{
	struct list l = {.text = buf, .size = size};

	buf[0] = '\0';
	for (unsigned i = 0; i < NSERVICES; i++)
		if (service_table[i]->idle_ms == NULL)
			list_add(&l, ", ", "", service_table[i]->name);
	return buf;
}

static struct opt *
make_ports(struct opt *o)
{
	*o++ = opt_heading("Services (at least one; each on its TCP port, on all addresses)");
	for (unsigned i = 0; i < NSERVICES; i++)
		*o++ = (struct opt){.name = service_table[i]->name,
				    .kind = OPT_PORT,
				    .dst = &services[i].port,
				    .arg = "PORT",
				    .help = service_table[i]->help};
	return o;
}

static struct opt *
make_firsts(struct opt *o)
{
	*o++ = opt_heading("The end that closes first, and so holds TIME_WAIT");
	for (unsigned i = 0; i < NSERVICES; i++) {
		const struct service_def *def = service_table[i];

		given.first[i] = def->first == SVC_FIRST_SERVER;
		if (def->first_help == NULL)
			continue;
		snprintf(given.first_name[i], sizeof(given.first_name[i]), "%s-close", def->name);
		*o++ = (struct opt){.name = given.first_name[i],
				    .kind = OPT_CHOICE,
				    .dst = &given.first[i],
				    .arg = "client|server",
				    .choices = sides,
				    .help = def->first_help};
	}
	return o;
}

static struct opt *
make_times(struct opt *o)
{
	char names[200];

	*o++ = opt_heading("Connections without progress");
	for (unsigned i = 0; i < NSERVICES; i++)
		for (const struct opt *own = service_table[i]->opts; own && own->name; own++)
			*o++ = *own;
	snprintf(given.idle_help, sizeof(given.idle_help),
		 "%s: close a connection after this time without a received byte\n"
		 "and without an acknowledged byte. While sent bytes are unacknowledged, only acknowledged bytes\n"
		 "count (echo: received bytes too), the time is at least 10 s, and the connection is aborted.\n"
		 "0s: never [5m]",
		 idle_names(names, sizeof(names)));
	given.idle_ms = 300000;
	*o++ = (struct opt){.name = "idle-timeout",
			    .kind = OPT_DURATION,
			    .dst = &given.idle_ms,
			    .arg = "TIME",
			    .min = 0,
			    .max = 86400000,
			    .help = given.idle_help};
	return o;
}

void
service_opts_make(void)
{
	for (unsigned i = 0; i < NSERVICES; i++)
		service_init(&services[i], service_table[i], 0);
	*make_times(make_firsts(make_ports(service_opts))) = (struct opt)OPT_END;
}

/* Returns a service before service i in the table that has the same port; NULL: there is none. */
static const struct service *
same_port(unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (services[i].port != 0 && services[i].port == services[j].port)
			return &services[j];
	return NULL;
}

int
service_opts_check(char *err, size_t size)
{
	char names[200];
	bool any = false;

	for (unsigned i = 0; i < NSERVICES; i++) {
		struct service *s = &services[i];
		const struct service *other = same_port(i);

		s->server_first = given.first[i] != 0;
		s->idle_ms = s->def->idle_ms ? *s->def->idle_ms : given.idle_ms;
		any |= s->port != 0;
		if (other == NULL)
			continue;
		snprintf(err, size, "--%s: '%u' was given; allowed: a port that --%s does not have", s->def->name,
			 s->port, other->def->name);
		return -1;
	}
	if (any)
		return 0;
	snprintf(err, size, "no service was given; allowed: %s", service_names(names, sizeof(names), "--"));
	return -1;
}

void
service_manuals(FILE *f)
{
	for (unsigned i = 0; i < NSERVICES; i++)
		if (service_table[i]->manual)
			fprintf(f, "\n%s", service_table[i]->manual);
}

/* Prints a word, with the texts before and behind it and no space between, on a new line when the line is full. */
static void
put_word(FILE *f, int *column, const char *before, const char *word, const char *behind)
{
	int n = (int)(strlen(before) + strlen(word) + strlen(behind));

	if (*column == 0 || *column + 1 + n > MANUAL_COLUMNS) {
		fprintf(f, "%s%*s", *column > 0 ? "\n" : "", MANUAL_INDENT, "");
		*column = MANUAL_INDENT;
	} else {
		fputc(' ', f);
		++*column;
	}
	fprintf(f, "%s%s%s", before, word, behind);
	*column += n;
}

static void
put_counts(FILE *f, int *column, const char *before, const struct service_def *def, unsigned from, unsigned to,
	   const char *behind)
{
	for (unsigned k = from; k < to; k++) {
		const struct svc_count_def *c = service_count_def(def, k);
		const char *end = k + 1 < to ? "," : behind;

		put_word(f, column, k == from ? before : "", c->name, c->note ? "" : end);
		if (c->note) {
			put_word(f, column, "(", c->note, ")");
			fputs(end, f);
			*column += (int)strlen(end);
		}
	}
}

void
service_counts_manual(FILE *f)
{
	unsigned last = 0; /* 1 + index of the last service that has more than the common counts */
	int column = 0;

	for (unsigned i = 0; i < NSERVICES; i++)
		if (service_table[i]->ncounts > 0)
			last = i + 1;
	put_word(f, &column, "", "services {name:", "");
	put_counts(f, &column, "{", service_table[0], 0, SVC_NCOMMON, last > 0 ? ";" : "}},");
	for (unsigned i = 0; i < last; i++) {
		const struct service_def *def = service_table[i];

		if (def->ncounts == 0)
			continue;
		put_word(f, &column, "and for ", def->name, "");
		put_counts(f, &column, "", def, SVC_NCOMMON, service_ncounts(def), i + 1 < last ? ";" : "}},");
	}
	fputc('\n', f);
}

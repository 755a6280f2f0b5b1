/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "load/load_mix.h"
#include "run/units.h"

enum { WEIGHT_MAX = 1000000 };

const char *const close_mode_name[CLOSE_MODES] = {
	[CLOSE_CLIENT] = "client", [CLOSE_SERVER] = "server", [CLOSE_BOTH] = "both",
	[CLOSE_HALF] = "half",	   [CLOSE_ABORT] = "abort",
};

static int
mix_part(char *text, struct mix *m)
{
	char *colon = strchr(text, ':');
	uint64_t weight = 1;

	if (colon) {
		*colon = '\0';
		if (la_parse_number(colon + 1, &weight) || weight == 0 || weight > WEIGHT_MAX)
			return -1;
	}
	for (unsigned i = 0; i < CLOSE_MODES; i++) {
		if (strcmp(text, close_mode_name[i]) != 0)
			continue;
		if (m->weight[i] != 0)
			return -1; /* the mode is given twice */
		m->weight[i] = (uint32_t)weight;
		m->total += (uint32_t)weight;
		return 0;
	}
	return -1;
}

int
mix_parse(const char *text, struct mix *m, char *why, size_t size)
{
	char copy[128], *next = copy, *word;

	memset(m, 0, sizeof(*m));
	if (strlen(text) < sizeof(copy)) {
		strcpy(copy, text);
		while ((word = strsep(&next, ",")) != NULL)
			if (mix_part(word, m) != 0)
				break;
		if (word == NULL)
			return 0;
	}
	snprintf(why, size,
		 "client, server, both, half or abort, or several of them, each once with a weight from 1 to %d: "
		 "client:70,server:20,abort:10",
		 WEIGHT_MAX);
	return -1;
}

/* The credit of each mode grows by the mode's weight. The mode with the most credit is used, and that credit falls by
 * the total of all weights. */
enum close_mode
mix_next(struct mix *m)
{
	unsigned best = 0;

	if (m->weight[m->last] == m->total) /* a single mode: its credit stays 0 */
		return (enum close_mode)m->last;
	for (unsigned i = 0; i < CLOSE_MODES; i++) {
		m->credit[i] += m->weight[i];
		if (m->credit[i] > m->credit[best] || m->weight[best] == 0)
			best = i;
	}
	m->credit[best] -= m->total;
	m->last = best;
	return (enum close_mode)best;
}

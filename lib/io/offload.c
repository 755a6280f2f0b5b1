/* SPDX-License-Identifier: BSD-3-Clause */

/* The words of --offload. Their order has no effect; words that contradict each other are refused. */

#include <stdio.h>
#include <string.h>

#include "io/features.h"

/* The word for both receive checksums: those that the driver reports are used. */
#define GROUP "rx"

const char *
la_offload_word(const struct la_offload_choice *c, enum la_feature f)
{
	if ((c->on & LA_FEATURE_BIT(f)) != 0)
		return la_feature_name(f);
	return (c->any & LA_FEATURE_BIT(f)) != 0 ? GROUP : NULL;
}

static bool
offload_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

static int
offload_feature(const char *name, size_t len)
{
	for (int i = 0; i < LA_NFEATURES; i++)
		if (offload_is(name, len, la_feature_name((enum la_feature)i)))
			return i;
	return -1;
}

static int
offload_word(const char *word, size_t len, struct la_offload_choice *c)
{
	bool off = len > 3 && memcmp(word, "no-", 3) == 0;
	uint32_t bits = 0;
	int f;

	if (offload_is(word, len, "on") || offload_is(word, len, "off")) {
		*(len == 2 ? &c->all : &c->off_all) = true;
		return 0;
	}
	if (off) {
		word += 3;
		len -= 3;
	}
	f = offload_feature(word, len);
	if (f >= 0)
		bits = LA_FEATURE_BIT(f);
	else if (offload_is(word, len, GROUP))
		bits = LA_FEATURES_RX;
	else
		return -1;
	*(off ? &c->off : f >= 0 ? &c->on : &c->any) |= bits;
	return 0;
}

/* The first feature of a set that is not empty. */
static enum la_feature
offload_first(uint32_t set)
{
	return (enum la_feature)__builtin_ctz(set);
}

/* Returns whether no two words of the list contradict each other; otherwise writes them to why. */
static bool
offload_agrees(const struct la_offload_choice *c, char *why, size_t size)
{
	uint32_t named = c->on | c->any, both = named & c->off;

	if (c->all && c->off_all) {
		snprintf(why, size, "on or off, not both");
	} else if (c->off_all && named != 0) {
		const char *word = la_offload_word(c, offload_first(named));

		snprintf(why, size, "off or %s, not both: without off, %s alone is used", word, word);
	} else if (both != 0) {
		const char *name = la_feature_name(offload_first(both));

		snprintf(why, size, "%s or no-%s, not both", name, name);
	} else {
		return true;
	}
	return false;
}

bool
la_offload_has_rx(const struct la_offload_choice *c)
{
	return ((c->on | c->any) & LA_FEATURES_RX) != 0;
}

int
la_offload_parse(const char *text, struct la_offload_choice *c, char *why, size_t size)
{
	size_t len, n;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (offload_word(text, len, c) < 0)
			break;
		if (text[len] != '\0')
			continue;
		c->none = c->off_all || (!c->all && (c->on | c->any) != 0);
		return offload_agrees(c, why, size) ? 0 : -1;
	}
	n = (size_t)snprintf(why, size, "on, off, NAME or no-NAME with commas between; NAME: " GROUP);
	for (unsigned i = 0; i < LA_NFEATURES && n < size; i++)
		n += (size_t)snprintf(why + n, size - n, ", %s", la_feature_name((enum la_feature)i));
	return -1;
}

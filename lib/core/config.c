/* SPDX-License-Identifier: BSD-3-Clause */

/* Defaults and ranges of struct la_shard_config. No other file has a default or a range of its own.
 *
 *	la_shard_config_init()   sets all fields of a new configuration to their constant defaults, or to 0
 *	la_config_fill()         sets the fields that are 0 to their constant defaults, then to the defaults that are
 *	                         computed from other fields
 *
 * Only la_config_fill() computes defaults from other fields, because the caller may change those fields first. */

#include <rte_common.h>
#include <rte_mempool.h>

#include "core/config.h"
#include "core/mem.h"

#define LA_CONFIG(field, type, def, min, max, unit, help)                                                    \
	_Static_assert(__builtin_types_compatible_p(__typeof__(((struct la_shard_config *)0)->field), type), \
		       "config.def: " #field " is no " #type);                                               \
	_Static_assert((min) >= 1 && (min) <= (max) && (uint64_t)(max) <= (type)UINT64_MAX,                  \
		       "config.def: the range of " #field);                                                  \
	_Static_assert((def) == 0 || ((def) >= (min) && (int64_t)(def) <= (int64_t)(max)),                   \
		       "config.def: the default of " #field " is out of its range");
#include <lastack/config.def>
#undef LA_CONFIG

const struct la_config_row la_config_rows[LA_NCONFIG] = {
#define LA_CONFIG(field, type, def, min, max, unit, help) \
	[LA_CFG_##field] = {#field, offsetof(struct la_shard_config, field), sizeof(type), def, min, max, unit, help},
#include <lastack/config.def>
#undef LA_CONFIG
};

uint64_t
la_config_get(const struct la_config_row *r, const struct la_shard_config *c)
{
	const void *field = (const char *)c + r->offset;

	return r->size == sizeof(uint16_t) ? *(const uint16_t *)field : *(const uint32_t *)field;
}

void
la_config_set(const struct la_config_row *r, struct la_shard_config *c, uint64_t v)
{
	void *field = (char *)c + r->offset;

	if (r->size == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)v;
	else
		*(uint32_t *)field = (uint32_t)v;
}

#define LA_CONFIG(field, type, def, min, max, unit, help) \
	_Static_assert(sizeof(type) == sizeof(uint16_t) || sizeof(type) == sizeof(uint32_t), "la_config_get()");
#include <lastack/config.def>
#undef LA_CONFIG

static void
fill_constants(struct la_shard_config *c)
{
	for (unsigned i = 0; i < LA_NCONFIG; i++)
		if (la_config_get(&la_config_rows[i], c) == 0)
			la_config_set(&la_config_rows[i], c, la_config_rows[i].def);
}

void
la_shard_config_init(struct la_shard_config *c)
{
	*c = (struct la_shard_config){0};
	fill_constants(c);
}

static void
or_default(uint32_t *v, uint32_t def)
{
	if (*v == 0)
		*v = def;
}

void
la_config_fill(struct la_shard_config *c)
{
	fill_constants(c);
	or_default(&c->max_orphans, c->max_conns / 2 + 1);
	/* la_cookie_on() (lib/tcp/cookie.c) also switches cookies on when few TCBs or TIME_WAIT entries are left */
	or_default(&c->syn_cookies_at, RTE_MAX(c->max_conns / 4, 1u));
	if (c->mbufs) {
		or_default(&c->max_held, c->mbufs->size - c->mbufs->size / 4);
		or_default(&c->low_mbufs, c->mbufs->size / 32);
	}
	if (!c->mem)
		c->mem = &la_mem_default;
}

bool
la_config_is_filled(const struct la_shard_config *c)
{
	for (unsigned i = 0; i < LA_NCONFIG; i++)
		if (la_config_rows[i].def != 0 && la_config_get(&la_config_rows[i], c) == 0)
			return false;
	return c->max_orphans != 0 && c->syn_cookies_at != 0 && c->mem;
}

const char *
la_config_check(const struct la_shard_config *c)
{
	for (unsigned i = 0; i < LA_NCONFIG; i++) {
		const struct la_config_row *r = &la_config_rows[i];
		uint64_t v = la_config_get(r, c);

		if (v != 0 && (v < r->min || v > r->max))
			return r->name;
	}
	return NULL;
}

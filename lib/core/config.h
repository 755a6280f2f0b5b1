/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_CONFIG_H
#define LA_CORE_CONFIG_H

/* The rows of include/lastack/config.def: defaults and ranges of struct la_shard_config. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lastack/shard.h>

/** LA_CFG_msl_ms: the row of the field msl_ms in la_config_rows[]. */
enum la_config_field {
#define LA_CONFIG(field, type, def, min, max, unit, help) LA_CFG_##field,
#include <lastack/config.def>
#undef LA_CONFIG
	LA_NCONFIG
};

/** LA_CONFIG_MAX_msl_ms: the largest value of the field, for checks at compile time. */
enum {
#define LA_CONFIG(field, type, def, min, max, unit, help) LA_CONFIG_MAX_##field = max,
#include <lastack/config.def>
#undef LA_CONFIG
};

struct la_config_row {
	const char *name;    /* of the field */
	size_t offset, size; /* of the field, bytes */
	uint64_t def;	     /* 0: `help` has its meaning */
	uint64_t min, max;   /* of a value other than 0 */
	const char *unit;
	const char *help;
};
extern const struct la_config_row la_config_rows[LA_NCONFIG];

uint64_t la_config_get(const struct la_config_row *r, const struct la_shard_config *c);
/** v: at most r->max. */
void la_config_set(const struct la_config_row *r, struct la_shard_config *c, uint64_t v);

/** Gives each field that is 0, and `mem` if it is NULL, its default. Defaults that follow from max_conns and mbufs come
 * last; without mbufs, max_held and low_mbufs stay 0. */
void la_config_fill(struct la_shard_config *c);

/** Has la_config_fill() seen this configuration? For assertions of the layers below la_shard_create(). */
bool la_config_is_filled(const struct la_shard_config *c);

/** The name of the first field of config.def that is out of its range, or NULL. */
const char *la_config_check(const struct la_shard_config *c);

#endif

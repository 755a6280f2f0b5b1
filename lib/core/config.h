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
	const char *name;  /* name of the field */
	size_t offset;	   /* bytes: position of the field in the structure */
	size_t size;	   /* bytes: size of the field */
	uint64_t def;	   /* default; 0: the brackets in `help` describe the default */
	uint64_t min, max; /* bounds of a value other than 0 */
	const char *unit;
	const char *help;
};
extern const struct la_config_row la_config_rows[LA_NCONFIG];

/** Returns the value of the row's field. */
uint64_t la_config_get(const struct la_config_row *r, const struct la_shard_config *c);
/** Sets the row's field. v: at most r->max. */
void la_config_set(const struct la_config_row *r, struct la_shard_config *c, uint64_t v);

/** Sets each field that is 0, and `mem` if it is NULL, to its default. Without mbufs, max_held and low_mbufs stay 0,
 * because their defaults depend on the size of that pool. */
void la_config_fill(struct la_shard_config *c);

/** Returns whether la_config_fill() has set the defaults. For assertions of the layers below la_shard_create(). */
bool la_config_is_filled(const struct la_shard_config *c);

/** Returns the name of the first field that is neither 0 nor in the range of its row, or NULL. */
const char *la_config_check(const struct la_shard_config *c);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_BYTES_H
#define LA_CORE_BYTES_H

/* Fields at any alignment, big-endian or, for la_load64() and la_load32(), in the machine's byte order: a header may
 * start anywhere in a buffer. The compiler makes one load or store and a byte swap of each memcpy(). */

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
la_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
la_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t
la_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline uint32_t
la_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline void
la_put16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
la_put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_APP_CLI_SLAB_H
#define LA_APP_CLI_SLAB_H

/* Objects of one size from one piece of memory: no allocation per connection. Only the memory of the
 * highest number of objects that were in use at once is ever touched. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/mem.h"

struct slab {
	char *memory;
	size_t size;	/* bytes of one object, a multiple of 8: at least the size of a pointer */
	uint32_t count; /* objects in all */
	uint32_t fresh; /* index of the first object that was never used */
	uint32_t used;	/* objects in use */
	void *free;	/* list of free objects, linked through their first word */
};

/** Allocates the memory. Returns 0 or -ENOMEM. */
static inline int
slab_init(struct slab *s, size_t size, uint32_t count)
{
	memset(s, 0, sizeof(*s));
	s->size = (size + 7) & ~(size_t)7;
	s->count = count;
	s->memory = la_mem_alloc(NULL, s->size * count, 64);
	return s->memory ? 0 : -12;
}

static inline void
slab_fini(struct slab *s)
{
	if (s->memory)
		la_mem_free(NULL, s->memory, s->size * s->count);
	s->memory = NULL;
}

/** Returns a zeroed object; NULL: all objects are in use. */
static inline void *
slab_get(struct slab *s)
{
	void *p = s->free;

	if (p)
		memcpy(&s->free, p, sizeof(void *));
	else if (s->fresh < s->count)
		p = s->memory + s->size * s->fresh++;
	else
		return NULL;
	s->used++;
	return memset(p, 0, s->size);
}

static inline void
slab_put(struct slab *s, void *p)
{
	memcpy(p, &s->free, sizeof(void *));
	s->free = p;
	s->used--;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/pcapng.h"

/* Block and option numbers of the pcapng format (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3). */
enum {
	SECTION_HEADER = 0x0a0d0d0a,
	INTERFACE = 1,
	ENHANCED_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPT_END = 0,
	OPT_IF_NAME = 2,
};

struct la_pcapng {
	FILE *f;
};

/* Writes the bytes, padded to a multiple of 4. */
static void
pcapng_put(struct la_pcapng *c, const void *p, size_t len)
{
	static const uint8_t zero[4];

	fwrite(p, 1, len, c->f);
	fwrite(zero, 1, -len & 3, c->f);
}

static void
pcapng_put32(struct la_pcapng *c, uint32_t v)
{
	pcapng_put(c, &v, sizeof(v));
}

static void
put_interface(struct la_pcapng *c, const char *name)
{
	uint16_t len = (uint16_t)strlen(name);
	uint32_t size = 20 + 4 + ((len + 3u) & ~3u) + 4;

	pcapng_put32(c, INTERFACE);
	pcapng_put32(c, size);
	pcapng_put32(c, LINKTYPE_ETHERNET);
	pcapng_put32(c, 0); /* no limit on a packet's length; time in us by default */
	pcapng_put32(c, (uint32_t)len << 16 | OPT_IF_NAME);
	pcapng_put(c, name, len);
	pcapng_put32(c, OPT_END);
	pcapng_put32(c, size);
}

struct la_pcapng *
la_pcapng_open(const char *path, const char *const *names, unsigned n)
{
	struct la_pcapng *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	c->f = fopen(path, "wb");
	if (!c->f) {
		free(c);
		return NULL;
	}
	pcapng_put32(c, SECTION_HEADER);
	pcapng_put32(c, 28);
	pcapng_put32(c, BYTE_ORDER_MAGIC);
	pcapng_put32(c, 1); /* version 1.0 */
	pcapng_put32(c, UINT32_MAX);
	pcapng_put32(c, UINT32_MAX); /* the section's length is not given */
	pcapng_put32(c, 28);
	for (unsigned i = 0; i < n; i++)
		put_interface(c, names[i]);
	return c;
}

void
la_pcapng_packet(struct la_pcapng *c, unsigned i, uint64_t us, const uint8_t *frame, uint32_t len)
{
	uint32_t size = 32 + ((len + 3) & ~3u);

	pcapng_put32(c, ENHANCED_PACKET);
	pcapng_put32(c, size);
	pcapng_put32(c, i);
	pcapng_put32(c, (uint32_t)(us >> 32));
	pcapng_put32(c, (uint32_t)us);
	pcapng_put32(c, len);
	pcapng_put32(c, len);
	pcapng_put(c, frame, len);
	pcapng_put32(c, size);
}

int
la_pcapng_close(struct la_pcapng *c)
{
	int err = ferror(c->f) ? -EIO : 0;

	if (fclose(c->f) != 0)
		err = -EIO;
	free(c);
	return err;
}

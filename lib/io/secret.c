/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdbool.h>

#include <sodium.h>

#include "io/rss.h"
#include "io/secret.h"

static struct {
	uint8_t secret[LA_SECRET_LEN];
	bool drawn; /* `secret` has its random value */
} process;

void
la_secret_of_port(unsigned port, uint8_t out[LA_SECRET_LEN])
{
	if (!process.drawn)
		randombytes_buf(process.secret, sizeof(process.secret));
	process.drawn = true;
	(void)crypto_generichash(out, LA_SECRET_LEN, (const uint8_t *)&port, sizeof(port), process.secret,
				 sizeof(process.secret));
}

void
la_secret_set_rss(const uint8_t *port0)
{
	uint8_t own[LA_SECRET_LEN];

	if (port0 == NULL)
		la_secret_of_port(0, own);
	la_rss_seed(port0 ? port0 : own, LA_SECRET_LEN);
	sodium_memzero(own, sizeof(own));
}

void
la_secret_need_rss(void)
{
	if (!la_rss_chosen())
		la_secret_set_rss(NULL);
}

void
la_secret_forget(void)
{
	sodium_memzero(&process, sizeof(process));
}

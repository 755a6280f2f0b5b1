/* SPDX-License-Identifier: BSD-3-Clause */

/* A host restarts: cleanly, with its TIME_WAIT table saved and loaded, or by a crash. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"

/* The snapshot, in memory. */
struct file {
	uint8_t *p;
	size_t len, size, at;
};

static int
file_write(void *ctx, const void *p, size_t len)
{
	struct file *f = ctx;

	if (f->len + len > f->size) {
		size_t size = 2 * (f->len + len);
		uint8_t *more = realloc(f->p, size);

		if (!more)
			return -ENOMEM;
		f->p = more;
		f->size = size;
	}
	memcpy(f->p + f->len, p, len);
	f->len += len;
	return 0;
}

static int
file_read(void *ctx, void *p, size_t len)
{
	struct file *f = ctx;

	if (len > f->len - f->at)
		return -EIO;
	memcpy(p, f->p + f->at, len);
	f->at += len;
	return 0;
}

/* Aborts the connections of the old shard, sends their RSTs, and saves the TIME_WAIT table to f. */
static int
restart_stop_shard(struct la_sim *w, unsigned host, struct file *f)
{
	struct la_shard *s = w->node[host].shard;

	la_sim_touch(w, host);
	while (la_shard_abort_all(s, 64) > 0) {
		la_sim_settle(w);
		la_sim_touch(w, host); /* sends the frames that waited for a free mbuf */
	}
	la_sim_settle(w);
	return la_shard_save(s, la_sim_ms(w), file_write, f);
}

int
la_sim_restart(struct la_sim *w, unsigned host, bool orderly, uint32_t quiet_ms)
{
	struct la_sim_node *n = &w->node[host];
	struct file f = {0};
	int err = orderly ? restart_stop_shard(w, host, &f) : 0;

	if (err)
		goto out;
	la_shard_destroy(n->shard);
	la_sim_users_lost(w, host);
	memset(n->isn, 0, sizeof(n->isn));
	if (!orderly) /* a crashed process has lost its secret, too */
		for (unsigned k = 0; k < sizeof(n->cfg.secret); k++)
			n->cfg.secret[k] = (uint8_t)la_rng64(&w->rng);
	n->cfg.quiet_ms = orderly ? 0 : quiet_ms;
	err = la_sim_birth(w, host);
	if (!err && orderly)
		err = la_shard_load(n->shard, file_read, &f);
	la_sim_tell(w, &(struct la_sim_event){.what = LA_SIM_RESTART,
					      .host = (uint8_t)host,
					      .text = orderly	 ? "restarted cleanly, with its TIME_WAIT table"
						      : quiet_ms ? "crashed, and keeps quiet time"
								 : "crashed, and restarts without quiet time"});
	la_sim_settle(w);
out:
	free(f.p);
	return err;
}

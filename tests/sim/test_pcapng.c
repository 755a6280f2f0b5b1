/* SPDX-License-Identifier: BSD-3-Clause */

/* The capture file of a simulated network: tshark reads the interfaces, frames and virtual times that were written. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "sim/pcapng.h"

static const struct la_sim_plan server = {.send = 1001, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_PEER_FIN};
static const struct la_sim_plan client = {.send = 2000, .ending = LA_SIM_CLOSE, .when = LA_SIM_WHEN_SENT};

static struct la_pcapng *file;
static struct {
	uint64_t us;
	unsigned host, len;
	uint32_t seq;
} wrote[1000];
static unsigned n;

static void
capture(void *ctx, const struct la_sim_event *e)
{
	(void)ctx;
	if (e->what != LA_SIM_SENT || n == 1000)
		return;
	la_pcapng_packet(file, e->host, e->us, e->frame, e->frame_len);
	wrote[n].us = e->us;
	wrote[n].host = e->host;
	wrote[n].len = e->frame_len;
	wrote[n++].seq = e->seg.seq;
}

Test(pcapng, read_by_tshark)
{
	char path[] = "/tmp/lastack-sim-XXXXXX", cmd[400], line[300];
	struct la_sim *w = sim_pair(&(struct la_sim_link){.delay_us = 12345}, NULL, 0, &server);
	unsigned i = 0;
	FILE *f;

	close(mkstemp(path));
	file = la_pcapng_open(path, (const char *[]){"A", "host B"}, 2);
	cr_assert(file);
	la_sim_hooks(w, &(struct la_sim_hooks){.event = capture});
	la_sim_run(w, UINT64_C(7200) * SIM_S);
	sim_open(w, false, &client);
	sim_open(w, true, &client);
	sim_over(w);
	cr_assert_eq(la_pcapng_close(file), 0);
	cr_assert(n > 15);
	snprintf(cmd, sizeof(cmd),
		 "tshark -r %s -o tcp.relative_sequence_numbers:FALSE -o tcp.check_checksum:TRUE "
		 "-T fields -e "
		 "frame.time_epoch -e frame.interface_name -e frame.len -e tcp.seq_raw -e "
		 "tcp.checksum.status",
		 path);
	f = popen(cmd, "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long long s, us;
		unsigned len, seq, sum;
		char frac[16], name[20];

		cr_assert(i < n, "tshark reads more frames than were written");
		cr_assert_eq(
			sscanf(line, "%llu.%6[0-9]%*[0-9]\t%19[^\t]\t%u\t%u\t%u", &s, frac, name, &len, &seq, &sum), 6,
			"%s", line);
		us = s * 1000000 + strtoull(frac, NULL, 10);
		cr_expect_eq(us, wrote[i].us, "time %llu us, expected %llu", us, (unsigned long long)wrote[i].us);
		cr_expect_str_eq(name, wrote[i].host ? "host B" : "A");
		cr_expect(len == wrote[i].len && seq == wrote[i].seq && sum == 1, "%s", line);
		i++;
	}
	cr_expect_eq(pclose(f), 0, "tshark failed");
	cr_expect_eq(i, n, "tshark read %u frames of %u", i, n);
	unlink(path);
}

Test(pcapng, errors)
{
	struct la_pcapng *c;
	uint8_t frame[60] = {0};

	errno = 0;
	cr_expect_null(la_pcapng_open("/nonexistent/dir/file", NULL, 0));
	cr_expect_eq(errno, ENOENT);
	c = la_pcapng_open("/dev/full", (const char *[]){"A"}, 1);
	cr_assert(c);
	la_pcapng_packet(c, 0, 1, frame, sizeof(frame));
	cr_expect_eq(la_pcapng_close(c), -EIO);
}

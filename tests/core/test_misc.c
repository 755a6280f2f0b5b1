/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <lastack/counters.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/seq.h"

Test(seq, is_modulo_2_32)
{
	cr_assert(seq_lt(0xffffffffu, 0));
	cr_assert(seq_lt(0, 0x7fffffffu));
	cr_assert(seq_gt(0, 0x80000001u));
	cr_assert_not(seq_lt(5, 5));
	cr_assert(seq_le(5, 5) && seq_ge(5, 5));
	cr_assert_not(seq_gt(0x80000000u, 0)); /* 2^31 ahead is not greater */
	cr_assert_eq(seq_max(0xfffffff0u, 3), 3);
	cr_assert_eq(seq_min(0xfffffff0u, 3), 0xfffffff0u);
}

/* ------------------------------------------------------------------ counters */

Test(counters, names_are_unique)
{
	for (unsigned i = 0; i < LA_NCOUNTERS; i++) {
		const char *name = la_counter_name((enum la_counter)i);

		cr_assert_not_null(name);
		cr_assert_not_null(la_counter_text((enum la_counter)i), "%s", name);
		for (unsigned j = 0; j < i; j++)
			cr_assert_str_neq(name, la_counter_name((enum la_counter)j));
	}
	cr_assert_null(la_counter_name(LA_NCOUNTERS));
	cr_assert_null(la_counter_text(LA_NCOUNTERS));
}

Test(counters, table_follows_the_def_file)
{
	cr_assert_str_eq(la_counter_name(LA_C_early_recycles), "early_recycles");
	cr_assert_eq(la_counter_kind(LA_C_early_recycles), LA_KIND_COUNT);
	cr_assert_eq(la_counter_kind(LA_C_time_wait), LA_KIND_GAUGE);
	cr_assert_eq(la_counter_kind(LA_C_time_wait_peak), LA_KIND_PEAK);
	cr_assert_eq(la_counter_kind(LA_C_time_wait_rst_ignored), LA_KIND_DROP);
	/* a counter named drop_* has the kind DROP */
	for (unsigned i = 0; i < LA_NCOUNTERS; i++)
		if (strncmp(la_counter_name((enum la_counter)i), "drop_", 5) == 0)
			cr_assert_eq(la_counter_kind((enum la_counter)i), LA_KIND_DROP);
}

Test(counters, add_adds_every_field)
{
	static struct la_counters sum, part;
	uint64_t *s = (uint64_t *)&sum, *p = (uint64_t *)&part;
	size_t n = sizeof(sum) / sizeof(uint64_t);

	for (size_t i = 0; i < n; i++) {
		s[i] = i;
		p[i] = 1000 + 3 * i;
	}
	la_counters_add(&sum, &part);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(s[i], 1000 + 4 * i, "word %zu", i);
}

/* ------------------------------------------------------------------ memory */

Test(mem, zeroed_and_aligned)
{
	static const size_t sizes[] = {1, 64, 4096, 5000, 2 << 20, (2 << 20) - 1, (6 << 20) + 100};
	static const size_t aligns[] = {1, 64, 4096, 65536, 2 << 20};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned j = 0; j < sizeof(aligns) / sizeof(aligns[0]); j++) {
			uint8_t *p = la_mem_alloc(NULL, sizes[i], aligns[j]);

			cr_assert_not_null(p);
			cr_assert_eq((uintptr_t)p % aligns[j], 0);
			if (sizes[i] >= 2 << 20)
				cr_assert_eq((uintptr_t)p % (2 << 20), 0, "the memory is not aligned to a hugepage");
			for (size_t k = 0; k < sizes[i]; k += 61)
				cr_assert_eq(p[k], 0);
			memset(p, 0xa5, sizes[i]);
			la_mem_free(NULL, p, sizes[i]);
		}
	}
}

static long
mapped_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	cr_assert_eq(fscanf(f, "%ld", &pages), 1);
	fclose(f);
	return pages;
}

Test(mem, free_returns_all_memory)
{
	long before = mapped_pages();

	for (int i = 0; i < 100; i++) {
		void *p = la_mem_alloc(&la_mem_default, (3 << 20) + 7, 64);

		la_mem_free(&la_mem_default, p, (3 << 20) + 7);
		p = la_mem_alloc(&la_mem_default, 100, 1 << 20);
		la_mem_free(&la_mem_default, p, 100);
	}
	cr_assert_leq(mapped_pages(), before + 256);
	la_mem_free(NULL, NULL, 100); /* no effect */
}

Test(mem, refuses)
{
	cr_assert_null(la_mem_alloc(NULL, 0, 64));
	cr_assert_null(la_mem_alloc(NULL, 100, 3));
	cr_assert_null(la_mem_alloc(NULL, 100, 4 << 20));
	cr_assert_null(la_mem_alloc(NULL, SIZE_MAX, 64));
	cr_assert_null(la_mem_alloc(NULL, SIZE_MAX / 2, 64)); /* more than the address space */
}

/* ------------------------------------------------------------------ log */

Test(log, lines_and_levels, .init = cr_redirect_stderr)
{
	char want[2200], longer[2000];

	la_log(LA_LOG_INFO, "port %d is up", 3);
	la_log(LA_LOG_DEBUG, "not shown");
	la_log(LA_LOG_WARN, "no %s", "hugepages");
	la_log_set_level(LA_LOG_DEBUG);
	la_log(LA_LOG_DEBUG, "shown");
	la_log_set_level(LA_LOG_ERROR);
	la_log(LA_LOG_WARN, "not shown");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	la_log(LA_LOG_ERROR, "%s", longer); /* truncated */
	longer[1023] = '\0';
	snprintf(want, sizeof(want),
		 "lastack: port 3 is up\nlastack: warning: no hugepages\n"
		 "lastack: shown\nlastack: error: %s\n",
		 longer);
	fflush(stderr);
	cr_assert_stderr_eq_str(want);
}

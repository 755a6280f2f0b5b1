/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_PROBE_H
#define LA_CORE_PROBE_H

/* Static probes (USDT) for bpftrace, perf, SystemTap and gdb; docs/troubleshooting.md, "Probes", lists them.
 *
 * A probe is one nop, and a note in .note.stapsdt with its name and the places of its arguments. A tracer replaces the
 * nop with a breakpoint. The arguments are constants, or values that are already in a register. So the nop is the
 * whole cost of a probe that is not traced.
 *
 * `inline` after asm: gcc estimates the size of an asm by its lines. The directives of a probe are some fifty lines, so
 * gcc would not inline a function with a probe. Without <sys/sdt.h> (meson: -Dprobes) a probe is no code. */

#ifdef LA_PROBES

#include <sys/sdt.h>

#define LA_PROBE2(name, a, b)                                                             \
	__asm__ volatile inline(STAP_PROBE_ASM(lastack, name, STAP_PROBE_ASM_TEMPLATE(2)) \
				:                                                         \
				: STAP_PROBE_ASM_OPERANDS(2, a, b))
#define LA_PROBE3(name, a, b, c)                                                          \
	__asm__ volatile inline(STAP_PROBE_ASM(lastack, name, STAP_PROBE_ASM_TEMPLATE(3)) \
				:                                                         \
				: STAP_PROBE_ASM_OPERANDS(3, a, b, c))

#else

#define LA_PROBE2(name, a, b) ((void)(a), (void)(b))
#define LA_PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))

#endif

#endif

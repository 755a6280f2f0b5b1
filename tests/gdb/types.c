/* SPDX-License-Identifier: BSD-3-Clause */

/* Values of each type that lib/gdb.py prints. gdb reads the values from the program file; the program does not run. */

#include "table/index.h"
#include "tcp/tcb.h"
#include "table/time_wait.h"

#define IP4(w, x, y, z)                                \
	{                                              \
		.b = { [10] = 0xff, 0xff, w, x, y, z } \
	}

struct la_addr v4 = IP4(10, 0, 0, 1), v6 = {.b = {0xfd, [15] = 2}}, any;
struct la_prefix prefix = {IP4(10, 1, 0, 0), 16};
struct la_tuple tuple4 = {IP4(10, 0, 0, 1), IP4(10, 0, 0, 2), 40000, 80};
struct la_tuple tuple6 = {{.b = {0xfd, [15] = 1}}, {.b = {0xfd, [15] = 2}}, 40001, 443};
la_ref ref_none, ref_tcb = LA_POOL_TCB << LA_REF_SLOT_BITS | 5, ref_tw4 = LA_POOL_TW4 << LA_REF_SLOT_BITS | 17,
		 ref_tw6 = LA_POOL_TW6 * (1u << LA_REF_SLOT_BITS) | 1234567;
struct la_tcb tcb = {.state = LA_ESTABLISHED,
		     .flags = LA_F_ACTIVE | LA_F_TS,
		     .laddr = IP4(10, 0, 0, 1),
		     .raddr = IP4(10, 0, 0, 2),
		     .lport = 40000,
		     .rport = 80,
		     .snd_una = 1000,
		     .shadow = LA_POOL_TW4 << LA_REF_SLOT_BITS | 17};
struct la_tw4 tw4 = {.laddr = 0x0100000a,
		     .raddr = 0x0200000a,
		     .lport = 40000,
		     .rport = 80,
		     .core = {.snd_nxt = 2000,
			      .deadline = 60001,
			      .flags = LA_TW_LIVE | LA_TW_TS | LA_TW_WHEEL | 3 << LA_TW_CLASS_SHIFT}};
struct la_tw6 tw6 = {.laddr = {.b = {0xfd, [15] = 1}},
		     .raddr = {.b = {0xfd, [15] = 2}},
		     .lport = 40001,
		     .rport = 443,
		     .core = {.flags = LA_TW_LIVE | LA_TW_FW2 | 5 << LA_TW_THROTTLE_SHIFT}};
enum la_tw_life life = LA_TW_LIVE;
enum la_state state = LA_ESTABLISHED;
enum la_tcb_flag flag = LA_F_TS;

int
main(void)
{
	return 0;
}

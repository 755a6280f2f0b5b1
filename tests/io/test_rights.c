/* SPDX-License-Identifier: BSD-3-Clause */

/* The message about missing rights, from what is known of a process. tests/live/19-rights takes the rights from real
 * processes. */

#include <linux/capability.h>
#include <string.h>

#include <criterion/criterion.h>
#include <rte_common.h>

#include "io/rights.h"

enum { ALL = -1 };

#define CAP(name) (1ull << CAP_##name)

static const char *
lack(const struct la_pci_host *host, enum la_port_kind kind, uint64_t locked)
{
	static char buf[512];

	return la_rights_lack(host, kind, locked, buf, sizeof(buf));
}

/* A capability is named exactly when it is missing, for each set of the capabilities that a port may need. */
Test(rights, each_missing_capability_is_named)
{
	static const struct {
		uint64_t cap;
		const char *name;
		bool tap, veth, xdp;
	} caps[] = {
		{CAP(NET_ADMIN), "CAP_NET_ADMIN", true, true, true},
		{CAP(NET_RAW), "CAP_NET_RAW", false, true, true},
		{CAP(SYS_ADMIN), "CAP_SYS_ADMIN", false, false, true},
	};

	for (unsigned set = 0; set < 1u << RTE_DIM(caps); set++) {
		struct la_pci_host host = {.linux_version = 6001};
		bool tap = true, veth = true, xdp = true;

		for (unsigned i = 0; i < RTE_DIM(caps); i++)
			host.caps |= (set >> i & 1) != 0 ? caps[i].cap : 0;
		for (unsigned i = 0; i < RTE_DIM(caps); i++) {
			bool has = (set >> i & 1) != 0;

			tap = tap && (has || !caps[i].tap);
			veth = veth && (has || !caps[i].veth);
			xdp = xdp && (has || !caps[i].xdp);
			cr_assert_eq(strstr(lack(&host, LA_PORT_TAP, 0), caps[i].name) != NULL, !has && caps[i].tap);
			cr_assert_eq(strstr(lack(&host, LA_PORT_VETH, 0), caps[i].name) != NULL, !has && caps[i].veth);
			cr_assert_eq(strstr(lack(&host, LA_PORT_XDP, 0), caps[i].name) != NULL, !has && caps[i].xdp);
		}
		cr_assert_eq(lack(&host, LA_PORT_TAP, 0)[0] == '\0', tap);
		cr_assert_eq(lack(&host, LA_PORT_VETH, 0)[0] == '\0', veth);
		cr_assert_eq(lack(&host, LA_PORT_XDP, 0)[0] == '\0', xdp);
	}
}

/* CAP_SYS_ADMIN includes CAP_BPF, which older kernels do not have. */
Test(rights, cap_bpf)
{
	struct la_pci_host host = {.caps = CAP(NET_ADMIN) | CAP(NET_RAW), .linux_version = 6001};

	cr_assert_not_null(strstr(lack(&host, LA_PORT_XDP, 0), "CAP_BPF (loads"));
	host.linux_version = 5007;
	cr_assert_null(strstr(lack(&host, LA_PORT_XDP, 0), "CAP_BPF"));
	cr_assert_not_null(strstr(lack(&host, LA_PORT_XDP, 0), "CAP_SYS_ADMIN"));
	host.linux_version = 6001;
	host.caps |= CAP(BPF);
	cr_assert_null(strstr(lack(&host, LA_PORT_XDP, 0), "CAP_BPF"));
	host.caps = CAP(NET_ADMIN) | CAP(NET_RAW) | CAP(SYS_ADMIN);
	cr_assert_str_eq(lack(&host, LA_PORT_XDP, 0), "");
}

Test(rights, memory_that_may_be_locked)
{
	struct la_pci_host host = {.caps = (uint64_t)ALL, .lock_limited = true, .lock_mb = 8};

	cr_assert_str_eq(lack(&host, LA_PORT_XDP, 8 << 20), "");
	cr_assert_not_null(strstr(lack(&host, LA_PORT_XDP, (8 << 20) + 1),
				  "RLIMIT_MEMLOCK (it is 8 MiB, the packet buffers take 9 MiB)"));
	cr_assert_str_eq(lack(&host, LA_PORT_VETH, 1ull << 40), "");
	host.lock_limited = false;
	cr_assert_str_eq(lack(&host, LA_PORT_XDP, 1ull << 40), "");
}

Test(rights, namespaces_and_old_kernels)
{
	struct la_pci_host host = {.caps = (uint64_t)ALL, .user_namespace = true};

	cr_assert_str_eq(lack(&host, LA_PORT_TAP, 0), "");
	cr_assert_str_eq(lack(&host, LA_PORT_VETH, 0), "");
	cr_assert_not_null(strstr(lack(&host, LA_PORT_XDP, 0), "outside of a user namespace"));
	host.foreign_net = true;
	cr_assert_not_null(strstr(lack(&host, LA_PORT_TAP, 0), "belongs to another user namespace"));
	cr_assert_not_null(strstr(lack(&host, LA_PORT_VETH, 0), "belongs to another user namespace"));
	host = (struct la_pci_host){.caps = (uint64_t)ALL, .linux_version = 5003};
	cr_assert_not_null(strstr(lack(&host, LA_PORT_XDP, 0), "Linux 5.3 is too old"));
	cr_assert_str_eq(lack(&host, LA_PORT_VETH, 0), "");
	host.linux_version = 5004;
	cr_assert_str_eq(lack(&host, LA_PORT_XDP, 0), "");
}

/* A message that does not fit is cut. */
Test(rights, a_short_buffer)
{
	struct la_pci_host host = {.linux_version = 6001};
	char whole[512], part[512];

	(void)la_rights_lack(&host, LA_PORT_XDP, 0, whole, sizeof(whole));
	for (size_t n = 1; n < strlen(whole) + 1; n++) {
		(void)la_rights_lack(&host, LA_PORT_XDP, 0, part, n);
		cr_assert_eq(strlen(part), n - 1);
		cr_assert_eq(memcmp(part, whole, n - 1), 0);
	}
}

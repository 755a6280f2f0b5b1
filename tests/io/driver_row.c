/* SPDX-License-Identifier: BSD-3-Clause */

/* driver_row EAL-ARGUMENTS...: prints what each port's driver reports as a row of drivers.def. The label is the device. */

#include "driver_row.h"

#include <rte_eal.h>
#include <rte_ethdev.h>

int
main(int argc, char **argv)
{
	if (rte_eal_init(argc, argv) < 0)
		return 1;
	for (uint16_t id = 0; id < RTE_MAX_ETHPORTS; id++) {
		struct rte_eth_dev_info info;
		char name[RTE_ETH_NAME_MAX_LEN], row[256];

		if (!rte_eth_dev_is_valid_port(id))
			continue;
		if (rte_eth_dev_get_name_by_port(id, name) != 0 || rte_eth_dev_info_get(id, &info) != 0)
			return 1;
		printf("%s\n", driver_row(name, &info, row, sizeof(row)));
	}
	return 0;
}

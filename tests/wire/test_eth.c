/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_test.h"

static const uint8_t plain[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
static const uint8_t tagged[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0xe0, 0x05, 0x86, 0xdd};

Test(eth, plain)
{
	uint8_t *p = exact(plain, sizeof(plain)), out[18];
	struct la_eth e;

	assert_ok(la_eth_parse(p, sizeof(plain), &e));
	cr_assert_arr_eq(e.dst, plain, 6);
	cr_assert_arr_eq(e.src, plain + 6, 6);
	cr_assert_eq(e.type, LA_ETH_IP4);
	cr_assert_eq(e.vlan, 0);
	cr_assert_eq(e.len, 14);
	cr_assert_eq(la_eth_write(out, &e), 14);
	cr_assert_arr_eq(out, plain, 14);
	free(p);
}

Test(eth, tagged)
{
	uint8_t *p = exact(tagged, sizeof(tagged)), out[18], want[18];
	struct la_eth e;

	assert_ok(la_eth_parse(p, sizeof(tagged), &e));
	cr_assert_eq(e.type, LA_ETH_IP6);
	cr_assert_eq(e.vlan, 5);
	cr_assert_eq(e.len, 18);
	cr_assert_eq(la_eth_write(out, &e), 18);
	memcpy(want, tagged, 18);
	want[14] = 0; /* priority 0 on output */
	cr_assert_arr_eq(out, want, 18);
	free(p);
}

Test(eth, priority_tag_is_no_vlan)
{
	uint8_t p[18];
	struct la_eth e;

	memcpy(p, tagged, 18);
	p[15] = 0;
	assert_ok(la_eth_parse(p, 18, &e));
	cr_assert_eq(e.vlan, 0);
	cr_assert_eq(e.len, 18);
	cr_assert_eq(e.type, LA_ETH_IP6);
}

Test(eth, reserved_vlan)
{
	uint8_t p[18];
	struct la_eth e;

	memcpy(p, tagged, 18);
	p[14] = 0x0f;
	p[15] = 0xff;
	assert_drop(la_eth_parse(p, 18, &e), drop_eth_vlan);
	p[15] = 0xfe;
	assert_ok(la_eth_parse(p, 18, &e));
	cr_assert_eq(e.vlan, 4094);
}

Test(eth, second_tag_is_a_type)
{
	uint8_t p[18];
	struct la_eth e;

	memcpy(p, tagged, 18);
	p[16] = 0x81;
	p[17] = 0x00;
	assert_ok(la_eth_parse(p, 18, &e));
	cr_assert_eq(e.type, LA_ETH_VLAN);
}

Test(eth, truncated)
{
	struct la_eth e;

	for (size_t n = 0; n < sizeof(tagged); n++) {
		uint8_t *p = exact(tagged, n);

		assert_drop(la_eth_parse(p, n, &e), drop_eth_short);
		free(p);
	}
	for (size_t n = 0; n < sizeof(plain); n++) {
		uint8_t *p = exact(plain, n);

		assert_drop(la_eth_parse(p, n, &e), drop_eth_short);
		free(p);
	}
}

static const uint8_t arp[] = {0, 1, 0x08, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2};

Test(arp, round_trip)
{
	uint8_t *p = exact(arp, sizeof(arp)), out[LA_ARP_LEN];
	struct la_arp a;
	uint32_t spa, tpa;

	memcpy(&spa, arp + 14, 4);
	memcpy(&tpa, arp + 24, 4);
	assert_ok(la_arp_parse(p, sizeof(arp), &a));
	cr_assert_eq(a.op, LA_ARP_REQUEST);
	cr_assert_arr_eq(a.sha, arp + 8, 6);
	cr_assert_arr_eq(a.tha, arp + 18, 6);
	cr_assert_eq(a.spa, spa);
	cr_assert_eq(a.tpa, tpa);
	memset(out, 0xee, sizeof(out));
	la_arp_write(out, &a);
	cr_assert_arr_eq(out, arp, sizeof(arp));

	a.op = LA_ARP_REPLY;
	la_arp_write(out, &a);
	assert_ok(la_arp_parse(out, sizeof(out), &a));
	cr_assert_eq(a.op, LA_ARP_REPLY);
	free(p);
}

Test(arp, truncated)
{
	struct la_arp a;

	for (size_t n = 0; n < sizeof(arp); n++) {
		uint8_t *p = exact(arp, n);

		assert_drop(la_arp_parse(p, n, &a), drop_arp_bad);
		free(p);
	}
}

Test(arp, wrong_fields)
{
	/* hardware, protocol, lengths, operation, and a sender that is a group */
	static const struct {
		size_t off;
		uint8_t value;
	} t[] = {{0, 1}, {1, 6}, {2, 0x86}, {3, 1}, {4, 8}, {5, 16}, {6, 1}, {7, 0}, {7, 3}, {8, 0xff}};
	struct la_arp a;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t p[sizeof(arp)];

		memcpy(p, arp, sizeof(arp));
		p[t[i].off] = t[i].value;
		assert_drop(la_arp_parse(p, sizeof(p), &a), drop_arp_bad);
	}
}

Test(eth, mutated)
{
	uint64_t seed = 5;
	struct la_eth e;
	struct la_arp a;

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd(&seed) % (sizeof(tagged) + 1), m = rnd(&seed) % (sizeof(arp) + 1);
		uint8_t *p = exact(tagged, n), *q = exact(arp, m);

		mutate(&seed, p, n);
		mutate(&seed, q, m);
		if (la_eth_parse(p, n, &e) == LA_WIRE_OK) {
			cr_assert_leq(e.len, n);
			cr_assert_lt(e.vlan, 4095);
		}
		if (la_arp_parse(q, m, &a) == LA_WIRE_OK)
			cr_assert_geq(m, LA_ARP_LEN);
		free(p);
		free(q);
	}
}

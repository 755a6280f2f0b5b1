/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_test.h"

#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/print.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

/* A frame under construction. */
struct frame {
	uint8_t b[256];
	size_t len;
};

static uint8_t *
start(struct frame *f, uint16_t type, uint16_t vlan)
{
	struct la_eth e = {.type = type, .vlan = vlan, .src = {2, 0, 0, 0, 0, 1}, .dst = {2, 0, 0, 0, 0, 2}};

	memset(f, 0, sizeof(*f));
	f->len = la_eth_write(f->b, &e);
	return f->b + f->len;
}

/* Writes Ethernet and IP headers for n bytes from src to dst. Returns the place of these bytes. */
static uint8_t *
start_ip(struct frame *f, const char *src, const char *dst, uint8_t proto, size_t n)
{
	struct la_addr s = addr(src), d = addr(dst);
	bool v4 = la_addr_is4(&s);
	uint8_t *p = start(f, v4 ? LA_ETH_IP4 : LA_ETH_IP6, 0);

	f->len += v4 ? la_ip4_write(p, &s, &d, proto, 64, (uint16_t)n, true)
		     : la_ip6_write(p, &s, &d, proto, 255, (uint16_t)n);
	f->len += n;
	return f->b + f->len - n;
}

static void
tcp(struct frame *f, const char *src, const char *dst, const struct la_tcp_hdr *h, size_t payload)
{
	size_t n = la_tcp_hdr_len(h->opts, h->nsack);

	la_tcp_write(start_ip(f, src, dst, LA_IPPROTO_TCP, n + payload), h);
}

static void
icmp(struct frame *f, const char *src, const char *dst, const uint8_t *msg, size_t n)
{
	struct la_addr s = addr(src), d = addr(dst);
	bool v4 = la_addr_is4(&s);
	uint8_t *p = start_ip(f, src, dst, v4 ? LA_IPPROTO_ICMP : LA_IPPROTO_ICMP6, n);

	memcpy(p, msg, n);
	set_cksum(p, n, 2, v4 ? 0 : naive_pseudo6(&s, &d, LA_IPPROTO_ICMP6, n));
}

static void
expect_text(const struct frame *f, const char *want)
{
	uint8_t *p = exact(f->b, f->len);
	char got[256];

	cr_assert_eq(la_frame_format(p, f->len, got, sizeof(got)), got);
	cr_assert_str_eq(got, want);
	free(p);
}

Test(print, flags)
{
	static const struct {
		uint8_t flags;
		const char *text;
	} t[] = {{0, "none"},	    {LA_SYN, "S"},	     {LA_SYN | LA_ACK, "S."},
		 {LA_ACK, "."},	    {LA_FIN | LA_ACK, "F."}, {LA_FIN | LA_PSH | LA_ACK, "FP."},
		 {LA_RST, "R"},	    {LA_RST | LA_ACK, "R."}, {LA_SYN | LA_ECE | LA_CWR, "SEW"},
		 {0xff, "FSRP.UEW"}};
	char buf[10];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		cr_assert_str_eq(la_tcp_flags_format(t[i].flags, buf, sizeof(buf)), t[i].text);
	cr_assert_str_eq(la_tcp_flags_format(0xff, buf, 3), "FS");
}

Test(print, tcp)
{
	struct la_tcp_hdr h = {.sport = 1024,
			       .dport = 80,
			       .seq = 1,
			       .ack = 1,
			       .wnd = 502,
			       .flags = LA_FIN | LA_ACK,
			       .opts = LA_OPT_TS,
			       .tsval = 5,
			       .tsecr = 7,
			       .mss = 1460,
			       .wscale = 7};
	struct frame f;

	tcp(&f, "10.0.0.1", "10.0.0.2", &h, 0);
	expect_text(&f, "10.0.0.1:1024 > 10.0.0.2:80 F. seq 1:1(0) ack 1 win 502 <TS val 5 ecr 7>");
	h.seq = 0xfffffff0;
	h.opts = 0;
	h.flags = LA_PSH | LA_ACK;
	tcp(&f, "fd00::1", "fd00::2", &h, 20);
	expect_text(&f, "[fd00::1]:1024 > [fd00::2]:80 P. seq 4294967280:4(20) ack 1 win 502");
	h.flags = LA_ACK;
	h.opts = LA_OPT_TS | LA_OPT_SACK;
	h.nsack = 2;
	h.sack = (const struct la_sack[]){{100, 200}, {4294967290, 4}};
	tcp(&f, "10.0.0.1", "10.0.0.2", &h, 0);
	expect_text(&f, "10.0.0.1:1024 > 10.0.0.2:80 . seq 4294967280:4294967280(0) ack 1 win 502 "
			"<TS val 5 ecr 7,sack {100:200} {4294967290:4}>");
	h.nsack = 0;
	h.flags = LA_SYN;
	h.seq = 9;
	h.opts = LA_OPT_MSS | LA_OPT_SACK_PERM | LA_OPT_TS | LA_OPT_WSCALE;
	tcp(&f, "10.0.0.1", "10.0.0.2", &h, 0);
	expect_text(&f, "10.0.0.1:1024 > 10.0.0.2:80 S seq 9:9(0) win 502 "
			"<mss 1460,sackOK,TS val 5 ecr 7,wscale 7>");
	h.flags = LA_RST;
	h.opts = 0;
	tcp(&f, "10.0.0.1", "10.0.0.2", &h, 0);
	expect_text(&f, "10.0.0.1:1024 > 10.0.0.2:80 R seq 9:9(0) win 502");
	f.b[14 + 20 + 13] = LA_URG;
	f.b[14 + 20 + 19] = 3;
	expect_text(&f, "10.0.0.1:1024 > 10.0.0.2:80 U seq 9:9(0) win 502 urg 3");
}

Test(print, tcp_malformed)
{
	struct la_tcp_hdr h = {.sport = 1, .dport = 2, .flags = LA_ACK, .opts = LA_OPT_TS};
	struct frame f;

	tcp(&f, "10.0.0.1", "10.0.0.2", &h, 0);
	f.b[14 + 20 + 20] = 253;
	f.b[14 + 20 + 21] = 0;
	expect_text(&f, "10.0.0.1:1 > 10.0.0.2:2 . seq 0:0(0) ack 0 win 0 <bad>");
	f.b[14 + 20 + 13] = LA_SYN;
	expect_text(&f, "10.0.0.1:1 > 10.0.0.2:2 S seq 0:0(0) win 0 <bad>");
	f.b[14 + 20 + 12] = 0x40;
	expect_text(&f, "10.0.0.1 > 10.0.0.2 tcp dropped: drop_tcp_short (TCP header longer than the packet, "
			"or data offset below 5)");
}

Test(print, vlan)
{
	struct la_addr a = addr("10.0.0.1"), b = addr("10.0.0.2");
	struct frame f;
	uint8_t *p = start(&f, LA_ETH_IP4, 5);

	f.len += la_ip4_write(p, &a, &b, 17, 64, 8, true) + 8;
	expect_text(&f, "vlan 5 10.0.0.1 > 10.0.0.2 proto 17 len 8");
}

/* A checksum field of 0 is accepted, because the NIC fills it in. Any other value must be correct. */
Test(print, ip_checksum)
{
	struct frame f;

	start_ip(&f, "10.0.0.1", "10.0.0.2", 17, 8);
	f.b[14 + 10] ^= 1;
	expect_text(&f, "ip dropped: drop_ip_cksum (IPv4 header checksum wrong)");
	f.b[14 + 10] = f.b[14 + 11] = 0;
	expect_text(&f, "10.0.0.1 > 10.0.0.2 proto 17 len 8");
}

Test(print, arp)
{
	struct la_addr a = addr("10.0.0.1"), b = addr("10.0.0.2");
	struct la_arp arp = {.op = LA_ARP_REQUEST, .sha = {2, 0, 0, 0, 0, 1}, .spa = a.w[3], .tpa = b.w[3]};
	struct frame f;

	la_arp_write(start(&f, LA_ETH_ARP, 0), &arp);
	f.len += LA_ARP_LEN;
	expect_text(&f, "arp who-has 10.0.0.2 tell 10.0.0.1 at 02:00:00:00:00:01");
	f.b[14 + 7] = LA_ARP_REPLY;
	expect_text(&f, "arp 10.0.0.1 is-at 02:00:00:00:00:01");
	f.b[14 + 7] = 9;
	expect_text(&f, "arp dropped: drop_arp_bad (malformed ARP packet)");
}

Test(print, icmp)
{
	static const uint8_t echo[] = {8, 0, 0, 0, 0, 7, 0, 3, 'x'};
	static const uint8_t quench[] = {4, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t big[] = {3, 4, 0,	0, 0, 0, 5,  0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6,
				      0, 0, 10, 0, 0, 2, 10, 0, 0,    1, 0, 80, 4, 0, 0, 0, 0,	9};
	uint8_t b[sizeof(big)];
	struct frame f;

	icmp(&f, "10.0.0.1", "10.0.0.2", echo, sizeof(echo));
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp echo request id 7 seq 3 len 9");
	memcpy(b, echo, sizeof(echo));
	b[0] = 0;
	icmp(&f, "10.0.0.1", "10.0.0.2", b, sizeof(echo));
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp echo reply id 7 seq 3 len 9");
	icmp(&f, "10.0.0.1", "10.0.0.2", quench, sizeof(quench));
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp type 4 code 0 len 8");
	icmp(&f, "10.0.0.1", "10.0.0.2", big, sizeof(big));
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp too big type 3 code 4 mtu 1280 for "
			"10.0.0.2:80 > 10.0.0.1:1024 seq 9");
	memcpy(b, big, sizeof(b));
	b[1] = 3;
	icmp(&f, "10.0.0.1", "10.0.0.2", b, 12);
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp hard error type 3 code 3");
	b[0] = 11;
	icmp(&f, "10.0.0.1", "10.0.0.2", b, 12);
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp soft error type 11 code 3");
	f.b[14 + 20 + 5] ^= 1;
	expect_text(&f, "10.0.0.1 > 10.0.0.2 icmp dropped: drop_icmp_bad (ICMP packet short or with a wrong "
			"checksum)");
}

Test(print, icmp6)
{
	static const uint8_t ra[] = {134, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t reply[] = {129, 0, 0, 0, 0, 7, 0, 3};
	struct la_addr a = addr("fd00::1"), b = addr("fd00::2"), g = la_nd_solicited_node(&b);
	uint8_t msg[LA_ND_LEN];
	struct frame f;

	la_nd_solicit_write(msg, &a, &g, &b, mac);
	icmp(&f, "fd00::1", "ff02::1:ff00:2", msg, 32);
	expect_text(&f, "fd00::1 > ff02::1:ff00:2 icmp6 neighbour solicitation who-has fd00::2 from "
			"02:00:00:00:00:01");
	icmp(&f, "::", "ff02::1:ff00:2", msg, 24);
	expect_text(&f, ":: > ff02::1:ff00:2 icmp6 neighbour solicitation who-has fd00::2");
	la_nd_advert_write(msg, &b, &a, &b, mac, true, true);
	icmp(&f, "fd00::2", "fd00::1", msg, 32);
	expect_text(&f, "fd00::2 > fd00::1 icmp6 neighbour advertisement fd00::2 is-at 02:00:00:00:00:01 "
			"flags SO");
	f.b[14 + 7] = 64; /* a hop limit below 255: a router forwarded the packet */
	expect_text(&f, "fd00::2 > fd00::1 icmp6 dropped: drop_nd_bad (malformed or illegal neighbour "
			"discovery packet)");
	icmp(&f, "fd00::2", "fd00::1", ra, sizeof(ra));
	expect_text(&f, "fd00::2 > fd00::1 icmp6 router advertisement len 8");
	icmp(&f, "fd00::2", "fd00::1", reply, sizeof(reply));
	expect_text(&f, "fd00::2 > fd00::1 icmp6 echo reply id 7 seq 3 len 8");
}

Test(print, other_frames)
{
	struct frame f;

	start(&f, 0x88cc, 0);
	expect_text(&f, "02:00:00:00:00:01 > 02:00:00:00:00:02 ethertype 0x88cc len 14");
	f.len = 13;
	expect_text(&f, "frame dropped: drop_eth_short (frame shorter than its Ethernet header)");
	f.len = 0;
	expect_text(&f, "frame dropped: drop_eth_short (frame shorter than its Ethernet header)");
	start(&f, LA_ETH_IP4, 0);
	expect_text(&f, "ip dropped: drop_ip_short (IP packet shorter than its headers or its total length)");
	start(&f, LA_ETH_IP6, 0);
	expect_text(&f, "ip6 dropped: drop_ip_short (IP packet shorter than its headers or its total "
			"length)");
}

/* For every buffer size the text ends with a zero byte, fits, and is a prefix of the whole line. */
Test(print, small_buffers)
{
	struct la_tcp_hdr h = {.sport = 1024,
			       .dport = 80,
			       .flags = LA_SYN,
			       .mss = 1460,
			       .opts = LA_OPT_MSS | LA_OPT_TS | LA_OPT_WSCALE};
	struct frame f;
	char whole[256];

	tcp(&f, "10.0.0.1", "10.0.0.2", &h, 0);
	la_frame_format(f.b, f.len, whole, sizeof(whole));
	for (size_t size = 0; size <= strlen(whole) + 1; size++) {
		char *buf = malloc(size ? size : 1);

		buf[0] = 'x';
		la_frame_format(f.b, f.len, buf, size);
		if (size > 0) {
			cr_assert_eq(strlen(buf), size - 1);
			cr_assert_eq(strncmp(buf, whole, size - 1), 0);
		}
		free(buf);
	}
}

Test(print, truncated_and_mutated)
{
	struct la_tcp_hdr h = {.sport = 1,
			       .dport = 2,
			       .flags = LA_SYN,
			       .mss = 1460,
			       .opts = LA_OPT_MSS | LA_OPT_TS | LA_OPT_WSCALE | LA_OPT_SACK_PERM};
	struct la_addr a = addr("fd00::1"), g = addr("ff02::1:ff00:2"), t = addr("fd00::2");
	uint8_t msg[LA_ND_LEN];
	struct frame f[4];
	uint64_t seed = 10;
	char buf[256];

	tcp(&f[0], "10.0.0.1", "10.0.0.2", &h, 5);
	tcp(&f[1], "fd00::1", "fd00::2", &h, 5);
	la_nd_solicit_write(msg, &a, &g, &t, mac);
	icmp(&f[2], "fd00::1", "ff02::1:ff00:2", msg, 32);
	la_arp_write(start(&f[3], LA_ETH_ARP, 7), &(struct la_arp){.op = 1});
	f[3].len += LA_ARP_LEN;
	for (size_t i = 0; i < 4; i++) {
		for (size_t n = 0; n <= f[i].len; n++) {
			uint8_t *p = exact(f[i].b, n);

			la_frame_format(p, n, buf, sizeof(buf));
			cr_assert_gt(strlen(buf), 0);
			free(p);
		}
	}
	for (int i = 0; i < 60000; i++) {
		const struct frame *one = &f[rnd(&seed) % 4];
		uint8_t *p = exact(one->b, one->len);

		mutate(&seed, p, one->len);
		la_frame_format(p, one->len, buf, sizeof(buf));
		cr_assert_gt(strlen(buf), 0);
		free(p);
	}
}

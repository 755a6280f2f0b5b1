/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_CORE_HASH_H
#define LA_CORE_HASH_H

/* The keys of a shard, and the hash of its index.
 *
 * la_hash_tuple() runs once per packet, for the index bucket and tag. It folds 64x64->128 bit products
 * by xor. Every word is first masked with secret key words, so that no remote host can choose a
 * bucket. la_siphash_tuple() (siphash.h) runs once per open, for ISNs (RFC 6528) and timestamp offsets. The peer sees
 * ISNs and offsets; to hide the key, the function is SipHash-2-4. */

#include <stddef.h>
#include <stdint.h>

#include <lastack/addr.h>

struct la_hash_key {
	uint64_t k[8];	    /* tuple hash */
	uint8_t isn[16];    /* SipHash key of ISNs and timestamp offsets */
	uint8_t cookie[16]; /* SipHash key of SYN cookies */
};

/** Derives all keys from 32 random bytes (libsodium's generic hash). */
void la_hash_key_init(struct la_hash_key *key, const uint8_t secret[32]);

static inline uint64_t
la_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/** Hash of an IPv4 tuple. Addresses in network byte order, as in la_addr.w[3]; ports: lport << 16 | rport, in host byte
 * order. */
static inline uint64_t
la_hash_tuple4(const struct la_hash_key *key, uint32_t laddr, uint32_t raddr, uint32_t ports)
{
	uint64_t a = ((uint64_t)laddr << 32 | raddr) ^ key->k[0];
	uint64_t b = ((uint64_t)ports << 32 | ports) ^ key->k[1];

	return la_fold(la_fold(a, b) ^ key->k[2], a ^ key->k[3]);
}

static inline uint64_t
la_hash_tuple6(const struct la_hash_key *key, const struct la_addr *laddr, const struct la_addr *raddr, uint32_t ports)
{
	uint64_t a = la_fold(laddr->q[0] ^ key->k[4], laddr->q[1] ^ key->k[5]);
	uint64_t b = la_fold(raddr->q[0] ^ key->k[6], raddr->q[1] ^ key->k[7]);
	uint64_t p = (uint64_t)ports << 32 | ports;

	/* The ports pass two multiplications: after only one, consecutive ports between two fixed addresses would
	 * leave a pattern. */
	return la_fold(la_fold(a ^ key->k[0], p ^ key->k[1]) ^ key->k[2], b ^ key->k[3]);
}

static inline uint64_t
la_hash_tuple(const struct la_hash_key *key, const struct la_tuple *t)
{
	uint32_t ports = (uint32_t)t->lport << 16 | t->rport;

	if (la_addr_is4(&t->laddr))
		return la_hash_tuple4(key, t->laddr.w[3], t->raddr.w[3], ports);
	return la_hash_tuple6(key, &t->laddr, &t->raddr, ports);
}

#endif

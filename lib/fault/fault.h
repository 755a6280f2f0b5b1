/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LA_FAULT_FAULT_H
#define LA_FAULT_FAULT_H

/* The fault language: an action, and the segments that it applies to.
 *
 *	ACTION WHICH KIND [from HOST] [for TIME]
 *
 *	drop the 2nd FIN from B
 *	hold 3rd data from A for 70s
 *	dup every ack from B for 20ms
 *	corrupt 5% segment
 *
 *	ACTION	drop: does not arrive
 *		hold (or delay): arrives TIME later
 *		dup (or duplicate): arrives, and a copy arrives TIME later
 *		corrupt: arrives with one wrong bit
 *		reorder: arrives after the next segment of its direction
 *	WHICH	1st, 2nd, 3rd, 17th ...; every (or all); N%: each with this probability
 *	KIND	syn (no ACK), synack, data (with payload), fin, ack (no SYN, FIN, RST or payload), lastack (such an
 *		ACK, of the other end's FIN), rst, segment or packet (any)
 *	TIME	a number and its unit: 250us, 40ms, 70s, 4m; hold needs a time, dup may have one
 *
 * Letter case, "the", and "segment" after a kind are ignored. Each rule has its own count: the 2nd
 * FIN is the second FIN from B that this rule has matched. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"
#include "fault/seg.h"

enum la_fault_action {
	LA_FAULT_NONE,
	LA_FAULT_DROP,
	LA_FAULT_HOLD,
	LA_FAULT_DUP,
	LA_FAULT_CORRUPT,
	LA_FAULT_REORDER,
};

enum la_fault_on {
	LA_FAULT_ON_ANY,
	LA_FAULT_ON_SYN,
	LA_FAULT_ON_SYNACK,
	LA_FAULT_ON_DATA,
	LA_FAULT_ON_FIN,
	LA_FAULT_ON_ACK,
	LA_FAULT_ON_LASTACK,
	LA_FAULT_ON_RST,
};

enum { LA_FAULT_HOST = 16 };

struct la_fault {
	enum la_fault_action action;
	enum la_fault_on kind;
	uint32_t nth;		  /* number of the segment, from 1; 0: every segment */
	uint32_t ppm;		  /* probability in a million; 0: not at random */
	uint64_t us;		  /* TIME; 0: none */
	char host[LA_FAULT_HOST]; /* "": any */
	uint32_t seen;		  /* segments of the kind and host so far */
};

/** What happens to one segment. */
struct la_fate {
	enum la_fault_action action;
	uint64_t us; /* LA_FAULT_HOLD, LA_FAULT_DUP: delay; UINT64_MAX: until the segment is released */
};

/** Parses one rule. Returns 0, or -EINVAL with the rule and the allowed words in err. */
int la_fault_parse(const char *text, struct la_fault *f, char *err, size_t size);

/** Returns whether the segment is of the kind. peer_fin: the sequence number after the other end's FIN; NULL: the other
 * end has sent no FIN. */
bool la_fault_is_kind(const struct la_fault_seg *s, enum la_fault_on k, const uint32_t *peer_fin);

/** Returns the action of the first of n rules that applies to the segment. Every rule of its kind and host counts the
 * segment. */
struct la_fate la_fault_decide(struct la_fault *f, unsigned n, const char *host, const struct la_fault_seg *s,
			       const uint32_t *peer_fin, struct la_rng *rng);

#endif

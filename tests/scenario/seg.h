/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SEG_H
#define TEST_SEG_H

/* Scenario files (format: tests/scenario/README.md). All lines are parsed into rows of events and
 * checked before the first row is played against one shard of the test rig.
 *
 *   parse.c      files: rows, scripts, their settings
 *   parse_event.c  the lines of a row
 *   parse_seg.c  expressions and segments
 *   variants.c   `each`, guards, `with`
 *   play.c       time, and the lines in order
 *   take.c       takes: shard, the way to a state, connections and their variables
 *   segment.c    segments to the shard and from the shard
 *   expect.c     checks: callbacks, state, deadline, numbers
 *   main.c       the command line */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include <lastack/lastack.h>

#include "peer.h"

enum {
	MAX_TOKENS = 64,
	MAX_TERMS = 6,
	MAX_SPECS = 4,
	MAX_LETS = 16,
	MAX_CONNS = 8,
	MAX_SACKS = 4,
	QUIET_MS = 600, /* longer than any legal delayed ACK */
};

/* --- variants ------------------------------------------------------------------------------- */

/** A variant is one bit of each dimension. `each` lines and guards are sets of bits. */
enum variant {
	V_IP4 = 1 << 0,
	V_IP6 = 1 << 1,
	V_PLAIN = 1 << 2,
	V_OPTIONS = 1 << 3,
	V_HALF = 1 << 4,
	V_FULL = 1 << 5,
	V_A = 1 << 6,
	V_B = 1 << 7,
	V_C = 1 << 8,
	V_FRESH = 1 << 9,
	V_PAST = 1 << 10,
};

/** Returns the bit of a name; 0: unknown name. */
unsigned variant_bit(const char *name);
/** Returns `set`, but in the dimensions of `with` the bits of `with`. */
unsigned variant_replace(unsigned set, unsigned with);
/** Returns the variant after v in the set; v = 0: the first variant. Returns 0 after the last variant. */
unsigned variant_next(unsigned set, unsigned v);
/** Returns whether the variant matches the guard in every dimension of the guard. */
bool variant_in(unsigned variant, unsigned guard);
/** Writes the bits of v in the dimensions that `set` names, for example "ip6 options full". Returns buf. */
const char *variant_name(unsigned set, unsigned v, char *buf, size_t size);

/** The options of `with` lines. */
struct seg_opts {
	struct rig_opts rig;
	struct peer_opts peer;
};

/** Parses one KEY [VALUE]. Returns the number of tokens; 0: *why describes the fault. */
unsigned opts_parse(struct seg_opts *o, char *const *tok, unsigned n, const char **why);
/** Returns the options of a row in one variant. */
struct seg_opts opts_of(const struct seg_opts *o, unsigned variant);

/* --- a line --------------------------------------------------------------------------------- */

enum term_kind {
	T_NUMBER,
	T_LET, /* value: index of the `let` name in the row */
	T_R,
	T_W,
	T_U,
	T_N,
	T_ISS,
	T_IRS,
	T_MAXWND,
	T_SEG_SEQ,
	T_SEG_ACK,
	T_SEG_END,
	T_TS,
	T_TSDUT,
	T_NOW,
	T_LEFT,
	T_OPENED,
	T_FINS,
	T_CLOSED,
	T_OPENED_AT,
	T_FIN_AT,
	T_CLOSED_AT,
	T_BYTES,
	T_UNACKED,
	T_COUNTER, /* value: enum la_counter */
	T_CONN,	   /* value: index of conn_fields */
};

/** A sum. */
struct expr {
	unsigned n;
	bool plain; /* a number alone, without '=' */
	struct {
		bool minus;
		enum term_kind kind;
		uint32_t value;
	} t[MAX_TERMS];
};

/** Fields of la_conn_info by name. */
struct conn_field {
	const char *name;
	uint32_t (*get)(const struct la_conn_info *);
};
extern const struct conn_field conn_fields[];

enum spec_ts { SPEC_TS_AUTO, SPEC_TS_NONE, SPEC_TS_ANY, SPEC_TS_VALUE };

enum spec_has {
	HAS_ACK = 1 << 0,
	HAS_PSH = 1 << 1,
	HAS_WIN = 1 << 2,
	HAS_WND = 1 << 3,
	HAS_MSS = 1 << 4,
	HAS_WS = 1 << 5,
	HAS_NO_WS = 1 << 6,
	HAS_SACKOK = 1 << 7,
	HAS_SACK = 1 << 8,
	HAS_OPTS = 1 << 9,
	HAS_DATA = 1 << 10,
	HAS_ECR = 1 << 11,
	HAS_BADSUM = 1 << 12,
	HAS_PAD = 1 << 13,
};

/** A segment, in or out. */
struct spec {
	bool none; /* `none`: no segment */
	unsigned has;
	uint8_t flags;
	struct expr seq, ack;
	uint32_t len, win, wnd, mss, ws, urg, resv, doff, dport;
	int32_t iplen;
	uint64_t data;
	enum spec_ts ts;
	struct expr tsval, tsecr;
	unsigned nsack;
	struct expr sack[MAX_SACKS][2];
	uint8_t opts[40];
	size_t optlen;
};

enum call {
	CALL_LISTEN,
	CALL_UNLISTEN,
	CALL_CONNECT,
	CALL_SEND,
	CALL_READ,
	CALL_SHUTDOWN,
	CALL_CLOSE,
	CALL_ABORT,
	CALL_ABORT_ALL,
	CALL_END,
	CALL_HOLD,
	CALL_CLOSE_ON_OPEN,
	CALL_CLOSE_ON_FIN,
};

enum event_kind {
	EV_NEW,
	EV_TO,
	EV_IN,
	EV_OUT,
	EV_QUIET,
	EV_SILENCE,
	EV_AGAIN,
	EV_SKIP,
	EV_CALL,
	EV_CALLBACK,
	EV_STATE,
	EV_PROBE,
	EV_STAYS,
	EV_DEADLINE,
	EV_AGREE,
	EV_PORT,
	EV_CHECK,
	EV_LET,
	EV_RENEW,
	EV_PEER,
};

enum callback { CB_NONE, CB_OPENED, CB_DATA, CB_FIN, CB_CLOSED };
enum deadline { DEADLINE_KEPT, DEADLINE_NEW, DEADLINE_IN };
enum cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };
enum when { WHEN_NOW, WHEN_AT, WHEN_AFTER };

/** The state that a take begins in, and the way to this state. */
struct target {
	enum la_state state;
	bool active;
	unsigned variant; /* bits given on the line; in other dimensions the variant of the play decides */
};

/** One line. */
struct event {
	const char *file, *text;
	int line;
	unsigned guard;
	enum when when;
	uint64_t from, to; /* time range of `when`, ms */
	enum event_kind kind;
	struct target target;
	const struct seg_opts *opts; /* NEW, TO, PEER */
	unsigned nspecs;
	struct spec *specs;
	enum call call;
	int64_t result;	   /* CALL: expected result; CALLBACK: bytes or unacked; AGAIN: duration, ms */
	uint64_t n, n2;	   /* n: bytes, ms, or 1 for `port open`; AGAIN: n to n2 segments */
	uint64_t first[2]; /* AGAIN: smallest and largest first gap, ms */
	enum callback callback;
	enum la_end end;
	enum deadline deadline;
	enum cmp cmp;
	struct expr a, b;
	unsigned let;
	char name[16]; /* PEER */
};

struct row {
	const char *file, *name, *text;
	int line;
	unsigned each;
	struct event *ev;
	unsigned nev, room;
	char *lets[MAX_LETS];
	unsigned nlets;
	struct row *next;
};

/* --- parsing -------------------------------------------------------------------------------- */

/** The place of a line, for messages. */
struct place {
	const char *file;
	int line;
};

/** Prints "file:line: message" and exits with status 2. */
_Noreturn void parse_fail(const struct place *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Adds a file's rows to the end of a list. */
void parse_file(const char *path, struct row **rows);

uint64_t parse_number(const struct place *at, const char *s);
/** Returns whether tok begins a sum: with '=', a digit or a known name. */
bool expr_begins(const struct row *row, const char *tok);
struct expr parse_expr(const struct place *at, const struct row *row, const char *s);
/** Parses a segment up to the end or a '|'. Returns the number of tokens. */
unsigned parse_spec(const struct place *at, const struct row *row, char *const *tok, unsigned n, bool in,
		    struct spec *out);

/** Zeroed memory for parsed data; seg_free() frees all of it. */
void *seg_alloc(size_t size);
char *seg_copy(const char *s);
void seg_free(struct row *rows);

/* --- playing -------------------------------------------------------------------------------- */

/** One connection of a take. The variables have their values after the last matched line. */
struct conn {
	char name[16];
	struct peer *p;
	bool used;    /* a line used the connection: a further `to` begins a new take */
	bool listens; /* this connection made the listener of its port */
	bool iss_known;
	uint32_t R, W, U, N, ISS, IRS, edge;
	bool seg_syn; /* the last segment in was a SYN */
	uint32_t seg_seq, seg_ack, seg_end;
	uint64_t in_at;	     /* time of the last segment in, ms */
	struct user seen;    /* callbacks that a line has matched */
	enum la_state entry; /* the state of `to`; LA_CLOSED after `new` */
	uint64_t deadline;   /* end of TIME_WAIT at the last check, ms; 0: no check */
};

struct play {
	const struct row *row;
	unsigned variant;
	const struct event *ev;
	struct rig *r;
	uint64_t t0;
	struct conn conns[MAX_CONNS], *c;
	unsigned nconns;
	uint32_t lets[MAX_LETS];
	bool verbose;
	char name[200];
	jmp_buf bail;
};

/** Plays a row in one variant. False: the row failed, and the fault was printed. */
bool play_row(const struct row *row, unsigned variant, bool verbose);

#define play_fail(p, ...) rig_fail((p)->r, (p)->ev->file, (p)->ev->line, __VA_ARGS__)

uint32_t play_expr(struct play *p, const struct expr *e);
/** Evaluates a sum; a plain number is counted from `base`. */
uint32_t play_expr_from(struct play *p, const struct expr *e, uint32_t base);
/** Takes the next segment that no line has matched yet, and updates the variables; NULL: no segment. */
struct peer_rx *play_take(struct play *p);
void play_in(struct play *p, const struct peer_tx *t);
/** Expects only retransmissions by timers for ms; strict: no segment at all. */
void play_quiet(struct play *p, uint64_t ms, bool strict);
/** Expects that a line has matched every segment and every callback. */
void play_settled(struct play *p);
/** Writes "F. seq N+0 (ISS+1) ack R+1 (IRS+2) ...", relative to the present variables. Returns buf. */
const char *play_describe(struct play *p, const struct peer_rx *x, char *buf, size_t size);
/** Adds the line of an event to the record that a failure prints. */
void play_note(struct play *p, const struct event *e);
/** Begins a take: `new`, `to` and `enter` lines. */
void play_begin(struct play *p, const struct event *e);
/** Checks that the take is settled, and closes its shard. */
void play_end(struct play *p);
/** Play the lines `peer` and `renew`. */
void play_peer(struct play *p);
void play_renew(struct play *p);
/** Sets the variables to their values after all segments of the shard. */
void play_sync(struct conn *c);

/* Play the lines `<`, `>` and `again`. */
void segment_in(struct play *p);
void segment_out(struct play *p);
void segment_again(struct play *p);

void expect_callback(struct play *p);
void expect_no_callback(struct play *p);
void expect_state(struct play *p, enum la_state s);
void expect_probe(struct play *p, enum la_state s);
void expect_stays(struct play *p);
void expect_deadline(struct play *p);
void expect_check(struct play *p);
void expect_port(struct play *p, bool open);
/** Returns the end of TIME_WAIT in ms of the rig's clock. Fails in another state. */
uint64_t expect_deadline_now(struct play *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_SEG_H
#define TEST_SEG_H

/* Scenario files (README.md beside this): all lines are parsed into rows of events
 * and checked first, then played against one shard of the test rig.
 *
 *   parse.c      files: rows, scripts, their settings
 *   parse_event.c  the lines of a row
 *   parse_seg.c  expressions and segments
 *   variants.c   `each`, guards, `with`
 *   play.c       time, and the lines in order
 *   take.c       takes: shard, recipe, connections and their variables
 *   segment.c    segments both ways
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

/** One bit of each dimension makes a variant; `each` lines and guards are sets of them. */
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

/** The bit of a name, 0: no such name. */
unsigned variant_bit(const char *name);
/** The set with the dimensions of `with` replaced. */
unsigned variant_replace(unsigned set, unsigned with);
/** The variants of a set in order: 0 gives the first, and 0 follows the last. */
unsigned variant_next(unsigned set, unsigned v);
/** Returns whether the variant matches the guard in every dimension of the guard. */
bool variant_in(unsigned variant, unsigned guard);
/** "ip6 options full": the dimensions that `set` varies. */
const char *variant_name(unsigned set, unsigned v, char *buf, size_t size);

/** The options of `with` lines. */
struct seg_opts {
	struct rig_opts rig;
	struct peer_opts peer;
};

/** Parses one KEY [VALUE]. Returns the number of tokens; 0: *why describes the fault. */
unsigned opts_parse(struct seg_opts *o, char *const *tok, unsigned n, const char **why);
/** The options of one variant. */
struct seg_opts opts_of(const struct seg_opts *o, unsigned variant);

/* --- a line --------------------------------------------------------------------------------- */

enum term_kind {
	T_NUMBER,
	T_LET, /* value: its index */
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

/** The target of a recipe; a member that is 0 comes from the variant. */
struct target {
	enum la_state state;
	bool active;
	unsigned variant; /* bits given on the line */
};

/** One line. */
struct event {
	const char *file, *text;
	int line;
	unsigned guard;
	enum when when;
	uint64_t from, to; /* of `when` */
	enum event_kind kind;
	struct target target;
	const struct seg_opts *opts; /* NEW, TO, PEER */
	unsigned nspecs;
	struct spec *specs;
	enum call call;
	int64_t result;	   /* CALL: expected result; CALLBACK: bytes or unacked */
	uint64_t n, n2;	   /* number of the line; AGAIN: smallest and largest number of times */
	uint64_t first[2]; /* AGAIN: the first gap */
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

/** The place in the text for a message. */
struct place {
	const char *file;
	int line;
};

/** Prints "file:line: message" and exits with status 2. */
_Noreturn void parse_fail(const struct place *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Adds a file's rows to the end of a list. */
void parse_file(const char *path, struct row **rows);

uint64_t parse_number(const struct place *at, const char *s);
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

/** One connection of a take, as shown by its lines so far. */
struct conn {
	char name[16];
	struct peer *p;
	bool used;    /* `to` would begin a new take */
	bool listens; /* it made the listener of its port */
	bool iss_known;
	uint32_t R, W, U, N, ISS, IRS, edge;
	bool seg_syn; /* the last segment in was a SYN */
	uint32_t seg_seq, seg_ack, seg_end;
	uint64_t in_at;	     /* time of that segment */
	struct user seen;    /* callbacks that a line has matched */
	enum la_state entry; /* the recipe's state */
	uint64_t deadline;   /* of TIME_WAIT at the last check, 0: none */
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
/** The next segment that no line has matched yet, and the variables after it; NULL: none. */
struct peer_rx *play_take(struct play *p);
void play_in(struct play *p, const struct peer_tx *t);
/** Expects only retransmissions by timers for ms; strict: no segment at all. */
void play_quiet(struct play *p, uint64_t ms, bool strict);
/** Expects that a line has matched every segment and every callback. */
void play_settled(struct play *p);
/** "F. seq N ack R+1 ...", relative to the current variables. */
const char *play_describe(struct play *p, const struct peer_rx *x, char *buf, size_t size);
/** Adds a line to the record. */
void play_note(struct play *p, const struct event *e);
/** Starts and ends takes; `peer` lines. */
void play_begin(struct play *p, const struct event *e);
void play_end(struct play *p);
void play_peer(struct play *p);
void play_renew(struct play *p);
/** Expects that the shard's variables equal those of the wire. */
void play_sync(struct conn *c);

/* Segments by their specs. */
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
/** The deadline of the entry, in the rig's time. */
uint64_t expect_deadline_now(struct play *p);

#endif

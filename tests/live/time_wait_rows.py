# SPDX-License-Identifier: BSD-3-Clause
"""The rows of TIME_WAIT for one connection, used by time_wait.py. A row is a coroutine, which raises Wrong when lastack
breaks the rule, and Stalled when the machine was too slow. It runs for each family, timestamp setting and path into
TIME_WAIT. CHK is <SEQ=N><ACK=R><CTL=ACK>."""

import asyncio
import time

from wire import M32, Conn, Wrong

LATE = 0.3  # seconds after 2*MSL at which an entry must have expired
ROWS = []   # name, text, ways, stamped, coroutine


class Case:
    """The parameters of one run of a row: family, timestamps, path into TIME_WAIT (Conn.close()) and command of the
    close service (Conn.fin_wait_1())."""

    def __init__(self, wire, v, ts, path, how):
        self.wire, self.v, self.ts, self.path, self.how = wire, v, ts, path, how
        self.gone_at = 1 + LATE / wire.lifetime

    def conn(self, dport=7777, **kw):
        return Conn(self.wire, self.v, self.ts, dport, **kw)

    async def waiting(self, dport=7777, **kw):
        """Returns a connection of the close service in TIME_WAIT."""
        c = self.conn(dport, **kw)
        await c.fin_wait_1(self.how)
        return await c.close(self.path)


def row(name, text, ways=("ac",), stamped=(False, True)):
    """Registers a row. ways: each has the letters of a path into TIME_WAIT and of a command of the close service;
    "all": the six combinations. stamped: values of ts."""
    ways = [p + h for p in "abc" for h in "cs"] if ways == "all" else ways

    def register(body):
        ROWS.append((name, text, ways, stamped, body))
        return body
    return register


async def together(*what):
    """Awaits all coroutines, then raises the first exception of any."""
    for r in await asyncio.gather(*what, return_exceptions=True):
        if isinstance(r, BaseException):
            raise r


# --- the length of TIME_WAIT

@row("TW-01", "an old ACK draws CHK at 0.1, 0.5 and 0.95 of 2*MSL, and RST after 2*MSL; one probe a tuple", "all")
async def tw_01(t):
    async def one(x):
        c = await t.waiting()
        await c.at(x)
        await (c.there() if x < 1 else c.gone())
    await together(*map(one, (0.1, 0.5, 0.95, t.gone_at)))


@row("TW-02", "an entry expires without a segment", ("ac", "bs", "cc"))
async def tw_02(t):
    c = await t.waiting()
    await c.at(t.gone_at + 0.05)
    await c.silent(0)
    await c.gone()


@row("TW-03", "each of five repeated FINs is acknowledged, and a FIN that is repeated with its data", "all")
async def tw_03(t):
    c = await t.waiting()
    for i in range(5):
        await asyncio.sleep(0.05 * i)
        c.repeat_fin()
        await c.fin_acked()
    c.send("F.", c.R - 2, c.N, t.how.encode())
    await c.chk("the ACK of the FIN with its data")


@row("TW-04", "a repeated FIN restarts 2*MSL", "all")
async def tw_04(t):
    c = await t.waiting()
    await c.at(0.9)
    c.repeat_fin()
    await c.fin_acked()
    for x in (0.6, 0.95):
        await c.at(x)
        await c.there()
    await c.at(t.gone_at)
    await c.gone()


@row("TW-05", "old ACKs, old and new data, RSTs, refused SYNs, and FINs with other numbers than the peer's FIN "
     "do not restart 2*MSL", ("ac", "bs", "cc"))
async def tw_05(t):
    c, d = await t.waiting(), await t.waiting()

    async def seldom():
        for x in (0.3, 0.6, 0.9):
            await d.at(x)
            await d.there()
        await d.at(t.gone_at)
        await d.gone()

    async def flood():
        end = c.entered_lo + t.wire.lifetime - 0.05
        while time.monotonic() < end:
            c.send(".", c.R - 1, c.N, ts="last")
            c.send("P.", c.R - 1, c.N, b"c", ts="last")
            c.send("P.", c.R, c.N, b"new data", ts="last")
            c.send("R", c.R)
            c.send("F.", c.R, c.N, ts="last")
            c.send("F.", c.R - 1, c.N + 1, ts="last")
            c.send("S", c.R - 1, ts="last")
            await asyncio.sleep(0.1)
        await c.at(t.gone_at)
        for s in c.waiting:
            if not c.is_chk(s):
                raise c.wrong(f"answered by {s}")
        c.waiting.clear()
        await c.gone()
    await together(seldom(), flood())


@row("TW-27", "CLOSING leads to TIME_WAIT of 2*MSL, LAST-ACK leads to no TIME_WAIT", ("cc", "cs"))
async def tw_27(t):
    async def last_ack():
        c = await t.conn().open()
        c.send("F.", c.snd, c.N)
        c.snd = c.snd + 1 & M32
        await c.read_to_fin()
        c.send(".", c.snd, c.N)
        c.entered_lo = c.entered_hi = time.monotonic()
        await c.silent(0.1)
        await c.gone()

    async def closing(x):
        c = await t.waiting()
        await c.at(x)
        await (c.there() if x < 1 else c.gone())
    await together(last_ack(), closing(0.95), closing(t.gone_at))


@row("TW-32", "entries of different ages expire at their own times", ("ac", "bc", "cc"))
async def tw_32(t):
    async def one(delay, restart):
        await asyncio.sleep(delay * t.wire.lifetime)
        c = await t.waiting()
        if restart:
            await c.at(0.5)
            c.repeat_fin()
            await c.fin_acked()
        await c.at(0.95)
        await c.there()
        await c.at(t.gone_at)
        await c.gone()
    await together(one(0, True), one(0.3, False), one(0.6, False))


@row("TW-35", "the entry outlasts the application and its socket", ("ac", "bc", "cc"))
async def tw_35(t):
    c = t.conn(80)
    await c.open()
    c.data(b"GET /bytes/300 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = await c.read_to_fin()
    if not got.startswith(b"HTTP/1.1 200"):
        raise c.wrong(f"answered {got[:40]}")
    await c.close(t.path)
    await c.at(0.5)
    await c.there()
    await c.at(0.95)
    c.repeat_fin()
    await c.fin_acked()


@row("TW-36", "2*MSL runs from the start of TIME_WAIT, not from close()", ("ac", "as"))
async def tw_36(t):
    async def one(x):
        c = await t.conn().fin_wait_1(t.how)
        c.send(".", c.snd, c.N)
        await c.silent(t.wire.lifetime)
        await c.close("b")
        await c.at(x)
        await (c.there() if x < 1 else c.gone())
    await together(one(0.95), one(t.gone_at))


# --- answers

@row("TW-06", "old duplicates and segments beyond the window draw CHK", "all")
async def tw_06(t):
    c = await t.waiting()
    for seq, n in ((c.R - 100, 50), (c.R + c.W, 0), (c.R + c.W, 50), (c.R - 1, 1)):
        c.send("P." if n else ".", seq, c.N, b"c" * n, ts="last")
        await c.chk()
        await c.silent(0.6)


@row("TW-07", "data is neither delivered nor acknowledged", ("ac", "as", "bs", "cs"))
async def tw_07(t):
    c = await t.waiting()
    for flags, seq in (("P.", c.R), ("P.", c.R + 10), ("F.", c.R), ("P.", c.R)):
        c.send(flags, seq, c.N, b"r" * 10, ts="last")
        await c.chk_or_silence(0.6)
    await c.there()


@row("TW-08", "an ACK above SND.NXT draws CHK", ("ac", "bs", "cc"))
async def tw_08(t):
    c = await t.waiting()
    c.send(".", c.R, c.N + 1, ts="last")
    await c.chk()
    await c.silent(0.6)
    await c.there()


@row("TW-09", "no RST ends TIME_WAIT: at RCV.NXT, in the window or outside, with or without ACK", "all")
async def tw_09(t):
    c = await t.waiting()
    for seq in (c.R, c.R + 1, c.R + c.W - 1, c.R - 1, c.R + c.W):
        c.send("R", seq)
        c.send("R.", seq, c.N)
        c.send("R.", seq, c.N, ts=c.last_ts if t.ts else None)
        await c.silent(0.05)
    await c.silent(0.6)
    await c.there()
    await c.at(0.95)
    await c.there()


@row("TW-10", "the assassination of RFC 1337 figure 1 fails", "all")
async def tw_10(t):
    c = await t.waiting()
    c.send("P.", c.R - 200, c.N - 1, b"c" * 100, ts="last")
    s = await c.chk()
    c.send("R", s.ack)
    await c.silent(0.6)
    await c.there()
    await c.at(0.95)
    await c.there()


@row("TW-11", "a RST in the window, but not at RCV.NXT: CHK or no answer", ("ac", "bc", "cc"))
async def tw_11(t):
    c = await t.waiting()
    c.send("R", c.R + 1)
    await c.chk_or_silence(0.6)
    await c.there()


@row("TW-24", "PAWS: a FIN with an old timestamp is answered and does not restart 2*MSL", ("ac", "bc", "cc"), (True,))
async def tw_24(t):
    c = await t.waiting()
    await c.at(0.5)
    c.send("F.", c.R - 1, c.N, ts=c.last_ts - 1 & M32)
    await c.chk()
    await c.at(t.gone_at)
    await c.gone()


@row("TW-25", "answers carry a current TSval, and TSecr is TS.Recent", "all", (True,))
async def tw_25(t):
    c = await t.waiting()
    fin_ts = c.last_ts
    c.repeat_fin()
    a = await c.fin_acked()
    await asyncio.sleep(0.1)
    second_ts = c.last_ts
    c.repeat_fin()
    b = await c.fin_acked()
    passed, grown = (b.at - a.at) * 1000, b.tsval - a.tsval & M32
    if not 50 < grown < passed + 100:
        raise c.wrong(f"TSval grew by {grown} in {passed:.0f} ms")
    if a.tsecr not in (fin_ts, second_ts) or b.tsecr not in (second_ts, c.last_ts):
        raise c.wrong(f"TSecr {a.tsecr}, then {b.tsecr}; sent {fin_ts} {second_ts} {c.last_ts}")


@row("TW-26", "answers carry the last offered window, scaled", ("ac", "bc", "cc"))
async def tw_26(t):
    c = t.conn()
    await c.fin_wait_1(t.how)
    before = c.W  # the window of lastack's FIN
    await c.close(t.path)
    for _ in range(2):
        c.repeat_fin()
        s = await c.fin_acked()
        if not before - 2 <= s.win << c.wscale <= before:
            raise c.wrong(f"window {s.win << c.wscale}, wanted {before - 2} to {before}")


@row("TW-33", "no ACK storm: a thousand old ACKs draw few CHKs, and so do reflected CHKs; a FIN after the old ACKs "
     "is acknowledged", ("ac", "cc"))
async def tw_33(t):
    async def thousand():
        c = await t.waiting()
        start, sent, answers = time.monotonic(), 0, 0
        while sent < 1000 and time.monotonic() < start + 2:
            for _ in range(10):
                c.send(".", c.R - 1, c.N, ts="last")
            sent += 10
            await asyncio.sleep(0.008)
        took = time.monotonic() - start
        while (s := await c.next(0.1)) is not None:
            answers += 1
            if not c.is_chk(s):
                raise c.wrong(f"answered by {s}")
        if not 1 <= answers <= took / 0.25 + 2:
            raise c.wrong(f"{answers} answers to {sent} old ACKs in {took:.1f} s")
        c.send(".", c.R - 1, c.N, ts="last")
        c.repeat_fin()
        if await c.next(3) is None:
            raise c.wrong("no ACK for a FIN after a flood")

    async def reflected():
        c = await t.waiting()
        end, answers = time.monotonic() + 1, 0
        c.send(".", c.R - 1, c.N, ts="last")
        while (left := end - time.monotonic()) > 0:
            if await c.chk_or_silence(min(left, 0.3)) is not None:
                answers += 1
            c.send(".", c.R - 1, c.N, ts="last")
        if not 1 <= answers <= 6:
            raise c.wrong(f"{answers} answers to reflected CHKs in 1 s")

    async def pure():
        c = await t.waiting()
        for _ in range(20):
            c.send(".", c.R, c.N, ts="last")
        await c.silent(0.6)
        await c.there()
    await together(thousand(), reflected(), pure())


# --- SYNs: RFC 6191 and RFC 9293 MAY-2

async def whole_life(c):
    """The reopened connection works, and later enters TIME_WAIT."""
    c.complete()
    c.data(b"c")
    await c.read_to_fin()
    await c.close("b")
    c.repeat_fin()
    await c.fin_acked()


async def accepted(t, new_isn, ts, **kw):
    """A SYN with this ISN and TSval reopens. new_isn, ts: functions of the connection in TIME_WAIT."""
    c = await t.waiting(**kw)
    await asyncio.sleep(0.2)
    c.syn(new_isn(c), ts(c))
    await c.reopened()
    await whole_life(c)


async def refused(t, new_isn, ts, **kw):
    """A SYN with this ISN and TSval is refused, and TIME_WAIT continues. new_isn, ts: as in accepted()."""
    c = await t.waiting(**kw)
    await asyncio.sleep(0.2)
    c.syn(new_isn(c), ts(c))
    await c.refused()
    await c.at(0.95)
    await c.there()


@row("TW-12", "both with timestamps, that of the SYN is newer: accepted, at any ISN", "all", (True,))
async def tw_12(t):
    await together(*(accepted(t, lambda c, k=k: c.R + k, lambda c: c.last_ts + 1 & M32)
                     for k in (-500000, -1, 0, 100000, 0x80000000)))


@row("TW-13", "timestamps equal, ISN above the FIN: accepted", "all", (True,))
async def tw_13(t):
    await together(*(accepted(t, lambda c, k=k: c.R + k, lambda c: c.last_ts) for k in (0, 1, 100000)))


@row("TW-14", "timestamps equal, ISN not above: refused", "all", (True,))
async def tw_14(t):
    await together(*(refused(t, lambda c, k=k: c.R - k, lambda c: c.last_ts) for k in (1, 1000)))


@row("TW-15", "timestamp older: refused, at any ISN", "all", (True,))
async def tw_15(t):
    await together(refused(t, lambda c: c.R + 100000, lambda c: c.last_ts - 1 & M32),
                   refused(t, lambda c: c.R + 1, lambda c: c.last_ts - 1000000 & M32))


@row("TW-16", "old incarnation with timestamps, SYN without: the ISN decides", "all", (True,))
async def tw_16(t):
    await together(accepted(t, lambda c: c.R + 1, lambda c: None),
                   refused(t, lambda c: c.R - 1, lambda c: None),
                   refused(t, lambda c: c.R - 5000, lambda c: None))


@row("TW-17", "old incarnation without timestamps, SYN with: accepted, at any ISN", "all", (False,))
async def tw_17(t):
    await together(*(accepted(t, lambda c, k=k: c.R + k, lambda c: c.now_ts()) for k in (-5000, 5000)))


@row("TW-18", "both without timestamps: the ISN decides", "all", (False,))
async def tw_18(t):
    await together(*(accepted(t, lambda c, k=k: c.R + k, lambda c: None) for k in (0, 1)),
                   *(refused(t, lambda c, k=k: c.R - k, lambda c: None) for k in (1, 1000)))


@row("TW-19", "the ISN is compared with the FIN's number modulo 2^32", ("ac", "bc", "cc"))
async def tw_19(t):
    def ts(c):
        return c.last_ts if t.ts else None
    # with this ISN the SYN is 0xfffffffd, the byte 0xfffffffe, and the FIN 0xffffffff
    await together(*(accepted(t, lambda c, k=k: k, ts, isn=0xFFFFFFFD) for k in (5, 0x7FFFFF00)),
                   refused(t, lambda c: 0x80000010, ts, isn=0xFFFFFFFD))


@row("TW-20", "the ISS of a reopen is above all numbers of the old incarnation, after any amount of data")
async def tw_20(t):
    async def one(dport, request):
        c = t.conn(dport)
        await c.open()
        c.data(request)
        got = await c.read_to_fin()
        await c.close("b")
        c.syn(c.R + 1000, c.now_ts() if t.ts else None)
        await c.reopened()
        c.send("R", c.snd)
        c.wire.given_back += 1
        return len(got)
    await together(one(80, b"GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), one(19, b"x"))


@row("TW-21", "the accepted SYN was an old duplicate: after the peer's RST TIME_WAIT continues to its old end", "all")
async def tw_21(t):
    async def one(x):
        c = await t.waiting()
        await asyncio.sleep(0.2)
        old_r, old_n, ts, dut_ts = c.R, c.N, c.ts, c.dut_ts
        c.syn(c.R + 5000, c.last_ts + 1 & M32 if ts else None)
        await c.reopened()
        c.send("R", c.snd)
        c.wire.given_back += 1
        c.R, c.N, c.ts, c.last_ts = old_r, old_n, ts, c.last_ts
        c.snd, c.dut_ts = old_r, dut_ts
        await c.silent(0.1)
        if x < 1:
            await c.there()
            await c.at(0.95)
            await c.there()
            c.repeat_fin()
            await c.fin_acked()
        else:
            await c.at(x)
            await c.gone()
    await together(one(0.95), one(t.gone_at))


@row("TW-22", "a SYN with another flag is refused by CHK or no answer, never a RST", ("ac", "bc", "cc"))
async def tw_22(t):
    async def one(flags):
        c = await t.waiting()
        c.send(flags, c.R + 1000, c.N, ts=c.last_ts + 1 & M32 if t.ts else None)
        await c.refused()
    await together(*map(one, ("S.", "SF", "SR", "SF.", "SR.")))


@row("TW-28", "an entry blocks only its four-tuple", ("ac", "bc", "cc"))
async def tw_28(t):
    c = await t.waiting()
    for kw in ({"dport": 7777}, {"dport": 7777, "sport": c.sport, "who": 1}, {"dport": 80, "sport": c.sport}):
        d = await t.conn(**kw).open()
        d.reset()
    await c.there()


@row("TW-34", "after a reopen no segment of the old incarnation is accepted", ("ac", "bc", "cc"))
async def tw_34(t):
    c = t.conn(7)
    await c.open()
    c.data(b"wandering")
    if await c.read_to_fin() != b"wandering":
        raise c.wrong("not echoed")
    await c.close(t.path)
    await asyncio.sleep(0.2)
    old_r, old_n, old_ts = c.R, c.N, c.last_ts
    c.syn(c.R + 200000, c.now_ts() if t.ts else None)
    await c.reopened()
    c.complete()
    for ts in ((old_ts, "now") if t.ts else (None,)):
        c.send("P.", old_r - 10, old_n - 1, b"wandering", ts=ts)
        c.send("P.", old_r - 10, c.N, b"wandering", ts=ts)
        c.send("F.", old_r - 1, old_n, ts=ts)
        c.send("R", old_r)
        c.send("R.", old_r, old_n)
        await c.chk_or_silence(0.3)
        while (s := await c.chk_or_silence(0.3)) is not None:
            pass
    c.data(b"fresh")
    got = await c.read_to_fin()
    if got != b"fresh":
        raise c.wrong(f"echoed {got}")
    await c.close("b")

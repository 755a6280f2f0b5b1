#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/time_wait.py WHAT INTERFACE 2MSL ...: a peer that checks TIME_WAIT in real time. 2MSL is in seconds.

  rows INTERFACE 2MSL PID LOG FILE   TW-01 to TW-28, TW-30 and TW-32 to TW-36 against a server with the services
                                     close (7777), echo (7, closes first), chargen (19, closes first) and
                                     http (80). PID, the server, gets SIGTERM at the end, for TW-23. LOG is the
                                     server's output. Writes to FILE the counters that the server must have.
                                     Writes to FILE.peak the least number of entries that the table had at once.
  full INTERFACE 2MSL N              TW-31 against a server with N TIME_WAIT entries for each family
  open INTERFACE 2MSL FAMILY HOW     TW-29: the peer is the server of a client with one port; HOW: wait or reuse

Every row runs for IPv4 and IPv6. It runs with and without timestamps, unless it is about one of the two. It runs for
all three paths into TIME_WAIT if the path may matter. All rows run at the same time, each tuple on its own
schedule. When the machine was too slow for a valid result, the row runs again. An entry that still answers LATE
seconds after 2*MSL is a failure."""

import asyncio
import os
import re
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True  # the tree stays clean

from time_wait_rows import LATE, ROWS, Case
from wire import ACK, DUT, FIN, M32, OURS, RST, SYN, Conn, Stalled, Wire, Wrong, after


async def one_case(wire, name, v, ts, way, body, delay):
    """Runs a row for one family, timestamp setting and path. Returns None, or the reason of the failure."""
    await asyncio.sleep(delay)
    try:
        return await wire.steady(lambda: body(Case(wire, v, ts, way[0], way[1])), name)
    except (Wrong, Stalled) as e:
        return f"path {way}: {e}"
    except Exception:  # a fault of the test itself
        return f"path {way}: {traceback.format_exc()}"


def report(name, v, ts, text, faults, n):
    what = f"{name} ip{v} {'ts' if ts else 'no-ts'}"
    if not any(faults):
        print(f"ok - {what}: {text} ({n} way{'s' if n > 1 else ''} into TIME_WAIT)", flush=True)
        return 0
    print(f"not ok - {what}: {text}")
    for fault in [f for f in faults if f][:2]:
        print("#   " + fault.replace("\n", "\n#     "), flush=True)
    return 1


async def all_rows(wire):
    failed, delay, jobs = 0, 0, []
    for name, text, ways, stamped, body in ROWS:
        for ts in stamped:
            for v in (4, 6):
                cases = []
                for way in ways:
                    cases.append(asyncio.create_task(one_case(wire, name, v, ts, way, body, delay)))
                    delay += 0.008
                jobs.append((name, v, ts, text, cases))
    for name, v, ts, text, cases in sorted(jobs, key=lambda j: j[:3]):
        failed += report(name, v, ts, text, await asyncio.gather(*cases), len(cases))
    return failed


# --- TW-30: many entries

class Bulk:
    """One of ten thousand connections: sends SYN, ACK with the command, FIN; then lastack is in TIME_WAIT."""
    __slots__ = ("wire", "v", "sport", "seq", "N", "state", "at", "acked", "got", "done")

    def __init__(self, wire, v, sport, done):
        self.wire, self.v, self.sport, self.done = wire, v, sport, done
        self.seq, self.N, self.state, self.at, self.got = sport * 65536 & M32, 0, 0, 0, []
        wire.conns[OURS[v][2], sport, DUT[v], 7777] = self
        self.send(SYN, b"")

    def send(self, flags, data, seq=None):
        self.wire.send_tcp(OURS[self.v][2], DUT[self.v], self.sport, 7777, flags, self.seq if seq is None else seq,
                           self.N if flags & ACK else 0, 65000, b"", data)

    def receive(self, s):
        if self.state == 0 and s.flags == SYN | ACK:
            self.seq, self.N, self.state = s.ack, s.seq + 1 & M32, 1
            self.send(ACK, b"c")
            self.wire.delivered += 1
            self.seq += 1
        elif self.state == 1 and s.flags & FIN:
            self.N, self.state = s.seq + 1 & M32, 2
            self.at = time.monotonic()
            self.send(FIN | ACK, b"")
            self.seq += 1
        elif self.state == 2 and s.flags == ACK and s.ack == self.seq & M32:
            self.state = 3
            self.acked = time.monotonic()
            self.wire.entered += 1
            self.done.release()
        elif self.state == 3:
            self.got.append(s)

    async def ask(self, x):
        """Sends an old ACK at x times 2*MSL. Returns whether the answer is the expected one; None: it came too late for
        a result."""
        life = self.wire.lifetime
        await asyncio.sleep(max(0, self.at + x * life - time.monotonic()))
        self.got.clear()
        sent = time.monotonic()
        self.send(ACK, b"", self.seq - 1)
        for _ in range(300):
            if self.got:
                break
            await asyncio.sleep(0.01)
        if not self.got:
            return False
        s = self.got[0]
        if x > 1:
            return s.flags == RST and s.seq == self.N
        if s.flags == RST and s.at >= self.at + life or sent > self.at + life - 0.05:
            return None
        return s.flags == ACK and s.seq == self.N and s.ack == self.seq & M32


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])


async def gauge_is_zero(log):
    """Returns whether the server's live line shows 0 TIME_WAIT entries within 5 s."""
    for _ in range(50):
        with open(log, encoding="utf-8", errors="replace") as f:
            shown = re.findall(r"TIME_WAIT (\S+)", f.read())
        if shown and shown[-1] == "0":
            return True
        await asyncio.sleep(0.1)
    print(f"#   the server's last lines show TIME_WAIT {shown[-3:]}")
    return False


def verdict(right, text):
    print(f"{'ok' if right else 'not ok'} - {text}", flush=True)
    return not right


def most_at_once(bulk, life):
    """The most entries that existed at the same time, from the ACK of the FIN to 2*MSL after the FIN was sent."""
    most = now = 0
    for _, step in sorted([(b.acked, 1) for b in bulk] + [(b.at + life, -1) for b in bulk]):
        now += step
        most = max(most, now)
    return most


async def very_many(wire, pid, log, out, n=10000):
    done, window, bulk, asked, failed = asyncio.Semaphore(0), asyncio.Semaphore(0), [], [], 0
    start, before = time.monotonic(), rss_kib(pid)
    for i in range(n):
        if i >= 100:  # at most 100 at once
            try:
                await asyncio.wait_for(done.acquire(), 5)
            except asyncio.TimeoutError:
                return verdict(False, f"TW-30: after {i} connections the server closes no further connection")
        bulk.append(Bulk(wire, (4, 6)[i & 1], 1024 + i // 2, done))
        if i % 100 in (0, 1, 50, 51):
            x = 0.95 if i % 100 < 2 else 1 + LATE / wire.lifetime
            asked.append((x, asyncio.create_task(ask_later(bulk[-1], x))))
    await asyncio.sleep(1)
    made = sum(b.state == 3 for b in bulk)
    failed += verdict(made == n, f"TW-30 ip4 ip6 no-ts: {made} of {n} connections in TIME_WAIT")
    with open(out, "w", encoding="ascii") as f:
        f.write(f"{most_at_once([b for b in bulk if b.state == 3], wire.lifetime)}\n")
    peak = rss_kib(pid)
    for what, early in (("answers CHK at 0.95 of its 2*MSL", True), ("has expired after its 2*MSL", False)):
        answers = [await task for x, task in asked if (x < 1) == early]
        print(f"# TW-30: {answers.count(None)} of {len(answers)} samples came too late for a result")
        failed += verdict(False not in answers and answers.count(True) * 2 > len(answers),
                          f"TW-30 ip4 ip6 no-ts: each of {len(answers)} samples {what}"
                          + (f": {answers.count(False)} do not" if False in answers else ""))
    print(f"# TW-30: {n} closes in {time.monotonic() - start:.1f} s, including the expiry of the entries; RSS of the "
          f"server: {before} KiB before, {peak} KiB with the entries, {rss_kib(pid)} KiB afterwards")
    failed += verdict(peak - before < 4096 and rss_kib(pid) <= peak + 256,
                      "TW-30: memory bounded: less than 4 MiB more with the entries than before")
    failed += verdict(await gauge_is_zero(log), "TW-02 TW-30: the table's gauge is back at 0")
    return failed


async def ask_later(b, x):
    while b.state < 3:
        await asyncio.sleep(0.05)
    return await b.ask(x)


# --- TW-23: the listener is closed

async def without_listener(wire, pid):
    """A stopping server closes its listeners and waits for open connections. One connection is kept open, so that the
    server does not end."""
    async def one(v, ts, path, c):
        c.syn(c.R + 100000, c.last_ts + 1 & M32 if ts else None)
        await c.refused()
        c.repeat_fin()
        await c.fin_acked()

    failed, cases = 0, {}
    held = await wire.steady(lambda: Conn(wire, 4, False, 7777).open(), "TW-23")
    for v in (4, 6):
        for ts in (False, True):
            cases[v, ts] = [(p, await wire.steady(Case(wire, v, ts, p, "c").waiting, "TW-23")) for p in "abc"]
    os.kill(pid, signal.SIGTERM)
    await asyncio.sleep(0.5)
    for (v, ts), conns in cases.items():
        faults = await asyncio.gather(*(one(v, ts, p, c) for p, c in conns), return_exceptions=True)
        failed += report("TW-23", v, ts, "without a listener a newer SYN is refused, and the entry stays; TW-35: "
                         "the entry stays when the application stops", [str(f) for f in faults if f], 3)
    c = Conn(wire, 4, False, 7777)
    c.send("S", c.isn)
    s = await c.next(2)
    failed += verdict(s is not None and s.flags == RST | ACK, f"TW-23: a SYN to the closed port draws RST,ACK; got {s}")
    await held.read_to_fin()  # the FIN of the stopping server
    held.waiting.clear()      # retransmissions of that FIN
    await held.close("b")
    return failed


async def rows(interface, life, pid, log, out):
    wire = Wire(interface, life)
    await wire.resolve()
    start = time.monotonic()
    failed = await all_rows(wire)
    print(f"# rows: {wire.entered} TIME_WAIT entries in {time.monotonic() - start:.1f} s")
    failed += await very_many(wire, pid, log, out + ".peak")
    failed += await without_listener(wire, pid)
    if wire.again:
        print(f"# rows that ran again, because the machine stalled: "
              f"{', '.join(f'{k} {n} times' for k, n in wire.again.items())}; so the server's counts are not compared")
    with open(out, "w", encoding="ascii") as f:
        f.write("" if wire.again else f"time_wait_entered {wire.entered}\ntime_wait_reopened {wire.reopened}\n"
                f"time_wait_given_back {wire.given_back}\ntcp_data_in {wire.delivered}\n")
    return failed


# --- TW-31: the table is full

async def full(interface, life, n):
    wire, failed = Wire(interface, life), 0
    await wire.resolve()

    async def one(v):
        conns = await asyncio.gather(*(Case(wire, v, i & 1, "abc"[i % 3], "c").waiting() for i in range(n)))
        last = max(c.entered_hi for c in conns)
        # Without a free entry a new connection and a reopen are not answered.
        extra, again = Conn(wire, v, False, 7777), conns[0]
        extra.send("S", extra.isn)
        again.syn(again.R + 1000, again.last_ts + 1 & M32 if again.ts else None)
        await extra.silent(0.5, "a refusal by silence")
        await again.chk_or_silence(0)
        await asyncio.gather(*(c.at(0.8) for c in conns))
        await asyncio.gather(*(c.there() for c in conns))
        await asyncio.sleep(max(0, last + life + LATE - time.monotonic()))
        # the last of these connections were opened by cookies
        await asyncio.gather(*(c.gone(cookies=True) for c in conns))
        await extra.fin_wait_1("c")
        await extra.close("b")

    async def attempt(v):
        if wire.again:
            await asyncio.sleep(life + 1)  # until the table is empty
        return await one(v)
    for v, r in zip((4, 6), await asyncio.gather(*(wire.steady(lambda v=v: attempt(v), f"TW-31 ip{v}") for v in (4, 6)),
                                                 return_exceptions=True)):
        failed += verdict(r is None, f"TW-31 ip{v} ts and no-ts: while all {n} entries are in use the next connection "
                          "is refused; every entry answers and expires at its time; then a connection opens"
                          + ("" if r is None else ": " + str(r).replace("\n", "\n#     ")))
    return failed


# --- TW-29: lastack opens

class Served(Conn):
    """A connection that lastack opens and closes first."""

    def __init__(self, wire, v, ts, peer_port, before=None):
        super().__init__(wire, v, ts, peer_port, sport=7777)
        if before:  # the previous connection of the tuple may have received this connection's SYN
            self.waiting, before.waiting = before.waiting, []

    async def serve(self):
        ts, self.ts = self.ts, True  # lastack's SYN always offers timestamps
        s = await self.next(60)
        if s is None or s.flags != SYN:
            raise self.wrong(f"wanted a SYN, got {s}")
        while self.waiting and self.waiting[0].flags == SYN:  # retransmissions before this coroutine ran
            self.waiting.pop(0)
        self.ts, self.syn = ts, s
        self.N, self.R = s.seq + 1 & M32, self.isn + 1 & M32
        self.snd = self.R
        self.send("S.", self.isn, self.N)
        await self.read_to_fin()
        return await self.close("a")


async def opened(interface, life, v, reuse):
    """lastack's next SYN comes after 2*MSL. With reuse the SYN may come earlier, with an ISN above the old numbers."""
    wire, conns, came, failed = Wire(interface, life), [], asyncio.Event(), 0

    def accept(_, port):
        conns.append(Served(wire, v, reuse, port))
        came.set()
        return conns[-1]
    wire.listeners[OURS[v][0], 7777] = accept
    await wire.resolve((v,))
    await asyncio.wait_for(came.wait(), 30)
    c = await conns[0].serve()
    for _ in range(6 if reuse else 1):
        if not reuse:
            try:
                await c.at(0.8)
                await c.there()
            except Stalled as e:
                print(f"# TW-29: {e}; the test continues without this probe")
        d = Served(wire, v, not c.ts if reuse else c.ts, c.dport, c)
        await d.serve()
        passed = d.syn.at - c.entered_lo
        above = after(d.syn.seq, c.N) and (not c.ts or after(d.syn.tsval, c.dut_ts))
        failed += verdict(passed >= life or reuse and above,
                          f"TW-29 ip{v} {'ts' if c.ts else 'no-ts'}: the next SYN of the only port came {passed:.3f} s "
                          f"after TIME_WAIT began; 2*MSL is {life} s"
                          + (", its ISN and TSval above the old" if above else ""))
        c = d
    return failed


def main():
    what, interface, life = sys.argv[1], sys.argv[2], float(sys.argv[3])
    rest = sys.argv[4:]
    if what == "rows":
        run = rows(interface, life, int(rest[0]), rest[1], rest[2])
    elif what == "full":
        run = full(interface, life, int(rest[0]))
    else:
        run = opened(interface, life, int(rest[0]), rest[1] == "reuse")
    try:
        return asyncio.run(run)
    except (Wrong, Stalled) as e:
        return verdict(False, f"{what}: " + str(e).replace("\n", "\n#   "))


sys.exit(10 if main() else 0)  # not 1: Python's status after an uncaught exception is 1

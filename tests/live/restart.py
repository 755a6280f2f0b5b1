#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/restart.py WHAT INTERFACE ...: a server that is stopped and started again, from its peers' view.

  fill INTERFACE FILE N      N connections of each family, half with timestamps, that the close service
                             (7777) ends first; writes the peers' variables to FILE
  again INTERFACE FILE       the peers of FILE continue with a new server: repeated FINs and old duplicates
  quiet INTERFACE SECONDS T  repeated SYNs: none is answered before SECONDS after T (time.time()),
                             and the next one is"""

import asyncio
import json
import sys
import time

sys.dont_write_bytecode = True  # the tree stays clean

from wire import ACK, M32, SYN, Conn, Stalled, Wire, Wrong, after

KNOWN = ("v", "ts", "sport", "dport", "isn", "ts_base", "snd", "R", "N", "W", "wscale", "last_ts", "dut_ts")


def verdict(fault, text):
    if not fault:
        print(f"ok - {text}", flush=True)
        return 0
    print(f"not ok - {text}")
    print("#   " + str(fault).replace("\n", "\n#     "), flush=True)
    return 1


async def gathered(jobs):
    """The first fault, or None."""
    for r in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(r, BaseException):
            return r
    return None


async def one_fill(wire, v, ts, delay):
    await asyncio.sleep(delay)

    async def make():
        return await (await Conn(wire, v, ts, 7777).fin_wait_1()).close("a")
    return await wire.steady(make, "fill")


async def fill(wire, path, n):
    kinds = [(v, ts) for v in (4, 6) for ts in (False, True)]
    conns = await asyncio.gather(*(one_fill(wire, *kinds[i % 4], i * 0.002) for i in range(int(n) * 2)))
    with open(path, "w", encoding="ascii") as f:
        json.dump([{k: getattr(c, k) for k in KNOWN} for c in conns], f)
    return verdict(None, f"{len(conns)} connections closed by the server")


def remembered(wire, known):
    c = Conn(wire, known["v"], known["ts"], known["dport"], known["sport"], known.get("who", 0))
    for k in KNOWN:
        setattr(c, k, known[k])
    c.entered_hi = time.monotonic()
    return c


def read_known(wire, path):
    """Connections in TIME_WAIT, and connections whose 2*MSL has ended."""
    with open(path, encoding="ascii") as f:
        known = json.load(f)
    return ([remembered(wire, k) for k in known if not k.get("gone")],
            [remembered(wire, k) for k in known if k.get("gone")])


async def one_fin(c):
    """RFC 9293 3.10.7.4, eighth step; next() has checked that the TSval did not go back."""
    before = c.dut_ts
    c.repeat_fin()
    s = await c.fin_acked()
    if c.ts and not after(s.tsval, before):
        raise c.wrong(f"TSval {s.tsval}, and {before} was sent before the restart")
    if c.ts and s.tsecr != c.last_ts:
        raise c.wrong(f"TSecr {s.tsecr}, and the FIN's TSval was {c.last_ts}")
    if s.win << c.wscale != c.W:
        raise c.wrong(f"window {s.win << c.wscale}, and {c.W} was offered before the restart")


async def all_fins(conns):
    """One a millisecond, so that the interface's queue does not overflow."""
    async def later(i, c):
        await asyncio.sleep(i * 0.001)
        await one_fin(c)
    return verdict(await gathered(later(i, c) for i, c in enumerate(conns)),
                   f"{len(conns)} repeated FINs are answered as before")


async def one_duplicate(c, kind):
    if kind == "data":
        c.send(".", c.isn + 1, c.N, b"c", ts="last")
        await c.chk("an ACK for old data")
    elif kind == "rst":
        c.send("R", c.R)
        await c.silent(0.3, "nothing for a RST")
    else:
        c.send("S", c.isn, ts=c.last_ts - 1000 & M32 if c.ts else None)
        await c.chk("an ACK for an old SYN")
    await asyncio.sleep(0.6)  # the throttle
    await one_fin(c)


async def one_newer(c):
    """A newer incarnation starts above all numbers of the last run."""
    c.send("S", c.R + 100000)
    s = await c.next(3)
    if s is None or s.flags != SYN | ACK or s.ack != c.R + 100001 & M32:
        raise c.wrong(f"wanted SYN,ACK, got {s}")
    if not after(s.seq, c.N) or (c.ts and not after(s.tsval, c.dut_ts) and s.tsval != c.dut_ts):
        raise c.wrong(f"ISN {s.seq}, and {c.N} was sent before the restart")
    c.send("R", c.R + 100001)


async def again(wire, path):
    conns, gone = read_known(wire, path)
    kinds = ("data", "rst", "syn")
    failed = await all_fins(conns[12:])
    if gone:
        failed += verdict(await gathered(c.gone() for c in gone), f"{len(gone)} whose 2*MSL are over are gone")
    for i, kind in enumerate(kinds):
        failed += verdict(await gathered(one_duplicate(c, kind) for c in conns[4 * i:4 * i + 4]),
                          f"old duplicates are refused: {kind}")
    failed += verdict(await gathered(one_newer(c) for c in conns[12:16]), "a newer SYN opens above the last run")
    return failed


async def quiet(wire, seconds, start):
    c, unanswered, s = Conn(wire, 4, False, 7), 0, None
    end = float(start) + float(seconds)
    while s is None and time.time() < end + 10:
        c.send("S", c.isn)
        s = await c.next(0.25)
        unanswered += s is None
    at = time.time()
    if s is not None and s.flags == SYN | ACK:
        c.take_syn_ack(s)
        c.snd = c.isn + 1 & M32
        c.reset()
    fault = None if s is not None and s.flags == SYN | ACK and at >= end and unanswered > 0 else \
        f"{unanswered} unanswered, then {s} at {at - float(start):.3f} s"
    return verdict(fault, f"no SYN is answered for {seconds} s, the next one is ({unanswered} were not)")


async def main():
    what, interface, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    wire = Wire(interface, 20)
    await wire.resolve((4,) if what == "quiet" else (4, 6))
    try:
        return await {"fill": fill, "again": again, "quiet": quiet}[what](wire, *args)
    except (Wrong, Stalled) as e:
        return verdict(e, what)


sys.exit(10 if asyncio.run(main()) else 0)

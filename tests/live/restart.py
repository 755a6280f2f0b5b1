#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/restart.py WHAT INTERFACE ...: the peers of a server that is stopped and started again.

  fill INTERFACE FILE N      opens N connections of each family, half of them with timestamps, to the close service
                             (7777), which closes first; writes the peers' variables to FILE
  again INTERFACE FILE       with the peers of FILE sends repeated FINs and old duplicates to the new server
  quiet INTERFACE SECONDS T  sends SYNs: the server must not answer until SECONDS after T (time.time()), and must
                             answer the first SYN after that"""

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


async def first_fault(jobs):
    """Awaits all jobs. Returns the first fault, or None."""
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


def restored(wire, known):
    """Returns the connection that `fill` has written."""
    c = Conn(wire, known["v"], known["ts"], known["dport"], known["sport"], known.get("who", 0))
    for k in KNOWN:
        setattr(c, k, known[k])
    c.entered_hi = time.monotonic()
    return c


def read_known(wire, path):
    """Returns the connections in TIME_WAIT, and the connections whose 2*MSL has ended."""
    with open(path, encoding="ascii") as f:
        known = json.load(f)
    return ([restored(wire, k) for k in known if not k.get("gone")],
            [restored(wire, k) for k in known if k.get("gone")])


async def one_fin(c):
    """Checks the ACK of a repeated FIN (RFC 9293 3.10.7.4, eighth step). Conn.next() checks that the TSval is not
    below an earlier one."""
    before = c.dut_ts
    c.repeat_fin()
    s = await c.fin_acked()
    if c.ts and not after(s.tsval, before):
        raise c.wrong(f"TSval {s.tsval}, wanted one above {before}, the last of the first run")
    if c.ts and s.tsecr != c.last_ts:
        raise c.wrong(f"TSecr {s.tsecr}, wanted {c.last_ts}, the TSval of the FIN")
    if s.win << c.wscale != c.W:
        raise c.wrong(f"window {s.win << c.wscale}, wanted {c.W} as in the first run")


async def all_fins(conns):
    """Repeats the FIN of each connection, one a millisecond, so that the interface's queue does not overflow."""
    async def later(i, c):
        await asyncio.sleep(i * 0.001)
        await one_fin(c)
    return verdict(await first_fault(later(i, c) for i, c in enumerate(conns)),
                   f"{len(conns)} repeated FINs are acknowledged as in the first run")


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
    await asyncio.sleep(0.6)  # longer than the rate limit of answers
    await one_fin(c)


async def one_newer(c):
    """A newer incarnation starts above all sequence numbers of the first run."""
    c.send("S", c.R + 100000)
    s = await c.next(3)
    if s is None or s.flags != SYN | ACK or s.ack != c.R + 100001 & M32:
        raise c.wrong(f"wanted SYN,ACK, got {s}")
    if not after(s.seq, c.N) or (c.ts and not after(s.tsval, c.dut_ts) and s.tsval != c.dut_ts):
        raise c.wrong(f"ISN {s.seq} and TSval {s.tsval}, wanted an ISN above {c.N} and a TSval not below {c.dut_ts}")
    c.send("R", c.R + 100001)


async def again(wire, path):
    conns, gone = read_known(wire, path)
    kinds = ("data", "rst", "syn")
    failed = await all_fins(conns[12:])
    if gone:
        failed += verdict(await first_fault(c.gone() for c in gone),
                          f"{len(gone)} entries whose 2*MSL has ended are gone")
    for i, kind in enumerate(kinds):
        failed += verdict(await first_fault(one_duplicate(c, kind) for c in conns[4 * i:4 * i + 4]),
                          f"old duplicates do not end TIME_WAIT: {kind}")
    failed += verdict(await first_fault(one_newer(c) for c in conns[12:16]),
                      "a newer SYN opens with an ISN above the first run's numbers")
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
        f"{unanswered} SYNs without an answer, then {s} at {at - float(start):.3f} s"
    return verdict(fault, f"for {seconds} s no SYN is answered ({unanswered} SYNs), then a SYN is answered")


async def main():
    what, interface, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    wire = Wire(interface, 20)
    await wire.resolve((4,) if what == "quiet" else (4, 6))
    try:
        return await {"fill": fill, "again": again, "quiet": quiet}[what](wire, *args)
    except (Wrong, Stalled) as e:
        return verdict(e, what)


sys.exit(10 if asyncio.run(main()) else 0)

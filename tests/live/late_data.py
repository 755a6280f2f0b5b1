#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/live/late_data.py INTERFACE PORT CONNECTIONS: an HTTP server that sends LATE segments of data after its FIN, on
each of CONNECTIONS connections with a request. Kernel sockets cannot do this. The client must not acknowledge this
data, must not reset, and must end the connection with its own FIN. The address is 10.0.0.50."""

import asyncio
import sys
import traceback

sys.dont_write_bytecode = True  # the tree stays clean

from wire import FIN, M32, OURS, RST, SYN, Conn, Wire, Wrong, after

LATE = 3
ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"


class Served(Conn):
    """A connection that lastack opens."""

    async def next_segment(self):
        """Returns the next segment that is not a repeated SYN."""
        while True:
            s = await self.next(20)
            if s is None or s.flags & RST:
                raise self.wrong(f"wanted a segment, got {s}")
            if not s.flags & SYN:
                return s
            self.send("S.", self.isn, self.N)

    async def to_request_or_fin(self):
        """Reads to the end of the request's head, or to lastack's FIN. Returns whether the FIN has arrived."""
        got = b""
        while not got.endswith(b"\r\n\r\n"):
            s = await self.next_segment()
            if s.seq != self.N:
                continue
            got += s.data
            self.N = self.N + len(s.data) + bool(s.flags & FIN) & M32
            if s.flags & FIN:
                return True
        return False

    async def serve(self):
        """Returns whether the connection had a request: lastack's first connection to each target has none."""
        s = await self.next(20)
        if s is None or s.flags != SYN:
            raise self.wrong(f"wanted a SYN, got {s}")
        self.N, self.snd = s.seq + 1 & M32, self.isn + 1 & M32
        self.send("S.", self.isn, self.N)
        has_request = not await self.to_request_or_fin()
        if has_request:
            self.data(ANSWER)
        self.send("F.", self.snd, self.N)
        self.snd = self.snd + 1 & M32
        if not has_request:
            return False
        for i in range(LATE):
            self.send("P.", self.snd + 4 * i, self.N, b"late")
        while True:
            s = await self.next_segment()
            if after(s.ack, self.snd):
                raise self.wrong(f"the data after the FIN was acknowledged: {s}")
            if s.flags & FIN and s.ack == self.snd:
                self.send(".", self.snd, s.seq + len(s.data) + 1)
                return True


async def run(interface, port, connections):
    wire, served, done, faults = Wire(interface, 1), 0, asyncio.Event(), []
    tasks = []

    async def one(conn):
        nonlocal served
        try:
            had_request = await conn.serve()
            served += had_request
        except Wrong as e:
            faults.append(str(e))
        except Exception:  # a fault of the test itself
            faults.append(traceback.format_exc())
        if faults or served == connections:
            done.set()

    def accept(_, client):
        conn = Served(wire, 4, True, client, sport=port)
        tasks.append(asyncio.create_task(one(conn)))
        return conn
    wire.listeners[OURS[4][0], port] = accept
    await asyncio.wait_for(done.wait(), 50)
    await asyncio.sleep(0.2)  # lastack receives the last ACK
    for fault in faults:
        print(fault)
    return len(faults)


sys.exit(10 if asyncio.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))) else 0)
